/* SPDX-License-Identifier: ISC */
/*
 * A channel of type "session" (RFC 4254, 6). Requests go on to qsshd-session, and answers come back
 * in order. The end has an order too: every byte that the child wrote before it ended, its exit
 * status, the end of data once nobody can write any more (a background process may), then close.
 */
#include "cmd/qsshd/net.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/log.h"

#define COMMAND_MAX (128 * 1024 - 1) /* what one argument of execve may have */
#define PROHIBITED 1u                /* RFC 4254, 5.1 */
#define UNKNOWN_TYPE 3u
#define SHORTAGE 4u

struct qsp_net_channel *
qsp_net_channel_find(struct qsp_net_conn *c, uint32_t id)
{
	struct qsp_net_channel *ch = c->channels;

	while (ch != NULL && ch->id != id)
		ch = ch->next;
	return ch;
}

/* A failure of a mux call is of our house: the connection cannot go on. */
static void
must(struct qsp_net_conn *c, qsp_err e)
{
	if (e)
		qsp_net_conn_close(c, QSP_REASON_INTERNAL_ERROR, "internal error");
}

static void
tell_close(struct qsp_net_channel *ch)
{
	uint8_t buf[8];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_CLOSE);

	qsp_writer_u32(&w, ch->id);
	qsp_net_session_send(ch->c, &w);
}

void
qsp_net_channel_free(struct qsp_net_channel *ch)
{
	struct qsp_net_channel **p = &ch->c->channels;

	while (*p != ch)
		p = &(*p)->next;
	*p = ch->next;
	ch->c->n_channels--;
	qsp_net_pump_stop(&ch->in);
	qsp_net_pump_stop(&ch->out);
	qsp_net_pump_stop(&ch->err);
	free(ch);
}

/* --- answers in order ----------------------------------------------------------------------- */

static void
flush_replies(struct qsp_net_channel *ch)
{
	struct qsp_mux *m = qsp_drive_mux(ch->c->drive);

	while (ch->n_replies > 0 && ch->reply[ch->reply_at] < 2) {
		must(ch->c, qsp_mux_reply(m, ch->id, ch->reply[ch->reply_at] == 1));
		ch->reply_at = (ch->reply_at + 1) % QSP_NET_REPLIES_MAX;
		ch->n_replies--;
	}
}

static void
owe_reply(struct qsp_net_channel *ch, bool want, uint8_t value)
{
	if (!want)
		return;
	if (ch->n_replies == QSP_NET_REPLIES_MAX) {
		qsp_net_conn_close(ch->c, QSP_REASON_POLICY, "too many requests without an answer");
		return;
	}
	ch->reply[(ch->reply_at + ch->n_replies++) % QSP_NET_REPLIES_MAX] = value;
	flush_replies(ch);
}

void
qsp_net_channel_replied(struct qsp_net_channel *ch, bool ok)
{
	for (unsigned i = 0; i < ch->n_replies; i++) {
		uint8_t *r = &ch->reply[(ch->reply_at + i) % QSP_NET_REPLIES_MAX];

		if (*r == 2) {
			*r = ok;
			break;
		}
	}
	flush_replies(ch);
}

/* --- requests ------------------------------------------------------------------------------- */

static bool
request_pty(struct qsp_net_channel *ch, const struct qsp_mux_event *ev, struct qsp_writer *w)
{
	struct qsp_reader r = qsp_reader_of(ev->body);
	struct qsp_rpc_pty m = { .channel = ch->id, .want = ev->want_reply };

	m.term = qsp_reader_vec32(&r);
	m.columns = qsp_reader_u32(&r);
	m.rows = qsp_reader_u32(&r);
	m.width = qsp_reader_u32(&r);
	m.height = qsp_reader_u32(&r);
	m.modes = qsp_reader_vec32(&r);
	if (qsp_reader_done(&r) || ch->started || ch->is_pty)
		return false;
	ch->is_pty = true;
	qsp_writer_u8(w, QSP_RPC_PTY);
	qsp_rpc_put_pty(w, &m);
	return true;
}

