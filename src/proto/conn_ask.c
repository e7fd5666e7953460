/* SPDX-License-Identifier: ISC */
/* Questions and answers: what a connection wants decided, and the calls that decide it. */
#include "proto/conn.h"

#include "proto/resume.h"
#include "proto/stream.h"

qsp_err
qsp_conn_answer(struct qsp_conn *c, enum qsp_event ev, const void *answer)
{
	struct qsp_input in = { .answer = answer };
	qsp_err e;

	if (c->closing || c->closed || !c->hs)
		return QSP_E_STATE;
	in.now = c->hs->now;
	if ((e = qsp_steps_run(c, ev, &in)) == QSP_E_STATE)
		return e; /* the caller's mistake: nothing has changed */
	if (!e)
		e = qsp_stream_resume(c, in.now);
	return e ? qsp_conn_fail(c, in.now, e) : QSP_OK;
}

qsp_err
qsp_conn_decaps_question(const struct qsp_conn *c, struct qsp_decaps_question *q)
{
	if (!(qsp_conn_wants(c) & QSP_WANT_DECAPS))
		return QSP_E_STATE;
	*q = c->hs->question;
	return QSP_OK;
}

qsp_err
qsp_conn_decaps(struct qsp_conn *c, const struct qsp_decaps_answer *answer)
{
	return qsp_conn_answer(c, QSP_EV_KEYS, answer);
}

qsp_err
qsp_conn_mix_question(const struct qsp_conn *c, uint8_t *suite, struct qsp_bytes *ck)
{
	if (c->state != QSP_ST_C_WANT_DECAPS)
		return QSP_E_STATE;
	*suite = c->kem->id;
	*ck = qsp_bytes(c->hs->t.ck.b, c->hs->t.len);
	return QSP_OK;
}

qsp_err
qsp_conn_mix(struct qsp_conn *c, struct qsp_bytes ck)
{
	if (c->state == QSP_ST_C_WANT_DECAPS && ck.n != c->hs->t.len)
		return QSP_E_INPUT;
	return qsp_conn_answer(c, QSP_EV_MIXED, &ck);
}

qsp_err
qsp_conn_host_key(const struct qsp_conn *c, struct qsp_key_public *out)
{
	if (!c->facts || c->facts->host_key.len == 0)
		return QSP_E_STATE;
	*out = c->facts->host_key;
	return QSP_OK;
}

struct qsp_bytes
qsp_conn_certificate(const struct qsp_conn *c)
{
	return c->hs ? c->hs->certificate : QSP_BYTES_NONE;
}

qsp_err
qsp_conn_trust(struct qsp_conn *c, bool trusted)
{
	return qsp_conn_answer(c, QSP_EV_TRUSTED, &trusted);
}

qsp_err
qsp_conn_login(struct qsp_conn *c, const struct qsp_login *l)
{
	bool kem = l->method == QSP_METHOD_KEM, sig = l->method == QSP_METHOD_SIGNATURE;

	if (l->method == QSP_METHOD_RESUME && !c->resumable)
		return QSP_E_UNSUPPORTED;
	if (l->method == QSP_METHOD_RESUME && (!l->ticket || l->ticket->len == 0))
		return QSP_E_INPUT;
	if (l->user.n > QSP_USER_MAX || l->password.n > UINT16_MAX ||
	    ((kem || sig) && (!l->key || qsp_key_type_is_kem(l->key->blob[0]) != kem)))
		return QSP_E_INPUT;
	return qsp_conn_answer(c, QSP_EV_LOGIN, l);
}

size_t
qsp_conn_methods(const struct qsp_conn *c, uint8_t methods[QSP_METHODS_MAX], bool *partial)
{
	*partial = c->facts && c->facts->partial;
	if (!c->facts)
		return 0;
	memcpy(methods, c->facts->methods, c->facts->n_methods);
	return c->facts->n_methods;
}

qsp_err
qsp_conn_give_up(struct qsp_conn *c)
{
	if (c->role != QSP_CLIENT ||
	    (c->state != QSP_ST_C_WANT_LOGIN && c->state != QSP_ST_C_WANT_REPLY))
		return QSP_E_STATE;
	(void)qsp_conn_fail(c, c->hs->now, qsp_engine_fail(c, QSP_E_AUTH, "no method is left"));
	return QSP_OK;
}

struct qsp_bytes
qsp_conn_sign_input(const struct qsp_conn *c)
{
	if (c->state != QSP_ST_C_WANT_SIGN)
		return QSP_BYTES_NONE;
	return qsp_bytes(c->hs->sign_input, c->hs->sign_len);
}

qsp_err
qsp_conn_sign(struct qsp_conn *c, struct qsp_bytes signature)
{
	return qsp_conn_answer(c, QSP_EV_SIGNED, &signature);
}

qsp_err
qsp_conn_prompt(const struct qsp_conn *c, struct qsp_prompt *out)
{
	if (c->state != QSP_ST_C_WANT_REPLY)
		return QSP_E_STATE;
	return qsp_msg_get_prompt(qsp_bytes(c->hs->body, c->hs->body_len), out);
}

