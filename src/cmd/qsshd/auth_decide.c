/* SPDX-License-Identifier: ISC */
/*
 * The answer to "may this user in with this?". What the peer sees of a refusal never depends on why: the
 * engine sends a decoy challenge for every refused key [P4.5]. The log gets the reason.
 */
#include "cmd/qsshd/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sys/log.h"

/* One question while it is being answered. */
struct attempt {
	const struct qsp_rpc_auth *q;
	char name[QSP_USER_MAX + 1];
	struct qsp_auth_user user;
	bool known, allowed;
	struct qsp_key_public key;
	struct qsp_auth_limits limits;
	char what[QSP_KEY_PRINT_MAX + 32]; /* the key, for the log */
};

static size_t
methods(const struct qsp_qsshd_config *c, uint8_t out[QSP_METHODS_MAX])
{
	size_t n = 0;

	if (c->pubkey) {
		out[n++] = QSP_METHOD_KEM;
		out[n++] = QSP_METHOD_SIGNATURE;
	}
	if (c->password)
		out[n++] = QSP_METHOD_PASSWORD;
	return n;
}

static bool
root_may(const struct qsp_auth *a, const struct attempt *t)
{
	if (t->user.uid != 0 || !a->is_root)
		return true;
	switch (a->config.root) {
	case QSP_ROOT_YES: return true;
	case QSP_ROOT_PROHIBIT_PASSWORD: return t->q->method != QSP_METHOD_PASSWORD;
	case QSP_ROOT_FORCED_COMMANDS_ONLY: return t->limits.command[0] != 0;
	default: return false;
	}
}

static bool
try_key(struct qsp_auth *a, struct attempt *t)
{
	uint8_t id[QSP_KEY_ID_LEN], type = t->q->key_type;
	bool is_kem = t->q->method == QSP_METHOD_KEM;
	char print[QSP_KEY_PRINT_MAX];
	const char *name;

	memcpy(id, t->q->key_id, sizeof(id));
	if (!is_kem) {
		if (qsp_key_public_parse(a->cx, t->q->key, &t->key) ||
		    qsp_proof_check_signature(a->cx, &t->key, t->q->h, t->q->proof))
			return false; /* whatever qsshd-net may have said of it */
		memcpy(id, t->key.id, sizeof(id));
		type = t->key.blob[0];
	}
	qsp_key_print(id, print);
	name = qsp_key_type_name(type);
	(void)snprintf(t->what, sizeof(t->what), "%s %s", name ? name : "unknown", print);
	return a->config.pubkey && t->allowed &&
	       qsp_auth_allowed(a, &t->user, id, &t->key, &t->limits) &&
	       qsp_key_type_is_kem(t->key.blob[0]) == is_kem && t->key.blob[0] == type;
}

static bool
try_method(struct qsp_auth *a, struct attempt *t)
{
	bool ok;

	switch (t->q->method) {
	case QSP_METHOD_KEM:
	case QSP_METHOD_SIGNATURE: ok = try_key(a, t); break;
	case QSP_METHOD_PASSWORD:
		ok = a->config.password &&
		     qsp_auth_password(t->allowed ? &t->user : NULL, t->q->password) && t->allowed;
		break;
	default: return false;
	}
	if (ok && !root_may(a, t)) {
		qsp_log(QSP_LOG_INFO, "ROOT LOGIN REFUSED FROM %.*s port %u", (int)t->q->address.n,
			t->q->address.p, t->q->port);
		ok = false;
	}
	return ok;
}

static void
log_failure(const struct attempt *t)
{
	const char *method = t->q->method == QSP_METHOD_PASSWORD ? "password"
			     : t->q->method == QSP_METHOD_NONE   ? "none"
								 : "publickey";
	char shown[QSP_USER_MAX + 1], address[QSP_RPC_ADDRESS_MAX];

	qsp_text_printable(t->q->user, false, shown, sizeof(shown));
	qsp_text_printable(t->q->address, false, address, sizeof(address));
	qsp_log(t->q->method == QSP_METHOD_NONE ? QSP_LOG_VERBOSE : QSP_LOG_INFO,
		"Failed %s for %s%s from %s port %u%s%s", method, t->known ? "" : "invalid user ",
		shown, address, t->q->port, *t->what ? ": " : "", t->what);
}

