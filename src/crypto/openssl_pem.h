/* SPDX-License-Identifier: ISC */
/*
 * One private key of libcrypto's as PKCS#8 in DER, for pem.c, which puts blocks and keys together.
 */
#ifndef QSP_CRYPTO_OPENSSL_PEM_H
#define QSP_CRYPTO_OPENSSL_PEM_H

#include "crypto/crypto.h"

enum qsp_openssl_pem_alg {
	QSP_OPENSSL_PEM_X25519,
	QSP_OPENSSL_PEM_ML_KEM_768,
	QSP_OPENSSL_PEM_ML_KEM_1024,
	QSP_OPENSSL_PEM_ML_DSA_65,
	QSP_OPENSSL_PEM_ML_DSA_87,
	QSP_OPENSSL_PEM_ALGS /* their number */
};

#define QSP_OPENSSL_PEM_SECRET_MAX 64
#define QSP_OPENSSL_PEM_DER_MAX 6144 /* the seed and the expanded key of ML-DSA-87, encrypted */

/* Bytes of an algorithm's secret: the private key of X25519, else the seed. */
size_t qsp_openssl_pem_secret_len(enum qsp_openssl_pem_alg alg);

/*
 * PKCS#8 of a secret into der[0..*n); *n is the room on entry. Encrypted where passphrase is not
 * empty. The caller wipes der.
 */
QSP_MUST_USE qsp_err qsp_openssl_pem_put(const struct qsp_crypto *cx, enum qsp_openssl_pem_alg alg,
					 const uint8_t *secret, struct qsp_bytes passphrase,
					 uint8_t *der, size_t *n);

/*
 * The algorithm and secret in PKCS#8, which is encrypted as the caller says (its PEM label does).
 * Errors as qsp_pem_get; on error secret is zeroed.
 */
QSP_MUST_USE qsp_err qsp_openssl_pem_get(const struct qsp_crypto *cx, struct qsp_bytes der,
					 bool encrypted, struct qsp_bytes passphrase,
					 enum qsp_openssl_pem_alg *alg,
					 uint8_t secret[static QSP_OPENSSL_PEM_SECRET_MAX]);

#endif
