/* SPDX-License-Identifier: ISC */
/*
 * What stands behind the table of aead.c; the contract of seal and open is in aead.h.
 */
#ifndef QSP_CRYPTO_BACKEND_H
#define QSP_CRYPTO_BACKEND_H

#include "crypto/aead.h"

/* One implementation's contexts. seal and open are as in struct qsp_aead. */
struct qsp_aead_ops {
	qsp_err (*key)(struct qsp_aead_ctx *x, const struct qsp_aead_keys *keys);
	qsp_err (*seal)(struct qsp_aead_ctx *x, const uint8_t nonce[static QSP_AEAD_NONCE_LEN],
			struct qsp_bytes aad, const uint8_t *pt, size_t n, uint8_t *ct,
			uint8_t *tag);
	qsp_err (*open)(struct qsp_aead_ctx *x, const uint8_t nonce[static QSP_AEAD_NONCE_LEN],
			struct qsp_bytes aad, const uint8_t *ct, size_t n, const uint8_t *tag,
			uint8_t *pt);
	void (*free)(struct qsp_aead_ctx *x); /* wipes */
};

/* What each implementation's context begins with. */
struct qsp_aead_ctx {
	const struct qsp_aead_ops *ops;
	const struct qsp_aead *row;
	bool sealing;
};

/* libcrypto: AES-256-GCM and ChaCha20-Poly1305 (RFC 5116, RFC 8439), or AES-256-CTR with
 * HMAC-SHA3-256 [P2.3]. */
QSP_MUST_USE qsp_err qsp_openssl_aead_new(const struct qsp_crypto *cx, const struct qsp_aead *a,
					  bool sealing, struct qsp_aead_ctx **out);

/*
 * intel-ipsec-mb: AES-256-GCM of short records in half the time. qsp_ipsecmb_new looks what this
 * processor has; NULL where it has not enough, or the library was not there when QSP was built.
 * Immutable, shared by threads. qsp_ipsecmb_aead_new: QSP_E_UNSUPPORTED for NULL, QSP_E_NOMEM.
 */
struct qsp_ipsecmb;
struct qsp_ipsecmb *qsp_ipsecmb_new(void);
void qsp_ipsecmb_free(struct qsp_ipsecmb *mb);
QSP_MUST_USE qsp_err qsp_ipsecmb_aead_new(const struct qsp_ipsecmb *mb, const struct qsp_aead *a,
					  bool sealing, struct qsp_aead_ctx **out);
/* That of a context, made with it. */
const struct qsp_ipsecmb *qsp_openssl_ipsecmb(const struct qsp_crypto *cx);

#endif
