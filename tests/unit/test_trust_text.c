/* SPDX-License-Identifier: ISC */
/* Public key lines, bridge lines, pictures of keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fixture.h"
#include "trust/bridge.h"
#include "trust/line.h"
#include "trust/print.h"
#include "trust/pubkey.h"

static qsp_err
get(const char *line)
{
	struct qsp_key_public key;

	return qsp_pubkey_get(cx, qsp_bytes_str(line), &key, NULL);
}

static void
test_pubkey(void **state)
{
	static const uint8_t types[] = { 1, 2, 16, 17 };
	char line[QSP_PUBKEY_LINE_MAX], other[QSP_PUBKEY_LINE_MAX + 64];

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		struct qsp_key_public key = new_public(types[i], 1, NULL), back;
		struct qsp_bytes comment;
		const char *base64;

		assert_int_equal(qsp_pubkey_put(&key, qsp_bytes_str("user@host two  words"), line),
				 0);
		assert_int_equal(qsp_pubkey_get(cx, qsp_bytes_str(line), &back, &comment), 0);
		assert_memory_equal(&key, &back, sizeof(key));
		assert_true(qsp_bytes_is(comment, "user@host two  words"));
		/* the alias, other white space, and no comment */
		base64 = strchr(line, ' ') + 1;
		snprintf(other, sizeof(other), " \t%s   %.*s \r", qsp_key_type_alias(types[i]),
			 (int)strcspn(base64, " "), base64);
		assert_int_equal(qsp_pubkey_get(cx, qsp_bytes_str(other), &back, &comment), 0);
		assert_memory_equal(&key, &back, sizeof(key));
		assert_int_equal(comment.n, 0);
		/* a truncated key; its padding may be missing */
		for (size_t n = 0; n < (size_t)(base64 - line) + strcspn(base64, "= "); n += 7)
			assert_int_not_equal(qsp_pubkey_get(cx, qsp_bytes(line, n), &back, NULL),
					     0);
		/* the type of the word is not that of the blob */
		snprintf(other, sizeof(other), "%s %s",
			 qsp_key_type_name(types[(i + 1) % sizeof(types)]), base64);
		assert_int_equal(get(other), QSP_E_INPUT);
	}
}

static void
test_pubkey_bad(void **state)
{
	struct qsp_key_public key = new_public(1, 1, NULL);
	char line[QSP_PUBKEY_LINE_MAX], comment[QSP_PUBKEY_COMMENT_MAX + 2];

	(void)state;
	assert_int_equal(get(""), QSP_E_INPUT);
	assert_int_equal(get("   "), QSP_E_INPUT);
	assert_int_equal(get("kyber768"), QSP_E_INPUT);
	assert_int_equal(get("kyber768 A"), QSP_E_INPUT);
	assert_int_equal(get("kyber768 AAAA"), QSP_E_INPUT);
	assert_int_equal(get("ssh-ed25519 AAAA"), QSP_E_UNSUPPORTED);
	assert_int_equal(qsp_pubkey_put(&key, qsp_bytes_str("a\nb"), line), QSP_E_INPUT);
	assert_int_equal(qsp_pubkey_put(&key, qsp_bytes_str("a\033[2J"), line), QSP_E_INPUT);
	memset(comment, 'x', sizeof(comment));
	assert_int_equal(qsp_pubkey_put(&key, qsp_bytes(comment, QSP_PUBKEY_COMMENT_MAX + 1), line),
			 QSP_E_INPUT);
	assert_int_equal(qsp_pubkey_put(&key, qsp_bytes(comment, QSP_PUBKEY_COMMENT_MAX), line), 0);
	/* a modulus error is found: every coefficient is below q */
	memset(key.blob + 33, 0xff, 384);
	assert_int_equal(qsp_pubkey_put(&key, QSP_BYTES_NONE, line), 0);
	assert_int_equal(get(line), QSP_E_INPUT);
	assert_int_equal(qsp_pubkey_bits(1), 768);
	assert_int_equal(qsp_pubkey_bits(2), 1024);
	assert_int_equal(qsp_pubkey_bits(16), 65);
	assert_int_equal(qsp_pubkey_bits(17), 87);
	assert_int_equal(qsp_pubkey_bits(0), 0);
}

#define ID "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SECRET "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

