/* SPDX-License-Identifier: ISC */
/*
 * The n-th allocation fails: calloc of our own code (linked with --wrap=calloc), for every n that a
 * session has; and libcrypto's, all of them or, with the argument "some", a part that differs from
 * one way in to the next.
 */
#include "session.h"

#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static unsigned long count, fail_at; /* from 1; 0: none */
static bool ours, theirs;            /* whose allocations count */
static bool for_good;                /* all fail from then on */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static bool
fails(void)
{
	if (++count == fail_at)
		session_failed();
	return count == fail_at || (for_good && fail_at && count > fail_at);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return ours && fails() ? NULL : __real_calloc(n, size);
}

static void *
crypto_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return theirs && fails() ? NULL : malloc(n);
}

static void *
crypto_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return theirs && fails() ? NULL : realloc(p, n);
}

static void
crypto_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static struct session
run(const struct pair_options *o, unsigned long n)
{
	struct session s;

	count = 0;
	fail_at = n;
	s = session_run(o);
	fail_at = 0;
	return s;
}

static void
check(const struct session *s, unsigned way, unsigned long n)
{
	bool known = s->made == 0 || s->made == QSP_E_NOMEM || s->made == QSP_E_CRYPTO ||
		     s->made == QSP_E_RNG;

	if (s->broken || !known)
		fail_msg("way %u, allocation %lu: %s (made %d, client %d, server %d)", way, n,
			 s->broken ? s->broken : "made", s->made, s->client, s->server);
}

/* Each n that a session reaches, in steps; the first is pair_new's own, or not ours. */
static void
every(unsigned way, struct pair_shared *shared, unsigned long first, unsigned long step)
{
	struct pair_options o = session_options(way);
	unsigned survived = 0;
	unsigned long n, total;
	struct session s;

	o.shared = shared;
	s = run(&o, 0);
	assert_true(s.complete);
	total = count;
	for (n = first; n <= total; n += step) {
		for_good = false;
		s = run(&o, n);
		check(&s, way, n);
		survived += s.complete;
		for_good = true;
		s = run(&o, n);
		check(&s, way, n);
	}
	for_good = false;
	print_message("way %u: %lu allocations, %u survived\n", way, total, survived);
	assert_true(total > 20);
}

static void
our_allocations_may_fail(void **state)
{
	struct pair_shared *shared = pair_shared_new();

	(void)state;
	ours = true;
	for (unsigned way = 0; way < SESSION_WAYS; way++)
		every(way, shared, 2, 1);
	/* and those of the context and the keys themselves */
	every(0, NULL, 2, 1);
	ours = false;
	pair_shared_free(shared);
}

static unsigned long stride = 1;

static void
allocations_of_libcrypto_may_fail(void **state)
{
	struct pair_shared *shared;

	(void)state;
	ours = false; /* also where the test before this one failed */
	shared = pair_shared_new();
	for (unsigned way = 0; way < SESSION_WAYS; way++) {
		struct pair_options o = session_options(way);

		o.shared = shared;
		(void)session_run(&o); /* what libcrypto makes once is made */
		theirs = true;
		every(way, shared, 1 + way * 7 % stride, stride);
		theirs = false;
	}
	pair_shared_free(shared);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_allocations_may_fail),
		cmocka_unit_test(allocations_of_libcrypto_may_fail),
	};

	if (argc > 1 && strcmp(argv[1], "some") == 0)
		stride = 3;
	if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
