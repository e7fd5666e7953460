/* SPDX-License-Identifier: ISC */
/*
 * The answer to "may this user in with this?". What the peer sees of a refusal never depends on why: the
 * engine sends a decoy challenge for every refused key [P4.5]. The log gets the reason.
 *
 * An attempt lives from its first question to its verdict: a key waits for its proof, a prompt for its
 * reply, and with UsePAM all that is proved waits for the account's modules.
 */
#include "cmd/qsshd/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sys/log.h"

/* Whatever qsshd-net may have said of the signature. */
static bool
try_signature(struct qsp_auth *a, struct qsp_auth_attempt *t)
{
	struct qsp_key_public signer;

	return qsp_key_public_parse(a->cx, t->q.key, &signer) == 0 &&
	       qsp_proof_check_signature(a->cx, &signer, t->q.h, t->q.proof) == 0 &&
	       qsp_auth_attempt_find_key(a, t, signer.id, signer.blob[0]);
}

static bool
try_password(const struct qsp_auth_attempt *t, struct qsp_bytes password, bool enabled)
{
	bool right = qsp_auth_password(t->allowed ? &t->p.user : NULL, password);

	return right && t->allowed && enabled;
}

/* --- verdicts ------------------------------------------------------------------------------- */

static void
send_answer(int link, const struct qsp_rpc_auth_answer *answer)
{
	uint8_t buf[QSP_KEY_BLOB_MAX + QSP_KEM_CT_MAX + QSP_HASH_MAX + 16384];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_AUTH_ANSWER);

	qsp_rpc_put_auth_answer(&w, answer);
	if (qsp_writer_done(&w) == 0)
		(void)!qsp_ipc_send(link, qsp_writer_bytes(&w), NULL, 0);
	qsp_mem_wipe(buf, sizeof(buf));
}

/* A no without an attempt to tell of. */
static void
refuse(struct qsp_auth *a, int link, struct qsp_auth_grant *g, const struct qsp_rpc_auth *q)
{
	struct qsp_rpc_auth_answer answer = { .conn = q->conn, .verdict = QSP_AUTH_REFUSE };

	if (g != NULL)
		g->failures++;
	answer.n_methods = qsp_auth_ways_methods(a, g, q, answer.methods);
	send_answer(link, &answer);
}

/* Yes: remembered, so that this connection, and no other, gets a session of this user. */
static bool
remember(struct qsp_auth_grant *g, struct qsp_auth_attempt *t)
{
	g->config = qsp_qsshd_config_text(&t->p.config);
	if (g->config == NULL)
		return false;
	g->granted = true;
	g->pam = t->pam;
	t->pam = (struct qsp_auth_kept){ 0 };
	g->user = t->p.user;
	g->port = t->q.port;
	qsp_text_printable(t->q.address, false, g->address, sizeof(g->address));
	g->limits = g->ways.limits;
	memset(&g->ways.limits, 0, sizeof(g->ways.limits)); /* they are the record's now */
	qsp_auth_ways_reset(&g->ways);
	g->net.max_sessions = (uint32_t)t->p.config.max_sessions;
	g->net.alive_s = (uint32_t)t->p.config.alive_s;
	g->net.alive_count = (uint32_t)t->p.config.alive_count;
	return true;
}

static void
answer_resume(const struct qsp_auth_attempt *t, bool ok)
{
	uint8_t buf[16];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_RESUME_ANSWER);
	char user[QSP_USER_MAX + 1], address[QSP_RPC_ADDRESS_MAX];

	qsp_text_printable(t->q.user, false, user, sizeof(user));
	qsp_text_printable(t->q.address, false, address, sizeof(address));
	if (!ok)
		qsp_log(QSP_LOG_INFO, "Resuming refused for %s from %s port %u", user, address,
			t->q.port);
	qsp_writer_u64(&w, t->q.conn);
	qsp_writer_u8(&w, ok);
	(void)!qsp_ipc_send(t->link, qsp_writer_bytes(&w), NULL, 0);
}

static void
answer_attempt(struct qsp_auth *a, struct qsp_auth_grant *g, struct qsp_auth_attempt *t, bool ok)
{
	struct qsp_rpc_auth_answer answer = { .conn = t->q.conn, .verdict = QSP_AUTH_REFUSE };

	if (ok && qsp_auth_attempt_may_count(a, g, t)) {
		if (!qsp_auth_ways_did(g, t))
			answer.verdict = QSP_AUTH_PARTIAL;
		else if (remember(g, t))
			answer.verdict = QSP_AUTH_ACCEPT;
	}
	if (answer.verdict == QSP_AUTH_REFUSE) {
		qsp_auth_attempt_failed(a, g, t);
		answer.why = qsp_bytes_str(t->why);
	} else {
		if (answer.verdict == QSP_AUTH_PARTIAL)
			qsp_auth_attempt_log(a, t, "Partial");
		answer.limits = g->net;
		answer.key = qsp_bytes(t->key.blob, t->key.len);
		answer.ck = qsp_bytes(t->ck.b, t->ck_len);
	}
	answer.n_methods = qsp_auth_ways_methods(a, g, &t->q, answer.methods);
	send_answer(t->link, &answer);
}

