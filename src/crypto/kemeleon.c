/* SPDX-License-Identifier: ISC */
/*
 * Kemeleon, non-rejecting variant [P4.1]: a polynomial is the integer r = sum a[j] q^j, sent as
 * r + m q^256 with m uniform among all values that keep it below 2^3072.
 *
 * The bound of m is floor((2^3072 - 1 - r) / q^256). Nothing here computes it: m is over the bound
 * exactly where r + m q^256 does not fit 48 limbs, and drawing m anew then is exact rejection
 * sampling. As 2^3072 / q^256 is 2^76.58, one draw of 77 bits in four is thrown away.
 *
 * Integers are limbs of 64 bits, least first; digits base q go in and out five at a time.
 */
#include "crypto/kemeleon.h"

#include "crypto/rand.h"

#define Q 3329u
#define Q5 ((uint64_t)Q * Q * Q * Q * Q) /* 2^58.5 */
#define LIMBS (QSP_KEMELEON_POLY_LEN / 8)
#define Q256_LIMBS 47
#define CHUNKS 52 /* 51 of five digits, the last of one */
#define M_BITS 77

typedef unsigned __int128 u128;

/* q^256; made by tools/gen-kemeleon-tables.py */
static const uint64_t q256[47] = {
	0x33141f1b2b8d0001, 0x9fc497af935d5257, 0x23b03734067ac0a8, 0xec91fcdf4247c5d3,
	0x0b8427e2547f1fdf, 0xf2c12d57c2456fa2, 0x4b70f01964acc3fb, 0x80a87e67ce95a6bf,
	0x269cea0f918ea0b2, 0x94b9e6402baeb4f1, 0xc50101339010cb83, 0xdc1e734892464b63,
	0x12be94b503088b19, 0xd76d00c5d7213d1a, 0x8f2a2ca2f30ec955, 0xcc49da825ec1af98,
	0x78355fc46a6b2d7f, 0x3766ab0e9275bb13, 0x0c1b9801e32ed45d, 0x6da21b132fffec54,
	0xdf8826e80df8adff, 0x27b8e07ca439734e, 0xb3ba7cfd8b40ea5f, 0x91da15969ddaade1,
	0x4864e4acacfbed50, 0x18e9e6f19de56568, 0x948d9ef896b52407, 0x538aba6f4d8df0b2,
	0x5478eb61f6f665ea, 0xffa4603f1ec253b5, 0x90d4489a2c890563, 0x2a960e06fc3e84ca,
	0x04c664f567b71b44, 0xa6b4c9436e258247, 0x520faab2c60a0322, 0x3d99f610cf7263ea,
	0xc08d293ae531ea62, 0x4f65f816b20783ba, 0xc64f2035493949d9, 0x23d33ab579146769,
	0x49a046e3ac3619f1, 0x2e4c864a7067ca91, 0x831a046b06da8007, 0x0a3b832562241e5e,
	0x725db189c3fe3756, 0xc04f3221cdcfb0eb, 0x000abac8b00125ff,
};

/* --- integers -------------------------------------------------------------------------- */

/* r = sum a[j] q^j by Horner's rule, five digits a step. */
static void
combine(const uint16_t a[static QSP_KEMELEON_N], uint64_t r[static LIMBS])
{
	size_t used = 1;

	memset(r, 0, LIMBS * sizeof(*r));
	r[0] = a[QSP_KEMELEON_N - 1];
	for (size_t at = QSP_KEMELEON_N - 1; at > 0; at -= 5) {
		const uint16_t *d = a + at - 5;
		uint64_t c = d[0] +
			     Q * ((uint64_t)d[1] +
				  Q * ((uint64_t)d[2] + Q * ((uint64_t)d[3] + Q * (uint64_t)d[4])));

		for (size_t i = 0; i < used; i++) {
			u128 t = (u128)r[i] * Q5 + c;

			r[i] = (uint64_t)t;
			c = (uint64_t)(t >> 64);
		}
		if (c != 0 && used < LIMBS)
			r[used++] = c;
	}
}

