/* SPDX-License-Identifier: ISC */
/*
 * Children: the login shell, or the shell with a command, on a pty or on three pipes. The pty is opened with the
 * user's own rights, so it belongs to the user.
 */
#include "cmd/qsshd/session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/sftp_server.h"
#include "base/text.h"

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
qsp_session_child_release(struct qsp_session_channel *ch)
{
	close_fd(&ch->slave);
	close_fd(&ch->master);
}

/* --- pty ------------------------------------------------------------------------------------ */

void
qsp_session_child_window(struct qsp_session_channel *ch, const uint32_t size[4])
{
	struct winsize w = { .ws_col = (unsigned short)size[0],
			     .ws_row = (unsigned short)size[1],
			     .ws_xpixel = (unsigned short)size[2],
			     .ws_ypixel = (unsigned short)size[3] };

	if (ch->master >= 0)
		(void)ioctl(ch->master, TIOCSWINSZ, &w);
}

bool
qsp_session_child_pty(struct qsp_session *s, struct qsp_session_channel *ch,
		      const struct qsp_rpc_pty *m)
{
	const uint32_t size[4] = { m->columns, m->rows, m->width, m->height };

	if (s->no_pty || !s->config.permit_tty || ch->master >= 0 || ch->pid != 0 ||
	    m->term.n >= sizeof(ch->term) || !qsp_session_tty_open(s, ch))
		return false;
	qsp_text_printable(m->term, false, ch->term, sizeof(ch->term));
	qsp_session_modes_apply(ch->slave, m->modes);
	qsp_session_child_window(ch, size);
	return true;
}

/* --- start ---------------------------------------------------------------------------------- */

/* What to run: command, or NULL for a login shell; original is what the client had asked for where
 * another is forced. False for a subsystem that is not there, and for what cannot be a string. */
struct plan {
	char *asked;
	const char *command, *original;
	bool subsystem;
};

static bool
make_plan(struct qsp_session *s, enum qsp_rpc_kind kind, struct qsp_bytes command, struct plan *p)
{
	const struct qsp_qsshd_list *names = &s->config.subsystem;

	memset(p, 0, sizeof(*p));
	if (command.n > 0 && memchr(command.p, 0, command.n) != NULL)
		return false;
	p->asked = strndup(command.n > 0 ? (const char *)command.p : "", command.n);
	if (p->asked == NULL)
		return false;
	if (kind == QSP_RPC_EXEC)
		p->command = p->asked;
	for (size_t i = 0; kind == QSP_RPC_SUBSYSTEM && i < names->n; i++) {
		if (strcmp(names->v[i], p->asked) == 0)
			p->command = s->config.subsystem_command.v[i];
	}
	if (kind == QSP_RPC_SUBSYSTEM && p->command == NULL)
		return false;
	/* what the administrator forces wins over what the key does */
	if (strcasecmp(s->config.force_command.v[0], "none") != 0) {
		p->original = p->command;
		p->command = s->config.force_command.v[0];
	} else if (s->command != NULL) {
		p->original = p->command;
		p->command = s->command;
	}
	/* whatever was asked for: who may only have files has no rc, which would be a command of theirs */
	p->subsystem =
		kind == QSP_RPC_SUBSYSTEM || (p->command != NULL && qsp_sftp_server_is(p->command));
	return true;
}

static bool
make_pipes(int in[2], int out[2], int err[2])
{
	return qsp_spawn_pipe(in, 1) == 0 && qsp_spawn_pipe(out, 0) == 0 &&
	       qsp_spawn_pipe(err, 0) == 0;
}

static int
run_sftp(void *arg)
{
	return qsp_sftp_server_run(arg, STDIN_FILENO, STDOUT_FILENO);
}

/* internal-sftp is part of this program, so that it needs nothing in a chroot. */
static bool
plan_sftp(struct qsp_session *s, const struct plan *p, struct qsp_sftp_server_options *o,
	  struct qsp_spawn *how)
{
	const char *why;

	if (p->command == NULL || !qsp_sftp_server_is(p->command))
		return true;
	*o = (struct qsp_sftp_server_options){ .user = s->user, .home = s->home };
	how->run = run_sftp;
	how->arg = o;
	return qsp_sftp_server_parse(o, p->command, &why);
}