/* The end of an attempt: ok where all has been proved. Frees t. */
static void
settle(struct qsp_auth *a, struct qsp_auth_grant *g, struct qsp_auth_attempt *t, bool ok)
{
	if (t->resumes)
		answer_resume(t, ok);
	else
		answer_attempt(a, g, t, ok);
	g->attempt = NULL;
	qsp_auth_attempt_free(a, t);
}

/* --- PAM ------------------------------------------------------------------------------------ */

/*
 * What the modules say to somebody who has proved to be who he says and may not in all the same, he may
 * hear. A password that can be changed by answering questions is no reason to end it all.
 */
static void
take_why(struct qsp_auth_attempt *t, const struct qsp_auth_word *w)
{
	char why[256], shown[QSP_USER_MAX + 1];

	qsp_text_printable(w->why, false, why, sizeof(why));
	qsp_text_printable(t->q.user, false, shown, sizeof(shown));
	qsp_log(QSP_LOG_INFO, "PAM: %s for %s%s", why, t->p.known ? "" : "invalid user ", shown);
	if (w->verdict == QSP_RPC_TALK_CLOSED ||
	    (w->verdict == QSP_RPC_TALK_EXPIRED && t->p.config.interactive <= 0))
		(void)snprintf(t->why, sizeof(t->why), "%s", why);
}

static void
heard(struct qsp_auth *a, void *arg, const struct qsp_auth_word *w)
{
	struct qsp_auth_attempt *t = arg;
	struct qsp_auth_grant *g = qsp_auth_login_find(a, t->link, t->q.conn);
	struct qsp_rpc_auth_answer answer = { .conn = t->q.conn, .verdict = QSP_AUTH_PROMPT };

	if (w->prompt != NULL) {
		answer.prompt = *w->prompt;
		send_answer(t->link, &answer);
		return;
	}
	if (w->verdict != QSP_RPC_TALK_YES)
		take_why(t, w);
	else if (a->is_root && !t->resumes)
		qsp_auth_talk_keep(a, t->talk, &t->pam);
	t->talk = NULL;
	settle(a, g, t, w->verdict == QSP_RPC_TALK_YES); /* g is there as long as t is */
}

/* hopeless: it goes as with anybody, and fails. */
static void
ask_pam(struct qsp_auth *a, struct qsp_auth_grant *g, struct qsp_auth_attempt *t,
	enum qsp_rpc_talk_kind kind, bool hopeless)
{
	struct qsp_rpc_talk q = { .kind = (uint8_t)kind,
				  .hopeless = hopeless,
				  .service = qsp_bytes_str(a->config.pam_service.v[0]),
				  .user = t->q.user,
				  .address = t->q.address,
				  .password = t->q.password };

	if (t->p.name[0] != 0)
		t->talk = qsp_auth_talk_start(a, &q, heard, t);
	if (t->talk == NULL)
		settle(a, g, t, false);
}

/* Proved, but by PAM's leave. */
static void
proved(struct qsp_auth *a, struct qsp_auth_grant *g, struct qsp_auth_attempt *t)
{
	if (a->config.use_pam)
		ask_pam(a, g, t, QSP_RPC_TALK_ACCOUNT, false);
	else
		settle(a, g, t, true);
}

/* --- the methods ---------------------------------------------------------------------------- */

/* A key is worth nothing before its proof: a challenge, whose ss stays here [P4.5]. */
static void
begin_kem(struct qsp_auth *a, struct qsp_auth_grant *g, struct qsp_auth_attempt *t)
{
	struct qsp_rpc_auth_answer answer = { .conn = t->q.conn, .verdict = QSP_AUTH_ACCEPT };
	uint8_t ct[QSP_KEM_CT_MAX];

	answer.ct.p = ct;
	if (!qsp_auth_attempt_find_key(a, t, t->q.key_id, t->q.key_type) ||
	    !qsp_auth_attempt_may_count(a, g, t) ||
	    qsp_proof_challenge(a->cx, &t->key, ct, &answer.ct.n, &t->ss) != 0) {
		settle(a, g, t, false);
		return;
	}
	t->challenged = true;
	answer.key = qsp_bytes(t->key.blob, t->key.len);
	answer.n_methods = qsp_auth_ways_methods(a, g, &t->q, answer.methods);
	send_answer(t->link, &answer);
}

/* The proof for a challenge of ours [P4.5]: who has not got the key cannot make it, qsshd-net
 * included. */
static void
judge_proof(struct qsp_auth *a, struct qsp_auth_grant *g, const struct qsp_rpc_auth *q)
{
	struct qsp_auth_attempt *t = g->attempt;
	bool right = qsp_proof_check(a->cx, q->kem, q->ck, q->h, &t->ss, q->proof, &t->ck) == 0;

	t->challenged = false;
	qsp_key32_wipe(&t->ss);
	t->ck_len = q->ck.n;
	if (right)
		proved(a, g, t);
	else
		settle(a, g, t, false);
}

