/* SPDX-License-Identifier: ISC */
/*
 * The session's channel, from its opening to the exit status; signals, and signs of life.
 */
#include "cmd/qssh/qssh.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/reader.h"
#include "base/text.h"
#include "base/writer.h"
#include "sys/tty.h"

#define LEAVE_MS 2000

static const struct {
	int number;
	const char *name; /* RFC 4254, 6.10 */
} signals[] = {
	{ SIGHUP, "HUP" },
	{ SIGINT, "INT" },
	{ SIGQUIT, "QUIT" },
	{ SIGTERM, "TERM" },
};

/* --- leaving -------------------------------------------------------------------------------- */

void
qsp_qssh_session_leave(struct qsp_qssh *q, int status)
{
	if (q->closing)
		return;
	q->closing = true;
	q->status = status;
	qsp_stdio_watch(&q->in, false);
	qsp_tty_restore();
	qsp_drive_close(q->drive, QSP_REASON_NORMAL, "", LEAVE_MS);
}

void
qsp_qssh_session_settle(struct qsp_qssh *q)
{
	if (q->channel_closed && !q->closing && qsp_qssh_pump_is_dry(q))
		qsp_qssh_session_leave(q, q->got_status ? q->status : QSP_QSSH_FAILED);
}

static void
on_signal(uv_signal_t *h, int number)
{
	struct qsp_qssh *q = h->data;
	uint8_t room[16];
	struct qsp_writer w = qsp_writer_of(room, sizeof(room));

	if (number == SIGWINCH) {
		qsp_qssh_session_resize(q);
		return;
	}
	if (q->closing)
		return;
	q->killed_by = number;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (signals[i].number == number)
			qsp_writer_vec32(&w, qsp_bytes_str(signals[i].name));
	/* the program over there dies as it would here */
	if (q->started && !q->channel_closed)
		(void)!qsp_mux_request(qsp_drive_mux(q->drive), q->channel, "signal", false,
				       qsp_writer_bytes(&w));
	qsp_qssh_session_leave(q, QSP_QSSH_FAILED);
}

void
qsp_qssh_session_resize(struct qsp_qssh *q)
{
	struct qsp_tty_size size = qsp_tty_get_size(STDIN_FILENO);
	uint8_t room[16];
	struct qsp_writer w = qsp_writer_of(room, sizeof(room));

	if (!q->has_tty || q->channel_closed || q->closing)
		return;
	qsp_writer_u32(&w, size.columns);
	qsp_writer_u32(&w, size.rows);
	qsp_writer_u32(&w, size.width_px);
	qsp_writer_u32(&w, size.height_px);
	(void)!qsp_mux_request(qsp_drive_mux(q->drive), q->channel, "window-change", false,
			       qsp_writer_bytes(&w));
	qsp_drive_kick(q->drive);
}

/* --- signs of life -------------------------------------------------------------------------- */

static void
on_alive(uv_timer_t *h)
{
	struct qsp_qssh *q = h->data;
	struct qsp_conn *c = qsp_drive_conn(q->drive);
	struct qsp_conn_info info;

	if (q->closing)
		return;
	qsp_conn_get_info(c, &info);
	if (info.cells_received != q->alive_seen)
		q->alive_missed = 0;
	q->alive_seen = info.cells_received;
	if (q->alive_missed++ >= q->cfg.alive_count) {
		qsp_tty_restore();
		qsp_qssh_say(QSP_LOG_INFO, "Timeout, server %s not responding.", q->name);
		qsp_qssh_session_leave(q, QSP_QSSH_FAILED);
		return;
	}
	(void)!qsp_conn_ping(c, q->alive_seen);
	qsp_drive_kick(q->drive);
}

/* --- opening -------------------------------------------------------------------------------- */

static bool
wants_tty(const struct qsp_qssh *q)
{
	bool tty = isatty(STDIN_FILENO);

	switch (q->cfg.request_tty) {
	case QSP_CLIENT_FORCE: return true;
	case QSP_CLIENT_YES:
		if (!tty)
			qsp_qssh_say(QSP_LOG_INFO, "Pseudo-terminal will not be allocated because "
						   "stdin is not a terminal.");
		return tty;
	case QSP_CLIENT_NO: return false;
	default: return tty && !q->cfg.remote_command;
	}
}

static void
start_watching(struct qsp_qssh *q)
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
	if (q->cfg.alive_interval > 0) {
		uint64_t ms = (uint64_t)q->cfg.alive_interval * 1000;

		uv_timer_start(&q->alive, on_alive, ms, ms);
	}
}

static void
give_up(struct qsp_qssh *q, const char *what, qsp_err e)
{
	qsp_qssh_say(QSP_LOG_ERROR, "qssh: %s: %s", what, qsp_err_text(e));
	qsp_qssh_session_leave(q, QSP_QSSH_FAILED);
}

