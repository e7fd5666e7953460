/* SPDX-License-Identifier: ISC */
/*
 * Arithmetic modulo p = 2^255 - 19. Sums stay unreduced within a limb; what leaves a function
 * has been carried once, so that limbs are below 2^52 and products of two fit 128 bits.
 */
#include "crypto/fe25519.h"

#define MASK ((UINT64_C(1) << 51) - 1)

typedef unsigned __int128 u128;

/* sqrt(-1) = 2^((p-1)/4) */
static const struct qsp_fe25519 sqrt_minus_1 = { {
	0x61b274a0ea0b0,
	0x0d5a5fc8f189d,
	0x7ef5e9cbd0c60,
	0x78595a6804c9e,
	0x2b8324804fc1d,
} };

static struct qsp_fe25519
carry(struct qsp_fe25519 a)
{
	uint64_t c = 0;

	for (int i = 0; i < 5; i++) {
		a.v[i] += c;
		c = a.v[i] >> 51;
		a.v[i] &= MASK;
	}
	a.v[0] += 19 * c;
	return a;
}

static uint64_t
load64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

struct qsp_fe25519
qsp_fe25519_get(const uint8_t in[static QSP_FE25519_LEN])
{
	return (struct qsp_fe25519){ {
		load64(in) & MASK,
		load64(in + 6) >> 3 & MASK,
		load64(in + 12) >> 6 & MASK,
		load64(in + 19) >> 1 & MASK,
		load64(in + 24) >> 12 & MASK,
	} };
}

void
qsp_fe25519_put(struct qsp_fe25519 a, uint8_t out[static QSP_FE25519_LEN])
{
	uint64_t q = 19, w[4];

	a = carry(carry(a));
	/* q = 1 where a >= p, as then a + 19 reaches 2^255 */
	for (int i = 0; i < 5; i++)
		q = (a.v[i] + q) >> 51;
	a.v[0] += 19 * q;
	for (int i = 0; i < 4; i++) {
		a.v[i + 1] += a.v[i] >> 51;
		a.v[i] &= MASK;
	}
	a.v[4] &= MASK;
	w[0] = a.v[0] | a.v[1] << 51;
	w[1] = a.v[1] >> 13 | a.v[2] << 38;
	w[2] = a.v[2] >> 26 | a.v[3] << 25;
	w[3] = a.v[3] >> 39 | a.v[4] << 12;
	for (int i = 0; i < QSP_FE25519_LEN; i++)
		out[i] = (uint8_t)(w[i / 8] >> 8 * (i % 8));
}

struct qsp_fe25519
qsp_fe25519_add(struct qsp_fe25519 a, struct qsp_fe25519 b)
{
	for (int i = 0; i < 5; i++)
		a.v[i] += b.v[i];
	return carry(a);
}

/* a + 4p - b: no limb goes below zero. */
struct qsp_fe25519
qsp_fe25519_sub(struct qsp_fe25519 a, struct qsp_fe25519 b)
{
	for (int i = 0; i < 5; i++)
		a.v[i] += 4 * (i == 0 ? MASK - 18 : MASK) - b.v[i];
	return carry(a);
}

struct qsp_fe25519
qsp_fe25519_negate(struct qsp_fe25519 a)
{
	return qsp_fe25519_sub(qsp_fe25519_small(0), a);
}

struct qsp_fe25519
qsp_fe25519_small(uint32_t n)
{
	return (struct qsp_fe25519){ { n } };
}

/* Carries a product's columns; 2^255 = 19. */
static struct qsp_fe25519
reduce(u128 r0, u128 r1, u128 r2, u128 r3, u128 r4)
{
	struct qsp_fe25519 r;

	r1 += r0 >> 51;
	r2 += r1 >> 51;
	r3 += r2 >> 51;
	r4 += r3 >> 51;
	r.v[0] = ((uint64_t)r0 & MASK) + 19 * (uint64_t)(r4 >> 51);
	r.v[1] = ((uint64_t)r1 & MASK) + (r.v[0] >> 51);
	r.v[0] &= MASK;
	r.v[2] = (uint64_t)r2 & MASK;
	r.v[3] = (uint64_t)r3 & MASK;
	r.v[4] = (uint64_t)r4 & MASK;
	return r;
}

struct qsp_fe25519
qsp_fe25519_mul(struct qsp_fe25519 a, struct qsp_fe25519 b)
{
	uint64_t a0 = a.v[0], a1 = a.v[1], a2 = a.v[2], a3 = a.v[3], a4 = a.v[4];
	uint64_t b0 = b.v[0], b1 = b.v[1], b2 = b.v[2], b3 = b.v[3], b4 = b.v[4];
	uint64_t c1 = 19 * b1, c2 = 19 * b2, c3 = 19 * b3, c4 = 19 * b4;

	return reduce((u128)a0 * b0 + (u128)a1 * c4 + (u128)a2 * c3 + (u128)a3 * c2 + (u128)a4 * c1,
		      (u128)a0 * b1 + (u128)a1 * b0 + (u128)a2 * c4 + (u128)a3 * c3 + (u128)a4 * c2,
		      (u128)a0 * b2 + (u128)a1 * b1 + (u128)a2 * b0 + (u128)a3 * c4 + (u128)a4 * c3,
		      (u128)a0 * b3 + (u128)a1 * b2 + (u128)a2 * b1 + (u128)a3 * b0 + (u128)a4 * c4,
		      (u128)a0 * b4 + (u128)a1 * b3 + (u128)a2 * b2 + (u128)a3 * b1 +
			      (u128)a4 * b0);
}

