/* SPDX-License-Identifier: ISC */
/* Keys into the agent and out of it, and its lock. */
#include "cmd/add/add.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/keyfile.h"
#include "crypto/pem.h"

#define STDIN "(stdin)" /* what - is called */

/* The passphrase of the key before may open this one too. Empty input gives up. */
static qsp_err
open_text(struct qsp_add *a, const char *path, struct qsp_bytes text, struct qsp_key **key)
{
	char question[600];
	qsp_err e = qsp_pem_get(a->cx, text, qsp_bytes(a->pass.s, a->pass.n), NULL, key);

	snprintf(question, sizeof(question), "Enter passphrase for %.500s%s: ", path,
		 a->confirm ? " (will confirm each use)" : "");
	while (e == QSP_E_PASSPHRASE && strcmp(path, STDIN) != 0) {
		qsp_readpass_wipe(&a->pass);
		if (qsp_add_ask(question, &a->pass) != 0 || a->pass.n == 0)
			break;
		e = qsp_pem_get(a->cx, text, qsp_bytes(a->pass.s, a->pass.n), NULL, key);
		snprintf(question, sizeof(question),
			 "Bad passphrase, try again for %.500s%s: ", path,
			 a->confirm ? " (will confirm each use)" : "");
	}
	return e;
}

static int
load(struct qsp_add *a, const char *path, struct qsp_key **key)
{
	char err[QSP_KEYFILE_ERROR_MAX];
	struct qsp_file_data text;
	struct qsp_file_error why;
	qsp_err e;

	*key = NULL;
	if (strcmp(path, STDIN) == 0) {
		if (qsp_file_read_fd(STDIN_FILENO, path, QSP_PEM_MAX, &text, &why) != 0)
			return qsp_add_fail("%s", why.text);
	} else if (qsp_keyfile_private(path, &text, err) != 0) {
		return qsp_add_fail("%s", err);
	}
	e = open_text(a, path, qsp_file_bytes(&text), key);
	qsp_file_data_free(&text);
	if (!e)
		return 0;
	if (e == QSP_E_PASSPHRASE)
		return qsp_add_fail("%s: no passphrase was given that opens it", path);
	return qsp_add_fail("Error loading key \"%s\": %s", path, qsp_err_text(e));
}

int
qsp_add_key(struct qsp_add *a, const char *path)
{
	char comment[QSP_PUBKEY_COMMENT_MAX + 1] = "";
	struct qsp_agent_client_add how = { .lifetime = a->lifetime, .confirm = a->confirm };
	struct qsp_key_public pub;
	struct qsp_key *key;
	qsp_err e;

	if (strcmp(path, "-") == 0)
		path = STDIN;
	if (load(a, path, &key) != 0)
		return 1;
	if (qsp_keyfile_public_of(a->cx, path, &pub, comment) != 0 || !comment[0] ||
	    !qsp_bytes_equal(QSP_BYTES_OF(pub.id), QSP_BYTES_OF(qsp_key_get_public(key)->id)))
		snprintf(comment, sizeof(comment), "%s", path);
	how.comment = qsp_bytes_str(comment);
	e = qsp_agent_client_add(a->agent, key, &how);
	qsp_key_free(key);
	if (e == QSP_E_POLICY)
		return qsp_add_fail("Could not add identity \"%s\": agent refused operation", path);
	if (e)
		return qsp_add_agent_failed(e, path);
	qsp_add_say(a, "Identity added: %s (%s)", path, comment);
	if (a->lifetime)
		qsp_add_say(a, "Lifetime set to %u seconds", (unsigned)a->lifetime);
	if (a->confirm)
		qsp_add_say(a, "The user must confirm each use of the key");
	return 0;
}

int
qsp_add_remove(struct qsp_add *a, const char *path)
{
	struct qsp_agent_msg m = { .type = QSP_AGENT_REMOVE_IDENTITY };
	char comment[QSP_PUBKEY_COMMENT_MAX + 1] = "";
	struct qsp_key_public pub;
	qsp_err e;

	if (qsp_keyfile_public_of(a->cx, path, &pub, comment) != 0 &&
	    qsp_keyfile_public(a->cx, path, &pub, comment) != 0)
		return qsp_add_fail("Bad key file %s: no public key in it, nor in %s.pub", path,
				    path);
	m.key = qsp_bytes(pub.blob, pub.len);
	e = qsp_agent_client_do(a->agent, &m);
	if (e == QSP_E_POLICY)
		return qsp_add_fail("Could not remove identity \"%s\": agent refused operation",
				    path);
	if (e)
		return qsp_add_agent_failed(e, path);
	qsp_add_say(a, "Identity removed: %s %s (%s)", path, qsp_key_type_name(pub.blob[0]),
		    comment);
	return 0;
}

int
qsp_add_remove_all(struct qsp_add *a)
{
	struct qsp_agent_msg m = { .type = QSP_AGENT_REMOVE_ALL };
	qsp_err e = qsp_agent_client_do(a->agent, &m);

	if (e)
		return qsp_add_agent_failed(e, "Failed to remove all identities");
	qsp_add_say(a, "All identities removed.");
	return 0;
}

int
qsp_add_lock(struct qsp_add *a, bool lock)
{
	struct qsp_agent_msg m = { .type = lock ? QSP_AGENT_LOCK : QSP_AGENT_UNLOCK };
	struct qsp_readpass first = { 0 }, again = { 0 };
	bool same = true;
	qsp_err e = QSP_E_IO;

	if (qsp_add_ask("Enter lock password: ", &first) == 0) {
		if (lock)
			same = qsp_add_ask("Again: ", &again) == 0 && first.n == again.n &&
			       memcmp(first.s, again.s, first.n) == 0;
		m.data = qsp_bytes(first.s, first.n);
		e = same ? qsp_agent_client_do(a->agent, &m) : QSP_E_PASSPHRASE;
	}
	qsp_readpass_wipe(&first);
	qsp_readpass_wipe(&again);
	if (!same)
		return qsp_add_fail("Passwords do not match.");
	if (e)
		return qsp_add_agent_failed(e, lock ? "Failed to lock" : "Failed to unlock");
	qsp_add_say(a, lock ? "Agent locked." : "Agent unlocked.");
	return 0;
}
