/* SPDX-License-Identifier: ISC */
/* Specifications of -L, -R and -D, and entries of PermitRemoteOpen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/client_forward.h"

#include <stdio.h>
#include <string.h>

/* Taken, and written as the configuration has it; which is the same one again. */
static void
good(char kind, const char *spec, const char *printed)
{
	struct qsp_client_forward f, again;
	char text[2 * QSP_CLIENT_FORWARD_TEXT_MAX], *gap;

	if (qsp_client_forward_parse(kind, spec, &f) != 0)
		fail_msg("-%c %s was refused", kind, spec);
	qsp_client_forward_print(&f, text, sizeof(text));
	assert_string_equal(text, printed);
	gap = strchr(text, ' ');
	if (gap)
		*gap = ':';
	if (qsp_client_forward_parse(kind, text, &again) != 0)
		fail_msg("-%c %s was refused", kind, text);
	assert_true(qsp_client_forward_same(&f, &again));
	assert_true(qsp_client_forward_same_target(&f, &again));
	qsp_client_forward_wipe(&f);
	qsp_client_forward_wipe(&again);
}

static void
bad(char kind, const char *spec)
{
	struct qsp_client_forward f;

	if (qsp_client_forward_parse(kind, spec, &f) != QSP_E_INPUT)
		fail_msg("-%c %s was taken", kind, spec);
	assert_null(f.listen_host);
	assert_null(f.listen_path);
	assert_null(f.host);
	assert_null(f.path);
}

static void
test_local(void **state)
{
	(void)state;
	good('L', "8080:host:80", "8080 [host]:80");
	good('L', "localhost:8080:host:80", "[localhost]:8080 [host]:80");
	good('L', "*:8080:host:80", "[*]:8080 [host]:80");
	good('L', ":8080:host:80", "[*]:8080 [host]:80");
	good('L', "[::1]:8080:[2001:db8::2]:80", "[::1]:8080 [2001:db8::2]:80");
	good('L', "8080:[::1]:http", "8080 [::1]:80");
	good('L', "8080:/run/x", "8080 /run/x");
	good('L', "127.0.0.1:8080:/run/x", "[127.0.0.1]:8080 /run/x");
	good('L', "/run/a:host:80", "/run/a [host]:80");
	good('L', "/run/a:/run/b", "/run/a /run/b");
	good('L', "./a:host:80", "./a [host]:80");
	bad('L', "");
	bad('L', "8080");
	bad('L', "8080:host");
	bad('L', "0:host:80");
	bad('L', "8080:host:0");
	bad('L', "8080::80");
	bad('L', "65536:host:80");
	bad('L', "-1:host:80");
	bad('L', "x:y:z:1:2");
	bad('L', "8080:[::1:80");
	bad('L', "8080:[::1]x:80");
	bad('L', "/run/a");
	bad('L', "a:8080:host:80:x");
	bad('L', "/run/a:8080:host:80");
}

static void
test_remote(void **state)
{
	(void)state;
	good('R', "0:host:80", "0 [host]:80");
	good('R', "*:0:host:80", "[*]:0 [host]:80");
	good('R', "8080:/run/x", "8080 /run/x");
	good('R', "/run/a:/run/b", "/run/a /run/b");
	good('R', "/run/a:host:80", "/run/a [host]:80");
	good('R', "1080", "1080");
	good('R', "0", "0");
	good('R', "host:1080", "[host]:1080");
	good('R', "[::]:1080", "[::]:1080");
	good('R', "/run/a", "/run/a");
	bad('R', "host");
	bad('R', "8080:host:0");
	bad('R', ":");
}

static void
test_dynamic(void **state)
{
	(void)state;
	good('D', "1080", "1080");
	good('D', "*:1080", "[*]:1080");
	good('D', "[::1]:1080", "[::1]:1080");
	good('D', "/run/a", "/run/a");
	bad('D', "0");
	bad('D', "host");
	bad('D', "1080:host:80");
	bad('D', "1080:1080:1080");
	bad('D', "");
}

static void
test_long(void **state)
{
	char spec[QSP_CLIENT_FORWARD_TEXT_MAX + 16];
	struct qsp_client_forward f;

	(void)state;
	memset(spec, 'a', sizeof(spec));
	memcpy(spec, "80:", 3);
	memcpy(spec + QSP_CLIENT_FORWARD_TEXT_MAX / 2 - 4, ":80", 4);
	assert_int_equal(qsp_client_forward_parse('L', spec, &f), 0);
	qsp_client_forward_wipe(&f);
	spec[QSP_CLIENT_FORWARD_TEXT_MAX / 2 - 1] = '0';
	spec[QSP_CLIENT_FORWARD_TEXT_MAX / 2] = 0;
	bad('L', spec);
}

static bool
same(char a_kind, const char *a, char b_kind, const char *b)
{
	struct qsp_client_forward x, y;
	bool same;

	assert_int_equal(qsp_client_forward_parse(a_kind, a, &x), 0);
	assert_int_equal(qsp_client_forward_parse(b_kind, b, &y), 0);
	same = qsp_client_forward_same(&x, &y);
	qsp_client_forward_wipe(&x);
	qsp_client_forward_wipe(&y);
	return same;
}

static void
test_same(void **state)
{
	(void)state;
	assert_true(same('L', "1:h:2", 'L', "1:other:3"));
	assert_true(same('L', "1:h:2", 'D', "1"));
	assert_true(same('L', "*:1:h:2", 'L', ":1:h:2"));
	assert_true(same('L', "/a:h:2", 'D', "/a"));
	assert_false(same('L', "1:h:2", 'L', "2:h:2"));
	assert_false(same('L', "1:h:2", 'R', "1:h:2"));
	assert_false(same('L', "1:h:2", 'L', "*:1:h:2"));
	assert_false(same('L', "/a:h:2", 'L', "/b:h:2"));
}

static void
test_permits(void **state)
{
	static const char *const wrong[] = { "",      "host", "host:", ":80",    "host:x",
					     "[::1]", "::1",  "[]:80", "a:b:80", "host:65536" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (!qsp_client_forward_check_permit(wrong[i]))
			fail_msg("'%s' was taken", wrong[i]);
		assert_false(qsp_client_forward_permits(wrong[i], "host", 80));
	}
	assert_null(qsp_client_forward_check_permit("any"));
	assert_null(qsp_client_forward_check_permit("none"));
	assert_null(qsp_client_forward_check_permit("*:*"));
	assert_null(qsp_client_forward_check_permit("[::1]:80"));
	assert_true(qsp_client_forward_permits("any", "h", 1));
	assert_false(qsp_client_forward_permits("none", "h", 1));
	assert_true(qsp_client_forward_permits("h:1", "h", 1));
	assert_true(qsp_client_forward_permits("H:1", "h", 1));
	assert_true(qsp_client_forward_permits("h:*", "h", 7));
	assert_true(qsp_client_forward_permits("*:7", "x", 7));
	assert_true(qsp_client_forward_permits("[::1]:7", "::1", 7));
	assert_false(qsp_client_forward_permits("h:1", "h", 2));
	assert_false(qsp_client_forward_permits("h:1", "hh", 1));
	assert_false(qsp_client_forward_permits("*:7", "x", 8));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local),   cmocka_unit_test(test_remote),
		cmocka_unit_test(test_dynamic), cmocka_unit_test(test_long),
		cmocka_unit_test(test_same),    cmocka_unit_test(test_permits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
