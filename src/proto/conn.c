/* SPDX-License-Identifier: ISC */
/* The life of a connection: made, asked what it wants, failed, closed, freed. */
#include "proto/conn.h"

#include "crypto/rand.h"
#include "proto/rekey.h"
#include "proto/resume.h"
#include "proto/stream.h"
#include "proto/worker.h"

#define SINK_MIN_MS (5 * 60 * 1000u)
#define SINK_SPAN_MS (55 * 60 * 1000u)
#define CLOSE_TEXT_MAX 255

static qsp_err
conn_new(const struct qsp_config *cfg, struct qsp_worker *w, enum qsp_role role, struct qsp_now now,
	 struct qsp_conn **out)
{
	struct qsp_conn *c = qsp_mem_alloc(sizeof(*c));

	*out = NULL;
	if (!c || (c->hs = qsp_mem_alloc(sizeof(*c->hs))) == NULL) {
		qsp_mem_free(c);
		return QSP_E_NOMEM;
	}
	c->cfg = cfg;
	c->worker = w;
	c->role = (uint8_t)role;
	c->start = now.mono;
	c->hs->now = now;
	c->psk_index = -1;
	c->wire = cfg->wire == QSP_WIRE_FRAMES ? &qsp_frame_format : &qsp_cell_format;
	c->state = role == QSP_CLIENT ? QSP_ST_C_NEW : QSP_ST_S_NEW;
	*out = c;
	return QSP_OK;
}

qsp_err
qsp_conn_new_client(const struct qsp_config *cfg, struct qsp_worker *w, const struct qsp_peer *peer,
		    struct qsp_now now, struct qsp_conn **out)
{
	struct qsp_input in = { .now = now, .answer = peer };
	struct qsp_conn *c;
	qsp_err e;

	*out = NULL;
	if (!qsp_kem_by_id(peer->kem) || (peer->host_key && peer->host_key->blob[0] != peer->kem))
		return QSP_E_UNSUPPORTED;
	if ((e = conn_new(cfg, w, QSP_CLIENT, now, &c)) != 0)
		return e;
	c->kem = qsp_kem_by_id(peer->kem);
	c->ok_class = (uint8_t)peer->ok_class;
	c->layout = peer->host_key ? QSP_LAYOUT_K : QSP_LAYOUT_T;
	if ((c->facts = qsp_mem_alloc(sizeof(*c->facts))) == NULL) {
		e = QSP_E_NOMEM;
		goto out;
	}
	if (peer->host_key)
		c->facts->host_key = *peer->host_key;
	if ((e = qsp_steps_run(c, QSP_EV_START, &in)) != 0)
		goto out;
	*out = c;
	c = NULL;
out:
	qsp_conn_free(c);
	return e;
}

qsp_err
qsp_conn_new_server(const struct qsp_config *cfg, struct qsp_worker *w, struct qsp_now now,
		    struct qsp_conn **out)
{
	return conn_new(cfg, w, QSP_SERVER, now, out);
}

void
qsp_conn_free(struct qsp_conn *c)
{
	if (!c)
		return;
	qsp_conn_set_worker(c, NULL);
	while (c->out)
		qsp_queue_pop(c);
	qsp_stream_free(c);
	qsp_rekey_free(c);
	qsp_engine_free_handshake(c);
	qsp_resume_free(c);
	if (c->facts)
		qsp_mem_wipe_free(c->facts, sizeof(*c->facts));
	qsp_mem_free(c->user);
	qsp_mem_free(c->close_text);
	qsp_mem_wipe_free(c, sizeof(*c));
}

#define HOMELESS UINT64_MAX /* keys that no worker has seen yet */

void
qsp_conn_set_worker(struct qsp_conn *c, struct qsp_worker *w)
{
	struct qsp_lane *lanes[] = { &c->rx, &c->tx };

	for (size_t i = 0; i < 2; i++) {
		bool has_keys = lanes[i]->serial != 0;

		if (c->worker)
			qsp_worker_forget(c->worker, lanes[i]);
		lanes[i]->serial = has_keys ? HOMELESS : 0;
		if (has_keys && w)
			qsp_worker_adopt(w, lanes[i]);
	}
	c->worker = w;
}

/* The question that a state stands for. */
static unsigned
question(uint8_t state)
{
	switch (state) {
	case QSP_ST_C_WANT_TRUST: return QSP_WANT_TRUST;
	case QSP_ST_C_WANT_LOGIN:
	case QSP_ST_S_WANT_AUTH:
	case QSP_ST_S_WANT_VERDICT: return QSP_WANT_AUTH;
	case QSP_ST_C_WANT_SIGN: return QSP_WANT_SIGN;
	case QSP_ST_C_WANT_REPLY: return QSP_WANT_REPLY;
	case QSP_ST_C_WANT_DECAPS:
	case QSP_ST_S_WANT_DH:
	case QSP_ST_S_WANT_SS:
	case QSP_ST_S_WANT_KEM_S: return QSP_WANT_DECAPS;
	case QSP_ST_OPEN: return QSP_IS_OPEN;
	case QSP_ST_SINK: return QSP_IS_SINK;
	default: return 0;
	}
}

unsigned
qsp_conn_wants(const struct qsp_conn *c)
{
	unsigned wants;

	if (c->closed)
		return QSP_IS_CLOSED;
	wants = question(c->state);
	if (!qsp_stream_parked(c) && !c->closing)
		wants |= QSP_WANT_INPUT;
	if (c->out || c->pong_due || c->ping_due || (c->request_due && c->role == QSP_CLIENT) ||
	    (c->shape.due && c->can_send) || qsp_resume_ack_due(c))
		wants |= QSP_WANT_OUTPUT;
	if (c->can_send && !c->closing && !qsp_resume_holds(c))
		wants |= QSP_CAN_SEND;
	return wants;
}

