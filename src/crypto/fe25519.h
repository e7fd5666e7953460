/* SPDX-License-Identifier: ISC */
/*
 * The field of 2^255 - 19 in five limbs of 51 bits, for elligator2.c. For public values: no
 * operation branches on them, but nobody has checked that for secrets.
 */
#ifndef QSP_CRYPTO_FE25519_H
#define QSP_CRYPTO_FE25519_H

#include "base/bytes.h"

#define QSP_FE25519_LEN 32

/* An element; limbs below 2^52 between operations. */
struct qsp_fe25519 {
	uint64_t v[5];
};

/* From little-endian bytes, of which bit 255 is ignored; to the one canonical encoding. */
struct qsp_fe25519 qsp_fe25519_get(const uint8_t in[static QSP_FE25519_LEN]);
void qsp_fe25519_put(struct qsp_fe25519 a, uint8_t out[static QSP_FE25519_LEN]);

struct qsp_fe25519 qsp_fe25519_add(struct qsp_fe25519 a, struct qsp_fe25519 b);
struct qsp_fe25519 qsp_fe25519_sub(struct qsp_fe25519 a, struct qsp_fe25519 b);
struct qsp_fe25519 qsp_fe25519_negate(struct qsp_fe25519 a);
struct qsp_fe25519 qsp_fe25519_mul(struct qsp_fe25519 a, struct qsp_fe25519 b);
struct qsp_fe25519 qsp_fe25519_square(struct qsp_fe25519 a);
struct qsp_fe25519 qsp_fe25519_small(uint32_t n);

bool qsp_fe25519_is_zero(struct qsp_fe25519 a);
/* The one of a and -a that is <= (p-1)/2. */
struct qsp_fe25519 qsp_fe25519_abs(struct qsp_fe25519 a);

/*
 * One exponentiation gives all: true where x is a square, then *root = 1/sqrt(x), of either sign;
 * *inverse = 1/x in both cases. Either may be NULL. For x = 0 true, and zeros.
 */
bool qsp_fe25519_invsqrt(struct qsp_fe25519 x, struct qsp_fe25519 *root,
			 struct qsp_fe25519 *inverse);

#endif
