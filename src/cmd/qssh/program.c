/* SPDX-License-Identifier: ISC */
/*
 * What happens on an open connection: the program's own session begins; signals reach it; and
 * when nothing is left to stay for, the connection is left.
 */
#include "cmd/qssh/qssh.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/zip.h"
#include "sys/tty.h"

/* --- the program's own session --------------------------------------------------------------- */

static void
on_started(struct qsp_qssh_session *s)
{
	if (s->has_tty && isatty(STDIN_FILENO))
		(void)!qsp_tty_raw(STDIN_FILENO);
}

static void
on_ended(struct qsp_qssh_session *s)
{
	qsp_tty_restore();
	qsp_qssh_program_end(s->q, s->status);
}

static void
on_refused(struct qsp_qssh_session *s, const char *why)
{
	qsp_qssh_say(QSP_LOG_ERROR, "channel %u: open failed: %s", (unsigned)s->ch.id, why);
}

static void
on_leave(struct qsp_qssh_session *s)
{
	qsp_qssh_contact_leave(s->q, QSP_QSSH_FAILED);
}

static void
on_suspend(struct qsp_qssh_session *s)
{
	qsp_tty_restore();
	kill(getpid(), SIGTSTP);
	/* here again by SIGCONT */
	if (s->has_tty)
		(void)!qsp_tty_raw(STDIN_FILENO);
	uv_update_time(&s->q->loop);
	qsp_qssh_session_resize(s, qsp_tty_get_size(STDIN_FILENO));
}

static void
on_say(struct qsp_qssh_session *s, enum qsp_log_level level, const char *line)
{
	(void)s;
	qsp_qssh_say(level, "%s", line);
}

static void
on_background(struct qsp_qssh_session *s)
{
	s->q->want_background = true; /* no fork amid callbacks */
}

static const struct qsp_qssh_session_ops session_ops = {
	.started = on_started,
	.ended = on_ended,
	.refused = on_refused,
	.leave = on_leave,
	.suspend = on_suspend,
	.background = on_background,
	.say = on_say,
};

static qsp_err
open_session(struct qsp_qssh *q)
{
	struct qsp_qssh_session *s = calloc(1, sizeof(*s));
	qsp_err e;

	q->session = s;
	if (!s)
		return QSP_E_NOMEM;
	s->q = q;
	s->ops = &session_ops;
	s->escapes.c = q->cfg.escape_char;
	s->stdin_null = q->cfg.stdin_null == QSP_CLIENT_YES;
	e = qsp_qssh_plan_make(&q->cfg, &s->plan);
	return e ? e : qsp_qssh_session_open(s, q->std);
}

/* --- -W -------------------------------------------------------------------------------------- */

static void
on_stdfwd_started(void *owner)
{
	(void)owner;
}

static void
on_stdfwd_refused(void *owner, const char *why)
{
	(void)owner;
	qsp_qssh_say(QSP_LOG_ERROR, "open failed: %s", why);
	qsp_qssh_say(QSP_LOG_ERROR, "stdio forwarding failed");
}

static void
on_stdfwd_ended(void *owner, int status)
{
	qsp_qssh_program_end(owner, status);
}

static const struct qsp_qssh_stdfwd_ops stdfwd_ops = { on_stdfwd_started, on_stdfwd_refused,
						       on_stdfwd_ended };

/* --- signals --------------------------------------------------------------------------------- */

static void
on_signal(uv_signal_t *h, int number)
{
	struct qsp_qssh *q = h->data;

	if (number == SIGWINCH) {
		if (q->session)
			qsp_qssh_session_resize(q->session, qsp_tty_get_size(STDIN_FILENO));
		return;
	}
	if (number == QSP_QSSH_RELEASE) {
		qsp_qssh_background_go(q);
		return;
	}
	if (q->leaving)
		return;
	q->dismissed = true;
	/* as with ssh: who keeps a connection for its forwards is told to end by SIGTERM, and has done well */
	if (number == SIGTERM && q->cfg.session_type == QSP_CLIENT_SESSION_NONE) {
		qsp_qssh_contact_leave(q, 0);
		return;
	}
	q->killed_by = number;
	/* the program over there dies as it would here */
	if (q->session)
		qsp_qssh_session_signal(q->session, number);
	qsp_qssh_contact_leave(q, QSP_QSSH_FAILED);
}

