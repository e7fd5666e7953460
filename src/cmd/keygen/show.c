/* SPDX-License-Identifier: ISC */
/* qssh-keygen -l, -y, -p: keys that are there already. */
#include "cmd/keygen/keygen.h"

#include "crypto/pem.h"
#include "trust/authorized.h"
#include "trust/known_hosts.h"
#include "trust/line.h"
#include "trust/pubkey.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char where[] = "Enter file in which the key is";

/* --- -l -------------------------------------------------------------------------------- */

/* A key in a line of any file that has them: a public key's, authorized_keys, known_hosts. */
static bool
key_of_line(const struct qsp_keygen *k, struct qsp_bytes line, struct qsp_key_public *key,
	    struct qsp_bytes *comment)
{
	struct qsp_authorized_walk a = { .left = line };
	struct qsp_known_hosts_walk h = { .left = line };
	struct qsp_authorized_entry entry;
	struct qsp_known_hosts_line host;

	if (qsp_pubkey_get(k->cx, line, key, comment) == 0)
		return true;
	if (qsp_authorized_next(k->cx, &a, &entry) == 0) {
		*key = entry.key;
		*comment = entry.comment;
		return true;
	}
	if (!qsp_known_hosts_next(&h, &host) || !host.is_entry)
		return false;
	*comment = host.comment.n > 0 ? host.comment : host.hosts;
	return qsp_pubkey_decode(k->cx, host.type, host.base64, key) == 0;
}

/* How many keys of the text were printed. */
static unsigned
print_lines(const struct qsp_keygen *k, struct qsp_bytes text)
{
	struct qsp_bytes line, comment;
	struct qsp_key_public key;
	unsigned n = 0;

	while (qsp_line_next(&text, &line)) {
		line = qsp_line_trim(line);
		if (line.n == 0 || line.p[0] == '#' || !key_of_line(k, line, &key, &comment))
			continue;
		qsp_keygen_print(k, &key, comment);
		n++;
	}
	return n;
}

/* A private key: by its .pub, which needs no passphrase, else by itself. */
static int
print_private(const struct qsp_keygen *k, const char *path)
{
	char pub[PATH_MAX + 8];
	struct qsp_file_data data = { NULL, 0 };
	struct qsp_file_error err;
	struct qsp_key *key;
	unsigned n = 0;

	snprintf(pub, sizeof(pub), "%s.pub", path);
	if (qsp_file_read(pub, QSP_AUTHORIZED_MAX, &data, NULL, &err) == 0)
		n = print_lines(k, qsp_file_bytes(&data));
	qsp_file_data_free(&data);
	if (n > 0)
		return 0;
	if ((key = qsp_keygen_load(k, path, NULL)) == NULL)
		return 1;
	qsp_keygen_print(k, qsp_key_get_public(key), QSP_BYTES_NONE);
	qsp_key_free(key);
	return 0;
}

int
qsp_keygen_fingerprint(struct qsp_keygen *k)
{
	char path[PATH_MAX];
	struct qsp_file_data data = { NULL, 0 };
	struct qsp_file_error err;
	bool encrypted;
	int status = 0;
	qsp_err e;

	if (!qsp_keygen_ask_path(k, where, path))
		return 1;
	if (strcmp(path, "-") == 0)
		e = qsp_file_read_fd(STDIN_FILENO, "(stdin)", QSP_KNOWN_HOSTS_MAX, &data, &err);
	else
		e = qsp_file_read(path, QSP_KNOWN_HOSTS_MAX, &data, NULL, &err);
	if (e)
		return qsp_keygen_fail("%s", err.text);
	if (qsp_pem_looks_like(qsp_file_bytes(&data), &encrypted))
		status = print_private(k, path);
	else if (print_lines(k, qsp_file_bytes(&data)) == 0)
		status = qsp_keygen_fail("%s is not a public key file", path);
	qsp_file_data_free(&data);
	return status;
}

/* --- -y -------------------------------------------------------------------------------- */

int
qsp_keygen_public(struct qsp_keygen *k)
{
	char path[PATH_MAX], comment[QSP_PUBKEY_COMMENT_MAX + 1], line[QSP_PUBKEY_LINE_MAX];
	struct qsp_key *key;
	int status = 0;

	if (!qsp_keygen_ask_path(k, where, path) || (key = qsp_keygen_load(k, path, NULL)) == NULL)
		return 1;
	qsp_keygen_comment(k, path, qsp_key_get_public(key), comment, sizeof(comment));
	if (qsp_pubkey_put(qsp_key_get_public(key),
			   qsp_bytes_str(k->comment ? k->comment : comment), line) != 0)
		status = qsp_keygen_fail("a comment is one line of at most %d bytes",
					 QSP_PUBKEY_COMMENT_MAX);
	else if (puts(line) < 0 || fflush(stdout) != 0)
		status = qsp_keygen_fail("cannot write the public key");
	qsp_key_free(key);
	return status;
}

/* --- -p -------------------------------------------------------------------------------- */

int
qsp_keygen_passphrase(struct qsp_keygen *k)
{
	char path[PATH_MAX], comment[QSP_PUBKEY_COMMENT_MAX + 1], text[QSP_PEM_MAX];
	struct qsp_readpass pass = { 0 };
	struct qsp_file_error err;
	struct qsp_key *key = NULL;
	size_t n = sizeof(text);
	int status = 1;
	qsp_err e;

	if (!qsp_keygen_ask_path(k, where, path) ||
	    (key = qsp_keygen_load(k, path, "Enter old passphrase: ")) == NULL)
		goto out;
	qsp_keygen_comment(k, path, qsp_key_get_public(key), comment, sizeof(comment));
	if (*comment)
		qsp_keygen_say(k, "Key has comment '%s'\n", comment);
	if (!qsp_keygen_new_passphrase(k,
				       "Enter new passphrase (empty for no passphrase): ", &pass))
		goto out;
	if ((e = qsp_pem_put(k->cx, key, qsp_bytes(pass.s, pass.n), text, &n)) != 0) {
		qsp_keygen_fail("cannot encode the key: %s", qsp_err_text(e));
		goto out;
	}
	if (qsp_file_replace(path, qsp_bytes(text, n), 0600, &err) != 0) {
		qsp_keygen_fail("cannot save the key: %s; the old file and its passphrase stay",
				err.text);
		goto out;
	}
	qsp_keygen_say(k, "Your identification has been saved with the new passphrase.\n");
	status = 0;
out:
	qsp_mem_wipe(text, sizeof(text));
	qsp_readpass_wipe(&pass);
	qsp_key_free(key);
	return status;
}
