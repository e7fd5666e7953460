/* SPDX-License-Identifier: ISC */
/* [P4.1] Kemeleon against kemeleon.json, every preimage by brute force, and statistics. */
#include "crypto/kemeleon.h"
#include "fixture.h"
#include "kat/vectors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define Q 3329

static const struct qsp_kem *
kem_of(const json_t *o)
{
	const struct qsp_kem *kem = qsp_kem_by_id((uint8_t)qsp_vec_int(o, "kem"));

	assert_non_null(kem);
	return kem;
}

static void
tables_of_preimages(void **state)
{
	json_t *doc = qsp_vec_open("kemeleon"), *o;
	size_t i;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "preimage_tables"), i, o)
	{
		unsigned d = (unsigned)qsp_vec_int(o, "d");
		uint8_t table[4 << 11], want[32], got[32];
		uint32_t values = 1u << d;

		for (uint32_t y = 0; y < values; y++) {
			uint16_t first, count;

			qsp_kemeleon_preimages((uint16_t)y, d, &first, &count);
			qsp_bytes_put16(table + 4 * y, first);
			qsp_bytes_put16(table + 4 * y + 2, count);
			for (uint32_t k = 0; k < count; k++)
				assert_int_equal(
					qsp_kemeleon_compress((uint16_t)((first + k) % Q), d), y);
			assert_int_equal(
				qsp_kemeleon_compress(qsp_kemeleon_decompress((uint16_t)y, d), d),
				y);
		}
		assert_int_equal(
			qsp_hash_one(cx, QSP_HASH_SHA256, qsp_bytes(table, 4 * values), got),
			QSP_OK);
		qsp_vec_exact(o, "sha256", want, 32);
		assert_memory_equal(got, want, 32);
	}
	qsp_vec_close(doc);
}

/* The polynomials of an encoding from chosen coefficients and m. */
static void
check_polys(const uint16_t a[][QSP_KEMELEON_N], const json_t *m, struct qsp_bytes encoded)
{
	for (size_t k = 0; k < json_array_size(m); k++) {
		uint8_t little[QSP_KEMELEON_M_LEN], got[QSP_KEMELEON_POLY_LEN];
		const uint8_t *want = encoded.p + QSP_KEMELEON_POLY_LEN * k;
		uint16_t back[QSP_KEMELEON_N];

		qsp_vec_little(json_array_get(m, k), little, sizeof(little));
		assert_int_equal(qsp_kemeleon_put_poly(a[k], little, got), QSP_OK);
		assert_memory_equal(got, want, sizeof(got));
		qsp_kemeleon_get_poly(got, back);
		assert_memory_equal(back, a[k], sizeof(back));
	}
}

static void
encodes_keys(void **state)
{
	json_t *doc = qsp_vec_open("kemeleon"), *o;
	size_t i;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "ek"), i, o)
	{
		const struct qsp_kem *kem = kem_of(o);
		struct qsp_bytes raw = qsp_vec_bytes(o, "raw"), enc = qsp_vec_bytes(o, "encoded");
		uint8_t ek[QSP_KEM_EK_MAX];
		uint16_t a[4][QSP_KEMELEON_N];

		assert_int_equal(raw.n, kem->ek_len);
		assert_int_equal(enc.n, kem->ek_len);
		if (!qsp_vec_null(o, "seed")) {
			struct qsp_kem_key *key;
			uint8_t seed[QSP_KEM_SEED_LEN];

			qsp_vec_exact(o, "seed", seed, sizeof(seed));
			assert_int_equal(qsp_kem_key_new(cx, kem, seed, ek, &key), QSP_OK);
			assert_memory_equal(ek, raw.p, raw.n);
			qsp_kem_key_free(key);
		}
		for (size_t j = 0; j < (size_t)kem->k * QSP_KEMELEON_N; j++) {
			const uint8_t *p = raw.p + j / 2 * 3;

			a[j / QSP_KEMELEON_N][j % QSP_KEMELEON_N] =
				(uint16_t)(j & 1 ? p[1] >> 4 | p[2] << 4 : p[0] | (p[1] & 15) << 8);
		}
		check_polys((const uint16_t(*)[QSP_KEMELEON_N])a, qsp_vec_list(o, "m"), enc);
		qsp_kemeleon_get_ek(kem, enc.p, ek);
		assert_memory_equal(ek, raw.p, raw.n);
	}
	qsp_vec_close(doc);
}

