/* SPDX-License-Identifier: ISC */
/*
 * Writes at deadlines, from a thread of its own: what else a loop has to do, for whichever
 * connection, does not move them [P8.6]. The bytes are sealed and handed over before; at the
 * deadline there is one send, and nothing else. Never before it; where one follows another within
 * half a millisecond, so much later at most.
 */
#ifndef QSP_SYS_PACER_H
#define QSP_SYS_PACER_H

#include "base/bytes.h"

#include <stdatomic.h>

struct qsp_pacer;

/* As root, of a process that is about to be nobody: its pacers may run in real time all the same,
 * which the caller's thread may do itself until they are there. Returns the policy that it had. */
int qsp_pacer_permit(void);
/* They are there: the caller's thread, and what it starts from now on, has its own policy again. */
void qsp_pacer_permit_no_more(int policy);

/* Starts the thread, which needs clone(2): before a sandbox is closed. QSP_E_NOMEM, QSP_E_IO. */
QSP_MUST_USE qsp_err qsp_pacer_new(struct qsp_pacer **out);
/* After every pace was cancelled. */
void qsp_pacer_free(struct qsp_pacer *p);

/* Nothing is written until it goes on: around a fork, which no thread survives. QSP_E_IO. */
void qsp_pacer_rest(struct qsp_pacer *p);
QSP_MUST_USE qsp_err qsp_pacer_go_on(struct qsp_pacer *p);

/* One write that is to come. Zeroed at first; the caller's, like the bytes, until it is done. */
struct qsp_pace {
	int fd;
	const uint8_t *p;
	size_t n;
	uint64_t at; /* ns of qsp_pacer_clock */
	/* once qsp_pacer_is_done: how many bytes the socket took, 0 where it took none as more than its
	 * TCP_NOTSENT_LOWAT waits in it; else the errno */
	size_t sent;
	int err;
	atomic_int state; /* of pacer.c, as is what follows */
	struct qsp_pace *next;
};

/* Hands it over; QSP_E_STATE where it is under way, QSP_E_NOMEM. */
QSP_MUST_USE qsp_err qsp_pacer_add(struct qsp_pacer *p, struct qsp_pace *w);
/* It will not be written from now on, if it has not been: it is the caller's again. */
void qsp_pacer_cancel(struct qsp_pacer *p, struct qsp_pace *w);
/* False while it is under way. */
bool qsp_pacer_is_done(const struct qsp_pace *w);

/* ns of a clock that does not go back and stands still with the machine. */
uint64_t qsp_pacer_clock(void);

#endif
