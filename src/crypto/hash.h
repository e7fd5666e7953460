/* SPDX-License-Identifier: ISC */
/*
 * Hashes and HMAC. Inputs come as a list of parts, hashed as if concatenated.
 * Source: FIPS 180-4, FIPS 202, RFC 2104.
 */
#ifndef QSP_CRYPTO_HASH_H
#define QSP_CRYPTO_HASH_H

#include "crypto/crypto.h"

enum qsp_hash_id {
	QSP_HASH_SHA256,
	QSP_HASH_SHA384,
	QSP_HASH_SHA3_256,
};

#define QSP_HASH_MAX 48

/* Length of the output in bytes: 32, 48, 32. */
size_t qsp_hash_len(enum qsp_hash_id id);

/* out holds qsp_hash_len(id); QSP_E_CRYPTO, out zeroed. */
QSP_MUST_USE qsp_err qsp_hash_parts(const struct qsp_crypto *cx, enum qsp_hash_id id,
				    const struct qsp_bytes *parts, size_t n_parts, uint8_t *out);

/* HMAC under key over the parts. */
QSP_MUST_USE qsp_err qsp_hash_hmac(const struct qsp_crypto *cx, enum qsp_hash_id id,
				   struct qsp_bytes key, const struct qsp_bytes *parts,
				   size_t n_parts, uint8_t *out);

/* One input, not a list. */
QSP_MUST_USE qsp_err qsp_hash_one(const struct qsp_crypto *cx, enum qsp_hash_id id,
				  struct qsp_bytes in, uint8_t *out);

#endif
