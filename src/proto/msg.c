/* SPDX-License-Identifier: ISC */
/* Messages to structs and back, get_ and put_ side by side, one branch per message. */
#include "proto/msg.h"

#include "base/ct.h"

void
qsp_msg_begin(struct qsp_writer *w, uint8_t kind)
{
	qsp_writer_u8(w, kind);
	qsp_writer_zero(w, 3);
}

void
qsp_msg_end(struct qsp_writer *w, size_t begun)
{
	size_t n = w->n - begun - QSP_MSG_HEAD_LEN;

	if (w->failed)
		return;
	if (n > QSP_MSG_LATE_MAX) {
		w->failed = true;
		return;
	}
	qsp_bytes_put32(w->p + begun, (uint32_t)w->p[begun] << 24 | (uint32_t)n);
}

/* Zero fill to the end: what is left must be zeros. */
static qsp_err
zero_rest(struct qsp_reader *r)
{
	struct qsp_bytes rest = qsp_reader_rest(r);

	if (qsp_reader_done(r) != 0 || !qsp_ct_is_zero(rest.p, rest.n))
		return QSP_E_INPUT;
	return QSP_OK;
}

/* [P4.2] */
qsp_err
qsp_msg_get_e1(struct qsp_bytes in, size_t ek_len, struct qsp_msg_e1 *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->version = qsp_reader_u8(&r);
	m->flags = qsp_reader_u8(&r);
	qsp_reader_copy(&r, m->aeads, sizeof(m->aeads));
	m->unix_ms = qsp_reader_u64(&r);
	qsp_reader_copy(&r, m->nonce, sizeof(m->nonce));
	m->ek = ek_len ? qsp_reader_take(&r, ek_len).p : NULL;
	return zero_rest(&r);
}

void
qsp_msg_put_e1(struct qsp_writer *w, const struct qsp_msg_e1 *m, size_t ek_len)
{
	qsp_writer_u8(w, m->version);
	qsp_writer_u8(w, m->flags);
	qsp_writer_put(w, QSP_BYTES_OF(m->aeads));
	qsp_writer_u64(w, m->unix_ms);
	qsp_writer_put(w, QSP_BYTES_OF(m->nonce));
	qsp_writer_put(w, qsp_bytes(m->ek, ek_len));
	qsp_writer_zero(w, w->cap - w->n);
}

/* [P4.3] */
qsp_err
qsp_msg_get_e2(struct qsp_bytes in, size_t key_len, struct qsp_msg_e2 *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->version = qsp_reader_u8(&r);
	m->flags = qsp_reader_u8(&r);
	m->aead = qsp_reader_u8(&r);
	m->reserved = qsp_reader_u8(&r);
	m->session_id = qsp_reader_u64(&r);
	m->unix_ms = qsp_reader_u64(&r);
	m->host_key = key_len ? qsp_reader_take(&r, key_len).p : NULL;
	return zero_rest(&r);
}

void
qsp_msg_put_e2(struct qsp_writer *w, const struct qsp_msg_e2 *m, size_t key_len)
{
	qsp_writer_u8(w, m->version);
	qsp_writer_u8(w, m->flags);
	qsp_writer_u8(w, m->aead);
	qsp_writer_u8(w, m->reserved);
	qsp_writer_u64(w, m->session_id);
	qsp_writer_u64(w, m->unix_ms);
	qsp_writer_put(w, qsp_bytes(m->host_key, key_len));
	qsp_writer_zero(w, w->cap - w->n);
}

/* [P4.5] AUTH_REQUEST */
qsp_err
qsp_msg_get_auth_request(struct qsp_bytes in, struct qsp_msg_auth_request *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->user = qsp_reader_vec16(&r);
	m->method = qsp_reader_u8(&r);
	m->body = qsp_reader_rest(&r);
	if (m->user.n > QSP_USER_MAX)
		return QSP_E_INPUT;
	return qsp_reader_done(&r);
}

void
qsp_msg_put_auth_request(struct qsp_writer *w, const struct qsp_msg_auth_request *m)
{
	qsp_writer_vec16(w, m->user);
	qsp_writer_u8(w, m->method);
	qsp_writer_put(w, m->body);
}

