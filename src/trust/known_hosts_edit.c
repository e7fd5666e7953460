/* SPDX-License-Identifier: ISC */
/*
 * known_hosts, rewritten: a new text from the old one, line by line. What a change is not about is
 * copied as it stands, malformed lines included.
 */
#include "trust/known_hosts.h"

#include "base/mem.h"
#include "base/text.h"
#include "trust/line.h"
#include "trust/pubkey.h"

#define HEX_LEN (2 * QSP_OK_LEN)

void
qsp_known_hosts_text_free(struct qsp_known_hosts_text *t)
{
	if (!t)
		return;
	qsp_mem_wipe_free(t->p, t->n);
	memset(t, 0, sizeof(*t));
}

static qsp_err
put(struct qsp_known_hosts_text *t, struct qsp_bytes b)
{
	if (b.n > t->cap - t->n) {
		size_t cap = 2 * (t->n + b.n) + 4096;
		uint8_t *p = qsp_mem_alloc(cap);

		if (!p)
			return QSP_E_NOMEM;
		if (t->n > 0)
			memcpy(p, t->p, t->n);
		qsp_mem_wipe_free(t->p, t->n);
		t->p = p;
		t->cap = cap;
	}
	if (b.n > 0)
		memcpy(t->p + t->n, b.p, b.n);
	t->n += b.n;
	return QSP_OK;
}

/* Three pieces and a newline; empty ones are nothing. */
static qsp_err
put_line(struct qsp_known_hosts_text *t, struct qsp_bytes a, struct qsp_bytes b, struct qsp_bytes c)
{
	qsp_err e;

	if ((e = put(t, a)) != 0 || (e = put(t, b)) != 0 || (e = put(t, c)) != 0)
		return e;
	return put(t, qsp_bytes("\n", 1));
}

static qsp_err
copy_line(struct qsp_known_hosts_text *t, const struct qsp_known_hosts_line *line)
{
	return put_line(t, line->whole, QSP_BYTES_NONE, QSP_BYTES_NONE);
}

/* What stands in a line before p, and from p on. */
static struct qsp_bytes
before(const struct qsp_known_hosts_line *line, const uint8_t *p)
{
	return qsp_bytes(line->whole.p, (size_t)(p - line->whole.p));
}

static struct qsp_bytes
from(const struct qsp_known_hosts_line *line, const uint8_t *p)
{
	return qsp_bytes_from(line->whole, (size_t)(p - line->whole.p));
}

static qsp_err
finish(qsp_err e, struct qsp_known_hosts_text *t)
{
	if (e)
		qsp_known_hosts_text_free(t);
	return e;
}

/* --- adding ---------------------------------------------------------------------------- */

/* A name may come in any form that this file can hold but must be one word of one host. */
static bool
is_name(struct qsp_bytes name)
{
	struct qsp_bytes rest = name;

	return name.n > 0 && name.n < QSP_KNOWN_HOSTS_NAME_MAX && qsp_line_is_clean(name) &&
	       qsp_line_word(&rest).n == name.n && !memchr(name.p, ',', name.n) &&
	       !qsp_known_hosts_has_pattern(name) && !memchr("@#|", name.p[0], 3);
}

static qsp_err
put_entry(const struct qsp_crypto *cx, const struct qsp_known_hosts_entry *entry,
	  struct qsp_known_hosts_text *t)
{
	char line[QSP_PUBKEY_LINE_MAX], hashed[QSP_KNOWN_HOSTS_HASHED_MAX], hex[HEX_LEN + 1] = "";
	struct qsp_bytes name = qsp_bytes_str(entry->name);
	struct qsp_bytes comment = qsp_bytes_str(entry->comment ? entry->comment : "");
	qsp_err e;

	if (!is_name(name) || comment.n > QSP_PUBKEY_COMMENT_MAX || !qsp_line_is_clean(comment))
		return QSP_E_INPUT;
	if ((e = qsp_pubkey_put(entry->key, QSP_BYTES_NONE, line)) != 0)
		return e;
	if (entry->hash) {
		if ((e = qsp_known_hosts_hash_name(cx, name, hashed)) != 0)
			return e;
		name = qsp_bytes_str(hashed);
	}
	if (entry->secret)
		qsp_text_hex(qsp_bytes(entry->secret, QSP_OK_LEN), hex);
	if ((e = put(t, name)) != 0 || (e = put(t, qsp_bytes(" ", 1))) != 0 ||
	    (e = put(t, qsp_bytes_str(line))) != 0 ||
	    (e = put(t, qsp_bytes_str(*hex ? " k=" : ""))) != 0 ||
	    (e = put(t, qsp_bytes_str(hex))) != 0)
		goto out;
	e = put_line(t, qsp_bytes_str(comment.n > 0 ? " " : ""), comment, QSP_BYTES_NONE);
out:
	qsp_mem_wipe(hex, sizeof(hex));
	return e;
}

qsp_err
qsp_known_hosts_add(const struct qsp_crypto *cx, struct qsp_bytes text,
		    const struct qsp_known_hosts_entry *entry, struct qsp_known_hosts_text *out)
{
	qsp_err e;

	memset(out, 0, sizeof(*out));
	e = put(out, text);
	if (e == QSP_OK && text.n > 0 && text.p[text.n - 1] != '\n')
		e = put(out, qsp_bytes("\n", 1));
	if (e == QSP_OK)
		e = put_entry(cx, entry, out);
	return finish(e, out);
}

