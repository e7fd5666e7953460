/* SPDX-License-Identifier: ISC */
/*
 * A session, from the opening of its channel to the exit status with all output written.
 */
#include "cmd/qssh/qssh.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "base/text.h"
#include "base/writer.h"

#define CTRL_D 4

static const struct {
	int number;
	const char *name; /* RFC 4254, 6.10 */
} signals[] = {
	{ SIGHUP, "HUP" },   { SIGINT, "INT" },   { SIGQUIT, "QUIT" },
	{ SIGTERM, "TERM" }, { SIGPIPE, "PIPE" },
};

void
qsp_qssh_session_say(struct qsp_qssh_session *s, enum qsp_log_level level, const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	s->ops->say(s, level, line);
}

/* --- the end --------------------------------------------------------------------------------- */

static void
give_tty_up(struct qsp_qssh_session *s)
{
	if (!s->shaped)
		return;
	s->shaped = false;
	qsp_qssh_shape_tty(s->q, false);
}

/* Over once the channel is down and what came has been written. */
static void
settle(struct qsp_qssh_session *s)
{
	if (!s->ch.up)
		give_tty_up(s);
	if (s->ch.up || s->ended || !qsp_qssh_pump_is_dry(&s->pump))
		return;
	s->ended = true;
	qsp_qssh_pump_finish(&s->pump);
	s->ops->ended(s);
}

static void
fail(struct qsp_qssh_session *s)
{
	s->status = QSP_QSSH_FAILED;
	s->got_status = true;
	qsp_qssh_pump_finish(&s->pump);
	qsp_qssh_channel_close(&s->ch);
}

void
qsp_qssh_session_signal(struct qsp_qssh_session *s, int number)
{
	uint8_t room[16];
	struct qsp_writer w = qsp_writer_of(room, sizeof(room));

	if (!s->started)
		return;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (signals[i].number == number)
			qsp_writer_vec32(&w, qsp_bytes_str(signals[i].name));
	if (qsp_writer_bytes(&w).n)
		qsp_qssh_channel_request(&s->ch, "signal", false, qsp_writer_bytes(&w));
}

void
qsp_qssh_session_resize(struct qsp_qssh_session *s, struct qsp_tty_size size)
{
	uint8_t room[16];
	struct qsp_writer w = qsp_writer_of(room, sizeof(room));

	if (!s->has_tty)
		return;
	qsp_writer_u32(&w, size.columns);
	qsp_writer_u32(&w, size.rows);
	qsp_writer_u32(&w, size.width_px);
	qsp_writer_u32(&w, size.height_px);
	qsp_qssh_channel_request(&s->ch, "window-change", false, qsp_writer_bytes(&w));
}

void
qsp_qssh_session_abandon(struct qsp_qssh_session *s)
{
	size_t room;
	uint8_t *p = s->has_tty ? qsp_qssh_channel_begin(&s->ch, 0, &room) : NULL;

	if (p) { /* the end of input, as a terminal has it */
		*p = CTRL_D;
		qsp_qssh_channel_commit(&s->ch, 1);
	}
	qsp_qssh_pump_finish(&s->pump);
	qsp_qssh_channel_eof(&s->ch);
}

/* --- the pump -------------------------------------------------------------------------------- */

static size_t
on_typed(void *arg, const uint8_t *in, size_t n, uint8_t *out)
{
	return qsp_qssh_escapes_take(arg, in, n, out);
}

static void
on_dry(void *arg)
{
	settle(arg);
}

/* Nobody reads our output any more: the program over there learns it as it would here. */
static void
on_broken(void *arg)
{
	struct qsp_qssh_session *s = arg;

	qsp_qssh_session_signal(s, SIGPIPE);
	fail(s);
}

static const struct qsp_qssh_pump_ops pump_ops = { on_typed, on_dry, on_broken };

/* --- events ---------------------------------------------------------------------------------- */

/* Answers to what request.c asked: the pty's first, the program's last. */
static void
on_reply(struct qsp_qssh_session *s, bool success)
{
	static const char *const names[] = { "shell", "exec", "subsystem" };

	if (s->replies == 0)
		return;
	if (--s->replies > 0) {
		s->has_tty = success;
		s->shaped = success;
		if (success)
			qsp_qssh_shape_tty(s->q, true);
		else
			qsp_qssh_session_say(s, QSP_LOG_ERROR,
					     "PTY allocation request failed on channel %u",
					     (unsigned)s->ch.id);
		return;
	}
	if (!success) {
		qsp_qssh_session_say(s, QSP_LOG_ERROR, "%s request failed on channel %u",
				     names[s->plan.what], (unsigned)s->ch.id);
		fail(s);
		return;
	}
	s->started = true;
	s->ops->started(s);
	s->pump.typed = s->has_tty && s->escapes.c != QSP_CLIENT_NO_ESCAPE;
	if (!s->pump.started)
		qsp_qssh_pump_start(&s->pump, s->stdin_null);
}