static inline struct qsp_fe25519
square(struct qsp_fe25519 a)
{
	uint64_t a0 = a.v[0], a1 = a.v[1], a2 = a.v[2], a3 = a.v[3], a4 = a.v[4];
	uint64_t d0 = 2 * a0, d1 = 2 * a1, c3 = 19 * a3, c4 = 19 * a4;

	return reduce((u128)a0 * a0 + (u128)(2 * a1) * c4 + (u128)(2 * a2) * c3,
		      (u128)d0 * a1 + (u128)(2 * a2) * c4 + (u128)a3 * c3,
		      (u128)d0 * a2 + (u128)a1 * a1 + (u128)(2 * a3) * c4,
		      (u128)d0 * a3 + (u128)d1 * a2 + (u128)a4 * c4,
		      (u128)d0 * a4 + (u128)d1 * a3 + (u128)a2 * a2);
}

struct qsp_fe25519
qsp_fe25519_square(struct qsp_fe25519 a)
{
	return square(a);
}

static struct qsp_fe25519
square_n(struct qsp_fe25519 a, int n)
{
	while (n-- > 0)
		a = square(a);
	return a;
}

static bool
equal(struct qsp_fe25519 a, struct qsp_fe25519 b)
{
	return qsp_fe25519_is_zero(qsp_fe25519_sub(a, b));
}

bool
qsp_fe25519_is_zero(struct qsp_fe25519 a)
{
	uint8_t b[QSP_FE25519_LEN], any = 0;

	qsp_fe25519_put(a, b);
	for (int i = 0; i < QSP_FE25519_LEN; i++)
		any |= b[i];
	return any == 0;
}

/* 2a mod p is even exactly for a <= (p-1)/2, as otherwise it is 2a - p. */
struct qsp_fe25519
qsp_fe25519_abs(struct qsp_fe25519 a)
{
	uint8_t twice[QSP_FE25519_LEN];

	qsp_fe25519_put(qsp_fe25519_add(a, a), twice);
	return twice[0] & 1 ? qsp_fe25519_negate(a) : a;
}

/* x^((p-5)/8) = x^(2^252 - 3); zN is x^(2^N - 1). */
static struct qsp_fe25519
power(struct qsp_fe25519 x)
{
	struct qsp_fe25519 z2 = qsp_fe25519_mul(square(x), x);
	struct qsp_fe25519 z4 = qsp_fe25519_mul(square_n(z2, 2), z2);
	struct qsp_fe25519 z5 = qsp_fe25519_mul(square(z4), x);
	struct qsp_fe25519 z10 = qsp_fe25519_mul(square_n(z5, 5), z5);
	struct qsp_fe25519 z20 = qsp_fe25519_mul(square_n(z10, 10), z10);
	struct qsp_fe25519 z40 = qsp_fe25519_mul(square_n(z20, 20), z20);
	struct qsp_fe25519 z50 = qsp_fe25519_mul(square_n(z40, 10), z10);
	struct qsp_fe25519 z100 = qsp_fe25519_mul(square_n(z50, 50), z50);
	struct qsp_fe25519 z200 = qsp_fe25519_mul(square_n(z100, 100), z100);
	struct qsp_fe25519 z250 = qsp_fe25519_mul(square_n(z200, 50), z50);

	return qsp_fe25519_mul(square_n(z250, 2), x);
}

/*
 * y = x^3 (x^7)^((p-5)/8); c = y^2 x has c^4 = x^(7 (p-1)) = 1, so it is one of 1, -1, i, -i. For 1
 * and -1 x is a square and 1/sqrt(x) is y or i y; always 1/x = y^2 / c.
 */
bool
qsp_fe25519_invsqrt(struct qsp_fe25519 x, struct qsp_fe25519 *root, struct qsp_fe25519 *inverse)
{
	const struct qsp_fe25519 one = qsp_fe25519_small(1);
	struct qsp_fe25519 x3 = qsp_fe25519_mul(square(x), x);
	struct qsp_fe25519 y = qsp_fe25519_mul(x3, power(qsp_fe25519_mul(square(x3), x)));
	struct qsp_fe25519 y2 = square(y), c = qsp_fe25519_mul(y2, x);
	bool minus = equal(c, qsp_fe25519_negate(one));
	bool is_square = minus || equal(c, one) || qsp_fe25519_is_zero(x);

	/* 1/c is c itself for 1 and -1, and -c for i and -i */
	if (inverse)
		*inverse = qsp_fe25519_mul(y2, is_square ? c : qsp_fe25519_negate(c));
	if (root)
		*root = minus ? qsp_fe25519_mul(y, sqrt_minus_1) : y;
	return is_square;
}
