/* SPDX-License-Identifier: ISC */
/*
 * known_hosts on the disk: the user's files, then the system's. Only the user's first file is
 * written, whole, under a lock on its folder, so that clients that run side by side lose nothing.
 */
#include "cmd/qssh/qssh.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/file.h"

/* The i-th file of both lists; NULL behind the last. The caller frees. */
static char *
path_of(const struct qsp_qssh *q, size_t i)
{
	const struct qsp_client_list *list = &q->cfg.user_known_hosts;

	if (i >= list->n) {
		i -= list->n;
		list = &q->cfg.global_known_hosts;
	}
	return i < list->n ? qsp_client_expand(list->v[i], &q->tokens, true) : NULL;
}

/* An absent file is an empty one; what cannot be read is told, and false. */
static bool
read_text(const char *path, struct qsp_file_data *out)
{
	struct qsp_file_error err;

	memset(out, 0, sizeof(*out));
	if (strcmp(path, "/dev/null") == 0 || strcmp(path, "none") == 0)
		return true;
	switch (qsp_file_read(path, QSP_KNOWN_HOSTS_MAX, out, NULL, &err)) {
	case 0:
	case QSP_E_NOTFOUND: return true;
	default: qsp_qssh_say(QSP_LOG_ERROR, "Warning: %s", err.text); return false;
	}
}

static void
tell_malformed(const char *path, struct qsp_bytes text)
{
	struct qsp_known_hosts_walk w = { .left = text };
	struct qsp_known_hosts_line line;

	while (qsp_known_hosts_next(&w, &line))
		if (line.wrong)
			qsp_qssh_say(QSP_LOG_VERBOSE, "%s line %u: %s", path, line.number,
				     line.wrong);
}

bool
qsp_qssh_hostfile_contact(struct qsp_qssh *q)
{
	char *path;

	for (size_t i = 0; (path = path_of(q, i)) != NULL; i++) {
		struct qsp_file_data text;
		qsp_err e;

		(void)read_text(path, &text); /* told; the host is a stranger by it */
		tell_malformed(path, qsp_file_bytes(&text));
		e = qsp_known_hosts_contact(q->cx, qsp_file_bytes(&text),
					    qsp_bytes_str(q->key_name), &q->contact);
		qsp_file_data_free(&text);
		if (!e) {
			qsp_qssh_say(QSP_LOG_DEBUG1, "Host '%s' is known: %s:%u", q->key_name, path,
				     q->contact.line);
			q->contact_path = path;
			return true;
		}
		free(path);
	}
	qsp_qssh_say(QSP_LOG_DEBUG1, "Host '%s' is not known", q->key_name);
	return false;
}

/* Revoked anywhere counts; then known anywhere; then another key known anywhere. */
enum qsp_known_hosts_verdict
qsp_qssh_hostfile_check(struct qsp_qssh *q, const struct qsp_key_public *key, char **path,
			struct qsp_known_hosts_match *m)
{
	static const int rank[] = { [QSP_KNOWN_HOSTS_NEW] = 0,
				    [QSP_KNOWN_HOSTS_CHANGED] = 1,
				    [QSP_KNOWN_HOSTS_SAME] = 2,
				    [QSP_KNOWN_HOSTS_REVOKED] = 3 };
	enum qsp_known_hosts_verdict best = QSP_KNOWN_HOSTS_NEW, v;
	char *at;

	*path = NULL;
	memset(m, 0, sizeof(*m));
	for (size_t i = 0; (at = path_of(q, i)) != NULL; i++) {
		struct qsp_known_hosts_match found;
		struct qsp_file_data text;

		(void)read_text(at, &text);
		if (qsp_known_hosts_check(q->cx, qsp_file_bytes(&text), qsp_bytes_str(q->key_name),
					  key, &v, &found) != 0)
			v = QSP_KNOWN_HOSTS_REVOKED; /* libcrypto or memory failed: trust nothing */
		qsp_file_data_free(&text);
		if (rank[v] > rank[best]) {
			best = v;
			*m = found;
			free(*path);
			*path = at;
			at = NULL;
		}
		qsp_known_hosts_match_wipe(&found);
		free(at);
	}
	return best;
}