/* --- changing -------------------------------------------------------------------------- */

/* The secret in the place of the old one, or right behind the key. */
static qsp_err
put_secret(const struct qsp_known_hosts_line *line, const char *hex, struct qsp_known_hosts_text *t)
{
	const uint8_t *end = line->base64.p + line->base64.n;
	qsp_err e;

	if (line->secret.n > 0)
		return put_line(t, before(line, line->secret.p), qsp_bytes(hex, HEX_LEN),
				from(line, line->secret.p + line->secret.n));
	if ((e = put(t, before(line, end))) != 0 || (e = put(t, qsp_bytes_str(" k="))) != 0)
		return e;
	return put_line(t, qsp_bytes(hex, HEX_LEN), from(line, end), QSP_BYTES_NONE);
}

qsp_err
qsp_known_hosts_set_secret(const struct qsp_crypto *cx, struct qsp_bytes text,
			   struct qsp_bytes name, const struct qsp_key_public *key,
			   const uint8_t secret[static QSP_OK_LEN],
			   struct qsp_known_hosts_text *out)
{
	struct qsp_known_hosts_walk w = { .left = text };
	struct qsp_known_hosts_line line;
	struct qsp_key_public one;
	char hex[HEX_LEN + 1];
	qsp_err e = QSP_OK;

	memset(out, 0, sizeof(*out));
	qsp_text_hex(qsp_bytes(secret, QSP_OK_LEN), hex);
	while (e == QSP_OK && qsp_known_hosts_next(&w, &line)) {
		if (line.is_entry && !line.revoked && qsp_known_hosts_matches(cx, &line, name) &&
		    qsp_pubkey_decode(cx, line.type, line.base64, &one) == 0 &&
		    qsp_bytes_equal(qsp_bytes(one.blob, one.len), qsp_bytes(key->blob, key->len))) {
			e = put_secret(&line, hex, out);
			out->changed++;
		} else {
			e = copy_line(out, &line);
		}
	}
	if (e == QSP_OK && out->changed == 0)
		e = QSP_E_NOTFOUND;
	qsp_mem_wipe(hex, sizeof(hex));
	return finish(e, out);
}

qsp_err
qsp_known_hosts_remove(const struct qsp_crypto *cx, struct qsp_bytes text, struct qsp_bytes name,
		       struct qsp_known_hosts_text *out)
{
	struct qsp_known_hosts_walk w = { .left = text };
	struct qsp_known_hosts_line line;
	qsp_err e = QSP_OK;

	memset(out, 0, sizeof(*out));
	while (e == QSP_OK && qsp_known_hosts_next(&w, &line)) {
		if (line.is_entry && !line.revoked && qsp_known_hosts_matches(cx, &line, name))
			out->changed++;
		else
			e = copy_line(out, &line);
	}
	if (e == QSP_OK && out->changed == 0)
		e = QSP_E_NOTFOUND;
	return finish(e, out);
}

/* --- hashing --------------------------------------------------------------------------- */

static qsp_err
put_hashed(const struct qsp_crypto *cx, const struct qsp_known_hosts_line *line,
	   struct qsp_known_hosts_text *t)
{
	struct qsp_bytes hosts = line->hosts;
	char hashed[QSP_KNOWN_HOSTS_HASHED_MAX], lower[QSP_KNOWN_HOSTS_NAME_MAX];
	qsp_err e;

	while (hosts.n > 0) {
		struct qsp_bytes name = qsp_line_part(&hosts, ',');

		if (name.n == 0)
			continue;
		/* what is looked for is in lower case */
		for (size_t i = 0; i < name.n; i++)
			lower[i] = (char)qsp_text_lower(name.p[i]);
		if ((e = qsp_known_hosts_hash_name(cx, qsp_bytes(lower, name.n), hashed)) != 0 ||
		    (e = put_line(t, qsp_bytes_str(hashed),
				  from(line, line->hosts.p + line->hosts.n), QSP_BYTES_NONE)) != 0)
			return e;
	}
	return QSP_OK;
}

/* Every name fits: no pattern, none too long to be asked for, and at least one. */
static bool
can_hash(struct qsp_bytes hosts)
{
	bool some = false;

	if (qsp_known_hosts_has_pattern(hosts))
		return false;
	while (hosts.n > 0) {
		struct qsp_bytes name = qsp_line_part(&hosts, ',');

		if (name.n >= QSP_KNOWN_HOSTS_NAME_MAX)
			return false;
		some = some || name.n > 0;
	}
	return some;
}

qsp_err
qsp_known_hosts_hash(const struct qsp_crypto *cx, struct qsp_bytes text,
		     struct qsp_known_hosts_text *out)
{
	struct qsp_known_hosts_walk w = { .left = text };
	struct qsp_known_hosts_line line;
	qsp_err e = QSP_OK;

	memset(out, 0, sizeof(*out));
	while (e == QSP_OK && qsp_known_hosts_next(&w, &line)) {
		if (line.is_entry && !line.revoked && !line.hashed && can_hash(line.hosts)) {
			e = put_hashed(cx, &line, out);
			out->changed++;
		} else {
			e = copy_line(out, &line);
		}
	}
	return finish(e, out);
}
