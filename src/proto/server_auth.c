/* SPDX-License-Identifier: ISC */
/*
 * Logging in, the server's side [P4.5]. The engine checks proofs; who may log in with which key is
 * decided outside (QSP_WANT_AUTH). A user or key that is not known gets a challenge all the same,
 * to a decoy, and fails where a wrong proof fails.
 */
#include "proto/server_auth.h"

#include "base/ct.h"
#include "crypto/x25519.h"
#include "proto/engine.h"
#include "proto/proof.h"
#include "proto/resume.h"

/* hs->body becomes a copy of the message that the question borrows from. */
static qsp_err
keep_body(struct qsp_handshake *hs, struct qsp_bytes body)
{
	qsp_mem_wipe_free(hs->body, hs->body_len);
	hs->body_len = body.n;
	hs->body = qsp_mem_copy(body);
	return hs->body ? QSP_OK : QSP_E_NOMEM;
}

/* A proof becomes part of the question, with h as it stood before it. */
static qsp_err
keep_proof(struct qsp_handshake *hs, struct qsp_bytes proof)
{
	qsp_err e = keep_body(hs, proof);

	if (e)
		return e;
	memcpy(hs->h_before, hs->t.h, hs->t.len);
	hs->auth.user = hs->user;
	hs->auth.h = qsp_bytes(hs->h_before, hs->t.len);
	hs->auth.proof = qsp_bytes(hs->body, hs->body_len);
	return QSP_OK;
}

/* The attempt is about one user; after a partial success about the same one [P4.5]. */
static qsp_err
take_user(struct qsp_conn *c, struct qsp_bytes user)
{
	struct qsp_handshake *hs = c->hs;
	uint8_t *copy;

	if (hs->partial && !qsp_bytes_equal(user, hs->user))
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "AUTH_REQUEST: another user than before");
	if ((copy = qsp_mem_copy(user)) == NULL)
		return QSP_E_NOMEM;
	qsp_mem_free((void *)(uintptr_t)hs->user.p);
	hs->user = qsp_bytes(copy, user.n);
	return QSP_OK;
}

/* What follows the method. True where this kind of attempt can go on at all. */
static bool
read_method(struct qsp_conn *c, struct qsp_bytes body)
{
	struct qsp_handshake *hs = c->hs;
	struct qsp_auth_question *q = &hs->auth;
	struct qsp_reader r = qsp_reader_of(body);

	switch (q->method) {
	case QSP_METHOD_KEM:
		q->key_type = qsp_reader_u8(&r);
		qsp_reader_copy(&r, q->key_id, sizeof(q->key_id));
		/* a key type without a decoy: AUTH_FAILURE [P4.5] */
		return qsp_reader_done(&r) == 0 && qsp_key_type_is_kem(q->key_type);
	case QSP_METHOD_SIGNATURE:
		return qsp_key_public_parse(qsp_engine_crypto(c), body, &q->key) == 0 &&
		       !qsp_key_type_is_kem(q->key.blob[0]);
	case QSP_METHOD_PASSWORD:
		q->password = qsp_reader_vec16(&r);
		return qsp_reader_done(&r) == 0;
	case QSP_METHOD_RESUME: return qsp_msg_get_resume(body, &q->ticket, &q->received) == 0;
	case QSP_METHOD_NONE:
	case QSP_METHOD_INTERACTIVE: return body.n == 0;
	}
	return false;
}

/* [P4.5] AUTH_REQUEST */
qsp_err
qsp_server_auth_on_request(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_handshake *hs = c->hs;
	struct qsp_msg_auth_request m;
	qsp_err e;

	if ((e = keep_body(hs, in->body)) != 0)
		return e;
	if (qsp_msg_get_auth_request(qsp_bytes(hs->body, hs->body_len), &m) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "AUTH_REQUEST: malformed");
	if ((e = take_user(c, m.user)) != 0)
		return e;
	hs->ck_before = hs->t.ck;
	qsp_transcript_mix_hash(&hs->t, in->whole);
	hs->auth = (struct qsp_auth_question){ .user = hs->user, .method = m.method };
	if (!read_method(c, m.body))
		c->raised = QSP_EV_REFUSE;
	else
		c->raised = hs->auth.method == QSP_METHOD_SIGNATURE ? QSP_EV_ASK_PROOF
								    : QSP_EV_ASK_AUTH;
	return hs->t.err;
}

