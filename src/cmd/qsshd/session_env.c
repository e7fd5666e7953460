/* SPDX-License-Identifier: ISC */
/*
 * The environment of a child, as sshd makes it: what the client sent and AcceptEnv allows, then what the
 * server says, which wins.
 */
#include "cmd/qsshd/session.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_ROOT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PATH_USER "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
#define NAME_MAX_LEN 256
#define VALUE_MAX_LEN 32768

bool
qsp_session_env_set(struct qsp_session_env *e, const char *name, const char *value)
{
	size_t n = strlen(name), i = 0;
	char *s;

	while (i < e->n && (strncmp(e->v[i], name, n) != 0 || e->v[i][n] != '='))
		i++;
	if (i == QSP_SESSION_ENV_MAX || asprintf(&s, "%s=%s", name, value) < 0)
		return false;
	if (i < e->n)
		free(e->v[i]);
	else
		e->n++;
	e->v[i] = s;
	return true;
}

void
qsp_session_env_free(struct qsp_session_env *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->v[i]);
	e->n = 0;
}

static char *
text_of(struct qsp_bytes b, size_t max)
{
	if (b.n > max || (b.n > 0 && memchr(b.p, 0, b.n) != NULL))
		return NULL;
	return strndup(b.n > 0 ? (const char *)b.p : "", b.n);
}

bool
qsp_session_env_accept(struct qsp_session *s, struct qsp_session_channel *ch, struct qsp_bytes name,
		       struct qsp_bytes value)
{
	char *n = text_of(name, NAME_MAX_LEN), *v = text_of(value, VALUE_MAX_LEN);
	bool ok = false;

	if (n != NULL && v != NULL && *n != 0 && strchr(n, '=') == NULL) {
		for (size_t i = 0; i < s->config.accept_env.n && !ok; i++)
			ok = fnmatch(s->config.accept_env.v[i], n, 0) == 0;
	}
	/* half is for the client, the rest for what the server sets */
	ok = ok && ch->env.n < QSP_SESSION_ENV_MAX / 2 && qsp_session_env_set(&ch->env, n, v);
	free(n);
	free(v);
	return ok;
}

bool
qsp_session_env_make(struct qsp_session *s, const struct qsp_session_channel *ch,
		     const char *original, struct qsp_session_env *out)
{
	char mail[300];
	bool ok = true;

	for (size_t i = 0; i < ch->env.n; i++) {
		size_t n = strcspn(ch->env.v[i], "=");
		char *name = strndup(ch->env.v[i], n);

		if (name == NULL)
			return false;
		ok = ok && qsp_session_env_set(out, name, ch->env.v[i] + n + 1);
		free(name);
	}
	(void)snprintf(mail, sizeof(mail), "/var/mail/%s", s->user);
	ok = ok && qsp_session_env_set(out, "USER", s->user) &&
	     qsp_session_env_set(out, "LOGNAME", s->user) &&
	     qsp_session_env_set(out, "HOME", s->home) &&
	     qsp_session_env_set(out, "PATH", s->uid == 0 ? PATH_ROOT : PATH_USER) &&
	     qsp_session_env_set(out, "MAIL", mail) &&
	     qsp_session_env_set(out, "SHELL", s->shell) &&
	     qsp_session_env_set(out, "SSH_CLIENT", s->client) &&
	     qsp_session_env_set(out, "SSH_CONNECTION", s->connection);
	if (ok && ch->master >= 0)
		ok = qsp_session_env_set(out, "SSH_TTY", ch->tty) &&
		     qsp_session_env_set(out, "TERM", *ch->term ? ch->term : "dumb");
	if (ok && original != NULL)
		ok = qsp_session_env_set(out, "SSH_ORIGINAL_COMMAND", original);
	out->v[out->n] = NULL;
	return ok;
}
