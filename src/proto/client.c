/* SPDX-License-Identifier: ISC */
/* The client's handshake up to the point where it knows the server: M1, M2, KEM_S, FIN_S [P4]. */
#include "proto/client.h"

#include "base/ct.h"
#include "crypto/elligator2.h"
#include "crypto/kemeleon.h"
#include "crypto/rand.h"
#include "crypto/x25519.h"
#include "proto/engine.h"
#include "proto/flight.h"
#include "proto/resume.h"

/* Where things stand in M1 [P4.2]. */
#define M1_MARK 32
#define M1_SLOT (M1_MARK + QSP_MARK_LEN)

static const uint8_t *
host_x(const struct qsp_conn *c)
{
	return c->facts->host_key.blob + 1;
}

static const uint8_t *
host_ek(const struct qsp_conn *c)
{
	return c->facts->host_key.blob + 1 + QSP_X25519_LEN;
}

/* R_c and mark; dh is NULL in layout T. */
static qsp_err
put_mark(struct qsp_conn *c, const struct qsp_input *in, const uint8_t ok[static 32],
	 const uint8_t *dh, uint8_t *m1)
{
	QSP_WIPED(qsp_key32) key = { { 0 } };
	qsp_err e;

	e = qsp_schedule_mark_key(qsp_engine_crypto(c), ok, dh, c->layout, c->kem->id, &key);
	if (e)
		return e;
	return qsp_schedule_mark(qsp_engine_crypto(c), &key, m1,
				 (uint32_t)(in->now.wall / QSP_HOUR_MS), m1 + M1_MARK);
}

/* The slot of layout K: a ciphertext to the host's key, Kemeleon-encoded [P4.2]. */
static qsp_err
put_slot_k(struct qsp_conn *c, struct qsp_transcript *t, const uint8_t dh[static 32], uint8_t *slot)
{
	QSP_WIPED(qsp_key32) ss = { { 0 } };
	uint8_t ct[QSP_KEM_CT_MAX];
	qsp_err e;

	if ((e = qsp_kem_encaps_fresh(t->cx, c->kem, host_ek(c), ct, ss.b)) != 0 ||
	    (e = qsp_kemeleon_put_ct(t->cx, c->kem, ct, slot)) != 0)
		return e;
	qsp_transcript_mix_key(t, dh);
	qsp_flight_mask(t, "m1 slot", slot);
	qsp_transcript_mix_hash(t, qsp_bytes(slot, c->kem->slot_len));
	qsp_transcript_mix_key(t, ss.b);
	return t->err;
}

/* The slot of layout T: the ephemeral key, and random fill. */
static qsp_err
put_slot_t(struct qsp_conn *c, struct qsp_transcript *t, const uint8_t *ek, uint8_t *slot)
{
	size_t fill = (size_t)c->kem->slot_len - c->kem->ek_len;
	qsp_err e;

	if ((e = qsp_kemeleon_put_ek(t->cx, c->kem, ek, slot)) != 0 ||
	    (e = qsp_rand_bytes(t->cx, slot + c->kem->ek_len, fill)) != 0)
		return e;
	qsp_flight_mask(t, "m1 slot", slot);
	qsp_transcript_mix_hash(t, qsp_bytes(slot, c->kem->slot_len));
	return t->err;
}

static qsp_err
put_e1(struct qsp_conn *c, struct qsp_transcript *t, const struct qsp_input *in, const uint8_t *ek,
       uint8_t *e1)
{
	size_t e1_len = QSP_E_LEN(c->kem);
	struct qsp_msg_e1 m = { .version = QSP_VERSION_1,
				.flags = c->cfg->resumable ? QSP_MSG_E1_RESUMABLE : 0,
				.unix_ms = in->now.wall };
	struct qsp_writer w = qsp_writer_of(e1, e1_len);
	qsp_err e;

	memcpy(m.aeads, c->cfg->aeads, c->cfg->n_aeads);
	if ((e = qsp_rand_bytes(t->cx, m.nonce, sizeof(m.nonce))) != 0)
		return e;
	m.ek = c->layout == QSP_LAYOUT_K ? ek : NULL;
	qsp_msg_put_e1(&w, &m, m.ek ? c->kem->ek_len : 0);
	if ((e = qsp_writer_done(&w)) != 0)
		return e;
	qsp_flight_seal(t, "m1 enc", "m1 mac", e1, e1_len);
	return t->err;
}