static void
encodes_ciphertexts(void **state)
{
	json_t *doc = qsp_vec_open("kemeleon"), *o;
	size_t i;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "ct"), i, o)
	{
		const struct qsp_kem *kem = kem_of(o);
		struct qsp_bytes raw = qsp_vec_bytes(o, "raw"), enc = qsp_vec_bytes(o, "encoded");
		const json_t *lists = qsp_vec_list(o, "coefficients");
		uint8_t ct[QSP_KEM_CT_MAX];
		uint16_t a[5][QSP_KEMELEON_N];

		assert_int_equal(raw.n, kem->ct_len);
		assert_int_equal(enc.n, kem->slot_len);
		for (size_t k = 0; k <= kem->k; k++) {
			struct qsp_bytes b = qsp_vec_bytes_of(json_array_get(lists, k));

			for (size_t j = 0; j < QSP_KEMELEON_N; j++)
				a[k][j] = qsp_bytes_get16(b.p + 2 * j);
		}
		check_polys((const uint16_t(*)[QSP_KEMELEON_N])a, qsp_vec_list(o, "m"), enc);
		qsp_kemeleon_get_ct(kem, enc.p, ct);
		assert_memory_equal(ct, raw.p, raw.n);
		if (!qsp_vec_null(o, "seed")) {
			struct qsp_kem_key *key;
			uint8_t seed[QSP_KEM_SEED_LEN], ss[32], want[32];

			qsp_vec_exact(o, "seed", seed, sizeof(seed));
			qsp_vec_exact(o, "ss", want, sizeof(want));
			assert_int_equal(qsp_kem_key_new(cx, kem, seed, NULL, &key), QSP_OK);
			assert_int_equal(qsp_kem_decaps(cx, kem, key, ct, ss), QSP_OK);
			assert_memory_equal(ss, want, sizeof(ss));
			qsp_kem_key_free(key);
		}
	}
	qsp_vec_close(doc);
}

static void
decodes_every_string(void **state)
{
	json_t *doc = qsp_vec_open("kemeleon"), *o;
	uint8_t out[QSP_KEM_SLOT_MAX];
	size_t i;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "decode_ek"), i, o)
	{
		struct qsp_bytes raw = qsp_vec_bytes(o, "raw"), enc = qsp_vec_bytes(o, "encoded");

		qsp_kemeleon_get_ek(kem_of(o), enc.p, out);
		assert_memory_equal(out, raw.p, raw.n);
		assert_int_equal(qsp_kem_check_ek(kem_of(o), out), QSP_OK);
	}
	json_array_foreach(qsp_vec_list(doc, "decode_ct"), i, o)
	{
		struct qsp_bytes raw = qsp_vec_bytes(o, "raw"), enc = qsp_vec_bytes(o, "encoded");

		qsp_kemeleon_get_ct(kem_of(o), enc.p, out);
		assert_memory_equal(out, raw.p, raw.n);
	}
	qsp_vec_close(doc);
}

/* floor((2^3072 - 1 - r) / q^256) for r = 0, and one less where r is large. */
static void
bounds_m(void **state)
{
	static const uint8_t q_m[QSP_KEMELEON_M_LEN] = {
		0x0c, 0x71, 0x10, 0x3b, 0xa1, 0x10, 0xed, 0xf2, 0xdb, 0x17,
	};
	uint8_t m[QSP_KEMELEON_M_LEN], out[QSP_KEMELEON_POLY_LEN];
	uint16_t a[QSP_KEMELEON_N] = { 0 };

	(void)state;
	assert_int_equal(qsp_kemeleon_put_poly(a, q_m, out), QSP_OK);
	memcpy(m, q_m, sizeof(m));
	m[0]++; /* no carry: see above */
	assert_int_equal(qsp_kemeleon_put_poly(a, m, out), QSP_E_INPUT);
	memset(m, 0xff, sizeof(m));
	assert_int_equal(qsp_kemeleon_put_poly(a, m, out), QSP_E_INPUT);
	for (size_t i = 0; i < QSP_KEMELEON_N; i++)
		a[i] = Q - 1;
	assert_int_equal(qsp_kemeleon_put_poly(a, q_m, out), QSP_E_INPUT);
	memcpy(m, q_m, sizeof(m));
	m[0]--;
	assert_int_equal(qsp_kemeleon_put_poly(a, m, out), QSP_OK);
}

