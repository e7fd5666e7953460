/* SPDX-License-Identifier: ISC */
/* Messages out of records [P2.6], and CLOSE, which is legal everywhere. */
#include "proto/stream.h"

#include "proto/engine.h"

#define CLOSE_TEXT_MAX 1024
#define FIRST_ROOM 4096

static unsigned
index_of(uint8_t type)
{
	return type == QSP_TYPE_HANDSHAKE ? 0 : type == QSP_TYPE_CONTROL ? 1 : 2;
}

bool
qsp_stream_parked(const struct qsp_conn *c)
{
	switch (c->state) {
	case QSP_ST_S_WANT_DH:
	case QSP_ST_S_WANT_SS:
	case QSP_ST_S_WANT_KEM_S:
	case QSP_ST_S_WANT_AUTH:
	case QSP_ST_S_WANT_VERDICT: return true;
	default: return false;
	}
}

static bool
peer_authenticated(const struct qsp_conn *c)
{
	if (c->role == QSP_SERVER)
		return c->state == QSP_ST_OPEN;
	return c->layout == QSP_LAYOUT_K || c->state >= QSP_ST_C_WANT_LOGIN;
}

/* [P5.1] CLOSE: the peer's last word */
static qsp_err
on_close(struct qsp_conn *c, struct qsp_bytes body)
{
	struct qsp_msg_close m;

	if (qsp_msg_get_close(body, &m) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "CLOSE: malformed");
	if (m.text.n > CLOSE_TEXT_MAX)
		m.text.n = CLOSE_TEXT_MAX;
	c->close_text = qsp_mem_alloc(m.text.n + 2);
	if (c->close_text) {
		qsp_bytes_put16(c->close_text, (uint16_t)m.text.n);
		if (m.text.n > 0)
			memcpy(c->close_text + 2, m.text.p, m.text.n);
	}
	c->peer_reason = m.reason;
	c->peer_closed = true;
	c->peer_closed_auth = peer_authenticated(c);
	return QSP_OK;
}

static qsp_err
dispatch(struct qsp_conn *c, struct qsp_now now, uint8_t type, struct qsp_bytes whole,
	 bool may_close)
{
	struct qsp_input in = {
		.now = now,
		.whole = whole,
		.body = qsp_bytes_from(whole, QSP_MSG_HEAD_LEN),
	};
	uint8_t kind = whole.p[0];
	bool is_close = type == QSP_TYPE_CONTROL && kind == QSP_MSG_CLOSE;

	if (c->wire->id == QSP_WIRE_FRAMES && type == QSP_TYPE_CONTROL && is_close != may_close)
		return qsp_engine_fail(c, QSP_E_PROTOCOL,
				       "frame: CLOSE in another frame than its own");
	if (is_close)
		return on_close(c, in.body);
	if (type == QSP_TYPE_HANDSHAKE && kind > 0 && kind <= QSP_MSG_EPOCH)
		return qsp_steps_run(c, (enum qsp_event)kind, &in);
	/* Before epoch 1 there is no control but CLOSE [P4.5]; QKD is not spoken here. */
	if (type != QSP_TYPE_CONTROL || c->state != QSP_ST_OPEN)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "a message that has no place here");
	return qsp_steps_control(c, kind, &in);
}

/* The length of the message at the front, head included; 0 while the head is not whole. */
static qsp_err
message_len(struct qsp_conn *c, struct qsp_bytes b, size_t *len)
{
	size_t body;

	*len = 0;
	if (b.n < QSP_MSG_HEAD_LEN)
		return QSP_OK;
	body = qsp_bytes_get32(b.p) & 0xffffff;
	if (body > (c->state == QSP_ST_OPEN ? QSP_MSG_LATE_MAX : QSP_MSG_EARLY_MAX))
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "a message that is too long");
	*len = QSP_MSG_HEAD_LEN + body;
	return QSP_OK;
}

/*
 * Handles the whole messages at the front of *b. Stops where a question opens, and at CLOSE. A
 * message after which the peer's epoch changed must have been the last of its record.
 */
