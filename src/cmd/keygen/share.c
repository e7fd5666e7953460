/* SPDX-License-Identifier: ISC */
/* What the acts of qssh-keygen share: messages, paths, passphrases, loading, printing. */
#include "cmd/keygen/keygen.h"

#include "base/text.h"
#include "crypto/pem.h"
#include "trust/print.h"
#include "trust/pubkey.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ASKED_TIMES 3

int
qsp_keygen_fail(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("qssh-keygen: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

void
qsp_keygen_say(const struct qsp_keygen *k, const char *format, ...)
{
	va_list ap;

	if (k->quiet)
		return;
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	fflush(stdout);
}

/* --- paths ----------------------------------------------------------------------------- */

bool
qsp_keygen_home_path(const char *name, char out[PATH_MAX])
{
	char home[PATH_MAX];
	int n;

	if (qsp_file_home(home, sizeof(home)) != 0) {
		qsp_keygen_fail("no home folder: set HOME, or name the file with -f");
		return false;
	}
	n = snprintf(out, PATH_MAX, "%s/.qssh%s%s", home, *name ? "/" : "", name);
	if (n < 0 || n >= PATH_MAX) {
		qsp_keygen_fail("the path of the home folder is too long");
		return false;
	}
	return true;
}

bool
qsp_keygen_ask_path(const struct qsp_keygen *k, const char *question, char out[PATH_MAX])
{
	char name[64], path[PATH_MAX], prompt[PATH_MAX + 128], answer[PATH_MAX];
	const char *chosen = k->file;

	if (!chosen) {
		snprintf(name, sizeof(name), "id_%s", qsp_key_type_alias(k->type));
		if (!qsp_keygen_home_path(name, path))
			return false;
		snprintf(prompt, sizeof(prompt), "%s (%s): ", question, path);
		if (qsp_readpass_line(prompt, answer, sizeof(answer)) != 0) {
			qsp_keygen_fail("no file name was given: name it with -f");
			return false;
		}
		chosen = *answer ? answer : path;
	}
	/* .pub and the like must still fit behind it */
	if (*chosen == '\0' || strlen(chosen) > PATH_MAX - 16) {
		qsp_keygen_fail("the file name is %s", *chosen ? "too long" : "empty");
		return false;
	}
	memcpy(out, chosen, strlen(chosen) + 1);
	return true;
}

/* --- passphrases ----------------------------------------------------------------------- */

/* From a pipe the end of input is an empty passphrase, as with ssh-keygen. */
static bool
ask(const char *question, struct qsp_readpass *out)
{
	qsp_err e = qsp_readpass_ask(question, out);

	if (e == QSP_E_IO && !isatty(STDIN_FILENO))
		return true;
	if (e == QSP_E_ROOM)
		qsp_keygen_fail("a passphrase has at most %d bytes", QSP_READPASS_MAX);
	else if (e)
		qsp_keygen_fail("no passphrase was given");
	return e == QSP_OK;
}

bool
qsp_keygen_new_passphrase(const struct qsp_keygen *k, const char *question,
			  struct qsp_readpass *out)
{
	struct qsp_readpass again;
	bool same = false;

	if (k->has_new) {
		*out = k->new_pass;
		return true;
	}
	for (int i = 0; i < ASKED_TIMES && !same; i++) {
		if (!ask(question, out))
			break;
		if (!ask("Enter same passphrase again: ", &again))
			break;
		same = out->n == again.n && memcmp(out->s, again.s, again.n) == 0;
		if (!same)
			fputs("Passphrases do not match.  Try again.\n", stderr);
	}
	qsp_readpass_wipe(&again);
	if (!same)
		qsp_readpass_wipe(out);
	return same;
}

/* --- loading --------------------------------------------------------------------------- */

static void
complain_unprotected(const char *path, mode_t mode)
{
	fflush(stdout);
	fprintf(stderr,
		"@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\n"
		"@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\n"
		"@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\n"
		"Permissions 0%03o for '%s' are too open.\n"
		"It is required that your private key files are NOT accessible by others.\n"
		"This private key will be ignored: run `chmod 600 %s', or make a new key.\n",
		(unsigned)(mode & 0777), path, path);
}

static const char *
reason(qsp_err e)
{
	switch (e) {
	case QSP_E_PASSPHRASE: return "incorrect passphrase supplied to decrypt private key";
	case QSP_E_INPUT: return "not a private key of QSP, or damaged";
	case QSP_E_UNSUPPORTED: return "a kind of key or encryption that QSP does not use";
	default: return qsp_err_text(e);
	}
}

static struct qsp_key *
decode(const struct qsp_keygen *k, const char *path, struct qsp_bytes text, const char *question)
{
	struct qsp_readpass pass = { 0 };
	struct qsp_key *key = NULL;
	bool encrypted;
	qsp_err e = QSP_OK;

	if (qsp_pem_looks_like(text, &encrypted) && encrypted) {
		if (k->has_old)
			pass = k->old_pass;
		else if (!ask(question, &pass))
			goto out;
	}
	e = qsp_pem_get(k->cx, text, qsp_bytes(pass.s, pass.n), NULL, &key);
	if (e)
		qsp_keygen_fail("cannot load key \"%s\": %s", path, reason(e));
out:
	qsp_readpass_wipe(&pass);
	return key;
}

struct qsp_key *
qsp_keygen_load(const struct qsp_keygen *k, const char *path, const char *question)
{
	struct qsp_file_data data = { NULL, 0 };
	struct qsp_file_facts facts;
	struct qsp_file_error err;
	struct qsp_key *key = NULL;
	char asked[PATH_MAX + 64];

	if (qsp_file_read(path, QSP_PEM_MAX, &data, &facts, &err) != 0) {
		qsp_keygen_fail("cannot load key: %s", err.text);
		return NULL;
	}
	if (!question) {
		snprintf(asked, sizeof(asked), "Enter passphrase for \"%s\": ", path);
		question = asked;
	}
	/* as OpenSSH: whose file it is not, the mode is somebody else's choice */
	if (facts.uid == getuid() && !qsp_file_is_private(&facts))
		complain_unprotected(path, facts.mode);
	else
		key = decode(k, path, qsp_file_bytes(&data), question);
	qsp_file_data_free(&data);
	return key;
}

void
qsp_keygen_comment(const struct qsp_keygen *k, const char *path, const struct qsp_key_public *key,
		   char *out, size_t cap)
{
	char pub[PATH_MAX + 8];
	struct qsp_file_data data = { NULL, 0 };
	struct qsp_file_error err;
	struct qsp_key_public other;
	struct qsp_bytes comment, line;
	const uint8_t *end;

	out[0] = '\0';
	snprintf(pub, sizeof(pub), "%s.pub", path);
	if (qsp_file_read(pub, QSP_PUBKEY_LINE_MAX, &data, NULL, &err) != 0)
		return;
	line = qsp_file_bytes(&data);
	if ((end = memchr(line.p, '\n', line.n)) != NULL)
		line.n = (size_t)(end - line.p);
	if (qsp_pubkey_get(k->cx, line, &other, &comment) == 0 &&
	    memcmp(other.id, key->id, sizeof(key->id)) == 0 && comment.n < cap) {
		memcpy(out, comment.p, comment.n);
		out[comment.n] = '\0';
	}
	qsp_file_data_free(&data);
}

/* --- printing -------------------------------------------------------------------------- */

static void
shout(char *out, size_t cap, const char *s)
{
	size_t i;

	for (i = 0; s[i] && i + 1 < cap; i++)
		out[i] = (char)toupper((unsigned char)s[i]);
	out[i] = '\0';
}

void
qsp_keygen_print_art(const struct qsp_key_public *key)
{
	char name[32], title[40], art[QSP_PRINT_ART_MAX];

	shout(name, sizeof(name), qsp_key_type_alias(key->blob[0]));
	snprintf(title, sizeof(title), "[%s]", name);
	qsp_print_art(key->id, title, art);
	puts(art);
}

void
qsp_keygen_print(const struct qsp_keygen *k, const struct qsp_key_public *key,
		 struct qsp_bytes comment)
{
	char print[QSP_KEY_PRINT_MAX], name[32], shown[4 * QSP_PUBKEY_COMMENT_MAX + 1];

	qsp_key_print(key->id, print);
	shout(name, sizeof(name), qsp_key_type_alias(key->blob[0]));
	qsp_text_printable(comment, false, shown, sizeof(shown));
	printf("%u %s %s (%s)\n", qsp_pubkey_bits(key->blob[0]), print,
	       *shown ? shown : "no comment", name);
	if (k->verbose)
		qsp_keygen_print_art(key);
}
