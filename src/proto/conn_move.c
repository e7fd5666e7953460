/* SPDX-License-Identifier: ISC */
/* Bytes in, bytes out: where records meet the caller's buffers, many at a time. */
#include "proto/conn.h"

#include "proto/rekey.h"
#include "proto/resume.h"
#include "proto/shape_conn.h"
#include "proto/stream.h"
#include "proto/worker.h"

static bool
awaits_flight(const struct qsp_conn *c)
{
	return c->state == QSP_ST_S_NEW || c->state == QSP_ST_C_SENT_M1;
}

/* Cells, or frames, in one unit: a flight is five cells [P4]. */
static uint64_t
records_in(const struct qsp_conn *c, size_t unit)
{
	return c->wire->id == QSP_WIRE_CELLS ? unit / QSP_CELL_LEN : unit > 0;
}

/* M1 or M2. *n = its length on this wire, 0 where it is not whole yet. */
static qsp_err
take_flight(struct qsp_conn *c, struct qsp_now now, const uint8_t *buf, size_t avail, size_t *n)
{
	size_t head = c->wire->flight_head;
	struct qsp_input in = { .now = now, .whole = { buf + head, QSP_FLIGHT_LEN } };
	bool client = c->role == QSP_CLIENT;

	*n = 0;
	if (avail < head + QSP_FLIGHT_LEN)
		return QSP_OK;
	*n = head + QSP_FLIGHT_LEN;
	c->cells_received += records_in(c, *n);
	if (!c->wire->flight_head_good(c, buf))
		return qsp_engine_fail(c, QSP_E_HANDSHAKE, "a flight with a wrong frame header");
	if (client && c->wire->id == QSP_WIRE_FRAMES)
		c->session_id = qsp_bytes_get64(buf + 2); /* must be E2's [P9] */
	return qsp_steps_run(c, client ? QSP_EV_M2 : QSP_EV_M1, &in);
}

static qsp_err
take_record(struct qsp_conn *c, struct qsp_now now, const struct qsp_record *rec,
	    struct qsp_bytes *data)
{
	switch (rec->type) {
	case QSP_TYPE_NOISE: return QSP_OK;
	case QSP_TYPE_DATA:
		if (!c->can_receive || c->state != QSP_ST_OPEN)
			return qsp_engine_fail(c, QSP_E_PROTOCOL, "data before authentication");
		if (!qsp_resume_received(c, now, rec->n))
			return qsp_engine_fail(c, QSP_E_PROTOCOL, "data before the first ACK");
		/* Pieces close up to one slice: each lies behind the end of the one before. */
		if (data->n == 0)
			data->p = rec->p;
		else
			memmove((uint8_t *)(uintptr_t)data->p + data->n, rec->p, rec->n);
		data->n += rec->n;
		return QSP_OK;
	default: return qsp_stream_take(c, now, rec);
	}
}

/* One unit from the front of buf. *n = 0 where none is whole. */
static qsp_err
take_unit(struct qsp_conn *c, struct qsp_now now, uint8_t *buf, size_t avail, size_t *n,
	  struct qsp_bytes *data)
{
	struct qsp_record rec;
	qsp_err e;

	if (awaits_flight(c))
		return take_flight(c, now, buf, avail, n);
	if ((e = c->wire->open(c, buf, avail, n, &rec)) != 0 || *n == 0)
		return e;
	c->cells_received++;
	if (c->state == QSP_ST_OPEN)
		qsp_rekey_count(c, now, *n);
	return take_record(c, now, &rec, data);
}

/* Whole units only, so how the bytes were cut on their way makes no difference [P2.7]. */
qsp_err
qsp_conn_recv(struct qsp_conn *c, struct qsp_now now, uint8_t *buf, size_t n, size_t *used,
	      struct qsp_bytes *data)
{
	qsp_err e = QSP_OK;

	*used = 0;
	*data = QSP_BYTES_NONE;
	if (c->closed || c->closing || c->state == QSP_ST_SINK) {
		*used = n; /* read and discarded */
		return c->state == QSP_ST_SINK ? QSP_OK : c->err;
	}
	if (c->hs)
		c->hs->now = now;
	while (*used < n && !qsp_stream_parked(c) && !c->peer_closed) {
		size_t unit;

		if ((e = take_unit(c, now, buf + *used, n - *used, &unit, data)) != 0)
			break;
		if (unit == 0)
			break;
		*used += unit;
	}
	if (!e && c->peer_closed) {
		c->err = QSP_E_CLOSED;
		c->closed = true;
		qsp_steps_end(c, false);
		return c->err;
	}
	if (!e && (e = qsp_rekey_overdue(c, now)) == 0)
		e = qsp_conn_maybe_rekey(c, now);
	if (e) {
		*used = n;
		return qsp_conn_fail(c, now, e);
	}
	return QSP_OK;
}

qsp_err
qsp_conn_recv_eof(struct qsp_conn *c)
{
	if (!c->err && !c->closing && !c->closed)
		c->err = QSP_E_TRUNCATED;
	c->closed = true;
	qsp_steps_end(c, false);
	return c->err;
}

/* Small things that need no memory until they are said. */
static qsp_err
say_pending(struct qsp_conn *c)
{
	bool pong = c->pong_due, ping = c->ping_due;
	struct qsp_outgoing *o;
	struct qsp_writer w;

	if (c->shape.due)
		return qsp_shape_conn_say(c);
	if (pong || ping) {
		o = qsp_queue_new(QSP_TYPE_CONTROL, pong ? QSP_MSG_PONG : QSP_MSG_PING, 8, &w);
		qsp_writer_u64(&w, pong ? c->pong : c->ping);
		c->pong_due = false;
		c->ping_due = pong && ping;
		return qsp_engine_say(c, NULL, o, &w, QSP_THEN_NOTHING);
	}
	if (qsp_resume_ack_due(c))
		return qsp_resume_say_ack(c);
	if (!c->request_due || c->role != QSP_CLIENT)
		return QSP_OK;
	c->request_due = false;
	o = qsp_queue_new(QSP_TYPE_CONTROL, QSP_MSG_REKEY_REQUEST, 1, &w);
	qsp_writer_u8(&w, c->request_flags);
	return qsp_engine_say(c, NULL, o, &w, QSP_THEN_NOTHING);
}

