/* SPDX-License-Identifier: ISC */
/*
 * Keys of hosts and users [P1.1]: public keys as blobs (u8 key type || key bytes) with their ids,
 * and private keys that answer a connection's questions without leaving their owner.
 */
#ifndef QSP_KEY_H
#define QSP_KEY_H

#include <qsp/base.h>

QSP_BEGIN_C

enum qsp_key_type {
	QSP_KEY_MLKEM768X25519 = 1,
	QSP_KEY_MLKEM1024X25519 = 2,
	QSP_KEY_ML_DSA_65 = 16,
	QSP_KEY_ML_DSA_87 = 17,
};

#define QSP_KEY_ID_LEN 32
#define QSP_HOST_KEY_MAX 4 /* of one server */
#define QSP_KEY_BLOB_MAX (1 + 2592)
#define QSP_KEY_PRINT_MAX 64 /* "SHA3:" and 43 digits of base64, with room */

/*
 * The cryptographic context: a private libcrypto library context with every algorithm fetched
 * once, and the random source that the caller brought. Immutable after qsp_crypto_new, so threads
 * share it. Nothing below draws randomness but from that source, and keys and ciphertexts are
 * derived from seeds so drawn: with a seeded source a whole session is reproducible.
 */
struct qsp_crypto;

/* fn NULL: libcrypto's generator, seeded by the system. QSP_E_CRYPTO where libcrypto lacks an
 * algorithm (it must be OpenSSL >= 3.5), QSP_E_NOMEM. */
QSP_API QSP_MUST_USE qsp_err qsp_crypto_new(qsp_random_fn fn, void *arg, struct qsp_crypto **out);
QSP_API void qsp_crypto_free(struct qsp_crypto *cx);

/* The backend's name and version, as in "OpenSSL 3.5.6 7 Apr 2026"; static. */
QSP_API const char *qsp_crypto_version(void);

/* A public key; blob[0..len) is u8 type || key bytes. No owner, copied freely. */
struct qsp_key_public {
	uint16_t len;
	uint8_t id[QSP_KEY_ID_LEN]; /* SHA3-256("QSP key id" || blob) */
	uint8_t blob[QSP_KEY_BLOB_MAX];
};

/* Canonical name of a type, its alias ("kyber768"), the type of either name; NULL or 0 if none. */
QSP_API const char *qsp_key_type_name(uint8_t type);
QSP_API const char *qsp_key_type_alias(uint8_t type);
QSP_API uint8_t qsp_key_type_by_name(const char *name);
/* True for types that authenticate by KEM (1, 2), false for signature keys. */
QSP_API bool qsp_key_type_is_kem(uint8_t type);

/*
 * Parses a blob: known type, right length, and for a KEM key FIPS 203's modulus check. Fills id.
 * QSP_E_INPUT, QSP_E_UNSUPPORTED.
 */
QSP_API QSP_MUST_USE qsp_err qsp_key_public_parse(const struct qsp_crypto *cx,
						  struct qsp_bytes blob,
						  struct qsp_key_public *out);

/* "SHA3:" and the id in base64 without padding. */
QSP_API void qsp_key_print(const uint8_t id[QSP_KEY_ID_LEN], char out[QSP_KEY_PRINT_MAX]);

/* A private key, parsed and ready. One owner; shared between threads as it does not change. */
struct qsp_key;

/* The seed of a type: X25519 private (32) || ML-KEM d || z (64), or ML-DSA seed (32). */
#define QSP_KEY_SEED_MAX 96
QSP_API size_t qsp_key_seed_len(uint8_t type);

/* From a seed, or fresh from cx's random source. */
QSP_API QSP_MUST_USE qsp_err qsp_key_new(const struct qsp_crypto *cx, uint8_t type,
					 struct qsp_bytes seed, struct qsp_key **out);
QSP_API QSP_MUST_USE qsp_err qsp_key_generate(const struct qsp_crypto *cx, uint8_t type,
					      struct qsp_key **out);
QSP_API void qsp_key_free(struct qsp_key *key);

QSP_API const struct qsp_key_public *qsp_key_get_public(const struct qsp_key *key);
/* Copies the seed, for whoever writes it to a file; the caller wipes. */
QSP_API void qsp_key_get_seed(const struct qsp_key *key, uint8_t out[QSP_KEY_SEED_MAX]);

/*
 * The two private operations of a hybrid key [P4]: dh = DH(x, point), ss = decapsulation of ct.
 * QSP_E_INPUT for an all-zero DH, a ct of the wrong length or a signature key.
 */
QSP_API QSP_MUST_USE qsp_err qsp_key_dh(const struct qsp_key *key, const uint8_t point[32],
					uint8_t dh[32]);
QSP_API QSP_MUST_USE qsp_err qsp_key_decaps(const struct qsp_key *key, struct qsp_bytes ct,
					    uint8_t ss[32]);

/* What a connection asks of private keys: one operation on host key `key` (server) or on the user's
 * key (client). */
struct qsp_decaps_question {
	bool all_keys;        /* server: the DH for every host key, in order; no ct then */
	unsigned key;         /* server: index of the host key */
	const uint8_t *point; /* 32 bytes for the DH, or NULL */
	struct qsp_bytes ct;  /* to decapsulate, or empty */
};
struct qsp_decaps_answer {
	bool dh_ok[QSP_HOST_KEY_MAX]; /* false: an all-zero DH */
	uint8_t dh[QSP_HOST_KEY_MAX][32];
	uint8_t ss[32];
};
/* Answers a question with keys at hand: dh and ss of keys[q->key], or all the DHs. */
QSP_API QSP_MUST_USE qsp_err qsp_key_answer(struct qsp_key *const *keys, size_t n,
					    const struct qsp_decaps_question *q,
					    struct qsp_decaps_answer *a);

/*
 * The answer of a key that does not trust who asks, as in an agent [P4.5]: out = ck with DH(x, point)
 * and then the ss of ct mixed in, under the hash of the suite whose kem id is `suite`; neither of the
 * two is told. ck and out have the length of that hash. QSP_E_INPUT for another length of ck, an
 * all-zero DH, a ct of the wrong length, a signature key.
 */
#define QSP_CK_MAX 48
QSP_API QSP_MUST_USE qsp_err qsp_key_mix(const struct qsp_key *key, uint8_t suite,
					 struct qsp_bytes ck, const uint8_t point[32],
					 struct qsp_bytes ct, uint8_t out[QSP_CK_MAX]);

/* Signs with an ML-DSA key; *n is the room of sig, then its length. */
QSP_API QSP_MUST_USE qsp_err qsp_key_sign(const struct qsp_key *key, struct qsp_bytes msg,
					  uint8_t *sig, size_t *n);

QSP_END_C
#endif
