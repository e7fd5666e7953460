/* SPDX-License-Identifier: ISC */
/* Private keys as PEM: round trips, passphrases, and every way to break the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/pem.h"
#include "fixture.h"

static const uint8_t types[] = { QSP_KEY_MLKEM768X25519, QSP_KEY_MLKEM1024X25519, QSP_KEY_ML_DSA_65,
				 QSP_KEY_ML_DSA_87 };
#define TYPES (sizeof(types))
#define NOTHING QSP_BYTES_NONE

static size_t
put(uint8_t type, uint8_t fill, const char *passphrase, char *out)
{
	struct qsp_key *key = new_key(type, fill);
	size_t n = QSP_PEM_MAX;

	assert_int_equal(qsp_pem_put(cx, key, qsp_bytes_str(passphrase), out, &n), 0);
	qsp_key_free(key);
	return n;
}

/* What reading gives; the key is dropped. */
static qsp_err
get(const char *text, size_t n, const char *passphrase)
{
	/* on the heap, exactly as long: a read past the end is seen by a sanitizer */
	uint8_t *copy = malloc(n ? n : 1);
	struct qsp_key *key;
	qsp_err e;

	memcpy(copy, text, n);
	e = qsp_pem_get(cx, qsp_bytes(copy, n), qsp_bytes_str(passphrase), NULL, &key);
	assert_true((e == 0) == (key != NULL));
	qsp_key_free(key);
	free(copy);
	return e;
}

static void
round_trip(uint8_t type, const char *passphrase)
{
	char text[QSP_PEM_MAX];
	uint8_t a[QSP_KEY_SEED_MAX] = { 0 }, b[QSP_KEY_SEED_MAX] = { 0 };
	struct qsp_key *key = new_key(type, 7), *other = new_key(type, 8), *back;
	size_t n = sizeof(text);
	bool encrypted;

	assert_int_equal(qsp_pem_put(cx, key, qsp_bytes_str(passphrase), text, &n), 0);
	assert_true(n < QSP_PEM_MAX / 2);
	assert_true(qsp_pem_looks_like(qsp_bytes(text, n), &encrypted));
	assert_int_equal(encrypted, *passphrase != '\0');
	assert_int_equal(qsp_pem_get(cx, qsp_bytes(text, n), qsp_bytes_str(passphrase),
				     qsp_key_get_public(key), &back),
			 0);
	qsp_key_get_seed(key, a);
	qsp_key_get_seed(back, b);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_equal(qsp_key_get_public(key)->id, qsp_key_get_public(back)->id,
			    QSP_KEY_ID_LEN);
	qsp_key_free(back);
	/* not the public half that the caller expects */
	assert_int_equal(qsp_pem_get(cx, qsp_bytes(text, n), qsp_bytes_str(passphrase),
				     qsp_key_get_public(other), &back),
			 QSP_E_INPUT);
	assert_null(back);
	qsp_key_free(key);
	qsp_key_free(other);
}

static void
test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		round_trip(types[i], "");
		round_trip(types[i], "correct horse");
	}
}

static void
test_passphrase(void **state)
{
	static const char *const wrong[] = { "", "a", "correct hors", "correct horse ",
					     "Correct horse" };
	char text[QSP_PEM_MAX], huge[QSP_PEM_PASSPHRASE_MAX + 2];

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	for (size_t i = 0; i < TYPES; i++) {
		size_t n = put(types[i], 1, "correct horse", text);

		for (size_t k = 0; k < (i ? 2 : sizeof(wrong) / sizeof(*wrong)); k++)
			assert_int_equal(get(text, n, wrong[k]), QSP_E_PASSPHRASE);
		assert_int_equal(get(text, n, huge), QSP_E_PASSPHRASE);
		/* one that is not needed does not hurt */
		n = put(types[i], 1, "", text);
		assert_int_equal(get(text, n, "anything"), 0);
	}
}

/* About one wrong passphrase in 256 leaves good padding and garbage behind it. */
static void
test_passphrase_luck(void **state)
{
	char text[QSP_PEM_MAX], guess[16];
	size_t n = put(QSP_KEY_ML_DSA_65, 1, "right", text);

	(void)state;
	for (int i = 0; i < 8; i++) {
		snprintf(guess, sizeof(guess), "guess %d", i);
		assert_int_equal(get(text, n, guess), QSP_E_PASSPHRASE);
	}
}

static void
test_truncated(void **state)
{
	static const char *const passphrases[] = { "", "pass" };
	char text[QSP_PEM_MAX];

	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		for (size_t k = 0; k < 2; k++) {
			size_t n = put(types[i], 2, passphrases[k], text);

			/* the passphrase is not needed for it: what is cut is seen first */
			for (size_t len = 0; len + 1 < n; len++)
				assert_int_equal(get(text, len, passphrases[k]), QSP_E_INPUT);
			assert_int_equal(get(text, n - 1, passphrases[k]), 0);
		}
	}
}

static void
test_flipped(void **state)
{
	char text[QSP_PEM_MAX];
	size_t n = put(QSP_KEY_MLKEM768X25519, 3, "", text);

	(void)state;
	/* a flip in the secret gives another key, any other an error: never a crash */
	for (size_t i = 0; i < n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			text[i] = (char)(text[i] ^ 1 << bit);
			(void)get(text, n, "");
			text[i] = (char)(text[i] ^ 1 << bit);
		}
	}
	assert_int_equal(get(text, n, ""), 0);
}

