/* SPDX-License-Identifier: ISC */
/*
 * Curve25519 public keys as uniform strings [P4.1]: Elligator2 (Bernstein, Hamburg, Krasnova,
 * Lange 2013) over a key made uniform by a random torsion point. All of it is arithmetic on
 * public values: what goes in or comes out is on the wire.
 */
#ifndef QSP_CRYPTO_ELLIGATOR2_H
#define QSP_CRYPTO_ELLIGATOR2_H

#include "crypto/x25519.h"

#define QSP_ELLIGATOR2_LEN 32
#define QSP_ELLIGATOR2_TORSION 8

/* The u coordinate behind a representative; the top two bits of r are ignored. Any r maps;
 * QSP_E_INPUT for u = 0 and u = -A, which are refused [P4.1]. */
QSP_MUST_USE qsp_err qsp_elligator2_map(const uint8_t r[static QSP_ELLIGATOR2_LEN],
					uint8_t u[static QSP_X25519_LEN]);

/*
 * The representative of u: root 0 is sqrt(-u / (2 (u + A))), root 1 is sqrt(-(u + A) / (2 u)),
 * always the one <= (p-1)/2; top_bits (0..3) fill bits 254 and 255. QSP_E_NOTFOUND where that u
 * has none, QSP_E_INPUT for u = 0 and u = -A.
 */
QSP_MUST_USE qsp_err qsp_elligator2_inverse(const uint8_t u[static QSP_X25519_LEN], unsigned root,
					    unsigned top_bits,
					    uint8_t r[static QSP_ELLIGATOR2_LEN]);

/*
 * dirty = u of (the point above clean with the v <= (p-1)/2) + torsion point `index` (0..7, numbered
 * as in the vectors: 0 neutral, 1 (0,0), 2 and 3 u = 1, 4 and 5 the order-8 points of the smaller
 * u, 6 and 7 of the larger; of each pair the even one has v <= (p-1)/2).
 */
QSP_MUST_USE qsp_err qsp_elligator2_add_torsion(const uint8_t clean[static QSP_X25519_LEN],
						unsigned index,
						uint8_t dirty[static QSP_X25519_LEN]);

/*
 * A fresh key pair: priv, and rep, a uniform string that maps to a u which X25519 treats as priv's
 * public key. About two tries on average, 128 at most (then QSP_E_RNG).
 */
QSP_MUST_USE qsp_err qsp_elligator2_keypair(const struct qsp_crypto *cx,
					    uint8_t priv[static QSP_X25519_LEN],
					    uint8_t rep[static QSP_ELLIGATOR2_LEN]);

#endif
