/* SPDX-License-Identifier: ISC */
/*
 * The Data stream to events [P7, RFC 4254]. Data is passed on as it comes, in pieces; every other
 * message is parsed whole, where it lies if it came whole.
 */
#include "proto/mux.h"
#include "proto/mux_zip.h"

static qsp_err
broken(struct qsp_mux_event *ev)
{
	*ev = (struct qsp_mux_event){ .type = QSP_MUX_NONE };
	return QSP_E_PROTOCOL;
}

static qsp_err
on_open(struct qsp_mux *m, struct qsp_reader *r, struct qsp_mux_event *ev)
{
	struct qsp_mux_channel *ch;
	uint32_t remote, window, packet;
	uint8_t fixed[16] = { 0 };

	ev->name = qsp_reader_vec32(r);
	remote = qsp_reader_u32(r);
	window = qsp_reader_u32(r);
	packet = qsp_reader_u32(r);
	ev->body = qsp_reader_rest(r);
	if (qsp_reader_done(r) != 0)
		return broken(ev);
	ch = qsp_mux_take(m, ev->name, &ev->channel);
	if (!ch) { /* 4: resource shortage */
		qsp_bytes_put32(fixed, remote);
		qsp_bytes_put32(fixed + 4, 4);
		return qsp_mux_say(m, QSP_MUX_CHANNEL_OPEN_FAILURE, QSP_BYTES_OF(fixed),
				   QSP_BYTES_NONE);
	}
	ch->state = QSP_MUX_OFFERED;
	ch->remote = remote;
	ch->may_send = window;
	ch->packet = packet;
	ev->type = QSP_MUX_OPEN;
	return QSP_OK;
}

static qsp_err
on_open_confirmation(struct qsp_mux *m, struct qsp_reader *r, struct qsp_mux_event *ev)
{
	struct qsp_mux_channel *ch;

	ev->channel = qsp_reader_u32(r);
	ch = qsp_mux_find(m, ev->channel, QSP_MUX_ASKED);
	if (!ch)
		return broken(ev);
	ch->remote = qsp_reader_u32(r);
	ch->may_send = qsp_reader_u32(r);
	ch->packet = qsp_reader_u32(r);
	ev->body = qsp_reader_rest(r);
	ev->user = ch->user;
	if (qsp_reader_done(r) != 0)
		return broken(ev);
	ch->state = QSP_MUX_UP;
	ev->type = QSP_MUX_OPENED;
	return QSP_OK;
}

static qsp_err
on_open_failure(struct qsp_mux *m, struct qsp_reader *r, struct qsp_mux_event *ev)
{
	struct qsp_mux_channel *ch;

	ev->channel = qsp_reader_u32(r);
	ch = qsp_mux_find(m, ev->channel, QSP_MUX_ASKED);
	ev->code = qsp_reader_u32(r);
	ev->body = qsp_reader_vec32(r);
	(void)qsp_reader_vec32(r); /* language tag */
	if (!ch || qsp_reader_done(r) != 0)
		return broken(ev);
	ev->user = ch->user;
	ev->type = QSP_MUX_OPEN_FAILED;
	qsp_mux_release(m, ev->channel);
	return QSP_OK;
}

static qsp_err
on_channel(struct qsp_mux *m, uint8_t type, struct qsp_reader *r, struct qsp_mux_event *ev)
{
	struct qsp_mux_channel *ch;
	uint32_t more;

	ev->channel = qsp_reader_u32(r);
	ch = qsp_mux_find(m, ev->channel, QSP_MUX_UP);
	if (!ch || ch->close_got)
		return broken(ev);
	ev->user = ch->user;
	switch (type) {
	case QSP_MUX_CHANNEL_WINDOW_ADJUST:
		more = qsp_reader_u32(r);
		if (more > UINT32_MAX - ch->may_send)
			return broken(ev);
		ch->may_send += more;
		ev->type = ch->close_sent ? QSP_MUX_NONE : QSP_MUX_WINDOW;
		break;
	case QSP_MUX_CHANNEL_EOF:
		if (ch->eof_got)
			return broken(ev);
		ch->eof_got = true;
		ev->type = ch->close_sent ? QSP_MUX_NONE : QSP_MUX_EOF;
		break;
	case QSP_MUX_CHANNEL_CLOSE:
		ch->close_got = true;
		ev->type = QSP_MUX_CLOSE;
		if (ch->close_sent)
			qsp_mux_release(m, ev->channel);
		break;
	case QSP_MUX_CHANNEL_REQUEST:
		ev->name = qsp_reader_vec32(r);
		ev->want_reply = qsp_reader_u8(r) != 0;
		ev->body = qsp_reader_rest(r);
		ev->type = ch->close_sent ? QSP_MUX_NONE : QSP_MUX_REQUEST;
		ch->to_answer += ev->want_reply && !ch->close_sent;
		break;
	case QSP_MUX_CHANNEL_SUCCESS:
	case QSP_MUX_CHANNEL_FAILURE:
		if (ch->to_come == 0)
			return broken(ev);
		ch->to_come--;
		ev->success = type == QSP_MUX_CHANNEL_SUCCESS;
		ev->type = ch->close_sent ? QSP_MUX_NONE : QSP_MUX_REPLY;
		break;
	default: return broken(ev);
	}
	return qsp_reader_done(r) == 0 ? QSP_OK : broken(ev);
}

