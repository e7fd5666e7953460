/* SPDX-License-Identifier: ISC */
/* Shaping [P8] in virtual time: gaps, sizes, cover, classes, and what the other side may not do. */
#include "pair.h"
#include "seeded.h"

#include "proto/shape_conn.h"
#include "proto/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS 1000u
#define SECOND 1000000u
#define STRICT(c, top)                                                                             \
	{                                                                                          \
		.mode = QSP_SHAPE_STEALTH, .strict = true, .class = (c), .ceiling = (top)          \
	}
#define STEALTH(c, top)                                                                            \
	{                                                                                          \
		.mode = QSP_SHAPE_STEALTH, .class = (c), .ceiling = (top)                          \
	}

struct bench {
	struct seeded random;
	struct qsp_crypto *cx;
	struct qsp_shape s;
	uint64_t now;
};

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->random.state = 7;
	assert_int_equal(qsp_crypto_new(seeded_random, &b->random, &b->cx), 0);
	b->now = 1000 * SECOND;
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	qsp_crypto_free(b->cx);
	free(b);
	return 0;
}

static void
begin(struct bench *b, struct qsp_shape_params p, bool leads)
{
	assert_int_equal(qsp_shape_begin(&b->s, b->cx, &p, leads, b->now), 0);
}

static struct qsp_shape_slot
next(struct bench *b, uint64_t waiting)
{
	struct qsp_shape_slot slot;

	assert_int_equal(qsp_shape_next(&b->s, b->now, waiting, &slot), 0);
	return slot;
}

/* Goes to the slot and sends it: as much of `data` as it holds, then Noise. What it held of data. */
static uint64_t
take(struct bench *b, uint64_t data)
{
	struct qsp_shape_slot slot = next(b, data);
	uint64_t cells = slot.cells ? slot.cells : data;
	uint64_t of_data = data < cells ? data : cells;

	assert_true(slot.at != QSP_SHAPE_NEVER);
	b->now = slot.at > b->now ? slot.at : b->now;
	assert_int_equal(qsp_shape_sent(&b->s, b->now, of_data, cells - of_data), 0);
	return of_data;
}

/* --- stealth -------------------------------------------------------------------------------- */

/* [P8.6] The gaps of a class have its mean, stay inside 0.25 T to 1.75 T, and are no constant. */
static void
gaps(void **state)
{
	struct bench *b = *state;

	for (uint8_t class = 0; class < QSP_SHAPE_CLASSES; class ++) {
		struct qsp_shape_params p = STEALTH(class, 5);
		uint64_t t = qsp_shape_classes[class].slot_us, last, sum = 0, quarter = 0;
		const unsigned n = 20000;
		double mean;

		begin(b, p, false);
		take(b, 0);
		last = b->now;
		for (unsigned i = 0; i < n; i++) {
			uint64_t gap;

			assert_int_equal(next(b, i % 3).cells, qsp_shape_classes[class].cells);
			take(b, i % 3);
			gap = b->now - last;
			last = b->now;
			assert_true(gap >= t / 4 && gap <= t / 4 + 3 * t / 2);
			sum += gap;
			quarter += gap < 3 * t / 4;
		}
		mean = (double)sum / n / (double)t;
		assert_true(mean > 0.99 && mean < 1.01);
		/* four uniforms sum to less than 4/3 with probability 28/216 */
		assert_true(quarter > n * 0.120 && quarter < n * 0.139);
	}
}

/* When a cell leaves, and how many, does not depend on what waits. */
static void
same_times_idle_and_busy(void **state)
{
	struct bench *b = *state;
	struct qsp_shape_params p = {
		.mode = QSP_SHAPE_STEALTH, .strict = true, .class = 3, .ceiling = 3
	};
	uint64_t at[500];

	b->random.state = 99;
	begin(b, p, true);
	for (unsigned i = 0; i < 500; i++) {
		take(b, 0);
		at[i] = b->now;
	}
	b->now = 1000 * SECOND;
	b->random.state = 99;
	begin(b, p, true);
	for (unsigned i = 0; i < 500; i++) {
		take(b, i * i);
		assert_int_equal(b->now, at[i]);
	}
}

