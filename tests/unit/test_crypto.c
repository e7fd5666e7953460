/* SPDX-License-Identifier: ISC */
/* src/crypto where things go wrong: bad tags, keys, points, and a random source that fails. */
#include "base/ct.h"
#include "crypto/aead.h"
#include "crypto/elligator2.h"
#include "crypto/kemeleon.h"
#include "crypto/rand.h"
#include "crypto/sig.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int
fresh_source(void **state)
{
	(void)state;
	source = (struct seeded){ .state = 4 };
	return 0;
}

static void
fill(uint8_t *p, size_t n)
{
	struct seeded s = { .state = n };

	assert_int_equal(seeded_random(&s, p, n), QSP_OK);
}

/* A pair of contexts for one row, keyed alike. */
struct pair {
	const struct qsp_aead *a;
	struct qsp_aead_ctx *seal, *open;
};

static struct pair
pair_of(uint8_t id, uint8_t key)
{
	struct pair p = { .a = qsp_aead_by_id(id) };
	struct qsp_aead_keys keys = { { key }, { key } };

	assert_non_null(p.a);
	assert_int_equal(qsp_aead_ctx_new(cx, p.a, true, &p.seal), QSP_OK);
	assert_int_equal(qsp_aead_ctx_new(cx, p.a, false, &p.open), QSP_OK);
	assert_int_equal(qsp_aead_ctx_key(p.seal, &keys), QSP_OK);
	assert_int_equal(qsp_aead_ctx_key(p.open, &keys), QSP_OK);
	return p;
}

static void
pair_free(struct pair *p)
{
	qsp_aead_ctx_free(p->seal);
	qsp_aead_ctx_free(p->open);
}

static const uint8_t nonce[QSP_AEAD_NONCE_LEN] = { 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7 };
static const uint8_t dir[1] = { 1 };