static qsp_err
on_global(struct qsp_mux *m, uint8_t type, struct qsp_reader *r, struct qsp_mux_event *ev)
{
	if (type == QSP_MUX_GLOBAL_REQUEST) {
		ev->name = qsp_reader_vec32(r);
		ev->want_reply = qsp_reader_u8(r) != 0;
		ev->type = QSP_MUX_GLOBAL;
		m->globals_to_answer += ev->want_reply;
	} else {
		if (m->globals_to_come == 0)
			return broken(ev);
		m->globals_to_come--;
		ev->success = type == QSP_MUX_REQUEST_SUCCESS;
		ev->type = QSP_MUX_GLOBAL_REPLY;
	}
	ev->body = qsp_reader_rest(r);
	return qsp_reader_done(r) == 0 ? QSP_OK : broken(ev);
}

/* A whole message that is not data. */
static qsp_err
on_message(struct qsp_mux *m, struct qsp_bytes msg, struct qsp_mux_event *ev)
{
	struct qsp_reader r = qsp_reader_of(msg);
	uint8_t type = qsp_reader_u8(&r);

	switch (type) {
	case QSP_MUX_GLOBAL_REQUEST:
	case QSP_MUX_REQUEST_SUCCESS:
	case QSP_MUX_REQUEST_FAILURE: return on_global(m, type, &r, ev);
	case QSP_MUX_CHANNEL_OPEN: return on_open(m, &r, ev);
	case QSP_MUX_CHANNEL_OPEN_CONFIRMATION: return on_open_confirmation(m, &r, ev);
	case QSP_MUX_CHANNEL_OPEN_FAILURE: return on_open_failure(m, &r, ev);
	case QSP_MUX_CHANNEL_PACKED: return qsp_mux_zip_on_data(m, &r, ev);
	default: return on_channel(m, type, &r, ev);
	}
}

/* The length of the message whose head is in m->head; 0 for an impossible one. */
static size_t
message_len(const struct qsp_mux *m)
{
	uint32_t n = qsp_bytes_get32(m->head);

	return n > QSP_MUX_MESSAGE_MAX ? 0 : n;
}

/* Bytes of head that must be seen before anything else: up to a data message's own length. */
static size_t
head_need(const struct qsp_mux *m)
{
	if (m->head_have < 5)
		return 5;
	if (m->head[4] == QSP_MUX_CHANNEL_DATA)
		return 13;
	return m->head[4] == QSP_MUX_CHANNEL_EXTENDED_DATA ? 17 : 5;
}

/* The head of a data message is whole: which channel, and how much is to come? */
static qsp_err
begin_data(struct qsp_mux *m)
{
	bool extended = m->head[4] == QSP_MUX_CHANNEL_EXTENDED_DATA;
	size_t fixed = extended ? 13 : 9, n = qsp_bytes_get32(m->head + fixed);
	struct qsp_mux_channel *ch;

	m->channel = qsp_bytes_get32(m->head + 5);
	m->code = extended ? qsp_bytes_get32(m->head + 9) : 0;
	ch = qsp_mux_find(m, m->channel, QSP_MUX_UP);
	if (!ch || ch->close_got || ch->eof_got || message_len(m) != fixed + n ||
	    n > QSP_MUX_PACKET_MAX || n > ch->may_come)
		return QSP_E_PROTOCOL;
	ch->may_come -= (uint32_t)n;
	m->discard = ch->close_sent;
	m->left = n;
	m->in_data = n > 0;
	m->head_have = 0;
	return QSP_OK;
}