static void
watch_signals(struct qsp_qssh *q)
{
	static const int numbers[] = {
		SIGWINCH, SIGHUP, SIGINT, SIGQUIT, SIGTERM, QSP_QSSH_RELEASE
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct sigaction old;

		if (numbers[i] == QSP_QSSH_RELEASE && !q->opt.stdfwd)
			continue;

		/* what a parent ignores (nohup) stays ignored */
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			continue;
		uv_signal_init(&q->loop, &q->signals[q->n_signals]);
		q->signals[q->n_signals].data = q;
		uv_signal_start(&q->signals[q->n_signals], on_signal, numbers[i]);
		q->n_signals++;
	}
}

/* --- all of it ------------------------------------------------------------------------------- */

/*
 * The descriptors of what runs here: copies, for who goes on without a terminal has others on 0, 1
 * and 2 then. What -W ends must be the last, so that its reader sees the end.
 */
static qsp_err
take_std(struct qsp_qssh *q)
{
	bool copy = !q->opt.stdfwd || q->cfg.fork_after == QSP_CLIENT_YES;

	for (int i = 0; i < 3; i++) {
		q->std[i] = copy ? fcntl(i, F_DUPFD_CLOEXEC, 3) : i;
		if (q->std[i] < 0)
			return QSP_E_IO;
	}
	return 0;
}

/* What the user wants of the connection, for itself. */
static void
start(struct qsp_qssh *q)
{
	qsp_err e = take_std(q);

	if (e)
		;
	else if (q->opt.stdfwd)
		e = qsp_qssh_stdfwd_open(q, &stdfwd_ops, q, q->opt.stdfwd, q->std, &q->stdfwd);
	else if (q->cfg.session_type != QSP_CLIENT_SESSION_NONE)
		e = open_session(q);
	if (!e)
		return;
	qsp_qssh_say(QSP_LOG_ERROR, "qssh: opening the session: %s", qsp_err_text(e));
	qsp_qssh_contact_leave(q, QSP_QSSH_FAILED);
}

/* The connection outlives us: a child holds it, and we are its first client. */
static bool
will_persist(const struct qsp_qssh *q)
{
	return qsp_qssh_control_is_wanted(q) && q->cfg.control_persist != QSP_CLIENT_NO_PERSIST;
}

/* --- compression [P7.1] ---------------------------------------------------------------------- */

static void
on_compression(void *arg, bool success, struct qsp_bytes body)
{
	struct qsp_qssh *q = arg;

	(void)body;
	qsp_qssh_say(QSP_LOG_DEBUG1, "Compression: %s", success ? "zstd" : "refused by the host");
	if (success)
		qsp_mux_compress(qsp_qssh_contact_mux(q));
}

static void
ask_compression(struct qsp_qssh *q)
{
	const char *why = NULL;

	if (q->cfg.compression != QSP_CLIENT_YES)
		return;
	if (q->shape.asked.mode != QSP_SHAPE_PLAIN)
		why = "sizes would tell what stealth and padding hide";
	else if (!qsp_zip_codec())
		why = "this version was built without zstd";
	if (why) {
		qsp_qssh_say(QSP_LOG_INFO, "qssh: no compression: %s", why);
		return;
	}
	qsp_mux_understand(qsp_qssh_contact_mux(q), qsp_zip_codec());
	(void)!qsp_qssh_channel_global(q, QSP_ZIP_REQUEST, QSP_BYTES_NONE, on_compression, q);
}

void
qsp_qssh_program_open(struct qsp_qssh *q)
{
	qsp_qssh_agent_close(q); /* others may want its place */
	watch_signals(q);
	qsp_qssh_alive_start(q);
	ask_compression(q);
	qsp_qssh_forward_start(q);
	if (!will_persist(q) && !q->leaving)
		start(q);
}

/* --- once the user is logged in -------------------------------------------------------------- */