static void
aead_notices_every_flipped_bit(void **state)
{
	enum { N = 100 };

	(void)state;
	for (uint8_t id = 1; id <= 3; id++) {
		struct pair p = pair_of(id, 1);
		uint8_t pt[N], record[N + QSP_AEAD_TAG_MAX], out[N];
		struct qsp_bytes aad = QSP_BYTES_OF(dir);
		size_t n = N + p.a->tag_len;

		fill(pt, N);
		assert_int_equal(p.a->seal(p.seal, nonce, aad, pt, N, record, record + N), QSP_OK);
		for (size_t bit = 0; bit < 8 * n; bit++) {
			record[bit / 8] ^= (uint8_t)(1u << bit % 8);
			memset(out, 0xaa, N);
			assert_int_equal(p.a->open(p.open, nonce, aad, record, N, record + N, out),
					 QSP_E_DECRYPT);
			assert_true(qsp_ct_is_zero(out, N));
			record[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		/* a failure does not spoil the context */
		assert_int_equal(p.a->open(p.open, nonce, aad, record, N, record + N, out), QSP_OK);
		assert_memory_equal(out, pt, N);
		pair_free(&p);
	}
}

static void
aead_notices_nonce_aad_and_key(void **state)
{
	(void)state;
	for (uint8_t id = 1; id <= 3; id++) {
		struct pair p = pair_of(id, 1), other = pair_of(id, 2);
		uint8_t pt[33], ct[33], tag[QSP_AEAD_TAG_MAX], out[33], n2[QSP_AEAD_NONCE_LEN];
		static const uint8_t zero[1], two[2] = { 1, 0 };
		struct qsp_bytes aad = QSP_BYTES_OF(dir);

		fill(pt, sizeof(pt));
		assert_int_equal(p.a->seal(p.seal, nonce, aad, pt, 33, ct, tag), QSP_OK);
		for (size_t i = 0; i < sizeof(n2); i++) {
			memcpy(n2, nonce, sizeof(n2));
			n2[i] ^= 0x80;
			assert_int_equal(p.a->open(p.open, n2, aad, ct, 33, tag, out),
					 QSP_E_DECRYPT);
		}
		assert_int_equal(p.a->open(p.open, nonce, QSP_BYTES_OF(zero), ct, 33, tag, out),
				 QSP_E_DECRYPT);
		assert_int_equal(p.a->open(p.open, nonce, QSP_BYTES_OF(two), ct, 33, tag, out),
				 QSP_E_DECRYPT);
		assert_int_equal(p.a->open(p.open, nonce, QSP_BYTES_NONE, ct, 33, tag, out),
				 QSP_E_DECRYPT);
		assert_int_equal(p.a->open(p.open, nonce, aad, ct, 32, tag, out), QSP_E_DECRYPT);
		assert_int_equal(p.a->open(other.open, nonce, aad, ct, 33, tag, out),
				 QSP_E_DECRYPT);
		assert_true(qsp_ct_is_zero(out, 33));
		pair_free(&p);
		pair_free(&other);
	}
}

static void
aead_works_in_place_and_on_nothing(void **state)
{
	(void)state;
	for (uint8_t id = 1; id <= 3; id++) {
		struct pair p = pair_of(id, 3);
		uint8_t pt[752], ct[752], buf[752], tag[QSP_AEAD_TAG_MAX], tag2[QSP_AEAD_TAG_MAX];
		struct qsp_bytes aad = QSP_BYTES_OF(dir);

		fill(pt, sizeof(pt));
		for (size_t n = 0; n <= sizeof(pt); n += 47) {
			memcpy(buf, pt, n);
			assert_int_equal(p.a->seal(p.seal, nonce, aad, pt, n, ct, tag), QSP_OK);
			assert_int_equal(p.a->seal(p.seal, nonce, aad, buf, n, buf, tag2), QSP_OK);
			assert_memory_equal(buf, ct, n);
			assert_memory_equal(tag, tag2, p.a->tag_len);
			assert_int_equal(p.a->open(p.open, nonce, aad, buf, n, tag, buf), QSP_OK);
			assert_memory_equal(buf, pt, n);
			memcpy(buf, ct, n);
			tag2[0] ^= 1;
			assert_int_equal(p.a->open(p.open, nonce, aad, buf, n, tag2, buf),
					 QSP_E_DECRYPT);
			assert_true(qsp_ct_is_zero(buf, n));
		}
		assert_int_equal(p.a->seal(p.seal, nonce, aad, NULL, 0, NULL, tag), QSP_OK);
		assert_int_equal(p.a->open(p.open, nonce, aad, NULL, 0, tag, NULL), QSP_OK);
		pair_free(&p);
	}
}

static void
aead_contexts_keep_their_way(void **state)
{
	(void)state;
	for (uint8_t id = 1; id <= 3; id++) {
		struct pair p = pair_of(id, 4), used = pair_of(id, 5);
		struct qsp_aead_keys keys = { { 4 }, { 4 } };
		uint8_t buf[16] = { 9 }, again[16] = { 9 }, tag[32] = { 0 }, tag2[32] = { 0 };
		struct qsp_bytes aad = QSP_BYTES_OF(dir);

		assert_int_equal(p.a->seal(p.open, nonce, aad, buf, 16, buf, tag), QSP_E_CRYPTO);
		assert_true(qsp_ct_is_zero(buf, 16));
		assert_int_equal(p.a->open(p.seal, nonce, aad, buf, 16, tag, buf), QSP_E_CRYPTO);
		/* a context that had another key is as good as a fresh one */
		assert_int_equal(p.a->seal(used.seal, nonce, aad, buf, 16, buf, tag), QSP_OK);
		assert_int_equal(qsp_aead_ctx_key(used.seal, &keys), QSP_OK);
		memcpy(buf, again, 16);
		assert_int_equal(p.a->seal(used.seal, nonce, aad, buf, 16, buf, tag), QSP_OK);
		assert_int_equal(p.a->seal(p.seal, nonce, aad, again, 16, again, tag2), QSP_OK);
		assert_memory_equal(buf, again, 16);
		assert_memory_equal(tag, tag2, p.a->tag_len);
		pair_free(&p);
		pair_free(&used);
	}
	assert_null(qsp_aead_by_id(0));
	assert_null(qsp_aead_by_id(4));
	assert_null(qsp_aead_by_name(qsp_bytes_str("aes256-gcm ")));
	qsp_aead_ctx_free(NULL);
}

static void
ctr_mask_undoes_itself(void **state)
{
	uint8_t key[32], data[1537], plain[1537];

	(void)state;
	fill(key, sizeof(key));
	fill(plain, sizeof(plain));
	memcpy(data, plain, sizeof(data));
	assert_int_equal(qsp_aead_ctr_xor(cx, key, data, sizeof(data)), QSP_OK);
	assert_memory_not_equal(data, plain, sizeof(data));
	assert_int_equal(qsp_aead_ctr_xor(cx, key, data, sizeof(data)), QSP_OK);
	assert_memory_equal(data, plain, sizeof(data));
}

/* [P1] The points of small order, in all their encodings of 255 bits. */
static void
x25519_refuses_small_order(void **state)
{
	static const uint8_t zero[32];
	uint8_t priv[32], shared[32], peer[6][32] = { { 0 }, { 1 } };

	(void)state;
	fill(priv, sizeof(priv));
	for (size_t i = 2; i < 5; i++) { /* p - 1, p, p + 1 */
		memset(peer[i], 0xff, 32);
		peer[i][0] = (uint8_t)(0xec + i - 2);
		peer[i][31] = 0x7f;
	}
	memset(peer[5], 0, 32);
	peer[5][31] = 0x80; /* 0 with the ignored bit */
	for (size_t i = 0; i < 6; i++) {
		memset(shared, 0xaa, sizeof(shared));
		assert_int_equal(qsp_x25519_dh(cx, priv, peer[i], shared), QSP_E_INPUT);
		assert_memory_equal(shared, zero, 32);
	}
}

static void
kem_refuses_coefficients_over_q(void **state)
{
	(void)state;
	for (uint8_t id = 1; id <= 2; id++) {
		const struct qsp_kem *kem = qsp_kem_by_id(id);
		uint8_t seed[64], ek[QSP_KEM_EK_MAX], bad[QSP_KEM_EK_MAX], ct[QSP_KEM_CT_MAX];
		uint8_t ss[32], out[QSP_KEM_EK_MAX];
		struct qsp_kem_key *key;

		fill(seed, sizeof(seed));
		assert_int_equal(qsp_kem_key_new(cx, kem, seed, ek, &key), QSP_OK);
		qsp_kem_key_free(key);
		assert_int_equal(qsp_kem_check_ek(kem, ek), QSP_OK);
		for (size_t i = 0; i < kem->ek_len - 32u; i++) {
			memcpy(bad, ek, kem->ek_len);
			/* both nibbles of the middle byte, or the coefficient's high byte */
			if (i % 3 == 0)
				bad[i + 1] |= 0x0f;
			bad[i] = 0xff;
			if (i % 3 == 0) {
				assert_int_equal(qsp_kem_check_ek(kem, bad), QSP_E_INPUT);
				assert_int_equal(qsp_kemeleon_put_ek(cx, kem, bad, out),
						 QSP_E_INPUT);
				assert_true(qsp_ct_is_zero(out, kem->ek_len));
			}
			if (i % 192 == 0) {
				memset(ct, 0xaa, sizeof(ct));
				assert_int_equal(qsp_kem_encaps(cx, kem, bad, seed, ct, ss),
						 QSP_E_INPUT);
				assert_true(qsp_ct_is_zero(ct, kem->ct_len));
				assert_true(qsp_ct_is_zero(ss, sizeof(ss)));
			}
		}
		/* 3328 is right, 3329 is wrong, low and high */
		memcpy(bad, ek, kem->ek_len);
		bad[0] = 0x00, bad[1] = 0x0d, bad[2] = 0xd0;
		assert_int_equal(qsp_kem_check_ek(kem, bad), QSP_OK);
		bad[0] = 0x01;
		assert_int_equal(qsp_kem_check_ek(kem, bad), QSP_E_INPUT);
		bad[0] = 0x00, bad[1] = 0x1d;
		assert_int_equal(qsp_kem_check_ek(kem, bad), QSP_E_INPUT);
	}
	qsp_kem_key_free(NULL);
}

static void
sig_refuses_what_was_not_signed(void **state)
{
	static uint8_t pub[QSP_SIG_PUBLIC_MAX], sig[QSP_SIG_LEN_MAX], again[QSP_SIG_LEN_MAX];

	(void)state;
	for (uint8_t type = 16; type <= 17; type++) {
		const struct qsp_sig *s = qsp_sig_by_type(type);
		struct qsp_bytes msg = qsp_bytes_str("message"), p, g;
		uint8_t seed[32];
		struct qsp_sig_key *key;

		fill(seed, sizeof(seed));
		assert_int_equal(qsp_sig_key_new(cx, s, seed, pub, &key), QSP_OK);
		assert_int_equal(qsp_sig_sign(cx, s, key, msg, sig), QSP_OK);
		p = qsp_bytes(pub, s->public_len);
		g = qsp_bytes(sig, s->sig_len);
		assert_int_equal(qsp_sig_verify(cx, s, p, msg, g), QSP_OK);
		/* hedged, by our source and no other */
		assert_int_equal(qsp_sig_sign(cx, s, key, msg, again), QSP_OK);
		assert_memory_not_equal(sig, again, s->sig_len);
		fresh_source(NULL);
		assert_int_equal(qsp_sig_sign(cx, s, key, msg, again), QSP_OK);
		fresh_source(NULL);
		assert_int_equal(qsp_sig_sign(cx, s, key, msg, sig), QSP_OK);
		assert_memory_equal(sig, again, s->sig_len);

		assert_int_equal(qsp_sig_verify(cx, s, p, qsp_bytes_str("messagf"), g),
				 QSP_E_INPUT);
		assert_int_equal(qsp_sig_verify(cx, s, p, QSP_BYTES_NONE, g), QSP_E_INPUT);
		g.n--;
		assert_int_equal(qsp_sig_verify(cx, s, p, msg, g), QSP_E_INPUT);
		g.n++;
		p.n--;
		assert_int_equal(qsp_sig_verify(cx, s, p, msg, g), QSP_E_INPUT);
		p.n++;
		for (size_t i = 0; i < s->sig_len; i += 97) {
			sig[i] ^= 4;
			assert_int_equal(qsp_sig_verify(cx, s, p, msg, g), QSP_E_INPUT);
			sig[i] ^= 4;
		}
		pub[40] ^= 1;
		assert_int_equal(qsp_sig_verify(cx, s, p, msg, g), QSP_E_INPUT);
		qsp_sig_key_free(key);
	}
	qsp_sig_key_free(NULL);
	qsp_crypto_free(NULL);
}

/* What draws, by name: each draw may fail, and then the output is zero. */
static const uint8_t *drawn_ek, *drawn_ct;
static const struct qsp_sig_key *drawn_key;

static qsp_err
draw_bytes(uint8_t *out)
{
	return qsp_rand_bytes(cx, out, 100);
}

static qsp_err
draw_keypair(uint8_t *out)
{
	return qsp_elligator2_keypair(cx, out, out + 32);
}

static qsp_err
draw_ek(uint8_t *out)
{
	return qsp_kemeleon_put_ek(cx, qsp_kem_by_id(1), drawn_ek, out);
}

static qsp_err
draw_ct(uint8_t *out)
{
	return qsp_kemeleon_put_ct(cx, qsp_kem_by_id(1), drawn_ct, out);
}

static qsp_err
draw_sig(uint8_t *out)
{
	return qsp_sig_sign(cx, qsp_sig_by_type(16), drawn_key, qsp_bytes_str("m"), out);
}

static void
each_draw_may_fail(void **state)
{
	static const struct {
		qsp_err (*draw)(uint8_t *out);
		size_t n;
	} users[] = {
		{ draw_bytes, 100 }, { draw_keypair, 64 }, { draw_ek, 1184 },
		{ draw_ct, 1536 },   { draw_sig, 3309 },
	};
	uint8_t seed[64], ek[QSP_KEM_EK_MAX], ct[QSP_KEM_CT_MAX], ss[32], out[QSP_SIG_LEN_MAX];
	struct qsp_kem_key *kem_key;
	struct qsp_sig_key *sig_key;

	(void)state;
	fill(seed, sizeof(seed));
	assert_int_equal(qsp_kem_key_new(cx, qsp_kem_by_id(1), seed, ek, &kem_key), QSP_OK);
	assert_int_equal(qsp_kem_encaps(cx, qsp_kem_by_id(1), ek, seed, ct, ss), QSP_OK);
	assert_int_equal(qsp_sig_key_new(cx, qsp_sig_by_type(16), seed, NULL, &sig_key), QSP_OK);
	drawn_ek = ek;
	drawn_ct = ct;
	drawn_key = sig_key;
	for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++) {
		uint64_t draws;

		for (uint64_t seed_of_run = 0; seed_of_run < 20; seed_of_run++) {
			source = (struct seeded){ .state = seed_of_run };
			assert_int_equal(users[i].draw(out), QSP_OK);
			draws = source.draws;
			assert_in_range(draws, 1, 40);
			for (uint64_t fail = 1; fail <= draws; fail++) {
				source = (struct seeded){ .state = seed_of_run, .fail_at = fail };
				memset(out, 0xaa, sizeof(out));
				assert_int_equal(users[i].draw(out), QSP_E_RNG);
				assert_true(qsp_ct_is_zero(out, users[i].n));
			}
		}
	}
	qsp_kem_key_free(kem_key);
	qsp_sig_key_free(sig_key);
}

/* [P4.1] A source that is stuck on a key without representative ends, with an error. */
static qsp_err
stuck(void *arg, uint8_t *out, size_t n)
{
	memset(out, *(const uint8_t *)arg, n);
	return QSP_OK;
}

static void
keypair_gives_up(void **state)
{
	unsigned refused = 0;

	(void)state;
	for (unsigned v = 0; v < 8; v++) {
		uint8_t value = (uint8_t)v, priv[32], rep[32];
		struct qsp_crypto *c;
		qsp_err e;

		assert_int_equal(qsp_crypto_new(stuck, &value, &c), QSP_OK);
		e = qsp_elligator2_keypair(c, priv, rep);
		if (e) {
			assert_int_equal(e, QSP_E_RNG);
			assert_true(qsp_ct_is_zero(priv, 32));
			refused++;
		}
		qsp_crypto_free(c);
	}
	assert_in_range(refused, 1, 7);
}

static void
system_source_is_no_constant(void **state)
{
	uint8_t a[64], b[64];

	(void)state;
	assert_int_equal(qsp_rand_system(NULL, a, sizeof(a)), QSP_OK);
	assert_int_equal(qsp_rand_system(NULL, b, sizeof(b)), QSP_OK);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(qsp_rand_system(NULL, a, 0), QSP_OK);
	assert_int_equal(strncmp(qsp_crypto_version(), "OpenSSL 3.", 10), 0);
}

/* The process that has the host keys is asked by one that may have been taken over. */
static void
answers_for_its_own_keys_alone(void **state)
{
	static const uint8_t point[32] = { 9 };
	static uint8_t ct[QSP_KEM_CT_MAX];
	struct qsp_key *keys[4] = { NULL };
	struct qsp_decaps_question q = { .point = point };
	struct qsp_decaps_answer a;
	size_t ct_len;

	(void)state;
	assert_int_equal(qsp_key_generate(cx, QSP_KEY_MLKEM768X25519, &keys[0]), 0);
	ct_len = qsp_kem_by_id(QSP_KEY_MLKEM768X25519)->ct_len;
	assert_int_equal(qsp_key_answer(keys, 1, &q, &a), 0);
	q.all_keys = true;
	assert_int_equal(qsp_key_answer(keys, 1, &q, &a), 0);
	for (unsigned all = 0; all < 2; all++) {
		q.all_keys = all;
		for (unsigned key = 1; key < 256; key++) {
			q.key = key;
			q.ct = qsp_bytes(ct, ct_len);
			assert_int_equal(qsp_key_answer(keys, 1, &q, &a), QSP_E_INPUT);
		}
	}
	q.key = 0;
	q.ct = qsp_bytes(ct, ct_len - 1);
	assert_int_equal(qsp_key_answer(keys, 1, &q, &a), QSP_E_INPUT);
	q.all_keys = false;
	assert_int_equal(qsp_key_answer(keys, 0, &q, &a), QSP_E_INPUT);
	qsp_key_free(keys[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aead_notices_every_flipped_bit),
		cmocka_unit_test(aead_notices_nonce_aad_and_key),
		cmocka_unit_test(aead_works_in_place_and_on_nothing),
		cmocka_unit_test(aead_contexts_keep_their_way),
		cmocka_unit_test(ctr_mask_undoes_itself),
		cmocka_unit_test(x25519_refuses_small_order),
		cmocka_unit_test(kem_refuses_coefficients_over_q),
		cmocka_unit_test_setup(sig_refuses_what_was_not_signed, fresh_source),
		cmocka_unit_test(answers_for_its_own_keys_alone),
		cmocka_unit_test(each_draw_may_fail),
		cmocka_unit_test(keypair_gives_up),
		cmocka_unit_test(system_source_is_no_constant),
	};

	return cmocka_run_group_tests(tests, open_seeded, close_crypto);
}
