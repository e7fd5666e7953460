/* SPDX-License-Identifier: ISC */
/*
 * ML-KEM (FIPS 203) as a table of parameter sets. Keys come from seeds and ciphertexts from the
 * 32 bytes of encapsulation randomness, both drawn by the caller.
 */
#ifndef QSP_CRYPTO_KEM_H
#define QSP_CRYPTO_KEM_H

#include "base/mem.h"
#include "crypto/hash.h"

#define QSP_KEM_SEED_LEN 64 /* d || z */
#define QSP_KEM_SS_LEN 32
#define QSP_KEM_RANDOM_LEN 32
#define QSP_KEM_EK_MAX 1568
#define QSP_KEM_CT_MAX 1568
#define QSP_KEM_SLOT_MAX 1920

struct qsp_kem {
	uint8_t id;              /* kem id of P1.1, also the hybrid key type */
	const char *name;        /* mlkem768x25519 */
	const char *alias;       /* kyber768 */
	enum qsp_hash_id hash;   /* H of the suite */
	uint8_t k, du, dv;       /* FIPS 203, table 2 */
	uint16_t ek_len, ct_len; /* bytes */
	uint16_t slot_len;       /* Kemeleon encoding of a ciphertext; that of ek is ek_len */
};

const struct qsp_kem *qsp_kem_by_id(uint8_t id);

/* A decapsulation key, parsed; opaque, one owner. */
struct qsp_kem_key;

/* From a seed; ek[0..ek_len) is written where ek is not NULL. */
QSP_MUST_USE qsp_err qsp_kem_key_new(const struct qsp_crypto *cx, const struct qsp_kem *kem,
				     const uint8_t seed[static QSP_KEM_SEED_LEN], uint8_t *ek,
				     struct qsp_kem_key **out);
void qsp_kem_key_free(struct qsp_kem_key *key);

/* ct[0..ct_len) and ss to a key that passed the modulus check; else QSP_E_INPUT. */
QSP_MUST_USE qsp_err qsp_kem_encaps(const struct qsp_crypto *cx, const struct qsp_kem *kem,
				    const uint8_t *ek,
				    const uint8_t random[static QSP_KEM_RANDOM_LEN], uint8_t *ct,
				    uint8_t ss[static QSP_KEM_SS_LEN]);
/* The same with random bytes of cx, which it wipes. */
QSP_MUST_USE qsp_err qsp_kem_encaps_fresh(const struct qsp_crypto *cx, const struct qsp_kem *kem,
					  const uint8_t *ek, uint8_t *ct,
					  uint8_t ss[static QSP_KEM_SS_LEN]);

/* ss of a ciphertext; a wrong one gives a pseudo-random ss, as FIPS 203 says. */
QSP_MUST_USE qsp_err qsp_kem_decaps(const struct qsp_crypto *cx, const struct qsp_kem *kem,
				    const struct qsp_kem_key *key, const uint8_t *ct,
				    uint8_t ss[static QSP_KEM_SS_LEN]);

/* FIPS 203, 7.2: every coefficient of ek is below q. QSP_E_INPUT where one is not. */
QSP_MUST_USE qsp_err qsp_kem_check_ek(const struct qsp_kem *kem, const uint8_t *ek);

#endif
