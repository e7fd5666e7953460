/* SPDX-License-Identifier: ISC */
/*
 * What the tables of aead.c call in openssl_aead.c; the contract of seal and open is in aead.h.
 */
#ifndef QSP_CRYPTO_BACKEND_H
#define QSP_CRYPTO_BACKEND_H

#include "crypto/aead.h"

/* AES-256-GCM and ChaCha20-Poly1305 (RFC 5116, RFC 8439). */
qsp_err qsp_openssl_aead_seal(struct qsp_aead_ctx *x,
			      const uint8_t nonce[static QSP_AEAD_NONCE_LEN], struct qsp_bytes aad,
			      const uint8_t *pt, size_t n, uint8_t *ct, uint8_t *tag);
qsp_err qsp_openssl_aead_open(struct qsp_aead_ctx *x,
			      const uint8_t nonce[static QSP_AEAD_NONCE_LEN], struct qsp_bytes aad,
			      const uint8_t *ct, size_t n, const uint8_t *tag, uint8_t *pt);

/* AES-256-CTR, then HMAC-SHA3-256 [P2.3]. */
qsp_err qsp_openssl_etm_seal(struct qsp_aead_ctx *x, const uint8_t nonce[static QSP_AEAD_NONCE_LEN],
			     struct qsp_bytes aad, const uint8_t *pt, size_t n, uint8_t *ct,
			     uint8_t *tag);
qsp_err qsp_openssl_etm_open(struct qsp_aead_ctx *x, const uint8_t nonce[static QSP_AEAD_NONCE_LEN],
			     struct qsp_bytes aad, const uint8_t *ct, size_t n, const uint8_t *tag,
			     uint8_t *pt);

#endif
