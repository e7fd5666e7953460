/* SPDX-License-Identifier: ISC */
/* utmpx for what is now, updwtmpx for what was, and the table of lastlog by the user's number. */
#include "sys/loginrec.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <lastlog.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <utmp.h>
#include <utmpx.h>

#define DEV "/dev/"

/* Fields need not end in a NUL. */
static void
put(char *to, size_t cap, const char *from)
{
	size_t n = strnlen(from, cap);

	memset(to, 0, cap);
	memcpy(to, from, n);
}

static const char *
line_of(const char *tty)
{
	return strncmp(tty, DEV, strlen(DEV)) == 0 ? tty + strlen(DEV) : tty;
}

/* The id is the end of the line's name, as sshd and login(1) have it. */
static void
fill(struct utmpx *u, const char *tty, pid_t pid)
{
	const char *line = line_of(tty);
	size_t n = strlen(line);
	struct timeval now;

	memset(u, 0, sizeof(*u));
	put(u->ut_line, sizeof(u->ut_line), line);
	put(u->ut_id, sizeof(u->ut_id), n > sizeof(u->ut_id) ? line + n - sizeof(u->ut_id) : line);
	u->ut_pid = pid;
	gettimeofday(&now, NULL);
	u->ut_tv.tv_sec = (int32_t)now.tv_sec;
	u->ut_tv.tv_usec = (int32_t)now.tv_usec;
}

static void
write_both(const struct utmpx *u)
{
	setutxent();
	(void)pututxline(u);
	endutxent();
	updwtmpx(_PATH_WTMP, u);
}

static void
write_last(const struct qsp_loginrec *r, const struct utmpx *u)
{
	int fd = open(_PATH_LASTLOG, O_WRONLY | O_CLOEXEC);
	struct lastlog l;

	if (fd < 0)
		return;
	memset(&l, 0, sizeof(l));
	l.ll_time = u->ut_tv.tv_sec;
	put(l.ll_line, sizeof(l.ll_line), line_of(r->tty));
	put(l.ll_host, sizeof(l.ll_host), r->host);
	(void)!pwrite(fd, &l, sizeof(l), (off_t)r->uid * (off_t)sizeof(l));
	close(fd);
}

void
qsp_loginrec_begin(const struct qsp_loginrec *r)
{
	struct utmpx u;

	fill(&u, r->tty, r->pid);
	u.ut_type = USER_PROCESS;
	put(u.ut_user, sizeof(u.ut_user), r->user);
	put(u.ut_host, sizeof(u.ut_host), r->host);
	if (inet_pton(AF_INET, r->host, u.ut_addr_v6) != 1)
		(void)inet_pton(AF_INET6, r->host, u.ut_addr_v6);
	write_both(&u);
	write_last(r, &u);
}

void
qsp_loginrec_end(const char *tty, pid_t pid)
{
	struct utmpx u;

	fill(&u, tty, pid);
	u.ut_type = DEAD_PROCESS;
	write_both(&u);
}

bool
qsp_loginrec_last(uid_t uid, int64_t *when, char host[QSP_LOGINREC_HOST_MAX])
{
	int fd = open(_PATH_LASTLOG, O_RDONLY | O_CLOEXEC);
	struct lastlog l;
	bool ok;

	_Static_assert(sizeof(l.ll_host) <= QSP_LOGINREC_HOST_MAX, "a host's name fits");
	if (fd < 0)
		return false;
	ok = pread(fd, &l, sizeof(l), (off_t)uid * (off_t)sizeof(l)) == (ssize_t)sizeof(l) &&
	     l.ll_time != 0;
	close(fd);
	if (ok) {
		*when = (int64_t)(uint32_t)l.ll_time;
		memset(host, 0, QSP_LOGINREC_HOST_MAX);
		memcpy(host, l.ll_host, strnlen(l.ll_host, sizeof(l.ll_host) - 1));
	}
	return ok;
}

void
qsp_loginrec_each(void (*f)(void *arg, const char *tty, pid_t pid), void *arg)
{
	char tty[sizeof(DEV) + sizeof(((struct utmpx *)NULL)->ut_line)];
	const struct utmpx *u;

	setutxent();
	while ((u = getutxent()) != NULL) {
		if (u->ut_type != USER_PROCESS)
			continue;
		(void)snprintf(tty, sizeof(tty), DEV "%.*s",
			       (int)strnlen(u->ut_line, sizeof(u->ut_line)), u->ut_line);
		f(arg, tty, u->ut_pid);
	}
	endutxent();
}