qsp_err
qsp_conn_reply(struct qsp_conn *c, const struct qsp_reply *r)
{
	if (r->n > QSP_PROMPTS_MAX)
		return QSP_E_INPUT;
	return qsp_conn_answer(c, QSP_EV_REPLIED, r);
}

qsp_err
qsp_conn_auth_question(const struct qsp_conn *c, struct qsp_auth_question *q)
{
	if (c->state != QSP_ST_S_WANT_AUTH && c->state != QSP_ST_S_WANT_VERDICT)
		return QSP_E_STATE;
	*q = c->hs->auth;
	return QSP_OK;
}

qsp_err
qsp_conn_decide(struct qsp_conn *c, const struct qsp_decision *d)
{
	return qsp_conn_answer(c, QSP_EV_DECIDED, d);
}

struct qsp_bytes
qsp_conn_user(const struct qsp_conn *c)
{
	return qsp_bytes(c->user, c->user ? c->user_len : 0);
}

int
qsp_conn_psk(const struct qsp_conn *c)
{
	return c->psk_index;
}

bool
qsp_conn_server_secret(const struct qsp_conn *c, uint8_t out[QSP_OK_LEN])
{
	if (!c->facts || !c->facts->has_secret)
		return false;
	memcpy(out, c->facts->secret, QSP_OK_LEN);
	return true;
}

qsp_err
qsp_conn_export(const struct qsp_conn *c, struct qsp_bytes label, struct qsp_bytes context,
		uint8_t *out, size_t n)
{
	if (c->state != QSP_ST_OPEN)
		return QSP_E_STATE;
	return qsp_schedule_export(c->cfg->cx, c->kem, &c->exporter, label, context, out, n);
}

qsp_err
qsp_conn_ticket(const struct qsp_conn *c, bool older, struct qsp_ticket *out)
{
	*out = (struct qsp_ticket){ 0 };
	if (!qsp_resume_is_live(c) ||
	    (c->err && c->err != QSP_E_TRUNCATED && c->err != QSP_E_DECRYPT))
		return QSP_E_STATE;
	*out = older ? c->resumable->older : qsp_resume_latest(c);
	return out->len > 0 ? QSP_OK : QSP_E_STATE;
}

bool
qsp_conn_progress(const struct qsp_conn *c, struct qsp_progress *out)
{
	*out = (struct qsp_progress){ 0 };
	if (!c->resumable)
		return false;
	*out = c->resumable->count;
	out->stealth = out->stealth || c->shape.now.mode == QSP_SHAPE_STEALTH;
	return true;
}

qsp_err
qsp_conn_rekey(struct qsp_conn *c, unsigned flags)
{
	if (c->state != QSP_ST_OPEN || c->rekey || c->tx_switched || c->rx_switched ||
	    (flags & ~(unsigned)QSP_REKEY_KEM))
		return QSP_E_STATE;
	c->request_flags = (uint8_t)flags;
	c->request_due = true;
	if (c->role == QSP_SERVER) {
		struct qsp_now now = { .mono = 0 }; /* not due by time, but by request */
		qsp_err e = qsp_conn_maybe_rekey(c, now);

		return e ? qsp_conn_fail(c, now, e) : QSP_OK;
	}
	return QSP_OK;
}

qsp_err
qsp_conn_ping(struct qsp_conn *c, uint64_t token)
{
	if (c->state != QSP_ST_OPEN)
		return QSP_E_STATE;
	c->ping = token;
	c->ping_due = true;
	return QSP_OK;
}

bool
qsp_conn_pong(const struct qsp_conn *c, uint64_t *token)
{
	*token = c->ping_answered;
	return c->pong_seen;
}

qsp_err
qsp_conn_error(const struct qsp_conn *c)
{
	return c->err;
}

const char *
qsp_conn_why(const struct qsp_conn *c)
{
	return c->why ? c->why : "";
}

bool
qsp_conn_peer_close(const struct qsp_conn *c, uint16_t *reason, struct qsp_bytes *text,
		    bool *authenticated)
{
	*reason = c->peer_reason;
	*authenticated = c->peer_closed_auth;
	*text = QSP_BYTES_NONE;
	if (c->close_text)
		*text = qsp_bytes(c->close_text + 2, qsp_bytes_get16(c->close_text));
	return c->peer_closed;
}

void
qsp_conn_get_info(const struct qsp_conn *c, struct qsp_conn_info *out)
{
	*out = (struct qsp_conn_info){
		.kem = c->kem ? c->kem->id : 0,
		.aead = c->aead ? c->aead->id : 0,
		.layout = c->layout,
		.ok_class = (enum qsp_ok_class)c->ok_class,
		.wire = c->wire->id,
		.session_id = c->session_id,
		.epoch = c->tx.epoch,
		.plain_rekeys = c->plain_rekeys,
		.kem_rekeys = c->kem_rekeys,
		.cells_sent = c->cells_sent,
		.cells_received = c->cells_received,
	};
}
