/* SPDX-License-Identifier: ISC */
/*
 * A connection that another qssh shares. The master moves the bytes: it has copies of our
 * descriptors. What stays with us is the terminal's mode, signals, and the exit status.
 */
#include "cmd/qssh/qssh.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/client_control.h"
#include "base/text.h"
#include "sys/ipc.h"
#include "sys/local.h"
#include "sys/tty.h"

struct talk {
	struct qsp_qssh *q;
	int fd;
	struct qsp_ipc_message *in;
	uint8_t *out; /* of QSP_IPC_MAX */
	bool has_tty, agreed, refused, ended;
	int status;
};

/* --- messages -------------------------------------------------------------------------------- */

static qsp_err
say(struct talk *t, const struct qsp_client_control *m)
{
	static const int std[3] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	size_t n = QSP_IPC_MAX;
	qsp_err e = qsp_client_control_put(m, t->out, &n);

	return e ? e
		 : qsp_ipc_send_wait(t->fd, qsp_bytes(t->out, n), std,
				     qsp_client_control_fds(m->type));
}

static void
say_size(struct talk *t)
{
	struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_RESIZE,
					.size = qsp_tty_get_size(STDIN_FILENO) };

	if (t->has_tty)
		(void)!say(t, &m);
}

static void
go_raw(struct talk *t)
{
	if (t->has_tty && isatty(STDIN_FILENO))
		(void)!qsp_tty_raw(STDIN_FILENO);
}

static void
suspend(struct talk *t)
{
	const struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_RESUMED };

	qsp_tty_restore();
	kill(getpid(), SIGSTOP);
	go_raw(t);
	(void)!say(t, &m);
	say_size(t);
}

static void
on_message(struct talk *t, const struct qsp_client_control *m)
{
	char text[QSP_CLIENT_CONTROL_TEXT_MAX + 1];

	switch (m->type) {
	case QSP_CLIENT_CONTROL_OK:
		t->agreed = true;
		t->status = (int)m->number;
		break;
	case QSP_CLIENT_CONTROL_REFUSED:
		qsp_text_printable(m->text, false, text, sizeof(text));
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: the master refuses: %s", text);
		t->refused = true;
		break;
	case QSP_CLIENT_CONTROL_STARTED:
		t->has_tty = m->small;
		go_raw(t);
		break;
	case QSP_CLIENT_CONTROL_SAY:
		qsp_text_printable(m->text, true, text, sizeof(text));
		qsp_qssh_say((enum qsp_log_level)m->small, "%s", text);
		break;
	case QSP_CLIENT_CONTROL_SUSPEND: suspend(t); break;
	case QSP_CLIENT_CONTROL_ENDED:
		t->ended = true;
		t->status = (int)(m->number & 255);
		break;
	default: break;
	}
}

/* Takes one message; false where there will be none. */
static bool
hear(struct talk *t)
{
	struct qsp_client_control m;
	qsp_err e = qsp_ipc_recv(t->fd, t->in);

	if (e == QSP_E_ROOM)
		return true;
	if (e)
		return false;
	qsp_ipc_drop(t->in);
	if (qsp_client_control_get(qsp_bytes(t->in->data, t->in->n), &m) != 0) {
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: the master speaks another version");
		return false;
	}
	on_message(t, &m);
	qsp_client_control_wipe(&m);
	return true;
}

/* --- signals --------------------------------------------------------------------------------- */

static const int watched[] = { SIGWINCH, SIGHUP, SIGINT, SIGQUIT, SIGTERM };
#define N_WATCHED (sizeof(watched) / sizeof(watched[0]))
static volatile sig_atomic_t arrived[N_WATCHED];

static void
on_signal(int number)
{
	for (size_t i = 0; i < N_WATCHED; i++)
		if (watched[i] == number)
			arrived[i] = 1;
}

