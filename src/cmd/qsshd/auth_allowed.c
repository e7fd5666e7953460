/* SPDX-License-Identifier: ISC */
/*
 * authorized_keys, read with the user's own rights: so root reads no file for somebody that this
 * somebody could not read, whatever links there are in the way.
 */
#include "cmd/qsshd/auth.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/file.h"
#include "sys/log.h"
#include "trust/authorized.h"

/* %h, %u, %U and %%; a relative path begins at the home. False where it is too long or unknown. */
static bool
expand(const char *pattern, const struct qsp_auth_user *u, char *out, size_t cap)
{
	char uid[16];
	size_t n = 0;

	(void)snprintf(uid, sizeof(uid), "%lu", (unsigned long)u->uid);
	if (pattern[0] != '/' && strncmp(pattern, "%h", 2) != 0) {
		int k = snprintf(out, cap, "%s/", u->home);

		if (k < 0 || (size_t)k >= cap)
			return false;
		n = (size_t)k;
	}
	for (const char *p = pattern; *p; p++) {
		char one[2] = { *p, 0 };
		const char *what = one;

		if (*p == '%') {
			p++;
			if (*p == 'h')
				what = u->home;
			else if (*p == 'u')
				what = u->name;
			else if (*p == 'U')
				what = uid;
			else if (*p != '%')
				return false;
		}
		if (strlen(what) >= cap - n)
			return false;
		memcpy(out + n, what, strlen(what) + 1);
		n += strlen(what);
	}
	out[n] = 0;
	return true;
}

/* --- as the user ---------------------------------------------------------------------------- */

struct own_rights {
	gid_t groups[1024];
	int n;
	gid_t gid;
	bool changed;
};

static bool
become(struct qsp_auth *a, const struct qsp_auth_user *u, struct own_rights *own)
{
	own->changed = false;
	if (!a->is_root)
		return true;
	own->gid = getegid();
	own->n = getgroups(1024, own->groups);
	if (own->n < 0 || initgroups(u->name, u->gid) != 0)
		return false;
	own->changed = true;
	return setegid(u->gid) == 0 && seteuid(u->uid) == 0;
}

/* Without its own rights back this process must not go on. */
static void
come_back(struct own_rights *own)
{
	if (!own->changed)
		return;
	if (seteuid(0) != 0 || setegid(own->gid) != 0 ||
	    setgroups((size_t)own->n, own->groups) != 0) {
		qsp_log(QSP_LOG_FATAL, "qsshd-auth: cannot take root back");
		_exit(1);
	}
}

/* --- the file ------------------------------------------------------------------------------- */

static bool
is_below(const char *path, const char *home)
{
	size_t n = strlen(home);

	return strncmp(path, home, n) == 0 && path[n] == '/';
}

/* One search: who asks, for which key, and what was found. */
struct search {
	struct qsp_auth *a;
	const struct qsp_auth_person *p;
	const uint8_t *id;
	struct qsp_authorized_login login;
	struct qsp_key_public *key;
	struct qsp_auth_limits *limits;
};

static qsp_err
read_strictly(const struct search *s, const char *path, struct qsp_file_data *data)
{
	const struct qsp_auth_user *u = &s->p->user;
	struct qsp_file_facts facts;
	struct qsp_file_error err;
	qsp_err e = qsp_file_read(path, QSP_AUTHORIZED_MAX, data, &facts, &err);

	if (e == QSP_E_NOTFOUND)
		return e;
	if (e == 0 && s->p->config.strict_modes)
		e = qsp_file_strict(path, &facts, is_below(path, u->home) ? u->home : NULL, u->uid,
				    &err);
	if (e) {
		qsp_log(QSP_LOG_INFO, "Authentication refused for %s: %s", u->name, err.text);
		qsp_file_data_free(data);
	}
	return e;
}

static bool
take_values(const struct qsp_authorized_list *from, struct qsp_qsshd_list *to)
{
	char value[QSP_AUTHORIZED_VALUE_MAX + 1];

	for (size_t i = 0; i < from->n; i++) {
		if (qsp_authorized_unquote(from->value[i], value, sizeof(value)) ||
		    !qsp_qsshd_list_add(to, value))
			return false;
	}
	return true;
}

