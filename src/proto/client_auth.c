/* SPDX-License-Identifier: ISC */
/*
 * Logging in, the client's side [P4.5]. Every attempt starts from the ck that stood before it;
 * h keeps all that was said.
 */
#include "proto/client_auth.h"

#include "base/ct.h"
#include "crypto/rand.h"
#include "crypto/sig.h"
#include "proto/engine.h"
#include "proto/proof.h"
#include "proto/resume.h"

/* What follows `string user || u8 method`, by method. */
static void
put_body(struct qsp_writer *w, const struct qsp_login *l)
{
	if (l->method == QSP_METHOD_KEM) {
		qsp_writer_u8(w, l->key->blob[0]);
		qsp_writer_put(w, QSP_BYTES_OF(l->key->id));
	} else if (l->method == QSP_METHOD_SIGNATURE) {
		qsp_writer_put(w, qsp_bytes(l->key->blob, l->key->len));
	} else if (l->method == QSP_METHOD_PASSWORD) {
		qsp_writer_vec16(w, l->password);
	} else if (l->method == QSP_METHOD_RESUME) {
		qsp_msg_put_resume(w, l->ticket, l->progress.received);
	}
}

static uint8_t
event_of(enum qsp_method method)
{
	switch (method) {
	case QSP_METHOD_KEM: return QSP_EV_REQUESTED;
	case QSP_METHOD_SIGNATURE: return QSP_EV_ASK_SIGN;
	case QSP_METHOD_INTERACTIVE: return QSP_EV_INTERACTIVE;
	case QSP_METHOD_RESUME: return QSP_EV_RESUME;
	default: return QSP_EV_PROVED;
	}
}

/* [P4.5] AUTH_REQUEST */
qsp_err
qsp_client_auth_on_login(struct qsp_conn *c, const struct qsp_input *in)
{
	const struct qsp_login *l = in->answer;
	struct qsp_handshake *hs = c->hs;
	QSP_WIPED(qsp_transcript) t = hs->t;
	struct qsp_msg_auth_request m = { .user = l->user, .method = (uint8_t)l->method };
	struct qsp_outgoing *o;
	struct qsp_writer w;
	qsp_err e;

	o = qsp_queue_new(QSP_TYPE_HANDSHAKE, QSP_MSG_AUTH_REQUEST,
			  QSP_USER_MAX + 3 + QSP_KEY_BLOB_MAX + 2 + l->password.n, &w);
	qsp_msg_put_auth_request(&w, &m);
	put_body(&w, l);
	if ((e = qsp_engine_say(c, &t, o, &w, QSP_THEN_NOTHING)) != 0)
		return e;
	hs->ck_before = hs->t.ck;
	hs->t = t;
	hs->method = l->method;
	hs->last = l->last && l->method != QSP_METHOD_INTERACTIVE && l->method != QSP_METHOD_RESUME;
	if (l->key)
		hs->key = *l->key;
	hs->sign_len = qsp_proof_signed(qsp_bytes(hs->t.h, hs->t.len), hs->sign_input).n;
	c->raised = event_of(l->method);
	return QSP_OK;
}

/* [P4.5] AUTH_CHALLENGE: ct_U goes to whoever holds the key */
qsp_err
qsp_client_auth_on_challenge(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_handshake *hs = c->hs;
	const struct qsp_kem *kem = qsp_kem_by_id(hs->key.blob[0]);

	if (in->body.n != kem->ct_len)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "AUTH_CHALLENGE: wrong length");
	qsp_mem_free(hs->ct);
	if ((hs->ct = qsp_mem_copy(in->body)) == NULL)
		return QSP_E_NOMEM;
	qsp_transcript_mix_hash(&hs->t, in->whole);
	hs->question = (struct qsp_decaps_question){
		.point = hs->peer_point,
		.ct = { hs->ct, in->body.n },
	};
	return hs->t.err;
}

