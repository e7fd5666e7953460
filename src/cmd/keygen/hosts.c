/* SPDX-License-Identifier: ISC */
/* qssh-keygen -F, -R, -H: known_hosts. */
#include "cmd/keygen/keygen.h"

#include "base/text.h"
#include "trust/known_hosts.h"
#include "trust/pubkey.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct hosts {
	char path[PATH_MAX];
	char name[QSP_KNOWN_HOSTS_NAME_MAX]; /* what is looked for, in lower case */
	struct qsp_file_data data;
	struct qsp_file_facts facts;
	int lock; /* qssh may learn of a host meanwhile; -1: none */
};

static struct qsp_bytes
name_of(const struct hosts *h)
{
	return qsp_bytes_str(h->name);
}

static void
hosts_close(struct hosts *h)
{
	qsp_file_data_free(&h->data);
	if (h->lock >= 0)
		close(h->lock);
}

/* Reads the file, known_hosts by default, and complains of malformed lines. change: it will be replaced. */
static bool
hosts_open(struct qsp_keygen *k, const char *name, bool change, struct hosts *h)
{
	struct qsp_known_hosts_walk w = { .left = { NULL, 0 } };
	struct qsp_known_hosts_line line;
	struct qsp_file_error err;
	size_t n = strlen(name);

	memset(h, 0, sizeof(*h));
	h->lock = -1;
	if (n >= sizeof(h->name)) {
		qsp_keygen_fail("the host name is too long");
		return false;
	}
	for (size_t i = 0; i < n; i++)
		h->name[i] = (char)qsp_text_lower((uint8_t)name[i]);
	if (k->file && strlen(k->file) < sizeof(h->path))
		memcpy(h->path, k->file, strlen(k->file) + 1);
	else if (!qsp_keygen_home_path("known_hosts", h->path))
		return false;
	if (change)
		h->lock = qsp_file_lock(h->path);
	if (qsp_file_read(h->path, QSP_KNOWN_HOSTS_MAX, &h->data, &h->facts, &err) != 0) {
		qsp_keygen_fail("cannot read known hosts: %s", err.text);
		hosts_close(h);
		return false;
	}
	w.left = qsp_file_bytes(&h->data);
	while (qsp_known_hosts_next(&w, &line))
		if (line.wrong)
			fprintf(stderr, "%s:%u: invalid line: %s\n", h->path, line.number,
				line.wrong);
	return true;
}

/* Writes the new text, the old one under .old first. */
static int
hosts_save(const struct qsp_keygen *k, const struct hosts *h,
	   const struct qsp_known_hosts_text *text)
{
	char old[PATH_MAX + 8];
	struct qsp_file_error err;

	snprintf(old, sizeof(old), "%s.old", h->path);
	if (qsp_file_replace(old, qsp_file_bytes(&h->data), h->facts.mode & 0777, &err) != 0)
		return qsp_keygen_fail("cannot keep the old contents, so nothing was changed: %s",
				       err.text);
	if (qsp_file_replace(h->path, qsp_bytes(text->p, text->n), h->facts.mode & 0777, &err) != 0)
		return qsp_keygen_fail("nothing was changed: %s", err.text);
	qsp_keygen_say(k, "%s updated.\nOriginal contents retained as %s\n", h->path, old);
	return 0;
}

/* --- -F -------------------------------------------------------------------------------- */

static void
print_found(const struct qsp_keygen *k, const struct hosts *h,
	    const struct qsp_known_hosts_line *line)
{
	struct qsp_known_hosts_text hashed = { 0 };
	struct qsp_bytes shown = line->whole;
	struct qsp_key_public key;

	qsp_keygen_say(k, "# Host %s found: line %u%s\n", h->name, line->number,
		       line->revoked ? " REVOKED" : "");
	if (k->fingerprint) {
		if (qsp_pubkey_decode(k->cx, line->type, line->base64, &key) == 0)
			qsp_keygen_print(k, &key, name_of(h));
		else
			fprintf(stderr, "%s:%u: invalid line: the base64 is no key of this type\n",
				h->path, line->number);
		return;
	}
	if (k->hash && qsp_known_hosts_hash(k->cx, shown, &hashed) == 0 && hashed.n > 0)
		shown = qsp_bytes(hashed.p, hashed.n - 1);
	printf("%.*s\n", (int)shown.n, (const char *)shown.p);
	qsp_known_hosts_text_free(&hashed);
}