/* OK of the peer's class, and the transcript that starts from it [P3, P4]. */
static qsp_err
start_transcript(struct qsp_conn *c, const struct qsp_peer *peer, uint8_t ok[static 32],
		 struct qsp_transcript *t)
{
	const struct qsp_crypto *cx = qsp_engine_crypto(c);
	qsp_err e = QSP_OK;

	if (peer->ok_class == QSP_OK_PSK)
		e = qsp_schedule_ok_psk(cx, peer->secret, ok);
	else if (peer->ok_class == QSP_OK_FIRST_CONTACT)
		e = qsp_schedule_ok_first_contact(cx, ok);
	else
		memcpy(ok, peer->secret, QSP_OK_LEN);
	if (e)
		return e;
	*t = qsp_transcript_start(cx, c->kem, c->layout, peer->host_key ? peer->host_key->id : NULL,
				  (uint8_t)c->wire->id, ok);
	if (peer->ok_class == QSP_OK_PSK)
		qsp_transcript_mix_key(t, peer->secret);
	return t->err;
}

/* [P4.2] M1 */
qsp_err
qsp_client_on_start(struct qsp_conn *c, const struct qsp_input *in)
{
	const struct qsp_peer *peer = in->answer;
	QSP_WIPED(qsp_transcript) t = { 0 };
	QSP_WIPED(qsp_key32) ok = { { 0 } };
	QSP_WIPED(qsp_key32) dh = { { 0 } };
	uint8_t seed[QSP_KEM_SEED_LEN], ek[QSP_KEM_EK_MAX];
	struct qsp_outgoing *o = qsp_queue_new_flight();
	bool k = c->layout == QSP_LAYOUT_K;
	uint8_t *m1 = o ? o->data : NULL;
	qsp_err e = o ? QSP_OK : QSP_E_NOMEM;

	if (e || (e = start_transcript(c, peer, ok.b, &t)) != 0 ||
	    (e = qsp_elligator2_keypair(t.cx, c->hs->x.b, m1)) != 0 ||
	    (k && (e = qsp_x25519_dh(t.cx, c->hs->x.b, host_x(c), dh.b)) != 0) ||
	    (e = qsp_rand_bytes(t.cx, seed, sizeof(seed))) != 0 ||
	    (e = qsp_kem_key_new(t.cx, c->kem, seed, ek, &c->hs->ek_e)) != 0 ||
	    (e = put_mark(c, in, ok.b, k ? dh.b : NULL, m1)) != 0)
		goto out;
	qsp_transcript_mix_hash(&t, qsp_bytes(m1, M1_SLOT));
	e = k ? put_slot_k(c, &t, dh.b, m1 + M1_SLOT) : put_slot_t(c, &t, ek, m1 + M1_SLOT);
	if (e || (e = put_e1(c, &t, in, ek, m1 + M1_SLOT + c->kem->slot_len)) != 0)
		goto out;
	c->hs->t = t;
	qsp_queue_add(c, o, QSP_THEN_NOTHING);
	o = NULL;
out:
	qsp_mem_wipe(seed, sizeof(seed));
	qsp_queue_free(o);
	return e;
}

