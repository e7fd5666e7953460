/* SPDX-License-Identifier: ISC */
/*
 * What the openssl*.c files share; no other file includes this. Everything is fetched once, into
 * a library context of our own, so that no configuration of the machine's OpenSSL reaches us.
 */
#ifndef QSP_CRYPTO_OPENSSL_H
#define QSP_CRYPTO_OPENSSL_H

#include "crypto/aead.h"
#include "crypto/backend.h"
#include "crypto/hash.h"

#include <openssl/evp.h>

#define QSP_OPENSSL_HASHES (QSP_HASH_SHA3_256 + 1)
#define QSP_OPENSSL_AEADS 3

struct qsp_crypto {
	qsp_random_fn random;
	void *random_arg;
	OSSL_LIB_CTX *lib;
	EVP_MD *md[QSP_OPENSSL_HASHES];            /* by enum qsp_hash_id */
	EVP_CIPHER *cipher[QSP_OPENSSL_AEADS + 1]; /* by aead id [P1.1] */
	EVP_SIGNATURE *ml_dsa[2];                  /* 65, 87 */
	struct qsp_ipsecmb *ipsecmb;               /* or NULL */
};

/* QSP_E_CRYPTO, after emptying libcrypto's error queue: what is left there would be taken for an
 * error of somebody else's TLS connection in the same thread. */
qsp_err qsp_openssl_failed(void);

/*
 * Starts a hash with an HMAC key block (RFC 2104) xored with pad: 0x36 for the inner hash, 0x5c
 * for the outer. False on error.
 */
#define QSP_OPENSSL_IPAD 0x36
#define QSP_OPENSSL_OPAD 0x5c
bool qsp_openssl_hmac_start(const struct qsp_crypto *cx, enum qsp_hash_id id, struct qsp_bytes key,
			    uint8_t pad, EVP_MD_CTX *c);

#endif
