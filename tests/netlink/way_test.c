/* SPDX-License-Identifier: ISC */
/* One way of a link, in virtual time: what it delays, loses, limits, and that it keeps order. */
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MS 1000000u

static void
put(struct way *w, uint32_t number, size_t n, uint64_t now)
{
	uint8_t *p = way_begin(w);

	if (!p) {
		way_refuse(w);
		return;
	}
	memset(p, (int)(number & 0xff), n);
	memcpy(p, &number, sizeof(number));
	way_commit(w, n, now);
}

/* The packet that is due, whole. */
static uint32_t
take(struct way *w, size_t wanted, uint64_t now)
{
	uint32_t number;
	size_t n = 0;
	const uint8_t *p = way_next(w, now, &n);

	assert_non_null(p);
	assert_int_equal(n, wanted);
	memcpy(&number, p, sizeof(number));
	for (size_t i = sizeof(number); i < n; i++)
		assert_int_equal(p[i], number & 0xff);
	way_drop(w, true);
	return number;
}

static void
delays(void **state)
{
	struct way w;
	size_t n;

	(void)state;
	assert_true(way_init(&w, 1 << 20, 0));
	w.delay = 50 * MS;
	assert_true(way_due(&w) == UINT64_MAX);
	put(&w, 1, 100, 1000 * MS);
	put(&w, 2, 200, 1001 * MS);
	assert_true(way_due(&w) == 1050 * MS);
	assert_null(way_next(&w, 1050 * MS - 1, &n));
	assert_int_equal(take(&w, 100, 1050 * MS), 1);
	assert_null(way_next(&w, 1050 * MS, &n));
	assert_int_equal(take(&w, 200, 1051 * MS), 2);
	assert_true(way_due(&w) == UINT64_MAX);
	assert_int_equal(w.packets, 2);
	assert_int_equal(w.bytes, 300);
	way_wipe(&w);
}

static void
jitter_keeps_order(void **state)
{
	struct way w;
	uint64_t last = 0, late = 0;

	(void)state;
	assert_true(way_init(&w, 16 << 20, 0));
	w.delay = 10 * MS;
	w.jitter = 5 * MS;
	for (uint32_t i = 0; i < 2000; i++)
		put(&w, i, 60, i * (uint64_t)MS);
	for (uint32_t i = 0; i < 2000; i++) {
		uint64_t due = way_due(&w);

		assert_true(due >= last && due >= i * (uint64_t)MS + 10 * MS);
		assert_true(due < i * (uint64_t)MS + 15 * MS);
		late += due - (i * (uint64_t)MS + 10 * MS);
		last = due;
		assert_int_equal(take(&w, 60, due), i);
	}
	/* more than the mean of one draw, as who waits for the one before waits longer */
	assert_in_range(late / 2000, 2 * MS, 5 * MS);
	way_wipe(&w);
}

static void
limits(void **state)
{
	struct way w;

	(void)state;
	assert_true(way_init(&w, 16 << 20, 0));
	w.rate = 8000000; /* a byte a microsecond */
	w.queue = 10000;
	/* ten wait, the one that goes out among them; the rest is dropped */
	for (uint32_t i = 0; i < 20; i++)
		put(&w, i, 1000, 0);
	assert_int_equal(w.full, 10);
	for (uint32_t i = 0; i < 10; i++) {
		assert_true(way_due(&w) == (i + 1) * (uint64_t)MS);
		assert_int_equal(take(&w, 1000, 100 * MS), i);
	}
	/* a wire that was idle sends at once, and has not saved anything up */
	put(&w, 50, 1000, 500 * MS);
	put(&w, 51, 1000, 500 * MS);
	assert_true(way_due(&w) == 501 * MS);
	assert_int_equal(take(&w, 1000, 501 * MS), 50);
	assert_true(way_due(&w) == 502 * MS);
	way_wipe(&w);
}

