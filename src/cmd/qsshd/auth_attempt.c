/* SPDX-License-Identifier: ISC */
/* An attempt to log in, from its first question to its verdict. */
#include "cmd/qsshd/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sys/log.h"

static struct qsp_bytes
keep(struct qsp_bytes b, uint8_t *to, size_t cap)
{
	if (b.n > cap)
		b.n = cap;
	if (b.n > 0)
		memcpy(to, b.p, b.n);
	return qsp_bytes(to, b.n);
}

/* A slip of the administrator's, of which the user sees no more than a refusal. */
static void
check_ways(const struct qsp_auth_attempt *t)
{
	bool complete;

	if (t->allowed && qsp_qsshd_ways_next(&t->p.config, NULL, 0, &complete) == 0)
		qsp_log(QSP_LOG_ERROR,
			"User %s cannot log in: each list of AuthenticationMethods has a method "
			"that is not allowed",
			t->p.user.name);
}

struct qsp_auth_attempt *
qsp_auth_attempt_new(struct qsp_auth *a, int link, const struct qsp_rpc_auth *q)
{
	struct qsp_auth_attempt *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->link = link;
	t->q = *q;
	t->q.user = keep(q->user, t->user, sizeof(t->user));
	t->q.address = keep(q->address, t->address, sizeof(t->address));
	t->q.own = keep(q->own, t->own, sizeof(t->own));
	t->allowed = qsp_auth_users_find(a, &t->q, &t->p);
	check_ways(t);
	return t;
}

void
qsp_auth_attempt_free(struct qsp_auth *a, struct qsp_auth_attempt *t)
{
	if (t == NULL)
		return;
	if (t->talk != NULL)
		qsp_auth_talk_cancel(a, t->talk);
	qsp_auth_talk_let_go(&t->pam);
	qsp_auth_limits_free(&t->limits);
	qsp_auth_users_free(&t->p);
	qsp_mem_wipe_free(t, sizeof(*t));
}

static bool
root_may(const struct qsp_auth *a, const struct qsp_auth_grant *g, const struct qsp_auth_attempt *t)
{
	if (t->p.user.uid != 0 || !a->is_root)
		return true;
	switch (t->p.config.root) {
	case QSP_ROOT_YES: return true;
	case QSP_ROOT_PROHIBIT_PASSWORD:
		return t->q.method != QSP_METHOD_PASSWORD && t->q.method != QSP_METHOD_INTERACTIVE;
	case QSP_ROOT_FORCED_COMMANDS_ONLY:
		return t->limits.command != NULL || g->ways.limits.command != NULL;
	default: return false;
	}
}

bool
qsp_auth_attempt_check_root(struct qsp_auth *a, const struct qsp_auth_grant *g,
			    const struct qsp_auth_attempt *t)
{
	char address[QSP_RPC_ADDRESS_MAX];

	if (root_may(a, g, t))
		return true;
	qsp_text_printable(t->q.address, false, address, sizeof(address));
	qsp_log(QSP_LOG_INFO, "ROOT LOGIN REFUSED FROM %s port %u", address, t->q.port);
	return false;
}

bool
qsp_auth_attempt_find_key(struct qsp_auth *a, struct qsp_auth_attempt *t,
			  const uint8_t id[QSP_KEY_ID_LEN], uint8_t type)
{
	char print[QSP_KEY_PRINT_MAX];
	const char *name = qsp_key_type_name(type);

	qsp_key_print(id, print);
	(void)snprintf(t->what, sizeof(t->what), "%s %s", name ? name : "unknown", print);
	return t->allowed && t->p.config.pubkey &&
	       qsp_auth_allowed(a, &t->p, &t->q, id, &t->key, &t->limits) &&
	       t->key.blob[0] == type &&
	       qsp_key_type_is_kem(type) == (t->q.method == QSP_METHOD_KEM);
}

bool
qsp_auth_attempt_may_count(struct qsp_auth *a, const struct qsp_auth_grant *g,
			   const struct qsp_auth_attempt *t)
{
	return g->failures < t->p.config.max_auth_tries && qsp_auth_ways_may(g, t) &&
	       qsp_auth_attempt_check_root(a, g, t);
}

void
qsp_auth_attempt_log(const struct qsp_auth *a, const struct qsp_auth_attempt *t,
		     const char *verdict)
{
	const char *method = t->q.method == QSP_METHOD_PASSWORD      ? "password"
			     : t->q.method == QSP_METHOD_NONE        ? "none"
			     : t->q.method != QSP_METHOD_INTERACTIVE ? "publickey"
			     : a->config.use_pam                     ? "keyboard-interactive/pam"
								     : "keyboard-interactive";
	char shown[QSP_USER_MAX + 1], address[QSP_RPC_ADDRESS_MAX];

	qsp_text_printable(t->q.user, false, shown, sizeof(shown));
	qsp_text_printable(t->q.address, false, address, sizeof(address));
	qsp_log(t->q.method == QSP_METHOD_NONE ? QSP_LOG_VERBOSE : QSP_LOG_INFO,
		"%s %s for %s%s from %s port %u%s%s", verdict, method,
		t->p.known ? "" : "invalid user ", shown, address, t->q.port, *t->what ? ": " : "",
		t->what);
}

void
qsp_auth_attempt_failed(const struct qsp_auth *a, struct qsp_auth_grant *g,
			const struct qsp_auth_attempt *t)
{
	char shown[QSP_USER_MAX + 1], address[QSP_RPC_ADDRESS_MAX];

	qsp_auth_attempt_log(a, t, "Failed");
	if (t->q.method == QSP_METHOD_NONE || ++g->failures != t->p.config.max_auth_tries)
		return;
	qsp_text_printable(t->q.user, false, shown, sizeof(shown));
	qsp_text_printable(t->q.address, false, address, sizeof(address));
	qsp_log(QSP_LOG_ERROR, "maximum authentication attempts exceeded for %s%s from %s port %u",
		t->p.known ? "" : "invalid user ", shown, address, t->q.port);
}