/* A clock that jumps (suspend) is followed by one slot, not by all that were missed. */
static void
clock_jump(void **state)
{
	struct bench *b = *state;
	struct qsp_shape_params p = STEALTH(1, 1);
	uint64_t before;
	unsigned at_once = 0;

	begin(b, p, false);
	take(b, 0);
	b->now += 3600ull * SECOND;
	for (before = b->now; b->now == before; at_once++)
		take(b, 0);
	assert_true(at_once <= 2);
	assert_true(b->now - before < 2 * 25 * MS);
}

/* A slot that is met late moves no later one: the rate holds. */
static void
late(void **state)
{
	struct bench *b = *state;
	struct qsp_shape_params p = STEALTH(1, 1);
	uint64_t begun = b->now;
	const unsigned n = 4000;
	double mean;

	begin(b, p, false);
	for (unsigned i = 0; i < n; i++) {
		struct qsp_shape_slot slot = next(b, 0);

		if (slot.at > b->now)
			b->now = slot.at;
		b->now += 4 * MS;
		assert_int_equal(qsp_shape_sent(&b->s, b->now, 0, 1), 0);
	}
	mean = (double)(b->now - begun) / n / (25.0 * MS);
	assert_true(mean > 0.99 && mean < 1.01);
}

/* [P8.7] What the transport has no room for counts as a slot, with nothing in it. */
static void
skipped(void **state)
{
	struct bench *b = *state;
	struct qsp_shape_params p = STEALTH(2, 2);
	struct qsp_shape_slot slot;

	begin(b, p, false);
	slot = next(b, 3);
	b->now = slot.at;
	assert_int_equal(qsp_shape_skip(&b->s, b->now), 0);
	assert_true(next(b, 3).at > slot.at);
	assert_int_equal(b->s.counts.skipped, 1);
	assert_int_equal(b->s.counts.data_cells + b->s.counts.noise_cells, 0);
}

/* Runs dwells until `n` have ended, with this share of data in a hundred; the class at the end. */
static uint8_t
dwells(struct bench *b, unsigned n, unsigned share, uint64_t *shortest)
{
	uint64_t begun = b->now, cells = 0;

	while (n > 0) {
		struct qsp_shape_params p;
		uint64_t end = b->s.dwell_end;
		bool changed;
		uint64_t per = qsp_shape_classes[b->s.p.class].cells;
		uint64_t data = 0;

		for (uint64_t i = 0; i < per; i++)
			data += cells++ % 100 < share;
		take(b, data);
		assert_int_equal(qsp_shape_decide(&b->s, b->now, 0, &p, &changed), 0);
		assert_true(!changed || b->now >= end);
		if (b->s.dwell_end == end)
			continue;
		if (b->now - begun < *shortest)
			*shortest = b->now - begun;
		n--;
		if (changed) {
			struct qsp_shape_counts kept = b->s.counts;

			begin(b, p, true);
			assert_memory_equal(&b->s.counts, &kept, sizeof(kept));
		}
		begun = b->now;
	}
	return b->s.p.class;
}

/* [P8.8] Looked at when a dwell ends, by how much of it was used. */
static void
adaptive(void **state)
{
	struct bench *b = *state;
	struct qsp_shape_params p = STEALTH(1, 4);
	uint64_t shortest = QSP_SHAPE_NEVER;

	begin(b, p, true);
	assert_int_equal(dwells(b, 1, 20, &shortest), 1); /* neither full nor empty: stays */
	assert_int_equal(dwells(b, 1, 60, &shortest), 2);
	assert_int_equal(dwells(b, 1, 100, &shortest), 4);
	assert_int_equal(dwells(b, 2, 100, &shortest), 4); /* not above the ceiling */
	assert_int_equal(dwells(b, 1, 0, &shortest), 3);
	assert_int_equal(dwells(b, 6, 0, &shortest), 0);
	assert_true(shortest >= 10 * SECOND);
}

static void
strict_and_followers_stay(void **state)
{
	struct bench *b = *state;
	struct qsp_shape_params p = { .mode = QSP_SHAPE_STEALTH,
				      .strict = true,
				      .class = 2,
				      .ceiling = 5 },
				out;
	bool changed = true;

	for (int follower = 0; follower < 2; follower++) {
		p.strict = !follower;
		begin(b, p, !follower);
		for (unsigned i = 0; i < 20000; i++) {
			take(b, 1000);
			assert_int_equal(qsp_shape_decide(&b->s, b->now, 1000000, &out, &changed),
					 0);
			assert_false(changed);
		}
		assert_int_equal(b->s.p.class, 2);
	}
}