static bool
request_agent(struct qsp_net_channel *ch, const struct qsp_mux_event *ev, struct qsp_writer *w)
{
	if (ev->body.n > 0 || ch->started)
		return false;
	qsp_writer_u8(w, QSP_RPC_AGENT);
	qsp_writer_u32(w, ch->id);
	qsp_writer_u8(w, ev->want_reply);
	return true;
}

static bool
request_env(struct qsp_net_channel *ch, const struct qsp_mux_event *ev, struct qsp_writer *w)
{
	struct qsp_reader r = qsp_reader_of(ev->body);
	struct qsp_bytes name = qsp_reader_vec32(&r), value = qsp_reader_vec32(&r);

	if (qsp_reader_done(&r) || ch->started)
		return false;
	qsp_writer_u8(w, QSP_RPC_ENV);
	qsp_writer_u32(w, ch->id);
	qsp_writer_u8(w, ev->want_reply);
	qsp_writer_vec32(w, name);
	qsp_writer_vec32(w, value);
	return true;
}

static bool
request_start(struct qsp_net_channel *ch, const struct qsp_mux_event *ev, struct qsp_writer *w)
{
	struct qsp_reader r = qsp_reader_of(ev->body);
	struct qsp_bytes command = QSP_BYTES_NONE;
	enum qsp_rpc_kind kind = QSP_RPC_SHELL;

	if (!qsp_bytes_is(ev->name, "shell")) {
		kind = qsp_bytes_is(ev->name, "exec") ? QSP_RPC_EXEC : QSP_RPC_SUBSYSTEM;
		command = qsp_reader_vec32(&r);
	}
	if (qsp_reader_done(&r) || ch->started || command.n > COMMAND_MAX)
		return false;
	ch->started = true;
	qsp_writer_u8(w, QSP_RPC_START);
	qsp_writer_u32(w, ch->id);
	qsp_writer_u8(w, ev->want_reply);
	qsp_writer_u8(w, (uint8_t)kind);
	qsp_writer_vec32(w, command);
	return true;
}

static bool
request_window(struct qsp_net_channel *ch, const struct qsp_mux_event *ev, struct qsp_writer *w)
{
	if (ev->body.n != 16 || !ch->is_pty)
		return false;
	qsp_writer_u8(w, QSP_RPC_WINDOW);
	qsp_writer_u32(w, ch->id);
	qsp_writer_put(w, ev->body);
	return true;
}

static bool
request_signal(struct qsp_net_channel *ch, const struct qsp_mux_event *ev, struct qsp_writer *w)
{
	struct qsp_reader r = qsp_reader_of(ev->body);
	struct qsp_bytes name = qsp_reader_vec32(&r);

	if (qsp_reader_done(&r) || !ch->started || name.n > 16)
		return false;
	qsp_writer_u8(w, QSP_RPC_SIGNAL);
	qsp_writer_u32(w, ch->id);
	qsp_writer_vec32(w, name);
	return true;
}

static void
on_request(struct qsp_net_channel *ch, const struct qsp_mux_event *ev)
{
	static const struct {
		const char *name;
		bool (*on)(struct qsp_net_channel *ch, const struct qsp_mux_event *ev,
			   struct qsp_writer *w);
		bool answered; /* by the session; else at once */
	} requests[] = {
		{ "pty-req", request_pty, true },
		{ "env", request_env, true },
		{ "shell", request_start, true },
		{ "exec", request_start, true },
		{ "subsystem", request_start, true },
		{ "window-change", request_window, false },
		{ "signal", request_signal, false },
		{ "auth-agent-req@openssh.com", request_agent, true },
	};
	uint8_t *buf;
	struct qsp_writer w;
	bool ok;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (!qsp_bytes_is(ev->name, requests[i].name))
			continue;
		buf = malloc(QSP_IPC_MAX);
		w = qsp_writer_of(buf, buf ? QSP_IPC_MAX : 0);
		ok = buf && requests[i].on(ch, ev, &w) && qsp_writer_done(&w) == 0 &&
		     ch->c->session_asked;
		if (ok)
			qsp_net_session_send(ch->c, &w);
		owe_reply(ch, ev->want_reply, !ok ? 0 : requests[i].answered ? 2 : 1);
		free(buf);
		return;
	}
	owe_reply(ch, ev->want_reply, 0);
}

