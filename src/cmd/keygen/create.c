/* SPDX-License-Identifier: ISC */
/*
 * qssh-keygen: a new key pair. Either both files stand whole at the end or, where there was no key
 * before, neither.
 */
#include "cmd/keygen/keygen.h"

#include "crypto/pem.h"
#include "trust/pubkey.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* ~/.qssh, where the key goes there and it is not there yet. */
static bool
make_home(const struct qsp_keygen *k, const char *path)
{
	char dir[PATH_MAX];
	struct qsp_file_error err;
	size_t n;

	if (k->file) { /* need not be anywhere near a home folder */
		char home[PATH_MAX];

		if (qsp_file_home(home, sizeof(home)) != 0)
			return true;
	}
	if (!qsp_keygen_home_path("", dir))
		return false;
	n = strlen(dir);
	if (strncmp(path, dir, n) != 0 || path[n] != '/' || exists(dir))
		return true;
	if (qsp_file_make_dir(dir, 0700, &err) != 0) {
		qsp_keygen_fail("cannot create the folder: %s", err.text);
		return false;
	}
	qsp_keygen_say(k, "Created directory '%s'.\n", dir);
	return true;
}

/* Asks whether a file may be overwritten; true where there is none. */
static bool
may_write(const char *path)
{
	char answer[16];

	if (!exists(path))
		return true;
	if (!isatty(STDIN_FILENO)) {
		qsp_keygen_fail("%s already exists and was left as it is: remove it, or choose "
				"another name with -f",
				path);
		return false;
	}
	printf("%s already exists.\n", path);
	fflush(stdout);
	return qsp_readpass_line("Overwrite (y/n)? ", answer, sizeof(answer)) == 0 &&
	       (*answer == 'y' || *answer == 'Y');
}

/* user@host */
static void
default_comment(char *out, size_t cap)
{
	const struct passwd *pw = getpwuid(getuid());
	char host[256] = "localhost";

	if (gethostname(host, sizeof(host)) == 0)
		host[sizeof(host) - 1] = '\0';
	snprintf(out, cap, "%s@%s", pw ? pw->pw_name : "user", host);
}

static bool
write_private(const struct qsp_keygen *k, const struct qsp_key *key,
	      const struct qsp_readpass *pass, const char *path, bool fresh)
{
	char text[QSP_PEM_MAX];
	size_t n = sizeof(text);
	struct qsp_file_error err;
	qsp_err e = qsp_pem_put(k->cx, key, qsp_bytes(pass->s, pass->n), text, &n);

	if (e) {
		qsp_keygen_fail("cannot encode the key: %s", qsp_err_text(e));
		return false;
	}
	e = fresh ? qsp_file_create(path, qsp_bytes(text, n), 0600, &err)
		  : qsp_file_replace(path, qsp_bytes(text, n), 0600, &err);
	if (e)
		qsp_keygen_fail("cannot save the key: %s", err.text);
	qsp_mem_wipe(text, sizeof(text));
	return e == QSP_OK;
}

static bool
write_public(const struct qsp_key_public *pub, const char *comment, const char *path)
{
	char line[QSP_PUBKEY_LINE_MAX];
	struct qsp_file_error err;
	size_t n;

	if (qsp_pubkey_put(pub, qsp_bytes_str(comment), line) != 0) {
		qsp_keygen_fail("a comment has at most %d bytes, without control characters",
				QSP_PUBKEY_COMMENT_MAX);
		return false;
	}
	n = strlen(line);
	line[n++] = '\n';
	if (qsp_file_replace(path, qsp_bytes(line, n), 0644, &err) == 0)
		return true;
	qsp_keygen_fail("cannot save the public key: %s", err.text);
	return false;
}

static int
save(const struct qsp_keygen *k, const struct qsp_key *key, const struct qsp_readpass *pass,
     const char *path, const char *comment)
{
	const struct qsp_key_public *pub = qsp_key_get_public(key);
	char pub_path[PATH_MAX + 8], print[QSP_KEY_PRINT_MAX];
	bool fresh = !exists(path);

	snprintf(pub_path, sizeof(pub_path), "%s.pub", path);
	if (!write_private(k, key, pass, path, fresh))
		return 1;
	if (!write_public(pub, comment, pub_path)) {
		if (fresh)
			unlink(path);
		else
			qsp_keygen_fail("the new private key is in %s: once there is room, run "
					"`qssh-keygen -y -f %s > %s'",
					path, path, pub_path);
		return 1;
	}
	if (k->quiet)
		return 0;
	qsp_key_print(pub->id, print);
	printf("Your identification has been saved in %s\n"
	       "Your public key has been saved in %s\n"
	       "The key fingerprint is:\n%s %s\n"
	       "The key's randomart image is:\n",
	       path, pub_path, print, comment);
	qsp_keygen_print_art(pub);
	return 0;
}

int
qsp_keygen_create(struct qsp_keygen *k)
{
	char path[PATH_MAX], pub_path[PATH_MAX + 8], comment[512], question[PATH_MAX + 64];
	struct qsp_readpass pass = { 0 };
	struct qsp_key *key = NULL;
	int status = 1;
	qsp_err e;

	if (k->comment &&
	    (strlen(k->comment) > QSP_PUBKEY_COMMENT_MAX || strpbrk(k->comment, "\r\n") != NULL))
		return qsp_keygen_fail("a comment is one line of at most %d bytes",
				       QSP_PUBKEY_COMMENT_MAX);
	default_comment(comment, sizeof(comment));
	qsp_keygen_say(k, "Generating public/private %s key pair.\n", qsp_key_type_alias(k->type));
	if (!qsp_keygen_ask_path(k, "Enter file in which to save the key", path) ||
	    !make_home(k, path))
		goto out;
	snprintf(pub_path, sizeof(pub_path), "%s.pub", path);
	if (!may_write(exists(path) ? path : pub_path))
		goto out;
	snprintf(question, sizeof(question),
		 "Enter passphrase for \"%s\" (empty for no passphrase): ", path);
	if (!qsp_keygen_new_passphrase(k, question, &pass))
		goto out;
	if ((e = qsp_key_generate(k->cx, k->type, &key)) != 0) {
		qsp_keygen_fail("cannot make a key: %s", qsp_err_text(e));
		goto out;
	}
	status = save(k, key, &pass, path, k->comment ? k->comment : comment);
out:
	qsp_readpass_wipe(&pass);
	qsp_key_free(key);
	return status;
}
