/* SPDX-License-Identifier: ISC */
/* [P2] Cells and [P9] frames of records.json through the raw ciphers, and published answers. */
#include "base/text.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/kem.h"
#include "fixture.h"
#include "kat/vectors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CELL_LEN 768

static void
unhex(const char *s, uint8_t *out, size_t n)
{
	assert_int_equal(qsp_text_unhex(s, strlen(s), out, n), QSP_OK);
}

/* Seals pt and wants ct and tag; opens those and wants pt. */
static void
check(const struct qsp_aead *a, const struct qsp_aead_keys *keys, const uint8_t *nonce,
      struct qsp_bytes aad, struct qsp_bytes pt, const uint8_t *ct, const uint8_t *tag)
{
	struct qsp_aead_ctx *sealer, *opener;
	uint8_t out[2048], got_tag[QSP_AEAD_TAG_MAX];

	assert_true(pt.n <= sizeof(out));
	assert_int_equal(qsp_aead_ctx_new(cx, a, true, &sealer), QSP_OK);
	assert_int_equal(qsp_aead_ctx_new(cx, a, false, &opener), QSP_OK);
	assert_int_equal(qsp_aead_ctx_key(sealer, keys), QSP_OK);
	assert_int_equal(qsp_aead_ctx_key(opener, keys), QSP_OK);
	assert_int_equal(a->seal(sealer, nonce, aad, pt.p, pt.n, out, got_tag), QSP_OK);
	assert_memory_equal(out, ct, pt.n);
	assert_memory_equal(got_tag, tag, a->tag_len);
	assert_int_equal(a->open(opener, nonce, aad, ct, pt.n, tag, out), QSP_OK);
	assert_memory_equal(out, pt.p, pt.n);
	qsp_aead_ctx_free(sealer);
	qsp_aead_ctx_free(opener);
}

/* The keys of a list's entry, derived from its es as [P5] says. */
static const struct qsp_aead *
keys_of(const json_t *o, struct qsp_aead_keys *keys, uint8_t *dir)
{
	const struct qsp_aead *a = qsp_aead_by_id((uint8_t)qsp_vec_int(o, "aead"));
	const struct qsp_kem *kem = qsp_kem_by_id((uint8_t)qsp_vec_int(o, "kem"));
	struct qsp_bytes es = qsp_vec_bytes(o, "es");
	struct qsp_bytes info[2];
	uint8_t want[QSP_AEAD_KEY_LEN];

	assert_non_null(a);
	*dir = (uint8_t)qsp_vec_int(o, "direction");
	info[1] = qsp_bytes(dir, 1);
	info[0] = qsp_bytes_str("qsp1 key ");
	assert_int_equal(qsp_kdf_expand(cx, kem->hash, es, info, 2, keys->enc, 32), QSP_OK);
	qsp_vec_exact(o, "key", want, sizeof(want));
	assert_memory_equal(keys->enc, want, 32);
	assert_int_equal(a->has_mac, !qsp_vec_null(o, "mac"));
	if (a->has_mac) {
		info[0] = qsp_bytes_str("qsp1 mac ");
		assert_int_equal(qsp_kdf_expand(cx, kem->hash, es, info, 2, keys->mac, 32), QSP_OK);
		qsp_vec_exact(o, "mac", want, sizeof(want));
		assert_memory_equal(keys->mac, want, 32);
	}
	return a;
}

static void
cells_of_the_vectors(void **state)
{
	json_t *doc = qsp_vec_open("records"), *o, *c;
	size_t i, j;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "cells"), i, o)
	{
		struct qsp_aead_keys keys = { { 0 }, { 0 } };
		uint8_t dir;
		const struct qsp_aead *a = keys_of(o, &keys, &dir);
		size_t n = CELL_LEN - a->tag_len;

		json_array_foreach(qsp_vec_list(o, "cells"), j, c)
		{
			struct qsp_bytes payload = qsp_vec_bytes(c, "payload");
			struct qsp_bytes cell = qsp_vec_bytes(c, "cell");
			uint8_t pt[CELL_LEN] = { 0 }, nonce[QSP_AEAD_NONCE_LEN];

			qsp_bytes_put32(pt, (uint32_t)qsp_vec_int(o, "epoch"));
			qsp_bytes_put64(pt + 4, qsp_vec_int(c, "seq"));
			qsp_vec_exact(c, "nonce", nonce, sizeof(nonce));
			assert_memory_equal(nonce, pt, sizeof(nonce));
			qsp_bytes_put64(pt + 12, qsp_vec_int(c, "timestamp_ms"));
			pt[20] = (uint8_t)qsp_vec_int(c, "type");
			qsp_bytes_put16(pt + 21, (uint16_t)payload.n);
			assert_true(23 + payload.n <= n);
			memcpy(pt + 23, payload.p, payload.n);
			assert_int_equal(cell.n, CELL_LEN);
			check(a, &keys, nonce, qsp_bytes(&dir, 1), qsp_bytes(pt, n), cell.p,
			      cell.p + n);
		}
	}
	qsp_vec_close(doc);
}

