/* SPDX-License-Identifier: ISC */
/*
 * Who is logged in on which terminal: utmp(5) now, wtmp(5) ever, lastlog(8) last. Files that are not
 * there are not made, and a record that cannot be written is not: a login does not depend on it.
 */
#ifndef QSP_SYS_LOGINREC_H
#define QSP_SYS_LOGINREC_H

#include <qsp/base.h>

#include <sys/types.h>

#define QSP_LOGINREC_HOST_MAX 256

struct qsp_loginrec {
	const char *tty; /* its path */
	const char *user, *host;
	uid_t uid;
	pid_t pid; /* the first process on it */
};

void qsp_loginrec_begin(const struct qsp_loginrec *r);
void qsp_loginrec_end(const char *tty, pid_t pid);

/* When the user last logged in, as seconds since 1970, and from where. False where nobody knows. */
bool qsp_loginrec_last(uid_t uid, int64_t *when, char host[QSP_LOGINREC_HOST_MAX]);

/* Calls f with the path and the process of each terminal that somebody is said to be logged in on. */
void qsp_loginrec_each(void (*f)(void *arg, const char *tty, pid_t pid), void *arg);

#endif