/* out = r + m q^256; false where it does not fit, that is, where m is over its bound. */
static bool
add_multiple(const uint64_t r[static LIMBS], uint64_t m_low, uint64_t m_high,
	     uint64_t out[static LIMBS])
{
	uint64_t carry = 0;

	memcpy(out, r, LIMBS * sizeof(*out));
	for (size_t i = 0; i < Q256_LIMBS; i++) {
		u128 t = (u128)q256[i] * m_low + out[i] + carry;

		out[i] = (uint64_t)t;
		carry = (uint64_t)(t >> 64);
	}
	out[Q256_LIMBS] = carry; /* r has 47 limbs */
	carry = 0;
	for (size_t i = 0; i < Q256_LIMBS; i++) {
		u128 t = (u128)q256[i] * m_high + out[i + 1] + carry;

		out[i + 1] = (uint64_t)t;
		carry = (uint64_t)(t >> 64);
	}
	return carry == 0;
}

/*
 * Division by q^5 limb by limb, with a precomputed reciprocal (Moeller and Granlund 2011, algorithm
 * 4). The divisor is shifted to fill 64 bits, and remainders stay shifted with it.
 */
#define SHIFT 5
#define DIVISOR (Q5 << SHIFT)
#define RECIPROCAL ((uint64_t)(~(u128)0 / DIVISOR - ((u128)1 << 64)))

static inline uint64_t
divide(uint64_t *remainder, uint64_t limb)
{
	uint64_t high = *remainder | limb >> (64 - SHIFT), low = limb << SHIFT;
	u128 t = (u128)RECIPROCAL * high + ((u128)high << 64 | low);
	uint64_t q = (uint64_t)(t >> 64) + 1, r = low - q * DIVISOR;

	if (r > (uint64_t)t) {
		q--;
		r += DIVISOR;
	}
	if (r >= DIVISOR) {
		q++;
		r -= DIVISOR;
	}
	*remainder = r;
	return q;
}

/*
 * The 256 lowest digits base q of r, which is used up. A quotient is divided on as soon as its
 * first limb is known: four divisions overlap, whose chains of multiplications are independent.
 */
static void
split(uint64_t r[static LIMBS], uint16_t a[static QSP_KEMELEON_N])
{
	size_t used = LIMBS;

	for (size_t chunk = 0; chunk < CHUNKS; chunk += 4) {
		uint64_t rem[4] = { 0 };

		for (size_t i = used; i-- > 0;)
			r[i] = divide(&rem[3],
				      divide(&rem[2], divide(&rem[1], divide(&rem[0], r[i]))));
		while (used > 0 && r[used - 1] == 0)
			used--;
		for (size_t k = 0; k < 4; k++) {
			uint64_t digits = rem[k] >> SHIFT;

			for (size_t j = 5 * (chunk + k); j < 5 * (chunk + k) + 5; j++) {
				if (j < QSP_KEMELEON_N)
					a[j] = (uint16_t)(digits % Q);
				digits /= Q;
			}
		}
	}
}

static void
store(const uint64_t r[static LIMBS], uint8_t out[static QSP_KEMELEON_POLY_LEN])
{
	for (size_t i = 0; i < QSP_KEMELEON_POLY_LEN; i++)
		out[i] = (uint8_t)(r[i / 8] >> 8 * (i % 8));
}

qsp_err
qsp_kemeleon_put_poly(const uint16_t a[static QSP_KEMELEON_N],
		      const uint8_t m[static QSP_KEMELEON_M_LEN],
		      uint8_t out[static QSP_KEMELEON_POLY_LEN])
{
	uint64_t r[LIMBS], sum[LIMBS], m_low = 0;

	for (size_t i = 8; i-- > 0;)
		m_low = m_low << 8 | m[i];
	combine(a, r);
	if (!add_multiple(r, m_low, (uint64_t)m[8] | (uint64_t)m[9] << 8, sum)) {
		memset(out, 0, QSP_KEMELEON_POLY_LEN);
		return QSP_E_INPUT;
	}
	store(sum, out);
	return QSP_OK;
}

void
qsp_kemeleon_get_poly(const uint8_t in[static QSP_KEMELEON_POLY_LEN],
		      uint16_t a[static QSP_KEMELEON_N])
{
	uint64_t r[LIMBS] = { 0 };

	for (size_t i = 0; i < QSP_KEMELEON_POLY_LEN; i++)
		r[i / 8] |= (uint64_t)in[i] << 8 * (i % 8);
	split(r, a);
}

/* --- random choices -------------------------------------------------------------------- */