static void
spawn(struct qsp_session *s, struct qsp_session_channel *ch, const struct plan *p,
      struct qsp_spawn *how)
{
	struct qsp_session_env env = { 0 };
	struct qsp_session_begin begin = { s, env.v,
					   ch->master >= 0 && p->command == NULL ? ch : NULL,
					   p->subsystem };
	static struct qsp_sftp_server_options sftp;
	const char *base = strrchr(s->shell, '/');
	char name[300], dash_c[] = "-c";
	char *command = p->command ? strdup(p->command) : NULL;
	char *argv[4] = { name, NULL, NULL, NULL };

	base = base ? base + 1 : s->shell;
	(void)snprintf(name, sizeof(name), "%s%s", p->command ? "" : "-", base);
	if (p->command != NULL) {
		argv[1] = dash_c;
		argv[2] = command;
	}
	if (qsp_session_env_make(s, ch, p->original, &env) && (command || !p->command) &&
	    plan_sftp(s, p, &sftp, how)) {
		how->path = s->shell;
		how->argv = argv;
		how->envp = env.v;
		how->dir = s->home;
		how->fallback = "/";
		how->before = qsp_session_begin;
		how->before_arg = &begin;
		how->own_session = true;
		how->parent_signal = SIGHUP; /* should this process be killed */
		ch->pid = qsp_spawn_start(how);
	}
	if (ch->pid < 0)
		ch->pid = 0;
	if (ch->pid > 0 && ch->master >= 0)
		qsp_session_tty_used(s, ch);
	how->argv = how->envp = NULL; /* they end here */
	how->before_arg = NULL;
	qsp_session_env_free(&env);
	free(command);
}

size_t
qsp_session_child_start(struct qsp_session *s, struct qsp_session_channel *ch,
			enum qsp_rpc_kind kind, struct qsp_bytes command, int fds[3])
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 };
	struct qsp_spawn how = { 0 };
	struct plan p = { 0 };
	size_t n = 0;

	if (ch->pid != 0 || !make_plan(s, kind, command, &p))
		goto out;
	if (ch->master >= 0) {
		how.std[0] = how.std[1] = how.std[2] = ch->slave;
		how.controlling = true;
		spawn(s, ch, &p, &how);
		if (ch->pid != 0 && (fds[0] = dup(ch->master)) >= 0)
			n = 1;
		close_fd(&ch->slave); /* the child's end of it must be the last */
	} else if (make_pipes(in, out, err)) {
		how.std[0] = in[0];
		how.std[1] = out[1];
		how.std[2] = err[1];
		spawn(s, ch, &p, &how);
		if (ch->pid != 0) {
			fds[0] = in[1];
			fds[1] = out[0];
			fds[2] = err[0];
			in[1] = out[0] = err[0] = -1;
			n = 3;
		}
	}
out:
	for (int i = 0; i < 2; i++) {
		close_fd(&in[i]);
		close_fd(&out[i]);
		close_fd(&err[i]);
	}
	free(p.asked);
	return n;
}

/* --- signals and the end -------------------------------------------------------------------- */

/* RFC 4254, 6.10 */
static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "ABRT", SIGABRT }, { "ALRM", SIGALRM }, { "FPE", SIGFPE },   { "HUP", SIGHUP },
	{ "ILL", SIGILL },   { "INT", SIGINT },   { "KILL", SIGKILL }, { "PIPE", SIGPIPE },
	{ "QUIT", SIGQUIT }, { "SEGV", SIGSEGV }, { "TERM", SIGTERM }, { "USR1", SIGUSR1 },
	{ "USR2", SIGUSR2 },
};

bool
qsp_session_child_signal(struct qsp_session_channel *ch, struct qsp_bytes name)
{
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (qsp_bytes_is(name, signals[i].name))
			return ch->pid > 0 && killpg(ch->pid, signals[i].number) == 0;
	}
	return false;
}

void
qsp_session_child_exit(struct qsp_rpc_exit *m, int status)
{
	m->by_signal = WIFSIGNALED(status);
	m->status = m->by_signal ? 0 : (uint32_t)WEXITSTATUS(status);
	m->core = m->by_signal && WCOREDUMP(status);
	m->signal = m->by_signal ? qsp_bytes_str("SIG@openssh.com") : QSP_BYTES_NONE;
	for (size_t i = 0; m->by_signal && i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (signals[i].number == WTERMSIG(status))
			m->signal = qsp_bytes_str(signals[i].name);
	}
}