int
qsp_keygen_find_host(struct qsp_keygen *k, const char *name)
{
	struct qsp_known_hosts_walk w = { 0 };
	struct qsp_known_hosts_line line;
	struct hosts h;
	bool found = false;

	if (!hosts_open(k, name, false, &h))
		return 1;
	w.left = qsp_file_bytes(&h.data);
	while (qsp_known_hosts_next(&w, &line)) {
		if (!line.is_entry || !qsp_known_hosts_matches(k->cx, &line, name_of(&h)))
			continue;
		print_found(k, &h, &line);
		found = true;
	}
	hosts_close(&h);
	return found ? 0 : 1;
}

/* --- -R, -H ---------------------------------------------------------------------------- */

static void
say_removed(const struct qsp_keygen *k, const struct hosts *h)
{
	struct qsp_known_hosts_walk w = { .left = qsp_file_bytes(&h->data) };
	struct qsp_known_hosts_line line;

	while (qsp_known_hosts_next(&w, &line))
		if (line.is_entry && !line.revoked &&
		    qsp_known_hosts_matches(k->cx, &line, name_of(h)))
			qsp_keygen_say(k, "# Host %s found: line %u\n", h->name, line.number);
}

int
qsp_keygen_remove_host(struct qsp_keygen *k, const char *name)
{
	struct qsp_known_hosts_text text = { 0 };
	struct hosts h;
	int status = 1;
	qsp_err e;

	if (!hosts_open(k, name, true, &h))
		return 1;
	e = qsp_known_hosts_remove(k->cx, qsp_file_bytes(&h.data), name_of(&h), &text);
	if (e ==
	    QSP_E_NOTFOUND) { /* no failure: so it is with ssh-keygen, and scripts rely on it */
		fprintf(stderr, "Host %s not found in %s\n", h.name, h.path);
		status = 0;
	} else if (e) {
		qsp_keygen_fail("nothing was changed: %s", qsp_err_text(e));
	} else {
		say_removed(k, &h);
		status = hosts_save(k, &h, &text);
	}
	qsp_known_hosts_text_free(&text);
	hosts_close(&h);
	return status;
}

int
qsp_keygen_hash_hosts(struct qsp_keygen *k)
{
	struct qsp_known_hosts_walk w = { 0 };
	struct qsp_known_hosts_line line;
	struct qsp_known_hosts_text text = { 0 };
	struct hosts h;
	int status;
	qsp_err e;

	if (!hosts_open(k, "", true, &h))
		return 1;
	w.left = qsp_file_bytes(&h.data);
	while (qsp_known_hosts_next(&w, &line))
		if (line.is_entry && !line.revoked && qsp_known_hosts_has_pattern(line.hosts))
			fprintf(stderr, "%s:%u: a pattern cannot be hashed: left as it is\n",
				h.path, line.number);
	e = qsp_known_hosts_hash(k->cx, qsp_file_bytes(&h.data), &text);
	if (e)
		status = qsp_keygen_fail("nothing was changed: %s", qsp_err_text(e));
	else if (text.changed == 0)
		status = 0;
	else if ((status = hosts_save(k, &h, &text)) == 0)
		fprintf(stderr,
			"WARNING: %s.old contains unhashed entries\n"
			"Delete this file to ensure privacy of hostnames\n",
			h.path);
	qsp_known_hosts_text_free(&text);
	hosts_close(&h);
	return status;
}