/* What a subsystem is told goes along with the wish for it: SFTP need not wait for the answer. */
static void
begin(struct qsp_qssh_session *s)
{
	qsp_qssh_request_all(s);
	if (s->plan.what == QSP_CLIENT_SUBSYSTEM_NAME && !s->plan.tty && !s->stdin_null)
		qsp_qssh_pump_start(&s->pump, false);
}

static void
on_exit_signal(struct qsp_qssh_session *s, struct qsp_bytes body)
{
	struct qsp_reader r = qsp_reader_of(body);
	struct qsp_bytes name = qsp_reader_vec32(&r);
	bool core = qsp_reader_u8(&r) != 0;
	char text[32];

	qsp_text_printable(name, false, text, sizeof(text));
	s->got_status = true;
	s->status = QSP_QSSH_FAILED;
	qsp_qssh_session_say(s, QSP_LOG_INFO, "The remote program was killed by signal %s%s.", text,
			     core ? " (core dumped)" : "");
}

static void
on_request(struct qsp_qssh_session *s, const struct qsp_mux_event *ev)
{
	struct qsp_reader r = qsp_reader_of(ev->body);

	if (qsp_bytes_is(ev->name, "exit-status")) {
		uint32_t status = qsp_reader_u32(&r);

		if (qsp_reader_done(&r) == 0 && !s->got_status) {
			s->got_status = true;
			s->status = (int)(status & 255);
		}
	} else if (qsp_bytes_is(ev->name, "exit-signal")) {
		on_exit_signal(s, ev->body);
	}
	if (ev->want_reply) /* keepalive@openssh.com is answered by any answer */
		qsp_qssh_channel_reply(&s->ch, false);
}

static void
on_event(struct qsp_qssh_channel *ch, const struct qsp_mux_event *ev)
{
	struct qsp_qssh_session *s = (struct qsp_qssh_session *)ch;
	char text[256];

	switch (ev->type) {
	case QSP_MUX_OPENED: begin(s); break;
	case QSP_MUX_OPEN_FAILED:
		qsp_text_printable(ev->body, false, text, sizeof(text));
		s->ops->refused(s, text[0] ? text : "refused by the server");
		settle(s);
		break;
	case QSP_MUX_DATA: qsp_qssh_pump_output(&s->pump, ev->code, ev->body); break;
	case QSP_MUX_REQUEST: on_request(s, ev); break;
	case QSP_MUX_REPLY: on_reply(s, ev->success); break;
	case QSP_MUX_CLOSE: settle(s); break;
	default: break; /* EOF of the host's output needs nothing; CLOSE will follow */
	}
}

static void
on_room(struct qsp_qssh_channel *ch)
{
	qsp_qssh_pump_input(&((struct qsp_qssh_session *)ch)->pump);
}

static void
on_describe(const struct qsp_qssh_channel *ch, char *out, size_t cap)
{
	static const char *const what[] = { "shell", "command", "subsystem" };
	const struct qsp_qssh_session *s = (const struct qsp_qssh_session *)ch;

	snprintf(out, cap, "session: %s%s%s", what[s->plan.what], s->plan.command ? " " : "",
		 s->plan.command ? s->plan.command : "");
}

/* --- beginning ------------------------------------------------------------------------------- */

static const struct qsp_qssh_channel_ops channel_ops = { on_event, on_room, on_describe };

qsp_err
qsp_qssh_session_open(struct qsp_qssh_session *s, const int fd[3])
{
	qsp_err e;

	s->status = QSP_QSSH_FAILED;
	s->pump.ch = &s->ch;
	s->pump.ops = &pump_ops;
	s->pump.arg = s;
	e = qsp_qssh_pump_init(&s->pump, &s->q->loop, fd);
	if (e)
		return e;
	return qsp_qssh_channel_open(s->q, &s->ch, &channel_ops, "session", QSP_BYTES_NONE);
}

void
qsp_qssh_session_cleanup(struct qsp_qssh_session *s)
{
	give_tty_up(s);
	qsp_qssh_channel_drop(&s->ch);
	qsp_qssh_pump_stop(&s->pump);
	qsp_client_plan_wipe(&s->plan);
}
