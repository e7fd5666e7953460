/* SPDX-License-Identifier: ISC */
/*
 * Host keys: PEM files as qssh-keygen writes them, readable for nobody else. One that is missing is made,
 * so that a server works from its first start; its name says which kind.
 */
#include "cmd/qsshd/auth.h"

#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/pem.h"
#include "sys/file.h"
#include "sys/log.h"

static uint8_t
type_of_name(const char *path)
{
	return strstr(path, "1024") != NULL ? QSP_KEY_MLKEM1024X25519 : QSP_KEY_MLKEM768X25519;
}

static bool
make_folder(const char *path, bool is_root)
{
	char copy[QSP_AUTH_PATH_MAX];
	struct qsp_file_error err;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return false;
	if (qsp_file_make_dir(dirname(copy), is_root ? 0755 : 0700, &err)) {
		qsp_log(QSP_LOG_FATAL, "%s", err.text);
		return false;
	}
	return true;
}

/* The first start: a fresh key, on the disk before it is used. */
static bool
make_key(struct qsp_auth *a, const char *path, struct qsp_key **out)
{
	char text[QSP_PEM_MAX];
	size_t n = sizeof(text);
	struct qsp_file_error err = { .text = "no key could be made" };
	qsp_err e;

	if (!make_folder(path, a->is_root))
		return false;
	e = qsp_key_generate(a->cx, type_of_name(path), out);
	if (e == 0)
		e = qsp_pem_put(a->cx, *out, QSP_BYTES_NONE, text, &n);
	if (e == 0)
		e = qsp_file_create(path, qsp_bytes(text, n), 0600, &err);
	qsp_mem_wipe(text, sizeof(text));
	if (e) {
		qsp_log(QSP_LOG_FATAL, "Host key %s: %s", path, err.text);
		qsp_key_free(*out);
		*out = NULL;
		return false;
	}
	qsp_log(QSP_LOG_INFO, "Host key made: %s", path);
	return true;
}

static bool
read_key(struct qsp_auth *a, const char *path, struct qsp_key **out)
{
	struct qsp_file_data data = { 0 };
	struct qsp_file_facts facts;
	struct qsp_file_error err;
	qsp_err e = qsp_file_read(path, QSP_PEM_MAX, &data, &facts, &err);

	if (e == QSP_E_NOTFOUND)
		return make_key(a, path, out);
	if (e) {
		qsp_log(QSP_LOG_FATAL, "Host key %s", err.text);
		return false;
	}
	if (!qsp_file_is_private(&facts)) {
		qsp_log(QSP_LOG_FATAL,
			"Host key %s: permissions %04o are too open; it must not be readable by "
			"others",
			path, (unsigned)facts.mode & 07777u);
		e = QSP_E_POLICY;
	} else {
		e = qsp_pem_get(a->cx, qsp_file_bytes(&data), QSP_BYTES_NONE, NULL, out);
		if (e)
			qsp_log(QSP_LOG_FATAL, "Host key %s: %s", path, qsp_err_text(e));
	}
	qsp_file_data_free(&data);
	return e == 0;
}

/* A listener has at most one key of each kem. */
static bool
is_usable(struct qsp_auth *a, const char *path, const struct qsp_key *key)
{
	uint8_t type = qsp_key_get_public(key)->blob[0];

	if (!qsp_key_type_is_kem(type)) {
		qsp_log(QSP_LOG_FATAL, "Host key %s: %s is not a type for hosts", path,
			qsp_key_type_name(type));
		return false;
	}
	for (size_t i = 0; i < a->n_keys; i++) {
		if (qsp_key_get_public(a->key[i])->blob[0] == type) {
			qsp_log(QSP_LOG_FATAL, "Host key %s: a second key of type %s", path,
				qsp_key_type_name(type));
			return false;
		}
	}
	return true;
}

bool
qsp_auth_keys_load(struct qsp_auth *a)
{
	char print[QSP_KEY_PRINT_MAX];

	for (size_t i = 0; i < a->config.host_key.n; i++) {
		const char *path = a->config.host_key.v[i];
		struct qsp_key *key = NULL;

		if (!read_key(a, path, &key))
			return false;
		if (a->n_keys == QSP_HOST_KEY_MAX || !is_usable(a, path, key)) {
			qsp_key_free(key);
			return false;
		}
		a->key[a->n_keys++] = key;
		qsp_key_print(qsp_key_get_public(key)->id, print);
		qsp_log(QSP_LOG_INFO, "Host key %s %s",
			qsp_key_type_name(qsp_key_get_public(key)->blob[0]), print);
	}
	return true;
}

void
qsp_auth_keys_free(struct qsp_auth *a)
{
	for (size_t i = 0; i < a->n_keys; i++)
		qsp_key_free(a->key[i]);
	a->n_keys = 0;
	qsp_mem_wipe(a->secret, sizeof(a->secret));
	qsp_secrets_wipe(&a->secrets);
}
