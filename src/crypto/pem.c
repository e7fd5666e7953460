/* SPDX-License-Identifier: ISC */
/*
 * The text around PKCS#8: PEM blocks (RFC 7468), strictly, and which of them make a key of ours. The
 * seed of a key (qsp_key_new) is the secrets of its blocks one behind the other.
 */
#include "crypto/pem.h"

#include "base/mem.h"
#include "base/text.h"
#include "crypto/openssl_pem.h"

#define PARTS_MAX 2
#define LINE_LEN 64

static const char plain_label[] = "PRIVATE KEY";
static const char encrypted_label[] = "ENCRYPTED PRIVATE KEY";

/* The blocks of each key type. */
static const struct shape {
	uint8_t type;
	uint8_t n;
	enum qsp_openssl_pem_alg part[PARTS_MAX];
} shapes[] = {
	{ QSP_KEY_MLKEM768X25519, 2, { QSP_OPENSSL_PEM_X25519, QSP_OPENSSL_PEM_ML_KEM_768 } },
	{ QSP_KEY_MLKEM1024X25519, 2, { QSP_OPENSSL_PEM_X25519, QSP_OPENSSL_PEM_ML_KEM_1024 } },
	{ QSP_KEY_ML_DSA_65, 1, { QSP_OPENSSL_PEM_ML_DSA_65 } },
	{ QSP_KEY_ML_DSA_87, 1, { QSP_OPENSSL_PEM_ML_DSA_87 } },
};
#define SHAPES (sizeof(shapes) / sizeof(*shapes))

/* --- writing --------------------------------------------------------------------------- */

struct text {
	char *p;
	size_t n, cap;
	bool full;
};

static void
put(struct text *t, const char *s, size_t n)
{
	if (t->full || n > t->cap - t->n) {
		t->full = true;
		return;
	}
	memcpy(t->p + t->n, s, n);
	t->n += n;
}

static void
put_edge(struct text *t, const char *edge, const char *label)
{
	put(t, edge, strlen(edge));
	put(t, label, strlen(label));
	put(t, "-----\n", 6);
}

static void
put_block(struct text *t, const char *label, struct qsp_bytes der)
{
	char base64[QSP_TEXT_BASE64_LEN(QSP_OPENSSL_PEM_DER_MAX) + 1];
	size_t len;

	qsp_text_base64(der, true, base64);
	len = strlen(base64);
	put_edge(t, "-----BEGIN ", label);
	for (size_t i = 0; i < len; i += LINE_LEN) {
		put(t, base64 + i, len - i < LINE_LEN ? len - i : LINE_LEN);
		put(t, "\n", 1);
	}
	put_edge(t, "-----END ", label);
	qsp_mem_wipe(base64, sizeof(base64));
}

static const struct shape *
shape_of_type(uint8_t type)
{
	for (size_t i = 0; i < SHAPES; i++)
		if (shapes[i].type == type)
			return &shapes[i];
	return NULL;
}

qsp_err
qsp_pem_put(const struct qsp_crypto *cx, const struct qsp_key *key, struct qsp_bytes passphrase,
	    char *out, size_t *n)
{
	const struct shape *shape = shape_of_type(qsp_key_get_public(key)->blob[0]);
	uint8_t seed[QSP_KEY_SEED_MAX], der[QSP_OPENSSL_PEM_DER_MAX];
	struct text t = { .p = out, .cap = *n };
	const uint8_t *secret = seed;
	qsp_err e = QSP_OK;

	*n = 0;
	if (!shape)
		return QSP_E_UNSUPPORTED;
	if (passphrase.n > QSP_PEM_PASSPHRASE_MAX)
		return QSP_E_INPUT;
	qsp_key_get_seed(key, seed);
	for (size_t i = 0; i < shape->n; i++) {
		size_t len = sizeof(der);

		e = qsp_openssl_pem_put(cx, shape->part[i], secret, passphrase, der, &len);
		if (e)
			goto out;
		put_block(&t, passphrase.n > 0 ? encrypted_label : plain_label,
			  qsp_bytes(der, len));
		secret += qsp_openssl_pem_secret_len(shape->part[i]);
	}
	e = t.full ? QSP_E_ROOM : QSP_OK;
out:
	if (e)
		qsp_mem_wipe(out, t.cap);
	else
		*n = t.n;
	qsp_mem_wipe(seed, sizeof(seed));
	qsp_mem_wipe(der, sizeof(der));
	return e;
}

/* --- reading --------------------------------------------------------------------------- */

/* Takes the next line from *text, without its end and without white space behind it. */
static struct qsp_bytes
take_line(struct qsp_bytes *text)
{
	const uint8_t *end = text->n > 0 ? memchr(text->p, '\n', text->n) : NULL;
	struct qsp_bytes line = { text->p, end ? (size_t)(end - text->p) : text->n };

	*text = qsp_bytes_from(*text, end ? line.n + 1 : line.n);
	while (line.n > 0 && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' ' ||
			      line.p[line.n - 1] == '\t'))
		line.n--;
	return line;
}

static bool
is_edge(struct qsp_bytes line, const char *edge, const char *label)
{
	size_t a = strlen(edge), b = strlen(label);

	return line.n == a + b + 5 && qsp_bytes_is(qsp_bytes(line.p, a), edge) &&
	       qsp_bytes_is(qsp_bytes(line.p + a, b), label) &&
	       qsp_bytes_is(qsp_bytes_from(line, a + b), "-----");
}