/* --- writing -------------------------------------------------------------------------------- */

/* Makes ~/.qssh where it is wanted, but no other folder. */
static void
make_folder(const struct qsp_qssh *q, const char *path)
{
	struct qsp_file_error err;
	char *copy = strdup(path), *own = NULL;

	if (copy && asprintf(&own, "%s/.qssh", q->home) >= 0 && strcmp(dirname(copy), own) == 0)
		(void)!qsp_file_make_dir(own, 0700, &err);
	free(own);
	free(copy);
}

static bool
is_writable(const char *path)
{
	return path && strcmp(path, "/dev/null") != 0 && strcmp(path, "none") != 0;
}

/* Replaces the text of path by what edit makes of it. */
static qsp_err
rewrite(struct qsp_qssh *q, const char *path,
	qsp_err (*edit)(struct qsp_qssh *q, struct qsp_bytes text, const void *what,
			struct qsp_known_hosts_text *out),
	const void *what)
{
	struct qsp_known_hosts_text out = { 0 };
	struct qsp_file_data text;
	struct qsp_file_error err;
	qsp_err e = QSP_E_IO;
	int lock;

	make_folder(q, path);
	lock = qsp_file_lock(path);
	/* a file that cannot be read is not replaced: what it holds would be gone */
	if (!read_text(path, &text))
		qsp_qssh_say(QSP_LOG_ERROR,
			     "Failed to add the host to the list of known hosts (%s).", path);
	else
		e = edit(q, qsp_file_bytes(&text), what, &out);
	if (!e && out.changed) {
		e = qsp_file_replace(path, qsp_bytes(out.p, out.n), 0600, &err);
		if (e)
			qsp_qssh_say(QSP_LOG_ERROR,
				     "Failed to add the host to the list of known hosts: %s",
				     err.text);
	}
	qsp_known_hosts_text_free(&out);
	qsp_file_data_free(&text);
	if (lock >= 0)
		close(lock);
	return e;
}

static qsp_err
edit_add(struct qsp_qssh *q, struct qsp_bytes text, const void *what,
	 struct qsp_known_hosts_text *out)
{
	struct qsp_known_hosts_entry entry = { .name = q->key_name,
					       .key = what,
					       .hash = q->cfg.hash_known_hosts == QSP_CLIENT_YES };
	qsp_err e = qsp_known_hosts_add(q->cx, text, &entry, out);

	if (!e)
		out->changed = 1;
	return e;
}

void
qsp_qssh_hostfile_add(struct qsp_qssh *q, const struct qsp_key_public *key)
{
	char *path = path_of(q, 0), type[64];

	qsp_qssh_host_type(key->blob[0], type);
	if (is_writable(path) && rewrite(q, path, edit_add, key) == 0)
		qsp_qssh_say(QSP_LOG_INFO,
			     "Warning: Permanently added '%s' (%s) to the list of known hosts.",
			     q->key_name, type);
	free(path);
}

struct learned {
	const struct qsp_key_public *key;
	const uint8_t *secret;
};

static qsp_err
edit_secret(struct qsp_qssh *q, struct qsp_bytes text, const void *what,
	    struct qsp_known_hosts_text *out)
{
	const struct learned *l = what;

	return qsp_known_hosts_set_secret(q->cx, text, qsp_bytes_str(q->key_name), l->key,
					  l->secret, out);
}

/* In every file of the user's that knows the key. */
void
qsp_qssh_hostfile_secret(struct qsp_qssh *q, const struct qsp_key_public *key,
			 const uint8_t secret[static QSP_OK_LEN])
{
	struct learned l = { key, secret };

	for (size_t i = 0; i < q->cfg.user_known_hosts.n; i++) {
		char *path = path_of(q, i);

		if (is_writable(path) && rewrite(q, path, edit_secret, &l) == 0)
			qsp_qssh_say(QSP_LOG_DEBUG1, "The host's obfuscation secret is in %s",
				     path);
		free(path);
	}
}
