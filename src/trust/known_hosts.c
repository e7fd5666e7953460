/* SPDX-License-Identifier: ISC */
/* known_hosts, read: lines, the names they speak of, and what they say of a key [P3, P6]. */
#include "trust/known_hosts.h"

#include "base/ct.h"
#include "base/mem.h"
#include "base/pattern.h"
#include "base/text.h"
#include "base/writer.h"
#include "crypto/hash.h"
#include "crypto/rand.h"
#include "trust/line.h"
#include "trust/pubkey.h"

#define SALT_LEN 32
#define MAC_LEN 32
static const char hash_mark[] = "|2|";

/* --- names ----------------------------------------------------------------------------- */

qsp_err
qsp_known_hosts_name(const char *host, uint16_t port, char out[QSP_KNOWN_HOSTS_NAME_MAX])
{
	struct qsp_writer w = qsp_writer_of((uint8_t *)out, QSP_KNOWN_HOSTS_NAME_MAX);
	bool plain = port == QSP_DEFAULT_PORT;
	char digits[QSP_LINE_DECIMAL_MAX];
	size_t n = strlen(host);

	out[0] = '\0';
	if (n == 0 || n > 255 || host[0] == '@' || host[0] == '#' || host[0] == '|')
		return QSP_E_INPUT;
	if (!plain)
		qsp_writer_u8(&w, '[');
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)host[i];

		if (c <= ' ' || c == 0x7f || strchr(",*?!", c))
			return QSP_E_INPUT;
		qsp_writer_u8(&w, qsp_text_lower(c));
	}
	if (!plain) {
		qsp_writer_put(&w, qsp_bytes_str("]:"));
		qsp_writer_put(&w, qsp_bytes_str(qsp_line_decimal(port, digits)));
	}
	qsp_writer_u8(&w, 0);
	return qsp_writer_done(&w);
}

static qsp_err
mac_name(const struct qsp_crypto *cx, const uint8_t salt[static SALT_LEN], struct qsp_bytes name,
	 uint8_t mac[static MAC_LEN])
{
	return qsp_hash_hmac(cx, QSP_HASH_SHA256, qsp_bytes(salt, SALT_LEN), &name, 1, mac);
}

qsp_err
qsp_known_hosts_hash_name(const struct qsp_crypto *cx, struct qsp_bytes name,
			  char out[QSP_KNOWN_HOSTS_HASHED_MAX])
{
	uint8_t salt[SALT_LEN], mac[MAC_LEN];
	size_t n = strlen(hash_mark);
	qsp_err e;

	if ((e = qsp_rand_bytes(cx, salt, sizeof(salt))) != 0 ||
	    (e = mac_name(cx, salt, name, mac)) != 0) {
		out[0] = '\0';
		return e;
	}
	memcpy(out, hash_mark, n);
	qsp_text_base64(QSP_BYTES_OF(salt), true, out + n);
	n += QSP_TEXT_BASE64_LEN(SALT_LEN);
	out[n++] = '|';
	qsp_text_base64(QSP_BYTES_OF(mac), true, out + n);
	return QSP_OK;
}

/* |2|salt|mac */
static qsp_err
get_hashed(struct qsp_bytes s, uint8_t salt[static SALT_LEN], uint8_t mac[static MAC_LEN])
{
	size_t mark = strlen(hash_mark), n = SALT_LEN;
	struct qsp_bytes part;

	if (s.n < mark || !qsp_bytes_is(qsp_bytes(s.p, mark), hash_mark))
		return QSP_E_INPUT;
	s = qsp_bytes_from(s, mark);
	part = qsp_line_part(&s, '|');
	if (qsp_text_unbase64(part, salt, &n) != 0 || n != SALT_LEN)
		return QSP_E_INPUT;
	n = MAC_LEN;
	return qsp_text_unbase64(s, mac, &n) == 0 && n == MAC_LEN ? QSP_OK : QSP_E_INPUT;
}

bool
qsp_known_hosts_matches(const struct qsp_crypto *cx, const struct qsp_known_hosts_line *entry,
			struct qsp_bytes name)
{
	uint8_t salt[SALT_LEN], want[MAC_LEN], mac[MAC_LEN];