/*
 * [P4.5] AUTH_PROOF of a KEM, under t, in which both secrets are mixed. Where the key could not be
 * used after all (a passphrase that nobody knew) the attempt ends as the protocol ends one: with a
 * proof that fails.
 */
static qsp_err
say_proof(struct qsp_conn *c, struct qsp_transcript *t, bool usable)
{
	struct qsp_writer w;
	struct qsp_outgoing *o = qsp_queue_new(QSP_TYPE_HANDSHAKE, QSP_MSG_AUTH_PROOF, t->len, &w);
	uint8_t *proof = qsp_writer_room(&w, t->len);
	qsp_err e;

	if (proof && usable) {
		qsp_transcript_mac(t, "fin c", proof);
	} else if (proof && (e = qsp_rand_bytes(t->cx, proof, t->len)) != 0) {
		qsp_queue_free(o);
		return e;
	}
	if ((e = qsp_engine_say(c, t, o, &w, QSP_THEN_NOTHING)) != 0)
		return e;
	c->hs->t = *t;
	c->raised = QSP_EV_PROVED;
	return QSP_OK;
}

qsp_err
qsp_client_auth_on_keys(struct qsp_conn *c, const struct qsp_input *in)
{
	const struct qsp_decaps_answer *a = in->answer;
	QSP_WIPED(qsp_transcript) t = c->hs->t;
	bool usable = a && a->dh_ok[0];
	qsp_err e;

	if (usable) {
		qsp_transcript_mix_key(&t, a->dh[0]);
		qsp_transcript_mix_key(&t, a->ss);
	}
	if ((e = say_proof(c, &t, usable)) == 0 && !a)
		c->hs->last = false;
	return e;
}

/* The key is an agent's, which mixed both by itself. */
qsp_err
qsp_client_auth_on_mixed(struct qsp_conn *c, const struct qsp_input *in)
{
	const struct qsp_bytes *ck = in->answer;
	QSP_WIPED(qsp_transcript) t = c->hs->t;

	memcpy(t.ck.b, ck->p, t.len);
	return say_proof(c, &t, true);
}

/* [P4.5] AUTH_PROOF of a signature, right behind its AUTH_REQUEST */
qsp_err
qsp_client_auth_on_signed(struct qsp_conn *c, const struct qsp_input *in)
{
	const struct qsp_bytes *signature = in->answer;
	const struct qsp_sig *s = qsp_sig_by_type(c->hs->key.blob[0]);
	struct qsp_outgoing *o;
	struct qsp_writer w;
	qsp_err e;

	if (!s || (signature->n != s->sig_len && signature->n != 0))
		return QSP_E_STATE;
	o = qsp_queue_new(QSP_TYPE_HANDSHAKE, QSP_MSG_AUTH_PROOF, s->sig_len, &w);
	qsp_writer_put(&w, *signature);
	qsp_writer_zero(&w, s->sig_len - signature->n);
	if ((e = qsp_engine_say(c, &c->hs->t, o, &w, QSP_THEN_NOTHING)) != 0)
		return e;
	if (signature->n == 0)
		c->hs->last = false;
	c->raised = QSP_EV_PROVED;
	return QSP_OK;
}

qsp_err
qsp_client_auth_on_proved(struct qsp_conn *c, const struct qsp_input *in)
{
	(void)in;
	c->raised = c->hs->last ? QSP_EV_PIPELINE : QSP_EV_NONE;
	return qsp_engine_derive_epoch_1(c, &c->hs->t);
}

/* [P4.5] EPOCH: the client's last cell of epoch 0 */
static qsp_err
say_epoch(struct qsp_conn *c)
{
	struct qsp_writer w;
	struct qsp_outgoing *o = qsp_queue_new(QSP_TYPE_HANDSHAKE, QSP_MSG_EPOCH, 0, &w);

	return qsp_engine_say(c, NULL, o, &w, QSP_THEN_SWITCH);
}

qsp_err
qsp_client_auth_on_pipeline(struct qsp_conn *c, const struct qsp_input *in)
{
	(void)in;
	return say_epoch(c);
}

