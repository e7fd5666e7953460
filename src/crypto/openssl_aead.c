/* SPDX-License-Identifier: ISC */
/*
 * Record ciphers over libcrypto [P2.3]. The key is scheduled once by qsp_aead_ctx_key; a record
 * then costs one IV, and for aead 2 two copies of keyed hash states.
 */
#include "crypto/backend.h"
#include "crypto/openssl.h"

#include "base/ct.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

#define IV_CTR_LEN 16

/* The keyed halves of an HMAC, and the state that a record works on. */
struct hmac {
	EVP_MD_CTX *inner, *outer, *work;
};

struct openssl_ctx {
	struct qsp_aead_ctx head;
	const struct qsp_crypto *cx;
	EVP_CIPHER_CTX *cipher;
	struct hmac mac; /* has_mac only */
};

static struct openssl_ctx *
of(struct qsp_aead_ctx *head)
{
	return (struct openssl_ctx *)head; /* its first member */
}

static void
ctx_free(struct qsp_aead_ctx *head)
{
	struct openssl_ctx *x = of(head);

	EVP_CIPHER_CTX_free(x->cipher);
	EVP_MD_CTX_free(x->mac.inner);
	EVP_MD_CTX_free(x->mac.outer);
	EVP_MD_CTX_free(x->mac.work);
	qsp_mem_wipe_free(x, sizeof(*x));
}

static qsp_err
ctx_key(struct qsp_aead_ctx *head, const struct qsp_aead_keys *keys)
{
	struct openssl_ctx *x = of(head);
	bool ok = EVP_CipherInit_ex2(x->cipher, NULL, keys->enc, NULL, -1, NULL) == 1;

	if (ok && head->row->has_mac) {
		struct qsp_bytes k = QSP_BYTES_OF(keys->mac);

		ok = qsp_openssl_hmac_start(x->cx, QSP_HASH_SHA3_256, k, QSP_OPENSSL_IPAD,
					    x->mac.inner) &&
		     qsp_openssl_hmac_start(x->cx, QSP_HASH_SHA3_256, k, QSP_OPENSSL_OPAD,
					    x->mac.outer);
	}
	return ok ? QSP_OK : qsp_openssl_failed();
}

/* Zeroes what a failed call may have written. */
static void
clear(uint8_t *p, size_t n)
{
	if (n > 0)
		qsp_mem_wipe(p, n);
}

static bool
start(struct openssl_ctx *x, const uint8_t *iv, struct qsp_bytes aad)
{
	int len;

	return aad.n <= INT_MAX && EVP_CipherInit_ex2(x->cipher, NULL, NULL, iv, -1, NULL) == 1 &&
	       (aad.n == 0 || EVP_CipherUpdate(x->cipher, NULL, &len, aad.p, (int)aad.n) == 1);
}

static bool
crypt(struct openssl_ctx *x, const uint8_t *in, size_t n, uint8_t *out)
{
	int len;

	return n == 0 || (n <= INT_MAX && EVP_CipherUpdate(x->cipher, out, &len, in, (int)n) == 1);
}

static qsp_err
aead_seal(struct qsp_aead_ctx *head, const uint8_t nonce[static QSP_AEAD_NONCE_LEN],
	  struct qsp_bytes aad, const uint8_t *pt, size_t n, uint8_t *ct, uint8_t *tag)
{
	struct openssl_ctx *x = of(head);
	uint8_t nothing[16];
	int len;
	OSSL_PARAM get[] = {
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, head->row->tag_len),
		OSSL_PARAM_END,
	};

	if (head->sealing && start(x, nonce, aad) && crypt(x, pt, n, ct) &&
	    EVP_CipherFinal_ex(x->cipher, nothing, &len) == 1 &&
	    EVP_CIPHER_CTX_get_params(x->cipher, get) == 1)
		return QSP_OK;
	clear(ct, n);
	clear(tag, head->row->tag_len);
	return qsp_openssl_failed();
}

/* libcrypto writes the plaintext before it has seen the tag: it is cleared where the tag is bad. */
static qsp_err
aead_open(struct qsp_aead_ctx *head, const uint8_t nonce[static QSP_AEAD_NONCE_LEN],
	  struct qsp_bytes aad, const uint8_t *ct, size_t n, const uint8_t *tag, uint8_t *pt)
{
	struct openssl_ctx *x = of(head);
	uint8_t expected[QSP_AEAD_TAG_MAX], nothing[16];
	int len;
	OSSL_PARAM set[] = {
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, expected, head->row->tag_len),
		OSSL_PARAM_END,
	};

	memcpy(expected, tag, head->row->tag_len);
	if (head->sealing || !start(x, nonce, aad) || !crypt(x, ct, n, pt) ||
	    EVP_CIPHER_CTX_set_params(x->cipher, set) != 1) {
		clear(pt, n);
		return qsp_openssl_failed();
	}
	if (EVP_CipherFinal_ex(x->cipher, nothing, &len) == 1)
		return QSP_OK;
	clear(pt, n);
	(void)qsp_openssl_failed();
	return QSP_E_DECRYPT;
}

/*
 * [P2.3] tag = HMAC-SHA3-256(mac key, aad || nonce || ct). A copy that failed leaves a context that
 * libcrypto would take for a good one the next time: it starts anew then.
 */
