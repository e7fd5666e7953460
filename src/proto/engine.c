/* SPDX-License-Identifier: ISC */
/* What all parts of a connection do alike: change keys, speak, fail, let go of memory. */
#include "proto/engine.h"

#include "crypto/rand.h"
#include "proto/worker.h"

qsp_err
qsp_engine_fail(struct qsp_conn *c, qsp_err e, const char *why)
{
	c->why = why;
	return e;
}

static qsp_err
switch_lane(struct qsp_conn *c, struct qsp_lane *l, const struct qsp_es *es, uint32_t epoch,
	    uint8_t dir)
{
	qsp_err e = qsp_schedule_keys(qsp_engine_crypto(c), c->kem, c->aead, es, dir, &l->keys);

	if (e) {
		qsp_worker_forget(c->worker, l);
		return e;
	}
	qsp_worker_adopt(c->worker, l);
	l->epoch = epoch;
	l->seq = 0;
	return QSP_OK;
}

qsp_err
qsp_engine_switch_tx(struct qsp_conn *c, const struct qsp_es *es, uint32_t epoch)
{
	c->tx_switched = true;
	c->can_send = epoch > 0;
	return switch_lane(c, &c->tx, es, epoch, c->role);
}

qsp_err
qsp_engine_switch_rx(struct qsp_conn *c, const struct qsp_es *es, uint32_t epoch)
{
	c->rx_switched = true;
	c->can_receive = epoch > 0;
	return switch_lane(c, &c->rx, es, epoch, !c->role);
}

void
qsp_engine_settle(struct qsp_conn *c)
{
	if (!c->tx_switched || !c->rx_switched)
		return;
	c->es = c->es_next;
	qsp_es_wipe(&c->es_next);
	c->tx_switched = c->rx_switched = false;
}

qsp_err
qsp_engine_enter_epoch_0(struct qsp_conn *c, struct qsp_transcript *t)
{
	QSP_WIPED(qsp_es) es = { { 0 } };
	qsp_err e;

	qsp_transcript_key(t, "epoch 0", es.b, t->len);
	if ((e = t->err) == 0)
		e = qsp_engine_switch_tx(c, &es, 0);
	if (!e)
		e = qsp_engine_switch_rx(c, &es, 0);
	c->tx_switched = c->rx_switched = false;
	return e;
}

qsp_err
qsp_engine_derive_epoch_1(struct qsp_conn *c, struct qsp_transcript *t)
{
	qsp_transcript_key(t, "epoch 1", c->es_next.b, t->len);
	qsp_transcript_key(t, "exporter", c->exporter.b, t->len);
	qsp_transcript_key(t, "resume", c->resumption.b, t->len);
	return t->err;
}

qsp_err
qsp_engine_say(struct qsp_conn *c, struct qsp_transcript *t, struct qsp_outgoing *o,
	       struct qsp_writer *w, enum qsp_then then)
{
	qsp_err e = qsp_queue_end(o, w);

	if (!e && t) {
		qsp_transcript_mix_hash(t, qsp_queue_bytes(o));
		e = t->err;
	}
	if (e)
		qsp_queue_free(o);
	else
		qsp_queue_add(c, o, then);
	return e;
}

void
qsp_engine_free_handshake(struct qsp_conn *c)
{
	struct qsp_handshake *hs = c->hs;

	if (!hs)
		return;
	c->hs = NULL;
	qsp_kem_key_free(hs->ek_e);
	qsp_mem_free(hs->ct);
	qsp_mem_wipe_free(hs->body, hs->body_len);
	qsp_mem_free((void *)(uintptr_t)hs->user.p);
	qsp_mem_free((void *)(uintptr_t)hs->certificate.p);
	qsp_mem_wipe_free(hs, sizeof(*hs));
}

qsp_time
qsp_engine_kem_due(struct qsp_conn *c, struct qsp_now now)
{
	uint64_t ms = c->cfg->kem_ms, jitter = 0;
	uint8_t r[4];

	if (ms == 0 || qsp_rand_bytes(qsp_engine_crypto(c), r, sizeof(r)) != 0)
		return ms ? now.mono + ms : 0;
	jitter = qsp_bytes_get32(r) % (ms / 4 + 1);
	return now.mono + ms - ms / 8 + jitter;
}
