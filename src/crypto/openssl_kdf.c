/* SPDX-License-Identifier: ISC */
/* libcrypto behind the part of kdf.h that is meant to be slow. */
#include "crypto/openssl.h"

#include "crypto/kdf.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#define SCRYPT_N (1u << 14)
#define SCRYPT_R 8
#define SCRYPT_P 1

qsp_err
qsp_kdf_scrypt(const struct qsp_crypto *cx, struct qsp_bytes passphrase, struct qsp_bytes salt,
	       uint8_t *out, size_t n)
{
	uint64_t cost = SCRYPT_N;
	uint32_t r = SCRYPT_R, p = SCRYPT_P;
	static uint8_t none[1];
	OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_PASSWORD,
					passphrase.n ? (void *)(uintptr_t)passphrase.p : none,
					passphrase.n),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.p, salt.n),
		OSSL_PARAM_uint64(OSSL_KDF_PARAM_SCRYPT_N, &cost),
		OSSL_PARAM_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
		OSSL_PARAM_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
		OSSL_PARAM_END,
	};
	EVP_KDF *kdf = EVP_KDF_fetch(cx->lib, "SCRYPT", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	bool ok = ctx && EVP_KDF_derive(ctx, out, n, params) == 1;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? QSP_OK : qsp_openssl_failed();
}