/* What a message's leaving sets off. */
static qsp_err
then(struct qsp_conn *c, uint8_t what)
{
	qsp_err e = QSP_OK;

	if (what == QSP_THEN_SWITCH) {
		e = qsp_engine_switch_tx(c, &c->es_next, c->tx.epoch + 1);
		qsp_engine_settle(c);
	} else if (what == QSP_THEN_CLOSED) {
		c->closed = true;
	}
	return e;
}

/* As much of the first message as one record takes. *n = 0 where there is no room for any. */
static qsp_err
put_message(struct qsp_conn *c, struct qsp_now now, uint8_t *out, size_t room, size_t *n)
{
	struct qsp_outgoing *o = c->out;
	size_t head = c->wire->flight_head, piece = o->len - o->off, most;
	uint8_t what = o->then;
	qsp_err e;

	*n = 0;
	if (o->type == QSP_TYPE_FLIGHT) {
		if (room < head + QSP_FLIGHT_LEN)
			return QSP_OK;
		c->wire->put_flight_head(c, out);
		memcpy(out + head, o->data, QSP_FLIGHT_LEN);
		*n = head + QSP_FLIGHT_LEN;
		qsp_queue_pop(c);
		return QSP_OK;
	}
	most = c->wire->capacity(c, room);
	if (most == 0 || (o->type == QSP_TYPE_CLOSE && most < piece))
		return QSP_OK;
	if (piece > most)
		piece = most;
	if ((e = c->wire->seal(c, now, o->type, o->data + o->off, piece, out, n)) != 0)
		return e;
	o->off += (uint32_t)piece;
	if (o->off < o->len)
		return QSP_OK;
	qsp_queue_pop(c);
	return then(c, what);
}

/* One record. *n = 0 where nothing is left to say, or no room. */
static qsp_err
put_unit(struct qsp_conn *c, struct qsp_now now, struct qsp_bytes *data, uint8_t *out, size_t room,
	 size_t *n)
{
	bool hold = data->n > 0 && (qsp_shape_conn_holds(c) || qsp_rekey_holds(c, now));
	size_t piece;
	qsp_err e;

	*n = 0;
	if (!c->out && c->can_send && !c->closing && (e = say_pending(c)) != 0)
		return e;
	if (c->out)
		return put_message(c, now, out, room, n);
	if (!c->can_send || c->closing || data->n == 0 || hold || qsp_resume_holds(c))
		return QSP_OK;
	piece = c->wire->capacity(c, room);
	if (piece == 0)
		return QSP_OK;
	if (piece > data->n)
		piece = data->n;
	if ((e = c->wire->seal(c, now, QSP_TYPE_DATA, data->p, piece, out, n)) == 0) {
		*data = qsp_bytes_from(*data, piece);
		qsp_resume_sent(c, piece);
	}
	return e;
}

qsp_err
qsp_conn_output(struct qsp_conn *c, struct qsp_now now, struct qsp_bytes data, size_t *used,
		uint8_t *out, size_t cap, size_t *n)
{
	size_t offered, unit;
	bool counted;
	qsp_err e = QSP_OK;

	if (c->shape.due)
		data = QSP_BYTES_NONE; /* what follows SHAPE is shaped [P8.1] */
	offered = data.n;
	*used = *n = 0;
	if (cap <
	    (c->tx.serial != 0 && c->wire->id == QSP_WIRE_CELLS ? QSP_CELL_LEN : QSP_OUTPUT_MIN))
		return QSP_E_ROOM;
	do {
		if (c->closed || c->state == QSP_ST_SINK)
			break;
		counted = c->can_send && c->state == QSP_ST_OPEN;
		e = put_unit(c, now, &data, out + *n, cap - *n, &unit);
		if (unit > 0 && counted)
			qsp_rekey_count(c, now, unit);
		c->cells_sent += records_in(c, unit);
		*n += unit;
		if (!e)
			e = qsp_conn_maybe_rekey(c, now);
		if (e) {
			c->closed = c->closed || c->closing; /* not even CLOSE can leave */
			qsp_conn_fail(c, now, e);
			break;
		}
	} while (unit > 0);
	*used = offered - data.n;
	return e;
}

qsp_err
qsp_conn_noise(struct qsp_conn *c, struct qsp_now now, uint8_t out[QSP_CELL_LEN])
{
	size_t n;
	qsp_err e;

	/* not in front of M2, nor before CERTIFICATE has come [P4.5] */
	if (c->tx.serial == 0 || c->closed || c->closing || c->wire->id != QSP_WIRE_CELLS ||
	    c->state == QSP_ST_C_WAIT_CERTIFICATE || (c->out && c->out->type == QSP_TYPE_FLIGHT))
		return QSP_E_STATE;
	if ((e = c->wire->seal(c, now, QSP_TYPE_NOISE, NULL, 0, out, &n)) != 0)
		return qsp_conn_fail(c, now, e);
	c->cells_sent++;
	if (c->can_send && c->state == QSP_ST_OPEN)
		qsp_rekey_count(c, now, n);
	/* The cell is good whatever becomes of the rekey. */
	if ((e = qsp_conn_maybe_rekey(c, now)) != 0)
		(void)qsp_conn_fail(c, now, e);
	return QSP_OK;
}