static bool
etm_tag(struct openssl_ctx *x, const uint8_t *nonce, struct qsp_bytes aad, const uint8_t *ct,
	size_t n, uint8_t tag[static QSP_AEAD_TAG_MAX])
{
	struct hmac *m = &x->mac;
	uint8_t inner[QSP_AEAD_TAG_MAX];
	bool ok = EVP_MD_CTX_copy_ex(m->work, m->inner) == 1 &&
		  EVP_DigestUpdate(m->work, aad.p, aad.n) == 1 &&
		  EVP_DigestUpdate(m->work, nonce, QSP_AEAD_NONCE_LEN) == 1 &&
		  EVP_DigestUpdate(m->work, ct, n) == 1 &&
		  EVP_DigestFinal_ex(m->work, inner, NULL) == 1 &&
		  EVP_MD_CTX_copy_ex(m->work, m->outer) == 1 &&
		  EVP_DigestUpdate(m->work, inner, sizeof(inner)) == 1 &&
		  EVP_DigestFinal_ex(m->work, tag, NULL) == 1;

	if (!ok)
		(void)EVP_MD_CTX_reset(m->work);
	return ok;
}

/* [P2.3] AES-256-CTR under IV nonce || u32 0 */
static bool
etm_crypt(struct openssl_ctx *x, const uint8_t *nonce, const uint8_t *in, size_t n, uint8_t *out)
{
	uint8_t iv[IV_CTR_LEN] = { 0 };

	memcpy(iv, nonce, QSP_AEAD_NONCE_LEN);
	return start(x, iv, QSP_BYTES_NONE) && crypt(x, in, n, out);
}

static qsp_err
etm_seal(struct qsp_aead_ctx *head, const uint8_t nonce[static QSP_AEAD_NONCE_LEN],
	 struct qsp_bytes aad, const uint8_t *pt, size_t n, uint8_t *ct, uint8_t *tag)
{
	struct openssl_ctx *x = of(head);

	if (head->sealing && etm_crypt(x, nonce, pt, n, ct) && etm_tag(x, nonce, aad, ct, n, tag))
		return QSP_OK;
	clear(ct, n);
	clear(tag, QSP_AEAD_TAG_MAX);
	return qsp_openssl_failed();
}

static qsp_err
etm_open(struct qsp_aead_ctx *head, const uint8_t nonce[static QSP_AEAD_NONCE_LEN],
	 struct qsp_bytes aad, const uint8_t *ct, size_t n, const uint8_t *tag, uint8_t *pt)
{
	struct openssl_ctx *x = of(head);
	uint8_t right[QSP_AEAD_TAG_MAX];
	qsp_err e = QSP_E_DECRYPT;

	if (head->sealing || !etm_tag(x, nonce, aad, ct, n, right))
		e = qsp_openssl_failed();
	else if (qsp_ct_equal(right, tag, sizeof(right)))
		e = etm_crypt(x, nonce, ct, n, pt) ? QSP_OK : qsp_openssl_failed();
	if (e)
		clear(pt, n);
	return e;
}

static const struct qsp_aead_ops aead_ops = { ctx_key, aead_seal, aead_open, ctx_free };
static const struct qsp_aead_ops etm_ops = { ctx_key, etm_seal, etm_open, ctx_free };

qsp_err
qsp_openssl_aead_new(const struct qsp_crypto *cx, const struct qsp_aead *a, bool sealing,
		     struct qsp_aead_ctx **out)
{
	struct openssl_ctx *x = qsp_mem_alloc(sizeof(*x));

	*out = NULL;
	if (!x)
		return QSP_E_NOMEM;
	x->head = (struct qsp_aead_ctx){ a->has_mac ? &etm_ops : &aead_ops, a, sealing };
	x->cx = cx;
	x->cipher = EVP_CIPHER_CTX_new();
	if (a->has_mac) {
		x->mac.inner = EVP_MD_CTX_new();
		x->mac.outer = EVP_MD_CTX_new();
		x->mac.work = EVP_MD_CTX_new();
	}
	if (!x->cipher || (a->has_mac && (!x->mac.inner || !x->mac.outer || !x->mac.work))) {
		ctx_free(&x->head);
		(void)qsp_openssl_failed();
		return QSP_E_NOMEM;
	}
	/* sealing matters to GCM and Poly1305 alone: CTR is its own inverse */
	if (EVP_CipherInit_ex2(x->cipher, cx->cipher[a->id], NULL, NULL, sealing, NULL) != 1) {
		ctx_free(&x->head);
		return qsp_openssl_failed();
	}
	*out = &x->head;
	return QSP_OK;
}

qsp_err
qsp_aead_ctr_xor(const struct qsp_crypto *cx, const uint8_t key[static 32], uint8_t *data, size_t n)
{
	static const uint8_t iv[IV_CTR_LEN];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len;
	bool ok = c && n <= INT_MAX && EVP_EncryptInit_ex2(c, cx->cipher[2], key, iv, NULL) == 1 &&
		  (n == 0 || EVP_EncryptUpdate(c, data, &len, data, (int)n) == 1);

	EVP_CIPHER_CTX_free(c);
	if (ok)
		return QSP_OK;
	clear(data, n);
	return qsp_openssl_failed();
}