/* --- the child ------------------------------------------------------------------------------ */

void
qsp_net_channel_started(struct qsp_net_channel *ch, bool ok, struct qsp_ipc_message *m)
{
	int fd = qsp_ipc_take(m, 0), copy;

	if (!ok || fd < 0 || ch->running || ch->closed || (m->n_fds != 1 && m->n_fds != 3)) {
		if (fd >= 0)
			close(fd);
		if (!ch->running)
			ch->started = false; /* the client may ask for something else */
		return;
	}
	ch->running = true;
	if (m->n_fds == 1) { /* a pty: one description, two descriptors to poll */
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (copy < 0) {
			close(fd);
			must(ch->c, QSP_E_IO);
			return;
		}
		qsp_net_pump_start(ch, &ch->in, fd, 0);
		qsp_net_pump_start(ch, &ch->out, copy, 0);
		ch->err.eof = true;
	} else {
		qsp_net_pump_start(ch, &ch->in, fd, 0);
		qsp_net_pump_start(ch, &ch->out, qsp_ipc_take(m, 1), 0);
		qsp_net_pump_start(ch, &ch->err, qsp_ipc_take(m, 2), QSP_MUX_STDERR);
	}
	if (ch->peer_eof)
		qsp_net_pump_finish(&ch->in);
	qsp_net_pump_read(&ch->out);
	qsp_net_pump_read(&ch->err);
}

void
qsp_net_channel_exited(struct qsp_net_channel *ch, const struct qsp_rpc_exit *m)
{
	if (!ch->running || ch->exited)
		return;
	ch->exited = true;
	ch->by_signal = m->by_signal;
	ch->core = m->core;
	ch->status = m->status;
	qsp_text_printable(m->signal, false, ch->signal, sizeof(ch->signal));
	qsp_net_pump_read(&ch->out);
	qsp_net_pump_read(&ch->err);
	qsp_net_channel_settle(ch);
}

void
qsp_net_channel_orphaned(struct qsp_net_channel *ch)
{
	static const struct qsp_rpc_exit killed = { .by_signal = true,
						    .signal = { (const uint8_t *)"KILL", 4 } };

	while (ch->n_replies > 0 && !ch->c->doomed) {
		ch->reply[ch->reply_at] = 0;
		flush_replies(ch);
	}
	if (!ch->running) {
		/* it never began: only the close is left */
		ch->running = ch->exited = ch->told_exit = true;
	} else {
		qsp_net_channel_exited(ch, &killed);
	}
	qsp_net_pump_stop(&ch->in);
	qsp_net_pump_stop(&ch->out);
	qsp_net_pump_stop(&ch->err);
	qsp_net_channel_settle(ch);
}

/* RFC 4254, 6.10 */
static void
tell_exit(struct qsp_net_channel *ch)
{
	struct qsp_mux *m = qsp_drive_mux(ch->c->drive);
	uint8_t buf[64];
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));

	ch->told_exit = true;
	if (ch->by_signal) {
		qsp_writer_vec32(&w, qsp_bytes_str(ch->signal));
		qsp_writer_u8(&w, ch->core);
		qsp_writer_u32(&w, 0); /* no text */
		qsp_writer_u32(&w, 0); /* in no language */
	} else {
		qsp_writer_u32(&w, ch->status);
	}
	must(ch->c, qsp_mux_request(m, ch->id, ch->by_signal ? "exit-signal" : "exit-status", false,
				    qsp_writer_bytes(&w)));
}

