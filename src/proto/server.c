/* SPDX-License-Identifier: ISC */
/*
 * The server's handshake up to the point where it is known: M1, M2, KEM_S, FIN_S [P4].
 *
 * An M1 is judged in the order of [P4.2]: Elligator map, marks, decapsulation, tag, clock, replay
 * cache; nothing is entered anywhere before the tag has verified.
 */
#include "proto/server.h"

#include "base/ct.h"
#include "crypto/elligator2.h"
#include "crypto/kemeleon.h"
#include "crypto/rand.h"
#include "crypto/x25519.h"
#include "proto/engine.h"
#include "proto/flight.h"
#include "proto/resume.h"

#define M1_MARK 32
#define M1_SLOT (M1_MARK + QSP_MARK_LEN)

static qsp_err
silent(struct qsp_conn *c, const char *why)
{
	return qsp_engine_fail(c, QSP_E_SILENT, why);
}

static const struct qsp_kem *
kem_of(const struct qsp_key_public *host_key)
{
	return qsp_kem_by_id(host_key->blob[0]);
}

/* Does M1 bear the mark of this key in hour -1, 0 or +1? Looks at all three, whatever it finds. */
static bool
marked(const struct qsp_conn *c, const struct qsp_input *in, const uint8_t ok[static 32],
       const uint8_t *dh, uint8_t layout, uint8_t kem)
{
	const struct qsp_crypto *cx = qsp_engine_crypto(c);
	uint32_t hour = (uint32_t)(in->now.wall / QSP_HOUR_MS);
	QSP_WIPED(qsp_key32) key = { { 0 } };
	uint8_t mark[QSP_MARK_LEN];
	bool found = false;

	if (qsp_schedule_mark_key(cx, ok, dh, layout, kem, &key) != 0)
		return false;
	for (uint32_t h = hour - 1; h != hour + 2; h++)
		if (qsp_schedule_mark(cx, &key, c->hs->flight, h, mark) == 0 &&
		    qsp_ct_equal(mark, c->hs->flight + M1_MARK, QSP_MARK_LEN))
			found = true;
	return found;
}

/* The key under which M1 is marked in this layout with this host key, or NULL. */
static const struct qsp_listen_key *
find_mark(const struct qsp_conn *c, const struct qsp_input *in, const uint8_t *dh, uint8_t layout,
	  uint8_t kem)
{
	const struct qsp_config *cfg = c->cfg;

	if (cfg->first_contact && marked(c, in, cfg->first_contact_key.ok, dh, layout, kem))
		return &cfg->first_contact_key;
	for (size_t i = 0; i < cfg->n_keys; i++) {
		if (cfg->keys[i].age == QSP_SECRET_RETIRED && layout != QSP_LAYOUT_K)
			continue; /* [P4.6] */
		if (marked(c, in, cfg->keys[i].ok, dh, layout, kem))
			return &cfg->keys[i];
	}
	return NULL;
}

/* What is known once a mark fitted. */
static void
choose(struct qsp_conn *c, const struct qsp_listen_key *listen, unsigned host_key, uint8_t layout)
{
	c->hs->listen = listen;
	c->hs->host_key = host_key;
	c->kem = kem_of(&c->cfg->host_keys[host_key]);
	c->layout = layout;
	c->ok_class = (uint8_t)listen->ok_class;
	c->psk_index = (int16_t)listen->psk_index;
}

/* [P4.2] M1 arrived: its point, and whether a mark of layout T fits */
qsp_err
qsp_server_on_m1(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_handshake *hs = c->hs;
	const struct qsp_listen_key *listen;

	memcpy(hs->flight, in->whole.p, QSP_FLIGHT_LEN);
	if (qsp_elligator2_map(hs->flight, hs->peer_point) != 0)
		return silent(c, NULL);
	for (unsigned i = 0; i < c->cfg->n_host_keys; i++) {
		uint8_t kem = c->cfg->host_keys[i].blob[0];

		listen = find_mark(c, in, NULL, QSP_LAYOUT_T, kem);
		if (listen) {
			choose(c, listen, i, QSP_LAYOUT_T);
			c->raised = QSP_EV_LAYOUT_T;
			return QSP_OK;
		}
	}
	c->raised = QSP_EV_ASK_KEYS;
	return QSP_OK;
}

