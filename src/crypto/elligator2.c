/* SPDX-License-Identifier: ISC */
/*
 * Elligator2 on curve25519 [P4.1], v^2 = u^3 + A u^2 + u, non-square 2. Public data only.
 *
 * X25519 clamps, so that a public key is always in the prime-order subgroup, which one multiplication
 * would show. A random point of the 8-torsion is added, and the clamping of whoever uses the key
 * removes it. Keys stay fractions P/Q until the end: a try costs two exponentiations.
 */
#include "crypto/elligator2.h"

#include "base/mem.h"
#include "crypto/fe25519.h"
#include "crypto/rand.h"

#define A 486662
#define TRIES_MAX 128 /* each fails with probability 1/2 */

#define add qsp_fe25519_add
#define sub qsp_fe25519_sub
#define mul qsp_fe25519_mul
#define sqr qsp_fe25519_square
#define neg qsp_fe25519_negate

typedef struct qsp_fe25519 fe;

/* A value of u as P/Q. */
struct fraction {
	fe p, q;
};

/* The torsion points of index 2k, which have v <= (p-1)/2; 2k + 1 has -v. */
static const struct {
	fe u, v;
} torsion[QSP_ELLIGATOR2_TORSION / 2] = {
	{ { { 0 } }, { { 0 } } }, /* of index 1; index 0 is neutral */
	{ { { 1 } },              /* order 4: (1, sqrt(A + 2)) */
	  { { 0x5b7106377bbd8, 0x71af6ad9382cb, 0x02d64427297b8, 0x6a81ef02c4294,
	      0x141b0b6806563 } } },
	{ { { 0x0413b7c7aebe0, 0x63f5c6ac2d5d7, 0x6342769ab127f, 0x1437ed8994e75,
	      0x00b8495f16056 } }, /* order 8: (u^2 - 1)^2 = 4 u (u^2 + A u + 1) */
	  { { 0x7148392507b1a, 0x53db00369ad10, 0x0a2d15e4ceff0, 0x1d294a4160a73,
	      0x3931c129569e8 } } },
	{ { { 0x450a3bc959c5f, 0x38ab63a162491, 0x17110116fbe0e, 0x16c43470e2c62,
	      0x57119fd0dd4e2 } },
	  { { 0x7c7bdfb7f9a36, 0x72e2ab2e45e1d, 0x012bfab7d6ef2, 0x0cde71c9affdd,
	      0x173a6c76c2ba7 } } },
};

/*
 * w = -A / d with d = 1 + 2 r^2, which is never 0; u is w where w is on the curve, else -w - A.
 * w^3 + A w^2 + w = n / d^3 with n = -A (A^2 - A^2 d + d^2), a square where n d is one.
 */
qsp_err
qsp_elligator2_map(const uint8_t rep[static QSP_ELLIGATOR2_LEN], uint8_t u[static QSP_X25519_LEN])
{
	const fe a = qsp_fe25519_small(A), a2 = sqr(a), one = qsp_fe25519_small(1);
	uint8_t low[QSP_ELLIGATOR2_LEN];
	fe r2, d, n, w, nd_inverse;

	memcpy(low, rep, sizeof(low));
	low[31] &= 0x3f;
	r2 = sqr(qsp_fe25519_get(low));
	d = add(one, add(r2, r2));
	n = neg(mul(a, add(sub(a2, mul(a2, d)), sqr(d))));
	if (qsp_fe25519_invsqrt(mul(n, d), NULL, &nd_inverse)) {
		w = neg(mul(a, mul(n, nd_inverse)));
	} else {
		w = mul(a, mul(n, nd_inverse));
		w = sub(w, a);
	}
	qsp_fe25519_put(w, u);
	if (qsp_fe25519_is_zero(w) || qsp_fe25519_is_zero(add(w, a)))
		return QSP_E_INPUT; /* r = 0, and no other */
	return QSP_OK;
}

/*
 * The representative of u = P/Q. -2 u (u + A), a square times -2 P (P + A Q), decides for both
 * roots; with y = 1/sqrt of the latter they are P y and (P + A Q) y.
 */
static qsp_err
invert(struct fraction u, unsigned root, unsigned top_bits, uint8_t r[static QSP_ELLIGATOR2_LEN])
{
	fe up = add(u.p, mul(qsp_fe25519_small(A), u.q)), x = mul(u.p, up), y;

	if (qsp_fe25519_is_zero(x) || qsp_fe25519_is_zero(u.q))
		return QSP_E_INPUT;
	if (!qsp_fe25519_invsqrt(neg(add(x, x)), &y, NULL))
		return QSP_E_NOTFOUND;
	qsp_fe25519_put(qsp_fe25519_abs(mul(root ? up : u.p, y)), r);
	r[31] = (uint8_t)(r[31] | (top_bits & 3) << 6);
	return QSP_OK;
}

