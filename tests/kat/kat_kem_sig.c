/* SPDX-License-Identifier: ISC */
/* The algorithms of [P1.1]: the vectors' keys, ciphertexts and signatures, RFC 7748, round trips. */
#include "base/text.h"
#include "crypto/kem.h"
#include "crypto/sig.h"
#include "crypto/x25519.h"
#include "fixture.h"
#include "kat/vectors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
unhex(const char *s, uint8_t *out, size_t n)
{
	assert_int_equal(qsp_text_unhex(s, strlen(s), out, n), QSP_OK);
}

/* Decapsulates a choice {ct, ss} of handshake.json with a seed. */
static void
check_choice(const struct qsp_kem *kem, const uint8_t *seed, const json_t *choice)
{
	struct qsp_bytes ct = qsp_vec_bytes(choice, "ct");
	uint8_t ss[QSP_KEM_SS_LEN], want[QSP_KEM_SS_LEN];
	struct qsp_kem_key *key;

	assert_int_equal(ct.n, kem->ct_len);
	qsp_vec_exact(choice, "ss", want, sizeof(want));
	assert_int_equal(qsp_kem_key_new(cx, kem, seed, NULL, &key), QSP_OK);
	assert_int_equal(qsp_kem_decaps(cx, kem, key, ct.p, ss), QSP_OK);
	assert_memory_equal(ss, want, sizeof(ss));
	qsp_kem_key_free(key);
}

static void
keys_and_ciphertexts_of_the_handshakes(void **state)
{
	json_t *doc = qsp_vec_open("handshake"), *o;
	size_t i;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "cases"), i, o)
	{
		const struct qsp_kem *kem = qsp_kem_by_id((uint8_t)qsp_vec_int(o, "kem"));
		const json_t *host = qsp_vec_object(o, "host");
		const json_t *client = qsp_vec_object(o, "client_choices");
		const json_t *server = qsp_vec_object(o, "server_choices");
		uint8_t seed[QSP_KEM_SEED_LEN], ek[QSP_KEM_EK_MAX], got[32], want[32];
		struct qsp_kem_key *key;

		qsp_vec_exact(host, "x_private", seed, 32);
		assert_int_equal(qsp_x25519_public(cx, seed, got), QSP_OK);
		qsp_vec_exact(host, "x_public", want, 32);
		assert_memory_equal(got, want, 32);

		qsp_vec_exact(host, "kem_seed", seed, sizeof(seed));
		assert_int_equal(qsp_kem_key_new(cx, kem, seed, ek, &key), QSP_OK);
		qsp_kem_key_free(key);
		assert_int_equal(qsp_hash_one(cx, QSP_HASH_SHA256, qsp_bytes(ek, kem->ek_len), got),
				 QSP_OK);
		qsp_vec_exact(host, "ek_sha256", want, 32);
		assert_memory_equal(got, want, 32);

		check_choice(kem, seed, qsp_vec_object(client, "ct_S"));
		qsp_vec_exact(client, "ek_e seed", seed, sizeof(seed));
		check_choice(kem, seed, qsp_vec_object(server, "ct_e"));
	}
	qsp_vec_close(doc);
}

static const struct qsp_sig *
sig_by_name(const char *name)
{
	for (uint8_t t = 16; t <= 17; t++)
		if (strcmp(qsp_sig_by_type(t)->name, name) == 0)
			return qsp_sig_by_type(t);
	fail_msg("no signature type %s", name);
	return NULL;
}

static void
signatures_of_the_handshakes(void **state)
{
	json_t *doc = qsp_vec_open("handshake"), *o;
	unsigned seen = 0;
	size_t i;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "cases"), i, o)
	{
		const json_t *auth = qsp_vec_object(o, "authentication"), *made, *kept;
		const struct qsp_sig *s;
		uint8_t seed[QSP_SIG_SEED_LEN], pub[QSP_SIG_PUBLIC_MAX];
		struct qsp_sig_key *key;
		struct qsp_bytes sig;

		if (qsp_vec_null(auth, "signature_key"))
			continue;
		kept = qsp_vec_object(auth, "signature_key");
		made = qsp_vec_object(qsp_vec_object(o, "client_choices"), "AUTH_PROOF signature");
		s = sig_by_name(qsp_vec_text(kept, "type"));
		sig = qsp_vec_bytes(made, "signature");
		qsp_vec_exact(kept, "seed", seed, sizeof(seed));
		assert_int_equal(qsp_sig_key_new(cx, s, seed, pub, &key), QSP_OK);
		qsp_sig_key_free(key);
		assert_int_equal(qsp_sig_verify(cx, s, qsp_bytes(pub, s->public_len),
						qsp_vec_bytes(made, "message"), sig),
				 QSP_OK);
		seen++;
	}
	assert_true(seen > 0);
	qsp_vec_close(doc);
}

