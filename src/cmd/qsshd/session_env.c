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
#include <unistd.h>

#include "app/confvalue.h"
#include "base/pattern.h"

#define PATH_ROOT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PATH_USER "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
#define NAME_MAX_LEN 256
#define VALUE_MAX_LEN 32768
#define USER_LINES_MAX 1000

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
	ok = ok && ch->env.n < QSP_SESSION_ENV_CLIENT_MAX && qsp_session_env_set(&ch->env, n, v);
	free(n);
	free(v);
	return ok;
}

/* "NAME=value"; what has no name, or no room, is passed over. */
static void
set_pair(struct qsp_session_env *e, const char *pair)
{
	char name[NAME_MAX_LEN + 1];
	size_t n = strcspn(pair, "=");

	if (n == 0 || n >= sizeof(name) || pair[n] != '=')
		return;
	memcpy(name, pair, n);
	name[n] = 0;
	(void)qsp_session_env_set(e, name, pair + n + 1);
}

/* PermitUserEnvironment: yes, no, or the names that may be set. */
static bool
user_may_set(const struct qsp_session *s, const char *pair)
{
	const char *what = s->config.permit_user_env.v[0];
	struct qsp_bytes name = qsp_bytes(pair, strcspn(pair, "="));
	bool all;

	if (qsp_confvalue_bool(what, &all) == 0)
		return all;
	return qsp_pattern_list(qsp_bytes_str(what), name, QSP_PATTERN_EXACT) == QSP_PATTERN_MATCH;
}

/* ~/.qssh/environment: NAME=value, one a line; # begins a comment. */
static void
read_user_file(const struct qsp_session *s, struct qsp_session_env *e)
{
	char path[4096], line[4096];
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/.qssh/environment", s->home) >= (int)sizeof(path) ||
	    (f = fopen(path, "re")) == NULL)
		return;
	for (int i = 0; i < USER_LINES_MAX && fgets(line, sizeof(line), f) != NULL; i++) {
		char *p = line + strspn(line, " \t");

		p[strcspn(p, "\n")] = 0;
		if (*p != '#' && user_may_set(s, p))
			set_pair(e, p);
	}
	fclose(f);
}

/* What the user's files say, then PAM, then what the administrator's file says. */
static void
set_configured(const struct qsp_session *s, struct qsp_session_env *e)
{
	bool any = true;

	if (qsp_confvalue_bool(s->config.permit_user_env.v[0], &any) != 0 || any) {
		for (size_t i = 0; i < s->environment.n; i++) {
			if (user_may_set(s, s->environment.v[i]))
				set_pair(e, s->environment.v[i]);
		}
		read_user_file(s, e);
	}
	for (char **p = environ; p != NULL && *p != NULL; p++) {
		if (strncmp(*p, QSP_RPC_PAM_ENV, strlen(QSP_RPC_PAM_ENV)) == 0)
			set_pair(e, *p + strlen(QSP_RPC_PAM_ENV));
	}
	for (size_t i = 0; i < s->config.set_env.n; i++)
		set_pair(e, s->config.set_env.v[i]);
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
	     qsp_session_env_set(out, "MAIL", mail) && qsp_session_env_set(out, "SHELL", s->shell);
	if (ok)
		set_configured(s, out);
	ok = ok && qsp_session_env_set(out, "SSH_CLIENT", s->client) &&
	     qsp_session_env_set(out, "SSH_CONNECTION", s->connection);
	if (ok && ch->master >= 0)
		ok = qsp_session_env_set(out, "SSH_TTY", ch->tty) &&
		     qsp_session_env_set(out, "TERM", *ch->term ? ch->term : "dumb");
	if (ok && ch->has_agent)
		ok = qsp_session_env_set(out, "SSH_AUTH_SOCK", s->agent_path) &&
		     qsp_session_env_set(out, "QSSH_AUTH_SOCK", s->agent_path);
	if (ok && original != NULL)
		ok = qsp_session_env_set(out, "SSH_ORIGINAL_COMMAND", original);
	out->v[out->n] = NULL;
	return ok;
}