/* [P4.5] AUTH_PROOF of a signature: verified before anybody asks who the user is */
qsp_err
qsp_server_auth_on_signature(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_handshake *hs = c->hs;
	qsp_err e = keep_proof(hs, in->body);

	if (e)
		return e;
	hs->auth.has_key = qsp_proof_check_signature(qsp_engine_crypto(c), &hs->auth.key,
						     hs->auth.h, hs->auth.proof) == 0;
	qsp_transcript_mix_hash(&hs->t, in->whole);
	c->raised = hs->auth.has_key ? QSP_EV_ASK_AUTH : QSP_EV_REFUSE;
	return hs->t.err;
}

static bool
interactive(const struct qsp_handshake *hs)
{
	return hs->auth.method == QSP_METHOD_INTERACTIVE;
}

/* What an AUTH_FAILURE will offer. */
static void
take_methods(struct qsp_conn *c, const struct qsp_decision *d)
{
	struct qsp_handshake *hs = c->hs;
	bool own = d->n_methods > 0;

	hs->n_methods = own ? (uint8_t)d->n_methods : c->cfg->n_methods;
	memcpy(hs->methods, own ? d->methods : c->cfg->methods, hs->n_methods);
}

qsp_err
qsp_server_auth_on_decided(struct qsp_conn *c, const struct qsp_input *in)
{
	const struct qsp_decision *d = in->answer;
	struct qsp_handshake *hs = c->hs;
	bool kem = hs->auth.method == QSP_METHOD_KEM;

	if ((d->verdict == QSP_AUTH_PROMPT && (!interactive(hs) || !d->prompt)) ||
	    d->n_methods > QSP_METHODS_MAX)
		return QSP_E_STATE;
	hs->decision = *d;
	hs->decision.ticket = NULL; /* borrowed for the call alone */
	take_methods(c, d);
	if (hs->auth.method == QSP_METHOD_RESUME)
		return qsp_resume_on_ticket(c, d);
	if (kem) {
		hs->doomed =
			d->verdict == QSP_AUTH_REFUSE || !d->key ||
			d->key->blob[0] != hs->auth.key_type ||
			!qsp_bytes_equal(QSP_BYTES_OF(d->key->id), QSP_BYTES_OF(hs->auth.key_id));
		hs->outside = !hs->doomed && d->ct.n > 0;
		hs->key = hs->doomed ? c->cfg->decoys[hs->auth.key_type - 1] : *d->key;
		c->raised = QSP_EV_CHALLENGE;
		return !hs->outside || d->ct.n == qsp_kem_by_id(hs->auth.key_type)->ct_len
			       ? QSP_OK
			       : QSP_E_STATE;
	}
	c->raised = d->verdict == QSP_AUTH_ACCEPT    ? QSP_EV_ACCEPT
		    : d->verdict == QSP_AUTH_PARTIAL ? QSP_EV_PARTIAL
		    : d->verdict == QSP_AUTH_PROMPT  ? QSP_EV_PROMPT
						     : QSP_EV_REFUSE;
	return QSP_OK;
}

/* [P4.5] AUTH_CHALLENGE */
qsp_err
qsp_server_auth_challenge(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_handshake *hs = c->hs;
	const struct qsp_kem *kem = qsp_kem_by_id(hs->key.blob[0]);
	const uint8_t *ek = hs->key.blob + 1 + QSP_X25519_LEN;
	QSP_WIPED(qsp_transcript) t = hs->t;
	QSP_WIPED(qsp_key32) dh = { { 0 } };
	QSP_WIPED(qsp_key32) ss = { { 0 } };
	struct qsp_outgoing *o;
	struct qsp_writer w;
	uint8_t *ct;
	qsp_err e;

	(void)in;
	o = qsp_queue_new(QSP_TYPE_HANDSHAKE, QSP_MSG_AUTH_CHALLENGE, kem->ct_len, &w);
	if ((ct = qsp_writer_room(&w, kem->ct_len)) == NULL)
		e = QSP_E_NOMEM;
	else if ((e = qsp_x25519_dh(t.cx, hs->x.b, hs->key.blob + 1, dh.b)) == 0 && !hs->outside)
		e = qsp_kem_encaps_fresh(t.cx, kem, ek, ct, ss.b);
	if (!e && hs->outside)
		memcpy(ct, hs->decision.ct.p, kem->ct_len);
	if (e) {
		qsp_queue_free(o);
		return e;
	}
	if ((e = qsp_engine_say(c, &t, o, &w, QSP_THEN_NOTHING)) != 0)
		return e;
	qsp_transcript_mix_key(&t, dh.b);
	if (!hs->outside)
		qsp_transcript_mix_key(&t, ss.b);
	hs->t = t;
	return t.err;
}

