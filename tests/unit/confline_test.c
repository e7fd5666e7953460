/* SPDX-License-Identifier: ISC */
/* The tokenizer of configuration files: words, quotes, comments, bounds, messages. */
#include "app/confline.h"
#include "base/bytes.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static qsp_err
cut(struct qsp_confline *l, const char *s)
{
	const char *why;

	qsp_confline_init(l, "f");
	return qsp_confline_parse(l, qsp_bytes_str(s), &why);
}

static void
expect(const char *s, const char *keyword, const char *rest, size_t n, const char *const *arg)
{
	struct qsp_confline l;

	assert_int_equal(cut(&l, s), 0);
	if (keyword == NULL) {
		assert_null(l.keyword);
		return;
	}
	assert_string_equal(l.keyword, keyword);
	assert_string_equal(l.rest, rest);
	assert_int_equal(l.n, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(l.arg[i], arg[i]);
}
#define ARGS(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static void
words(void **state)
{
	(void)state;
	expect("", NULL, "", 0, NULL);
	expect("  \t\r\n", NULL, "", 0, NULL);
	expect("# Port 22", NULL, "", 0, NULL);
	expect("   # x", NULL, "", 0, NULL);
	expect("Port 22\n", "Port", "22", 1, ARGS("22"));
	expect("\tPort\t22  \r\n", "Port", "22", 1, ARGS("22"));
	expect("Port=22", "Port", "22", 1, ARGS("22"));
	expect("Port = 22", "Port", "22", 1, ARGS("22"));
	expect("Port =22 # why", "Port", "22 # why", 1, ARGS("22"));
	expect("SetEnv A=B C=D", "SetEnv", "A=B C=D", 2, ARGS("A=B", "C=D"));
	expect("X a#b", "X", "a#b", 1, ARGS("a#b"));
	expect("X", "X", "", 0, NULL);
	expect("X =", "X", "", 0, NULL);
	expect("X \"\"", "X", "\"\"", 1, ARGS(""));
}

static void
quotes(void **state)
{
	(void)state;
	expect("F \"a b\" c", "F", "\"a b\" c", 2, ARGS("a b", "c"));
	expect("F 'a \"b'", "F", "'a \"b'", 1, ARGS("a \"b"));
	expect("F a\" b\"c", "F", "a\" b\"c", 1, ARGS("a bc"));
	expect("F a\\ b", "F", "a\\ b", 1, ARGS("a b"));
	expect("F \"a\\\"b\"", "F", "\"a\\\"b\"", 1, ARGS("a\"b"));
	expect("F a\\nb", "F", "a\\nb", 1, ARGS("a\\nb"));
	expect("F \"# no\"", "F", "\"# no\"", 1, ARGS("# no"));
	expect("F\"a\"", "F", "\"a\"", 1, ARGS("a"));
	expect("F=\"a\"", "F", "\"a\"", 1, ARGS("a"));
}

static void
refused(void **state)
{
	static char big[QSP_CONFLINE_MAX + 16];
	struct qsp_confline l;
	const char *why;

	(void)state;
	assert_int_equal(cut(&l, "F \"a"), QSP_E_INPUT);
	assert_int_equal(cut(&l, "F 'a\""), QSP_E_INPUT);
	assert_int_equal(cut(&l, "= 5"), QSP_E_INPUT);
	assert_int_equal(cut(&l, "\"Port\" 5"), QSP_E_INPUT);
	assert_int_equal(qsp_confline_parse(&l, qsp_bytes("A \0b", 4), &why), QSP_E_INPUT);
	assert_string_equal(why, "NUL byte in the line");
	memset(big, 'a', sizeof(big) - 1);
	assert_int_equal(cut(&l, big), QSP_E_INPUT);
	big[QSP_CONFLINE_MAX - 2] = 0;
	assert_int_equal(cut(&l, big), 0);
	/* one word too many */
	for (size_t i = 0; i <= QSP_CONFLINE_ARGS_MAX; i++)
		memcpy(big + 2 * i, " a", 2);
	big[0] = 'K';
	big[1] = ' ';
	big[2 * (QSP_CONFLINE_ARGS_MAX + 1)] = 0;
	assert_int_equal(cut(&l, big), 0);
	assert_int_equal(l.n, QSP_CONFLINE_ARGS_MAX);
	memcpy(big + 2 * (QSP_CONFLINE_ARGS_MAX + 1), " b", 3);
	assert_int_equal(cut(&l, big), QSP_E_INPUT);
}

static void
file(void **state)
{
	static const char text[] = "# first\n\nPort 22\nHost \"a\nlast 1";
	char err[QSP_CONFLINE_ERROR_MAX];
	struct qsp_confline l;
	bool end;
	FILE *f;

	(void)state;
	f = fmemopen((void *)(uintptr_t)text, sizeof(text) - 1, "r");
	assert_non_null(f);
	qsp_confline_init(&l, "/etc/x");
	assert_int_equal(qsp_confline_next(&l, f, &end, err), 0);
	assert_false(end);
	assert_true(qsp_confline_is(&l, "pORT"));
	assert_false(qsp_confline_is(&l, "Ports"));
	assert_int_equal(l.number, 3);
	assert_int_equal(qsp_confline_next(&l, f, &end, err), QSP_E_INPUT);
	assert_string_equal(err, "/etc/x line 4: quote without an end");
	assert_int_equal(qsp_confline_next(&l, f, &end, err), 0);
	assert_string_equal(l.keyword, "last");
	assert_int_equal(qsp_confline_next(&l, f, &end, err), 0);
	assert_true(end);
	fclose(f);
	qsp_confline_init(&l, "command line");
	(void)qsp_confline_say(&l, err, "bad %d", 7);
	assert_string_equal(err, "command line: bad 7");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(quotes),
		cmocka_unit_test(refused),
		cmocka_unit_test(file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