/* R_s, DH, slot and E2 of M2 into pt; nothing of c changes. */
static qsp_err
open_m2(const struct qsp_conn *c, struct qsp_transcript *t, const uint8_t *m2,
	uint8_t point[static 32], uint8_t *pt)
{
	QSP_WIPED(qsp_key32) dh = { { 0 } };
	QSP_WIPED(qsp_key32) ss = { { 0 } };
	uint8_t slot[QSP_KEM_SLOT_MAX], ct[QSP_KEM_CT_MAX];
	qsp_err e;

	if ((e = qsp_elligator2_map(m2, point)) != 0 ||
	    (e = qsp_x25519_dh(t->cx, c->hs->x.b, point, dh.b)) != 0)
		return e;
	qsp_transcript_mix_hash(t, qsp_bytes(m2, 32));
	qsp_transcript_mix_key(t, dh.b);
	memcpy(slot, m2 + 32, c->kem->slot_len);
	qsp_flight_mask(t, "m2 slot", slot);
	qsp_kemeleon_get_ct(c->kem, slot, ct);
	qsp_transcript_mix_hash(t, qsp_bytes(m2 + 32, c->kem->slot_len));
	if (t->err)
		return t->err;
	if ((e = qsp_kem_decaps(t->cx, c->kem, c->hs->ek_e, ct, ss.b)) != 0)
		return e;
	qsp_transcript_mix_key(t, ss.b);
	return qsp_flight_open(t, "m2 enc", "m2 mac", m2 + 32 + c->kem->slot_len,
			       QSP_E2_LEN(c->kem), pt);
}

static bool
offered(const struct qsp_config *cfg, uint8_t aead)
{
	for (size_t i = 0; i < cfg->n_aeads; i++)
		if (cfg->aeads[i] == aead)
			return true;
	return false;
}

/* X_S || ek_S of layout T becomes the host key that the user is asked about. */
static qsp_err
take_host_key(struct qsp_conn *c, const uint8_t *x_ek)
{
	uint8_t blob[QSP_KEY_BLOB_MAX];

	blob[0] = c->kem->id;
	memcpy(blob + 1, x_ek, QSP_X25519_LEN + (size_t)c->kem->ek_len);
	return qsp_key_public_parse(qsp_engine_crypto(c),
				    qsp_bytes(blob, 1u + QSP_X25519_LEN + c->kem->ek_len),
				    &c->facts->host_key);
}

/* [P4.3] M2 */
qsp_err
qsp_client_on_m2(struct qsp_conn *c, const struct qsp_input *in)
{
	QSP_WIPED(qsp_transcript) t = c->hs->t;
	bool k = c->layout == QSP_LAYOUT_K;
	uint8_t pt[QSP_E_MAX], point[32];
	struct qsp_msg_e2 m;
	qsp_err e;

	e = open_m2(c, &t, in->whole.p, point, pt);
	if (e)
		return qsp_engine_fail(c, e == QSP_E_INPUT ? QSP_E_HANDSHAKE : e,
				       "M2: wrong tag (another host key, or damage on the way)");
	e = qsp_msg_get_e2(qsp_bytes(pt, QSP_E2_LEN(c->kem)),
			   k ? 0 : QSP_X25519_LEN + (size_t)c->kem->ek_len, &m);
	/* The tag was right, so the server speaks QSP/1 and may be told in epoch 0. */
	c->aead = qsp_aead_by_id(e == 0 && offered(c->cfg, m.aead) ? m.aead : c->cfg->aeads[0]);
	if (c->wire->id == QSP_WIRE_CELLS && !e)
		c->session_id = m.session_id;
	c->hs->t = t;
	if (qsp_engine_enter_epoch_0(c, &c->hs->t) != 0)
		return qsp_engine_fail(c, QSP_E_CRYPTO, "M2: keys of epoch 0");
	if (e || m.version != QSP_VERSION_1 || m.reserved != 0 || !offered(c->cfg, m.aead) ||
	    m.session_id != c->session_id || (!k && take_host_key(c, m.host_key) != 0))
		return qsp_engine_fail(c, QSP_E_HANDSHAKE, "M2: a field that must not be so");
	if (c->cfg->resumable && (m.flags & QSP_MSG_E2_RESUMABLE) && (e = qsp_resume_grant(c)) != 0)
		return e;
	memcpy(c->hs->peer_point, point, 32);
	qsp_kem_key_free(c->hs->ek_e);
	c->hs->ek_e = NULL;
	c->hs->certificate_due = m.flags & QSP_MSG_E2_CERTIFICATE;
	c->raised = c->hs->certificate_due ? QSP_EV_ASK_CERTIFICATE
		    : k                    ? QSP_EV_ASK_LOGIN
					   : QSP_EV_ASK_TRUST;
	return QSP_OK;
}