qsp_err
qsp_server_ask_dh(struct qsp_conn *c, const struct qsp_input *in)
{
	(void)in;
	c->hs->question = (struct qsp_decaps_question){
		.all_keys = true,
		.point = c->hs->peer_point,
	};
	return QSP_OK;
}

/* h and ck after R_c and mark, of the key and layout that were found */
static struct qsp_transcript
start_transcript(const struct qsp_conn *c)
{
	const struct qsp_listen_key *l = c->hs->listen;
	const struct qsp_key_public *key = &c->cfg->host_keys[c->hs->host_key];
	struct qsp_transcript t;

	t = qsp_transcript_start(qsp_engine_crypto(c), c->kem, c->layout,
				 c->layout == QSP_LAYOUT_K ? key->id : NULL, (uint8_t)c->wire->id,
				 l->ok);
	if (l->ok_class == QSP_OK_PSK)
		qsp_transcript_mix_key(&t, l->psk);
	qsp_transcript_mix_hash(&t, qsp_bytes(c->hs->flight, M1_SLOT));
	return t;
}

/* The slot in clear; the transcript has mixed it as it stood on the wire. */
static void
open_slot(const struct qsp_conn *c, struct qsp_transcript *t, uint8_t slot[static QSP_KEM_SLOT_MAX])
{
	const uint8_t *wire = c->hs->flight + M1_SLOT;

	memcpy(slot, wire, c->kem->slot_len);
	qsp_flight_mask(t, "m1 slot", slot);
	qsp_transcript_mix_hash(t, qsp_bytes(wire, c->kem->slot_len));
}

/* [P4.2] layout K: which host key, and under which obfuscation key? */
qsp_err
qsp_server_on_dh(struct qsp_conn *c, const struct qsp_input *in)
{
	const struct qsp_decaps_answer *a = in->answer;
	struct qsp_handshake *hs = c->hs;
	uint8_t slot[QSP_KEM_SLOT_MAX];

	for (unsigned i = 0; a && i < c->cfg->n_host_keys && !hs->listen; i++) {
		uint8_t kem = c->cfg->host_keys[i].blob[0];
		const struct qsp_listen_key *listen;

		if (!a->dh_ok[i])
			continue;
		listen = find_mark(c, in, a->dh[i], QSP_LAYOUT_K, kem);
		if (listen) {
			choose(c, listen, i, QSP_LAYOUT_K);
			hs->t = start_transcript(c);
			qsp_transcript_mix_key(&hs->t, a->dh[i]);
		}
	}
	if (!hs->listen)
		return silent(c, NULL);
	open_slot(c, &hs->t, slot);
	if ((hs->ct = qsp_mem_alloc(c->kem->ct_len)) == NULL)
		return QSP_E_NOMEM;
	qsp_kemeleon_get_ct(c->kem, slot, hs->ct);
	hs->question = (struct qsp_decaps_question){
		.key = hs->host_key,
		.ct = { hs->ct, c->kem->ct_len },
	};
	return hs->t.err;
}

static const struct qsp_aead *
choose_aead(const struct qsp_config *cfg, const uint8_t offered[static 6])
{
	for (size_t i = 0; i < 6; i++)
		for (size_t j = 0; j < cfg->n_aeads; j++)
			if (offered[i] == cfg->aeads[j])
				return qsp_aead_by_id(offered[i]);
	return NULL;
}

/* [P4.2] what a verified E1 must still satisfy; the replay cache comes last */
static qsp_err
judge(struct qsp_conn *c, const struct qsp_input *in, const struct qsp_msg_e1 *m)
{
	const struct qsp_config *cfg = c->cfg;
	uint64_t age =
		m->unix_ms > in->now.wall ? m->unix_ms - in->now.wall : in->now.wall - m->unix_ms;
	uint8_t entry[QSP_HASH_MAX];
	struct qsp_bytes parts[] = {
		{ c->hs->flight, 32 },
		{ c->hs->flight + M1_SLOT, c->kem->slot_len },
	};

	if (m->version != QSP_VERSION_1)
		return silent(c, "M1: another version");
	if (age > QSP_CLOCK_SKEW_MS)
		return silent(c, "M1: the clocks differ by more than 10 minutes");
	if (m->unix_ms < cfg->not_before)
		return silent(c, "M1: older than the replay cache");
	if ((c->aead = choose_aead(cfg, m->aeads)) == NULL)
		return silent(c, "M1: no cipher in common");
	if (m->ek && qsp_kem_check_ek(c->kem, m->ek) != 0)
		return silent(c, "M1: the ephemeral key is not a key");
	if (qsp_hash_parts(qsp_engine_crypto(c), QSP_HASH_SHA256, parts, 2, entry) != 0)
		return QSP_E_CRYPTO;
	if (!cfg->replay || !cfg->replay(cfg->replay_arg, entry, m->unix_ms + QSP_CLOCK_SKEW_MS))
		return silent(c, "M1: replayed, or the replay cache is full");
	return QSP_OK;
}