/* [P4.7] */
qsp_err
qsp_msg_get_resume(struct qsp_bytes in, struct qsp_ticket *t, uint64_t *received)
{
	struct qsp_reader r = qsp_reader_of(in);

	*t = (struct qsp_ticket){ .session = qsp_reader_u64(&r) };
	t->generation = qsp_reader_u32(&r);
	t->epoch = qsp_reader_u32(&r);
	*received = qsp_reader_u64(&r);
	return qsp_reader_done(&r);
}

void
qsp_msg_put_resume(struct qsp_writer *w, const struct qsp_ticket *t, uint64_t received)
{
	qsp_writer_u64(w, t->session);
	qsp_writer_u32(w, t->generation);
	qsp_writer_u32(w, t->epoch);
	qsp_writer_u64(w, received);
}

/* [P4.5] AUTH_FAILURE */
qsp_err
qsp_msg_get_auth_failure(struct qsp_bytes in, struct qsp_msg_auth_failure *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->partial = qsp_reader_u8(&r);
	m->methods = qsp_reader_take(&r, qsp_reader_u8(&r));
	if (m->partial > 1)
		return QSP_E_INPUT;
	return qsp_reader_done(&r);
}

void
qsp_msg_put_auth_failure(struct qsp_writer *w, const struct qsp_msg_auth_failure *m)
{
	qsp_writer_u8(w, m->partial);
	qsp_writer_u8(w, (uint8_t)m->methods.n);
	qsp_writer_put(w, m->methods);
}

/* How many prompts or replies follow; 0 where there was a failure. */
static size_t
prompt_count(struct qsp_reader *r)
{
	size_t n = qsp_reader_u8(r);

	r->failed |= n > QSP_PROMPTS_MAX;
	return r->failed ? 0 : n;
}

/* [P4.5] PROMPT */
void
qsp_msg_read_prompt(struct qsp_reader *r, struct qsp_prompt *m)
{
	*m = (struct qsp_prompt){ 0 };
	m->name = qsp_reader_vec16(r);
	m->instruction = qsp_reader_vec16(r);
	m->n = prompt_count(r);
	for (size_t i = 0; i < m->n; i++) {
		m->text[i] = qsp_reader_vec16(r);
		m->echo[i] = qsp_reader_bool(r);
	}
}

qsp_err
qsp_msg_get_prompt(struct qsp_bytes in, struct qsp_prompt *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	qsp_msg_read_prompt(&r, m);
	return qsp_reader_done(&r);
}

void
qsp_msg_put_prompt(struct qsp_writer *w, const struct qsp_prompt *m)
{
	qsp_writer_vec16(w, m->name);
	qsp_writer_vec16(w, m->instruction);
	qsp_writer_u8(w, (uint8_t)m->n);
	for (size_t i = 0; i < m->n; i++) {
		qsp_writer_vec16(w, m->text[i]);
		qsp_writer_u8(w, m->echo[i]);
	}
}

/* [P4.5] REPLY */
void
qsp_msg_read_reply(struct qsp_reader *r, struct qsp_reply *m)
{
	*m = (struct qsp_reply){ 0 };
	m->n = prompt_count(r);
	for (size_t i = 0; i < m->n; i++)
		m->text[i] = qsp_reader_vec16(r);
}

qsp_err
qsp_msg_get_reply(struct qsp_bytes in, struct qsp_reply *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	qsp_msg_read_reply(&r, m);
	return qsp_reader_done(&r);
}

void
qsp_msg_put_reply(struct qsp_writer *w, const struct qsp_reply *m)
{
	qsp_writer_u8(w, (uint8_t)m->n);
	for (size_t i = 0; i < m->n; i++)
		qsp_writer_vec16(w, m->text[i]);
}

/* [P4.5] SERVER_INFO */
qsp_err
qsp_msg_get_server_info(struct qsp_bytes in, struct qsp_msg_server_info *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	*m = (struct qsp_msg_server_info){ .secret = QSP_BYTES_NONE };
	while (r.left.n > 0 && !r.failed) {
		uint8_t type = qsp_reader_u8(&r);
		struct qsp_bytes value = qsp_reader_vec16(&r);

		if (type == 1)
			m->secret = value;
		else if (type == 2)
			m->host_key = value;
		else if (type == 3)
			m->software = value;
		else if (type == 4)
			m->shaping = value;
	}
	if ((m->secret.n != 0 && m->secret.n != QSP_OK_LEN) || m->shaping.n == 1)
		return QSP_E_INPUT;
	return qsp_reader_done(&r);
}

