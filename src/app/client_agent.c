/* SPDX-License-Identifier: ISC */
/* Which agent, and what is put into it. */
#include "app/client_agent.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/confvalue.h"

qsp_err
qsp_client_agent_get_add(const char *s, struct qsp_client_agent_add *out)
{
	uint64_t seconds = 0;
	bool yes;

	memset(out, 0, sizeof(*out));
	if (qsp_confvalue_bool(s, &yes) == 0) {
		out->add = yes;
		return QSP_OK;
	}
	out->add = true;
	if (strcasecmp(s, "ask") == 0) {
		out->ask = true;
		return QSP_OK;
	}
	if (strncasecmp(s, "confirm", 7) == 0 && (!s[7] || s[7] == ' ')) {
		out->confirm = true;
		s += 7;
		s += strspn(s, " ");
		if (!*s)
			return QSP_OK;
	}
	if (qsp_confvalue_seconds(s, &seconds) != 0 || seconds == 0)
		return QSP_E_INPUT;
	out->lifetime = (uint32_t)seconds;
	return QSP_OK;
}

static char *
variable(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? strdup(v) : NULL;
}

char *
qsp_client_agent_path(const char *value, const struct qsp_client_tokens *t)
{
	if (!value || strcmp(value, "QSSH_AUTH_SOCK") == 0)
		return variable("QSSH_AUTH_SOCK");
	if (strcmp(value, "SSH_AUTH_SOCK") == 0)
		return variable(value);
	if (strcasecmp(value, "none") == 0)
		return NULL;
	return value[0] == '$' ? variable(value + 1) : qsp_client_expand(value, t, true);
}

char *
qsp_client_agent_forward_path(const char *forward, const char *identity_agent,
			      const struct qsp_client_tokens *t)
{
	bool yes;

	if (qsp_confvalue_bool(forward, &yes) == 0)
		return yes ? qsp_client_agent_path(identity_agent, t) : NULL;
	return qsp_client_agent_path(forward, t);
}
