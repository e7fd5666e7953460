/* SPDX-License-Identifier: ISC */
/*
 * A whole session while something fails once: handshake, data both ways, a rekey of either kind,
 * a ping, CLOSE. Whatever fails, the side on which it failed either went on as if nothing had been,
 * or ended with an error; nobody stays half open, nobody takes wrong data, and a server that had
 * not answered M1 says nothing.
 */
#ifndef QSP_TESTS_SESSION_H
#define QSP_TESTS_SESSION_H

#include "pair.h"

struct session {
	const char *broken; /* what did not hold, or NULL */
	bool complete;      /* everything was done, down to CLOSE */
	qsp_err made;       /* 0, or why the engines could not be made */
	qsp_err client, server;
};

/* The way in number `i`, for 0 <= i < SESSION_WAYS: every method in both layouts. */
#define SESSION_WAYS 10
struct pair_options session_options(unsigned i);

/* Runs it. To be called by whatever fails: session_failed notes on whose turn that was. */
struct session session_run(const struct pair_options *o);
void session_failed(void);

#endif