/* [P4.5] AUTH_OK: the server's epoch 1 begins right behind it */
qsp_err
qsp_client_auth_on_ok_pipelined(struct qsp_conn *c, const struct qsp_input *in)
{
	uint8_t mac[QSP_HASH_MAX];
	qsp_err e;

	qsp_transcript_mac(&c->hs->t, "fin ok", mac);
	if ((e = c->hs->t.err) != 0)
		return e;
	if (in->body.n != c->hs->t.len || !qsp_ct_equal(mac, in->body.p, c->hs->t.len))
		return qsp_engine_fail(c, QSP_E_HANDSHAKE, "AUTH_OK: wrong");
	if ((e = qsp_engine_switch_rx(c, &c->es_next, 1)) != 0)
		return e;
	qsp_resume_begin(c);
	qsp_engine_settle(c);
	qsp_engine_free_handshake(c);
	return QSP_OK;
}

qsp_err
qsp_client_auth_on_ok(struct qsp_conn *c, const struct qsp_input *in)
{
	qsp_err e = qsp_client_auth_on_ok_pipelined(c, in);

	if (!e)
		e = say_epoch(c);
	return e ? e : qsp_resume_say_first(c);
}

static qsp_err
take_failure(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_handshake *hs = c->hs;
	struct qsp_client_facts *f = c->facts;
	struct qsp_msg_auth_failure m;

	if (qsp_msg_get_auth_failure(in->body, &m) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "AUTH_FAILURE: malformed");
	f->n_methods = (uint8_t)(m.methods.n < QSP_METHODS_MAX ? m.methods.n : QSP_METHODS_MAX);
	memcpy(f->methods, m.methods.p, f->n_methods);
	f->partial = m.partial;
	hs->failures++;
	qsp_transcript_mix_hash(&hs->t, in->whole);
	if (!m.partial)
		hs->t.ck = hs->ck_before;
	qsp_es_wipe(&c->es_next);
	qsp_resume_reset(c);
	return hs->t.err;
}

qsp_err
qsp_client_auth_on_failure(struct qsp_conn *c, const struct qsp_input *in)
{
	return take_failure(c, in);
}

/* EPOCH is out already, so there is no going on [P4.5]. */
qsp_err
qsp_client_auth_on_last_failure(struct qsp_conn *c, const struct qsp_input *in)
{
	qsp_err e = take_failure(c, in);

	return e ? e : qsp_engine_fail(c, QSP_E_AUTH, "the only method that was tried failed");
}

/* [P4.5] PROMPT, kept whole until it is answered */
qsp_err
qsp_client_auth_on_prompt(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_handshake *hs = c->hs;
	struct qsp_prompt m;

	if (qsp_msg_get_prompt(in->body, &m) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "PROMPT: malformed");
	qsp_mem_wipe_free(hs->body, hs->body_len);
	hs->body_len = in->body.n;
	if ((hs->body = qsp_mem_copy(in->body)) == NULL)
		return QSP_E_NOMEM;
	qsp_transcript_mix_hash(&hs->t, in->whole);
	return hs->t.err;
}

/* [P4.5] REPLY; it may have been the last, so the keys of epoch 1 are taken anew */
qsp_err
qsp_client_auth_on_replied(struct qsp_conn *c, const struct qsp_input *in)
{
	const struct qsp_reply *r = in->answer;
	size_t room = 1;
	struct qsp_outgoing *o;
	struct qsp_writer w;
	qsp_err e;

	for (size_t i = 0; i < r->n; i++)
		room += 2 + r->text[i].n;
	o = qsp_queue_new(QSP_TYPE_HANDSHAKE, QSP_MSG_REPLY, room, &w);
	qsp_msg_put_reply(&w, r);
	if ((e = qsp_engine_say(c, &c->hs->t, o, &w, QSP_THEN_NOTHING)) != 0)
		return e;
	return qsp_engine_derive_epoch_1(c, &c->hs->t);
}
