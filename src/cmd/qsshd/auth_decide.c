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
	struct qsp_auth_person p;
	bool allowed;
	struct qsp_key_public key;
	struct qsp_auth_limits limits;
	char what[QSP_KEY_PRINT_MAX + 32]; /* the key, for the log */
};

/* What can continue, for whoever comes from there: it never depends on the user [P4.5]. */
static size_t
methods(const struct qsp_auth *a, const struct qsp_rpc_auth *q, uint8_t out[QSP_METHODS_MAX])
{
	char address[QSP_RPC_ADDRESS_MAX], own[QSP_RPC_ADDRESS_MAX];
	struct qsp_qsshd_who who = {
		.host = address, .address = address, .local_address = own, .local_port = q->own_port
	};
	struct qsp_qsshd_offer offer;
	size_t n = 0;

	qsp_text_printable(q->address, false, address, sizeof(address));
	qsp_text_printable(q->own, false, own, sizeof(own));
	if (qsp_qsshd_match_offer(&a->config, &who, &offer))
		return 0;
	if (offer.pubkey) {
		out[n++] = QSP_METHOD_KEM;
		out[n++] = QSP_METHOD_SIGNATURE;
	}
	if (offer.password)
		out[n++] = QSP_METHOD_PASSWORD;
	return n;
}

static bool
root_may(const struct qsp_auth *a, const struct attempt *t)
{
	if (t->p.user.uid != 0 || !a->is_root)
		return true;
	switch (t->p.config.root) {
	case QSP_ROOT_YES: return true;
	case QSP_ROOT_PROHIBIT_PASSWORD: return t->q->method != QSP_METHOD_PASSWORD;
	case QSP_ROOT_FORCED_COMMANDS_ONLY: return t->limits.command != NULL;
	default: return false;
	}
}

/* The user's key of this id and type, for this login. */
static bool
find_key(struct qsp_auth *a, struct attempt *t, const uint8_t id[QSP_KEY_ID_LEN], uint8_t type)
{
	char print[QSP_KEY_PRINT_MAX];
	const char *name = qsp_key_type_name(type);

	qsp_key_print(id, print);
	(void)snprintf(t->what, sizeof(t->what), "%s %s", name ? name : "unknown", print);
	return t->allowed && t->p.config.pubkey &&
	       qsp_auth_allowed(a, &t->p, t->q, id, &t->key, &t->limits) &&
	       t->key.blob[0] == type &&
	       qsp_key_type_is_kem(type) == (t->q->method == QSP_METHOD_KEM);
}

static bool
try_key(struct qsp_auth *a, struct attempt *t)
{
	struct qsp_key_public signer;

	if (t->q->method == QSP_METHOD_KEM)
		return find_key(a, t, t->q->key_id, t->q->key_type);
	return qsp_key_public_parse(a->cx, t->q->key, &signer) == 0 &&
	       qsp_proof_check_signature(a->cx, &signer, t->q->h, t->q->proof) == 0 &&
	       find_key(a, t, signer.id,
			signer.blob[0]); /* whatever qsshd-net may have said of it */
}

static bool
try_password(struct attempt *t)
{
	bool right = qsp_auth_password(t->allowed ? &t->p.user : NULL, t->q->password);

	return right && t->allowed && t->p.config.password;
}

static bool
check_root(struct qsp_auth *a, const struct attempt *t)
{
	if (root_may(a, t))
		return true;
	qsp_log(QSP_LOG_INFO, "ROOT LOGIN REFUSED FROM %.*s port %u", (int)t->q->address.n,
		t->q->address.p, t->q->port);
	return false;
}

static bool
try_method(struct qsp_auth *a, struct attempt *t)
{
	bool ok = false;

	switch (t->q->method) {
	case QSP_METHOD_KEM:
	case QSP_METHOD_SIGNATURE: ok = try_key(a, t); break;
	case QSP_METHOD_PASSWORD: ok = try_password(t); break;
	default: break;
	}
	return ok && check_root(a, t);
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
		"Failed %s for %s%s from %s port %u%s%s", method, t->p.known ? "" : "invalid user ",
		shown, address, t->q->port, *t->what ? ": " : "", t->what);
}

/* Yes: remembered, so that this connection, and no other, gets a session of this user. */
static bool
remember(struct qsp_auth_grant *g, struct attempt *t)
{
	g->config = qsp_qsshd_config_text(&t->p.config);
	if (g->config == NULL)
		return false;
	g->granted = true;
	g->user = t->p.user;
	g->port = t->q->port;
	qsp_text_printable(t->q->address, false, g->address, sizeof(g->address));
	memcpy(g->what, t->what, sizeof(g->what));
	g->limits = t->limits;
	memset(&t->limits, 0, sizeof(t->limits)); /* it is the record's now */
	g->net.max_sessions = (uint32_t)t->p.config.max_sessions;
	g->net.alive_s = (uint32_t)t->p.config.alive_s;
	g->net.alive_count = (uint32_t)t->p.config.alive_count;
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

	if (g && g->granted && !g->proved &&
	    qsp_proof_check(a->cx, q->kem, q->ck, q->h, &g->ss, q->proof, &ck) == 0) {
		qsp_key32_wipe(&g->ss);
		g->proved = true;
		answer->verdict = QSP_AUTH_ACCEPT;
		answer->ck = qsp_bytes(ck.b, q->ck.n);
		answer->limits = g->net;
	} else {
		qsp_auth_login_failed(a, link, q->conn);
	}
	send_answer(link, answer);
	answer->ck = QSP_BYTES_NONE;
}

