/* SPDX-License-Identifier: ISC */
/*
 * Private keys as PKCS#8 PEM text (RFC 7468, RFC 5958) that `openssl pkey` reads. A hybrid key
 * is two blocks, X25519 (RFC 8410), then ML-KEM (RFC 9935); an ML-DSA key is one (RFC 9881). ML-KEM
 * and ML-DSA keys are written as their seeds; read are the forms that hold the seed.
 *
 * With a passphrase every block is ENCRYPTED PRIVATE KEY: PBES2 with scrypt (RFC 7914) and
 * AES-256-CBC. Read is also PBKDF2, which `openssl pkcs8 -topk8` writes.
 */
#ifndef QSP_CRYPTO_PEM_H
#define QSP_CRYPTO_PEM_H

#include "crypto/crypto.h"

#define QSP_PEM_MAX 16384           /* bytes of text, both ways */
#define QSP_PEM_PASSPHRASE_MAX 1023 /* bytes */

/*
 * The text of a key: out[0..*n), no NUL; *n is the room on entry (QSP_PEM_MAX is always enough).
 * An empty passphrase means no encryption. The caller wipes out. QSP_E_ROOM, QSP_E_RNG,
 * QSP_E_CRYPTO; QSP_E_INPUT for a passphrase that is too long.
 */
QSP_MUST_USE qsp_err qsp_pem_put(const struct qsp_crypto *cx, const struct qsp_key *key,
				 struct qsp_bytes passphrase, char *out, size_t *n);

/*
 * A key from its text, which holds the blocks of exactly one key and blank lines. Where expect is
 * not NULL, the public half must be that one. A passphrase that is not needed is not looked at.
 *   QSP_E_PASSPHRASE   encrypted, and the passphrase is empty or wrong
 *   QSP_E_INPUT        truncated, garbage, blocks that make no key, not the expected key
 *   QSP_E_UNSUPPORTED  a key of another kind, without its seed, or encrypted in another way
 */
QSP_MUST_USE qsp_err qsp_pem_get(const struct qsp_crypto *cx, struct qsp_bytes text,
				 struct qsp_bytes passphrase, const struct qsp_key_public *expect,
				 struct qsp_key **out);

/* True where text starts like a private key, and for *encrypted like an encrypted one. */
bool qsp_pem_looks_like(struct qsp_bytes text, bool *encrypted);

#endif