void
qsp_qssh_session_open(struct qsp_qssh *q)
{
	qsp_err e;

	if (q->stage == QSP_QSSH_SESSION)
		return;
	q->stage = QSP_QSSH_SESSION;
	q->alive.data = q;
	start_watching(q);
	if (q->cfg.session_type == QSP_CLIENT_SESSION_NONE)
		return;
	q->want_tty = wants_tty(q);
	e = qsp_qssh_pump_start(q);
	if (!e)
		e = qsp_mux_open(qsp_drive_mux(q->drive), "session", QSP_BYTES_NONE, NULL,
				 &q->channel);
	if (e) {
		give_up(q, "opening the session", e);
		return;
	}
	q->has_channel = true;
	qsp_drive_kick(q->drive);
}

/* --- events --------------------------------------------------------------------------------- */

/* Answers to what request.c asked: the pty's first, the program's last. */
static void
on_reply(struct qsp_qssh *q, bool success)
{
	if (q->replies == 0)
		return;
	if (--q->replies > 0) {
		q->has_tty = success;
		if (!success)
			qsp_qssh_say(QSP_LOG_ERROR, "PTY allocation request failed on channel %u",
				     (unsigned)q->channel);
		return;
	}
	if (!success) {
		qsp_qssh_say(QSP_LOG_ERROR, "%s request failed on channel %u",
			     !q->cfg.remote_command                        ? "shell"
			     : q->cfg.session_type == QSP_CLIENT_SUBSYSTEM ? "subsystem"
									   : "exec",
			     (unsigned)q->channel);
		qsp_qssh_session_leave(q, QSP_QSSH_FAILED);
		return;
	}
	if (q->has_tty && isatty(STDIN_FILENO) && qsp_tty_raw(STDIN_FILENO) == 0)
		q->raw = true;
	qsp_qssh_pump_start_input(q);
}

static void
on_exit_signal(struct qsp_qssh *q, struct qsp_bytes body)
{
	struct qsp_reader r = qsp_reader_of(body);
	struct qsp_bytes name = qsp_reader_vec32(&r);
	bool core = qsp_reader_u8(&r) != 0;
	char text[32];

	qsp_text_printable(name, false, text, sizeof(text));
	q->got_status = true;
	q->status = QSP_QSSH_FAILED;
	qsp_tty_restore();
	qsp_qssh_say(QSP_LOG_INFO, "The remote program was killed by signal %s%s.", text,
		     core ? " (core dumped)" : "");
}

static void
on_request(struct qsp_qssh *q, const struct qsp_mux_event *ev)
{
	struct qsp_reader r = qsp_reader_of(ev->body);

	if (ev->channel == q->channel && qsp_bytes_is(ev->name, "exit-status")) {
		uint32_t status = qsp_reader_u32(&r);

		if (qsp_reader_done(&r) == 0) {
			q->got_status = true;
			q->status = (int)(status & 255);
		}
	} else if (ev->channel == q->channel && qsp_bytes_is(ev->name, "exit-signal")) {
		on_exit_signal(q, ev->body);
	}
	if (ev->want_reply) /* keepalive@openssh.com is answered by any answer */
		(void)!qsp_mux_reply(qsp_drive_mux(q->drive), ev->channel, false);
}

static void
on_open_failed(struct qsp_qssh *q, const struct qsp_mux_event *ev)
{
	char text[256];

	qsp_text_printable(ev->body, false, text, sizeof(text));
	qsp_qssh_say(QSP_LOG_ERROR, "channel %u: open failed: %s", (unsigned)ev->channel,
		     text[0] ? text : "refused by the server");
	q->channel_closed = true;
	qsp_qssh_session_leave(q, QSP_QSSH_FAILED);
}

void
qsp_qssh_session_event(struct qsp_qssh *q, const struct qsp_mux_event *ev)
{
	struct qsp_mux *m = qsp_drive_mux(q->drive);
	qsp_err e;

	switch (ev->type) {
	case QSP_MUX_OPENED:
		e = qsp_qssh_request_all(q);
		if (e)
			give_up(q, "asking for the session", e);
		break;
	case QSP_MUX_OPEN_FAILED: on_open_failed(q, ev); break;
	case QSP_MUX_OPEN:
		/* nothing was offered that the server could open */
		(void)!qsp_mux_refuse(m, ev->channel, 1, "not offered");
		break;
	case QSP_MUX_DATA: qsp_qssh_pump_output(q, ev); break;
	case QSP_MUX_WINDOW: qsp_qssh_pump_input(q); break;
	case QSP_MUX_REQUEST: on_request(q, ev); break;
	case QSP_MUX_REPLY: on_reply(q, ev->success); break;
	case QSP_MUX_GLOBAL:
		if (ev->want_reply)
			(void)!qsp_mux_global_reply(m, false, QSP_BYTES_NONE);
		break;
	case QSP_MUX_CLOSE:
		(void)!qsp_mux_close(m, q->channel);
		q->channel_closed = true;
		qsp_qssh_session_settle(q);
		break;
	default: break; /* EOF of the host's output needs nothing; CLOSE will follow */
	}
}

void
qsp_qssh_session_cleanup(struct qsp_qssh *q)
{
	qsp_tty_restore();
	qsp_qssh_pump_stop(q);
	for (size_t i = 0; i < q->n_signals; i++)
		uv_close((uv_handle_t *)&q->signals[i], NULL);
	q->n_signals = 0;
}
