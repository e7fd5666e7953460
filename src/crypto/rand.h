/* SPDX-License-Identifier: ISC */
/*
 * Random bytes from the source of the configuration.
 */
#ifndef QSP_CRYPTO_RAND_H
#define QSP_CRYPTO_RAND_H

#include "crypto/crypto.h"

/* Fills out; on error out is zeroed and QSP_E_RNG returned. */
QSP_MUST_USE qsp_err qsp_rand_bytes(const struct qsp_crypto *cx, uint8_t *out, size_t n);

/* A source for programs: qsp_random_fn over libcrypto's DRBG, seeded by the system. */
QSP_MUST_USE qsp_err qsp_rand_system(void *unused, uint8_t *out, size_t n);

#endif