static qsp_err
drain(struct qsp_conn *c, struct qsp_now now, uint8_t type, bool may_close, struct qsp_bytes *b)
{
	uint64_t serial = c->rx.serial;
	size_t len;
	qsp_err e;

	while (b->n > 0 && !qsp_stream_parked(c)) {
		if ((e = message_len(c, *b, &len)) != 0)
			return e;
		if (len == 0 || len > b->n)
			return QSP_OK;
		if (c->wire->id == QSP_WIRE_FRAMES && type == QSP_TYPE_CONTROL && may_close &&
		    len != b->n)
			return qsp_engine_fail(c, QSP_E_PROTOCOL, "frame: more than CLOSE");
		e = dispatch(c, now, type, qsp_bytes(b->p, len), may_close);
		*b = qsp_bytes_from(*b, len);
		if (e)
			return e;
		if (c->peer_closed)
			return QSP_OK;
		if (c->rx.serial != serial && b->n > 0)
			return qsp_engine_fail(c, QSP_E_PROTOCOL,
					       "bytes behind a message that ends its record");
	}
	return QSP_OK;
}

/* Room for n more bytes; grows with what has arrived, never with what was announced. */
static qsp_err
reserve(struct qsp_partial *p, size_t n)
{
	size_t need = p->have + n, cap = p->cap ? p->cap : FIRST_ROOM;
	uint8_t *bigger;

	if (need <= p->cap)
		return QSP_OK;
	while (cap < need)
		cap *= 2;
	if ((bigger = qsp_mem_alloc(cap)) == NULL)
		return QSP_E_NOMEM;
	if (p->have > 0)
		memcpy(bigger, p->p, p->have);
	qsp_mem_wipe_free(p->p, p->cap);
	p->p = bigger;
	p->cap = (uint32_t)cap;
	return QSP_OK;
}

static void
let_go(struct qsp_partial *p)
{
	qsp_mem_wipe_free(p->p, p->cap);
	*p = (struct qsp_partial){ 0 };
}

/* Drains what has been kept, and keeps the rest of it. */
static qsp_err
drain_kept(struct qsp_conn *c, struct qsp_now now, uint8_t type, bool may_close)
{
	struct qsp_partial *p = &c->in[index_of(type)];
	struct qsp_bytes b = { p->p, p->have };
	qsp_err e = drain(c, now, type, may_close, &b);

	if (b.n > 0 && b.p != p->p)
		memmove(p->p, b.p, b.n);
	p->have = (uint32_t)b.n;
	if (b.n == 0 || e || c->peer_closed)
		let_go(p);
	return e;
}

qsp_err
qsp_stream_take(struct qsp_conn *c, struct qsp_now now, const struct qsp_record *rec)
{
	struct qsp_partial *p = &c->in[index_of(rec->type)];
	struct qsp_bytes b = { rec->p, rec->n };
	uint64_t serial = c->rx.serial;
	qsp_err e;

	if (p->have == 0 && (e = drain(c, now, rec->type, rec->may_close, &b)) != 0)
		return e;
	if (b.n == 0 || c->peer_closed)
		return QSP_OK;
	if (c->wire->id == QSP_WIRE_FRAMES && rec->type == QSP_TYPE_CONTROL && rec->may_close)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "frame: not one whole CLOSE");
	if ((e = reserve(p, b.n)) != 0)
		return e;
	memcpy(p->p + p->have, b.p, b.n);
	p->have += (uint32_t)b.n;
	e = drain_kept(c, now, rec->type, rec->may_close);
	if (!e && c->rx.serial != serial && p->have > 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL,
				       "bytes behind a message that ends its record");
	return e;
}

qsp_err
qsp_stream_resume(struct qsp_conn *c, struct qsp_now now)
{
	if (c->in[0].have == 0 || qsp_stream_parked(c))
		return QSP_OK;
	return drain_kept(c, now, QSP_TYPE_HANDSHAKE, false);
}

void
qsp_stream_free(struct qsp_conn *c)
{
	for (size_t i = 0; i < 3; i++)
		let_go(&c->in[i]);
}
