/* SPDX-License-Identifier: ISC */
/* Specifications of forwards: cut into fields first, then judged by how many there are. */
#include "app/client_forward.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/confvalue.h"

#define FIELDS_MAX 4

struct field {
	char *text;
	bool is_path;
};

/* Cuts the next field off, in place; false for unbalanced brackets. *end: it was the last. */
static bool
cut(char **at, struct field *f, bool *end)
{
	char *from = *at, *to;

	f->is_path = false;
	if (*from == '[') {
		f->text = from + 1;
		to = strchr(from, ']');
		if (to == NULL || (to[1] != ':' && to[1] != 0))
			return false;
		from = to + 1;
	} else {
		f->text = to = from;
		for (; *from != 0 && *from != ':'; from++) {
			if (*from == '\\' && from[1] != 0)
				from++;
			f->is_path = f->is_path || *from == '/';
			*to++ = *from;
		}
	}
	*end = *from == 0;
	*at = from + 1;
	*to = 0;
	return true;
}

static bool
get_port(const char *s, bool zero, uint16_t *port)
{
	struct servent *known;
	uint64_t v;

	if (qsp_confvalue_number(s, zero ? 0 : 1, UINT16_MAX, &v) == 0) {
		*port = (uint16_t)v;
		return true;
	}
	known = getservbyname(s, "tcp");
	if (known != NULL)
		*port = (uint16_t)((known->s_port & 0xff) << 8 | (known->s_port >> 8 & 0xff));
	return known != NULL;
}

/* A copy of a field, or NULL; *ok falls where memory is short. */
static char *
copy(const char *s, bool *ok)
{
	char *c = strdup(s);

	*ok = *ok && c != NULL;
	return c;
}

static void
take_bind(struct qsp_client_forward *out, const char *host, bool *ok)
{
	out->listen_host = copy(strcmp(host, "*") == 0 ? "" : host, ok);
}

/* The end that listens, of n fields; how many were used, 0 where it is none. */
static size_t
take_listen(struct qsp_client_forward *out, const struct field *f, size_t n, size_t rest, bool *ok)
{
	if (n == rest + 2 && !f[0].is_path && !f[1].is_path) {
		take_bind(out, f[0].text, ok);
		return get_port(f[1].text, out->kind == 'R', &out->listen_port) ? 2 : 0;
	}
	if (n != rest + 1)
		return 0;
	if (f[0].is_path) {
		out->listen_path = copy(f[0].text, ok);
		return 1;
	}
	return get_port(f[0].text, out->kind == 'R', &out->listen_port) ? 1 : 0;
}

static qsp_err
take_fields(struct qsp_client_forward *out, const struct field *f, size_t n)
{
	bool ok = true, dynamic, to_path;
	size_t used;

	to_path = n > 1 && f[n - 1].is_path;
	/* two fields without a path at the end are a bind and a port */
	dynamic = out->kind == 'D' || (out->kind == 'R' && n <= 2 && !to_path);
	used = take_listen(out, f, n, dynamic ? 0 : to_path ? 1 : 2, &ok);
	if (used == 0)
		return QSP_E_INPUT;
	f += used;
	if (to_path && !dynamic) {
		out->path = copy(f[0].text, &ok);
	} else if (!dynamic) {
		if (f[0].is_path || *f[0].text == 0 || !get_port(f[1].text, false, &out->port))
			return QSP_E_INPUT;
		out->host = copy(f[0].text, &ok);
	}
	return ok ? 0 : QSP_E_NOMEM;
}

