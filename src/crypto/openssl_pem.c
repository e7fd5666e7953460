/* SPDX-License-Identifier: ISC */
/*
 * PKCS#8 (RFC 5958) of one key, plain or under PBES2 (RFC 8018). What we write is always the same
 * few bytes around the secret, so it is written as a prefix; what we read comes from any tool and is
 * left to libcrypto, which also compares a seed with the expanded key beside it.
 */
#include "crypto/openssl.h"
#include "crypto/openssl_pem.h"

#include "base/mem.h"
#include "crypto/rand.h"

#include <openssl/core_names.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <limits.h>

/*
 * scrypt's parameters. libcrypto's readers refuse what takes more than 32 MiB, and N = 2^15 with r = 8
 * takes 64 KiB more than that; half the memory five times costs an attacker more than N = 2^15
 * once would, and every reader takes it.
 */
#define SCRYPT_N (1u << 14)
#define SCRYPT_R 8
#define SCRYPT_P 5
#define SALT_LEN 16
#define IV_LEN 16

/* What a file may ask of us to read it: some seconds at most. */
#define SCRYPT_WORK_MAX (1u << 22) /* N * r * p; ours is 5 * 2^17 */
#define PBKDF2_ROUNDS_MAX 10000000

#define PREFIX_MAX 24
#define PLAIN_MAX (PREFIX_MAX + QSP_OPENSSL_PEM_SECRET_MAX)

/*
 * PrivateKeyInfo up to the secret: SEQUENCE { version 0, SEQUENCE { OID }, OCTET STRING { .. } }, in
 * which X25519 has another OCTET STRING (RFC 8410) and the others have the seed as [0] (RFC 9881, RFC
 * 9935).
 */
#define NIST_OID(arc, last) 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, arc, last
static const uint8_t x25519[] = { 0x30, 0x2e, 2,    1,    0, 0x30, 5, 6,
				  3,    0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20 };
static const uint8_t ml_kem_768[] = { 0x30, 0x54, 2, 1, 0, NIST_OID(4, 2), 4, 0x42, 0x80, 0x40 };
static const uint8_t ml_kem_1024[] = { 0x30, 0x54, 2, 1, 0, NIST_OID(4, 3), 4, 0x42, 0x80, 0x40 };
static const uint8_t ml_dsa_65[] = { 0x30, 0x34, 2, 1, 0, NIST_OID(3, 18), 4, 0x22, 0x80, 0x20 };
static const uint8_t ml_dsa_87[] = { 0x30, 0x34, 2, 1, 0, NIST_OID(3, 19), 4, 0x22, 0x80, 0x20 };

static const struct algorithm {
	const char *name;
	int nid;
	uint8_t secret_len;
	struct qsp_bytes prefix;
} algorithms[QSP_OPENSSL_PEM_ALGS] = {
#define ROW(id, name, len, prefix)                                                                 \
	[QSP_OPENSSL_PEM_##id] = { name, NID_##id, len, { prefix, sizeof(prefix) } }
	ROW(X25519, "X25519", 32, x25519),
	ROW(ML_KEM_768, "ML-KEM-768", 64, ml_kem_768),
	ROW(ML_KEM_1024, "ML-KEM-1024", 64, ml_kem_1024),
	ROW(ML_DSA_65, "ML-DSA-65", 32, ml_dsa_65),
	ROW(ML_DSA_87, "ML-DSA-87", 32, ml_dsa_87),
#undef ROW
};

size_t
qsp_openssl_pem_secret_len(enum qsp_openssl_pem_alg alg)
{
	return algorithms[alg].secret_len;
}

/* --- writing --------------------------------------------------------------------------- */

/* PBES2's algorithm identifier with fresh salt and IV, or NULL. */
static qsp_err
new_pbe(const struct qsp_crypto *cx, X509_ALGOR **out)
{
	EVP_CIPHER *cbc = EVP_CIPHER_fetch(cx->lib, "AES-256-CBC", NULL);
	uint8_t salt[SALT_LEN], iv[IV_LEN];
	qsp_err e;

	*out = NULL;
	if ((e = qsp_rand_bytes(cx, salt, sizeof(salt))) != 0 ||
	    (e = qsp_rand_bytes(cx, iv, sizeof(iv))) != 0)
		goto out;
	if (!cbc || !(*out = PKCS5_pbe2_set_scrypt(cbc, salt, sizeof(salt), iv, SCRYPT_N, SCRYPT_R,
						   SCRYPT_P)))
		e = qsp_openssl_failed();
out:
	EVP_CIPHER_free(cbc);
	return e;
}

static qsp_err
encrypt(const struct qsp_crypto *cx, struct qsp_bytes plain, struct qsp_bytes passphrase,
	uint8_t *der, size_t *n)
{
	const unsigned char *in = plain.p;
	PKCS8_PRIV_KEY_INFO *info = NULL;
	X509_ALGOR *pbe = NULL;
	X509_SIG *sealed = NULL;
	unsigned char *p = der;
	qsp_err e = new_pbe(cx, &pbe);
	int len;

	if (e)
		goto out;
	e = QSP_E_CRYPTO;
	info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &in, (long)plain.n);
	if (!info || !(sealed = PKCS8_set0_pbe_ex((const char *)passphrase.p, (int)passphrase.n,
						  info, pbe, cx->lib, NULL)))
		goto out;
	pbe = NULL; /* sealed's now */
	if ((len = i2d_X509_SIG(sealed, NULL)) <= 0)
		goto out;
	e = QSP_E_ROOM;
	if ((size_t)len > *n)
		goto out;
	*n = (size_t)i2d_X509_SIG(sealed, &p);
	e = QSP_OK;
out:
	if (e)
		(void)qsp_openssl_failed();
	X509_SIG_free(sealed);
	X509_ALGOR_free(pbe);
	PKCS8_PRIV_KEY_INFO_free(info); /* wipes */
	return e;
}

