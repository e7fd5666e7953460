/* SPDX-License-Identifier: ISC */
/*
 * X25519 (RFC 7748).
 */
#ifndef QSP_CRYPTO_X25519_H
#define QSP_CRYPTO_X25519_H

#include "crypto/crypto.h"

#define QSP_X25519_LEN 32

QSP_MUST_USE qsp_err qsp_x25519_public(const struct qsp_crypto *cx,
				       const uint8_t priv[static QSP_X25519_LEN],
				       uint8_t pub[static QSP_X25519_LEN]);

/* shared = DH(priv, peer) [P1]; an all-zero result is QSP_E_INPUT, and shared is zeroed. */
QSP_MUST_USE qsp_err qsp_x25519_dh(const struct qsp_crypto *cx,
				   const uint8_t priv[static QSP_X25519_LEN],
				   const uint8_t peer[static QSP_X25519_LEN],
				   uint8_t shared[static QSP_X25519_LEN]);

#endif
