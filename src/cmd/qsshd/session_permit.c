/* SPDX-License-Identifier: ISC */
/*
 * What may be forwarded: the configuration, then the options of the key. Both must allow it. The lists
 * were checked where they were read; an entry that fits nothing permits nothing.
 */
#include "cmd/qsshd/session_forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/pattern.h"

/* "[HOST:]PORT" in pieces; host NULL where there is none. False for what is no such thing. */
struct entry {
	char text[QSP_RPC_HOST_MAX + 8];
	const char *host;
	unsigned long port; /* 0: any */
};

static bool
take_entry(const char *text, struct entry *e)
{
	char *colon, *end, *host = e->text;

	if (snprintf(e->text, sizeof(e->text), "%s", text) >= (int)sizeof(e->text))
		return false;
	colon = strrchr(e->text, ':');
	e->host = NULL;
	if (colon != NULL) {
		*colon = 0;
		if (*host == '[' && colon > host && colon[-1] == ']') {
			colon[-1] = 0;
			host++;
		}
		e->host = host;
	}
	text = colon != NULL ? colon + 1 : e->text;
	if (strcmp(text, "*") == 0) {
		e->port = 0;
		return true;
	}
	e->port = strtoul(text, &end, 10);
	return *text != 0 && *end == 0 && e->port > 0 && e->port <= UINT16_MAX;
}

static bool
open_fits(const char *text, const char *host, uint16_t port)
{
	struct entry e;

	if (!take_entry(text, &e) || e.host == NULL)
		return false;
	return (e.port == 0 || e.port == port) &&
	       (strcmp(e.host, "*") == 0 || strcasecmp(e.host, host) == 0);
}

static bool
listen_fits(const char *text, const char *host, uint16_t port)
{
	struct entry e;

	if (!take_entry(text, &e))
		return false;
	if (e.port != 0 && e.port != port)
		return false;
	return e.host == NULL ||
	       qsp_pattern_fits(qsp_bytes_str(e.host), qsp_bytes_str(host), QSP_PATTERN_FOLD);
}

/* An empty list, and "any", permit all; "none" nothing. */
static bool
list_permits(const struct qsp_qsshd_list *l, const struct qsp_rpc_target *t,
	     bool (*fits)(const char *text, const char *host, uint16_t port))
{
	char host[QSP_RPC_HOST_MAX];

	if (l->n == 0)
		return true;
	if (t->host.n > 0)
		memcpy(host, t->host.p, t->host.n);
	host[t->host.n] = 0;
	for (size_t i = 0; i < l->n; i++) {
		if (strcasecmp(l->v[i], "any") == 0 || fits(l->v[i], host, t->port))
			return true;
	}
	return false;
}

static bool
kind_permitted(const struct qsp_session *s, bool is_path, int way)
{
	int allowed = is_path ? s->config.allow_stream_forwarding : s->config.allow_tcp_forwarding;

	return !s->no_port_forwarding && !s->config.disable_forwarding && (allowed & way) != 0;
}

bool
qsp_session_permit_connect(const struct qsp_session *s, const struct qsp_rpc_target *t)
{
	if (!kind_permitted(s, t->is_path, QSP_FORWARD_LOCAL))
		return false;
	return t->is_path || (list_permits(&s->config.permit_open, t, open_fits) &&
			      list_permits(&s->permit_open, t, open_fits));
}

bool
qsp_session_permit_listen(const struct qsp_session *s, const struct qsp_rpc_target *t)
{
	if (!kind_permitted(s, t->is_path, QSP_FORWARD_REMOTE))
		return false;
	return t->is_path || (list_permits(&s->config.permit_listen, t, listen_fits) &&
			      list_permits(&s->permit_listen, t, listen_fits));
}