static uint64_t
losses(uint64_t seed, unsigned stream, uint8_t pattern[10000])
{
	struct way w;
	uint64_t lost;

	assert_true(way_init(&w, 16 << 20, stream));
	way_seed(&w, seed);
	w.loss = 0.01;
	for (uint32_t i = 0; i < 10000; i++) {
		uint64_t before = w.lost;

		put(&w, i, 60, 0);
		pattern[i] = w.lost > before;
	}
	lost = w.lost;
	way_wipe(&w);
	return lost;
}

static void
loses(void **state)
{
	static uint8_t a[10000], b[10000];

	(void)state;
	/* 100 expected, standard deviation 10 */
	assert_in_range(losses(7, 0, a), 60, 140);
	losses(7, 0, b);
	assert_memory_equal(a, b, sizeof(a));
	losses(7, 1, b);
	assert_memory_not_equal(a, b, sizeof(a));
	losses(8, 0, b);
	assert_memory_not_equal(a, b, sizeof(a));
}

static void
cuts(void **state)
{
	struct way w;

	(void)state;
	assert_true(way_init(&w, 1 << 20, 0));
	w.delay = MS;
	put(&w, 1, 100, 0);
	way_cut(&w, true);
	assert_true(way_due(&w) == UINT64_MAX);
	put(&w, 2, 100, 0);
	assert_true(way_due(&w) == UINT64_MAX);
	way_cut(&w, false);
	put(&w, 3, 100, 0);
	assert_int_equal(take(&w, 100, MS), 3);
	assert_int_equal(w.cut_off, 2);
	way_wipe(&w);
}

/* Memory for a few packets, many times around, all lengths: none is lost that was not refused. */
static void
wraps(void **state)
{
	struct way w;
	uint32_t in = 0, out = 0;
	size_t lengths[64];
	uint64_t refused;

	(void)state;
	assert_true(way_init(&w, 300000, 0));
	for (uint32_t round = 0; round < 20000; round++) {
		size_t n = 40 + round * 7919u % 65000;

		refused = w.full;
		lengths[in % 64] = n;
		put(&w, in, n, round);
		in += w.full == refused;
		while (out < in && (round % 5 == 4 || in - out > 60)) {
			assert_int_equal(take(&w, lengths[out % 64], round), out);
			out++;
		}
	}
	assert_int_equal(out, in);
	assert_true(in > 10000);
	way_wipe(&w);
}

static void
words(void **state)
{
	struct way ways[2];

	(void)state;
	assert_true(way_init(&ways[0], 1 << 20, 0) && way_init(&ways[1], 1 << 20, 1));
	assert_true(words_apply(ways, "delay=2.5"));
	assert_true(ways[0].delay == 2500000 && ways[1].delay == 2500000);
	assert_true(words_apply(ways, "b.delay=1"));
	assert_true(ways[0].delay == 2500000 && ways[1].delay == MS);
	assert_true(words_apply(ways, "a.loss=50") && ways[0].loss > 0.49 && ways[1].loss < 0.01);
	assert_true(words_apply(ways, "rate=100") && ways[1].rate == 100000000);
	assert_true(words_apply(ways, "queue=65536") && ways[1].queue == 65536);
	assert_true(words_apply(ways, "a.cut") && ways[0].cut && !ways[1].cut);
	assert_true(words_apply(ways, "mend") && !ways[0].cut);
	assert_true(words_apply(ways, "seed=3") && ways[0].random != ways[1].random);
	assert_false(words_apply(ways, "delay"));
	assert_false(words_apply(ways, "delay="));
	assert_false(words_apply(ways, "delay=1x"));
	assert_false(words_apply(ways, "delay=-1"));
	assert_false(words_apply(ways, "delay=nan"));
	assert_false(words_apply(ways, "dela=1"));
	assert_false(words_apply(ways, "c.delay=1"));
	assert_false(words_apply(ways, ""));
	way_wipe(&ways[0]);
	way_wipe(&ways[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays), cmocka_unit_test(jitter_keeps_order),
		cmocka_unit_test(limits), cmocka_unit_test(loses),
		cmocka_unit_test(cuts),   cmocka_unit_test(wraps),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
