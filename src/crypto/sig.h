/* SPDX-License-Identifier: ISC */
/*
 * ML-DSA (FIPS 204), pure, with an empty context string: client authentication [P4.5].
 */
#ifndef QSP_CRYPTO_SIG_H
#define QSP_CRYPTO_SIG_H

#include "base/mem.h"
#include "crypto/crypto.h"

#define QSP_SIG_SEED_LEN 32
#define QSP_SIG_PUBLIC_MAX 2592
#define QSP_SIG_LEN_MAX 4627

struct qsp_sig {
	uint8_t key_type; /* P1.1: 16 ml-dsa-65, 17 ml-dsa-87 */
	const char *name;
	const char *alias; /* dilithium3, dilithium5 */
	uint16_t public_len, sig_len;
};

const struct qsp_sig *qsp_sig_by_type(uint8_t key_type);

struct qsp_sig_key;

/* From the 32-byte seed; pub[0..public_len) is written where not NULL. */
QSP_MUST_USE qsp_err qsp_sig_key_new(const struct qsp_crypto *cx, const struct qsp_sig *s,
				     const uint8_t seed[static QSP_SIG_SEED_LEN], uint8_t *pub,
				     struct qsp_sig_key **out);
void qsp_sig_key_free(struct qsp_sig_key *key);

/* Hedged with randomness from cx's source. sig[0..sig_len). */
QSP_MUST_USE qsp_err qsp_sig_sign(const struct qsp_crypto *cx, const struct qsp_sig *s,
				  const struct qsp_sig_key *key, struct qsp_bytes msg,
				  uint8_t *sig);

/* 0, or QSP_E_INPUT for a signature or key that is not right. */
QSP_MUST_USE qsp_err qsp_sig_verify(const struct qsp_crypto *cx, const struct qsp_sig *s,
				    struct qsp_bytes pub, struct qsp_bytes msg,
				    struct qsp_bytes sig);

#endif