/* [P3] */
static void
test_bridge(void **state)
{
	static const struct {
		const char *line, *host;
		uint16_t port;
	} good[] = {
		{ "qsp://example.org:443?id=" ID "&k=" SECRET, "example.org", 443 },
		{ "qsp://example.org?id=" ID "&k=" SECRET, "example.org", 8022 },
		{ "  QSP://Example.org:1/?k=" SECRET "&id=" ID "\r", "Example.org", 1 },
		{ "qsp://[2001:db8::1]:65535?id=" ID "&k=" SECRET, "2001:db8::1", 65535 },
		{ "qsp://[fe80::1%eth0]?id=" ID "&k=" SECRET, "fe80::1%eth0", 8022 },
	};
	char line[QSP_BRIDGE_LINE_MAX];
	struct qsp_bridge b, back;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(qsp_bridge_get(qsp_bytes_str(good[i].line), &b, NULL), 0);
		assert_string_equal(b.host, good[i].host);
		assert_int_equal(b.port, good[i].port);
		assert_int_equal(b.id[31], 0x1f);
		assert_int_equal(b.secret[0], 0xff);
		assert_int_equal(qsp_bridge_put(&b, line), 0);
		assert_int_equal(qsp_bridge_get(qsp_bytes_str(line), &back, NULL), 0);
		assert_string_equal(b.host, back.host);
		assert_int_equal(b.port, back.port);
		assert_memory_equal(b.id, back.id, sizeof(b.id));
		assert_memory_equal(b.secret, back.secret, sizeof(b.secret));
	}
	assert_int_equal(qsp_bridge_get(qsp_bytes_str(good[0].line), &b, NULL), 0);
	assert_int_equal(qsp_bridge_put(&b, line), 0);
	assert_string_equal(line, good[0].line);
	/* each truncation is refused */
	for (size_t n = 0; n < strlen(line); n++)
		assert_int_equal(qsp_bridge_get(qsp_bytes(line, n), &b, NULL), QSP_E_INPUT);
	assert_int_equal(b.port, 0);
}