void
qsp_msg_put_server_info(struct qsp_writer *w, const struct qsp_msg_server_info *m)
{
	const struct qsp_bytes values[] = { m->secret, m->host_key, m->software, m->shaping };

	for (uint8_t i = 0; i < 4; i++) {
		if (values[i].n == 0)
			continue;
		qsp_writer_u8(w, (uint8_t)(i + 1));
		qsp_writer_vec16(w, values[i]);
	}
}

/* [P5.1] */
qsp_err
qsp_msg_get_rekey_head(struct qsp_bytes in, uint8_t *flags, uint32_t *new_epoch)
{
	struct qsp_reader r = qsp_reader_of(in);

	*flags = qsp_reader_u8(&r);
	*new_epoch = qsp_reader_u32(&r);
	return r.failed ? QSP_E_INPUT : QSP_OK;
}

/* [P5.1] REKEY_INIT */
qsp_err
qsp_msg_get_rekey_init(struct qsp_bytes in, const struct qsp_kem *kem, struct qsp_msg_rekey_init *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	*m = (struct qsp_msg_rekey_init){ .flags = qsp_reader_u8(&r) };
	m->new_epoch = qsp_reader_u32(&r);
	m->material = qsp_reader_take(&r, 32);
	if (m->flags & QSP_MSG_REKEY_KEM) {
		m->x = qsp_reader_take(&r, 32);
		m->ek = qsp_reader_take(&r, kem->ek_len);
	}
	return qsp_reader_done(&r);
}

void
qsp_msg_put_rekey_init(struct qsp_writer *w, const struct qsp_msg_rekey_init *m)
{
	qsp_writer_u8(w, m->flags);
	qsp_writer_u32(w, m->new_epoch);
	qsp_writer_put(w, m->material);
	qsp_writer_put(w, m->x);
	qsp_writer_put(w, m->ek);
}

/* [P5.1] REKEY_ACK */
qsp_err
qsp_msg_get_rekey_ack(struct qsp_bytes in, const struct qsp_kem *kem, struct qsp_msg_rekey_ack *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	*m = (struct qsp_msg_rekey_ack){ .flags = qsp_reader_u8(&r) };
	m->new_epoch = qsp_reader_u32(&r);
	if (m->flags & QSP_MSG_REKEY_KEM) {
		m->x = qsp_reader_take(&r, 32);
		m->ct = qsp_reader_take(&r, kem->ct_len);
	}
	m->confirm = qsp_reader_take(&r, 32);
	return qsp_reader_done(&r);
}

void
qsp_msg_put_rekey_ack(struct qsp_writer *w, const struct qsp_msg_rekey_ack *m)
{
	qsp_writer_u8(w, m->flags);
	qsp_writer_u32(w, m->new_epoch);
	qsp_writer_put(w, m->x);
	qsp_writer_put(w, m->ct);
	qsp_writer_put(w, m->confirm);
}

/* [P5.1] REKEY_DONE */
qsp_err
qsp_msg_get_rekey_done(struct qsp_bytes in, struct qsp_msg_rekey_done *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->new_epoch = qsp_reader_u32(&r);
	m->proof = qsp_reader_rest(&r);
	return qsp_reader_done(&r);
}

void
qsp_msg_put_rekey_done(struct qsp_writer *w, const struct qsp_msg_rekey_done *m)
{
	qsp_writer_u32(w, m->new_epoch);
	qsp_writer_put(w, m->proof);
}

/* [P5.1] CLOSE */
qsp_err
qsp_msg_get_close(struct qsp_bytes in, struct qsp_msg_close *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->reason = qsp_reader_u16(&r);
	m->text = qsp_reader_rest(&r);
	return qsp_reader_done(&r);
}

void
qsp_msg_put_close(struct qsp_writer *w, const struct qsp_msg_close *m)
{
	qsp_writer_u16(w, m->reason);
	qsp_writer_put(w, m->text);
}

/* [P5.1] PING, PONG, ACK */
qsp_err
qsp_msg_get_u64(struct qsp_bytes in, uint64_t *v)
{
	struct qsp_reader r = qsp_reader_of(in);

	*v = qsp_reader_u64(&r);
	return qsp_reader_done(&r);
}

/* [P5.1] REKEY_REQUEST */
qsp_err
qsp_msg_get_u8(struct qsp_bytes in, uint8_t *v)
{
	struct qsp_reader r = qsp_reader_of(in);

	*v = qsp_reader_u8(&r);
	return qsp_reader_done(&r);
}