/* header 22 || nonce 12 || ct || tag */
static void
frames_of_the_vectors(void **state)
{
	json_t *doc = qsp_vec_open("records"), *o, *f;
	size_t i, j;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "frames"), i, o)
	{
		struct qsp_aead_keys keys = { { 0 }, { 0 } };
		uint8_t dir;
		const struct qsp_aead *a = keys_of(o, &keys, &dir);

		json_array_foreach(qsp_vec_list(o, "frames"), j, f)
		{
			struct qsp_bytes pt = qsp_vec_bytes(f, "plaintext");
			struct qsp_bytes frame = qsp_vec_bytes(f, "frame");

			assert_int_equal(frame.n, 22 + 12 + pt.n + a->tag_len);
			check(a, &keys, frame.p + 22, qsp_vec_bytes(f, "aad"), pt, frame.p + 34,
			      frame.p + 34 + pt.n);
		}
	}
	qsp_vec_close(doc);
}

/* The GCM specification of McGrew and Viega, test cases 13 and 14. */
static void
gcm_of_the_specification(void **state)
{
	const struct qsp_aead *a = qsp_aead_by_name(qsp_bytes_str("aes256-gcm"));
	struct qsp_aead_keys keys = { { 0 }, { 0 } };
	static const uint8_t zero[16];
	uint8_t ct[16], tag[16];

	(void)state;
	unhex("530f8afbc74536b9a963b4f1c4cb738b", tag, 16);
	check(a, &keys, zero, QSP_BYTES_NONE, QSP_BYTES_NONE, ct, tag);
	unhex("cea7403d4d606b6e074ec5d3baf39d18", ct, 16);
	unhex("d0d1c8a799996bf0265b98b5d48ab919", tag, 16);
	check(a, &keys, zero, QSP_BYTES_NONE, QSP_BYTES_OF(zero), ct, tag);
}

/* RFC 8439, 2.8.2 */
static void
chacha_of_the_rfc(void **state)
{
	static const char text[] = "Ladies and Gentlemen of the class of '99: If I could offer you "
				   "only one tip for the future, sunscreen would be it.";
	const struct qsp_aead *a = qsp_aead_by_name(qsp_bytes_str("chacha20-poly1305"));
	struct qsp_aead_keys keys = { { 0 }, { 0 } };
	uint8_t nonce[12], aad[12], ct[114], tag[16];

	(void)state;
	for (size_t i = 0; i < 32; i++)
		keys.enc[i] = (uint8_t)(0x80 + i);
	unhex("070000004041424344454647", nonce, 12);
	unhex("50515253c0c1c2c3c4c5c6c7", aad, 12);
	unhex("d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
	      "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
	      "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
	      "3ff4def08e4b7a9de576d26586cec64b6116",
	      ct, 114);
	unhex("1ae10b594f09e26a7e902ecbd0600691", tag, 16);
	check(a, &keys, nonce, QSP_BYTES_OF(aad), qsp_bytes(text, 114), ct, tag);
}

/* NIST SP 800-38A, F.5.5 has another first counter; of IV 0 the first block is AES(key, 0). */
static void
masks_with_counter_zero(void **state)
{
	static const uint8_t key[32];
	uint8_t data[16] = { 0 }, want[16];

	(void)state;
	/* FIPS 197 known answer: AES-256 of zeros under zeros, also H of GCM test case 13 */
	unhex("dc95c078a2408989ad48a21492842087", want, 16);
	assert_int_equal(qsp_aead_ctr_xor(cx, key, data, sizeof(data)), QSP_OK);
	assert_memory_equal(data, want, sizeof(data));
	assert_int_equal(qsp_aead_ctr_xor(cx, key, data, 0), QSP_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_of_the_vectors),     cmocka_unit_test(frames_of_the_vectors),
		cmocka_unit_test(gcm_of_the_specification), cmocka_unit_test(chacha_of_the_rfc),
		cmocka_unit_test(masks_with_counter_zero),
	};

	return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