	if (!entry->hashed)
		return name.n > 0 &&
		       qsp_pattern_list(entry->hosts, name, QSP_PATTERN_FOLD) == QSP_PATTERN_MATCH;
	return get_hashed(entry->hosts, salt, want) == 0 && mac_name(cx, salt, name, mac) == 0 &&
	       qsp_ct_equal(mac, want, MAC_LEN);
}

bool
qsp_known_hosts_has_pattern(struct qsp_bytes hosts)
{
	for (size_t i = 0; i < hosts.n; i++)
		if (strchr("*?!", hosts.p[i]) && hosts.p[i])
			return true;
	return false;
}

/* --- lines ----------------------------------------------------------------------------- */

/* name=: letters, digits and hyphens. */
static bool
is_option(struct qsp_bytes word)
{
	for (size_t i = 0; i < word.n; i++) {
		uint8_t c = word.p[i];

		if (c == '=')
			return i > 0;
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
	}
	return false;
}

/* Options, as far as they go; then the comment. */
static const char *
get_options(struct qsp_bytes rest, struct qsp_known_hosts_line *line)
{
	for (;;) {
		struct qsp_bytes before = rest, word = qsp_line_word(&rest);
		uint8_t secret[QSP_OK_LEN];

		if (!is_option(word)) {
			line->comment = before;
			return NULL;
		}
		if (!qsp_bytes_is(qsp_bytes(word.p, 2), "k="))
			continue;
		if (line->secret.n > 0)
			return "two secrets (k=)";
		line->secret = qsp_bytes_from(word, 2);
		if (qsp_text_unhex((const char *)line->secret.p, line->secret.n, secret,
				   sizeof(secret)) != 0)
			return "the secret (k=) is not 64 hexadecimal digits";
		qsp_mem_wipe(secret, sizeof(secret));
	}
}

static const char *
get_hosts(struct qsp_known_hosts_line *line)
{
	uint8_t salt[SALT_LEN], mac[MAC_LEN];

	if (line->hosts.n > 0 && line->hosts.p[0] == '|') {
		line->hashed = true;
		if (get_hashed(line->hosts, salt, mac) != 0)
			return "a hashed name that is not |2|salt|hash";
	}
	return NULL;
}

/* NULL, or what is wrong with an entry. */
static const char *
get_entry(struct qsp_bytes rest, struct qsp_known_hosts_line *line)
{
	const char *wrong;

	if (rest.p[0] == '@') {
		if (!qsp_bytes_is(qsp_line_word(&rest), "@revoked"))
			return "unknown marker (only @revoked is)";
		line->revoked = true;
	}
	line->hosts = qsp_line_word(&rest);
	line->type = qsp_line_word(&rest);
	line->base64 = qsp_line_word(&rest);
	if (line->base64.n == 0)
		return "not `host type base64'";
	if ((wrong = get_hosts(line)) != NULL)
		return wrong;
	if (qsp_pubkey_type(line->type) == 0)
		return "unknown key type";
	return get_options(rest, line);
}

bool
qsp_known_hosts_next(struct qsp_known_hosts_walk *w, struct qsp_known_hosts_line *line)
{
	struct qsp_bytes rest;

	memset(line, 0, sizeof(*line));
	w->wrong = NULL;
	if (!qsp_line_next(&w->left, &line->whole))
		return false;
	line->number = ++w->number;
	rest = qsp_line_trim(line->whole);
	if (rest.n == 0 || rest.p[0] == '#')
		return true;
	line->wrong = rest.n > QSP_LINE_MAX ? "too long" : get_entry(rest, line);
	line->is_entry = !line->wrong;
	w->wrong = line->wrong;
	return true;
}

/* --- what is known --------------------------------------------------------------------- */

void
qsp_known_hosts_match_wipe(struct qsp_known_hosts_match *m)
{
	qsp_mem_wipe(m, sizeof(*m));
}

static qsp_err
get_match(const struct qsp_crypto *cx, const struct qsp_known_hosts_line *line,
	  struct qsp_known_hosts_match *m)
{
	m->line = line->number;
	m->revoked = line->revoked;
	m->has_secret = line->secret.n > 0;
	if (m->has_secret && qsp_text_unhex((const char *)line->secret.p, line->secret.n, m->secret,
					    QSP_OK_LEN) != 0)
		return QSP_E_INPUT;
	return qsp_pubkey_decode(cx, line->type, line->base64, &m->key);
}