/* R_s and the slot of M2: y_s is fresh, ct_e goes to the client's ephemeral key */
static qsp_err
put_m2_keys(struct qsp_conn *c, struct qsp_transcript *t, const uint8_t *ek, uint8_t *m2)
{
	struct qsp_handshake *hs = c->hs;
	QSP_WIPED(qsp_key32) dh = { { 0 } };
	QSP_WIPED(qsp_key32) ss = { { 0 } };
	uint8_t ct[QSP_KEM_CT_MAX], *slot = m2 + 32;
	qsp_err e;

	if ((e = qsp_elligator2_keypair(t->cx, hs->x.b, m2)) != 0 ||
	    (e = qsp_x25519_dh(t->cx, hs->x.b, hs->peer_point, dh.b)) != 0 ||
	    (e = qsp_kem_encaps_fresh(t->cx, c->kem, ek, ct, ss.b)) != 0 ||
	    (e = qsp_kemeleon_put_ct(t->cx, c->kem, ct, slot)) != 0)
		return e;
	qsp_transcript_mix_hash(t, qsp_bytes(m2, 32));
	qsp_transcript_mix_key(t, dh.b);
	qsp_flight_mask(t, "m2 slot", slot);
	qsp_transcript_mix_hash(t, qsp_bytes(slot, c->kem->slot_len));
	qsp_transcript_mix_key(t, ss.b);
	return t->err;
}

/* [P4.5] CERTIFICATE, the first record of epoch 0 */
static qsp_err
say_certificate(struct qsp_conn *c)
{
	struct qsp_writer w;
	struct qsp_outgoing *o =
		qsp_queue_new(QSP_TYPE_HANDSHAKE, QSP_MSG_CERTIFICATE, c->cfg->certificate.n, &w);

	qsp_writer_put(&w, c->cfg->certificate);
	return qsp_engine_say(c, &c->hs->t, o, &w, QSP_THEN_NOTHING);
}

/* [P4.3] M2 */
static qsp_err
say_m2(struct qsp_conn *c, const struct qsp_input *in, struct qsp_transcript *t, const uint8_t *ek)
{
	struct qsp_outgoing *o = qsp_queue_new_flight();
	bool t_layout = c->layout == QSP_LAYOUT_T;
	uint8_t id[8], *e2 = o ? o->data + 32 + c->kem->slot_len : NULL;
	struct qsp_msg_e2 m = {
		.version = QSP_VERSION_1,
		.flags = (uint8_t)((c->cfg->certificate.n ? QSP_MSG_E2_CERTIFICATE : 0) |
				   (c->resumable ? QSP_MSG_E2_RESUMABLE : 0)),
		.aead = c->aead->id,
		.unix_ms = in->now.wall,
		.host_key = t_layout ? c->cfg->host_keys[c->hs->host_key].blob + 1 : NULL,
	};
	struct qsp_writer w = qsp_writer_of(e2, QSP_E2_LEN(c->kem));
	qsp_err e = o ? put_m2_keys(c, t, ek, o->data) : QSP_E_NOMEM;

	if (!e && (e = qsp_rand_bytes(t->cx, id, sizeof(id))) == 0) {
		m.session_id = c->session_id = qsp_bytes_get64(id);
		qsp_msg_put_e2(&w, &m, t_layout ? QSP_X25519_LEN + (size_t)c->kem->ek_len : 0);
		qsp_flight_seal(t, "m2 enc", "m2 mac", e2, QSP_E2_LEN(c->kem));
		if ((e = qsp_writer_done(&w)) == 0)
			e = t->err;
	}
	if (e) {
		qsp_queue_free(o);
		return e;
	}
	qsp_queue_add(c, o, QSP_THEN_NOTHING);
	return QSP_OK;
}

