/* SPDX-License-Identifier: ISC */
/*
 * The user's keys. The public half is read first, from its own file where there is one, so that a
 * passphrase is asked only for the key that the server wants.
 */
#include "cmd/qssh/qssh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/keyfile.h"
#include "base/mem.h"
#include "crypto/pem.h"
#include "sys/ask.h"

#define PASSPHRASE_TRIES 3

struct passphrase {
	char s[QSP_PEM_PASSPHRASE_MAX + 1];
};

static void
passphrase_wipe(struct passphrase *p)
{
	qsp_mem_wipe(p, sizeof(*p));
}

/* Keys of one source, before they are put in order. */
struct loaded {
	size_t n;
	struct qsp_qssh_identity ids[QSP_QSSH_KEYS_MAX];
};

/* Reads a private key that others cannot; says what is wrong with it. */
static bool
read_private(const char *path, struct qsp_file_data *out)
{
	char err[QSP_KEYFILE_ERROR_MAX];

	if (qsp_keyfile_private(path, out, err) == 0)
		return true;
	qsp_qssh_say(QSP_LOG_ERROR, "%s", err);
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
		if (qsp_ask(question, false, p.s, sizeof(p.s)) != 0 || !p.s[0])
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

/* The public half: of path.pub, or of path itself where that names a public key. */
static bool
read_public(struct qsp_qssh *q, const char *path, struct qsp_key_public *out)
{
	qsp_err e = qsp_keyfile_public_of(q->cx, path, out, NULL);

	if (e == QSP_E_INPUT)
		qsp_qssh_say(QSP_LOG_ERROR, "Load key \"%s.pub\": not a public key", path);
	return e == 0 || qsp_keyfile_public(q->cx, path, out, NULL) == 0;
}

static bool
is_same(const struct qsp_qssh_identity *a, const struct qsp_qssh_identity *b)
{
	return memcmp(a->pub.id, b->pub.id, QSP_KEY_ID_LEN) == 0;
}

/* What the list holds of this key, or NULL. */
static struct qsp_qssh_identity *
find(struct qsp_qssh_identity *ids, size_t n, const struct qsp_qssh_identity *want)
{
	for (size_t i = 0; i < n; i++)
		if (is_same(&ids[i], want))
			return &ids[i];
	return NULL;
}

/* A key of which there is no private file here: the agent may have it. */
static bool
is_for_agent(struct qsp_qssh *q, const char *path, const struct stat *st, bool missing)
{
	struct qsp_key_public pub;

	if (missing)
		return qsp_keyfile_public_of(q->cx, path, &pub, NULL) == 0;
	return st->st_size < QSP_PUBKEY_LINE_MAX &&
	       qsp_keyfile_public(q->cx, path, &pub, NULL) == 0;
}

/* One file of the list; the path is the identity's from here on. */
static void
load(struct qsp_qssh *q, char *path, bool is_default, struct loaded *l)
{
	struct qsp_qssh_identity *id = &l->ids[l->n];
	struct stat st;
	int missing = stat(path, &st) == 0 ? 0 : errno;
	struct qsp_file_data text;
	qsp_err e = QSP_E_PASSPHRASE;

	memset(id, 0, sizeof(*id));
	id->path = path;
	if (is_for_agent(q, path, &st, missing != 0)) {
		e = read_public(q, path, &id->pub) ? 0 : QSP_E_INPUT;
		id->broken = true; /* but for the agent */
	} else if (missing) {
		qsp_qssh_say(is_default ? QSP_LOG_DEBUG1 : QSP_LOG_ERROR,
			     "%sIdentity file %s not accessible: %s.",
			     is_default ? "" : "Warning: ", path, strerror(missing));
	} else if (read_public(q, path, &id->pub)) {
		/* the private half is looked at now, and opened when it is wanted */
		if (read_private(path, &text)) {
			qsp_file_data_free(&text);
			e = 0;
		}
	} else if ((e = open_private(q, path, NULL, true, &id->key)) == 0) {
		id->pub = *qsp_key_get_public(id->key);
	}
	if (e || find(l->ids, l->n, id)) {
		qsp_key_free(id->key); /* it is of no use, or twice the same */
		free(path);
		return;
	}
	l->n++;
}

static void
load_files(struct qsp_qssh *q, struct loaded *l)
{
	const struct qsp_client_list *list = &q->cfg.identity_files;

	for (size_t i = 0; i < list->n && l->n < QSP_QSSH_KEYS_MAX; i++) {
		char *path = qsp_client_expand(list->v[i], &q->tokens, true);

		if (!path)
			qsp_qssh_say(QSP_LOG_ERROR, "IdentityFile %s: unknown token", list->v[i]);
		else if (strcmp(path, "none") == 0)
			free(path);
		else
			load(q, path, strncmp(list->v[i], "~/.qssh/id_", 11) == 0, l);
	}
}

static void
append(struct qsp_qssh *q, struct qsp_qssh_identity *id)
{
	char print[QSP_KEY_PRINT_MAX];

	if (q->n_ids == QSP_QSSH_KEYS_MAX || find(q->ids, q->n_ids, id))
		return;
	qsp_key_print(id->pub.id, print);
	qsp_qssh_say(QSP_LOG_DEBUG1, "Identity %s: %s %s%s", id->path,
		     qsp_key_type_name(id->pub.blob[0]), print, id->in_agent ? " agent" : "");
	q->ids[q->n_ids++] = *id;
	id->path = NULL; /* moved */
	id->key = NULL;
}

/* As ssh: what the agent has and a file names, what else the agent has, what files alone have. */
static void
merge(struct qsp_qssh *q, struct loaded *agent, struct loaded *files)
{
	for (size_t i = 0; i < agent->n; i++) {
		struct qsp_qssh_identity *id = find(files->ids, files->n, &agent->ids[i]);

		if (id) {
			id->in_agent = true;
			id->broken = false;
			append(q, id);
		}
	}
	if (q->cfg.identities_only != QSP_CLIENT_YES)
		for (size_t i = 0; i < agent->n; i++)
			append(q, &agent->ids[i]);
	for (size_t i = 0; i < files->n; i++)
		if (files->ids[i].path && !files->ids[i].broken)
			append(q, &files->ids[i]);
		else if (files->ids[i].path)
			qsp_qssh_say(QSP_LOG_DEBUG1,
				     "Identity %s: no private key, nor in the agent",
				     files->ids[i].path);
}

static void
loaded_free(struct loaded *l)
{
	for (size_t i = 0; l && i < l->n; i++) {
		qsp_key_free(l->ids[i].key);
		free(l->ids[i].path);
	}
	free(l);
}

void
qsp_qssh_identity_load_all(struct qsp_qssh *q)
{
	struct loaded *files, *agent;

	if (q->ids_loaded)
		return;
	q->ids_loaded = true;
	files = calloc(1, sizeof(*files));
	agent = calloc(1, sizeof(*agent));
	if (files && agent) {
		load_files(q, files);
		agent->n = qsp_qssh_agent_list(q, agent->ids, QSP_QSSH_KEYS_MAX);
		merge(q, agent, files);
	}
	loaded_free(files);
	loaded_free(agent);
}

struct qsp_key *
qsp_qssh_identity_key(struct qsp_qssh *q, struct qsp_qssh_identity *id)
{
	if (!id->key && !id->broken)
		id->broken = open_private(q, id->path, &id->pub, true, &id->key) != 0;
	if (id->key && !id->offered) {
		id->offered = true;
		qsp_qssh_agent_keep(q, id);
	}
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
	qsp_qssh_agent_close(q);
}
