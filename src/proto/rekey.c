/* SPDX-License-Identifier: ISC */
/*
 * The rekey [P5.1]: INIT (server), ACK (client), DONE (server). Each side's ACK or DONE is its last
 * record of the old epoch, so nobody ever holds more than two epochs' keys.
 */
#include "proto/rekey.h"

#include "base/ct.h"
#include "crypto/rand.h"
#include "crypto/x25519.h"
#include "proto/engine.h"
#include "proto/resume.h"

#define HOLD_MS 30000

struct qsp_rekey {
	uint8_t flags;
	struct qsp_key32 x;      /* server: private half of INIT's X25519 key */
	struct qsp_kem_key *key; /* server: of INIT's ek */
	uint8_t material[32];
	struct qsp_bytes init;      /* server: INIT as it was sent, owned */
	uint8_t done[QSP_HASH_MAX]; /* client: what DONE must say */
};

void
qsp_rekey_free(struct qsp_conn *c)
{
	struct qsp_rekey *rk = c->rekey;

	if (!rk)
		return;
	c->rekey = NULL;
	qsp_kem_key_free(rk->key);
	qsp_mem_free((void *)(uintptr_t)rk->init.p);
	qsp_mem_wipe_free(rk, sizeof(*rk));
}

static void
finished(struct qsp_conn *c, uint8_t flags)
{
	c->cells_plain = 0;
	if (flags & QSP_MSG_REKEY_KEM) {
		c->cells_kem = 0;
		c->kem_due = 0;
		c->kem_rekeys++;
	} else {
		c->plain_rekeys++;
	}
	qsp_rekey_free(c);
}

/* INIT's body from fresh randomness */
static qsp_err
draw(struct qsp_conn *c, struct qsp_rekey *rk, struct qsp_writer *w)
{
	const struct qsp_crypto *cx = qsp_engine_crypto(c);
	struct qsp_msg_rekey_init m = {
		.flags = rk->flags,
		.new_epoch = c->tx.epoch + 1,
		.material = QSP_BYTES_OF(rk->material),
	};
	uint8_t seed[QSP_KEM_SEED_LEN], pub[QSP_X25519_LEN], ek[QSP_KEM_EK_MAX];
	qsp_err e = qsp_rand_bytes(cx, rk->material, sizeof(rk->material));

	if (!e && (rk->flags & QSP_MSG_REKEY_KEM)) {
		if ((e = qsp_rand_bytes(cx, rk->x.b, sizeof(rk->x.b))) == 0 &&
		    (e = qsp_x25519_public(cx, rk->x.b, pub)) == 0 &&
		    (e = qsp_rand_bytes(cx, seed, sizeof(seed))) == 0)
			e = qsp_kem_key_new(cx, c->kem, seed, ek, &rk->key);
		qsp_mem_wipe(seed, sizeof(seed));
		m.x = QSP_BYTES_OF(pub);
		m.ek = qsp_bytes(ek, c->kem->ek_len);
	}
	if (!e)
		qsp_msg_put_rekey_init(w, &m);
	return e;
}

/* [P5.1] REKEY_INIT */
qsp_err
qsp_rekey_start(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_rekey *rk = qsp_mem_alloc(sizeof(*rk));
	struct qsp_outgoing *o;
	struct qsp_writer w;
	uint8_t *copy = NULL;
	qsp_err e;

	(void)in;
	if (!rk)
		return QSP_E_NOMEM;
	rk->flags = c->request_flags;
	c->rekey = rk;
	o = qsp_queue_new(QSP_TYPE_CONTROL, QSP_MSG_REKEY_INIT, 37 + 32 + QSP_KEM_EK_MAX, &w);
	if ((e = draw(c, rk, &w)) != 0 || (e = qsp_queue_end(o, &w)) != 0) {
		qsp_queue_free(o);
		return e;
	}
	if ((copy = qsp_mem_copy(qsp_queue_bytes(o))) == NULL) {
		qsp_queue_free(o);
		return QSP_E_NOMEM;
	}
	rk->init = qsp_bytes(copy, o->len);
	qsp_queue_add(c, o, QSP_THEN_NOTHING);
	c->request_due = false;
	return QSP_OK;
}

/* new_epoch is checked first, then flags [P5.1]. */
static qsp_err
check_head(struct qsp_conn *c, struct qsp_bytes body, uint32_t epoch, uint8_t *flags)
{
	uint32_t new_epoch;

	if (qsp_msg_get_rekey_head(body, flags, &new_epoch) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "rekey: message too short");
	if (epoch == UINT32_MAX || new_epoch != epoch + 1)
		return qsp_engine_fail(c, QSP_E_EPOCH, "rekey: new_epoch is not the next one");
	return QSP_OK;
}

