/* SPDX-License-Identifier: ISC */
/*
 * What stands before a shell or a command, in the child itself and with its streams: /etc/nologin, the
 * words of greeting, and the rc files, as sshd has them.
 */
#include "cmd/qsshd/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOLOGIN "/etc/nologin"
#define NOLOGIN_STATUS 254
#define USER_RC ".qssh/rc"
#define SYSTEM_RC "/etc/qssh/qsshrc"

/* Copies a file to a descriptor; false where there is none. */
static bool
show(const char *path, int fd)
{
	char buf[4096];
	size_t n;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return false;
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0) {
		if (write(fd, buf, n) != (ssize_t)n)
			break;
	}
	fclose(f);
	return true;
}

bool
qsp_session_begin_look(struct qsp_session *s)
{
	char text[4096];
	FILE *f = fopen(NOLOGIN, "re");

	if (f == NULL)
		return true;
	s->nologin = strndup(text, fread(text, 1, sizeof(text), f));
	fclose(f);
	return s->nologin != NULL;
}

/* Shown on the terminal, or beside the command's output. */
static void
obey_nologin(const struct qsp_session *s)
{
	struct stat st;

	if (s->uid == 0 || (s->nologin == NULL && stat(NOLOGIN, &st) != 0))
		return;
	if (s->nologin != NULL)
		(void)!write(STDERR_FILENO, s->nologin, strlen(s->nologin));
	else
		(void)show(NOLOGIN, STDERR_FILENO);
	_exit(NOLOGIN_STATUS);
}

static void
greet(const struct qsp_session *s, const struct qsp_session_channel *ch, bool at_home)
{
	time_t last = (time_t)ch->last;
	char when[64];
	struct stat st;
	struct tm tm;

	if (at_home && stat(".hushlogin", &st) == 0)
		return;
	if (s->config.print_last_log && ch->last != 0 && localtime_r(&last, &tm) != NULL &&
	    strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", &tm) > 0)
		dprintf(STDOUT_FILENO, "Last login: %s%s%s\n", when, *ch->last_host ? " from " : "",
			ch->last_host);
	if (s->config.print_motd) {
		(void)show("/run/motd.dynamic", STDOUT_FILENO);
		(void)show("/etc/motd", STDOUT_FILENO);
	}
}

/* sh FILE, waited for; through the user's shell where the file is the user's. */
static void
run_rc(const struct qsp_session_begin *b, const char *path, bool by_shell)
{
	char sh[] = "sh", dash_c[] = "-c", line[64], *argv[4] = { sh, line, NULL, NULL };
	pid_t pid;

	(void)snprintf(line, sizeof(line), by_shell ? "/bin/sh %s" : "%s", path);
	if (by_shell) {
		argv[1] = dash_c;
		argv[2] = line;
	}
	pid = fork();
	if (pid == 0) {
		if (freopen("/dev/null", "r", stdin) == NULL)
			_exit(1);
		execve(by_shell ? b->s->shell : "/bin/sh", argv, b->envp);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void
run_rcs(const struct qsp_session_begin *b, bool at_home)
{
	struct stat st;

	if (b->subsystem)
		return;
	if (at_home && b->s->config.permit_user_rc && !b->s->no_user_rc && stat(USER_RC, &st) == 0)
		run_rc(b, USER_RC, true);
	else if (stat(SYSTEM_RC, &st) == 0)
		run_rc(b, SYSTEM_RC, false);
}

void
qsp_session_begin(void *arg)
{
	const struct qsp_session_begin *b = arg;

	bool at_home = chdir(b->s->home) == 0; /* we stand there already, or never will */

	obey_nologin(b->s);
	if (b->greet)
		greet(b->s, b->greet, at_home);
	run_rcs(b, at_home);
}
