/* SPDX-License-Identifier: ISC */
/*
 * The cryptographic context: a private libcrypto library context with every algorithm fetched
 * once, and the random source that the caller brought. Immutable after qsp_crypto_new, so threads
 * share it. Nothing below draws randomness but through qsp_rand_bytes, and keys and ciphertexts
 * are derived from seeds so drawn: with a seeded source a whole session is reproducible.
 */
#ifndef QSP_CRYPTO_CRYPTO_H
#define QSP_CRYPTO_CRYPTO_H

#include "base/bytes.h"

struct qsp_crypto;

/* QSP_E_CRYPTO where libcrypto lacks an algorithm (it must be OpenSSL >= 3.5), QSP_E_NOMEM. */
QSP_MUST_USE qsp_err qsp_crypto_new(qsp_random_fn fn, void *arg, struct qsp_crypto **out);
void qsp_crypto_free(struct qsp_crypto *cx);

/* The backend's name and version, as in "OpenSSL 3.5.6 7 Apr 2026"; static. */
const char *qsp_crypto_version(void);

#endif
