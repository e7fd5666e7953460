/* SPDX-License-Identifier: ISC */
/*
 * The user's keys. The public half is read first, from its own file where there is one, so that a
 * passphrase is asked only for the key that the server wants.
 */
#include "cmd/qssh/qssh.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "crypto/pem.h"
#include "sys/file.h"
#include "sys/tty.h"
#include "trust/pubkey.h"

#define PASSPHRASE_TRIES 3

struct passphrase {
	char s[QSP_PEM_PASSPHRASE_MAX + 1];
};

static void
passphrase_wipe(struct passphrase *p)
{
	qsp_mem_wipe(p, sizeof(*p));
}

#define BAR "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"

/* Reads a private key that others cannot; says what is wrong with it. */
static bool
read_private(const char *path, struct qsp_file_data *out)
{
	struct qsp_file_facts facts;
	struct qsp_file_error err;

	if (qsp_file_read(path, QSP_PEM_MAX, out, &facts, &err) != 0) {
		qsp_qssh_say(QSP_LOG_ERROR, "Load key \"%s\": %s", path, err.text);
		return false;
	}
	if (qsp_file_is_private(&facts))
		return true;
	qsp_qssh_say(QSP_LOG_ERROR,
		     BAR
		     "\n"
		     "@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\n" BAR "\n"
		     "Permissions 0%3.3o for '%s' are too open.\n"
		     "It is required that your private key files are NOT accessible by others.\n"
		     "This private key will be ignored.\n"
		     "Load key \"%s\": bad permissions",
		     (unsigned)(facts.mode & 0777), path, path);
	qsp_file_data_free(out);
	return false;
}

/* Asks for the passphrase until it opens the key. */
static qsp_err
open_with_passphrase(struct qsp_qssh *q, const char *path, struct qsp_bytes text,
		     const struct qsp_key_public *expect, struct qsp_key **key)
{
	__attribute__((cleanup(passphrase_wipe))) struct passphrase p;
	char question[600];
	qsp_err e = QSP_E_PASSPHRASE;

	p.s[0] = 0;
	if (q->cfg.batch_mode == QSP_CLIENT_YES || !q->can_ask) {
		qsp_qssh_say(QSP_LOG_VERBOSE,
			     "Load key \"%s\": it has a passphrase, and nobody can be asked", path);
		return e;
	}
	snprintf(question, sizeof(question), "Enter passphrase for key '%s': ", path);
	for (int i = 0; i < PASSPHRASE_TRIES && e == QSP_E_PASSPHRASE; i++) {
		if (qsp_tty_ask(question, false, p.s, sizeof(p.s)) != 0 || !p.s[0])
			break;
		e = qsp_pem_get(q->cx, text, qsp_bytes_str(p.s), expect, key);
	}
	return e;
}

static qsp_err
open_private(struct qsp_qssh *q, const char *path, const struct qsp_key_public *expect,
	     bool may_ask, struct qsp_key **key)
{
	struct qsp_file_data text;
	qsp_err e;

	*key = NULL;
	if (!read_private(path, &text))
		return QSP_E_IO;
	e = qsp_pem_get(q->cx, qsp_file_bytes(&text), QSP_BYTES_NONE, expect, key);
	if (e == QSP_E_PASSPHRASE && may_ask)
		e = open_with_passphrase(q, path, qsp_file_bytes(&text), expect, key);
	qsp_file_data_free(&text);
	if (e && !(e == QSP_E_PASSPHRASE && !may_ask))
		qsp_qssh_say(QSP_LOG_ERROR, "Load key \"%s\": %s", path, qsp_err_text(e));
	return e;
}

/* The public half from path.pub; false where there is no such file or it is no key. */
static bool
read_public(struct qsp_qssh *q, const char *path, struct qsp_key_public *out)
{
	struct qsp_file_data text;
	struct qsp_file_error err;
	struct qsp_bytes line;
	char *name = NULL;
	bool ok = false;

	if (asprintf(&name, "%s.pub", path) < 0)
		return false;
	if (qsp_file_read(name, QSP_PUBKEY_LINE_MAX, &text, NULL, &err) == 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);

		line = qsp_bytes(text.p, end ? (size_t)(end - text.p) : text.n);
		ok = qsp_pubkey_get(q->cx, line, out, NULL) == 0;
		if (!ok)
			qsp_qssh_say(QSP_LOG_ERROR, "Load key \"%s\": not a public key", name);
		qsp_file_data_free(&text);
	}
	free(name);
	return ok;
}

/* One file of the list; the path is the identity's from here on. */
static void
load(struct qsp_qssh *q, char *path, bool is_default)
{
	struct qsp_qssh_identity *id = &q->ids[q->n_ids];
	struct stat st;
	struct qsp_file_data text;
	char print[QSP_KEY_PRINT_MAX];
	qsp_err e = QSP_E_PASSPHRASE;

	memset(id, 0, sizeof(*id));
	if (stat(path, &st) != 0) {
		qsp_qssh_say(is_default ? QSP_LOG_DEBUG1 : QSP_LOG_ERROR,
			     "%sIdentity file %s not accessible: %m.",
			     is_default ? "" : "Warning: ", path);
		free(path);
		return;
	}
	id->path = path;
	if (read_public(q, path, &id->pub)) {
		/* the private half is looked at now, and opened when it is wanted */
		if (read_private(path, &text)) {
			qsp_file_data_free(&text);
			e = 0;
		}
	} else if ((e = open_private(q, path, NULL, true, &id->key)) == 0) {
		id->pub = *qsp_key_get_public(id->key);
	}
	if (e) {
		free(path);
		return;
	}
	for (size_t i = 0; i < q->n_ids; i++) {
		if (memcmp(q->ids[i].pub.id, id->pub.id, QSP_KEY_ID_LEN) == 0) {
			qsp_key_free(id->key); /* twice the same */
			free(path);
			return;
		}
	}
	qsp_key_print(id->pub.id, print);
	qsp_qssh_say(QSP_LOG_DEBUG1, "Identity file %s: %s %s", path,
		     qsp_key_type_name(id->pub.blob[0]), print);
	q->n_ids++;
}

void
qsp_qssh_identity_load_all(struct qsp_qssh *q)
{
	const struct qsp_client_list *list = &q->cfg.identity_files;

	if (q->ids_loaded)
		return;
	q->ids_loaded = true;
	for (size_t i = 0; i < list->n && q->n_ids < QSP_QSSH_KEYS_MAX; i++) {
		char *path = qsp_client_expand(list->v[i], &q->tokens, true);

		if (!path)
			qsp_qssh_say(QSP_LOG_ERROR, "IdentityFile %s: unknown token", list->v[i]);
		else if (strcmp(path, "none") == 0)
			free(path);
		else
			load(q, path, strncmp(list->v[i], "~/.qssh/id_", 11) == 0);
	}
}

struct qsp_key *
qsp_qssh_identity_key(struct qsp_qssh *q, struct qsp_qssh_identity *id)
{
	if (!id->key && !id->broken)
		id->broken = open_private(q, id->path, &id->pub, true, &id->key) != 0;
	return id->key;
}

void
qsp_qssh_identity_free_all(struct qsp_qssh *q)
{
	for (size_t i = 0; i < q->n_ids; i++) {
		qsp_key_free(q->ids[i].key);
		free(q->ids[i].path);
	}
	q->n_ids = 0;
}