/* Random bits, drawn from the source in blocks. After an error it gives zeros. */
struct bits {
	const struct qsp_crypto *cx;
	qsp_err e;
	uint64_t acc;
	unsigned left; /* bits in acc */
	size_t at;     /* next byte of block */
	uint8_t block[512];
};

static void
bits_init(struct bits *b, const struct qsp_crypto *cx)
{
	b->cx = cx;
	b->e = QSP_OK;
	b->acc = 0;
	b->left = 0;
	b->at = sizeof(b->block);
}

/* n random bits, n <= 32. */
static uint32_t
bits_take(struct bits *b, unsigned n)
{
	uint32_t v;

	if (b->left < n) {
		if (b->at == sizeof(b->block)) {
			if (b->e == QSP_OK)
				b->e = qsp_rand_bytes(b->cx, b->block, sizeof(b->block));
			if (b->e != QSP_OK)
				return 0;
			b->at = 0;
		}
		/* a block holds whole words of 4 bytes */
		for (unsigned i = 0; i < 4; i++)
			b->acc |= (uint64_t)b->block[b->at + i] << (b->left + 8 * i);
		b->at += 4;
		b->left += 32;
	}
	v = (uint32_t)(b->acc & ((UINT64_C(1) << n) - 1));
	b->acc >>= n;
	b->left -= n;
	return v;
}

/* Uniform in [0, n), n >= 1, by rejection from the next power of two. */
static uint32_t
bits_below(struct bits *b, uint32_t n)
{
	unsigned width = n > 1 ? 32 - (unsigned)__builtin_clz(n - 1) : 0;
	uint32_t v;

	do
		v = bits_take(b, width);
	while (v >= n); /* zeros after an error end it */
	return v;
}

/* One polynomial with an m that is uniform in its range. */
static void
put_random(struct bits *b, const uint16_t a[static QSP_KEMELEON_N],
	   uint8_t out[static QSP_KEMELEON_POLY_LEN])
{
	uint64_t r[LIMBS], sum[LIMBS], low, high;

	combine(a, r);
	do {
		low = bits_take(b, 32);
		low |= (uint64_t)bits_take(b, 32) << 32;
		high = bits_take(b, M_BITS - 64);
	} while (!add_multiple(r, low, high, sum));
	store(sum, out);
}

/* --- encapsulation keys ---------------------------------------------------------------- */

qsp_err
qsp_kemeleon_put_ek(const struct qsp_crypto *cx, const struct qsp_kem *kem, const uint8_t *ek,
		    uint8_t *out)
{
	struct bits b;
	uint16_t a[QSP_KEMELEON_N];

	if (qsp_kem_check_ek(kem, ek)) {
		memset(out, 0, kem->ek_len);
		return QSP_E_INPUT;
	}
	bits_init(&b, cx);
	for (size_t k = 0; k < kem->k; k++) {
		const uint8_t *p = ek + QSP_KEMELEON_POLY_LEN * k;

		for (size_t j = 0; j < QSP_KEMELEON_N; j += 2, p += 3) {
			a[j] = (uint16_t)(p[0] | (p[1] & 15) << 8);
			a[j + 1] = (uint16_t)(p[1] >> 4 | p[2] << 4);
		}
		put_random(&b, a, out + QSP_KEMELEON_POLY_LEN * k);
	}
	if (b.e)
		memset(out, 0, kem->ek_len);
	else
		memcpy(out + QSP_KEMELEON_POLY_LEN * kem->k, ek + QSP_KEMELEON_POLY_LEN * kem->k,
		       32); /* rho */
	return b.e;
}

void
qsp_kemeleon_get_ek(const struct qsp_kem *kem, const uint8_t *in, uint8_t *ek)
{
	uint16_t a[QSP_KEMELEON_N];

	for (size_t k = 0; k < kem->k; k++) {
		uint8_t *p = ek + QSP_KEMELEON_POLY_LEN * k;

		qsp_kemeleon_get_poly(in + QSP_KEMELEON_POLY_LEN * k, a);
		for (size_t j = 0; j < QSP_KEMELEON_N; j += 2, p += 3) {
			p[0] = (uint8_t)a[j];
			p[1] = (uint8_t)(a[j] >> 8 | a[j + 1] << 4);
			p[2] = (uint8_t)(a[j + 1] >> 4);
		}
	}
	memcpy(ek + QSP_KEMELEON_POLY_LEN * kem->k, in + QSP_KEMELEON_POLY_LEN * kem->k, 32);
}