/* Skips blank lines. */
static void
skip_blank(struct qsp_bytes *text)
{
	for (;;) {
		struct qsp_bytes rest = *text;

		if (rest.n == 0 || take_line(&rest).n > 0)
			return;
		*text = rest;
	}
}

bool
qsp_pem_looks_like(struct qsp_bytes text, bool *encrypted)
{
	struct qsp_bytes line;

	skip_blank(&text);
	line = take_line(&text);
	*encrypted = is_edge(line, "-----BEGIN ", encrypted_label);
	return *encrypted || is_edge(line, "-----BEGIN ", plain_label);
}

/* Takes one block from *text. */
static qsp_err
get_block(struct qsp_bytes *text, bool *encrypted, uint8_t *der, size_t *n)
{
	char base64[QSP_TEXT_BASE64_LEN(QSP_OPENSSL_PEM_DER_MAX)];
	struct qsp_bytes line;
	size_t len = 0;
	qsp_err e = QSP_E_INPUT;

	if (!qsp_pem_looks_like(*text, encrypted))
		return QSP_E_INPUT;
	skip_blank(text);
	(void)take_line(text);
	while (text->n > 0) {
		line = take_line(text);
		if (is_edge(line, "-----END ", *encrypted ? encrypted_label : plain_label)) {
			e = qsp_text_unbase64(qsp_bytes(base64, len), der, n);
			break;
		}
		if (line.n == 0 || line.n > sizeof(base64) - len)
			break;
		memcpy(base64 + len, line.p, line.n);
		len += line.n;
	}
	qsp_mem_wipe(base64, sizeof(base64));
	return e == QSP_E_ROOM ? QSP_E_INPUT : e;
}

struct parts {
	size_t n;
	bool encrypted;
	uint8_t der[PARTS_MAX][QSP_OPENSSL_PEM_DER_MAX];
	size_t der_len[PARTS_MAX];
	enum qsp_openssl_pem_alg alg[PARTS_MAX];
	uint8_t secret[PARTS_MAX][QSP_OPENSSL_PEM_SECRET_MAX];
};

/* All blocks, before anything is decrypted: a truncated file asks for no passphrase. */
static qsp_err
get_blocks(struct qsp_bytes text, struct parts *parts)
{
	do {
		size_t i = parts->n, len = QSP_OPENSSL_PEM_DER_MAX;
		bool encrypted;

		if (i == PARTS_MAX || get_block(&text, &encrypted, parts->der[i], &len) != 0)
			return QSP_E_INPUT;
		if (i > 0 && encrypted != parts->encrypted)
			return QSP_E_INPUT;
		parts->encrypted = encrypted;
		parts->der_len[i] = len;
		parts->n++;
		skip_blank(&text);
	} while (text.n > 0);
	return QSP_OK;
}

static qsp_err
open_blocks(const struct qsp_crypto *cx, struct qsp_bytes passphrase, struct parts *parts)
{
	for (size_t i = 0; i < parts->n; i++) {
		struct qsp_bytes der = { parts->der[i], parts->der_len[i] };
		qsp_err e = qsp_openssl_pem_get(cx, der, parts->encrypted, passphrase,
						&parts->alg[i], parts->secret[i]);

		if (e == QSP_E_PASSPHRASE && i > 0)
			return QSP_E_INPUT; /* it was right for the block before */
		if (e)
			return e;
	}
	return QSP_OK;
}

static const struct shape *
shape_of_parts(const struct parts *parts)
{
	for (size_t i = 0; i < SHAPES; i++) {
		size_t k = 0;

		while (k < parts->n && k < shapes[i].n && parts->alg[k] == shapes[i].part[k])
			k++;
		if (k == parts->n && k == shapes[i].n)
			return &shapes[i];
	}
	return NULL;
}

static qsp_err
key_of_parts(const struct qsp_crypto *cx, const struct parts *parts, struct qsp_key **out)
{
	const struct shape *shape = shape_of_parts(parts);
	uint8_t seed[PARTS_MAX * QSP_OPENSSL_PEM_SECRET_MAX];
	size_t n = 0;
	qsp_err e;

	if (!shape)
		return QSP_E_INPUT;
	for (size_t i = 0; i < parts->n; i++) {
		size_t len = qsp_openssl_pem_secret_len(parts->alg[i]);

		memcpy(seed + n, parts->secret[i], len);
		n += len;
	}
	e = qsp_key_new(cx, shape->type, qsp_bytes(seed, n), out);
	qsp_mem_wipe(seed, sizeof(seed));
	return e;
}

qsp_err
qsp_pem_get(const struct qsp_crypto *cx, struct qsp_bytes text, struct qsp_bytes passphrase,
	    const struct qsp_key_public *expect, struct qsp_key **out)
{
	struct parts parts = { 0 };
	const struct qsp_key_public *pub;
	qsp_err e = QSP_E_INPUT;

	*out = NULL;
	if (text.n > QSP_PEM_MAX)
		return QSP_E_INPUT;
	if (passphrase.n > QSP_PEM_PASSPHRASE_MAX)
		return QSP_E_PASSPHRASE;
	if ((e = get_blocks(text, &parts)) != 0 || (e = open_blocks(cx, passphrase, &parts)) != 0 ||
	    (e = key_of_parts(cx, &parts, out)) != 0)
		goto out;
	pub = qsp_key_get_public(*out);
	if (expect && !qsp_bytes_equal(qsp_bytes(pub->blob, pub->len),
				       qsp_bytes(expect->blob, expect->len))) {
		qsp_key_free(*out);
		*out = NULL;
		e = QSP_E_INPUT;
	}
out:
	qsp_mem_wipe(&parts, sizeof(parts));
	return e;
}
