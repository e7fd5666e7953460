/* SPDX-License-Identifier: ISC */
/*
 * HKDF (RFC 5869) over the hashes of hash.h.
 */
#ifndef QSP_CRYPTO_KDF_H
#define QSP_CRYPTO_KDF_H

#include "crypto/hash.h"

/* prk = HKDF-Extract(salt, ikm); out holds qsp_hash_len(id). ikm may come in parts. */
QSP_MUST_USE qsp_err qsp_kdf_extract(const struct qsp_crypto *cx, enum qsp_hash_id id,
				     struct qsp_bytes salt, const struct qsp_bytes *ikm,
				     size_t n_ikm, uint8_t *out);

/*
 * out = HKDF-Expand(prk, info, n); info may come in up to QSP_KDF_INFO_MAX parts; n <= 255 * hash
 * length. QSP_E_INPUT beyond either.
 */
#define QSP_KDF_INFO_MAX 6
QSP_MUST_USE qsp_err qsp_kdf_expand(const struct qsp_crypto *cx, enum qsp_hash_id id,
				    struct qsp_bytes prk, const struct qsp_bytes *info,
				    size_t n_info, uint8_t *out, size_t n);

/*
 * scrypt (RFC 7914) of a passphrase, with N = 2^14, r = 8, p = 1: 16 MiB and some 50 ms. QSP_E_CRYPTO
 * where there is no such memory.
 */
QSP_MUST_USE qsp_err qsp_kdf_scrypt(const struct qsp_crypto *cx, struct qsp_bytes passphrase,
				    struct qsp_bytes salt, uint8_t *out, size_t n);

#endif