static void
next_data(struct qsp_mux *m, struct qsp_bytes *data, struct qsp_mux_event *ev)
{
	size_t n = data->n < m->left ? data->n : m->left;
	struct qsp_mux_channel *ch = qsp_mux_find(m, m->channel, QSP_MUX_UP);

	if (ch && !m->discard && !ch->close_sent) {
		ev->type = QSP_MUX_DATA;
		ev->channel = m->channel;
		ev->code = m->code;
		ev->user = ch->user;
		ev->body = qsp_bytes(data->p, n);
	}
	*data = qsp_bytes_from(*data, n);
	m->left -= n;
	m->in_data = m->left > 0;
}

/* Collects a message that did not come whole; memory grows with what has come. */
static qsp_err
collect(struct qsp_mux *m, struct qsp_bytes *data)
{
	size_t n = m->body_len - m->body_have, cap = m->body_cap ? m->body_cap : 1024;
	uint8_t *bigger;

	if (n > data->n)
		n = data->n;
	while (cap < m->body_have + n)
		cap *= 2;
	if (!m->body || cap > m->body_cap) {
		if ((bigger = qsp_mem_alloc(cap)) == NULL)
			return QSP_E_NOMEM;
		if (m->body && m->body_have > 0)
			memcpy(bigger, m->body, m->body_have);
		qsp_mem_wipe_free(m->body, m->body_cap);
		m->body = bigger;
		m->body_cap = cap;
	}
	if (n > 0)
		memcpy(m->body + m->body_have, data->p, n);
	m->body_have += n;
	*data = qsp_bytes_from(*data, n);
	return QSP_OK;
}

/* The head of the next message, byte for byte; then what it announces. */
static qsp_err
read_head(struct qsp_mux *m, struct qsp_bytes *data, struct qsp_mux_event *ev)
{
	size_t len;

	if (m->head_have == 0 && data->n >= 5) {
		len = qsp_bytes_get32(data->p);
		if (len > 0 && len <= QSP_MUX_MESSAGE_MAX && data->n - 4 >= len &&
		    data->p[4] != QSP_MUX_CHANNEL_DATA &&
		    data->p[4] != QSP_MUX_CHANNEL_EXTENDED_DATA) {
			struct qsp_bytes msg = { data->p + 4, len };

			*data = qsp_bytes_from(*data, 4 + len);
			return on_message(m, msg, ev);
		}
	}
	while (m->head_have < head_need(m) && data->n > 0) {
		m->head[m->head_have++] = data->p[0];
		*data = qsp_bytes_from(*data, 1);
		if (m->head_have == 4 && message_len(m) == 0)
			return QSP_E_PROTOCOL;
	}
	if (m->head_have < head_need(m))
		return QSP_OK;
	if (head_need(m) > 5)
		return begin_data(m);
	m->body_len = message_len(m);
	m->body_have = 0;
	m->head_have = 0;
	return collect(m, &(struct qsp_bytes){ m->head + 4, 1 });
}

qsp_err
qsp_mux_event(struct qsp_mux *m, struct qsp_bytes *data, struct qsp_mux_event *ev)
{
	qsp_err e = QSP_OK;

	*ev = (struct qsp_mux_event){ .type = QSP_MUX_NONE };
	while (!e && ev->type == QSP_MUX_NONE) {
		if (m->body_len > 0 && m->body_have == m->body_len) {
			m->body_len = 0;
			e = on_message(m, qsp_bytes(m->body, m->body_have), ev);
			continue;
		}
		if (m->body && m->body_len == 0 && m->head_have == 0) {
			/* a message's event has been seen: its memory goes */
			qsp_mem_wipe_free(m->body, m->body_cap);
			m->body = NULL;
			m->body_cap = 0;
		}
		if (data->n == 0)
			return QSP_OK;
		if (m->in_data)
			next_data(m, data, ev);
		else if (m->body_len > 0)
			e = collect(m, data);
		else
			e = read_head(m, data, ev);
	}
	return e;
}