/* Blocks them but while we wait; *before is the mask to wait with. */
static void
watch_signals(sigset_t *before)
{
	sigset_t block;

	sigemptyset(&block);
	for (size_t i = 0; i < N_WATCHED; i++) {
		struct sigaction sa = { .sa_handler = on_signal }, old;

		if (sigaction(watched[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			continue;
		(void)sigaction(watched[i], &sa, NULL);
		sigaddset(&block, watched[i]);
	}
	sigprocmask(SIG_BLOCK, &block, before);
	for (size_t i = 0; i < N_WATCHED; i++)
		sigdelset(before, watched[i]);
}

/* What has arrived goes to the program; false where we end by it. */
static bool
pass_signals(struct talk *t)
{
	for (size_t i = 0; i < N_WATCHED; i++) {
		struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_SIGNAL,
						.number = (uint32_t)watched[i] };

		if (!arrived[i])
			continue;
		arrived[i] = 0;
		if (watched[i] == SIGWINCH) {
			say_size(t);
			continue;
		}
		(void)!say(t, &m);
		qsp_tty_restore();
		qsp_qssh_say(QSP_LOG_VERBOSE, "Killed by signal %d.", watched[i]);
		t->status =
			watched[i] == SIGTERM && t->q->cfg.session_type == QSP_CLIENT_SESSION_NONE
				? 0
				: QSP_QSSH_FAILED;
		t->ended = true;
		return false;
	}
	return true;
}

/* --- requests -------------------------------------------------------------------------------- */

/* Until the master has said yes or no; signals are deadly as they are. */
static bool
wait_answer(struct talk *t)
{
	while (!t->agreed && !t->refused && !t->ended) {
		struct pollfd p = { .fd = t->fd, .events = POLLIN };

		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return false;
		if (!hear(t))
			return false;
	}
	return true;
}

static void
live(struct talk *t)
{
	sigset_t mask;

	watch_signals(&mask);
	while (!t->ended) {
		struct pollfd p = { .fd = t->fd, .events = POLLIN };
		int n = ppoll(&p, 1, NULL, &mask);

		if (!pass_signals(t))
			break;
		if (n > 0 && !hear(t)) {
			qsp_tty_restore();
			qsp_qssh_say(QSP_LOG_ERROR,
				     "qssh: the master of the shared connection to %s has gone: "
				     "output may be missing.",
				     t->q->name);
			t->status = QSP_QSSH_FAILED;
			break;
		}
	}
	qsp_tty_restore();
	if (t->ended && t->has_tty)
		qsp_qssh_say(QSP_LOG_INFO, "Shared connection to %s closed.", t->q->name);
}

/* One forward, asked for or cancelled; what came of it is in t. */
static bool
ask_forward(struct talk *t, bool cancel, char kind, const char *spec)
{
	const struct qsp_client_control m = { .type = cancel ? QSP_CLIENT_CONTROL_CANCEL
							     : QSP_CLIENT_CONTROL_FORWARD,
					      .needs = qsp_qssh_shape_needs(t->q),
					      .small = (uint8_t)kind,
					      .text = qsp_bytes_str(spec) };

	t->agreed = t->refused = false;
	return say(t, &m) == 0 && wait_answer(t);
}

/* The master tells a port that the server chose; of -O, standard output has it for programs. */
static void
tell_port(const struct talk *t, char kind, const char *spec)
{
	struct qsp_client_forward f;
	char to[QSP_CLIENT_FORWARD_TEXT_MAX];

	if (kind != 'R' || qsp_client_forward_parse(kind, spec, &f))
		return;
	if (!f.listen_path && f.listen_port == 0) {
		qsp_qssh_remote_target(&f, to, sizeof(to));
		qsp_qssh_say(t->q->opt.control ? QSP_LOG_VERBOSE : QSP_LOG_INFO,
			     "Allocated port %d for remote forward to %s", t->status, to);
		if (t->q->opt.control)
			printf("%d\n", t->status);
	}
	qsp_client_forward_wipe(&f);
}

/* All of ours, by the master; *n counts those asked for. False: it does not answer. */
static bool
ask_forwards(struct talk *t, bool cancel, size_t *n, size_t *failed)
{
	const struct qsp_client_config *cfg = &t->q->cfg;
	const struct {
		char kind;
		const struct qsp_client_list *list;
	} lists[] = {
		{ 'L', &cfg->local_forward },
		{ 'D', &cfg->dynamic_forward },
		{ 'R', &cfg->remote_forward },
	};

	*n = *failed = 0;
	for (size_t i = 0; i < 3 && cfg->clear_all_forwardings != QSP_CLIENT_YES; i++) {
		for (size_t k = 0; k < lists[i].list->n; k++) {
			const char *spec = lists[i].list->v[k];

			if (!ask_forward(t, cancel, lists[i].kind, spec))
				return false;
			if (t->refused)
				(*failed)++;
			else if (!cancel)
				tell_port(t, lists[i].kind, spec);
			(*n)++;
		}
	}
	t->agreed = t->refused = false;
	return true;
}

/* Before a session; false where the session must not be. */
static bool
run_forwards(struct talk *t)
{
	size_t n, failed;

	if (!ask_forwards(t, false, &n, &failed)) {
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: the master does not answer");
		t->status = QSP_QSSH_FAILED;
		return false;
	}
	t->status = QSP_QSSH_FAILED;
	if (failed == 0 || t->q->cfg.exit_on_forward_failure != QSP_CLIENT_YES)
		return true;
	qsp_qssh_say(QSP_LOG_ERROR, "Error: %zu of %zu forwards failed", failed, n);
	return false;
}

/* -f: the master does the work already; whoever started us need not wait. */
static void
go_background(const struct talk *t)
{
	pid_t pid;

	if (t->q->cfg.fork_after != QSP_CLIENT_YES || t->ended)
		return;
	pid = fork();
	if (pid > 0)
		_exit(0);
	if (pid == 0)
		(void)setsid();
}

/* The program, -W or -N, by the master; false where it refuses. */
static bool
run_session(struct talk *t)
{
	struct qsp_qssh *q = t->q;
	struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_SESSION,
					.needs = qsp_qssh_shape_needs(q),
					.escape = q->cfg.escape_char,
					.stdin_null = q->cfg.stdin_null == QSP_CLIENT_YES };
	qsp_err e = 0;

	if (!run_forwards(t))
		return true; /* with the status of a failure */
	if (q->cfg.session_type == QSP_CLIENT_SESSION_NONE && !q->opt.stdfwd) {
		go_background(t);
		live(t); /* to the master's end, or ours */
		return true;
	}
	if (q->opt.stdfwd) {
		m.type = QSP_CLIENT_CONTROL_STDFWD;
		m.text = qsp_bytes_str(q->opt.stdfwd);
	} else {
		e = qsp_qssh_plan_make(&q->cfg, &m.plan);
	}
	if (!e)
		e = say(t, &m);
	qsp_client_control_wipe(&m);
	if (e || !wait_answer(t)) {
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: the master does not answer");
		return false;
	}
	if (t->refused)
		return false;
	go_background(t);
	live(t);
	return true;
}

/* -O forward and cancel: what to exit with. */
static int
command_forward(struct talk *t, bool cancel)
{
	size_t n, failed;

	if (!ask_forwards(t, cancel, &n, &failed)) {
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: the master does not answer");
		return QSP_QSSH_FAILED;
	}
	if (n == 0)
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: -O %s: which? give -L, -R or -D",
			     t->q->opt.control);
	return n == 0 || failed > 0 ? QSP_QSSH_FAILED : 0;
}

