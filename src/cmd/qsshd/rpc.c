/* SPDX-License-Identifier: ISC */
/*
 * The codecs of rpc.h, get and put side by side. Nothing is trusted for coming from our own process.
 */
#include "cmd/qsshd/rpc.h"

#include "proto/msg.h"

struct qsp_writer
qsp_rpc_begin(uint8_t *out, size_t cap, unsigned type)
{
	struct qsp_writer w = qsp_writer_of(out, cap);

	qsp_writer_u8(&w, (uint8_t)type);
	return w;
}

void
qsp_rpc_put_hello(struct qsp_writer *w, const struct qsp_rpc_hello *m)
{
	qsp_writer_u8(w, (uint8_t)m->n_keys);
	for (size_t i = 0; i < m->n_keys; i++)
		qsp_writer_vec16(w, m->key[i]);
	qsp_writer_u8(w, (uint8_t)m->n_secrets);
	for (size_t i = 0; i < m->n_secrets; i++) {
		qsp_writer_u8(w, m->secret[i].age);
		qsp_writer_put(w, QSP_BYTES_OF(m->secret[i].key));
	}
}

qsp_err
qsp_rpc_get_hello(struct qsp_bytes in, struct qsp_rpc_hello *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->n_keys = qsp_reader_u8(&r);
	if (m->n_keys < 1 || m->n_keys > QSP_HOST_KEY_MAX)
		return QSP_E_INPUT;
	for (size_t i = 0; i < m->n_keys; i++)
		m->key[i] = qsp_reader_vec16(&r);
	m->n_secrets = qsp_reader_u8(&r);
	if (m->n_secrets > QSP_RPC_SECRETS_MAX)
		return QSP_E_INPUT;
	for (size_t i = 0; i < m->n_secrets; i++) {
		m->secret[i].age = qsp_reader_u8(&r);
		r.failed |= m->secret[i].age > QSP_SECRET_RETIRED;
		qsp_reader_copy(&r, m->secret[i].key, QSP_OK_LEN);
	}
	return qsp_reader_done(&r);
}

void
qsp_rpc_put_decaps(struct qsp_writer *w, const struct qsp_rpc_decaps *m)
{
	qsp_writer_u64(w, m->conn);
	qsp_writer_u8(w, m->all_keys);
	qsp_writer_u8(w, m->has_point);
	qsp_writer_u8(w, m->key);
	qsp_writer_put(w, QSP_BYTES_OF(m->point));
	qsp_writer_vec16(w, m->ct);
}

qsp_err
qsp_rpc_get_decaps(struct qsp_bytes in, struct qsp_rpc_decaps *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->conn = qsp_reader_u64(&r);
	m->all_keys = qsp_reader_bool(&r);
	m->has_point = qsp_reader_bool(&r);
	m->key = qsp_reader_u8(&r);
	qsp_reader_copy(&r, m->point, sizeof(m->point));
	m->ct = qsp_reader_vec16(&r);
	return qsp_reader_done(&r);
}

void
qsp_rpc_put_decaps_answer(struct qsp_writer *w, const struct qsp_rpc_decaps_answer *m)
{
	qsp_writer_u64(w, m->conn);
	qsp_writer_u8(w, m->ok);
	for (size_t i = 0; i < QSP_HOST_KEY_MAX; i++) {
		qsp_writer_u8(w, m->answer.dh_ok[i]);
		qsp_writer_put(w, QSP_BYTES_OF(m->answer.dh[i]));
	}
	qsp_writer_put(w, QSP_BYTES_OF(m->answer.ss));
}

qsp_err
qsp_rpc_get_decaps_answer(struct qsp_bytes in, struct qsp_rpc_decaps_answer *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->conn = qsp_reader_u64(&r);
	m->ok = qsp_reader_bool(&r);
	for (size_t i = 0; i < QSP_HOST_KEY_MAX; i++) {
		m->answer.dh_ok[i] = qsp_reader_bool(&r);
		qsp_reader_copy(&r, m->answer.dh[i], sizeof(m->answer.dh[i]));
	}
	qsp_reader_copy(&r, m->answer.ss, sizeof(m->answer.ss));
	return qsp_reader_done(&r);
}