/* [P4.5] CERTIFICATE: kept whole for whoever decides about trust */
qsp_err
qsp_client_on_certificate(struct qsp_conn *c, const struct qsp_input *in)
{
	uint8_t *copy = qsp_mem_copy(in->body);

	if (!copy)
		return QSP_E_NOMEM;
	c->hs->certificate = qsp_bytes(copy, in->body.n);
	qsp_transcript_mix_hash(&c->hs->t, in->whole);
	c->raised = c->layout == QSP_LAYOUT_K ? QSP_EV_ASK_LOGIN : QSP_EV_ASK_TRUST;
	return c->hs->t.err;
}

/* [P4.5] KEM_S, once the host key is trusted */
qsp_err
qsp_client_on_trusted(struct qsp_conn *c, const struct qsp_input *in)
{
	QSP_WIPED(qsp_transcript) t = c->hs->t;
	QSP_WIPED(qsp_key32) dh = { { 0 } };
	QSP_WIPED(qsp_key32) ss = { { 0 } };
	struct qsp_outgoing *o;
	struct qsp_writer w;
	uint8_t *ct;
	qsp_err e;

	if (!*(const bool *)in->answer)
		return qsp_engine_fail(c, QSP_E_TRUST, "the host key was not accepted");
	o = qsp_queue_new(QSP_TYPE_HANDSHAKE, QSP_MSG_KEM_S, c->kem->ct_len, &w);
	ct = qsp_writer_room(&w, c->kem->ct_len);
	if (!ct)
		e = QSP_E_NOMEM;
	else if ((e = qsp_x25519_dh(t.cx, c->hs->x.b, host_x(c), dh.b)) == 0)
		e = qsp_kem_encaps_fresh(t.cx, c->kem, host_ek(c), ct, ss.b);
	if (e) {
		qsp_queue_free(o);
		return e;
	}
	if ((e = qsp_engine_say(c, &t, o, &w, QSP_THEN_NOTHING)) != 0)
		return e;
	qsp_transcript_mix_key(&t, dh.b);
	qsp_transcript_mix_key(&t, ss.b);
	c->hs->t = t;
	return t.err;
}

/* [P4.5] FIN_S: the server holds the key that it showed */
qsp_err
qsp_client_on_fin_s(struct qsp_conn *c, const struct qsp_input *in)
{
	QSP_WIPED(qsp_transcript) t = c->hs->t;
	uint8_t mac[QSP_HASH_MAX];

	qsp_transcript_mac(&t, "fin s", mac);
	if (t.err)
		return t.err;
	if (in->body.n != t.len || !qsp_ct_equal(mac, in->body.p, t.len))
		return qsp_engine_fail(c, QSP_E_HANDSHAKE, "FIN_S: wrong");
	qsp_transcript_mix_hash(&t, in->whole);
	c->hs->t = t;
	return t.err;
}

/* [P4.6] SERVER_INFO */
qsp_err
qsp_client_on_server_info(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_msg_server_info m;

	if (qsp_msg_get_server_info(in->body, &m) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "SERVER_INFO: malformed");
	if (m.secret.n == QSP_OK_LEN) {
		memcpy(c->facts->secret, m.secret.p, QSP_OK_LEN);
		c->facts->has_secret = true;
	}
	if (m.shaping.n >= 2) {
		c->facts->shaping.modes = m.shaping.p[0];
		c->facts->shaping.ceiling = m.shaping.p[1];
		c->facts->has_shaping = true;
	}
	return QSP_OK;
}
