/* SPDX-License-Identifier: ISC */
/*
 * Questions to the person at the terminal. Where standard input is a terminal the question goes to
 * and the answer comes from /dev/tty; else the answer is the next line of standard input, read
 * byte by byte so that what follows it stays there, and the question goes to standard error.
 */
#ifndef QSP_SYS_READPASS_H
#define QSP_SYS_READPASS_H

#include "base/mem.h"

#define QSP_READPASS_MAX 1023

/* A passphrase: s[0..n) and a NUL. */
struct qsp_readpass {
	size_t n;
	char s[QSP_READPASS_MAX + 1];
};

static inline void
qsp_readpass_wipe(struct qsp_readpass *p)
{
	qsp_mem_wipe(p, sizeof(*p));
}

/*
 * Asks with echo off. The terminal is as before on every way out, signals included: those that
 * end or stop the program take effect after it. QSP_E_IO where there was no answer (end of input, a
 * signal), QSP_E_ROOM where it is too long; then out is zeroed.
 */
QSP_MUST_USE qsp_err qsp_readpass_ask(const char *question, struct qsp_readpass *out);

/* The same with echo, for answers that are no secret. */
QSP_MUST_USE qsp_err qsp_readpass_line(const char *question, char *out, size_t cap);

/* The same on /dev/tty alone: QSP_E_IO where there is no terminal. */
QSP_MUST_USE qsp_err qsp_readpass_terminal(const char *question, bool echo, char *out, size_t cap);

#endif
