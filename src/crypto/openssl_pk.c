/* SPDX-License-Identifier: ISC */
/*
 * Public-key operations over libcrypto: x25519.h, kem.h, sig.h. Keys come from seeds and what an
 * operation needs of randomness is handed in, so libcrypto draws nothing that matters.
 */
#include "crypto/openssl.h"

#include "crypto/kem.h"
#include "crypto/rand.h"
#include "crypto/sig.h"
#include "crypto/x25519.h"

#include "base/ct.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

/* A parameter that libcrypto only reads; its type has no const. */
static OSSL_PARAM
octets(const char *name, const void *p, size_t n)
{
	union {
		const void *in;
		void *out;
	} u = { .in = p };

	return OSSL_PARAM_construct_octet_string(name, u.out, n);
}

/* --- X25519 --------------------------------------------------------------------------- */

/* A private key; where pub is given libcrypto does not compute it. */
static EVP_PKEY *
x25519_private(const struct qsp_crypto *cx, const uint8_t *priv, const uint8_t *pub)
{
	OSSL_PARAM params[3] = { octets(OSSL_PKEY_PARAM_PRIV_KEY, priv, QSP_X25519_LEN) };
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(cx->lib, "X25519", NULL);
	EVP_PKEY *key = NULL;

	params[1] = pub ? octets(OSSL_PKEY_PARAM_PUB_KEY, pub, QSP_X25519_LEN)
			: OSSL_PARAM_construct_end();
	params[2] = OSSL_PARAM_construct_end();
	if (!c || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(c);
	return key;
}

qsp_err
qsp_x25519_public(const struct qsp_crypto *cx, const uint8_t priv[static QSP_X25519_LEN],
		  uint8_t pub[static QSP_X25519_LEN])
{
	EVP_PKEY *key = x25519_private(cx, priv, NULL);
	size_t n = QSP_X25519_LEN;
	bool ok = key && EVP_PKEY_get_raw_public_key(key, pub, &n) == 1 && n == QSP_X25519_LEN;

	EVP_PKEY_free(key);
	if (ok)
		return QSP_OK;
	qsp_mem_wipe(pub, QSP_X25519_LEN);
	return qsp_openssl_failed();
}

/*
 * The derivation does not look at our own public key; any value saves its computation, which takes
 * as long as the rest. libcrypto fails where the result is zero, and for no other peer.
 */
qsp_err
qsp_x25519_dh(const struct qsp_crypto *cx, const uint8_t priv[static QSP_X25519_LEN],
	      const uint8_t peer[static QSP_X25519_LEN], uint8_t shared[static QSP_X25519_LEN])
{
	static const uint8_t unused[QSP_X25519_LEN] = { 9 };
	EVP_PKEY *ours = x25519_private(cx, priv, unused);
	EVP_PKEY *theirs =
		EVP_PKEY_new_raw_public_key_ex(cx->lib, "X25519", NULL, peer, QSP_X25519_LEN);
	EVP_PKEY_CTX *c = ours ? EVP_PKEY_CTX_new_from_pkey(cx->lib, ours, NULL) : NULL;
	size_t n = QSP_X25519_LEN;
	uint8_t z[QSP_X25519_LEN] = { 0 };
	qsp_err e = QSP_OK;

	if (!c || !theirs || EVP_PKEY_derive_init(c) != 1 ||
	    EVP_PKEY_derive_set_peer_ex(c, theirs, 0) != 1)
		e = qsp_openssl_failed();
	else if (EVP_PKEY_derive(c, z, &n) != 1 || n != sizeof(z) || qsp_ct_is_zero(z, sizeof(z)))
		e = QSP_E_INPUT;
	if (e == QSP_E_INPUT)
		(void)qsp_openssl_failed();
	if (e)
		qsp_mem_wipe(shared, QSP_X25519_LEN);
	else
		memcpy(shared, z, sizeof(z));
	qsp_mem_wipe(z, sizeof(z));
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(ours);
	EVP_PKEY_free(theirs);
	return e;
}

/* --- keys from seeds ------------------------------------------------------------------- */

/* The generator under a given seed: unlike an import it makes no trial encapsulation. */
static EVP_PKEY *
generate(const struct qsp_crypto *cx, const char *name, OSSL_PARAM seed)
{
	OSSL_PARAM params[] = { seed, OSSL_PARAM_construct_end() };
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(cx->lib, name, NULL);
	EVP_PKEY *key = NULL;

	if (!c || EVP_PKEY_keygen_init(c) != 1 || EVP_PKEY_CTX_set_params(c, params) != 1 ||
	    EVP_PKEY_generate(c, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(c);
	return key;
}

/* The public half, of exactly len bytes. */
static bool
get_public(const EVP_PKEY *key, uint8_t *out, size_t len)
{
	size_t n = len;

	return EVP_PKEY_get_raw_public_key(key, out, &n) == 1 && n == len;
}

/* --- ML-KEM (FIPS 203) ----------------------------------------------------------------- */

struct qsp_kem_key {
	EVP_PKEY *pkey;
};

static const char *
kem_name(const struct qsp_kem *kem)
{
	return kem->k == 3 ? "ML-KEM-768" : "ML-KEM-1024";
}

qsp_err
qsp_kem_key_new(const struct qsp_crypto *cx, const struct qsp_kem *kem,
		const uint8_t seed[static QSP_KEM_SEED_LEN], uint8_t *ek, struct qsp_kem_key **out)
{
	struct qsp_kem_key *key = qsp_mem_alloc(sizeof(*key));

	*out = NULL;
	if (!key)
		return QSP_E_NOMEM;
	key->pkey = generate(cx, kem_name(kem),
			     octets(OSSL_PKEY_PARAM_ML_KEM_SEED, seed, QSP_KEM_SEED_LEN));
	if (!key->pkey || (ek && !get_public(key->pkey, ek, kem->ek_len))) {
		qsp_kem_key_free(key);
		return qsp_openssl_failed();
	}
	*out = key;
	return QSP_OK;
}

void
qsp_kem_key_free(struct qsp_kem_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey); /* wipes */
	qsp_mem_free(key);
}

qsp_err
qsp_kem_encaps(const struct qsp_crypto *cx, const struct qsp_kem *kem, const uint8_t *ek,
	       const uint8_t random[static QSP_KEM_RANDOM_LEN], uint8_t *ct,
	       uint8_t ss[static QSP_KEM_SS_LEN])
{
	OSSL_PARAM params[] = { octets(OSSL_KEM_PARAM_IKME, random, QSP_KEM_RANDOM_LEN),
				OSSL_PARAM_construct_end() };
	size_t ct_len = kem->ct_len, ss_len = QSP_KEM_SS_LEN;
	EVP_PKEY_CTX *c = NULL;
	EVP_PKEY *key = NULL;
	qsp_err e = qsp_kem_check_ek(kem, ek);

	if (e)
		goto out;
	key = EVP_PKEY_new_raw_public_key_ex(cx->lib, kem_name(kem), NULL, ek, kem->ek_len);
	c = key ? EVP_PKEY_CTX_new_from_pkey(cx->lib, key, NULL) : NULL;
	if (!c || EVP_PKEY_encapsulate_init(c, params) != 1 ||
	    EVP_PKEY_encapsulate(c, ct, &ct_len, ss, &ss_len) != 1 || ct_len != kem->ct_len ||
	    ss_len != QSP_KEM_SS_LEN)
		e = qsp_openssl_failed();
out:
	if (e) {
		qsp_mem_wipe(ct, kem->ct_len);
		qsp_mem_wipe(ss, QSP_KEM_SS_LEN);
	}
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(key);
	return e;
}

qsp_err
qsp_kem_decaps(const struct qsp_crypto *cx, const struct qsp_kem *kem,
	       const struct qsp_kem_key *key, const uint8_t *ct, uint8_t ss[static QSP_KEM_SS_LEN])
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(cx->lib, key->pkey, NULL);
	size_t n = QSP_KEM_SS_LEN;
	bool ok = c && EVP_PKEY_decapsulate_init(c, NULL) == 1 &&
		  EVP_PKEY_decapsulate(c, ss, &n, ct, kem->ct_len) == 1 && n == QSP_KEM_SS_LEN;

	EVP_PKEY_CTX_free(c);
	if (ok)
		return QSP_OK;
	qsp_mem_wipe(ss, QSP_KEM_SS_LEN);
	return qsp_openssl_failed();
}

/* --- ML-DSA (FIPS 204) ----------------------------------------------------------------- */

#define HEDGE_LEN 32 /* rnd of FIPS 204, algorithm 2 */

struct qsp_sig_key {
	EVP_PKEY *pkey;
};

static EVP_SIGNATURE *
sig_algorithm(const struct qsp_crypto *cx, const struct qsp_sig *s)
{
	return cx->ml_dsa[s->key_type == 16 ? 0 : 1];
}

static const char *
sig_name(const struct qsp_sig *s)
{
	return s->key_type == 16 ? "ML-DSA-65" : "ML-DSA-87";
}

qsp_err
qsp_sig_key_new(const struct qsp_crypto *cx, const struct qsp_sig *s,
		const uint8_t seed[static QSP_SIG_SEED_LEN], uint8_t *pub, struct qsp_sig_key **out)
{
	struct qsp_sig_key *key = qsp_mem_alloc(sizeof(*key));

	*out = NULL;
	if (!key)
		return QSP_E_NOMEM;
	key->pkey = generate(cx, sig_name(s),
			     octets(OSSL_PKEY_PARAM_ML_DSA_SEED, seed, QSP_SIG_SEED_LEN));
	if (!key->pkey || (pub && !get_public(key->pkey, pub, s->public_len))) {
		qsp_sig_key_free(key);
		return qsp_openssl_failed();
	}
	*out = key;
	return QSP_OK;
}

void
qsp_sig_key_free(struct qsp_sig_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey); /* wipes */
	qsp_mem_free(key);
}