static uint8_t
accepted(const struct qsp_handshake *hs)
{
	return hs->decision.verdict == QSP_AUTH_PARTIAL ? QSP_EV_PARTIAL : QSP_EV_ACCEPT;
}

/* The proof goes to whoever made the challenge, with ck and h as they stood before it. */
static qsp_err
ask_verdict(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_handshake *hs = c->hs;
	qsp_err e = keep_proof(hs, in->body);

	if (e)
		return e;
	hs->auth.has_proof = true;
	hs->auth.ck = qsp_bytes(hs->t.ck.b, hs->t.len);
	qsp_transcript_mix_hash(&hs->t, in->whole);
	c->raised = QSP_EV_ASK_VERDICT;
	return hs->t.err;
}

/* [P4.5] AUTH_PROOF of a KEM; a proof for a decoy is computed and fails like any other */
qsp_err
qsp_server_auth_on_proof(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_handshake *hs = c->hs;
	uint8_t mac[QSP_HASH_MAX];
	bool good;

	if (hs->outside)
		return ask_verdict(c, in);
	qsp_transcript_mac(&hs->t, "fin c", mac);
	if (hs->t.err)
		return hs->t.err;
	good = in->body.n == hs->t.len && qsp_ct_equal(mac, in->body.p, hs->t.len);
	qsp_transcript_mix_hash(&hs->t, in->whole);
	c->raised = good && !hs->doomed ? accepted(hs) : QSP_EV_REFUSE;
	return hs->t.err;
}

qsp_err
qsp_server_auth_on_verdict(struct qsp_conn *c, const struct qsp_input *in)
{
	const struct qsp_decision *d = in->answer;
	struct qsp_handshake *hs = c->hs;
	bool good = d->verdict == QSP_AUTH_ACCEPT || d->verdict == QSP_AUTH_PARTIAL;

	if (hs->auth.method == QSP_METHOD_RESUME)
		return qsp_resume_on_verdict(c, d);
	if ((good && d->ck.n != hs->t.len) || d->n_methods > QSP_METHODS_MAX)
		return QSP_E_STATE;
	take_methods(c, d);
	hs->auth.has_proof = false;
	hs->decision.verdict = d->verdict;
	if (good)
		memcpy(hs->t.ck.b, d->ck.p, hs->t.len);
	c->raised = good ? accepted(hs) : QSP_EV_REFUSE;
	return QSP_OK;
}

/* [P4.5] PROMPT */
qsp_err
qsp_server_auth_prompt(struct qsp_conn *c, const struct qsp_input *in)
{
	const struct qsp_prompt *p = c->hs->decision.prompt;
	size_t room = 5 + p->name.n + p->instruction.n;
	struct qsp_outgoing *o;
	struct qsp_writer w;

	(void)in;
	for (size_t i = 0; i < p->n; i++)
		room += 3 + p->text[i].n;
	o = qsp_queue_new(QSP_TYPE_HANDSHAKE, QSP_MSG_PROMPT, room, &w);
	qsp_msg_put_prompt(&w, p);
	return qsp_engine_say(c, &c->hs->t, o, &w, QSP_THEN_NOTHING);
}

/* [P4.5] REPLY */
qsp_err
qsp_server_auth_on_reply(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_handshake *hs = c->hs;
	qsp_err e = keep_body(hs, in->body);

	if (e)
		return e;
	if (qsp_msg_get_reply(qsp_bytes(hs->body, hs->body_len), &hs->auth.reply) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "REPLY: malformed");
	hs->auth.has_reply = true;
	qsp_transcript_mix_hash(&hs->t, in->whole);
	c->raised = QSP_EV_ASK_AUTH;
	return hs->t.err;
}