static enum qsp_reason
reason_of(qsp_err e)
{
	switch (e) {
	case QSP_E_PROTOCOL: return QSP_REASON_PROTOCOL_ERROR;
	case QSP_E_DECRYPT: return QSP_REASON_AEAD_DECRYPT_FAILED;
	case QSP_E_EPOCH: return QSP_REASON_EPOCH_MISMATCH;
	case QSP_E_REKEY: return QSP_REASON_REKEY_FAILED;
	case QSP_E_HANDSHAKE: return QSP_REASON_HANDSHAKE_FAILED;
	case QSP_E_POLICY:
	case QSP_E_TRUST: return QSP_REASON_POLICY;
	case QSP_E_IDLE: return QSP_REASON_IDLE;
	case QSP_E_AUTH: return QSP_REASON_NORMAL;
	default: return QSP_REASON_INTERNAL_ERROR;
	}
}

/* CLOSE becomes the last message; without keys there is nobody to tell. */
static void
say_close(struct qsp_conn *c, enum qsp_reason reason, const char *text)
{
	struct qsp_msg_close m = { .reason = (uint16_t)reason, .text = qsp_bytes_str(text) };
	struct qsp_outgoing *o;
	struct qsp_writer w;

	c->closing = true;
	if (c->tx.serial == 0) {
		c->closed = true;
		return;
	}
	if (m.text.n > CLOSE_TEXT_MAX)
		m.text.n = CLOSE_TEXT_MAX;
	o = qsp_queue_new(QSP_TYPE_CLOSE, QSP_MSG_CLOSE, 2 + m.text.n, &w);
	qsp_msg_put_close(&w, &m);
	if (qsp_engine_say(c, NULL, o, &w, QSP_THEN_CLOSED) != 0)
		c->closed = true;
}

/* A server whose M2 has not gone out: only a step that succeeds leaves these states. */
static bool
unanswered(const struct qsp_conn *c)
{
	return c->state >= QSP_ST_S_NEW && c->state <= QSP_ST_S_WANT_SS;
}

/* [P4.4]: the same for every cause */
static void
become_sink(struct qsp_conn *c, struct qsp_now now)
{
	uint8_t r[4] = { 0 };

	/* without randomness the shortest stay is still a long one */
	if (qsp_rand_bytes(qsp_engine_crypto(c), r, sizeof(r)) != 0)
		memset(r, 0, sizeof(r));
	c->sink_until = now.mono + SINK_MIN_MS + qsp_bytes_get32(r) % SINK_SPAN_MS;
	c->err = QSP_E_SILENT;
	while (c->out)
		qsp_queue_pop(c);
	qsp_worker_forget(c->worker, &c->rx);
	qsp_worker_forget(c->worker, &c->tx);
	qsp_engine_free_handshake(c);
	qsp_steps_end(c, true);
}

qsp_err
qsp_conn_fail(struct qsp_conn *c, struct qsp_now now, qsp_err e)
{
	if (c->err)
		return c->err;
	if (unanswered(c)) {
		become_sink(c, now);
		return c->err;
	}
	c->err = e;
	if (e == QSP_E_DECRYPT && qsp_resume_is_silent(c))
		c->closed = true; /* lost, not over: nothing is said [P4.7] */
	else
		say_close(c, reason_of(e), "");
	qsp_rekey_free(c);
	qsp_engine_free_handshake(c);
	qsp_steps_end(c, false);
	return e;
}

qsp_err
qsp_conn_close(struct qsp_conn *c, enum qsp_reason reason, const char *text)
{
	if (c->closing || c->closed)
		return QSP_OK;
	say_close(c, reason, text);
	qsp_engine_free_handshake(c);
	qsp_steps_end(c, false);
	return QSP_OK;
}

qsp_err
qsp_conn_maybe_rekey(struct qsp_conn *c, struct qsp_now now)
{
	struct qsp_input in = { .now = now };

	if (c->state != QSP_ST_OPEN || !qsp_rekey_due(c, now))
		return QSP_OK;
	return qsp_steps_start_rekey(c, &in);
}

qsp_err
qsp_conn_tick(struct qsp_conn *c, struct qsp_now now)
{
	qsp_err e;

	if (c->state == QSP_ST_SINK && now.mono >= c->sink_until)
		c->closed = true;
	if (c->closed || c->closing || c->err)
		return QSP_OK;
	if (c->hs)
		c->hs->now = now;
	qsp_resume_tick(c, now);
	if ((e = qsp_rekey_overdue(c, now)) == 0)
		e = qsp_conn_maybe_rekey(c, now);
	return e ? qsp_conn_fail(c, now, e) : QSP_OK;
}

void
qsp_conn_slept(struct qsp_conn *c, qsp_time ms)
{
	if (c->kem_due)
		c->kem_due = c->kem_due > ms ? c->kem_due - ms : 1;
	c->shape.since -= ms; /* before the clock began, perhaps: only differences count */
}

qsp_time
qsp_conn_deadline(const struct qsp_conn *c)
{
	qsp_time at, tell;

	if (c->closed)
		return UINT64_MAX;
	if (c->state == QSP_ST_SINK)
		return c->sink_until;
	if (c->state == QSP_ST_OPEN && c->kem_due && !c->rekey && !c->tx_switched)
		at = c->kem_due;
	else
		at = qsp_rekey_hold_ends(c);
	tell = qsp_resume_tells_at(c);
	return tell < at ? tell : at;
}