qsp_err
qsp_known_hosts_find(const struct qsp_crypto *cx, struct qsp_known_hosts_walk *w,
		     struct qsp_bytes name, struct qsp_known_hosts_match *m)
{
	struct qsp_known_hosts_line line;
	qsp_err e;

	qsp_known_hosts_match_wipe(m);
	while (qsp_known_hosts_next(w, &line)) {
		if (line.wrong)
			return QSP_E_INPUT;
		if (!line.is_entry || !qsp_known_hosts_matches(cx, &line, name))
			continue;
		if ((e = get_match(cx, &line, m)) == 0)
			return QSP_OK;
		qsp_known_hosts_match_wipe(m);
		if (e != QSP_E_INPUT && e != QSP_E_UNSUPPORTED)
			return e;
		w->wrong = "the base64 is no key of this type";
		return QSP_E_INPUT;
	}
	return QSP_E_NOTFOUND;
}

static bool
same_key(const struct qsp_key_public *a, const struct qsp_key_public *b)
{
	return qsp_bytes_equal(qsp_bytes(a->blob, a->len), qsp_bytes(b->blob, b->len));
}

qsp_err
qsp_known_hosts_check(const struct qsp_crypto *cx, struct qsp_bytes text, struct qsp_bytes name,
		      const struct qsp_key_public *key, enum qsp_known_hosts_verdict *verdict,
		      struct qsp_known_hosts_match *m)
{
	struct qsp_known_hosts_walk w = { .left = text };
	struct qsp_known_hosts_match one = { 0 };
	qsp_err e;

	qsp_known_hosts_match_wipe(m);
	*verdict = QSP_KNOWN_HOSTS_NEW;
	while ((e = qsp_known_hosts_find(cx, &w, name, &one)) == 0 || e == QSP_E_INPUT) {
		enum qsp_known_hosts_verdict v = QSP_KNOWN_HOSTS_CHANGED;
		bool same = e == 0 && same_key(&one.key, key);

		if (e || (one.revoked && !same))
			continue;
		if (same)
			v = one.revoked ? QSP_KNOWN_HOSTS_REVOKED : QSP_KNOWN_HOSTS_SAME;
		/* revoked outweighs same outweighs changed, and an entry with a secret one without */
		if ((v == QSP_KNOWN_HOSTS_REVOKED && *verdict != v) ||
		    (v == QSP_KNOWN_HOSTS_SAME && *verdict != QSP_KNOWN_HOSTS_REVOKED &&
		     (*verdict != v || (one.has_secret && !m->has_secret))) ||
		    *verdict == QSP_KNOWN_HOSTS_NEW) {
			*verdict = v;
			*m = one;
		}
	}
	qsp_known_hosts_match_wipe(&one);
	return e == QSP_E_NOTFOUND ? QSP_OK : e;
}

static bool
is_better(const struct qsp_known_hosts_match *a, const struct qsp_known_hosts_match *b)
{
	if (a->has_secret != b->has_secret)
		return a->has_secret;
	return a->key.blob[0] > b->key.blob[0]; /* kem ids grow with strength [P1.1] */
}

qsp_err
qsp_known_hosts_contact(const struct qsp_crypto *cx, struct qsp_bytes text, struct qsp_bytes name,
			struct qsp_known_hosts_match *m)
{
	struct qsp_known_hosts_walk w = { .left = text };
	struct qsp_known_hosts_match one = { 0 }, other = { 0 };
	enum qsp_known_hosts_verdict verdict;
	bool some = false;
	qsp_err e;

	qsp_known_hosts_match_wipe(m);
	while ((e = qsp_known_hosts_find(cx, &w, name, &one)) == 0 || e == QSP_E_INPUT) {
		if (e || one.revoked || !qsp_key_type_is_kem(one.key.blob[0]) ||
		    (some && !is_better(&one, m)))
			continue;
		e = qsp_known_hosts_check(cx, text, name, &one.key, &verdict, &other);
		if (e)
			break;
		if (verdict == QSP_KNOWN_HOSTS_REVOKED)
			continue;
		*m = one;
		some = true;
	}
	qsp_known_hosts_match_wipe(&one);
	qsp_known_hosts_match_wipe(&other);
	if (e == QSP_E_NOTFOUND)
		return some ? QSP_OK : QSP_E_NOTFOUND;
	qsp_known_hosts_match_wipe(m);
	return e;
}
