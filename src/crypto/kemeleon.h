/* SPDX-License-Identifier: ISC */
/*
 * Kemeleon, the non-rejecting variant (draft-irtf-cfrg-kemeleon) with the byte order of [P4.1]:
 * ML-KEM keys and ciphertexts as uniform strings. What is encoded is public, or masked by keys
 * that do not depend on it; time may depend on it.
 */
#ifndef QSP_CRYPTO_KEMELEON_H
#define QSP_CRYPTO_KEMELEON_H

#include "crypto/kem.h"

#define QSP_KEMELEON_POLY_LEN 384 /* bytes of one encoded polynomial */
#define QSP_KEMELEON_N 256        /* coefficients of one */

/* out[0..ek_len) from a key that passed the modulus check, and back (every string decodes). */
QSP_MUST_USE qsp_err qsp_kemeleon_put_ek(const struct qsp_crypto *cx, const struct qsp_kem *kem,
					 const uint8_t *ek, uint8_t *out);
void qsp_kemeleon_get_ek(const struct qsp_kem *kem, const uint8_t *in, uint8_t *ek);

/* out[0..slot_len) from a ciphertext of ct_len bytes, and back (every string decodes). */
QSP_MUST_USE qsp_err qsp_kemeleon_put_ct(const struct qsp_crypto *cx, const struct qsp_kem *kem,
					 const uint8_t *ct, uint8_t *out);
void qsp_kemeleon_get_ct(const struct qsp_kem *kem, const uint8_t *in, uint8_t *ct);

/*
 * The pieces, with the random choices as arguments (known-answer tests use them).
 * m is little-endian, 10 bytes hold any legal value; QSP_E_INPUT where m is over the bound
 * floor((2^3072 - 1 - r) / q^256).
 */
#define QSP_KEMELEON_M_LEN 10
QSP_MUST_USE qsp_err qsp_kemeleon_put_poly(const uint16_t a[static QSP_KEMELEON_N],
					   const uint8_t m[static QSP_KEMELEON_M_LEN],
					   uint8_t out[static QSP_KEMELEON_POLY_LEN]);
void qsp_kemeleon_get_poly(const uint8_t in[static QSP_KEMELEON_POLY_LEN],
			   uint16_t a[static QSP_KEMELEON_N]);

/* FIPS 203, 4.2.1: Compress_d and Decompress_d of one coefficient. */
uint16_t qsp_kemeleon_compress(uint16_t x, unsigned d);
uint16_t qsp_kemeleon_decompress(uint16_t y, unsigned d);

/* The preimages of y under Compress_d are a cyclic interval: its first element and their number. */
void qsp_kemeleon_preimages(uint16_t y, unsigned d, uint16_t *first, uint16_t *count);

#endif