void
qsp_rpc_put_auth(struct qsp_writer *w, const struct qsp_rpc_auth *m)
{
	qsp_writer_u64(w, m->conn);
	qsp_writer_vec16(w, m->user);
	qsp_writer_u8(w, m->method);
	qsp_writer_u8(w, m->key_type);
	qsp_writer_put(w, QSP_BYTES_OF(m->key_id));
	qsp_writer_vec16(w, m->key);
	qsp_writer_vec16(w, m->password);
	qsp_writer_vec16(w, m->address);
	qsp_writer_u16(w, m->port);
	qsp_writer_vec16(w, m->own);
	qsp_writer_u16(w, m->own_port);
	qsp_writer_u8(w, m->has_proof);
	qsp_writer_u8(w, m->kem);
	qsp_writer_vec16(w, m->ck);
	qsp_writer_vec16(w, m->h);
	qsp_writer_vec16(w, m->proof);
	qsp_writer_u8(w, m->has_reply);
	qsp_msg_put_reply(w, &m->reply);
}

qsp_err
qsp_rpc_get_auth(struct qsp_bytes in, struct qsp_rpc_auth *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->conn = qsp_reader_u64(&r);
	m->user = qsp_reader_vec16(&r);
	m->method = qsp_reader_u8(&r);
	m->key_type = qsp_reader_u8(&r);
	qsp_reader_copy(&r, m->key_id, sizeof(m->key_id));
	m->key = qsp_reader_vec16(&r);
	m->password = qsp_reader_vec16(&r);
	m->address = qsp_reader_vec16(&r);
	m->port = qsp_reader_u16(&r);
	m->own = qsp_reader_vec16(&r);
	m->own_port = qsp_reader_u16(&r);
	m->has_proof = qsp_reader_bool(&r);
	m->kem = qsp_reader_u8(&r);
	m->ck = qsp_reader_vec16(&r);
	m->h = qsp_reader_vec16(&r);
	m->proof = qsp_reader_vec16(&r);
	m->has_reply = qsp_reader_bool(&r);
	qsp_rpc_read_reply(&r, &m->reply);
	if (m->user.n > QSP_USER_MAX || m->password.n > QSP_RPC_PASSWORD_MAX ||
	    m->address.n >= QSP_RPC_ADDRESS_MAX || m->own.n >= QSP_RPC_ADDRESS_MAX)
		return QSP_E_INPUT;
	return qsp_reader_done(&r);
}

void
qsp_rpc_put_auth_answer(struct qsp_writer *w, const struct qsp_rpc_auth_answer *m)
{
	qsp_writer_u64(w, m->conn);
	qsp_writer_u8(w, m->verdict);
	qsp_writer_vec16(w, m->key);
	qsp_writer_vec16(w, qsp_bytes(m->methods, m->n_methods));
	qsp_writer_vec16(w, m->ct);
	qsp_writer_vec16(w, m->ck);
	qsp_writer_u32(w, m->limits.max_sessions);
	qsp_writer_u32(w, m->limits.alive_s);
	qsp_writer_u32(w, m->limits.alive_count);
	qsp_msg_put_prompt(w, &m->prompt);
	qsp_writer_vec16(w, m->why);
}

