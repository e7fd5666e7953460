/* SPDX-License-Identifier: ISC */
/* The file of a server's obfuscation secrets [P4.6]: dates, text both ways, rotation, overlap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "trust/secrets.h"

#define A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static qsp_err
get(const char *text, struct qsp_secrets *s, unsigned *line, const char **wrong)
{
	return qsp_secrets_get(qsp_bytes_str(text), s, line, wrong);
}

/* Against the C library's calendar. */
static void
test_dates(void **state)
{
	(void)state;
	for (uint32_t day = 0; day <= QSP_SECRETS_DAY_MAX; day += day < 60000 ? 1 : 97) {
		char date[QSP_SECRETS_DATE_MAX], want[32], text[QSP_SECRETS_LINE_MAX];
		time_t t = (time_t)day * 24 * 60 * 60;
		struct qsp_secrets s;
		const char *wrong;
		unsigned line;
		struct tm tm;

		qsp_secrets_date(day, date);
		assert_non_null(gmtime_r(&t, &tm));
		strftime(want, sizeof(want), "%Y-%m-%d", &tm);
		assert_string_equal(date, want);
		strcpy(text, "current ");
		strcat(text, date);
		strcat(text, " " A);
		assert_int_equal(get(text, &s, &line, &wrong), 0);
		assert_int_equal(s.one[0].day, day);
	}
}

static void
test_text(void **state)
{
	static const char good[] = "retired 2024-02-29 " B "\n"
				   "previous 2026-01-31 " A "\n"
				   "current 2026-11-21 " B "\n";
	char text[QSP_SECRETS_TEXT_MAX];
	struct qsp_secrets s;
	const char *wrong;
	unsigned line;

	(void)state;
	assert_int_equal(get(good, &s, &line, &wrong), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.one[0].age, QSP_SECRET_RETIRED);
	assert_int_equal(s.one[1].age, QSP_SECRET_PREVIOUS);
	assert_int_equal(s.one[1].key[31], 0x1f);
	assert_ptr_equal(qsp_secrets_current(&s), &s.one[2]);
	assert_int_equal(qsp_secrets_put(&s, text), 0);
	assert_string_equal(text, good);
	assert_int_equal(
		get("# a comment\n\n \tcurrent\t2026-11-21  " A " \r\n", &s, &line, &wrong), 0);
	assert_int_equal(s.n, 1);
}

static void
test_text_bad(void **state)
{
	static const struct {
		const char *text, *says;
		unsigned line;
	} bad[] = {
		{ "", "no secret is current", 0 },
		{ "previous 2026-11-21 " A "\n", "no secret is current", 0 },
		{ "current 2026-11-21 " A "\ncurrent 2026-11-21 " B "\n", "more than one", 0 },
		{ "\nfuture 2026-11-21 " A "\n", "no age", 2 },
		{ "current 2026-11-21\n", "hex", 1 },
		{ "current 2026-11-21 " A "00\n", "hex", 1 },
		{ "current " A "\n", "no date", 1 },
		{ "current 2026-02-29 " A "\n", "no date", 1 },
		{ "current 1969-12-31 " A "\n", "no date", 1 },
		{ "current 2026-13-01 " A "\n", "no date", 1 },
		{ "current 2026/11/21 " A "\n", "no date", 1 },
		{ "current 2026-11-21 " A " x\n", "three words", 1 },
	};
	struct qsp_secrets s;
	const char *wrong;
	unsigned line;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(get(bad[i].text, &s, &line, &wrong), QSP_E_INPUT);
		assert_non_null(strstr(wrong, bad[i].says));
		assert_int_equal(line, bad[i].line);
		assert_int_equal(s.n, 0);
	}
}

static void
test_rotation(void **state)
{
	struct qsp_secrets s = { 0 };
	uint8_t key[QSP_OK_LEN];

	(void)state;
	for (uint32_t i = 0; i < QSP_SECRET_MAX + 3; i++) {
		memset(key, (int)i, sizeof(key));
		qsp_secrets_rotate(&s, key, 100 + i);
		assert_int_equal(qsp_secrets_current(&s)->key[0], i);
		assert_int_equal(qsp_secrets_current(&s)->day, 100 + i);
		assert_int_equal(s.n, i < QSP_SECRET_MAX ? i + 1 : QSP_SECRET_MAX);
	}
	/* the oldest are gone, and what was current is previous since it was rotated */
	assert_int_equal(s.one[0].key[0], 3);
	assert_int_equal(s.one[0].day, 104);
	assert_int_equal(s.one[0].age, QSP_SECRET_PREVIOUS);
	/* a retired one goes before an older one that is not */
	s.one[4].age = QSP_SECRET_RETIRED;
	qsp_secrets_rotate(&s, key, 200);
	assert_int_equal(s.n, QSP_SECRET_MAX);
	assert_int_equal(s.one[0].key[0], 3);
	assert_int_equal(s.one[4].key[0], 8);
}

static void
test_overlap(void **state)
{
	struct qsp_secrets_one current = { .age = QSP_SECRET_CURRENT, .day = 100 };
	struct qsp_secrets_one previous = { .age = QSP_SECRET_PREVIOUS, .day = 100 };
	struct qsp_secrets_one retired = { .age = QSP_SECRET_RETIRED, .day = 100 };

	(void)state;
	assert_int_equal(qsp_secrets_age(&current, 10000, 0), QSP_SECRET_CURRENT);
	assert_int_equal(qsp_secrets_age(&retired, 100, 30), QSP_SECRET_RETIRED);
	assert_int_equal(qsp_secrets_age(&previous, 100, 0), QSP_SECRET_RETIRED);
	assert_int_equal(qsp_secrets_age(&previous, 100, 30), QSP_SECRET_PREVIOUS);
	assert_int_equal(qsp_secrets_age(&previous, 129, 30), QSP_SECRET_PREVIOUS);
	assert_int_equal(qsp_secrets_age(&previous, 130, 30), QSP_SECRET_RETIRED);
	/* a clock that went back retires nothing */
	assert_int_equal(qsp_secrets_age(&previous, 99, 30), QSP_SECRET_PREVIOUS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates),    cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_bad), cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
