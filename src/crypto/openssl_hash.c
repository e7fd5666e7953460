/* SPDX-License-Identifier: ISC */
/*
 * libcrypto behind hash.h. HMAC is made of two hashes here (RFC 2104): EVP_MAC would cost as much
 * again in parameters, and a handshake makes some sixty of them.
 *
 * SHA-2 goes through libcrypto's own functions, with the state on the stack: EVP's allocations and
 * look-ups would take as long as the hashing of the short strings that a key schedule is made of.
 * OpenSSL 3 calls these functions deprecated. They run the same code as EVP's.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/openssl.h"

#include "base/mem.h"

#include <openssl/sha.h>

#define BLOCK_ROOM 144 /* for the longest block of a hash here, SHA3-256's rate: 136 */

/* A hash at work. */
struct state {
	union {
		SHA256_CTX sha256;
		SHA512_CTX sha384;
		EVP_MD_CTX *evp;
	} u;
};

static bool
sha256_start(const struct qsp_crypto *cx, struct state *s)
{
	(void)cx;
	return SHA256_Init(&s->u.sha256) == 1;
}

static bool
sha256_update(struct state *s, const uint8_t *p, size_t n)
{
	return SHA256_Update(&s->u.sha256, p, n) == 1;
}

static bool
sha256_finish(struct state *s, uint8_t *out)
{
	return SHA256_Final(out, &s->u.sha256) == 1;
}

static bool
sha384_start(const struct qsp_crypto *cx, struct state *s)
{
	(void)cx;
	return SHA384_Init(&s->u.sha384) == 1;
}

static bool
sha384_update(struct state *s, const uint8_t *p, size_t n)
{
	return SHA384_Update(&s->u.sha384, p, n) == 1;
}

static bool
sha384_finish(struct state *s, uint8_t *out)
{
	return SHA384_Final(out, &s->u.sha384) == 1;
}

static bool
sha3_start(const struct qsp_crypto *cx, struct state *s)
{
	s->u.evp = EVP_MD_CTX_new();
	return s->u.evp && EVP_DigestInit_ex2(s->u.evp, cx->md[QSP_HASH_SHA3_256], NULL) == 1;
}

static bool
sha3_update(struct state *s, const uint8_t *p, size_t n)
{
	return EVP_DigestUpdate(s->u.evp, p, n) == 1;
}

static bool
sha3_finish(struct state *s, uint8_t *out)
{
	return EVP_DigestFinal_ex(s->u.evp, out, NULL) == 1;
}

static void
sha256_wipe(struct state *s)
{
	qsp_mem_wipe(&s->u.sha256, sizeof(s->u.sha256));
}

static void
sha384_wipe(struct state *s)
{
	qsp_mem_wipe(&s->u.sha384, sizeof(s->u.sha384));
}

static void
sha3_wipe(struct state *s)
{
	EVP_MD_CTX_free(s->u.evp);
	s->u.evp = NULL;
}

static const struct row {
	uint8_t len, block; /* bytes */
	bool (*start)(const struct qsp_crypto *cx, struct state *s);
	bool (*update)(struct state *s, const uint8_t *p, size_t n);
	bool (*finish)(struct state *s, uint8_t *out);
	void (*wipe)(struct state *s); /* also after a start that failed */
} hashes[QSP_OPENSSL_HASHES] = {
	[QSP_HASH_SHA256] = { 32, 64, sha256_start, sha256_update, sha256_finish, sha256_wipe },
	[QSP_HASH_SHA384] = { 48, 128, sha384_start, sha384_update, sha384_finish, sha384_wipe },
	[QSP_HASH_SHA3_256] = { 32, 136, sha3_start, sha3_update, sha3_finish, sha3_wipe },
};

size_t
qsp_hash_len(enum qsp_hash_id id)
{
	return hashes[id].len;
}