qsp_err
qsp_openssl_pem_put(const struct qsp_crypto *cx, enum qsp_openssl_pem_alg alg,
		    const uint8_t *secret, struct qsp_bytes passphrase, uint8_t *der, size_t *n)
{
	const struct algorithm *a = &algorithms[alg];
	size_t len = a->prefix.n + a->secret_len;
	uint8_t plain[PLAIN_MAX];
	qsp_err e = QSP_OK;

	memcpy(plain, a->prefix.p, a->prefix.n);
	memcpy(plain + a->prefix.n, secret, a->secret_len);
	if (passphrase.n > INT_MAX) {
		e = QSP_E_INPUT;
	} else if (passphrase.n > 0) {
		e = encrypt(cx, qsp_bytes(plain, len), passphrase, der, n);
	} else if (*n < len) {
		e = QSP_E_ROOM;
	} else {
		memcpy(der, plain, len);
		*n = len;
	}
	qsp_mem_wipe(plain, sizeof(plain));
	return e;
}

/* --- reading --------------------------------------------------------------------------- */

/* A positive INTEGER that fits, or 0. */
static uint64_t
integer(const ASN1_INTEGER *i)
{
	uint64_t v;

	return i && ASN1_INTEGER_get_uint64(&v, i) == 1 ? v : 0;
}

static qsp_err
check_scrypt(const ASN1_TYPE *parameter)
{
	SCRYPT_PARAMS *s = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), parameter);
	uint64_t n = s ? integer(s->costParameter) : 0, r = s ? integer(s->blockSize) : 0;
	uint64_t p = s ? integer(s->parallelizationParameter) : 0;
	bool ok = n > 0 && r > 0 && p > 0 && n <= SCRYPT_WORK_MAX && r <= SCRYPT_WORK_MAX / n &&
		  p <= SCRYPT_WORK_MAX / (n * r);

	SCRYPT_PARAMS_free(s);
	return ok ? QSP_OK : QSP_E_UNSUPPORTED;
}

static qsp_err
check_pbkdf2(const ASN1_TYPE *parameter)
{
	PBKDF2PARAM *s = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), parameter);
	uint64_t rounds = s ? integer(s->iter) : 0;

	PBKDF2PARAM_free(s);
	return rounds > 0 && rounds <= PBKDF2_ROUNDS_MAX ? QSP_OK : QSP_E_UNSUPPORTED;
}

/* PBES2 with a key derivation that ends in reasonable time. */
static qsp_err
check_pbe(const X509_SIG *sealed)
{
	const X509_ALGOR *alg;
	const ASN1_OBJECT *oid;
	PBE2PARAM *pbe;
	qsp_err e = QSP_E_UNSUPPORTED;

	X509_SIG_get0(sealed, &alg, NULL);
	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	if (OBJ_obj2nid(oid) != NID_pbes2)
		return QSP_E_UNSUPPORTED;
	pbe = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), alg->parameter);
	if (!pbe)
		return QSP_E_INPUT;
	X509_ALGOR_get0(&oid, NULL, NULL, pbe->keyfunc);
	if (OBJ_obj2nid(oid) == NID_id_scrypt)
		e = check_scrypt(pbe->keyfunc->parameter);
	else if (OBJ_obj2nid(oid) == NID_id_pbkdf2)
		e = check_pbkdf2(pbe->keyfunc->parameter);
	PBE2PARAM_free(pbe);
	return e;
}

