/* SPDX-License-Identifier: ISC */
/* [P4.1] Elligator2 against elligator2.json, and the statistics of fresh keys. */
#include "crypto/elligator2.h"
#include "fixture.h"
#include "kat/vectors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
maps_representatives(void **state)
{
	json_t *doc = qsp_vec_open("elligator2"), *o;
	size_t i;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "map"), i, o)
	{
		static const uint8_t any[32] = { 77 }, zero[32];
		uint8_t r[32], u[32], want[32], dh[32];
		bool refused;
		qsp_err e;

		qsp_vec_exact(o, "r", r, sizeof(r));
		qsp_vec_exact(o, "u", want, sizeof(want));
		refused = memcmp(want, zero, sizeof(zero)) == 0;
		e = qsp_elligator2_map(r, u);
		assert_int_equal(e, refused ? QSP_E_INPUT : QSP_OK);
		assert_memory_equal(u, want, sizeof(u));
		assert_int_equal(qsp_x25519_dh(cx, any, want, dh),
				 qsp_vec_bool(o, "dh_all_zero") ? QSP_E_INPUT : QSP_OK);
	}
	qsp_vec_close(doc);
}

static void
inverts_points(void **state)
{
	json_t *doc = qsp_vec_open("elligator2"), *o;
	size_t i;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "inverse"), i, o)
	{
		unsigned root = (unsigned)qsp_vec_int(o, "root");
		unsigned top = (unsigned)qsp_vec_int(o, "top_bits");
		bool refused = strstr(qsp_vec_text(o, "comment"), "refused") != NULL;
		uint8_t u[32], r[32], want[32], back[32];
		qsp_err e;

		qsp_vec_exact(o, "u", u, sizeof(u));
		e = qsp_elligator2_inverse(u, root, top, r);
		if (qsp_vec_null(o, "r")) {
			assert_int_equal(e, refused ? QSP_E_INPUT : QSP_E_NOTFOUND);
			continue;
		}
		qsp_vec_exact(o, "r", want, sizeof(want));
		assert_int_equal(e, QSP_OK);
		assert_memory_equal(r, want, sizeof(r));
		assert_int_equal(qsp_elligator2_map(r, back), QSP_OK);
		assert_memory_equal(back, u, sizeof(u));
	}
	qsp_vec_close(doc);
}

static void
makes_keys_uniform(void **state)
{
	json_t *doc = qsp_vec_open("elligator2"), *o;
	size_t i;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "keys"), i, o)
	{
		uint8_t priv[32], peer[32], got[32], want[32], u[32], r[32];

		qsp_vec_exact(o, "private", priv, 32);
		qsp_vec_exact(o, "peer_private", peer, 32);
		assert_int_equal(qsp_x25519_public(cx, priv, u), QSP_OK);
		qsp_vec_exact(o, "clean_u", want, 32);
		assert_memory_equal(u, want, 32);

		assert_int_equal(
			qsp_elligator2_add_torsion(want, (unsigned)qsp_vec_int(o, "torsion"), u),
			QSP_OK);
		qsp_vec_exact(o, "dirty_u", want, 32);
		assert_memory_equal(u, want, 32);

		if (qsp_vec_null(o, "r")) {
			assert_int_equal(qsp_elligator2_inverse(u, 0, 0, r), QSP_E_NOTFOUND);
			assert_int_equal(qsp_elligator2_inverse(u, 1, 0, r), QSP_E_NOTFOUND);
		} else {
			assert_int_equal(
				qsp_elligator2_inverse(u, (unsigned)qsp_vec_int(o, "root"),
						       (unsigned)qsp_vec_int(o, "top_bits"), r),
				QSP_OK);
			qsp_vec_exact(o, "r", want, 32);
			assert_memory_equal(r, want, 32);
		}

		qsp_vec_exact(o, "shared", want, 32);
		assert_int_equal(qsp_x25519_dh(cx, peer, u, got), QSP_OK);
		assert_memory_equal(got, want, 32);
		assert_int_equal(qsp_x25519_public(cx, peer, u), QSP_OK);
		assert_int_equal(qsp_x25519_dh(cx, priv, u, got), QSP_OK);
		assert_memory_equal(got, want, 32);
	}
	qsp_vec_close(doc);
}