/* start, the head, the parts, finish, wipe */
static bool
digest(const struct qsp_crypto *cx, const struct row *row, struct qsp_bytes head,
       const struct qsp_bytes *parts, size_t n_parts, uint8_t *out)
{
	QSP_UNSET struct state s;
	bool ok = row->start(cx, &s) && (head.n == 0 || row->update(&s, head.p, head.n));

	for (size_t i = 0; ok && i < n_parts; i++)
		ok = parts[i].n == 0 || row->update(&s, parts[i].p, parts[i].n);
	ok = ok && row->finish(&s, out);
	row->wipe(&s);
	return ok;
}

qsp_err
qsp_hash_parts(const struct qsp_crypto *cx, enum qsp_hash_id id, const struct qsp_bytes *parts,
	       size_t n_parts, uint8_t *out)
{
	if (digest(cx, &hashes[id], QSP_BYTES_NONE, parts, n_parts, out))
		return QSP_OK;
	qsp_mem_wipe(out, hashes[id].len);
	return qsp_openssl_failed();
}

qsp_err
qsp_hash_one(const struct qsp_crypto *cx, enum qsp_hash_id id, struct qsp_bytes in, uint8_t *out)
{
	return qsp_hash_parts(cx, id, &in, 1, out);
}

/* --- HMAC ------------------------------------------------------------------------------ */

/* A key, filled up with zeros to a block, under a pad. In vectors, as libcrypto reads it at once:
 * a wide load stalls on narrow stores. */
struct block {
	union {
		uint8_t bytes[BLOCK_ROOM];
		uint64_t __attribute__((vector_size(16))) vectors[BLOCK_ROOM / 16];
	} u;
};

static void
pad_with(const struct row *row, uint8_t pad, struct block *b)
{
	/* the longest block is no multiple: what is behind it is not looked at */
	for (size_t i = 0; i < row->block; i += sizeof(b->u.vectors[0]))
		b->u.vectors[i / sizeof(b->u.vectors[0])] ^= UINT64_C(0x0101010101010101) * pad;
}

static bool
pad_key(const struct qsp_crypto *cx, const struct row *row, struct qsp_bytes key, uint8_t pad,
	struct block *b)
{
	bool ok = true;

	memset(b->u.bytes, 0, row->block);
	if (key.n > row->block)
		ok = digest(cx, row, key, NULL, 0, b->u.bytes);
	else if (key.n > 0)
		memcpy(b->u.bytes, key.p, key.n);
	pad_with(row, pad, b);
	return ok;
}

bool
qsp_openssl_hmac_start(const struct qsp_crypto *cx, enum qsp_hash_id id, struct qsp_bytes key,
		       uint8_t pad, EVP_MD_CTX *c)
{
	const struct row *row = &hashes[id];
	QSP_UNSET struct block b;
	bool ok = pad_key(cx, row, key, pad, &b) && EVP_DigestInit_ex2(c, cx->md[id], NULL) == 1 &&
		  EVP_DigestUpdate(c, b.u.bytes, row->block) == 1;

	qsp_mem_wipe(&b, row->block);
	return ok;
}

qsp_err
qsp_hash_hmac(const struct qsp_crypto *cx, enum qsp_hash_id id, struct qsp_bytes key,
	      const struct qsp_bytes *parts, size_t n_parts, uint8_t *out)
{
	const struct row *row = &hashes[id];
	uint8_t inner[QSP_HASH_MAX];
	struct qsp_bytes rest = { inner, row->len };
	QSP_UNSET struct block b;
	/* key and parts may lie in out, which is written last */
	bool ok = pad_key(cx, row, key, QSP_OPENSSL_IPAD, &b) &&
		  digest(cx, row, qsp_bytes(b.u.bytes, row->block), parts, n_parts, inner);

	if (ok) {
		pad_with(row, QSP_OPENSSL_IPAD ^ QSP_OPENSSL_OPAD, &b);
		ok = digest(cx, row, qsp_bytes(b.u.bytes, row->block), &rest, 1, out);
	}
	qsp_mem_wipe(&b, row->block);
	qsp_mem_wipe(inner, sizeof(inner));
	if (ok)
		return QSP_OK;
	qsp_mem_wipe(out, row->len);
	return qsp_openssl_failed();
}