static void
budget(void **state)
{
	(void)state;
	for (uint8_t c = 0; c < QSP_SHAPE_CLASSES; c++) {
		uint64_t hourly = qsp_shape_class_hourly(c);

		assert_int_equal(qsp_shape_class_within(hourly), c);
		assert_int_equal(qsp_shape_class_within(hourly - 1), c > 0 ? c - 1 : 0);
	}
	assert_int_equal(qsp_shape_class_hourly(0), 2 * 768 * 10 * 3600);
	assert_int_equal(qsp_shape_class_within(0), 0);
	/* MB an hour, as the manuals have them */
	for (uint8_t c = 0; c < QSP_SHAPE_CLASSES; c++) {
		static const uint64_t mb[] = { 56, 222, 885, 3539, 14156, 56624 };

		assert_int_equal(qsp_shape_class_within(mb[c] * 1000000), c);
		assert_true(qsp_shape_class_hourly(c) > (mb[c] - 1) * 1000000);
	}
}

/* A peer that floods: it moves the class no sooner, no further than two at a dwell's end, and not above
 * the ceiling. */
static void
flooded(void **state)
{
	struct bench *b = *state;
	struct qsp_shape_params p = STEALTH(0, 3), to;
	uint64_t last = b->now;
	bool changed;

	begin(b, p, true);
	for (unsigned i = 0; i < 12000; i++) {
		(void)take(b, 0);
		qsp_shape_got(&b->s, b->now, UINT64_MAX / 1000000, UINT64_MAX / 1000000);
		assert_int_equal(qsp_shape_decide(&b->s, b->now, 0, &to, &changed), 0);
		if (!changed)
			continue;
		assert_true(b->now - last >= 10 * SECOND);
		assert_true(to.class <= b->s.p.class + 2 && to.class <= 3);
		last = b->now;
		begin(b, to, true);
	}
	assert_int_equal(b->s.p.class, 3);
}

/* --- plain and padded ----------------------------------------------------------------------- */

/* [P8.4] A keystroke waits for its point; then Noise goes on for a second to three, and stops. */
static void
grid(void **state)
{
	struct bench *b = *state;
	struct qsp_shape_params p = { .mode = QSP_SHAPE_PLAIN, .grid_ms = 20 };

	begin(b, p, true);
	assert_int_equal(next(b, 0).at, QSP_SHAPE_NEVER);
	for (unsigned round = 0; round < 50; round++) {
		uint64_t typed = b->now, noise = b->s.counts.noise_cells, sent;

		assert_int_equal(next(b, 1).cells, 1);
		assert_true(next(b, 1).at <= typed + 35 * MS);
		assert_int_equal(take(b, 1), 1);
		sent = b->now;
		while (next(b, 0).at != QSP_SHAPE_NEVER)
			take(b, 0);
		assert_true(b->now - sent > 960 * MS && b->now - sent < 3040 * MS);
		noise = b->s.counts.noise_cells - noise;
		assert_true(noise > 40 && noise < 170);
		b->now += SECOND;
	}
	/* what is no keystroke is not delayed, nor covered */
	assert_int_equal(next(b, 500).at, b->now);
	assert_int_equal(next(b, 500).cells, 0);
	take(b, 500);
	assert_int_equal(next(b, 0).at, QSP_SHAPE_NEVER);
	/* three cells leave together */
	assert_int_equal(next(b, 3).cells, 3);
}

/* The server covers what has no echo. */
static void
answered_by_cover(void **state)
{
	struct bench *b = *state;
	struct qsp_shape_params p = { .mode = QSP_SHAPE_PLAIN, .grid_ms = 20 };
	unsigned cells = 0;

	begin(b, p, false);
	qsp_shape_got(&b->s, b->now, 1, 0);
	for (; next(b, 0).at != QSP_SHAPE_NEVER; cells++)
		take(b, 0);
	assert_true(cells >= 6 && cells <= 25);
	qsp_shape_got(&b->s, b->now, 100, 100);
	assert_int_equal(next(b, 0).at, QSP_SHAPE_NEVER);
}