/* Which torsion point was added: the index whose removal gives the clean key back. */
static unsigned
torsion_of(const uint8_t clean[32], const uint8_t dirty[32])
{
	for (unsigned t = 0; t < QSP_ELLIGATOR2_TORSION; t++) {
		uint8_t u[32];

		assert_int_equal(qsp_elligator2_add_torsion(clean, t, u), QSP_OK);
		if (memcmp(u, dirty, 32) == 0)
			return t;
	}
	fail_msg("a key that is no torsion point away");
	return 0;
}

/* chi^2 below: with n categories of equal weight, 60 is far beyond one in 10^6 for n <= 8. */
static void
assert_even(const unsigned *count, size_t n, unsigned total)
{
	double chi = 0, want = (double)total / (double)n;

	for (size_t i = 0; i < n; i++)
		chi += (count[i] - want) * (count[i] - want) / want;
	if (chi > 60)
		fail_msg("uneven: chi^2 = %.1f over %zu", chi, n);
}

static void
fresh_keys_agree_and_are_even(void **state)
{
	enum { KEYS = 2000 };
	unsigned torsion[QSP_ELLIGATOR2_TORSION] = { 0 }, top[4] = { 0 }, root[2] = { 0 };
	unsigned bit[254][2] = { 0 };
	static const uint8_t peer[32] = { 1, 2, 3 };
	uint8_t peer_pub[32];

	(void)state;
	assert_int_equal(qsp_x25519_public(cx, peer, peer_pub), QSP_OK);
	for (int i = 0; i < KEYS; i++) {
		uint8_t priv[32], rep[32], dirty[32], clean[32], a[32], b[32], r0[32];

		assert_int_equal(qsp_elligator2_keypair(cx, priv, rep), QSP_OK);
		assert_int_equal(qsp_elligator2_map(rep, dirty), QSP_OK);
		assert_int_equal(qsp_x25519_dh(cx, peer, dirty, a), QSP_OK);
		assert_int_equal(qsp_x25519_dh(cx, priv, peer_pub, b), QSP_OK);
		assert_memory_equal(a, b, 32);
		assert_int_equal(qsp_x25519_public(cx, priv, clean), QSP_OK);
		torsion[torsion_of(clean, dirty)]++;
		top[rep[31] >> 6]++;
		assert_int_equal(qsp_elligator2_inverse(dirty, 0, rep[31] >> 6, r0), QSP_OK);
		root[memcmp(r0, rep, 32) != 0]++;
		for (unsigned k = 0; k < 254; k++)
			bit[k][rep[k / 8] >> k % 8 & 1]++;
	}
	assert_even(torsion, QSP_ELLIGATOR2_TORSION, KEYS);
	assert_even(top, 4, KEYS);
	assert_even(root, 2, KEYS);
	for (unsigned k = 0; k < 253; k++)
		assert_even(bit[k], 2, KEYS);
	assert_even(bit[253], 2, KEYS); /* (p-1)/2 is just below 2^254 */
}

static void
refuses_what_is_no_key(void **state)
{
	static const uint8_t zero[32], one[32] = { 1 }, two[32] = { 2 };
	uint8_t u[32];

	(void)state;
	assert_int_equal(qsp_elligator2_add_torsion(one, 2, u), QSP_E_INPUT); /* 2 T */
	assert_memory_equal(u, zero, 32);
	assert_int_equal(qsp_elligator2_add_torsion(two, 1, u), QSP_E_INPUT); /* on the twist */
	assert_int_equal(qsp_elligator2_add_torsion(two, 8, u), QSP_E_INPUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_representatives),
		cmocka_unit_test(inverts_points),
		cmocka_unit_test(makes_keys_uniform),
		cmocka_unit_test(fresh_keys_agree_and_are_even),
		cmocka_unit_test(refuses_what_is_no_key),
	};

	source.state = 1;
	return cmocka_run_group_tests(tests, open_seeded, close_crypto);
}