/* "test-entropy" is libcrypto's name for rnd handed in; there is no other way to hand it in. */
qsp_err
qsp_sig_sign(const struct qsp_crypto *cx, const struct qsp_sig *s, const struct qsp_sig_key *key,
	     struct qsp_bytes msg, uint8_t *sig)
{
	uint8_t rnd[HEDGE_LEN];
	OSSL_PARAM params[] = { octets(OSSL_SIGNATURE_PARAM_TEST_ENTROPY, rnd, sizeof(rnd)),
				OSSL_PARAM_construct_end() };
	EVP_PKEY_CTX *c = NULL;
	size_t n = s->sig_len;
	qsp_err e = qsp_rand_bytes(cx, rnd, sizeof(rnd));

	if (e)
		goto out;
	c = EVP_PKEY_CTX_new_from_pkey(cx->lib, key->pkey, NULL);
	if (!c || EVP_PKEY_sign_message_init(c, sig_algorithm(cx, s), params) != 1 ||
	    EVP_PKEY_sign(c, sig, &n, msg.p, msg.n) != 1 || n != s->sig_len)
		e = qsp_openssl_failed();
out:
	if (e)
		qsp_mem_wipe(sig, s->sig_len);
	qsp_mem_wipe(rnd, sizeof(rnd));
	EVP_PKEY_CTX_free(c);
	return e;
}

qsp_err
qsp_sig_verify(const struct qsp_crypto *cx, const struct qsp_sig *s, struct qsp_bytes pub,
	       struct qsp_bytes msg, struct qsp_bytes sig)
{
	EVP_PKEY *key;
	EVP_PKEY_CTX *c;
	qsp_err e = QSP_E_INPUT;

	if (pub.n != s->public_len || sig.n != s->sig_len)
		return QSP_E_INPUT;
	key = EVP_PKEY_new_raw_public_key_ex(cx->lib, sig_name(s), NULL, pub.p, pub.n);
	c = key ? EVP_PKEY_CTX_new_from_pkey(cx->lib, key, NULL) : NULL;
	if (c && EVP_PKEY_verify_message_init(c, sig_algorithm(cx, s), NULL) == 1 &&
	    EVP_PKEY_verify(c, sig.p, sig.n, msg.p, msg.n) == 1)
		e = QSP_OK;
	else
		(void)qsp_openssl_failed();
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(key);
	return e;
}
