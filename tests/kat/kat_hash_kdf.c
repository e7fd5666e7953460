/* SPDX-License-Identifier: ISC */
/* Hashes (FIPS 180-4, FIPS 202), HMAC (RFC 4231, NIST's samples for SHA-3) and HKDF (RFC 5869). */
#include "base/text.h"
#include "crypto/kdf.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
assert_hex(const uint8_t *got, size_t n, const char *want)
{
	char hex[2 * 128 + 1];

	assert_true(n <= 128);
	qsp_text_hex(qsp_bytes(got, n), hex);
	assert_string_equal(hex, want);
}

/* n bytes counting up from `from`. */
static struct qsp_bytes
counting(uint8_t *buf, uint8_t from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf[i] = (uint8_t)(from + i);
	return qsp_bytes(buf, n);
}

static void
hashes_of_abc(void **state)
{
	static const struct {
		enum qsp_hash_id id;
		const char *want;
	} facts[] = {
		{ QSP_HASH_SHA256,
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ QSP_HASH_SHA384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
				   "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7" },
		{ QSP_HASH_SHA3_256,
		  "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532" },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct qsp_bytes parts[] = { qsp_bytes_str("a"), QSP_BYTES_NONE,
						   qsp_bytes_str("bc") };
		uint8_t out[QSP_HASH_MAX];

		assert_int_equal(qsp_hash_one(cx, facts[i].id, qsp_bytes_str("abc"), out), QSP_OK);
		assert_hex(out, qsp_hash_len(facts[i].id), facts[i].want);
		assert_int_equal(qsp_hash_parts(cx, facts[i].id, parts, 3, out), QSP_OK);
		assert_hex(out, qsp_hash_len(facts[i].id), facts[i].want);
	}
}

static void
nothing_has_a_hash(void **state)
{
	uint8_t out[QSP_HASH_MAX];

	(void)state;
	assert_int_equal(qsp_hash_parts(cx, QSP_HASH_SHA3_256, NULL, 0, out), QSP_OK);
	assert_hex(out, 32, "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a");
}

static void
hmac(enum qsp_hash_id id, struct qsp_bytes key, const char *text, const char *want)
{
	struct qsp_bytes part = qsp_bytes_str(text);
	uint8_t out[QSP_HASH_MAX];

	assert_int_equal(qsp_hash_hmac(cx, id, key, &part, 1, out), QSP_OK);
	assert_hex(out, qsp_hash_len(id), want);
}

