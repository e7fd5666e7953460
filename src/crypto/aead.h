/* SPDX-License-Identifier: ISC */
/*
 * The table of record ciphers [P1.1, P2.3]. A row seals and opens one record; the contexts behind
 * it belong to a worker thread, not to a connection, and keep the last key that they were given.
 */
#ifndef QSP_CRYPTO_AEAD_H
#define QSP_CRYPTO_AEAD_H

#include "base/mem.h"
#include "crypto/crypto.h"

#define QSP_AEAD_NONCE_LEN 12
#define QSP_AEAD_TAG_MAX 32
#define QSP_AEAD_KEY_LEN 32

/* Keys of one direction and epoch [P5]: enc for the cipher, mac for rows that have has_mac. */
struct qsp_aead_keys {
	uint8_t enc[QSP_AEAD_KEY_LEN];
	uint8_t mac[QSP_AEAD_KEY_LEN];
};

static inline void
qsp_aead_keys_wipe(struct qsp_aead_keys *k)
{
	qsp_mem_wipe(k, sizeof(*k));
}

struct qsp_aead_ctx;

struct qsp_aead {
	uint8_t id;
	const char *name;
	uint8_t tag_len;
	bool has_mac; /* a second key for HMAC-SHA3-256: tag over aad || nonce || ct */

	/*
	 * ct[0..n) and tag[0..tag_len) from pt[0..n). pt == ct is allowed, other overlap is not.
	 */
	qsp_err (*seal)(struct qsp_aead_ctx *x, const uint8_t nonce[static QSP_AEAD_NONCE_LEN],
			struct qsp_bytes aad, const uint8_t *pt, size_t n, uint8_t *ct,
			uint8_t *tag);
	/*
	 * pt[0..n) from ct[0..n), or QSP_E_DECRYPT, and then pt is zeroed; the tag is compared in
	 * constant time, and for has_mac rows before anything is decrypted.
	 */
	qsp_err (*open)(struct qsp_aead_ctx *x, const uint8_t nonce[static QSP_AEAD_NONCE_LEN],
			struct qsp_bytes aad, const uint8_t *ct, size_t n, const uint8_t *tag,
			uint8_t *pt);
};

/* The row of an aead id (1, 2, 3), or NULL. */
const struct qsp_aead *qsp_aead_by_id(uint8_t id);
/* The row of a name, or NULL. */
const struct qsp_aead *qsp_aead_by_name(struct qsp_bytes name);

/*
 * A context for one row and one way (sealing or opening), without a key yet. qsp_aead_ctx_key
 * schedules keys; QSP_E_CRYPTO, QSP_E_NOMEM. free wipes.
 */
QSP_MUST_USE qsp_err qsp_aead_ctx_new(const struct qsp_crypto *cx, const struct qsp_aead *a,
				      bool sealing, struct qsp_aead_ctx **out);
QSP_MUST_USE qsp_err qsp_aead_ctx_key(struct qsp_aead_ctx *x, const struct qsp_aead_keys *keys);
void qsp_aead_ctx_free(struct qsp_aead_ctx *x);

/* data[i] ^= AES-256-CTR(key, IV 0): the masks of P4.1 to P4.3. */
QSP_MUST_USE qsp_err qsp_aead_ctr_xor(const struct qsp_crypto *cx, const uint8_t key[static 32],
				      uint8_t *data, size_t n);

#endif