qsp_err
qsp_rpc_get_auth_answer(struct qsp_bytes in, struct qsp_rpc_auth_answer *m)
{
	struct qsp_reader r = qsp_reader_of(in);
	struct qsp_bytes methods;

	m->conn = qsp_reader_u64(&r);
	m->verdict = qsp_reader_u8(&r);
	m->key = qsp_reader_vec16(&r);
	methods = qsp_reader_vec16(&r);
	m->ct = qsp_reader_vec16(&r);
	m->ck = qsp_reader_vec16(&r);
	m->limits.max_sessions = qsp_reader_u32(&r);
	m->limits.alive_s = qsp_reader_u32(&r);
	m->limits.alive_count = qsp_reader_u32(&r);
	qsp_msg_read_prompt(&r, &m->prompt);
	m->why = qsp_reader_vec16(&r);
	if (methods.n > sizeof(m->methods) || m->verdict > QSP_AUTH_PROMPT ||
	    m->why.n > QSP_RPC_WHY_MAX)
		return QSP_E_INPUT;
	if (methods.n)
		memcpy(m->methods, methods.p, methods.n);
	m->n_methods = methods.n;
	return qsp_reader_done(&r);
}

void
qsp_rpc_put_ends(struct qsp_writer *w, const struct qsp_rpc_ends *m)
{
	qsp_writer_u64(w, m->conn);
	qsp_writer_vec16(w, m->peer);
	qsp_writer_u16(w, m->peer_port);
	qsp_writer_vec16(w, m->own);
	qsp_writer_u16(w, m->own_port);
}

static void
read_ends(struct qsp_reader *r, struct qsp_rpc_ends *m)
{
	m->conn = qsp_reader_u64(r);
	m->peer = qsp_reader_vec16(r);
	m->peer_port = qsp_reader_u16(r);
	m->own = qsp_reader_vec16(r);
	m->own_port = qsp_reader_u16(r);
	r->failed |= m->peer.n >= QSP_RPC_ADDRESS_MAX || m->own.n >= QSP_RPC_ADDRESS_MAX;
}

qsp_err
qsp_rpc_get_ends(struct qsp_bytes in, struct qsp_rpc_ends *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	read_ends(&r, m);
	return qsp_reader_done(&r);
}

static void
put_list(struct qsp_writer *w, const struct qsp_rpc_list *l)
{
	qsp_writer_u8(w, (uint8_t)l->n);
	for (size_t i = 0; i < l->n; i++)
		qsp_writer_vec16(w, l->v[i]);
}

static void
get_list(struct qsp_reader *r, struct qsp_rpc_list *l)
{
	l->n = qsp_reader_u8(r);
	r->failed |= l->n > QSP_RPC_LIST_MAX;
	if (r->failed)
		l->n = 0;
	for (size_t i = 0; i < l->n; i++)
		l->v[i] = qsp_reader_vec16(r);
}

void
qsp_rpc_put_login(struct qsp_writer *w, const struct qsp_rpc_login *m)
{
	qsp_writer_u32(w, m->uid);
	qsp_writer_u32(w, m->gid);
	qsp_writer_vec16(w, m->user);
	qsp_writer_vec16(w, m->home);
	qsp_writer_vec16(w, m->shell);
	qsp_writer_u8(w, m->has_groups);
	qsp_writer_u8(w, m->has_desk);
	qsp_writer_u8(w, m->has_command);
	qsp_writer_vec16(w, m->command);
	qsp_writer_u8(w, m->forbidden);
	put_list(w, &m->permit_open);
	put_list(w, &m->permit_listen);
	put_list(w, &m->environment);
	qsp_rpc_put_ends(w, &m->ends);
}

qsp_err
qsp_rpc_get_login(struct qsp_bytes in, struct qsp_rpc_login *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->uid = qsp_reader_u32(&r);
	m->gid = qsp_reader_u32(&r);
	m->user = qsp_reader_vec16(&r);
	m->home = qsp_reader_vec16(&r);
	m->shell = qsp_reader_vec16(&r);
	m->has_groups = qsp_reader_bool(&r);
	m->has_desk = qsp_reader_bool(&r);
	m->has_command = qsp_reader_bool(&r);
	m->command = qsp_reader_vec16(&r);
	m->forbidden = qsp_reader_u8(&r);
	get_list(&r, &m->permit_open);
	get_list(&r, &m->permit_listen);
	get_list(&r, &m->environment);
	read_ends(&r, &m->ends);
	return qsp_reader_done(&r);
}