static void
test_bridge_bad(void **state)
{
	static const char *const bad[] = {
		"",
		"qsp://",
		"qsp://?id=" ID "&k=" SECRET,
		"ssh://h?id=" ID "&k=" SECRET,
		"qsp://h:0?id=" ID "&k=" SECRET,
		"qsp://h:65536?id=" ID "&k=" SECRET,
		"qsp://h:?id=" ID "&k=" SECRET,
		"qsp://h:+1?id=" ID "&k=" SECRET,
		"qsp://h:4294967297?id=" ID "&k=" SECRET,
		"qsp://h h?id=" ID "&k=" SECRET,
		"qsp://u@h?id=" ID "&k=" SECRET,
		"qsp://::1?id=" ID "&k=" SECRET,
		"qsp://[::1?id=" ID "&k=" SECRET,
		"qsp://[::1]x?id=" ID "&k=" SECRET,
		"qsp://[]?id=" ID "&k=" SECRET,
		"qsp://[h%1]?id=" ID "&k=" SECRET,
		"qsp://h?id=" ID,
		"qsp://h?k=" SECRET,
		"qsp://h?id=" ID "&id=" ID "&k=" SECRET,
		"qsp://h?id=" ID "&k=" SECRET "&k=" SECRET,
		"qsp://h?id=" ID "&k=" SECRET "&",
		"qsp://h?id=" ID "&k=" SECRET "&x=1",
		"qsp://h?id=" ID "&k=" SECRET "00",
		"qsp://h?id=" ID "&&k=" SECRET,
		"qsp://h?id=zz" ID "&k=" SECRET,
		"qsp://h/path?id=" ID "&k=" SECRET,
	};
	static const struct {
		const char *line, *says;
	} why[] = {
		{ "h?id=" ID "&k=" SECRET, "qsp://" },
		{ "qsp://?id=" ID "&k=" SECRET, "no host" },
		{ "qsp://h h?id=" ID "&k=" SECRET, "characters" },
		{ "qsp://[::1?id=" ID "&k=" SECRET, "without its ]" },
		{ "qsp://h:0?id=" ID "&k=" SECRET, "port" },
		{ "qsp://h?id=" ID "&k=" SECRET "&", "cut off" },
		{ "qsp://h?k=" SECRET, "no id" },
		{ "qsp://h?id=" ID, "no k" },
		{ "qsp://h?id=" ID "0&k=" SECRET, "id is not 64" },
		{ "qsp://h?id=" ID "&k=00", "k is not 64" },
		{ "qsp://h?id=" ID "&id=" ID, "id stands there twice" },
		{ "qsp://h?id=" ID "&port=1", "other than id and k" },
	};
	const char *wrong;
	struct qsp_bridge b = { .host = "a b", .port = 1 };
	char line[QSP_BRIDGE_LINE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (qsp_bridge_get(qsp_bytes_str(bad[i]), &b, NULL) != QSP_E_INPUT)
			fail_msg("taken: %s", bad[i]);
	for (size_t i = 0; i < sizeof(why) / sizeof(*why); i++) {
		assert_int_equal(qsp_bridge_get(qsp_bytes_str(why[i].line), &b, &wrong),
				 QSP_E_INPUT);
		assert_non_null(strstr(wrong, why[i].says));
	}
	b.port = 1;
	assert_int_equal(qsp_bridge_put(&b, line), QSP_E_INPUT);
	strcpy(b.host, "a b");
	assert_int_equal(qsp_bridge_put(&b, line), QSP_E_INPUT);
	/* the longest host there can be */
	memset(b.host, 'h', QSP_BRIDGE_HOST_MAX);
	b.host[QSP_BRIDGE_HOST_MAX] = '\0';
	assert_int_equal(qsp_bridge_put(&b, line), 0);
	assert_int_equal(qsp_bridge_get(qsp_bytes_str(line), &b, NULL), 0);
}

static void
test_lines(void **state)
{
	struct qsp_bytes text = qsp_bytes_str("a b\n\nc"), line, list = qsp_bytes_str(",x,");
	char digits[QSP_LINE_DECIMAL_MAX];
	uint32_t v;

	(void)state;
	assert_true(qsp_line_next(&text, &line) && qsp_bytes_is(line, "a b"));
	assert_true(qsp_bytes_is(qsp_line_word(&line), "a"));
	assert_true(qsp_bytes_is(qsp_line_word(&line), "b"));
	assert_int_equal(qsp_line_word(&line).n, 0);
	assert_true(qsp_line_next(&text, &line) && line.n == 0);
	assert_true(qsp_line_next(&text, &line) && qsp_bytes_is(line, "c"));
	assert_false(qsp_line_next(&text, &line));
	assert_int_equal(qsp_line_part(&list, ',').n, 0);
	assert_true(qsp_bytes_is(qsp_line_part(&list, ','), "x"));
	assert_int_equal(qsp_line_part(&list, ',').n, 0);
	assert_string_equal(qsp_line_decimal(0, digits), "0");
	assert_string_equal(qsp_line_decimal(4294967295u, digits), "4294967295");
	assert_int_equal(qsp_line_number(qsp_bytes_str("65535"), 65535, &v), 0);
	assert_int_equal(v, 65535);
	assert_int_equal(qsp_line_number(qsp_bytes_str("65536"), 65535, &v), QSP_E_INPUT);
	assert_int_equal(qsp_line_number(qsp_bytes_str(""), 65535, &v), QSP_E_INPUT);
	assert_int_equal(qsp_line_number(qsp_bytes_str("-1"), 65535, &v), QSP_E_INPUT);
}

/* A bishop that goes up-left all the time slides along the wall into the corner. */
static void
test_art(void **state)
{
	uint8_t id[QSP_KEY_ID_LEN] = { 0 };
	char art[QSP_PRINT_ART_MAX];

	(void)state;
	qsp_print_art(id, "[KYBER768]", art);
	assert_string_equal(art, "+---[KYBER768]----+\n"
				 "|E....            |\n"
				 "|     .           |\n"
				 "|      .          |\n"
				 "|       .         |\n"
				 "|        S        |\n"
				 "|                 |\n"
				 "|                 |\n"
				 "|                 |\n"
				 "|                 |\n"
				 "+-----[SHA3]------+");
	memset(id, 0xff, sizeof(id));
	qsp_print_art(id, "[A TITLE THAT IS TOO LONG]", art);
	assert_int_equal(strlen(art), 11 * 20 - 1);
	assert_non_null(strstr(art, "....E|\n+-----[SHA3]------+"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pubkey), cmocka_unit_test(test_pubkey_bad),
		cmocka_unit_test(test_bridge), cmocka_unit_test(test_bridge_bad),
		cmocka_unit_test(test_lines),  cmocka_unit_test(test_art),
	};

	return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