/* Every bit of many encodings of one key, and of one ciphertext, is one about half the time. */
static void
encodings_are_even(void **state)
{
	enum { ROUNDS = 1200 };
	static unsigned ones[8 * QSP_KEM_SLOT_MAX];

	(void)state;
	for (uint8_t id = 1; id <= 2; id++) {
		const struct qsp_kem *kem = qsp_kem_by_id(id);
		uint8_t ek[QSP_KEM_EK_MAX], ct[QSP_KEM_CT_MAX], back[QSP_KEM_CT_MAX], ss[32];
		uint8_t out[QSP_KEM_SLOT_MAX], seed[64], random[32];

		memset(ones, 0, sizeof(ones));
		for (int i = 0; i < ROUNDS; i++) {
			struct qsp_kem_key *key;

			assert_int_equal(seeded_random(&source, seed, sizeof(seed)), QSP_OK);
			assert_int_equal(seeded_random(&source, random, sizeof(random)), QSP_OK);
			assert_int_equal(qsp_kem_key_new(cx, kem, seed, ek, &key), QSP_OK);
			qsp_kem_key_free(key);
			assert_int_equal(qsp_kemeleon_put_ek(cx, kem, ek, out), QSP_OK);
			qsp_kemeleon_get_ek(kem, out, back);
			assert_memory_equal(back, ek, kem->ek_len);
			assert_int_equal(qsp_kem_encaps(cx, kem, ek, random, ct, ss), QSP_OK);
			assert_int_equal(qsp_kemeleon_put_ct(cx, kem, ct, out), QSP_OK);
			qsp_kemeleon_get_ct(kem, out, back);
			assert_memory_equal(back, ct, kem->ct_len);
			for (size_t k = 0; k < 8u * kem->slot_len; k++)
				ones[k] += out[k / 8] >> k % 8 & 1;
		}
		/* 7 sigma: sigma = sqrt(ROUNDS) / 2 = 17.3 */
		for (size_t k = 0; k < 8u * kem->slot_len; k++)
			if (ones[k] < ROUNDS / 2 - 121 || ones[k] > ROUNDS / 2 + 121)
				fail_msg("kem %u bit %zu is one %u times in %d", id, k, ones[k],
					 ROUNDS);
	}
}

/* The preimages of one compressed value are chosen evenly. */
static void
preimages_are_even(void **state)
{
	enum { ROUNDS = 200 };
	const struct qsp_kem *kem = qsp_kem_by_id(1);
	uint8_t ct[QSP_KEM_CT_MAX] = { 0 }, out[QSP_KEM_SLOT_MAX];
	unsigned u_count[3] = { 0 }, v_count[4] = { 0 };
	uint16_t first_u, count_u, first_v, count_v, a[QSP_KEMELEON_N];

	(void)state;
	qsp_kemeleon_preimages(0, kem->du, &first_u, &count_u);
	qsp_kemeleon_preimages(0, kem->dv, &first_v, &count_v);
	assert_int_equal(count_u, 3);
	assert_int_equal(count_v, 209);
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(qsp_kemeleon_put_ct(cx, kem, ct, out), QSP_OK);
		qsp_kemeleon_get_poly(out, a);
		for (size_t j = 0; j < QSP_KEMELEON_N; j++)
			u_count[(a[j] + Q - first_u) % Q]++;
		qsp_kemeleon_get_poly(out + (size_t)kem->k * QSP_KEMELEON_POLY_LEN, a);
		for (size_t j = 0; j < QSP_KEMELEON_N; j++)
			if ((a[j] + Q - first_v) % Q < 208)
				v_count[(a[j] + Q - first_v) % Q / 52]++;
	}
	for (int i = 0; i < 3; i++) /* 17067 expected, sigma 107 */
		assert_in_range(u_count[i], 17067 - 640, 17067 + 640);
	for (int i = 0; i < 4; i++) /* 12739 expected, sigma 98 */
		assert_in_range(v_count[i], 12739 - 590, 12739 + 590);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_of_preimages),
		cmocka_unit_test(encodes_keys),
		cmocka_unit_test(encodes_ciphertexts),
		cmocka_unit_test(decodes_every_string),
		cmocka_unit_test(bounds_m),
		cmocka_unit_test(encodings_are_even),
		cmocka_unit_test(preimages_are_even),
	};

	source.state = 2;
	return cmocka_run_group_tests(tests, open_seeded, close_crypto);
}