static void
kem_round_trips(void **state)
{
	(void)state;
	for (uint8_t id = 1; id <= 2; id++) {
		const struct qsp_kem *kem = qsp_kem_by_id(id);
		uint8_t seed[QSP_KEM_SEED_LEN], random[QSP_KEM_RANDOM_LEN], ek[QSP_KEM_EK_MAX];
		uint8_t ct[QSP_KEM_CT_MAX], again[QSP_KEM_CT_MAX], a[32], b[32];
		struct qsp_kem_key *key;

		assert_int_equal(seeded_random(&source, seed, sizeof(seed)), QSP_OK);
		assert_int_equal(seeded_random(&source, random, sizeof(random)), QSP_OK);
		assert_int_equal(qsp_kem_key_new(cx, kem, seed, ek, &key), QSP_OK);
		assert_int_equal(qsp_kem_encaps(cx, kem, ek, random, ct, a), QSP_OK);
		assert_int_equal(qsp_kem_decaps(cx, kem, key, ct, b), QSP_OK);
		assert_memory_equal(a, b, 32);
		/* all of the ciphertext follows from the randomness handed in */
		assert_int_equal(qsp_kem_encaps(cx, kem, ek, random, again, b), QSP_OK);
		assert_memory_equal(ct, again, kem->ct_len);
		assert_memory_equal(a, b, 32);
		random[0] ^= 1;
		assert_int_equal(qsp_kem_encaps(cx, kem, ek, random, again, b), QSP_OK);
		assert_memory_not_equal(ct, again, kem->ct_len);
		/* implicit rejection: a changed ciphertext gives some other, constant ss */
		ct[0] ^= 1;
		assert_int_equal(qsp_kem_decaps(cx, kem, key, ct, b), QSP_OK);
		assert_memory_not_equal(a, b, 32);
		assert_int_equal(qsp_kem_decaps(cx, kem, key, ct, a), QSP_OK);
		assert_memory_equal(a, b, 32);
		qsp_kem_key_free(key);
	}
	assert_null(qsp_kem_by_id(0));
	assert_null(qsp_kem_by_id(3));
}

static void
sizes_are_those_of_the_standards(void **state)
{
	const struct qsp_kem *kem = qsp_kem_by_id(1);

	(void)state;
	assert_int_equal(kem->ek_len, 384 * kem->k + 32);
	assert_int_equal(kem->ct_len, 32 * (kem->du * kem->k + kem->dv));
	assert_int_equal(kem->slot_len, 384 * (kem->k + 1));
	kem = qsp_kem_by_id(2);
	assert_int_equal(kem->ek_len, 384 * kem->k + 32);
	assert_int_equal(kem->ct_len, 32 * (kem->du * kem->k + kem->dv));
	assert_int_equal(kem->slot_len, 384 * (kem->k + 1));
	assert_null(qsp_sig_by_type(15));
	assert_null(qsp_sig_by_type(18));
}

/* RFC 7748, 5.2 and 6.1 */
static void
x25519_of_the_rfc(void **state)
{
	uint8_t priv[32], u[32], got[32], want[32];

	(void)state;
	unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", priv, 32);
	unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", u, 32);
	unhex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552", want, 32);
	assert_int_equal(qsp_x25519_dh(cx, priv, u, got), QSP_OK);
	assert_memory_equal(got, want, 32);
	unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", priv, 32);
	unhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", want, 32);
	assert_int_equal(qsp_x25519_public(cx, priv, got), QSP_OK);
	assert_memory_equal(got, want, 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_and_ciphertexts_of_the_handshakes),
		cmocka_unit_test(signatures_of_the_handshakes),
		cmocka_unit_test(kem_round_trips),
		cmocka_unit_test(sizes_are_those_of_the_standards),
		cmocka_unit_test(x25519_of_the_rfc),
	};

	source.state = 3;
	return cmocka_run_group_tests(tests, open_seeded, close_crypto);
}