/* -O: what to exit with. */
static int
command(struct talk *t)
{
	static const struct {
		const char *name;
		enum qsp_client_control_type type;
		const char *done;
	} commands[] = {
		{ "check", QSP_CLIENT_CONTROL_CHECK, NULL },
		{ "exit", QSP_CLIENT_CONTROL_EXIT, "Exit request sent." },
		{ "stop", QSP_CLIENT_CONTROL_STOP, "Stop listening request sent." },
	};

	if (strcmp(t->q->opt.control, "forward") == 0 || strcmp(t->q->opt.control, "cancel") == 0)
		return command_forward(t, t->q->opt.control[0] == 'c');
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct qsp_client_control m = { .type = commands[i].type };

		if (strcmp(t->q->opt.control, commands[i].name) != 0)
			continue;
		if (say(t, &m) != 0 || !wait_answer(t)) {
			qsp_qssh_say(QSP_LOG_ERROR, "qssh: the master does not answer");
			return QSP_QSSH_FAILED;
		}
		if (t->refused)
			return QSP_QSSH_FAILED;
		if (commands[i].done)
			qsp_qssh_say(QSP_LOG_INFO, "%s", commands[i].done);
		else
			qsp_qssh_say(QSP_LOG_INFO, "Master running (pid=%d)", t->status);
		return 0;
	}
	return QSP_QSSH_FAILED;
}

/* --- finding the master ---------------------------------------------------------------------- */

/* A socket to it, or -1. */
static int
find_master(struct qsp_qssh *q)
{
	const char *path = q->control_path;
	bool may_be_master = qsp_qssh_control_is_wanted(q);
	struct qsp_bind_name name = { 0, 0 };
	bool is_there = qsp_bind_identify(path, &name);
	int fd;
	qsp_err e = qsp_local_connect(path, &fd);

	if (!e)
		return fd;
	if (q->opt.control) {
		qsp_qssh_say(QSP_LOG_ERROR, "Control socket connect(%s): %s", path,
			     e == QSP_E_ROOM ? "name too long" : strerror(errno));
	} else if (e == QSP_E_CLOSED && may_be_master) {
		qsp_qssh_say(QSP_LOG_DEBUG1, "Stale control socket %s, unlinking", path);
		if (is_there) /* and no other has taken its place since */
			qsp_bind_unlink(path, &name);
	} else if (e == QSP_E_NOTFOUND || e == QSP_E_CLOSED) {
		qsp_qssh_say(QSP_LOG_DEBUG1, "Control socket \"%s\" does not exist", path);
	} else {
		qsp_qssh_say(QSP_LOG_ERROR, "Control socket connect(%s): %s", path,
			     e == QSP_E_ROOM ? "name too long" : strerror(errno));
	}
	return -1;
}

bool
qsp_qssh_control_use(struct qsp_qssh *q, int *status)
{
	struct talk t = { .q = q, .fd = -1, .status = QSP_QSSH_FAILED };
	bool done = q->opt.control != NULL;

	t.in = malloc(sizeof(*t.in));
	t.out = malloc(QSP_IPC_MAX);
	if (t.in && t.out)
		t.fd = find_master(q);
	if (t.fd >= 0) {
		qsp_qssh_say(QSP_LOG_DEBUG1, "Sharing the connection of %s", q->control_path);
		if (q->opt.control)
			t.status = command(&t);
		else
			done = run_session(&t);
		close(t.fd);
	}
	free(t.in);
	free(t.out);
	*status = t.status;
	return done;
}