void
qsp_net_channel_settle(struct qsp_net_channel *ch)
{
	struct qsp_mux *m = qsp_drive_mux(ch->c->drive);

	if (!ch->running || ch->closed || ch->c->doomed)
		return;
	if (ch->exited && !ch->told_exit && (ch->out.eof || ch->out.drained) &&
	    (ch->err.eof || ch->err.drained))
		tell_exit(ch);
	if (!ch->out.eof || !ch->err.eof)
		return;
	if (!ch->told_eof) {
		ch->told_eof = true;
		must(ch->c, qsp_mux_eof(m, ch->id));
	}
	if (ch->told_exit) {
		ch->closed = true;
		qsp_net_pump_stop(&ch->in);
		must(ch->c, qsp_mux_close(m, ch->id));
		tell_close(ch);
	}
}

/* --- events --------------------------------------------------------------------------------- */

static void
on_close(struct qsp_net_channel *ch)
{
	ch->peer_closed = true;
	if (!ch->closed) {
		ch->closed = true;
		must(ch->c, qsp_mux_close(qsp_drive_mux(ch->c->drive), ch->id));
		tell_close(ch);
	}
	qsp_net_channel_free(ch);
}

static void
on_event(struct qsp_net_end *end, const struct qsp_mux_event *ev)
{
	struct qsp_net_channel *ch = (struct qsp_net_channel *)end;
	struct qsp_net_conn *c = ch->c;
	struct qsp_mux *m = qsp_drive_mux(c->drive);

	switch (ev->type) {
	case QSP_MUX_DATA:
		if (ev->code == 0)
			qsp_net_pump_write(&ch->in, ev->body);
		else /* a client has no stderr for us */
			must(c, qsp_mux_consumed(m, uv_now(&c->w->loop), ev->channel, ev->body.n));
		break;
	case QSP_MUX_WINDOW:
		qsp_turns_window(&c->turns, &ch->out.turn, m);
		qsp_turns_window(&c->turns, &ch->err.turn, m);
		break;
	case QSP_MUX_EOF:
		ch->peer_eof = true;
		if (ch->running)
			qsp_net_pump_finish(&ch->in);
		break;
	case QSP_MUX_REQUEST: on_request(ch, ev); break;
	case QSP_MUX_CLOSE: on_close(ch); break;
	default: break;
	}
}

static void
on_open(struct qsp_net_conn *c, const struct qsp_mux_event *ev)
{
	struct qsp_mux *m = qsp_drive_mux(c->drive);
	unsigned max = c->limits.max_sessions;
	struct qsp_net_channel *ch = NULL;
	uint32_t code = 0;
	const char *why = NULL;

	if (qsp_net_forward_open(c, ev))
		return;
	if (!qsp_bytes_is(ev->name, "session")) {
		code = UNKNOWN_TYPE;
		why = "unknown channel type";
	} else if (ev->body.n != 0 || max == 0) {
		code = PROHIBITED;
		why = "no sessions are allowed";
	} else if (c->n_channels < max) {
		ch = calloc(1, sizeof(*ch));
	}
	if (code == 0 && ch == NULL) {
		code = SHORTAGE;
		why = "no more sessions";
	}
	if (ch == NULL) {
		must(c, qsp_mux_refuse(m, ev->channel, code, why));
		return;
	}
	ch->end.event = on_event;
	ch->c = c;
	ch->id = ev->channel;
	ch->in.ch = ch->out.ch = ch->err.ch = ch;
	ch->in.fd = ch->out.fd = ch->err.fd = -1;
	ch->next = c->channels;
	c->channels = ch;
	c->n_channels++;
	qsp_net_session_want(c);
	must(c, qsp_mux_accept(m, ev->channel, ch));
}

void
qsp_net_channel_event(struct qsp_net_conn *c, const struct qsp_mux_event *ev)
{
	struct qsp_net_end *end = ev->user;

	if (ev->type == QSP_MUX_OPEN)
		on_open(c, ev);
	else if (ev->type == QSP_MUX_GLOBAL)
		qsp_net_global_request(c, ev);
	else if (end != NULL)
		end->event(end, ev);
	qsp_drive_kick(c->drive);
}
