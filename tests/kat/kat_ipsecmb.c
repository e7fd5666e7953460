/* SPDX-License-Identifier: ISC */
/* intel-ipsec-mb and libcrypto give and take the same bytes: the one may stand for the other. */
#include "crypto/backend.h"
#include "crypto/rand.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define N_MAX 3000
#define ROUNDS 4000

static struct qsp_crypto *cx;
static struct qsp_ipsecmb *mb;
static struct qsp_aead_ctx *seal[2], *open[2]; /* of libcrypto, of intel-ipsec-mb */

static void
draw(void *p, size_t n)
{
	assert_int_equal(qsp_rand_system(NULL, p, n), QSP_OK);
}

static void
key_all(void)
{
	struct qsp_aead_keys keys;

	draw(&keys, sizeof(keys));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(qsp_aead_ctx_key(seal[i], &keys), QSP_OK);
		assert_int_equal(qsp_aead_ctx_key(open[i], &keys), QSP_OK);
	}
}

/* One record of n bytes, sealed by both and opened by both, with another buffer or in place. */
static void
record(const struct qsp_aead *a, size_t n, bool in_place)
{
	uint8_t pt[N_MAX], ct[2][N_MAX], tag[2][16], got[N_MAX], nonce[12], ad[64];
	struct qsp_bytes aad = { ad, n % sizeof(ad) };

	draw(pt, sizeof(pt));
	draw(nonce, sizeof(nonce));
	draw(ad, sizeof(ad));
	for (int i = 0; i < 2; i++) {
		memcpy(ct[i], pt, n);
		assert_int_equal(
			a->seal(seal[i], nonce, aad, in_place ? ct[i] : pt, n, ct[i], tag[i]),
			QSP_OK);
	}
	assert_memory_equal(ct[0], ct[1], n);
	assert_memory_equal(tag[0], tag[1], sizeof(tag[0]));
	for (int i = 0; i < 2; i++) {
		memcpy(got, ct[i], n);
		assert_int_equal(
			a->open(open[i], nonce, aad, in_place ? got : ct[i], n, tag[i], got),
			QSP_OK);
		assert_memory_equal(got, pt, n);
	}
}

static void
same_bytes(void **state)
{
	const struct qsp_aead *a = qsp_aead_by_id(1);

	(void)state;
	if (!mb)
		skip();
	for (size_t i = 0; i < ROUNDS; i++) {
		uint16_t r;

		if (i % 16 == 0)
			key_all();
		draw(&r, sizeof(r));
		record(a, i < 1000 ? i : r % N_MAX, i & 1);
	}
}

/* A bit wrong anywhere: both refuse, and leave zeros. */
static void
same_refusals(void **state)
{
	const struct qsp_aead *a = qsp_aead_by_id(1);
	uint8_t ct[752], tag[16], got[752], nonce[12] = { 1 }, zeros[752] = { 0 };
	struct qsp_bytes aad = { nonce, 1 };

	(void)state;
	if (!mb)
		skip();
	key_all();
	assert_int_equal(a->seal(seal[0], nonce, aad, zeros, sizeof(ct), ct, tag), QSP_OK);
	for (size_t bit = 0; bit < 8 * (sizeof(ct) + sizeof(tag)); bit += 7) {
		uint8_t *p = bit / 8 < sizeof(ct) ? ct + bit / 8 : tag + (bit / 8 - sizeof(ct));

		*p = (uint8_t)(*p ^ 1u << bit % 8);
		for (int i = 0; i < 2; i++) {
			memset(got, 0xaa, sizeof(got));
			assert_int_equal(a->open(open[i], nonce, aad, ct, sizeof(ct), tag, got),
					 QSP_E_DECRYPT);
			assert_memory_equal(got, zeros, sizeof(got));
		}
		*p = (uint8_t)(*p ^ 1u << bit % 8);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(a->seal(open[i], nonce, aad, zeros, 10, got, tag), QSP_E_CRYPTO);
		assert_int_equal(a->open(seal[i], nonce, aad, ct, 10, tag, got), QSP_E_CRYPTO);
	}
}

static int
set_up(void **state)
{
	const struct qsp_aead *a = qsp_aead_by_id(1);

	(void)state;
	if (qsp_crypto_new(NULL, NULL, &cx) != 0)
		return -1;
	mb = qsp_ipsecmb_new();
	for (int i = 0; mb && i < 2; i++) {
		struct qsp_aead_ctx **x = i ? open : seal;

		if (qsp_openssl_aead_new(cx, a, !i, &x[0]) != 0 ||
		    qsp_ipsecmb_aead_new(mb, a, !i, &x[1]) != 0)
			return -1;
	}
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		qsp_aead_ctx_free(seal[i]);
		qsp_aead_ctx_free(open[i]);
	}
	qsp_ipsecmb_free(mb);
	qsp_crypto_free(cx);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_bytes),
		cmocka_unit_test(same_refusals),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