/* E1 and what follows from it; the same for both layouts once ek_e is in sight. */
static qsp_err
answer_m1(struct qsp_conn *c, const struct qsp_input *in, struct qsp_transcript *t,
	  const uint8_t *ek_of_slot)
{
	struct qsp_handshake *hs = c->hs;
	size_t ek_len = ek_of_slot ? 0 : c->kem->ek_len;
	uint8_t pt[QSP_E_MAX];
	struct qsp_msg_e1 m;
	qsp_err e;

	e = qsp_flight_open(t, "m1 enc", "m1 mac", hs->flight + M1_SLOT + c->kem->slot_len,
			    QSP_E_LEN(c->kem), pt);
	if (e)
		return e == QSP_E_INPUT ? silent(c, "M1: wrong tag") : e;
	if (qsp_msg_get_e1(qsp_bytes(pt, QSP_E_LEN(c->kem)), ek_len, &m) != 0)
		return silent(c, "M1: fill is not zero");
	if ((e = judge(c, in, &m)) != 0 ||
	    (c->cfg->resumable && (m.flags & QSP_MSG_E1_RESUMABLE) &&
	     (e = qsp_resume_grant(c)) != 0) ||
	    (e = say_m2(c, in, t, ek_of_slot ? ek_of_slot : m.ek)) != 0)
		return e;
	hs->t = *t;
	if ((e = qsp_engine_enter_epoch_0(c, &hs->t)) == 0 && c->cfg->certificate.n)
		e = say_certificate(c);
	return e;
}

qsp_err
qsp_server_on_layout_t(struct qsp_conn *c, const struct qsp_input *in)
{
	QSP_WIPED(qsp_transcript) t = start_transcript(c);
	uint8_t slot[QSP_KEM_SLOT_MAX], ek[QSP_KEM_EK_MAX];

	open_slot(c, &t, slot);
	qsp_kemeleon_get_ek(c->kem, slot, ek);
	return answer_m1(c, in, &t, ek);
}

qsp_err
qsp_server_on_ss(struct qsp_conn *c, const struct qsp_input *in)
{
	const struct qsp_decaps_answer *a = in->answer;
	QSP_WIPED(qsp_transcript) t = c->hs->t;

	if (!a)
		return silent(c, "M1: the host key could not be used");
	qsp_transcript_mix_key(&t, a->ss);
	return answer_m1(c, in, &t, NULL);
}

/* [P4.5] KEM_S: to be decapsulated by whoever holds the host key */
qsp_err
qsp_server_on_kem_s(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_handshake *hs = c->hs;

	if (in->body.n != c->kem->ct_len)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "KEM_S: wrong length");
	qsp_transcript_mix_hash(&hs->t, in->whole);
	qsp_mem_free(hs->ct);
	if ((hs->ct = qsp_mem_copy(in->body)) == NULL)
		return QSP_E_NOMEM;
	hs->question = (struct qsp_decaps_question){
		.key = hs->host_key,
		.point = hs->peer_point,
		.ct = { hs->ct, c->kem->ct_len },
	};
	return hs->t.err;
}

/* [P4.5] FIN_S */
qsp_err
qsp_server_on_kem_s_keys(struct qsp_conn *c, const struct qsp_input *in)
{
	const struct qsp_decaps_answer *a = in->answer;
	QSP_WIPED(qsp_transcript) t = c->hs->t;
	struct qsp_outgoing *o;
	struct qsp_writer w;
	uint8_t *mac;
	qsp_err e;

	if (!a || !a->dh_ok[0])
		return qsp_engine_fail(c, QSP_E_HANDSHAKE, "KEM_S: the host key could not be used");
	qsp_transcript_mix_key(&t, a->dh[0]);
	qsp_transcript_mix_key(&t, a->ss);
	o = qsp_queue_new(QSP_TYPE_HANDSHAKE, QSP_MSG_FIN_S, t.len, &w);
	if ((mac = qsp_writer_room(&w, t.len)) != NULL)
		qsp_transcript_mac(&t, "fin s", mac);
	if ((e = qsp_engine_say(c, &t, o, &w, QSP_THEN_NOTHING)) != 0)
		return e;
	c->hs->t = t;
	return QSP_OK;
}