static void
ungridded(void **state)
{
	struct bench *b = *state;
	struct qsp_shape_params p = { .mode = QSP_SHAPE_PLAIN };

	begin(b, p, true);
	assert_int_equal(next(b, 1).at, b->now);
	assert_int_equal(next(b, 1).cells, 0);
	take(b, 1);
	assert_int_equal(next(b, 0).at, QSP_SHAPE_NEVER);
	assert_int_equal(b->s.counts.noise_cells, 0);
}

/* [P8.5] To which number of cells a burst is filled. */
static void
bursts(void **state)
{
	static const struct {
		uint8_t padding;
		unsigned cells, filled;
	} cases[] = {
		{ QSP_SHAPE_BURST, 1, 1 },    { QSP_SHAPE_BURST, 3, 4 },
		{ QSP_SHAPE_BURST, 65, 128 }, { QSP_SHAPE_BURST, 4096, 4096 },
		{ QSP_SHAPE_MAX, 1, 64 },     { QSP_SHAPE_MAX, 64, 64 },
		{ QSP_SHAPE_MAX, 65, 256 },
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct qsp_shape_params p = { .mode = QSP_SHAPE_PADDED,
					      .padding = cases[i].padding };
		uint64_t before = b->s.counts.data_cells + b->s.counts.noise_cells;
		uint64_t begun = b->now;
		unsigned half = cases[i].cells / 2;

		begin(b, p, true);
		if (half > 0)
			take(b, half);
		assert_true(b->now - begun <= 20 * MS);
		assert_true(cases[i].padding == QSP_SHAPE_MAX || b->now == begun);
		b->now += 30 * MS; /* still the same burst */
		take(b, cases[i].cells - half);
		while (next(b, 0).at != QSP_SHAPE_NEVER)
			take(b, 0);
		assert_int_equal(b->s.counts.data_cells + b->s.counts.noise_cells - before,
				 cases[i].filled);
		b->now += SECOND;
	}
}

static void
no_random(void **state)
{
	struct bench *b = *state;
	struct qsp_shape_params p = STEALTH(1, 1);

	b->random.fail_at = b->random.draws + 1;
	assert_int_equal(qsp_shape_begin(&b->s, b->cx, &p, true, b->now), QSP_E_RNG);
}

/* --- messages ------------------------------------------------------------------------------- */

/* Every body of up to five bytes, the first four of interest: read and written, or refused. */
static void
bodies(void **state)
{
	unsigned good = 0;

	(void)state;
	for (uint32_t v = 0; v < 1u << 20; v++) {
		/* mode 0..15, then nibbles that reach past every bound, and grids */
		uint8_t in[5] = { (uint8_t)(v >> 16), (uint8_t)(v >> 12 & 15),
				  (uint8_t)(v >> 8 & 15), (uint8_t)(v >> 4 & 15), 0 };
		uint8_t out[QSP_SHAPE_BODY_MAX];
		size_t n = v & 7;
		struct qsp_shape_params p;

		if (n > 5)
			continue;
		if (in[0] == 0)
			in[1] = (uint8_t)(v >> 8);
		if (qsp_shape_get(qsp_bytes(in, n), &p) != 0)
			continue;
		good++;
		assert_true(p.mode <= QSP_SHAPE_STEALTH);
		assert_true(p.class <= p.ceiling && p.ceiling < QSP_SHAPE_CLASSES);
		assert_true(p.grid_ms == 0 || (p.grid_ms >= 5 && p.grid_ms <= 100));
		assert_int_equal(qsp_shape_put(&p, out), n);
		assert_memory_equal(in, out, n);
	}
	assert_true(good > 40);
}