void
qsp_rpc_put_tty(struct qsp_writer *w, const struct qsp_rpc_tty *m)
{
	qsp_writer_u8(w, m->ok);
	qsp_writer_vec16(w, m->name);
	qsp_writer_u64(w, m->last);
	qsp_writer_vec16(w, m->last_host);
}

qsp_err
qsp_rpc_get_tty(struct qsp_bytes in, struct qsp_rpc_tty *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->ok = qsp_reader_bool(&r);
	m->name = qsp_reader_vec16(&r);
	m->last = qsp_reader_u64(&r);
	m->last_host = qsp_reader_vec16(&r);
	return qsp_reader_done(&r);
}

void
qsp_rpc_put_pty(struct qsp_writer *w, const struct qsp_rpc_pty *m)
{
	qsp_writer_u32(w, m->channel);
	qsp_writer_u8(w, m->want);
	qsp_writer_u32(w, m->columns);
	qsp_writer_u32(w, m->rows);
	qsp_writer_u32(w, m->width);
	qsp_writer_u32(w, m->height);
	qsp_writer_vec32(w, m->term);
	qsp_writer_vec32(w, m->modes);
}

qsp_err
qsp_rpc_get_pty(struct qsp_bytes in, struct qsp_rpc_pty *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->channel = qsp_reader_u32(&r);
	m->want = qsp_reader_bool(&r);
	m->columns = qsp_reader_u32(&r);
	m->rows = qsp_reader_u32(&r);
	m->width = qsp_reader_u32(&r);
	m->height = qsp_reader_u32(&r);
	m->term = qsp_reader_vec32(&r);
	m->modes = qsp_reader_vec32(&r);
	return qsp_reader_done(&r);
}

void
qsp_rpc_put_exit(struct qsp_writer *w, const struct qsp_rpc_exit *m)
{
	qsp_writer_u32(w, m->channel);
	qsp_writer_u8(w, m->by_signal);
	qsp_writer_u8(w, m->core);
	qsp_writer_u32(w, m->status);
	qsp_writer_vec16(w, m->signal);
}

qsp_err
qsp_rpc_get_exit(struct qsp_bytes in, struct qsp_rpc_exit *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->channel = qsp_reader_u32(&r);
	m->by_signal = qsp_reader_bool(&r);
	m->core = qsp_reader_bool(&r);
	m->status = qsp_reader_u32(&r);
	m->signal = qsp_reader_vec16(&r);
	return qsp_reader_done(&r);
}

void
qsp_rpc_put_target(struct qsp_writer *w, const struct qsp_rpc_target *m)
{
	qsp_writer_u32(w, m->id);
	qsp_writer_u8(w, m->is_path);
	qsp_writer_vec16(w, m->host);
	qsp_writer_u16(w, m->port);
}

qsp_err
qsp_rpc_get_target(struct qsp_bytes in, struct qsp_rpc_target *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->id = qsp_reader_u32(&r);
	m->is_path = qsp_reader_bool(&r);
	m->host = qsp_reader_vec16(&r);
	m->port = qsp_reader_u16(&r);
	if (m->host.n >= QSP_RPC_HOST_MAX ||
	    (m->host.n > 0 && memchr(m->host.p, 0, m->host.n) != NULL))
		return QSP_E_INPUT;
	return qsp_reader_done(&r);
}

void
qsp_rpc_put_connected(struct qsp_writer *w, const struct qsp_rpc_connected *m)
{
	qsp_writer_u32(w, m->channel);
	qsp_writer_u8(w, m->reason);
	qsp_writer_vec16(w, m->text);
}

qsp_err
qsp_rpc_get_connected(struct qsp_bytes in, struct qsp_rpc_connected *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	m->channel = qsp_reader_u32(&r);
	m->reason = qsp_reader_u8(&r);
	m->text = qsp_reader_vec16(&r);
	return qsp_reader_done(&r);
}
