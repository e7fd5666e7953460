/* SPDX-License-Identifier: ISC */
/* Patterns, lists of them, and addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/pattern.h"

static bool
fits(const char *pattern, const char *text)
{
	return qsp_pattern_fits(qsp_bytes_str(pattern), qsp_bytes_str(text), QSP_PATTERN_EXACT);
}

static void
test_fits(void **state)
{
	char many[256], as[256];

	(void)state;
	assert_true(fits("", ""));
	assert_true(fits("*", ""));
	assert_true(fits("**", "x"));
	assert_true(fits("a?c", "abc"));
	assert_true(fits("*.example.com", "a.b.example.com"));
	assert_true(fits("a*b*c", "aXbYbZc"));
	assert_false(fits("", "a"));
	assert_false(fits("?", ""));
	assert_false(fits("a?c", "ac"));
	assert_false(fits("*.example.com", "example.com"));
	assert_false(fits("a*b", "abc"));
	assert_true(fits("[a]", "[a]"));
	assert_false(fits("[a]", "a"));
	assert_true(fits("a\\*", "a\\b"));
	assert_false(fits("A", "a"));
	assert_true(qsp_pattern_fits(qsp_bytes_str("A*Z"), qsp_bytes_str("abz"), QSP_PATTERN_FOLD));
	/* many stars cost no more than one after the other */
	memset(as, 'a', sizeof(as) - 1);
	as[sizeof(as) - 1] = 0;
	for (size_t i = 0; i + 2 < sizeof(many); i += 2)
		memcpy(many + i, "*a", 2);
	memcpy(many + sizeof(many) - 3, "*b", 3);
	assert_false(fits(many, as));
}

static void
test_list(void **state)
{
	static const struct {
		const char *list, *text;
		enum qsp_pattern_result want;
	} cases[] = {
		{ "a,b", "b", QSP_PATTERN_MATCH },     { "a,b", "c", QSP_PATTERN_NONE },
		{ "*,!b", "b", QSP_PATTERN_EXCLUDED }, { "!b,*", "b", QSP_PATTERN_EXCLUDED },
		{ "*,!b", "c", QSP_PATTERN_MATCH },    { "!b", "c", QSP_PATTERN_NONE },
		{ "", "c", QSP_PATTERN_NONE },         { "a,", "", QSP_PATTERN_MATCH },
		{ "!", "", QSP_PATTERN_EXCLUDED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (qsp_pattern_list(qsp_bytes_str(cases[i].list), qsp_bytes_str(cases[i].text),
				     QSP_PATTERN_EXACT) != cases[i].want)
			fail_msg("%s at %s", cases[i].text, cases[i].list);
	}
}

/* What inet_pton takes is taken, with the same bytes, and nothing else is. */
static void
test_address(void **state)
{
	static const char *const texts[] = {
		"0.0.0.0",
		"255.255.255.255",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.256",
		"01.2.3.4",
		"1.2.3.4 ",
		"",
		":",
		"::",
		":::",
		"::1",
		"1::",
		"1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7::",
		"::2:3:4:5:6:7:8",
		"1::3::5",
		"1:2:3:4:5:6:1.2.3.4",
		"::1.2.3.4",
		"1:2:3:4:5:6:7:1.2.3.4",
		"::1.2.3",
		"fe80::1%eth0",
		"12345::",
		"g::",
		"1:",
		":1",
		"a:b",
		"ABCD:ef::",
		"1.2.3.4:5",
		"1:2:3:4::5:6:7:8",
		"::1.2.3.4.5",
		"1::1.2.3.4:5",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct qsp_pattern_address got;
		uint8_t want[16];
		size_t n = inet_pton(AF_INET, texts[i], want) == 1    ? 4
			   : inet_pton(AF_INET6, texts[i], want) == 1 ? 16
								      : 0;
		qsp_err e = qsp_pattern_address_parse(qsp_bytes_str(texts[i]), &got);

		if ((e == 0) != (n > 0))
			fail_msg("%s: %d, not %zu", texts[i], (int)e, n);
		if (n > 0) {
			assert_int_equal(got.n, n);
			assert_memory_equal(got.b, want, n);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