/* Client: answers INIT's keys; dh and ss come out, x and ct go into the ACK. */
static qsp_err
encapsulate(struct qsp_conn *c, const struct qsp_msg_rekey_init *m, struct qsp_key32 *dh,
	    struct qsp_key32 *ss, uint8_t pub[static 32], uint8_t *ct)
{
	const struct qsp_crypto *cx = qsp_engine_crypto(c);
	QSP_WIPED(qsp_key32) x = { { 0 } };
	qsp_err e;

	if (qsp_kem_check_ek(c->kem, m->ek.p) != 0)
		return qsp_engine_fail(c, QSP_E_REKEY, "REKEY_INIT: bad KEM key");
	if ((e = qsp_rand_bytes(cx, x.b, sizeof(x.b))) != 0 ||
	    (e = qsp_x25519_public(cx, x.b, pub)) != 0)
		return e;
	if ((e = qsp_x25519_dh(cx, x.b, m->x.p, dh->b)) != 0)
		return e == QSP_E_INPUT ? qsp_engine_fail(c, QSP_E_REKEY, "REKEY_INIT: bad DH key")
					: e;
	return qsp_kem_encaps_fresh(cx, c->kem, m->ek.p, ct, ss->b);
}

/* Client: the ACK of an INIT, the next epoch's secret, and what DONE must say. */
static qsp_err
acknowledge(struct qsp_conn *c, const struct qsp_input *in, const struct qsp_msg_rekey_init *m,
	    struct qsp_rekey *rk)
{
	const struct qsp_crypto *cx = qsp_engine_crypto(c);
	bool kem = m->flags & QSP_MSG_REKEY_KEM;
	struct qsp_msg_rekey_ack ack = { .flags = m->flags, .new_epoch = m->new_epoch };
	struct qsp_rekey_inputs inputs = { .material = m->material, .init = in->whole };
	QSP_WIPED(qsp_key32) dh = { { 0 } };
	QSP_WIPED(qsp_key32) ss = { { 0 } };
	QSP_WIPED(qsp_es) prk = { { 0 } };
	uint8_t pub[32], ct[QSP_KEM_CT_MAX], confirm[32];
	struct qsp_outgoing *o;
	struct qsp_writer w;
	qsp_err e;

	if (kem) {
		if ((e = encapsulate(c, m, &dh, &ss, pub, ct)) != 0)
			return e;
		ack.x = QSP_BYTES_OF(pub);
		ack.ct = qsp_bytes(ct, c->kem->ct_len);
		inputs.dh = QSP_BYTES_OF(dh.b);
		inputs.ss = QSP_BYTES_OF(ss.b);
	}
	if ((e = qsp_schedule_rekey_prk(cx, c->kem, &c->es, &inputs, &prk, confirm)) != 0)
		return e;
	ack.confirm = QSP_BYTES_OF(confirm);
	o = qsp_queue_new(QSP_TYPE_CONTROL, QSP_MSG_REKEY_ACK, 5 + 32 + QSP_KEM_CT_MAX + 32, &w);
	qsp_msg_put_rekey_ack(&w, &ack);
	if ((e = qsp_queue_end(o, &w)) != 0 ||
	    (e = qsp_schedule_rekey_next(cx, c->kem, &prk, in->whole, qsp_queue_bytes(o),
					 &c->es_next)) != 0 ||
	    (e = qsp_schedule_rekey_done(cx, c->kem, &c->es_next, rk->done)) != 0) {
		qsp_queue_free(o);
		return e;
	}
	qsp_queue_add(c, o, QSP_THEN_SWITCH);
	return QSP_OK;
}

/* [P5.1] REKEY_INIT, at the client */
qsp_err
qsp_rekey_on_init(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_msg_rekey_init m;
	uint8_t flags;
	qsp_err e;

	if ((e = check_head(c, in->body, c->rx.epoch, &flags)) != 0)
		return e;
	if (flags & ~QSP_MSG_REKEY_KEM)
		return qsp_engine_fail(c, QSP_E_REKEY, "REKEY_INIT: unknown flags");
	if (qsp_msg_get_rekey_init(in->body, c->kem, &m) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "REKEY_INIT: malformed");
	if ((c->rekey = qsp_mem_alloc(sizeof(*c->rekey))) == NULL)
		return QSP_E_NOMEM;
	c->rekey->flags = flags;
	return acknowledge(c, in, &m, c->rekey);
}