/* A yes: by KEM it is worth nothing before the proof; then a challenge goes with it. */
static bool
grant(struct qsp_auth *a, struct qsp_auth_grant *g, struct attempt *t, uint8_t *ct, size_t *ct_len)
{
	if (!remember(g, t))
		return false;
	g->proved = t->q->method != QSP_METHOD_KEM;
	if (g->proved || qsp_proof_challenge(a->cx, &t->key, ct, ct_len, &g->ss) == 0)
		return true;
	qsp_auth_login_retract(g);
	return false;
}

/* Past the user's own MaxAuthTries nothing helps any more, and the peer sees refusals as before: the
 * number after which the engine ends the connection depends on nobody's name. */
static bool
has_tries(const struct qsp_auth_grant *g, const struct attempt *t)
{
	return g->failures < t->p.config.max_auth_tries;
}

static void
count_failure(struct qsp_auth_grant *g, const struct attempt *t)
{
	char shown[QSP_USER_MAX + 1], address[QSP_RPC_ADDRESS_MAX];

	if (t->q->method == QSP_METHOD_NONE || ++g->failures != t->p.config.max_auth_tries)
		return;
	qsp_text_printable(t->q->user, false, shown, sizeof(shown));
	qsp_text_printable(t->q->address, false, address, sizeof(address));
	qsp_log(QSP_LOG_ERROR, "maximum authentication attempts exceeded for %s%s from %s port %u",
		t->p.known ? "" : "invalid user ", shown, address, t->q->port);
}

void
qsp_auth_decide(struct qsp_auth *a, int link, const struct qsp_rpc_auth *q)
{
	static struct attempt t; /* large; one at a time */
	struct qsp_rpc_auth_answer answer = { .conn = q->conn, .verdict = QSP_AUTH_REFUSE };
	struct qsp_auth_grant *g = qsp_auth_login_record(a, link, q->conn);
	uint8_t ct[QSP_KEM_CT_MAX];

	answer.n_methods = methods(a, q, answer.methods);
	answer.ct.p = ct;
	if (q->has_proof) {
		judge_proof(a, link, q, &answer);
		return;
	}
	memset(&t, 0, sizeof(t));
	t.q = q;
	if (g != NULL)
		qsp_auth_login_retract(g);
	t.allowed = qsp_auth_users_find(a, q, &t.p);
	if (g != NULL && try_method(a, &t) && has_tries(g, &t) &&
	    grant(a, g, &t, ct, &answer.ct.n)) {
		answer.verdict = QSP_AUTH_ACCEPT;
		answer.limits = g->net;
		if (q->method != QSP_METHOD_PASSWORD)
			answer.key = qsp_bytes(t.key.blob, t.key.len);
	} else {
		log_failure(&t);
		if (g != NULL)
			count_failure(g, &t);
	}
	send_answer(link, &answer);
	qsp_auth_limits_free(&t.limits);
	qsp_auth_users_free(&t.p);
	qsp_mem_wipe(&t, sizeof(t));
}

bool
qsp_auth_still_allowed(struct qsp_auth *a, const struct qsp_rpc_auth *q,
		       struct qsp_auth_limits *limits)
{
	static struct attempt t;
	bool ok = false;

	memset(&t, 0, sizeof(t));
	t.q = q;
	t.allowed = qsp_auth_users_find(a, q, &t.p);
	if (q->method == QSP_METHOD_KEM || q->method == QSP_METHOD_SIGNATURE)
		ok = find_key(a, &t, q->key_id, q->key_type);
	else if (q->method == QSP_METHOD_PASSWORD)
		ok = t.allowed && t.p.config.password;
	ok = ok && check_root(a, &t);
	if (ok)
		*limits = t.limits;
	else
		qsp_auth_limits_free(&t.limits);
	qsp_auth_users_free(&t.p);
	return ok;
}

void
qsp_auth_decide_resume(struct qsp_auth *a, int link, const struct qsp_rpc_auth *q)
{
	uint8_t buf[16];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_RESUME_ANSWER);
	struct qsp_auth_limits limits = { 0 };
	bool ok = qsp_auth_still_allowed(a, q, &limits);

	if (!ok)
		qsp_log(QSP_LOG_INFO, "Resuming refused for %.*s from %.*s port %u", (int)q->user.n,
			(const char *)q->user.p, (int)q->address.n, (const char *)q->address.p,
			q->port);
	qsp_auth_limits_free(&limits);
	qsp_writer_u64(&w, q->conn);
	qsp_writer_u8(&w, ok);
	(void)!qsp_ipc_send(link, qsp_writer_bytes(&w), NULL, 0);
}
