/* SPDX-License-Identifier: ISC */
/*
 * Logging in [P4.5]: the methods in the preferred order, keys one by one, then what a person can
 * answer. The attempt that is certainly the last one is marked so, and data follows it at once.
 */
#include "cmd/qssh/qssh.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "sys/ask.h"

#define ANSWER_MAX 1024

struct answer {
	char s[ANSWER_MAX];
};

static void
answer_wipe(struct answer *a)
{
	qsp_mem_wipe(a, sizeof(*a));
}

struct answers {
	char s[QSP_PROMPTS_MAX][ANSWER_MAX];
};

static void
answers_wipe(struct answers *a)
{
	qsp_mem_wipe(a, sizeof(*a));
}

static const char *
method_name(uint8_t method)
{
	switch (method) {
	case QSP_METHOD_KEM:
	case QSP_METHOD_SIGNATURE: return "publickey";
	case QSP_METHOD_PASSWORD: return "password";
	case QSP_METHOD_INTERACTIVE: return "keyboard-interactive";
	default: return "none";
	}
}

/* May this method be tried, as far as the server has said? */
static bool
is_offered(struct qsp_qssh *q, enum qsp_method method)
{
	uint8_t methods[QSP_METHODS_MAX];
	bool partial;
	size_t n = qsp_conn_methods(qsp_qssh_contact_conn(q), methods, &partial);

	if (n == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (methods[i] == method)
			return true;
	return false;
}

static bool
may_prompt(const struct qsp_qssh *q)
{
	return q->can_ask && q->cfg.batch_mode != QSP_CLIENT_YES && !q->distrusted;
}

/* --- what could be tried -------------------------------------------------------------------- */

struct attempt {
	enum qsp_method method; /* 0: none is left */
	struct qsp_qssh_identity *id;
};

static enum qsp_method
method_of(const struct qsp_qssh_identity *id)
{
	return qsp_key_type_is_kem(id->pub.blob[0]) ? QSP_METHOD_KEM : QSP_METHOD_SIGNATURE;
}

static struct attempt
next_key(struct qsp_qssh *q)
{
	if (q->cfg.pubkey != QSP_CLIENT_YES)
		return (struct attempt){ 0 };
	for (size_t i = 0; i < q->n_ids; i++) {
		struct qsp_qssh_identity *id = &q->ids[i];

		if (!id->tried && !id->broken && is_offered(q, method_of(id)))
			return (struct attempt){ method_of(id), id };
	}
	return (struct attempt){ 0 };
}

static bool
is_word(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

/* What is next in the preferred order, after all that was tried. */
static struct attempt
choose(struct qsp_qssh *q)
{
	const char *p = q->cfg.preferred_authentications;

	for (; *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");
		struct attempt a = { 0 };

		if (is_word(p, n, "publickey"))
			a = next_key(q);
		else if (is_word(p, n, "none") && !q->none_tried)
			a.method = QSP_METHOD_NONE;
		else if (is_word(p, n, "password") && q->cfg.password == QSP_CLIENT_YES &&
			 may_prompt(q) && is_offered(q, QSP_METHOD_PASSWORD) &&
			 q->password_tries < q->cfg.password_prompts)
			a.method = QSP_METHOD_PASSWORD;
		else if (is_word(p, n, "keyboard-interactive") &&
			 q->cfg.interactive == QSP_CLIENT_YES && may_prompt(q) &&
			 is_offered(q, QSP_METHOD_INTERACTIVE) &&
			 q->interactive_tries < q->cfg.password_prompts &&
			 (q->interactive_tries == 0 || q->was_asked))
			a.method = QSP_METHOD_INTERACTIVE;
		if (a.method)
			return a;
		p += n;
	}
	return (struct attempt){ 0 };
}

/* --- one attempt ---------------------------------------------------------------------------- */

static void
give_up(struct qsp_qssh *q)
{
	(void)!qsp_conn_give_up(qsp_qssh_contact_conn(q));
	qsp_qssh_contact_kick(q);
}

/* A server that has refused something may want more than one way. */
static bool
has_answered(struct qsp_qssh *q)
{
	uint8_t methods[QSP_METHODS_MAX];
	bool partial;

	return qsp_conn_methods(qsp_qssh_contact_conn(q), methods, &partial) > 0;
}

static void
login(struct qsp_qssh *q, const struct attempt *a, struct qsp_bytes password)
{
	struct qsp_login l = { .user = qsp_bytes_str(q->user),
			       .method = a->method,
			       .key = a->id ? &a->id->pub : NULL,
			       .password = password,
			       .last = choose(q).method == 0 && !has_answered(q) };
	qsp_err e = qsp_conn_login(qsp_qssh_contact_conn(q), &l);

	qsp_qssh_say(QSP_LOG_DEBUG1, "Trying %s%s%s%s", method_name((uint8_t)a->method),
		     a->id ? " with " : "", a->id ? a->id->path : "",
		     l.last ? ", and nothing else" : "");
	if (e && !qsp_conn_error(qsp_qssh_contact_conn(q))) {
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: login: %s", qsp_err_text(e));
		give_up(q);
	}
	qsp_qssh_contact_kick(q);
}

static void
ask_password(struct qsp_qssh *q, const struct attempt *a)
{
	__attribute__((cleanup(answer_wipe))) struct answer password;
	char question[600];

	if (q->password_tries++ > 0)
		qsp_qssh_say(QSP_LOG_ERROR, "Permission denied, please try again.");
	snprintf(question, sizeof(question), "%s@%s's password: ", q->user, q->name);
	if (qsp_ask(question, false, password.s, sizeof(password.s)) != 0) {
		give_up(q);
		return;
	}
	login(q, a, qsp_bytes_str(password.s));
}

/* One of several ways is done. What was refused before may be what is wanted now: all but the key that was
 * just taken. */
static void
take_partial(struct qsp_qssh *q)
{
	uint8_t methods[QSP_METHODS_MAX];
	bool partial = false;

	if (!qsp_conn_methods(qsp_qssh_contact_conn(q), methods, &partial) || !partial)
		return;
	qsp_qssh_say(QSP_LOG_VERBOSE, "Authenticated using \"%s\" with partial success.",
		     method_name((uint8_t)q->method));
	for (size_t i = 0; i < q->n_ids; i++)
		q->ids[i].tried = &q->ids[i] == q->asking;
	q->password_tries = q->interactive_tries = 0;
}

void
qsp_qssh_auth_next(struct qsp_qssh *q)
{
	struct attempt a;

	take_partial(q);
	qsp_qssh_identity_load_all(q);
	a = choose(q);
	q->method = a.method;
	q->asking = a.id;
	switch (a.method) {
	case QSP_METHOD_KEM:
	case QSP_METHOD_SIGNATURE:
		a.id->tried = true;
		login(q, &a, QSP_BYTES_NONE);
		break;
	case QSP_METHOD_PASSWORD: ask_password(q, &a); break;
	case QSP_METHOD_INTERACTIVE:
		q->interactive_tries++;
		login(q, &a, QSP_BYTES_NONE);
		break;
	case QSP_METHOD_NONE:
		q->none_tried = true;
		login(q, &a, QSP_BYTES_NONE);
		break;
	default: give_up(q); break;
	}
}

/* --- what the attempt needs ----------------------------------------------------------------- */

void
qsp_qssh_auth_decaps(struct qsp_qssh *q)
{
	struct qsp_conn *c = qsp_qssh_contact_conn(q);
	struct qsp_decaps_question question;
	struct qsp_decaps_answer answer;
	struct qsp_key *key;
	bool ok;

	if (q->asking && q->asking->in_agent) {
		qsp_qssh_agent_mix(q, q->asking);
		qsp_qssh_contact_kick(q);
		return;
	}
	key = q->asking ? qsp_qssh_identity_key(q, q->asking) : NULL;
	ok = key && qsp_conn_decaps_question(c, &question) == 0 &&
	     qsp_key_answer(&key, 1, &question, &answer) == 0;

	(void)!qsp_conn_decaps(c, ok ? &answer : NULL); /* its error is the connection's */
	qsp_mem_wipe(&answer, sizeof(answer));
	qsp_qssh_contact_kick(q);
}

void
qsp_qssh_auth_sign(struct qsp_qssh *q)
{
	struct qsp_conn *c = qsp_qssh_contact_conn(q);
	struct qsp_key *key;
	uint8_t sig[8192];
	size_t n = sizeof(sig);

	if (q->asking && q->asking->in_agent) {
		qsp_qssh_agent_sign(q, q->asking);
		qsp_qssh_contact_kick(q);
		return;
	}
	key = q->asking ? qsp_qssh_identity_key(q, q->asking) : NULL;
	if (!key || qsp_key_sign(key, qsp_conn_sign_input(c), sig, &n) != 0)
		n = 0; /* an empty one ends the attempt */
	(void)!qsp_conn_sign(c, qsp_bytes(sig, n));
	qsp_qssh_contact_kick(q);
}

static void
show(struct qsp_bytes text)
{
	char line[1024];

	if (text.n == 0)
		return;
	qsp_text_printable(text, true, line, sizeof(line));
	qsp_qssh_say(QSP_LOG_ERROR, "%s", line);
}

/* The server's questions, shown with who asks, so that none passes for one of ours. */
void
qsp_qssh_auth_reply(struct qsp_qssh *q)
{
	__attribute__((cleanup(answers_wipe))) struct answers answers;
	struct qsp_conn *c = qsp_qssh_contact_conn(q);
	struct qsp_prompt p;
	struct qsp_reply r = { 0 };
	char text[512], question[1024];

	memset(&answers, 0, sizeof(answers));
	if (qsp_conn_prompt(c, &p) != 0) {
		give_up(q);
		return;
	}
	q->was_asked = true;
	show(p.name);
	show(p.instruction);
	for (r.n = 0; r.n < p.n; r.n++) {
		qsp_text_printable(p.text[r.n], false, text, sizeof(text));
		snprintf(question, sizeof(question), "(%s@%s) %s", q->user, q->name, text);
		if (qsp_ask(question, p.echo[r.n], answers.s[r.n], ANSWER_MAX) == QSP_E_IO) {
			give_up(q);
			return;
		}
		r.text[r.n] = qsp_bytes_str(answers.s[r.n]);
	}
	(void)!qsp_conn_reply(c, &r);
	qsp_qssh_contact_kick(q);
}

void
qsp_qssh_auth_denied(struct qsp_qssh *q)
{
	uint8_t methods[QSP_METHODS_MAX];
	bool partial;
	size_t n = qsp_conn_methods(qsp_qssh_contact_conn(q), methods, &partial);
	char list[128] = "";

	for (size_t i = 0; i < n; i++) {
		const char *name = method_name(methods[i]);

		if (methods[i] == QSP_METHOD_NONE || strstr(list, name))
			continue;
		if (list[0])
			strncat(list, ",", sizeof(list) - strlen(list) - 1);
		strncat(list, name, sizeof(list) - strlen(list) - 1);
	}
	if (n == 0 && q->n_ids == 0)
		qsp_qssh_say(QSP_LOG_ERROR,
			     "qssh: no key to log in with: make one with qssh-keygen, "
			     "or name one with -i");
	qsp_qssh_say(QSP_LOG_ERROR, "%s@%s: Permission denied (%s).", q->user, q->name,
		     list[0] ? list : "publickey");
}