/* Server: dh and ss of an ACK, where it has them. */
static qsp_err
decapsulate(struct qsp_conn *c, const struct qsp_msg_rekey_ack *m, struct qsp_key32 *dh,
	    struct qsp_key32 *ss)
{
	const struct qsp_crypto *cx = qsp_engine_crypto(c);
	qsp_err e = qsp_x25519_dh(cx, c->rekey->x.b, m->x.p, dh->b);

	if (e)
		return e == QSP_E_INPUT ? qsp_engine_fail(c, QSP_E_REKEY, "REKEY_ACK: bad DH key")
					: e;
	return qsp_kem_decaps(cx, c->kem, c->rekey->key, m->ct.p, ss->b);
}

/* [P5.1] REKEY_DONE: the server's last record of the old epoch */
static qsp_err
say_done(struct qsp_conn *c, uint32_t new_epoch)
{
	uint8_t proof[QSP_HASH_MAX];
	struct qsp_msg_rekey_done m = {
		.new_epoch = new_epoch,
		.proof = { proof, qsp_hash_len(c->kem->hash) },
	};
	struct qsp_writer w;
	struct qsp_outgoing *o;
	qsp_err e = qsp_schedule_rekey_done(qsp_engine_crypto(c), c->kem, &c->es_next, proof);

	if (e)
		return e;
	o = qsp_queue_new(QSP_TYPE_CONTROL, QSP_MSG_REKEY_DONE, 4 + QSP_HASH_MAX, &w);
	qsp_msg_put_rekey_done(&w, &m);
	return qsp_engine_say(c, NULL, o, &w, QSP_THEN_SWITCH);
}

/* [P5.1] REKEY_ACK, at the server: the client's last record of the old epoch */
qsp_err
qsp_rekey_on_ack(struct qsp_conn *c, const struct qsp_input *in)
{
	const struct qsp_crypto *cx = qsp_engine_crypto(c);
	struct qsp_rekey *rk = c->rekey;
	struct qsp_rekey_inputs inputs = { .material = QSP_BYTES_OF(rk->material),
					   .init = rk->init };
	QSP_WIPED(qsp_key32) dh = { { 0 } };
	QSP_WIPED(qsp_key32) ss = { { 0 } };
	QSP_WIPED(qsp_es) prk = { { 0 } };
	struct qsp_msg_rekey_ack m;
	uint8_t confirm[32], flags;
	qsp_err e;

	if ((e = check_head(c, in->body, c->rx.epoch, &flags)) != 0)
		return e;
	if (flags != rk->flags)
		return qsp_engine_fail(c, QSP_E_REKEY, "REKEY_ACK: other flags than INIT's");
	if (qsp_msg_get_rekey_ack(in->body, c->kem, &m) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "REKEY_ACK: malformed");
	if (flags & QSP_MSG_REKEY_KEM) {
		if ((e = decapsulate(c, &m, &dh, &ss)) != 0)
			return e;
		inputs.dh = QSP_BYTES_OF(dh.b);
		inputs.ss = QSP_BYTES_OF(ss.b);
	}
	if ((e = qsp_schedule_rekey_prk(cx, c->kem, &c->es, &inputs, &prk, confirm)) != 0)
		return e;
	if (!qsp_ct_equal(confirm, m.confirm.p, sizeof(confirm)))
		return qsp_engine_fail(c, QSP_E_REKEY, "REKEY_ACK: wrong confirmation");
	if ((e = qsp_schedule_rekey_next(cx, c->kem, &prk, rk->init, in->whole, &c->es_next)) !=
		    0 ||
	    (e = say_done(c, m.new_epoch)) != 0 ||
	    (e = qsp_engine_switch_rx(c, &c->es_next, m.new_epoch)) != 0 ||
	    (e = qsp_resume_advance(c, &c->es_next)) != 0)
		return e;
	finished(c, flags);
	return QSP_OK;
}

