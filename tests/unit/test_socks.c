/* SPDX-License-Identifier: ISC */
/* SOCKS 4, 4a and 5: every request that is whole, every one that is not, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/socks.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

#define TEXT(s) qsp_bytes((const uint8_t *)(s), sizeof(s) - 1)

/* Takes it whole; every beginning of it wants more. */
static enum qsp_socks_step
take(struct qsp_socks *s, struct qsp_bytes in, struct qsp_socks_reply *reply)
{
	uint8_t more[QSP_SOCKS_MAX];
	enum qsp_socks_step step;
	size_t used;

	for (size_t n = 0; n < in.n; n++) {
		assert_int_equal(qsp_socks_take(s, qsp_bytes(in.p, n), &used, reply),
				 QSP_SOCKS_MORE);
		assert_int_equal(used, 0);
		assert_int_equal(reply->n, 0);
	}
	/* what lies behind it is not its own */
	memcpy(more, in.p, in.n);
	memcpy(more + in.n, "GET /", 5);
	step = qsp_socks_take(s, qsp_bytes(more, in.n + 5), &used, reply);
	if (step != QSP_SOCKS_BAD)
		assert_int_equal(used, in.n);
	return step;
}

static void
asks(struct qsp_socks *s, struct qsp_bytes in, const char *host, unsigned port)
{
	struct qsp_socks_reply reply;

	assert_int_equal(take(s, in, &reply), QSP_SOCKS_ASKED);
	assert_int_equal(reply.n, 0);
	assert_string_equal(s->host, host);
	assert_int_equal(s->port, port);
}

static void
greet(struct qsp_socks *s)
{
	struct qsp_socks_reply reply;

	memset(s, 0, sizeof(*s));
	assert_int_equal(take(s, TEXT("\5\2\2\0"), &reply), QSP_SOCKS_SAY);
	assert_int_equal(reply.n, 2);
	assert_memory_equal(reply.b, "\5\0", 2);
}

static void
test_4(void **state)
{
	struct qsp_socks s = { 0 };
	struct qsp_socks_reply reply;

	(void)state;
	asks(&s, TEXT("\4\1\0\120\177\0\0\1me\0"), "127.0.0.1", 80);
	qsp_socks_answer(&s, true, &reply);
	assert_int_equal(reply.n, 8);
	assert_memory_equal(reply.b, "\0\132", 2);
	qsp_socks_answer(&s, false, &reply);
	assert_memory_equal(reply.b, "\0\133", 2);
	memset(&s, 0, sizeof(s));
	asks(&s, TEXT("\4\1\37\220\12\0\0\1\0"), "10.0.0.1", 8080);
	/* 0.0.0.0 is an address, and no name follows it */
	memset(&s, 0, sizeof(s));
	asks(&s, TEXT("\4\1\0\120\0\0\0\0\0"), "0.0.0.0", 80);
}

static void
test_4a(void **state)
{
	struct qsp_socks s = { 0 };

	(void)state;
	asks(&s, TEXT("\4\1\1\273\0\0\0\1me\0www.example.org\0"), "www.example.org", 443);
}

static void
test_5(void **state)
{
	struct qsp_socks s;
	struct qsp_socks_reply reply;

	(void)state;
	greet(&s);
	asks(&s, TEXT("\5\1\0\1\177\0\0\1\0\120"), "127.0.0.1", 80);
	qsp_socks_answer(&s, true, &reply);
	assert_int_equal(reply.n, 10);
	assert_memory_equal(reply.b, "\5\0\0\1", 4);
	qsp_socks_answer(&s, false, &reply);
	assert_memory_equal(reply.b, "\5\5\0\1", 4);
	greet(&s);
	asks(&s, TEXT("\5\1\0\3\013example.org\1\273"), "example.org", 443);
	greet(&s);
	asks(&s, TEXT("\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\26"), "::1", 22);
}

/* Refused, with this reply; reply_n 0: without a word. */
static void
refused(bool greeted, struct qsp_bytes in, const char *code, size_t reply_n)
{
	struct qsp_socks s = { 0 };
	struct qsp_socks_reply reply;

	if (greeted)
		greet(&s);
	assert_int_equal(take(&s, in, &reply), QSP_SOCKS_BAD);
	assert_int_equal(reply.n, reply_n);
	assert_memory_equal(reply.b, code, reply_n ? 2 : 0);
}

static void
test_refused(void **state)
{
	(void)state;
	refused(false, TEXT("G"), "", 0);
	refused(false, TEXT("\6"), "", 0);
	refused(false, TEXT("\5\1\2"), "\5\377", 2);                 /* with a password alone */
	refused(false, TEXT("\5\0"), "\5\377", 2);                   /* with nothing at all */
	refused(true, TEXT("\5\2\0\1\177\0\0\1\0\120"), "\5\7", 10); /* BIND */
	refused(true, TEXT("\5\3\0\3\1a\0\120"), "\5\7", 10);        /* UDP */
	refused(true, TEXT("\5\1\0\2\1"), "\5\10", 10);              /* no such address type */
	refused(true, TEXT("\5\1\0\3\0\0\120"), "\5\10", 10);        /* an empty name */
	refused(true, TEXT("\5\1\0\3\3a b\0\120"), "\5\10", 10);
	refused(true, TEXT("\5\1\0\3\3a\nb\0\120"), "\5\10", 10);
	refused(true, TEXT("\5\1\0\3\3a\0b\0\120"), "\5\10", 10);
	refused(true, TEXT("\5\1\0\1\177\0\0\1\0\0"), "\5\10", 10); /* port 0 */
	refused(false, TEXT("\4\2\0\120\177\0\0\1\0"), "\0\133", 8);
	refused(false, TEXT("\4\1\0\120\0\0\0\1\0\0"), "\0\133", 8);
	refused(false, TEXT("\4\1\0\0\177\0\0\1\0"), "\0\133", 8);
}

static void
test_limits(void **state)
{
	uint8_t in[QSP_SOCKS_MAX];
	struct qsp_socks s = { 0 };
	struct qsp_socks_reply reply;
	size_t used;

	(void)state;
	/* a user's name without an end */
	memset(in, 'x', sizeof(in));
	memcpy(in, "\4\1\0\120\177\0\0\1", 8);
	assert_int_equal(qsp_socks_take(&s, qsp_bytes(in, sizeof(in) - 1), &used, &reply),
			 QSP_SOCKS_MORE);
	assert_int_equal(qsp_socks_take(&s, qsp_bytes(in, sizeof(in)), &used, &reply),
			 QSP_SOCKS_BAD);
	/* the longest name of 5 */
	greet(&s);
	memcpy(in, "\5\1\0\3\377", 5);
	memset(in + 5, 'x', 255);
	memcpy(in + 260, "\0\120", 2);
	assert_int_equal(qsp_socks_take(&s, qsp_bytes(in, 262), &used, &reply), QSP_SOCKS_ASKED);
	assert_int_equal(strlen(s.host), 255);
	/* and one of 4a that is longer */
	memset(&s, 0, sizeof(s));
	memset(in, 'x', sizeof(in));
	memcpy(in, "\4\1\0\120\0\0\0\1\0", 9);
	in[9 + 256] = 0;
	assert_int_equal(qsp_socks_take(&s, qsp_bytes(in, 9 + 257), &used, &reply), QSP_SOCKS_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_4),      cmocka_unit_test(test_4a),
		cmocka_unit_test(test_5),      cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