/* [P4.5] AUTH_OK, the server's last cell of epoch 0; [P4.6] SERVER_INFO, its first of epoch 1 */
qsp_err
qsp_server_auth_accept(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_handshake *hs = c->hs;
	struct qsp_msg_server_info info = {
		.software = qsp_bytes_str(c->cfg->software),
		.secret = { c->cfg->current_secret, c->cfg->has_secret ? QSP_OK_LEN : 0 },
	};
	const uint8_t shaping[2] = { c->cfg->shaping.modes, c->cfg->shaping.ceiling };
	struct qsp_outgoing *o;
	struct qsp_writer w;
	uint8_t *mac;
	qsp_err e;

	(void)in;
	info.shaping = qsp_bytes(shaping, c->wire->id == QSP_WIRE_CELLS ? sizeof(shaping) : 0);
	if ((e = qsp_engine_derive_epoch_1(c, &hs->t)) != 0)
		return e;
	qsp_resume_begin(c);
	o = qsp_queue_new(QSP_TYPE_HANDSHAKE, QSP_MSG_AUTH_OK, hs->t.len, &w);
	if ((mac = qsp_writer_room(&w, hs->t.len)) != NULL)
		qsp_transcript_mac(&hs->t, "fin ok", mac);
	if ((e = hs->t.err) != 0) {
		qsp_queue_free(o);
		return e;
	}
	if ((e = qsp_engine_say(c, NULL, o, &w, QSP_THEN_SWITCH)) != 0)
		return e;
	o = qsp_queue_new(QSP_TYPE_HANDSHAKE, QSP_MSG_SERVER_INFO,
			  11 + QSP_OK_LEN + info.software.n, &w);
	qsp_msg_put_server_info(&w, &info);
	e = qsp_engine_say(c, NULL, o, &w, QSP_THEN_NOTHING);
	return e ? e : qsp_resume_say_first(c);
}

/* [P4.5] AUTH_FAILURE */
static qsp_err
say_failure(struct qsp_conn *c, bool partial)
{
	struct qsp_handshake *hs = c->hs;
	struct qsp_msg_auth_failure m = {
		.partial = partial,
		.methods = { hs->methods, hs->n_methods },
	};
	struct qsp_outgoing *o;
	struct qsp_writer w;

	if (hs->n_methods == 0)
		m.methods = qsp_bytes(c->cfg->methods, c->cfg->n_methods);
	o = qsp_queue_new(QSP_TYPE_HANDSHAKE, QSP_MSG_AUTH_FAILURE, 2 + QSP_METHODS_MAX, &w);
	qsp_msg_put_auth_failure(&w, &m);
	return qsp_engine_say(c, &hs->t, o, &w, QSP_THEN_NOTHING);
}

qsp_err
qsp_server_auth_partial(struct qsp_conn *c, const struct qsp_input *in)
{
	(void)in;
	c->hs->partial = true;
	return say_failure(c, true);
}

qsp_err
qsp_server_auth_refuse(struct qsp_conn *c, const struct qsp_input *in)
{
	(void)in;
	if (++c->hs->failures >= c->cfg->max_auth_tries)
		return qsp_engine_fail(c, QSP_E_HANDSHAKE, "too many authentication failures");
	c->hs->t.ck = c->hs->ck_before;
	qsp_resume_reset(c);
	return say_failure(c, false);
}

/* [P4.5] EPOCH: the client's epoch 1 begins right behind it */
qsp_err
qsp_server_auth_on_epoch(struct qsp_conn *c, const struct qsp_input *in)
{
	qsp_err e;

	if (in->body.n != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "EPOCH: not empty");
	if ((e = qsp_engine_switch_rx(c, &c->es_next, 1)) != 0)
		return e;
	c->user = (char *)(uintptr_t)c->hs->user.p;
	c->user_len = (uint8_t)c->hs->user.n;
	c->hs->user = QSP_BYTES_NONE;
	qsp_engine_settle(c);
	qsp_engine_free_handshake(c);
	return QSP_OK;
}

/* A client that tried one method only, and lost [P4.5]. */
qsp_err
qsp_server_auth_on_epoch_refused(struct qsp_conn *c, const struct qsp_input *in)
{
	(void)in;
	return qsp_engine_fail(c, QSP_E_HANDSHAKE,
			       "EPOCH after AUTH_FAILURE: authentication failed");
}