static void
begin_interactive(struct qsp_auth *a, struct qsp_auth_grant *g, struct qsp_auth_attempt *t)
{
	struct qsp_rpc_auth_answer answer = { .conn = t->q.conn, .verdict = QSP_AUTH_PROMPT };
	struct qsp_qsshd_offer offer;
	bool usable = t->allowed && t->p.config.interactive && qsp_auth_attempt_may_count(a, g, t);

	if (qsp_qsshd_match_offer(&a->config, NULL, &offer) || !offer.interactive) {
		settle(a, g, t, false);
	} else if (a->config.use_pam) {
		ask_pam(a, g, t, QSP_RPC_TALK_INTERACTIVE, !usable);
	} else {
		answer.prompt = (struct qsp_prompt){ .n = 1 };
		answer.prompt.text[0] = qsp_bytes_str("Password: ");
		send_answer(t->link, &answer);
	}
}

static void
on_reply(struct qsp_auth *a, struct qsp_auth_grant *g, const struct qsp_rpc_auth *q)
{
	struct qsp_auth_attempt *t = g->attempt;

	if (t->talk != NULL)
		qsp_auth_talk_reply(t->talk, &q->reply);
	else
		settle(a, g, t,
		       q->reply.n == 1 &&
			       try_password(t, q->reply.text[0], t->p.config.interactive > 0));
}

static void
begin(struct qsp_auth *a, struct qsp_auth_grant *g, struct qsp_auth_attempt *t)
{
	const struct qsp_qsshd_config *c = &t->p.config;

	switch (t->q.method) {
	case QSP_METHOD_KEM: begin_kem(a, g, t); break;
	case QSP_METHOD_SIGNATURE:
		if (try_signature(a, t) && qsp_auth_attempt_may_count(a, g, t))
			proved(a, g, t);
		else
			settle(a, g, t, false);
		break;
	case QSP_METHOD_PASSWORD:
		if (a->config.use_pam)
			ask_pam(a, g, t, QSP_RPC_TALK_PASSWORD,
				!t->allowed || !c->password ||
					!qsp_auth_attempt_may_count(a, g, t));
		else
			settle(a, g, t, try_password(t, t->q.password, c->password > 0));
		break;
	case QSP_METHOD_INTERACTIVE: begin_interactive(a, g, t); break;
	default: settle(a, g, t, false); break;
	}
}

/* What t borrowed of the message ends with it. */
static void
forget_borrowed(struct qsp_auth_attempt *t)
{
	t->q.key = t->q.password = t->q.ck = t->q.h = t->q.proof = QSP_BYTES_NONE;
	t->q.reply.n = 0;
}

void
qsp_auth_decide(struct qsp_auth *a, int link, const struct qsp_rpc_auth *q)
{
	struct qsp_auth_grant *g = qsp_auth_login_record(a, link, q->conn);
	bool goes_on = q->has_proof || q->has_reply;
	struct qsp_auth_attempt *t = g ? g->attempt : NULL;

	if (goes_on && t != NULL && t->challenged && q->has_proof) {
		judge_proof(a, g, q);
	} else if (goes_on && t != NULL && !q->has_proof && t->q.method == QSP_METHOD_INTERACTIVE) {
		on_reply(a, g, q);
	} else if (g == NULL || goes_on) {
		refuse(a, link, g, q);
	} else {
		qsp_auth_login_retract(a, g);
		g->attempt = t = qsp_auth_attempt_new(a, link, q);
		if (t == NULL) {
			refuse(a, link, g, q);
			return;
		}
		if (strcmp(g->ways.user, t->p.name) != 0)
			qsp_auth_ways_reset(
				&g->ways); /* the engine allows no other user; nor do we */
		begin(a, g, t);
		if (g->attempt == t)
			forget_borrowed(t);
	}
}

/* --- later ---------------------------------------------------------------------------------- */

void
qsp_auth_decide_resume(struct qsp_auth *a, int link, const struct qsp_rpc_auth *q)
{
	struct qsp_auth_grant *g = qsp_auth_login_record(a, link, q->conn);
	struct qsp_auth_attempt *t = NULL;
	bool ok = false;

	if (g != NULL) {
		qsp_auth_login_retract(a, g);
		g->attempt = t = qsp_auth_attempt_new(a, link, q);
	}
	if (t == NULL) {
		answer_resume(&(struct qsp_auth_attempt){ .link = link, .q = *q }, false);
		return;
	}
	t->resumes = true;
	forget_borrowed(t);
	if (q->method == QSP_METHOD_KEM || q->method == QSP_METHOD_SIGNATURE)
		ok = qsp_auth_attempt_find_key(a, t, q->key_id, q->key_type);
	else if (q->method == QSP_METHOD_PASSWORD)
		ok = t->allowed && t->p.config.password;
	else if (q->method == QSP_METHOD_INTERACTIVE)
		ok = t->allowed && t->p.config.interactive;
	if (ok && qsp_auth_attempt_check_root(a, g, t))
		proved(a, g, t);
	else
		settle(a, g, t, false);
}