static qsp_err
decrypt(const struct qsp_crypto *cx, struct qsp_bytes der, struct qsp_bytes passphrase,
	PKCS8_PRIV_KEY_INFO **out)
{
	const unsigned char *p = der.p;
	X509_SIG *sealed = d2i_X509_SIG(NULL, &p, (long)der.n);
	qsp_err e = QSP_E_INPUT;

	if (!sealed || p != der.p + der.n)
		goto out;
	if ((e = check_pbe(sealed)) != 0)
		goto out;
	e = QSP_E_PASSPHRASE;
	if (passphrase.n == 0 || passphrase.n > INT_MAX)
		goto out;
	*out = PKCS8_decrypt_ex(sealed, (const char *)passphrase.p, (int)passphrase.n, cx->lib,
				NULL);
	if (*out)
		e = QSP_OK;
out:
	X509_SIG_free(sealed);
	return e;
}

static qsp_err
plain_info(struct qsp_bytes der, PKCS8_PRIV_KEY_INFO **out)
{
	const unsigned char *p = der.p;

	*out = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.n);
	return *out && p == der.p + der.n ? QSP_OK : QSP_E_INPUT;
}

static const struct algorithm *
algorithm_of(const PKCS8_PRIV_KEY_INFO *info)
{
	const ASN1_OBJECT *oid = NULL;

	if (PKCS8_pkey_get0(&oid, NULL, NULL, NULL, info) != 1)
		return NULL;
	for (size_t i = 0; i < QSP_OPENSSL_PEM_ALGS; i++)
		if (OBJ_obj2nid(oid) == algorithms[i].nid)
			return &algorithms[i];
	return NULL;
}

/* The seed, or the private key of X25519, which has no seed. */
static qsp_err
get_secret(const struct qsp_crypto *cx, const struct algorithm *a, const PKCS8_PRIV_KEY_INFO *info,
	   uint8_t *secret)
{
	EVP_PKEY *key = EVP_PKCS82PKEY_ex(info, cx->lib, NULL);
	size_t n = a->secret_len;
	qsp_err e = QSP_E_INPUT;

	if (!key || !EVP_PKEY_is_a(key, a->name))
		goto out;
	if (a == &algorithms[QSP_OPENSSL_PEM_X25519])
		e = EVP_PKEY_get_raw_private_key(key, secret, &n) == 1 ? QSP_OK : QSP_E_INPUT;
	else /* both of libcrypto's parameters are named so */
		e = EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ML_KEM_SEED, secret, n,
						    &n) == 1
			    ? QSP_OK
			    : QSP_E_UNSUPPORTED;
	if (e == QSP_OK && n != a->secret_len)
		e = QSP_E_INPUT;
out:
	EVP_PKEY_free(key);
	return e;
}

qsp_err
qsp_openssl_pem_get(const struct qsp_crypto *cx, struct qsp_bytes der, bool encrypted,
		    struct qsp_bytes passphrase, enum qsp_openssl_pem_alg *alg,
		    uint8_t secret[static QSP_OPENSSL_PEM_SECRET_MAX])
{
	PKCS8_PRIV_KEY_INFO *info = NULL;
	const struct algorithm *a;
	qsp_err e = QSP_E_INPUT;

	if (der.n > QSP_OPENSSL_PEM_DER_MAX)
		goto out;
	e = encrypted ? decrypt(cx, der, passphrase, &info) : plain_info(der, &info);
	if (e)
		goto out;
	e = QSP_E_UNSUPPORTED;
	if (!(a = algorithm_of(info)))
		goto out;
	*alg = (enum qsp_openssl_pem_alg)(a - algorithms);
	e = get_secret(cx, a, info, secret);
out:
	if (e) {
		qsp_mem_wipe(secret, QSP_OPENSSL_PEM_SECRET_MAX);
		(void)qsp_openssl_failed();
	}
	PKCS8_PRIV_KEY_INFO_free(info); /* wipes */
	return e;
}