/* --- ciphertexts ----------------------------------------------------------------------- */

/* round(2^d x / q) mod 2^d; q is odd, so that no half needs rounding. */
uint16_t
qsp_kemeleon_compress(uint16_t x, unsigned d)
{
	return (uint16_t)((((uint32_t)x << d) + Q / 2) / Q & ((1u << d) - 1));
}

/* round(q y / 2^d) */
uint16_t
qsp_kemeleon_decompress(uint16_t y, unsigned d)
{
	return (uint16_t)((Q * y + (1u << (d - 1))) >> d);
}

/*
 * x falls on y where y - 1/2 <= 2^d x / q < y + 1/2: from ceil((2y - 1) q / 2^(d+1)) on. For y = 0
 * this is negative, and the interval goes round the end.
 */
void
qsp_kemeleon_preimages(uint16_t y, unsigned d, uint16_t *first, uint16_t *count)
{
	uint32_t half = 1u << d, up = 2 * half - 1;
	/* + 2^(d+1) q keeps the numerator positive and adds q to the quotient */
	uint32_t from = ((2u * y + 2 * half - 1) * Q + up) >> (d + 1);
	uint32_t to = ((2u * y + 2 * half + 1) * Q + up) >> (d + 1);

	*first = (uint16_t)(from >= Q ? from - Q : from);
	*count = (uint16_t)(to - from);
}

/* The d bits at position i of a string of d-bit numbers, least first. */
static uint16_t
unpack(const uint8_t *in, size_t i, unsigned d)
{
	size_t bit = i * d;
	uint32_t v = in[bit / 8];

	if (bit % 8 + d > 8)
		v |= (uint32_t)in[bit / 8 + 1] << 8;
	if (bit % 8 + d > 16)
		v |= (uint32_t)in[bit / 8 + 2] << 16;
	return (uint16_t)(v >> bit % 8 & ((1u << d) - 1));
}

/* Writes at position i; the string was zero. */
static void
pack(uint8_t *out, size_t i, unsigned d, uint16_t y)
{
	size_t bit = i * d;
	uint32_t v = (uint32_t)y << bit % 8;

	for (uint8_t *p = out + bit / 8; v != 0; v >>= 8, p++)
		*p = (uint8_t)(*p | v);
}

/* Polynomial k of a ciphertext: k vectors of du bits, then one of dv. */
static unsigned
width(const struct qsp_kem *kem, size_t k)
{
	return k < kem->k ? kem->du : kem->dv;
}

qsp_err
qsp_kemeleon_put_ct(const struct qsp_crypto *cx, const struct qsp_kem *kem, const uint8_t *ct,
		    uint8_t *out)
{
	struct bits b;
	uint16_t a[QSP_KEMELEON_N];

	bits_init(&b, cx);
	for (size_t k = 0; k <= kem->k; k++) {
		unsigned d = width(kem, k);

		for (size_t j = 0; j < QSP_KEMELEON_N; j++) {
			uint16_t first, count;
			uint32_t x;

			qsp_kemeleon_preimages(unpack(ct, j, d), d, &first, &count);
			x = first + bits_below(&b, count);
			a[j] = (uint16_t)(x >= Q ? x - Q : x);
		}
		put_random(&b, a, out + QSP_KEMELEON_POLY_LEN * k);
		ct += QSP_KEMELEON_N / 8 * d;
	}
	if (b.e)
		memset(out, 0, kem->slot_len);
	return b.e;
}

void
qsp_kemeleon_get_ct(const struct qsp_kem *kem, const uint8_t *in, uint8_t *ct)
{
	uint16_t a[QSP_KEMELEON_N];

	memset(ct, 0, kem->ct_len);
	for (size_t k = 0; k <= kem->k; k++) {
		unsigned d = width(kem, k);

		qsp_kemeleon_get_poly(in + QSP_KEMELEON_POLY_LEN * k, a);
		for (size_t j = 0; j < QSP_KEMELEON_N; j++)
			pack(ct, j, d, qsp_kemeleon_compress(a[j], d));
		ct += QSP_KEMELEON_N / 8 * d;
	}
}