/* [P8.3] Plain and padded at any time; a class within its ceiling, after its time; nothing out of stealth. */
static void
what_may_follow(void **state)
{
	struct qsp_shape_params plain = { .mode = QSP_SHAPE_PLAIN, .grid_ms = 20 };
	struct qsp_shape_params padded = { .mode = QSP_SHAPE_PADDED, .padding = 1 };
	struct qsp_shape_params slow = STEALTH(1, 4), fast = STEALTH(3, 4), high = STEALTH(3, 5);
	struct qsp_shape_params strict = {
		.mode = QSP_SHAPE_STEALTH, .strict = true, .class = 1, .ceiling = 4
	};

	(void)state;
	assert_true(qsp_shape_may_follow(&plain, &padded, 0));
	assert_true(qsp_shape_may_follow(&padded, &plain, 0));
	assert_true(qsp_shape_may_follow(&slow, &fast, 10000));
	assert_false(qsp_shape_may_follow(&slow, &fast, 8000));
	assert_false(qsp_shape_may_follow(&slow, &high, 10000));
	assert_false(qsp_shape_may_follow(&slow, &plain, 10000));
	assert_false(qsp_shape_may_follow(&plain, &slow, 10000));
	assert_false(qsp_shape_may_follow(&strict, &fast, 10000));
	assert_false(qsp_shape_may_follow(&slow, &strict, 10000));
}

/* --- two engines ---------------------------------------------------------------------------- */

static struct pair *
opened(const struct qsp_shape_allowed *a, const struct qsp_shape_params *asked, bool run)
{
	struct pair_options o = pair_defaults();
	struct pair *p;
	qsp_err e;

	o.last = true;
	p = pair_new(&o, &e);
	assert_non_null(p);
	if (a)
		qsp_shape_conn_allow(p->server.cfg, a);
	assert_int_equal(qsp_shape_conn_ask(p->client.conn, p->now, asked), 0);
	pair_put(&p->client.say, "secret", 6);
	if (run)
		pair_run(p);
	return p;
}

static struct qsp_shape_params
shape_of(const struct pair_side *s)
{
	struct qsp_shape_params p;
	uint32_t changes;

	(void)!qsp_shape_conn_now(s->conn, &p, &changes);
	return p;
}

/* [P8.1] Both shape by what the server answered. */
static void
agreed(void **state)
{
	struct qsp_shape_allowed all = { .modes = 7, .ceiling = 3 };
	struct qsp_shape_params asked = STEALTH(1, 5);
	struct pair *p = opened(&all, &asked, true);
	struct qsp_shape_allowed told;

	(void)state;
	assert_true(pair_open(p));
	assert_int_equal(p->server.got.n, 6);
	assert_int_equal(shape_of(&p->client).mode, QSP_SHAPE_STEALTH);
	assert_int_equal(shape_of(&p->client).ceiling, 3);
	assert_int_equal(shape_of(&p->server).ceiling, 3);
	assert_true(qsp_shape_conn_announced(p->client.conn, &told));
	assert_int_equal(told.modes, 7);
	assert_int_equal(told.ceiling, 3);

	/* a change of class: not before its time, at either end */
	asked = shape_of(&p->client);
	asked.class = 3;
	p->now.mono += 5000;
	assert_int_equal(qsp_shape_conn_ask(p->client.conn, p->now, &asked), QSP_E_STATE);
	p->now.mono += 6000;
	assert_int_equal(qsp_shape_conn_ask(p->client.conn, p->now, &asked), 0);
	pair_run(p);
	assert_int_equal(shape_of(&p->server).class, 3);
	assert_true(pair_open(p));
	pair_free(p);
}

/* [P8.2] Whoever asks for stealth gets it, or sends nothing. */
static void
refused(void **state)
{
	struct qsp_shape_params asked = STEALTH(1, 5);
	struct pair *p = opened(NULL, &asked, true);

	(void)state;
	assert_int_equal(p->client.error, QSP_E_POLICY);
	assert_int_equal(p->server.got.n, 0);
	assert_int_equal(p->server.error, QSP_E_CLOSED);
	pair_free(p);
}

/* Everything up to the server's answer, which the test gives in its place. */
static struct pair *
answered(const struct qsp_shape_params *asked, const struct qsp_shape_params *answer)
{
	struct qsp_shape_allowed all = { .modes = 7, .ceiling = 5 };
	struct pair *p = opened(&all, asked, false);
	struct qsp_shape_params now;
	uint32_t changes = 0;

	for (int i = 0; i < 1000 && changes == 0; i++) {
		(void)pair_output(p, &p->client);
		(void)pair_input(p, &p->server, SIZE_MAX);
		(void)qsp_shape_conn_now(p->server.conn, &now, &changes);
		if (changes == 0) {
			(void)pair_output(p, &p->server);
			(void)pair_input(p, &p->client, SIZE_MAX);
		}
	}
	assert_int_equal(changes, 1);
	p->server.conn->shape.now = *answer;
	pair_run(p);
	return p;
}