/* Yes: remembered, so that this connection, and no other, gets a session of this user. */
static bool
remember(struct qsp_auth *a, int link, const struct attempt *t)
{
	struct qsp_auth_grant *g = qsp_auth_login_grant(a, link, t->q->conn);

	if (g == NULL)
		return false;
	g->user = t->user;
	g->port = t->q->port;
	qsp_text_printable(t->q->address, false, g->address, sizeof(g->address));
	memcpy(g->what, t->what, sizeof(g->what));
	if (t->limits.no_pty || t->limits.command[0] != 0) {
		g->limits = malloc(sizeof(*g->limits));
		if (g->limits == NULL) {
			qsp_auth_login_revoke(a, link, t->q->conn);
			return false;
		}
		*g->limits = t->limits;
	}
	return true;
}

static void
send_answer(int link, const struct qsp_rpc_auth_answer *answer)
{
	uint8_t buf[QSP_KEY_BLOB_MAX + QSP_KEM_CT_MAX + QSP_HASH_MAX + 64];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_AUTH_ANSWER);

	qsp_rpc_put_auth_answer(&w, answer);
	if (qsp_writer_done(&w) == 0)
		(void)!qsp_ipc_send(link, qsp_writer_bytes(&w), NULL, 0);
	qsp_mem_wipe(buf, sizeof(buf));
}

/* The proof for a challenge of ours [P4.5]: who has not got the key cannot make it, qsshd-net
 * included. */
static void
judge_proof(struct qsp_auth *a, int link, const struct qsp_rpc_auth *q,
	    struct qsp_rpc_auth_answer *answer)
{
	struct qsp_auth_grant *g = qsp_auth_login_find(a, link, q->conn);
	QSP_WIPED(qsp_ck) ck = { { 0 } };

	if (g && !g->proved &&
	    qsp_proof_check(a->cx, q->kem, q->ck, q->h, &g->ss, q->proof, &ck) == 0) {
		qsp_key32_wipe(&g->ss);
		g->proved = true;
		answer->verdict = QSP_AUTH_ACCEPT;
		answer->ck = qsp_bytes(ck.b, q->ck.n);
	} else {
		qsp_auth_login_failed(a, link, q->conn);
	}
	send_answer(link, answer);
	answer->ck = QSP_BYTES_NONE;
}

/* A yes: by KEM it is worth nothing before the proof; then a challenge goes with it. */
static bool
grant(struct qsp_auth *a, int link, const struct attempt *t, uint8_t *ct, size_t *ct_len)
{
	struct qsp_auth_grant *g;

	if (!remember(a, link, t))
		return false;
	g = qsp_auth_login_find(a, link, t->q->conn);
	g->proved = t->q->method != QSP_METHOD_KEM;
	if (g->proved || qsp_proof_challenge(a->cx, &t->key, ct, ct_len, &g->ss) == 0)
		return true;
	qsp_auth_login_revoke(a, link, t->q->conn);
	return false;
}

void
qsp_auth_decide(struct qsp_auth *a, int link, const struct qsp_rpc_auth *q)
{
	static struct attempt t; /* large; one at a time */
	struct qsp_rpc_auth_answer answer = { .conn = q->conn, .verdict = QSP_AUTH_REFUSE };
	uint8_t ct[QSP_KEM_CT_MAX];

	answer.n_methods = methods(&a->config, answer.methods);
	answer.ct.p = ct;
	if (q->has_proof) {
		judge_proof(a, link, q, &answer);
		return;
	}
	memset(&t, 0, sizeof(t));
	t.q = q;
	qsp_auth_login_revoke(a, link, q->conn);
	if (q->user.n > 0 && memchr(q->user.p, 0, q->user.n) == NULL)
		memcpy(t.name, q->user.p, q->user.n);
	t.allowed = qsp_auth_users_find(a, q, t.name, &t.user, &t.known);
	if (try_method(a, &t) && grant(a, link, &t, ct, &answer.ct.n)) {
		answer.verdict = QSP_AUTH_ACCEPT;
		if (q->method != QSP_METHOD_PASSWORD)
			answer.key = qsp_bytes(t.key.blob, t.key.len);
	} else {
		log_failure(&t);
	}
	send_answer(link, &answer);
	qsp_mem_wipe(&t, sizeof(t));
}
