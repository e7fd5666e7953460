/* SPDX-License-Identifier: ISC */
/* The n-th random draw fails, for every n that a session has, and every way in. */
#include "seeded.h"
#include "session.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static qsp_err
drawn(void *arg, uint8_t *out, size_t n)
{
	qsp_err e = seeded_random(arg, out, n);

	if (e)
		session_failed();
	return e;
}

static void
every_draw_may_fail(void **state)
{
	struct pair_shared *shared = pair_shared_new();

	(void)state;
	for (unsigned way = 0; way < SESSION_WAYS; way++) {
		struct pair_options o = session_options(way);
		struct seeded source = { 0 };
		unsigned survived = 0;
		uint64_t n;

		o.random = drawn;
		o.random_arg = &source;
		o.shared = shared;
		for (n = 1;; n++) {
			struct session s;

			source = (struct seeded){ .state = way, .fail_at = n };
			s = session_run(&o);
			if (s.broken || (s.made && s.made != QSP_E_RNG))
				fail_msg("way %u, draw %d: %s (made %d, client %d, server %d)", way,
					 (int)n, s.broken ? s.broken : "made", s.made, s.client,
					 s.server);
			survived += s.complete;
			if (source.draws < n) {
				assert_true(s.complete);
				break;
			}
		}
		print_message("way %u: %d draws, %u of them can be done without\n", way, (int)n - 1,
			      survived - 1);
		assert_true(n > 20);
	}
	pair_shared_free(shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_draw_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
