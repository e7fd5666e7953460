/* SPDX-License-Identifier: ISC */
/* Names that a shell could take for something else are refused, though ours never reach one. */
#include "app/client_jump.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/confvalue.h"

static bool
is_uri(const char *s)
{
	return strncmp(s, "ssh://", 6) == 0 || strncmp(s, "qssh://", 7) == 0 ||
	       strncmp(s, "qsp://", 6) == 0;
}

bool
qsp_client_jump_is_plain(const char *name)
{
	if (*name == 0 || *name == '-')
		return false;
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 127 || strchr("'`\"$\\;&<>|(){}*?!#~,", *p))
			return false;
	return true;
}

/* One hop, cut in place. */
static qsp_err
take_hop(char *s, struct qsp_client_jump *out)
{
	char *at = strrchr(s, '@'), *host = at ? at + 1 : s;
	int port = -1;

	if (is_uri(s)) {
		out->destination = strdup(s);
		return out->destination ? 0 : QSP_E_NOMEM;
	}
	if (at)
		*at = 0;
	if (at && !qsp_client_jump_is_plain(s))
		return QSP_E_INPUT;
	if (qsp_confvalue_host_port(host, &host, &port) != 0 || !qsp_client_jump_is_plain(host))
		return QSP_E_INPUT;
	if (port == 0)
		return QSP_E_INPUT;
	out->port = port < 0 ? 0 : (uint16_t)port;
	out->user = at ? strdup(s) : NULL;
	out->destination = strdup(host);
	return out->destination && (!at || out->user) ? 0 : QSP_E_NOMEM;
}

qsp_err
qsp_client_jump_last(const char *list, struct qsp_client_jump *out)
{
	const char *comma = strrchr(list, ',');
	char *hop = strdup(comma ? comma + 1 : list);
	qsp_err e = QSP_E_NOMEM;

	memset(out, 0, sizeof(*out));
	if (!hop)
		return QSP_E_NOMEM;
	if (comma)
		out->before = strndup(list, (size_t)(comma - list));
	if (!comma || out->before)
		e = take_hop(hop, out);
	free(hop);
	if (e)
		qsp_client_jump_wipe(out);
	return e;
}

void
qsp_client_jump_wipe(struct qsp_client_jump *j)
{
	free(j->before);
	free(j->user);
	free(j->destination);
	memset(j, 0, sizeof(*j));
}

bool
qsp_client_jump_is_good(const char *list)
{
	char *left = strdup(list);
	bool good = left != NULL;

	if (strcasecmp(list, "none") == 0) {
		free(left);
		return true;
	}
	for (int n = 0; left && good; n++) {
		struct qsp_client_jump j;

		good = n < QSP_CLIENT_HOPS_MAX && qsp_client_jump_last(left, &j) == 0;
		free(left);
		left = NULL;
		if (good) {
			left = j.before;
			j.before = NULL;
			qsp_client_jump_wipe(&j);
		}
	}
	free(left);
	return good;
}

qsp_err
qsp_client_jump_target(const char *s, char **host, uint16_t *port)
{
	char *copy = strdup(s), *name;
	int n = 0;
	qsp_err e;

	*host = NULL;
	if (!copy)
		return QSP_E_NOMEM;
	e = qsp_confvalue_host_port(copy, &name, &n);
	if (!e && n == 0)
		e = QSP_E_INPUT;
	if (!e && (*host = strdup(name)) == NULL)
		e = QSP_E_NOMEM;
	*port = (uint16_t)n;
	free(copy);
	return e;
}