static void
hmac_of_the_rfc(void **state)
{
	static const char big[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t b[20], aa[131];

	(void)state;
	memset(b, 0x0b, sizeof(b));
	memset(aa, 0xaa, sizeof(aa));
	hmac(QSP_HASH_SHA256, QSP_BYTES_OF(b), "Hi There",
	     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	hmac(QSP_HASH_SHA256, qsp_bytes_str("Jefe"), "what do ya want for nothing?",
	     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hmac(QSP_HASH_SHA256, QSP_BYTES_OF(aa), big,
	     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	hmac(QSP_HASH_SHA384, QSP_BYTES_OF(b), "Hi There",
	     "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec6"
	     "82aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6");
	hmac(QSP_HASH_SHA384, QSP_BYTES_OF(aa), big,
	     "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f"
	     "3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952");
}

static void
hmac_sha3_of_nist(void **state)
{
	uint8_t key[168];

	(void)state;
	hmac(QSP_HASH_SHA3_256, counting(key, 0, 32), "Sample message for keylen<blocklen",
	     "4fe8e202c4f058e8dddc23d8c34e467343e23555e24fc2f025d598f558f67205");
	hmac(QSP_HASH_SHA3_256, counting(key, 0, 136), "Sample message for keylen=blocklen",
	     "68b94e2e538a9be4103bebb5aa016d47961d4d1aa906061313b557f8af2c3faa");
	hmac(QSP_HASH_SHA3_256, counting(key, 0, 168), "Sample message for keylen>blocklen",
	     "9bcf2c238e235c3ce88404e813bd2f3a97185ac6f238c63d6229a00b07974258");
}

/* [P4] ck = HKDF-Extract(ck, z): the output may stand where the key stood. */
static void
hmac_output_may_be_the_key(void **state)
{
	uint8_t key[32], want[32];
	struct qsp_bytes part = qsp_bytes_str("z");

	(void)state;
	counting(key, 7, 32);
	assert_int_equal(qsp_hash_hmac(cx, QSP_HASH_SHA256, QSP_BYTES_OF(key), &part, 1, want),
			 QSP_OK);
	assert_int_equal(qsp_hash_hmac(cx, QSP_HASH_SHA256, QSP_BYTES_OF(key), &part, 1, key),
			 QSP_OK);
	assert_memory_equal(key, want, 32);
}

static void
hkdf(struct qsp_bytes salt, struct qsp_bytes ikm, struct qsp_bytes info, size_t n,
     const char *want_prk, const char *want_okm)
{
	struct qsp_bytes in[2] = { qsp_bytes(ikm.p, 3), qsp_bytes_from(ikm, 3) };
	struct qsp_bytes about[2] = { qsp_bytes(info.p, info.n / 2),
				      qsp_bytes(info.p + info.n / 2, info.n - info.n / 2) };
	uint8_t prk[32], okm[128];

	assert_int_equal(qsp_kdf_extract(cx, QSP_HASH_SHA256, salt, in, 2, prk), QSP_OK);
	assert_hex(prk, 32, want_prk);
	assert_int_equal(qsp_kdf_expand(cx, QSP_HASH_SHA256, QSP_BYTES_OF(prk), about, 2, okm, n),
			 QSP_OK);
	assert_hex(okm, n, want_okm);
}

static void
hkdf_of_the_rfc(void **state)
{
	uint8_t b[22], salt[80], ikm[80], info[80];

	(void)state;
	memset(b, 0x0b, sizeof(b));
	hkdf(counting(salt, 0, 13), QSP_BYTES_OF(b), counting(info, 0xf0, 10), 42,
	     "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
	     "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	     "34007208d5b887185865");
	hkdf(counting(salt, 0x60, 80), counting(ikm, 0, 80), counting(info, 0xb0, 80), 82,
	     "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
	     "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
	     "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
	     "cc30c58179ec3e87c14c01d5c1f3434f1d87");
	hkdf(QSP_BYTES_NONE, QSP_BYTES_OF(b), qsp_bytes(info, 0), 42,
	     "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
	     "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	     "9d201395faa4b61a96c8");
}

static void
hkdf_refuses_what_is_too_long(void **state)
{
	static uint8_t out[255 * 32 + 1];
	struct qsp_bytes info[7] = { { NULL, 0 } };

	(void)state;
	assert_int_equal(qsp_kdf_expand(cx, QSP_HASH_SHA256, qsp_bytes_str("key"), info, 1, out,
					sizeof(out)),
			 QSP_E_INPUT);
	assert_int_equal(qsp_kdf_expand(cx, QSP_HASH_SHA256, qsp_bytes_str("key"), info, 1, out,
					sizeof(out) - 1),
			 QSP_OK);
	assert_int_equal(qsp_kdf_expand(cx, QSP_HASH_SHA256, qsp_bytes_str("key"), info, 7, out, 1),
			 QSP_E_INPUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_of_abc),
		cmocka_unit_test(nothing_has_a_hash),
		cmocka_unit_test(hmac_of_the_rfc),
		cmocka_unit_test(hmac_sha3_of_nist),
		cmocka_unit_test(hmac_output_may_be_the_key),
		cmocka_unit_test(hkdf_of_the_rfc),
		cmocka_unit_test(hkdf_refuses_what_is_too_long),
	};

	return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
