/* SPDX-License-Identifier: ISC */
/*
 * What happens on an open connection: the program's own session begins; signals reach it; and
 * when nothing is left to stay for, the connection is left.
 */
#include "cmd/qssh/qssh.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

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

static const struct qsp_qssh_session_ops session_ops = { on_started, on_ended, on_leave, on_suspend,
							 on_say };

static qsp_err
open_session(struct qsp_qssh *q)
{
	static const int std[3] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	struct qsp_qssh_session *s = calloc(1, sizeof(*s));
	qsp_err e = QSP_E_NOMEM;

	q->session = s;
	if (s) {
		s->q = q;
		s->ops = &session_ops;
		s->escapes.c = q->cfg.escape_char;
		s->stdin_null = q->cfg.stdin_null == QSP_CLIENT_YES;
		e = qsp_qssh_plan_make(&q->cfg, &s->plan);
		if (!e)
			e = qsp_qssh_session_open(s, std);
	}
	return e;
}

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
	if (q->leaving)
		return;
	q->killed_by = number;
	/* the program over there dies as it would here */
	if (q->session)
		qsp_qssh_session_signal(q->session, number);
	qsp_qssh_contact_leave(q, QSP_QSSH_FAILED);
}

static void
watch_signals(struct qsp_qssh *q)
{
	static const int numbers[] = { SIGWINCH, SIGHUP, SIGINT, SIGQUIT, SIGTERM };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct sigaction old;

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

void
qsp_qssh_program_open(struct qsp_qssh *q)
{
	qsp_err e = 0;

	watch_signals(q);
	qsp_qssh_alive_start(q);
	if (q->opt.stdfwd)
		e = qsp_qssh_stdfwd_open(q);
	else if (q->cfg.session_type != QSP_CLIENT_SESSION_NONE)
		e = open_session(q);
	if (!e)
		return;
	qsp_qssh_say(QSP_LOG_ERROR, "qssh: opening the session: %s", qsp_err_text(e));
	qsp_qssh_contact_leave(q, QSP_QSSH_FAILED);
}

void
qsp_qssh_program_end(struct qsp_qssh *q, int status)
{
	q->ended = true;
	if (!q->leaving)
		q->status = status;
	qsp_qssh_program_settle(q);
}

void
qsp_qssh_program_settle(struct qsp_qssh *q)
{
	if (q->leaving || !q->ended)
		return;
	if (qsp_mux_channels(qsp_qssh_contact_mux(q)) == 0)
		qsp_qssh_contact_leave(q, q->status);
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