/* Shares the connection; true in the process that only uses it, then it has been used. */
static bool
share(struct qsp_qssh *q)
{
	bool persist = will_persist(q), none = q->cfg.session_type == QSP_CLIENT_SESSION_NONE;
	pid_t pid;

	if (!qsp_qssh_control_is_wanted(q))
		return false;
	if (!qsp_qssh_control_listen(q)) {
		if (persist)
			start(q);
		return false;
	}
	if (!persist)
		return false;
	pid = qsp_qssh_background_fork(q, !none || q->opt.stdfwd);
	if (pid < 0) {
		start(q);
		return false;
	}
	if (pid == 0) {
		q->cfg.fork_after = QSP_CLIENT_NO;
		q->persisting = true;
		qsp_qssh_program_settle(q); /* should no client come */
		return false;
	}
	qsp_qssh_control_free(q, true);
	qsp_qssh_contact_forget(q);
	qsp_qssh_forward_free(q, true);
	q->cfg.clear_all_forwardings = QSP_CLIENT_YES; /* the child has them */
	if (!qsp_qssh_control_use(q, &q->status))
		q->status = QSP_QSSH_FAILED;
	return true;
}

static void
run_local_command(struct qsp_qssh *q)
{
	if (q->cfg.permit_local_command == QSP_CLIENT_YES && q->cfg.local_command)
		qsp_qssh_proxy_local_command(q);
}

bool
qsp_qssh_program_establish(struct qsp_qssh *q)
{
	q->established = true;
	run_local_command(q);
	if (share(q))
		return true;
	if (q->cfg.fork_after == QSP_CLIENT_YES && !q->leaving)
		(void)qsp_qssh_background_fork(q, false);
	return false;
}

void
qsp_qssh_program_background(struct qsp_qssh *q)
{
	q->want_background = false;
	qsp_tty_restore();
	if (qsp_qssh_background_fork(q, false) == 0 && q->session)
		qsp_qssh_session_abandon(q->session);
}

/* --- the end --------------------------------------------------------------------------------- */

void
qsp_qssh_program_end(struct qsp_qssh *q, int status)
{
	q->ended = true;
	if (!q->leaving)
		q->status = status;
	qsp_qssh_program_settle(q);
}

static void
on_persisted(uv_timer_t *h)
{
	struct qsp_qssh *q = h->data;

	if (qsp_qssh_control_is_used(q)) /* one of -N is here, and has no channel */
		qsp_qssh_program_settle(q);
	else
		qsp_qssh_program_end(q, 0);
}

void
qsp_qssh_program_settle(struct qsp_qssh *q)
{
	/* a tunnel may outlive its channel: what came is still written; for an agent that does not
	 * answer nobody waits */
	if (q->leaving || q->forwards.tunnels ||
	    qsp_mux_channels(qsp_qssh_contact_mux(q)) != qsp_qssh_agent_offers(q))
		return;
	q->persist.data = q;
	if (q->ended)
		qsp_qssh_contact_leave(q, q->status);
	else if (q->persisting && q->cfg.control_persist > 0)
		uv_timer_start(&q->persist, on_persisted, (uint64_t)q->cfg.control_persist * 1000,
			       0);
}

void
qsp_qssh_program_slept(struct qsp_qssh *q, qsp_time ms)
{
	uint64_t left;

	if (!uv_is_active((uv_handle_t *)&q->persist))
		return;
	left = uv_timer_get_due_in(&q->persist);
	uv_timer_start(&q->persist, on_persisted, left > ms ? left - ms : 0, 0);
}

/* What the program was started for reads and writes through it; or NULL. */
static struct qsp_qssh_pump *
pump_of(struct qsp_qssh *q)
{
	if (q->stdfwd)
		return qsp_qssh_stdfwd_pump(q->stdfwd);
	return q->session ? &q->session->pump : NULL;
}

void
qsp_qssh_program_finish(struct qsp_qssh *q)
{
	struct qsp_qssh_pump *p = pump_of(q);

	if (p)
		qsp_qssh_pump_finish(p);
	qsp_tty_restore();
}

void
qsp_qssh_program_close(struct qsp_qssh *q)
{
	struct qsp_qssh_pump *p = pump_of(q);

	qsp_qssh_channel_end(q);
	qsp_qssh_forward_free(q, false);
	qsp_qssh_control_free(q, false);
	uv_timer_stop(&q->persist);
	while (p && !qsp_qssh_pump_is_dry(p))
		uv_run(&q->loop, UV_RUN_ONCE);
	qsp_tty_restore();
	for (size_t i = 0; i < q->n_signals; i++)
		uv_close((uv_handle_t *)&q->signals[i], NULL);
	q->n_signals = 0;
	qsp_qssh_stdfwd_free(q->stdfwd);
	q->stdfwd = NULL;
	if (q->session)
		qsp_qssh_session_cleanup(q->session);
}