static bool
take_options(const struct qsp_authorized_entry *entry, const char *path, struct qsp_auth_limits *l)
{
	const struct qsp_authorized_options *o = &entry->options;
	char command[QSP_AUTHORIZED_VALUE_MAX + 1];
	bool ok = true;

	l->forbidden = (uint8_t)((o->no_pty ? QSP_RPC_NO_PTY : 0) |
				 (o->no_port_forwarding ? QSP_RPC_NO_PORT_FORWARDING : 0) |
				 (o->no_agent_forwarding ? QSP_RPC_NO_AGENT_FORWARDING : 0) |
				 (o->no_user_rc ? QSP_RPC_NO_USER_RC : 0));
	if (o->command.p != NULL)
		ok = qsp_authorized_unquote(o->command, command, sizeof(command)) == 0 &&
		     (l->command = strdup(command)) != NULL;
	ok = ok && take_values(&o->permit_open, &l->permit_open) &&
	     take_values(&o->permit_listen, &l->permit_listen) &&
	     take_values(&o->environment, &l->environment);
	if (!ok) {
		qsp_log(QSP_LOG_INFO, "%s line %u: an option cannot be used", path, entry->line);
		qsp_auth_limits_free(l);
	}
	return ok;
}

/* Why a line with the right key does not let this login in. */
static void
log_denial(const struct search *s, const char *path, const struct qsp_authorized_entry *entry,
	   enum qsp_authorized_denial why)
{
	const struct qsp_authorized_options *o = &entry->options;
	char text[256], address[QSP_RPC_ADDRESS_MAX];

	qsp_text_printable(s->login.address, false, address, sizeof(address));
	switch (why) {
	case QSP_AUTHORIZED_REFUSED:
		qsp_text_printable(o->refused, false, text, sizeof(text));
		qsp_log(QSP_LOG_INFO,
			"%s line %u: the option %s is not supported by this version of qsshd, so "
			"the key is refused",
			path, entry->line, text);
		break;
	case QSP_AUTHORIZED_EXPIRED:
		qsp_text_printable(o->expiry_time, false, text, sizeof(text));
		qsp_log(QSP_LOG_INFO,
			"Authentication tried for %s from %s with an expired key (%s line %u, "
			"expiry-time=%s).",
			s->p->user.name, address, path, entry->line, text);
		break;
	case QSP_AUTHORIZED_FROM:
		qsp_text_printable(o->from, false, text, sizeof(text));
		qsp_log(QSP_LOG_INFO,
			"Authentication tried for %s with correct key but not from a permitted "
			"host (host=%s, ip=%s, required=%s).",
			s->p->user.name, address, address, text);
		break;
	default: break;
	}
}

static bool
find_in(const struct search *s, const char *path)
{
	struct qsp_file_data data = { 0 };
	struct qsp_authorized_entry entry;
	enum qsp_authorized_denial why;
	bool found = false;
	qsp_err e;

	if (read_strictly(s, path, &data))
		return false;
	e = qsp_authorized_find(s->a->cx, qsp_file_bytes(&data), s->id, &s->login, &entry, &why);
	if (e == QSP_E_POLICY) {
		log_denial(s, path, &entry, why);
	} else if (e == 0 && take_options(&entry, path, s->limits)) {
		*s->key = entry.key;
		found = true;
	}
	qsp_file_data_free(&data);
	return found;
}

static uint64_t
as_number(const struct tm *tm)
{
	return ((uint64_t)(tm->tm_year + 1900) * 10000 + (uint64_t)(tm->tm_mon + 1) * 100 +
		(uint64_t)tm->tm_mday) *
		       1000000 +
	       (uint64_t)tm->tm_hour * 10000 + (uint64_t)tm->tm_min * 100 + (uint64_t)tm->tm_sec;
}

bool
qsp_auth_allowed(struct qsp_auth *a, const struct qsp_auth_person *p, const struct qsp_rpc_auth *q,
		 const uint8_t id[QSP_KEY_ID_LEN], struct qsp_key_public *key,
		 struct qsp_auth_limits *limits)
{
	const struct qsp_qsshd_list *files = &p->config.authorized_keys;
	struct search s = { a, p, id, { .address = q->address }, key, limits };
	char path[QSP_AUTH_PATH_MAX];
	time_t now = time(NULL);
	struct own_rights own;
	bool found = false;
	struct tm tm;

	if (files->n == 1 && strcasecmp(files->v[0], "none") == 0)
		return false;
	if (localtime_r(&now, &tm) != NULL)
		s.login.local = as_number(&tm);
	if (gmtime_r(&now, &tm) == NULL)
		return false;
	s.login.utc = as_number(&tm);
	if (become(a, &p->user, &own)) {
		for (size_t i = 0; i < files->n && !found; i++) {
			if (expand(files->v[i], &p->user, path, sizeof(path)))
				found = find_in(&s, path);
			else
				qsp_log(QSP_LOG_ERROR, "AuthorizedKeysFile %s cannot be used",
					files->v[i]);
		}
	}
	come_back(&own);
	return found;
}