static void
test_mixed(void **state)
{
	char a[QSP_PEM_MAX], b[QSP_PEM_MAX], mix[3 * QSP_PEM_MAX];
	size_t n = put(QSP_KEY_MLKEM768X25519, 4, "", a), m, first;
	char *second = strstr(a + 1, "-----BEGIN");

	(void)state;
	a[n] = '\0';
	first = (size_t)(second - a);
	/* one half alone, the halves the wrong way round, twice the same, three blocks */
	assert_int_equal(get(a, first, ""), QSP_E_INPUT);
	assert_int_equal(get(second, n - first, ""), QSP_E_INPUT);
	m = (size_t)snprintf(mix, sizeof(mix), "%s%.*s", second, (int)first, a);
	assert_int_equal(get(mix, m, ""), QSP_E_INPUT);
	m = (size_t)snprintf(mix, sizeof(mix), "%.*s%.*s", (int)first, a, (int)first, a);
	assert_int_equal(get(mix, m, ""), QSP_E_INPUT);
	m = (size_t)snprintf(mix, sizeof(mix), "%s%.*s", a, (int)first, a);
	assert_int_equal(get(mix, m, ""), QSP_E_INPUT);
	/* two keys; a hybrid of an encrypted and a plain half, and of two passphrases */
	m = put(QSP_KEY_ML_DSA_65, 4, "", b);
	b[m] = '\0';
	m = (size_t)snprintf(mix, sizeof(mix), "%.*s%s", (int)first, a, b);
	assert_int_equal(get(mix, m, ""), QSP_E_INPUT);
	m = put(QSP_KEY_MLKEM768X25519, 4, "pass", b);
	b[m] = '\0';
	m = (size_t)snprintf(mix, sizeof(mix), "%.*s%s", (int)first, a,
			     strstr(b + 1, "-----BEGIN"));
	assert_int_equal(get(mix, m, "pass"), QSP_E_INPUT);
	put(QSP_KEY_MLKEM768X25519, 4, "word", a);
	second = strstr(a + 1, "-----BEGIN");
	m = (size_t)snprintf(mix, sizeof(mix), "%.*s%s", (int)(second - a), a,
			     strstr(b + 1, "-----BEGIN"));
	assert_int_equal(get(mix, m, "word"), QSP_E_INPUT);
}

static void
test_around(void **state)
{
	char a[QSP_PEM_MAX], text[2 * QSP_PEM_MAX];
	size_t n = put(QSP_KEY_ML_DSA_65, 5, "", a), m = 0;

	(void)state;
	a[n] = '\0';
	/* blank lines, spaces behind lines and CRLF are harmless; all else around is not */
	m = (size_t)snprintf(text, sizeof(text), "\n \n%s\n\n", a);
	assert_int_equal(get(text, m, ""), 0);
	m = 0;
	for (size_t i = 0; i < n; i++) {
		if (a[i] == '\n')
			text[m++] = '\r';
		text[m++] = a[i];
	}
	assert_int_equal(get(text, m, ""), 0);
	m = (size_t)snprintf(text, sizeof(text), "key:\n%s", a);
	assert_int_equal(get(text, m, ""), QSP_E_INPUT);
	m = (size_t)snprintf(text, sizeof(text), "%s.", a);
	assert_int_equal(get(text, m, ""), QSP_E_INPUT);
	memset(text, '\n', QSP_PEM_MAX + 1);
	assert_int_equal(get(text, QSP_PEM_MAX + 1, ""), QSP_E_INPUT);
	assert_int_equal(get("", 0, ""), QSP_E_INPUT);
}

static void
test_room(void **state)
{
	struct qsp_key *key = new_key(QSP_KEY_ML_DSA_65, 6);
	char text[QSP_PEM_MAX], long_one[QSP_PEM_PASSPHRASE_MAX + 1] = { 0 };
	size_t n, full = QSP_PEM_MAX;

	(void)state;
	assert_int_equal(qsp_pem_put(cx, key, NOTHING, text, &full), 0);
	for (n = 0; n < full; n++) {
		size_t room = n;

		assert_int_equal(qsp_pem_put(cx, key, NOTHING, text, &room), QSP_E_ROOM);
	}
	n = full;
	assert_int_equal(qsp_pem_put(cx, key, NOTHING, text, &n), 0);
	n = sizeof(text);
	assert_int_equal(qsp_pem_put(cx, key, QSP_BYTES_OF(long_one), text, &n), QSP_E_INPUT);
	qsp_key_free(key);
}

/* Other kinds of key, as openssl(1) writes them: RSA is too long a story, Ed25519 will do. */
static void
test_foreign(void **state)
{
	static const char ed25519[] =
		"-----BEGIN PRIVATE KEY-----\n"
		"MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
		"-----END PRIVATE KEY-----\n";
	static const char sec1[] = "-----BEGIN EC PRIVATE KEY-----\n"
				   "MC4CAQAwBQYDK2VwBCIE\n"
				   "-----END EC PRIVATE KEY-----\n";

	(void)state;
	assert_int_equal(get(ed25519, sizeof(ed25519) - 1, ""), QSP_E_UNSUPPORTED);
	assert_int_equal(get(sec1, sizeof(sec1) - 1, ""), QSP_E_INPUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_passphrase),
		cmocka_unit_test(test_passphrase_luck), cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flipped),         cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_around),          cmocka_unit_test(test_room),
		cmocka_unit_test(test_foreign),
	};

	return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
