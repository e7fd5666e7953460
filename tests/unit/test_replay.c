/* SPDX-License-Identifier: ISC */
/* [P4.2] The replay cache in memory: what is new, what is not, what is forgotten when. */
#include <qsp/config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool
enter(struct qsp_replay *r, uint32_t name, qsp_time until, qsp_time now)
{
	uint8_t entry[QSP_REPLAY_ENTRY_LEN] = { 0 };

	/* all of them want the same place in the table, whose hash is of the first 8 bytes */
	memcpy(entry + 8, &name, sizeof(name));
	return qsp_replay_enter(r, entry, until, now);
}

static void
once_only(void **state)
{
	struct qsp_replay *r;

	(void)state;
	assert_int_equal(qsp_replay_new(100, &r), QSP_OK);
	for (uint32_t i = 0; i < 100; i++) {
		assert_true(enter(r, i, 1000, 10));
		assert_false(enter(r, i, 1000, 10));
		assert_false(enter(r, i, 2000, 999));
	}
	for (uint32_t i = 0; i < 100; i++)
		assert_false(enter(r, i, 3000, 999));
	qsp_replay_free(r);
}

/* Kept until its time has passed, and then new again. */
static void
expiry(void **state)
{
	struct qsp_replay *r;

	(void)state;
	assert_int_equal(qsp_replay_new(4, &r), QSP_OK);
	assert_true(enter(r, 1, 1000, 0));
	assert_false(enter(r, 1, 5000, 999));
	assert_true(enter(r, 1, 5000, 1000));
	assert_false(enter(r, 1, 5000, 4999));
	qsp_replay_free(r);
}

/* Full means refusal; room comes back only as entries expire, and the others stay known. */
static void
full(void **state)
{
	struct qsp_replay *r;

	(void)state;
	assert_int_equal(qsp_replay_new(10, &r), QSP_OK);
	for (uint32_t i = 0; i < 10; i++)
		assert_true(enter(r, i, i % 2 ? 100 : 200, 0));
	assert_false(enter(r, 10, 300, 0));
	assert_false(enter(r, 10, 300, 50));
	for (uint32_t i = 0; i < 10; i++)
		assert_false(enter(r, i, 300, 60));
	for (uint32_t i = 10; i < 15; i++)
		assert_true(enter(r, i, 300, 100));
	assert_false(enter(r, 15, 300, 100));
	for (uint32_t i = 0; i < 10; i += 2)
		assert_false(enter(r, i, 300, 150));
	for (uint32_t i = 10; i < 15; i++)
		assert_false(enter(r, i, 300, 150));
	qsp_replay_free(r);
}

/* What was refused because the cache was full has not been entered. */
static void
refused_is_not_known(void **state)
{
	struct qsp_replay *r;

	(void)state;
	assert_int_equal(qsp_replay_new(1, &r), QSP_OK);
	assert_true(enter(r, 1, 100, 0));
	assert_false(enter(r, 2, 300, 1));
	assert_true(enter(r, 2, 300, 100));
	assert_false(enter(r, 2, 300, 101));
	assert_false(enter(r, 1, 300, 101));
	qsp_replay_free(r);
	assert_int_equal(qsp_replay_new(0, &r), QSP_OK);
	assert_true(enter(r, 1, 100, 0));
	qsp_replay_free(r);
	qsp_replay_free(NULL);
}

/* Against a list that forgets nothing. */
static void
like_a_list(void **state)
{
	struct {
		uint32_t name;
		qsp_time until;
	} list[4000];
	struct qsp_replay *r;
	uint64_t x = 88172645463325252u;
	size_t n = 0;

	(void)state;
	assert_int_equal(qsp_replay_new(sizeof(list) / sizeof(*list), &r), QSP_OK);
	for (qsp_time now = 1; now < 4000; now++) {
		uint32_t name;
		bool known = false;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		name = (uint32_t)(x % 600);
		for (size_t i = 0; i < n; i++)
			known |= list[i].name == name && list[i].until > now;
		assert_int_equal(enter(r, name, now + 200, now), !known);
		if (!known) {
			list[n].name = name;
			list[n++].until = now + 200;
		}
	}
	qsp_replay_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_only),   cmocka_unit_test(expiry),
		cmocka_unit_test(full),        cmocka_unit_test(refused_is_not_known),
		cmocka_unit_test(like_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