qsp_err
qsp_elligator2_inverse(const uint8_t u[static QSP_X25519_LEN], unsigned root, unsigned top_bits,
		       uint8_t r[static QSP_ELLIGATOR2_LEN])
{
	return invert((struct fraction){ qsp_fe25519_get(u), qsp_fe25519_small(1) }, root, top_bits,
		      r);
}

/*
 * (u, v) + (u_T, v_T) has u_3 = l^2 - A - u - u_T with l = (v - v_T) / (u - u_T). The sign of v
 * does not matter to whoever draws T at random: with T its negative is a torsion point too.
 */
static qsp_err
add_torsion(const uint8_t clean[static QSP_X25519_LEN], unsigned index, struct fraction *out)
{
	fe u = qsp_fe25519_get(clean), t_u = torsion[index / 2].u, t_v = torsion[index / 2].v;
	fe v2 = mul(u, add(mul(u, add(u, qsp_fe25519_small(A))), qsp_fe25519_small(1)));
	fe y, v;

	if (index == 0) {
		*out = (struct fraction){ u, qsp_fe25519_small(1) };
		return QSP_OK;
	}
	if (!qsp_fe25519_invsqrt(v2, &y, NULL))
		return QSP_E_INPUT; /* a point of the twist */
	v = qsp_fe25519_abs(mul(v2, y));
	if (index & 1)
		t_v = neg(t_v);
	out->q = sqr(sub(u, t_u));
	out->p = sub(sqr(sub(v, t_v)), mul(out->q, add(add(u, t_u), qsp_fe25519_small(A))));
	return qsp_fe25519_is_zero(out->q) ? QSP_E_INPUT : QSP_OK;
}

qsp_err
qsp_elligator2_add_torsion(const uint8_t clean[static QSP_X25519_LEN], unsigned index,
			   uint8_t dirty[static QSP_X25519_LEN])
{
	struct fraction u;
	fe q_inverse;
	qsp_err e = index < QSP_ELLIGATOR2_TORSION ? add_torsion(clean, index, &u) : QSP_E_INPUT;

	if (e) {
		memset(dirty, 0, QSP_X25519_LEN);
		return e;
	}
	(void)qsp_fe25519_invsqrt(u.q, NULL, &q_inverse);
	qsp_fe25519_put(mul(u.p, q_inverse), dirty);
	return QSP_OK;
}

/*
 * Of the points of the whole group half have representatives, two each: one of them is drawn. A
 * try is an independent key, so a key with its representative is uniform among all those.
 */
qsp_err
qsp_elligator2_keypair(const struct qsp_crypto *cx, uint8_t priv[static QSP_X25519_LEN],
		       uint8_t rep[static QSP_ELLIGATOR2_LEN])
{
	uint8_t draw[QSP_X25519_LEN + 1], pub[QSP_X25519_LEN];
	qsp_err e = QSP_E_NOTFOUND;

	for (int i = 0; i < TRIES_MAX && e == QSP_E_NOTFOUND; i++) {
		struct fraction u;
		/* choice: torsion index 3 bits, root 1, top bits 2 */
		unsigned choice;

		if ((e = qsp_rand_bytes(cx, draw, sizeof(draw))) != 0)
			break;
		choice = draw[QSP_X25519_LEN];
		if ((e = qsp_x25519_public(cx, draw, pub)) != 0 ||
		    (e = add_torsion(pub, choice & 7, &u)) != 0)
			break;
		e = invert(u, choice >> 3 & 1, choice >> 4 & 3, rep);
		if (e == QSP_E_INPUT) /* u = 0 or -A */
			e = QSP_E_NOTFOUND;
	}
	if (e == QSP_E_NOTFOUND)
		e = QSP_E_RNG; /* 128 coins that fell alike are no coins */
	if (e == QSP_OK) {
		memcpy(priv, draw, QSP_X25519_LEN);
	} else {
		qsp_mem_wipe(priv, QSP_X25519_LEN);
		memset(rep, 0, QSP_ELLIGATOR2_LEN);
	}
	qsp_mem_wipe(draw, sizeof(draw));
	return e;
}