/* A server may lower the class, and nothing else: not spend more than the user's budget. */
static void
answers(void **state)
{
	static const struct {
		struct qsp_shape_params asked, answer;
		qsp_err e;
	} cases[] = {
		{ STRICT(2, 2), STRICT(2, 2), 0 },
		{ STRICT(2, 2), STRICT(1, 1), 0 },
		{ STRICT(2, 2), STRICT(3, 3), QSP_E_PROTOCOL },
		{ STRICT(2, 2), STRICT(1, 2), QSP_E_PROTOCOL },
		{ STRICT(2, 2), STEALTH(2, 2), QSP_E_PROTOCOL },
		{ STRICT(2, 2), { .mode = QSP_SHAPE_PADDED, .padding = 2 }, QSP_E_PROTOCOL },
		{ STRICT(2, 2), { .mode = QSP_SHAPE_PLAIN, .grid_ms = 20 }, QSP_E_PROTOCOL },
		{ STRICT(2, 2), { .mode = QSP_SHAPE_PLAIN }, QSP_E_POLICY },
		{ STEALTH(1, 4), STEALTH(1, 2), 0 },
		{ STEALTH(1, 4), STEALTH(1, 5), QSP_E_PROTOCOL },
		{ STEALTH(1, 4), STEALTH(2, 4), QSP_E_PROTOCOL },
		{ STEALTH(1, 4), STRICT(1, 4), QSP_E_PROTOCOL },
		{ { .mode = QSP_SHAPE_PADDED, .padding = 1 }, { .mode = QSP_SHAPE_PLAIN }, 0 },
		{ { .mode = QSP_SHAPE_PADDED, .padding = 1 }, STRICT(5, 5), QSP_E_PROTOCOL },
		{ { .mode = QSP_SHAPE_PLAIN, .grid_ms = 20 },
		  { .mode = QSP_SHAPE_PADDED, .padding = 2 },
		  QSP_E_PROTOCOL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair *p = answered(&cases[i].asked, &cases[i].answer);

		assert_int_equal(p->client.error, cases[i].e);
		assert_true(cases[i].e == 0 ? p->server.got.n == 6
					    : cases[i].asked.mode != QSP_SHAPE_STEALTH ||
						      p->server.got.n == 0);
		pair_free(p);
	}
}

static void
a_grid_is_allowed(void **state)
{
	struct qsp_shape_params asked = { .mode = QSP_SHAPE_PLAIN, .grid_ms = 20 };
	struct pair *p = opened(NULL, &asked, true);

	(void)state;
	assert_true(pair_open(p));
	assert_int_equal(p->server.got.n, 6);
	assert_int_equal(shape_of(&p->server).grid_ms, 20);
	pair_free(p);
}

/* A client that changes class without dwell, whatever its own engine thinks of time. */
static void
hasty(void **state)
{
	struct qsp_shape_allowed all = { .modes = 7, .ceiling = 5 };
	struct qsp_shape_params asked = STEALTH(1, 5);
	struct pair *p = opened(&all, &asked, true);

	(void)state;
	assert_true(pair_open(p));
	asked.class = 2;
	p->now.mono += 60000;
	assert_int_equal(qsp_shape_conn_ask(p->client.conn, p->now, &asked), 0);
	p->now.mono -= 57000; /* for the server 3 s have passed */
	pair_run(p);
	assert_int_equal(p->server.error, QSP_E_POLICY);
	assert_int_equal(p->client.error, QSP_E_CLOSED);
	pair_free(p);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(gaps),
		T(same_times_idle_and_busy),
		T(clock_jump),
		T(late),
		T(skipped),
		T(adaptive),
		T(strict_and_followers_stay),
		T(flooded),
		T(budget),
		T(grid),
		T(answered_by_cover),
		T(ungridded),
		T(bursts),
		T(no_random),
		T(bodies),
		T(what_may_follow),
		T(agreed),
		T(refused),
		T(answers),
		T(a_grid_is_allowed),
		T(hasty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
