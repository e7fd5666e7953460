/* SPDX-License-Identifier: ISC */
/* AuthenticationMethods: what a connection has gone through, what may follow, and what its keys' options say
 * together. */
#include "cmd/qsshd/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ct.h"
#include "base/text.h"

void
qsp_auth_limits_free(struct qsp_auth_limits *l)
{
	struct qsp_qsshd_list *const lists[] = { &l->permit_open, &l->permit_listen,
						 &l->environment };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (size_t k = 0; k < lists[i]->n; k++)
			free(lists[i]->v[k]);
		lists[i]->n = 0;
	}
	free(l->command);
	l->command = NULL;
	l->forbidden = 0;
}

/* QSP_WAYS for a method that proves nothing. */
static uint8_t
way_of(uint8_t method)
{
	switch (method) {
	case QSP_METHOD_KEM:
	case QSP_METHOD_SIGNATURE: return QSP_WAY_PUBLICKEY;
	case QSP_METHOD_PASSWORD: return QSP_WAY_PASSWORD;
	case QSP_METHOD_INTERACTIVE: return QSP_WAY_INTERACTIVE;
	default: return QSP_WAYS;
	}
}

/* Of two keys each may say what the other does not; what both say must not contradict. */
static bool
agree(const struct qsp_auth_limits *x, const struct qsp_auth_limits *y)
{
	return (!x->command || !y->command || strcmp(x->command, y->command) == 0) &&
	       (x->permit_open.n == 0 || y->permit_open.n == 0) &&
	       (x->permit_listen.n == 0 || y->permit_listen.n == 0) &&
	       (x->environment.n == 0 || y->environment.n == 0);
}

static void
take_list(struct qsp_qsshd_list *to, struct qsp_qsshd_list *from)
{
	if (to->n > 0)
		return;
	*to = *from;
	from->n = 0;
}

static void
take_limits(struct qsp_auth_limits *to, struct qsp_auth_limits *from)
{
	to->forbidden |= from->forbidden;
	if (!to->command) {
		to->command = from->command;
		from->command = NULL;
	}
	take_list(&to->permit_open, &from->permit_open);
	take_list(&to->permit_listen, &from->permit_listen);
	take_list(&to->environment, &from->environment);
}

static bool
was_used(const struct qsp_auth_ways *w, const struct qsp_key_public *key)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->done[i] == QSP_WAY_PUBLICKEY &&
		    qsp_ct_equal(w->key[i], key->id, QSP_KEY_ID_LEN))
			return true;
	}
	return false;
}

bool
qsp_auth_ways_may(const struct qsp_auth_grant *g, const struct qsp_auth_attempt *t)
{
	const struct qsp_auth_ways *w = &g->ways;
	bool complete;

	return (qsp_qsshd_ways_next(&t->p.config, w->done, w->n, &complete) >> way_of(t->q.method) &
		1) &&
	       (way_of(t->q.method) != QSP_WAY_PUBLICKEY || !was_used(w, &t->key)) &&
	       agree(&w->limits, &t->limits);
}

bool
qsp_auth_ways_did(struct qsp_auth_grant *g, struct qsp_auth_attempt *t)
{
	struct qsp_auth_ways *w = &g->ways;
	bool complete;

	(void)snprintf(w->user, sizeof(w->user), "%s", t->p.name);
	if (w->n < QSP_WAYS_MAX) {
		memcpy(w->key[w->n], t->key.id, QSP_KEY_ID_LEN);
		w->done[w->n++] = way_of(t->q.method);
	}
	take_limits(&w->limits, &t->limits);
	w->next = qsp_qsshd_ways_next(&t->p.config, w->done, w->n, &complete);
	return complete;
}

void
qsp_auth_ways_reset(struct qsp_auth_ways *w)
{
	qsp_auth_limits_free(&w->limits);
	memset(w, 0, sizeof(*w));
}

size_t
qsp_auth_ways_methods(struct qsp_auth *a, const struct qsp_auth_grant *g,
		      const struct qsp_rpc_auth *q, uint8_t out[QSP_METHODS_MAX])
{
	char address[QSP_RPC_ADDRESS_MAX], own[QSP_RPC_ADDRESS_MAX];
	struct qsp_qsshd_who who = {
		.host = address, .address = address, .local_address = own, .local_port = q->own_port
	};
	struct qsp_qsshd_offer offer;
	unsigned next;
	size_t n = 0;

	qsp_text_printable(q->address, false, address, sizeof(address));
	qsp_text_printable(q->own, false, own, sizeof(own));
	if (qsp_qsshd_match_offer(&a->config, &who, &offer))
		return 0;
	next = g != NULL && g->ways.n > 0 ? g->ways.next : offer.first;
	if (offer.pubkey && (next & 1u << QSP_WAY_PUBLICKEY)) {
		out[n++] = QSP_METHOD_KEM;
		out[n++] = QSP_METHOD_SIGNATURE;
	}
	if (offer.password && (next & 1u << QSP_WAY_PASSWORD))
		out[n++] = QSP_METHOD_PASSWORD;
	if (offer.interactive && (next & 1u << QSP_WAY_INTERACTIVE))
		out[n++] = QSP_METHOD_INTERACTIVE;
	return n;
}