/* [P5.1] REKEY_DONE, at the client */
qsp_err
qsp_rekey_on_done(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_msg_rekey_done m;
	qsp_err e;

	if (qsp_msg_get_rekey_done(in->body, &m) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "REKEY_DONE: malformed");
	if (m.new_epoch != c->rx.epoch + 1)
		return qsp_engine_fail(c, QSP_E_EPOCH, "REKEY_DONE: new_epoch is not the next one");
	if (!c->tx_switched || m.proof.n != qsp_hash_len(c->kem->hash) ||
	    !qsp_ct_equal(m.proof.p, c->rekey->done, m.proof.n))
		return qsp_engine_fail(c, QSP_E_REKEY, "REKEY_DONE: wrong proof");
	if ((e = qsp_engine_switch_rx(c, &c->es_next, m.new_epoch)) != 0 ||
	    (e = qsp_resume_advance(c, &c->es_next)) != 0)
		return e;
	qsp_engine_settle(c);
	finished(c, c->rekey->flags);
	return QSP_OK;
}

/* [P5.1] REKEY_REQUEST */
qsp_err
qsp_rekey_on_request(struct qsp_conn *c, const struct qsp_input *in)
{
	uint8_t flags;

	if (qsp_msg_get_u8(in->body, &flags) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "REKEY_REQUEST: malformed");
	if (flags & ~QSP_MSG_REKEY_KEM)
		return qsp_engine_fail(c, QSP_E_REKEY, "REKEY_REQUEST: unknown flags");
	c->request_flags = flags;
	c->request_due = true;
	return QSP_OK;
}

qsp_err
qsp_rekey_ignore(struct qsp_conn *c, const struct qsp_input *in)
{
	(void)c;
	(void)in;
	return QSP_OK;
}

qsp_err
qsp_rekey_on_ping(struct qsp_conn *c, const struct qsp_input *in)
{
	if (qsp_msg_get_u64(in->body, &c->pong) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "PING: malformed");
	c->pong_due = true;
	return QSP_OK;
}

qsp_err
qsp_rekey_on_pong(struct qsp_conn *c, const struct qsp_input *in)
{
	uint64_t token;

	if (qsp_msg_get_u64(in->body, &token) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "PONG: malformed");
	c->ping_answered = token;
	c->pong_seen = true;
	return QSP_OK;
}

bool
qsp_rekey_due(struct qsp_conn *c, struct qsp_now now)
{
	const struct qsp_config *cfg = c->cfg;

	if (c->role != QSP_SERVER || c->rekey || c->tx_switched || c->rx_switched || c->closing ||
	    c->tx.epoch == UINT32_MAX)
		return false;
	if ((cfg->kem_cells && c->cells_kem >= cfg->kem_cells) ||
	    (c->kem_due && now.mono >= c->kem_due)) {
		c->request_flags = QSP_MSG_REKEY_KEM;
		return true;
	}
	if (c->request_due)
		return true;
	c->request_flags = 0;
	return cfg->plain_cells && c->cells_plain >= cfg->plain_cells;
}

/* More than halves/2 times the bound? */
static bool
over(uint64_t count, uint64_t bound, uint64_t halves)
{
	uint64_t most = UINT64_MAX / 4;

	return bound != 0 && count > (bound < most ? bound : most) * halves / 2;
}

/* Have the client's counts passed halves/2 times their bounds? A rekey that has begun is in time. */
static bool
passed(const struct qsp_conn *c, uint64_t halves)
{
	return c->role == QSP_CLIENT && !c->rekey &&
	       (over(c->cells_plain, c->cfg->plain_cells, halves) ||
		over(c->cells_kem, c->cfg->kem_cells, halves));
}

qsp_err
qsp_rekey_overdue(struct qsp_conn *c, struct qsp_now now)
{
	if (passed(c, 4) || now.mono >= qsp_rekey_hold_ends(c))
		return qsp_engine_fail(c, QSP_E_POLICY, "the server does not change keys in time");
	return QSP_OK;
}

bool
qsp_rekey_holds(struct qsp_conn *c, struct qsp_now now)
{
	if (!passed(c, 3)) {
		c->held_since = 0;
		return false;
	}
	if (c->held_since == 0) {
		c->held_since = now.mono ? now.mono : 1;
		c->request_flags = 0;
		c->request_due = true;
	}
	return true;
}

qsp_time
qsp_rekey_hold_ends(const struct qsp_conn *c)
{
	return c->held_since && passed(c, 3) ? c->held_since + HOLD_MS : UINT64_MAX;
}

void
qsp_rekey_count(struct qsp_conn *c, struct qsp_now now, size_t bytes)
{
	size_t cells = (bytes + QSP_CELL_LEN - 1) / QSP_CELL_LEN;

	c->cells_plain += cells;
	c->cells_kem += cells;
	if (c->kem_due == 0 && c->role == QSP_SERVER)
		c->kem_due = qsp_engine_kem_due(c, now);
}
