/* SPDX-License-Identifier: ISC */
/* The cryptographic context: libcrypto behind key.h's first part and rand.h. */
#include "crypto/openssl.h"

#include "base/mem.h"
#include "crypto/rand.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

static const char *const hashes[QSP_OPENSSL_HASHES] = {
	[QSP_HASH_SHA256] = "SHA2-256",
	[QSP_HASH_SHA384] = "SHA2-384",
	[QSP_HASH_SHA3_256] = "SHA3-256",
};

static const char *const ciphers[QSP_OPENSSL_AEADS + 1] = {
	[1] = "AES-256-GCM",
	[2] = "AES-256-CTR",
	[3] = "ChaCha20-Poly1305",
};

qsp_err
qsp_openssl_failed(void)
{
	ERR_clear_error();
	return QSP_E_CRYPTO;
}

static bool
fetch_all(struct qsp_crypto *cx)
{
	for (int i = 0; i < QSP_OPENSSL_HASHES; i++)
		if (!(cx->md[i] = EVP_MD_fetch(cx->lib, hashes[i], NULL)))
			return false;
	for (int i = 1; i <= QSP_OPENSSL_AEADS; i++)
		if (!(cx->cipher[i] = EVP_CIPHER_fetch(cx->lib, ciphers[i], NULL)))
			return false;
	cx->ml_dsa[0] = EVP_SIGNATURE_fetch(cx->lib, "ML-DSA-65", NULL);
	cx->ml_dsa[1] = EVP_SIGNATURE_fetch(cx->lib, "ML-DSA-87", NULL);
	return cx->ml_dsa[0] && cx->ml_dsa[1];
}

/* The algorithms that are used by name only: their absence shows here and not in a handshake. */
static bool
has_all(const struct qsp_crypto *cx)
{
	static const char *const names[] = { "ML-KEM-768", "ML-KEM-1024", "X25519" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		EVP_KEYMGMT *m = EVP_KEYMGMT_fetch(cx->lib, names[i], NULL);

		if (!m)
			return false;
		EVP_KEYMGMT_free(m);
	}
	return true;
}

qsp_err
qsp_crypto_new(qsp_random_fn fn, void *arg, struct qsp_crypto **out)
{
	struct qsp_crypto *cx = qsp_mem_alloc(sizeof(*cx));

	*out = NULL;
	if (!cx)
		return QSP_E_NOMEM;
	cx->random = fn ? fn : qsp_rand_system;
	cx->random_arg = arg;
	cx->lib = OSSL_LIB_CTX_new();
	if (!cx->lib || !fetch_all(cx) || !has_all(cx)) {
		qsp_crypto_free(cx);
		return qsp_openssl_failed();
	}
	cx->ipsecmb = qsp_ipsecmb_new();
	*out = cx;
	return QSP_OK;
}

const struct qsp_ipsecmb *
qsp_openssl_ipsecmb(const struct qsp_crypto *cx)
{
	return cx->ipsecmb;
}

void
qsp_crypto_free(struct qsp_crypto *cx)
{
	if (!cx)
		return;
	for (int i = 0; i < QSP_OPENSSL_HASHES; i++)
		EVP_MD_free(cx->md[i]);
	for (int i = 1; i <= QSP_OPENSSL_AEADS; i++)
		EVP_CIPHER_free(cx->cipher[i]);
	EVP_SIGNATURE_free(cx->ml_dsa[0]);
	EVP_SIGNATURE_free(cx->ml_dsa[1]);
	OSSL_LIB_CTX_free(cx->lib);
	qsp_ipsecmb_free(cx->ipsecmb);
	qsp_mem_free(cx);
}

const char *
qsp_crypto_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}

qsp_err
qsp_rand_bytes(const struct qsp_crypto *cx, uint8_t *out, size_t n)
{
	if (cx->random(cx->random_arg, out, n) == QSP_OK)
		return QSP_OK;
	qsp_mem_wipe(out, n);
	return QSP_E_RNG;
}

qsp_err
qsp_rand_system(void *unused, uint8_t *out, size_t n)
{
	(void)unused;
	if (RAND_priv_bytes_ex(NULL, out, n, 256) == 1)
		return QSP_OK;
	ERR_clear_error();
	qsp_mem_wipe(out, n);
	return QSP_E_RNG;
}
