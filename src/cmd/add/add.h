/* SPDX-License-Identifier: ISC */
/* The parts of qssh-add. Each act prints for itself and returns the exit status, ssh-add's: 0, 1
 * where something failed, 2 where there is no agent. */
#ifndef QSP_CMD_ADD_H
#define QSP_CMD_ADD_H

#include "app/agent_client.h"
#include "sys/readpass.h"

#define QSP_ADD_NO_AGENT 2

struct qsp_add {
	struct qsp_crypto *cx;
	struct qsp_agent_client *agent;
	uint32_t lifetime;        /* -t */
	bool confirm;             /* -c */
	bool quiet;               /* -q */
	bool verbose;             /* -v */
	struct qsp_readpass pass; /* that opened the key before */
};

/* list.c */
int qsp_add_list(struct qsp_add *a, bool whole);       /* -l, and -L: whole lines */
int qsp_add_test(struct qsp_add *a, const char *path); /* -T */

/* key.c */
int qsp_add_key(struct qsp_add *a, const char *path);    /* "-": standard input */
int qsp_add_remove(struct qsp_add *a, const char *path); /* -d */
int qsp_add_remove_all(struct qsp_add *a);               /* -D */
int qsp_add_lock(struct qsp_add *a, bool lock);          /* -x, -X */

/* share.c */
/* On standard error, unless -q. */
void qsp_add_say(const struct qsp_add *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* On standard error; always 1. */
int qsp_add_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Asks on the terminal, by the program for it, or reads a line of standard input. */
QSP_MUST_USE qsp_err qsp_add_ask(const char *question, struct qsp_readpass *out);
/* The agent says no, or says nothing any more. */
int qsp_add_agent_failed(qsp_err e, const char *what);

#endif
