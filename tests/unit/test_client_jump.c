/* SPDX-License-Identifier: ISC */
/*
 * Hops, targets of -W, and names that may stand in a command.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/client_jump.h"

#include <stdlib.h>
#include <string.h>

static void
good(const char *list, const char *before, const char *user, const char *destination, unsigned port)
{
	struct qsp_client_jump j;

	if (qsp_client_jump_last(list, &j) != 0)
		fail_msg("%s was refused", list);
	assert_true(qsp_client_jump_is_good(list));
	assert_string_equal(j.destination, destination);
	assert_string_equal(j.user ? j.user : "-", user ? user : "-");
	assert_string_equal(j.before ? j.before : "-", before ? before : "-");
	assert_int_equal(j.port, port);
	qsp_client_jump_wipe(&j);
}

static void
test_hops(void **state)
{
	(void)state;
	good("gate", NULL, NULL, "gate", 0);
	good("me@gate:22", NULL, "me", "gate", 22);
	good("a,b@c", "a", "b", "c", 0);
	good("a,b,u@[2001:db8::1]:8022", "a,b", "u", "2001:db8::1", 8022);
	good("fe80::1", NULL, NULL, "fe80::1", 0);
	good("u@dom@gate", NULL, "u@dom", "gate", 0);
	good("a,ssh://u@gate:22", "a", NULL, "ssh://u@gate:22", 0);
	good("qsp://h:1?id=00&k=11", NULL, NULL, "qsp://h:1?id=00&k=11", 0);
	assert_true(qsp_client_jump_is_good("none"));
}

static void
test_bad_hops(void **state)
{
	static const char *const bad[] = { "",       ",",     "a,",   ",a",      "@a",
					   "a:",     "a:0",   "a:x",  "a:65536", "[::1",
					   "[::1]x", "-oX=y", "u@-x", "a b",     "$(x)",
					   "a;b",    "-l@a",  "a,,b", "a'b",     "a\nb" };
	char many[128] = "a";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (qsp_client_jump_is_good(bad[i]))
			fail_msg("'%s' was taken", bad[i]);
	for (int i = 1; i < QSP_CLIENT_HOPS_MAX; i++)
		strcat(many, ",a");
	assert_true(qsp_client_jump_is_good(many));
	strcat(many, ",a");
	assert_false(qsp_client_jump_is_good(many));
}

static void
test_target(void **state)
{
	static const char *const bad[] = { "",     "h",  "h:",  "h:0",  "h:65536",
					   "h:1x", ":1", "::1", "[::1]" };
	char *host;
	uint16_t port;

	(void)state;
	assert_int_equal(qsp_client_jump_target("[::1]:22", &host, &port), 0);
	assert_string_equal(host, "::1");
	assert_int_equal(port, 22);
	free(host);
	assert_int_equal(qsp_client_jump_target("h.example:8022", &host, &port), 0);
	assert_string_equal(host, "h.example");
	free(host);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (qsp_client_jump_target(bad[i], &host, &port) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_null(host);
	}
}

static void
test_plain(void **state)
{
	(void)state;
	assert_true(qsp_client_jump_is_plain("web-1.example_x"));
	assert_true(qsp_client_jump_is_plain("fe80::1%eth0"));
	assert_false(qsp_client_jump_is_plain(""));
	assert_false(qsp_client_jump_is_plain("-x"));
	assert_false(qsp_client_jump_is_plain("a\\b"));
	for (const char *p = " \t\n\r\x7f'\"`$;&<>|(){}*?!#~,\\"; *p; p++) {
		const char name[] = { 'a', *p, 'b', 0 };

		assert_false(qsp_client_jump_is_plain(name));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hops),
		cmocka_unit_test(test_bad_hops),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