qsp_err
qsp_client_forward_parse(char kind, const char *spec, struct qsp_client_forward *out)
{
	struct field f[FIELDS_MAX];
	char *text = strlen(spec) < QSP_CLIENT_FORWARD_TEXT_MAX / 2 ? strdup(spec) : NULL;
	char *at = text;
	size_t n = 0;
	bool end = false;
	qsp_err e = 0;

	*out = (struct qsp_client_forward){ .kind = kind };
	if (text == NULL)
		return strlen(spec) < QSP_CLIENT_FORWARD_TEXT_MAX / 2 ? QSP_E_NOMEM : QSP_E_INPUT;
	while (!e && !end)
		e = n < FIELDS_MAX && cut(&at, &f[n++], &end) ? 0 : QSP_E_INPUT;
	if (!e)
		e = take_fields(out, f, n);
	free(text);
	if (e)
		qsp_client_forward_wipe(out);
	return e;
}

void
qsp_client_forward_wipe(struct qsp_client_forward *f)
{
	free(f->listen_host);
	free(f->listen_path);
	free(f->host);
	free(f->path);
	*f = (struct qsp_client_forward){ 0 };
}

void
qsp_client_forward_print(const struct qsp_client_forward *f, char *out, size_t cap)
{
	char from[QSP_CLIENT_FORWARD_TEXT_MAX];

	if (f->listen_path != NULL)
		(void)snprintf(from, sizeof(from), "%s", f->listen_path);
	else if (f->listen_host == NULL)
		(void)snprintf(from, sizeof(from), "%u", (unsigned)f->listen_port);
	else
		(void)snprintf(from, sizeof(from), "[%s]:%u",
			       *f->listen_host ? f->listen_host : "*", (unsigned)f->listen_port);
	if (f->path != NULL)
		(void)snprintf(out, cap, "%s %s", from, f->path);
	else if (f->host != NULL)
		(void)snprintf(out, cap, "%s [%s]:%u", from, f->host, (unsigned)f->port);
	else
		(void)snprintf(out, cap, "%s", from);
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
qsp_client_forward_same(const struct qsp_client_forward *a, const struct qsp_client_forward *b)
{
	return (a->kind == 'R') == (b->kind == 'R') && a->listen_port == b->listen_port &&
	       same_text(a->listen_host, b->listen_host) &&
	       same_text(a->listen_path, b->listen_path);
}

bool
qsp_client_forward_same_target(const struct qsp_client_forward *a,
			       const struct qsp_client_forward *b)
{
	return a->port == b->port && same_text(a->host, b->host) && same_text(a->path, b->path);
}

/* --- PermitRemoteOpen ------------------------------------------------------------------------ */

/* HOST:PORT or [HOST]:PORT in place; *port 0 for `*`. */
static bool
cut_permit(char *text, char **host, uint16_t *port)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL || colon == text)
		return false;
	*colon = 0;
	*host = text;
	if (*text == '[' && colon[-1] == ']') {
		colon[-1] = 0;
		(*host)++;
	} else if (strchr(text, ':') != NULL) {
		return false;
	}
	*port = 0;
	return **host != 0 && (strcmp(colon + 1, "*") == 0 || get_port(colon + 1, false, port));
}

const char *
qsp_client_forward_check_permit(const char *entry)
{
	char text[QSP_CLIENT_FORWARD_TEXT_MAX], *host;
	uint16_t port;

	if (strcasecmp(entry, "any") == 0 || strcasecmp(entry, "none") == 0)
		return NULL;
	if (snprintf(text, sizeof(text), "%s", entry) < (int)sizeof(text) &&
	    cut_permit(text, &host, &port))
		return NULL;
	return "not host:port, any or none";
}

bool
qsp_client_forward_permits(const char *entry, const char *host, uint16_t port)
{
	char text[QSP_CLIENT_FORWARD_TEXT_MAX], *allowed;
	uint16_t allowed_port;

	if (strcasecmp(entry, "any") == 0)
		return true;
	if (snprintf(text, sizeof(text), "%s", entry) >= (int)sizeof(text) ||
	    !cut_permit(text, &allowed, &allowed_port))
		return false;
	return (allowed_port == 0 || allowed_port == port) &&
	       (strcmp(allowed, "*") == 0 || strcasecmp(allowed, host) == 0);
}
