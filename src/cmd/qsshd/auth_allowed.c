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

static qsp_err
read_strictly(struct qsp_auth *a, const struct qsp_auth_user *u, const char *path,
	      struct qsp_file_data *data)
{
	struct qsp_file_facts facts;
	struct qsp_file_error err;
	qsp_err e = qsp_file_read(path, QSP_AUTHORIZED_MAX, data, &facts, &err);

	if (e == QSP_E_NOTFOUND)
		return e;
	if (e == 0 && a->config.strict_modes)
		e = qsp_file_strict(path, &facts, is_below(path, u->home) ? u->home : NULL, u->uid,
				    &err);
	if (e) {
		qsp_log(QSP_LOG_INFO, "Authentication refused for %s: %s", u->name, err.text);
		qsp_file_data_free(data);
	}
	return e;
}

static bool
take_options(const struct qsp_authorized_entry *entry, const char *path, struct qsp_auth_limits *l)
{
	l->no_pty = entry->options.no_pty;
	l->command[0] = 0;
	if (entry->options.command.p == NULL)
		return true;
	if (qsp_authorized_unquote(entry->options.command, l->command, sizeof(l->command)) == 0)
		return true;
	qsp_log(QSP_LOG_INFO, "%s line %u: command cannot be used", path, entry->line);
	return false;
}

static bool
find_in(struct qsp_auth *a, const struct qsp_auth_user *u, const char *path,
	const uint8_t id[QSP_KEY_ID_LEN], struct qsp_key_public *key,
	struct qsp_auth_limits *limits)
{
	struct qsp_file_data data = { 0 };
	struct qsp_authorized_entry entry;
	char option[64];
	bool found = false;
	qsp_err e;

	if (read_strictly(a, u, path, &data))
		return false;
	e = qsp_authorized_find(a->cx, qsp_file_bytes(&data), id, &entry);
	if (e == QSP_E_POLICY) {
		qsp_text_printable(entry.options.refused, false, option, sizeof(option));
		qsp_log(QSP_LOG_INFO,
			"%s line %u: the option %s is not supported by this version of qsshd, so "
			"the key is refused",
			path, entry.line, option);
	} else if (e == 0 && take_options(&entry, path, limits)) {
		*key = entry.key;
		found = true;
	}
	qsp_file_data_free(&data);
	return found;
}

bool
qsp_auth_allowed(struct qsp_auth *a, const struct qsp_auth_user *u,
		 const uint8_t id[QSP_KEY_ID_LEN], struct qsp_key_public *key,
		 struct qsp_auth_limits *limits)
{
	const struct qsp_qsshd_list *files = &a->config.authorized_keys;
	char path[QSP_AUTH_PATH_MAX];
	struct own_rights own;
	bool found = false;

	if (files->n == 1 && strcasecmp(files->v[0], "none") == 0)
		return false;
	if (become(a, u, &own)) {
		for (size_t i = 0; i < files->n && !found; i++) {
			if (expand(files->v[i], u, path, sizeof(path)))
				found = find_in(a, u, path, id, key, limits);
			else
				qsp_log(QSP_LOG_ERROR, "AuthorizedKeysFile %s cannot be used",
					files->v[i]);
		}
	}
	come_back(&own);
	return found;
}
