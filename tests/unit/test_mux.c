/* SPDX-License-Identifier: ISC */
/* [P7, RFC 4254] Channels: two ends that talk, every call and event, windows, limits, memory. */
#include "proto/mux.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct ends {
	struct qsp_mux *a, *b;
	uint32_t ca, cb; /* a channel's number at each end */
};

static struct qsp_bytes
text(const char *s)
{
	return qsp_bytes_str(s);
}

/* The next event at `to` from what `from` has to say; all of it must be taken where it is NONE. */
static struct qsp_mux_event
next(struct qsp_mux *from, struct qsp_mux *to)
{
	struct qsp_bytes out = qsp_mux_output(from), data = out;
	struct qsp_mux_event ev;

	assert_int_equal(qsp_mux_event(to, &data, &ev), QSP_OK);
	if (out.n > data.n)
		qsp_mux_sent(from, out.n - data.n);
	if (ev.type == QSP_MUX_NONE)
		assert_int_equal(qsp_mux_output(from).n, 0);
	return ev;
}

static struct qsp_mux_event
expect(struct qsp_mux *from, struct qsp_mux *to, enum qsp_mux_event_type type)
{
	struct qsp_mux_event ev = next(from, to);

	if (ev.type != type)
		fail_msg("event %d instead of %d", ev.type, type);
	return ev;
}

static struct qsp_mux *
mux(const struct qsp_mux_limits *limits)
{
	struct qsp_mux_limits l = limits ? *limits : qsp_mux_limits_default();
	struct qsp_mux *m;

	assert_int_equal(qsp_mux_new(&l, &m), QSP_OK);
	return m;
}

static struct ends
joined(const struct qsp_mux_limits *limits)
{
	struct ends e = { mux(limits), mux(limits), 0, 0 };
	struct qsp_mux_event ev;

	assert_int_equal(qsp_mux_open(e.a, "session", QSP_BYTES_NONE, &e, &e.ca), QSP_OK);
	ev = expect(e.a, e.b, QSP_MUX_OPEN);
	e.cb = ev.channel;
	assert_int_equal(qsp_mux_accept(e.b, e.cb, NULL), QSP_OK);
	ev = expect(e.b, e.a, QSP_MUX_OPENED);
	assert_int_equal(ev.channel, e.ca);
	return e;
}

static void
part(struct ends *e)
{
	qsp_mux_free(e->a);
	qsp_mux_free(e->b);
}

static void
opening(void **state)
{
	struct qsp_mux *a = mux(NULL), *b = mux(NULL);
	struct qsp_mux_event ev;
	uint32_t one, two;
	int x, y;

	(void)state;
	assert_int_equal(qsp_mux_open(a, "session", text("body"), &x, &one), QSP_OK);
	assert_int_equal(qsp_mux_open(a, "direct-tcpip", QSP_BYTES_NONE, &y, &two), QSP_OK);
	assert_int_not_equal(one, two);
	assert_int_equal(qsp_mux_channels(a), 2);
	ev = expect(a, b, QSP_MUX_OPEN);
	assert_true(qsp_bytes_is(ev.name, "session"));
	assert_true(qsp_bytes_is(ev.body, "body"));
	assert_int_equal(qsp_mux_eof(b, ev.channel), QSP_E_STATE); /* not accepted yet */
	assert_int_equal(qsp_mux_accept(b, ev.channel, &y), QSP_OK);
	assert_int_equal(qsp_mux_accept(b, ev.channel, &y), QSP_E_STATE);
	assert_int_equal(qsp_mux_refuse(b, ev.channel, 1, ""), QSP_E_STATE);
	ev = expect(a, b, QSP_MUX_OPEN);
	assert_true(qsp_bytes_is(ev.name, "direct-tcpip"));
	assert_int_equal(qsp_mux_refuse(b, ev.channel, 2, "no route"), QSP_OK);
	assert_int_equal(qsp_mux_channels(b), 1);
	expect(a, b, QSP_MUX_NONE);
	ev = expect(b, a, QSP_MUX_OPENED);
	assert_int_equal(ev.channel, one);
	assert_ptr_equal(ev.user, &x);
	ev = expect(b, a, QSP_MUX_OPEN_FAILED);
	assert_int_equal(ev.channel, two);
	assert_ptr_equal(ev.user, &y);
	assert_int_equal(ev.code, 2);
	assert_true(qsp_bytes_is(ev.body, "no route"));
	assert_int_equal(qsp_mux_channels(a), 1);
	qsp_mux_set_user(a, one, &y);
	qsp_mux_set_user(a, 99, &y); /* no such channel: nothing happens */
	assert_int_equal(qsp_mux_eof(b, 0), QSP_OK);
	ev = expect(b, a, QSP_MUX_EOF);
	assert_ptr_equal(ev.user, &y);
	qsp_mux_free(a);
	qsp_mux_free(b);
	qsp_mux_free(NULL);
}

/* Ten at a time, each way; an eleventh of the peer's is refused, and nobody is asked. */
static void
ten_channels(void **state)
{
	struct qsp_mux_limits more = qsp_mux_limits_default();
	struct qsp_mux *a, *b = mux(NULL);
	struct qsp_mux_event ev;
	uint32_t n;

	(void)state;
	assert_int_equal(more.max_channels, 10);
	more.max_channels = 12;
	a = mux(&more);
	for (unsigned i = 0; i < 12; i++)
		assert_int_equal(qsp_mux_open(a, "session", QSP_BYTES_NONE, NULL, &n), QSP_OK);
	assert_int_equal(qsp_mux_open(a, "session", QSP_BYTES_NONE, NULL, &n), QSP_E_ROOM);
	for (unsigned i = 0; i < 10; i++) {
		ev = expect(a, b, QSP_MUX_OPEN);
		assert_int_equal(ev.channel, i);
	}
	expect(a, b, QSP_MUX_NONE);
	assert_int_equal(qsp_mux_channels(b), 10);
	for (unsigned i = 0; i < 2; i++) {
		ev = expect(b, a, QSP_MUX_OPEN_FAILED);
		assert_int_equal(ev.code, 4);
	}
	expect(b, a, QSP_MUX_NONE);
	assert_int_equal(qsp_mux_channels(a), 10);
	assert_int_equal(qsp_mux_refuse(b, 4, 1, "no"), QSP_OK);
	expect(b, a, QSP_MUX_OPEN_FAILED);
	assert_int_equal(qsp_mux_open(a, "session", QSP_BYTES_NONE, NULL, &n), QSP_OK);
	assert_int_equal(n, 4); /* numbers are used again */
	ev = expect(a, b, QSP_MUX_OPEN);
	assert_int_equal(ev.channel, 4);
	qsp_mux_free(a);
	qsp_mux_free(b);
}

static void
requests(void **state)
{
	struct ends e = joined(NULL);
	struct qsp_mux_event ev;

	(void)state;
	assert_int_equal(qsp_mux_request(e.a, e.ca, "exec", true, text("\0\0\0\4true")), QSP_OK);
	assert_int_equal(qsp_mux_request(e.a, e.ca, "env", false, QSP_BYTES_NONE), QSP_OK);
	assert_int_equal(qsp_mux_request(e.a, 55, "env", false, QSP_BYTES_NONE), QSP_E_STATE);
	ev = expect(e.a, e.b, QSP_MUX_REQUEST);
	assert_true(qsp_bytes_is(ev.name, "exec"));
	assert_true(ev.want_reply);
	ev = expect(e.a, e.b, QSP_MUX_REQUEST);
	assert_false(ev.want_reply);
	assert_int_equal(qsp_mux_reply(e.b, e.cb, false), QSP_OK);
	assert_int_equal(qsp_mux_reply(e.b, e.cb, true), QSP_E_STATE); /* one was asked for */
	ev = expect(e.b, e.a, QSP_MUX_REPLY);
	assert_false(ev.success);
	assert_int_equal(qsp_mux_global(e.a, "keepalive@openssh.com", true, text("x")), QSP_OK);
	assert_int_equal(qsp_mux_global(e.a, "tell", false, QSP_BYTES_NONE), QSP_OK);
	ev = expect(e.a, e.b, QSP_MUX_GLOBAL);
	assert_true(qsp_bytes_is(ev.name, "keepalive@openssh.com"));
	assert_true(qsp_bytes_is(ev.body, "x"));
	assert_true(ev.want_reply);
	expect(e.a, e.b, QSP_MUX_GLOBAL);
	assert_int_equal(qsp_mux_global_reply(e.b, true, text("port")), QSP_OK);
	assert_int_equal(qsp_mux_global_reply(e.b, true, text("port")), QSP_E_STATE);
	ev = expect(e.b, e.a, QSP_MUX_GLOBAL_REPLY);
	assert_true(ev.success);
	assert_true(qsp_bytes_is(ev.body, "port"));
	part(&e);
}

static void
closing(void **state)
{
	struct ends e = joined(NULL);
	struct qsp_mux_event ev;
	size_t used;

	(void)state;
	assert_int_equal(qsp_mux_data(e.a, e.ca, 0, text("last words"), &used), QSP_OK);
	assert_int_equal(qsp_mux_eof(e.a, e.ca), QSP_OK);
	assert_int_equal(qsp_mux_eof(e.a, e.ca), QSP_OK); /* said once */
	assert_int_equal(qsp_mux_data(e.a, e.ca, 0, text("more"), &used), QSP_OK);
	assert_int_equal(used, 0);
	assert_int_equal(qsp_mux_close(e.a, e.ca), QSP_OK);
	assert_int_equal(qsp_mux_close(e.a, e.ca), QSP_E_STATE);
	assert_int_equal(qsp_mux_data(e.a, e.ca, 0, text("more"), &used), QSP_E_STATE);
	assert_int_equal(qsp_mux_request(e.a, e.ca, "x", true, QSP_BYTES_NONE), QSP_E_STATE);
	ev = expect(e.a, e.b, QSP_MUX_DATA);
	assert_true(qsp_bytes_is(ev.body, "last words"));
	expect(e.a, e.b, QSP_MUX_EOF);
	expect(e.a, e.b, QSP_MUX_CLOSE);
	assert_int_equal(qsp_mux_channels(e.b), 1);
	/* b may still speak, a has stopped listening */
	assert_int_equal(qsp_mux_data(e.b, e.cb, 0, text("too late"), &used), QSP_OK);
	assert_int_equal(qsp_mux_request(e.b, e.cb, "exit-status", false, QSP_BYTES_NONE), QSP_OK);
	assert_int_equal(qsp_mux_eof(e.b, e.cb), QSP_OK);
	assert_int_equal(qsp_mux_close(e.b, e.cb), QSP_OK);
	assert_int_equal(qsp_mux_channels(e.b), 0);
	expect(e.b, e.a, QSP_MUX_CLOSE);
	assert_int_equal(qsp_mux_channels(e.a), 0);
	assert_int_equal(qsp_mux_consumed(e.a, 0, e.ca, 5), QSP_OK); /* gone: nothing to say */
	expect(e.a, e.b, QSP_MUX_NONE);
	part(&e);
}

/* begin shows what the window, the packet size and the waiting output leave; commit takes less. */
static void
data_in_place(void **state)
{
	struct qsp_mux_limits l = qsp_mux_limits_default();
	struct qsp_mux_event ev;
	struct ends e;
	size_t room, before;
	uint8_t *p;

	(void)state;
	l.window = 1000;
	l.output_max = 700;
	e = joined(&l);
	before = qsp_mux_output(e.a).n;
	p = qsp_mux_data_begin(e.a, e.ca, 0, &room);
	assert_non_null(p);
	assert_int_equal(room, 700);
	qsp_mux_data_commit(e.a, 0);
	assert_int_equal(qsp_mux_output(e.a).n, before);
	p = qsp_mux_data_begin(e.a, e.ca, QSP_MUX_STDERR, &room);
	assert_int_equal(room, 700);
	memcpy(p, "oops", 4);
	qsp_mux_data_commit(e.a, 4);
	assert_int_equal(qsp_mux_output(e.a).n, 17 + 4);
	ev = expect(e.a, e.b, QSP_MUX_DATA);
	assert_int_equal(ev.code, QSP_MUX_STDERR);
	assert_true(qsp_bytes_is(ev.body, "oops"));
	expect(e.a, e.b, QSP_MUX_NONE);
	p = qsp_mux_data_begin(e.a, e.ca, 0, &room);
	memset(p, 'a', room);
	qsp_mux_data_commit(e.a, room);
	assert_null(qsp_mux_data_begin(e.a, e.ca, 0, &room)); /* enough waits */
	assert_int_equal(room, 0);
	ev = expect(e.a, e.b, QSP_MUX_DATA);
	assert_int_equal(ev.body.n, 700);
	expect(e.a, e.b, QSP_MUX_NONE);
	p = qsp_mux_data_begin(e.a, e.ca, 0, &room);
	assert_int_equal(room, 1000 - 4 - 700); /* the window */
	memset(p, 'b', room);
	qsp_mux_data_commit(e.a, room);
	expect(e.a, e.b, QSP_MUX_DATA);
	expect(e.a, e.b, QSP_MUX_NONE);
	assert_null(qsp_mux_data_begin(e.a, e.ca, 0, &room));
	assert_null(qsp_mux_data_begin(e.a, 77, 0, &room));
	assert_int_equal(qsp_mux_consumed(e.b, 1, e.cb, 1001), QSP_E_INPUT);
	assert_int_equal(qsp_mux_consumed(e.b, 1000, e.cb, 499), QSP_OK);
	expect(e.b, e.a, QSP_MUX_NONE); /* less than half: not worth a message */
	assert_int_equal(qsp_mux_consumed(e.b, 1000, e.cb, 1), QSP_OK);
	ev = expect(e.b, e.a, QSP_MUX_WINDOW);
	assert_int_equal(ev.channel, e.ca);
	p = qsp_mux_data_begin(e.a, e.ca, 0, &room);
	assert_non_null(p);
	assert_int_equal(room, 500);
	qsp_mux_data_commit(e.a, 0);
	part(&e);
}

/* Moves all that a may say on its channel; how much it was. */
static size_t
pour(struct ends *e)
{
	static uint8_t block[65536];
	size_t used, sum = 0;

	do {
		assert_int_equal(qsp_mux_data(e->a, e->ca, 0, QSP_BYTES_OF(block), &used), QSP_OK);
		sum += used;
		for (struct qsp_mux_event ev = next(e->a, e->b); ev.type != QSP_MUX_NONE;
		     ev = next(e->a, e->b))
			assert_int_equal(ev.type, QSP_MUX_DATA);
	} while (used > 0);
	return sum;
}

/* The window doubles while it is used up within 200 ms, up to its bound, and else stays. */
static void
windows_grow(void **state)
{
	struct qsp_mux_limits l = qsp_mux_limits_default();
	size_t want = 100000;
	struct ends e;

	(void)state;
	l.window = 100000;
	l.window_max = 350000;
	e = joined(&l);
	for (qsp_time now = 1000; now < 1600; now += 100) {
		assert_int_equal(pour(&e), want);
		assert_int_equal(qsp_mux_consumed(e.b, now, e.cb, want), QSP_OK);
		if (now > 1000)
			want = want > 175000 ? 350000 : 2 * want;
		expect(e.b, e.a, QSP_MUX_WINDOW);
	}
	assert_int_equal(want, 350000);
	part(&e);
	e = joined(&l);
	for (qsp_time now = 1000; now < 3000; now += 200) {
		assert_int_equal(pour(&e), 100000);
		assert_int_equal(qsp_mux_consumed(e.b, now, e.cb, 100000), QSP_OK);
		expect(e.b, e.a, QSP_MUX_WINDOW);
	}
	part(&e);
}

/* Ten thousand channels: numbers are used again, and all windows together stay in the budget. */
static void
ten_thousand(void **state)
{
	struct qsp_mux_limits l = qsp_mux_limits_default();
	struct ends e = { 0 };
	struct qsp_mux_event ev;
	size_t sum = 0;
	uint32_t n;

	(void)state;
	l.max_channels = 10001;
	e.a = mux(&l);
	e.b = mux(&l);
	for (unsigned i = 0; i < 10001; i++) {
		bool session = i == 0;

		assert_int_equal(qsp_mux_open(e.a, session ? "session" : "direct-tcpip",
					      QSP_BYTES_NONE, NULL, &n),
				 QSP_OK);
		assert_int_equal(n, i);
		ev = expect(e.a, e.b, QSP_MUX_OPEN);
		assert_int_equal(ev.channel, i);
		assert_int_equal(qsp_mux_accept(e.b, i, NULL), QSP_OK);
		ev = expect(e.b, e.a, QSP_MUX_OPENED);
		assert_int_equal(ev.channel, i);
		assert_true(e.b->channels[i].window >= QSP_MUX_WINDOW_MIN);
	}
	assert_int_equal(e.b->channels[0].window, l.window);
	assert_int_equal(e.b->channels[1].window, l.window_other);
	assert_int_equal(e.b->channels[10000].window, QSP_MUX_WINDOW_MIN);
	for (unsigned i = 0; i < 10001; i++)
		sum += e.b->channels[i].window;
	assert_int_equal(sum, e.b->windows);
	assert_true(sum <= l.window_total + (size_t)10001 * QSP_MUX_WINDOW_MIN);
	for (unsigned i = 10000; i > 0; i -= 2) {
		assert_int_equal(qsp_mux_close(e.a, i), QSP_OK);
		expect(e.a, e.b, QSP_MUX_CLOSE);
		assert_int_equal(qsp_mux_close(e.b, i), QSP_OK);
		expect(e.b, e.a, QSP_MUX_CLOSE);
	}
	assert_int_equal(qsp_mux_channels(e.a), 5001);
	for (unsigned i = 2; i <= 10000; i += 2) {
		assert_int_equal(qsp_mux_open(e.a, "x", QSP_BYTES_NONE, NULL, &n), QSP_OK);
		assert_int_equal(n % 2, 0); /* a free one */
		assert_true(n > 0);
	}
	assert_int_equal(qsp_mux_open(e.a, "x", QSP_BYTES_NONE, NULL, &n), QSP_E_ROOM);
	part(&e);
}

/* At the end of the budget nothing grows, and who has more than a share gives it back. */
static void
windows_share(void **state)
{
	struct qsp_mux_limits l = qsp_mux_limits_default();
	struct ends e;
	uint32_t n, greatest, window;
	size_t want;

	(void)state;
	l.window = 8192;
	l.window_other = 8192;
	l.max_channels = 20;
	l.window_total = 256 << 10;
	e = joined(&l);
	for (qsp_time now = 1000; now < 1500; now++) {
		if ((want = pour(&e)) == 0)
			break;
		assert_int_equal(qsp_mux_consumed(e.b, now, e.cb, want), QSP_OK);
		expect(e.b, e.a, QSP_MUX_WINDOW);
	}
	greatest = e.b->channels[e.cb].window;
	assert_int_equal(greatest, 128 << 10); /* a quarter is left for others */
	for (unsigned i = 0; i < 19; i++) {
		assert_int_equal(qsp_mux_open(e.a, "x", QSP_BYTES_NONE, NULL, &n), QSP_OK);
		expect(e.a, e.b, QSP_MUX_OPEN);
	}
	assert_true(e.b->windows < l.window_total);
	window = greatest;
	assert_true(e.b->windows > l.window_total / 4 * 3);
	for (qsp_time now = 2000; e.b->windows > l.window_total / 4 * 3; now++) {
		want = pour(&e);
		assert_true(want > 0);
		assert_int_equal(qsp_mux_consumed(e.b, now, e.cb, want), QSP_OK);
		expect(e.b, e.a, QSP_MUX_WINDOW);
		assert_true(e.b->channels[e.cb].window < window);
		window = e.b->channels[e.cb].window;
	}
	part(&e);
}

/* The output's memory serves bulk again and again, and goes when chatter leaves it empty. */
static void
memory_goes(void **state)
{
	struct ends e = joined(NULL);
	size_t used;
	static uint8_t block[200000];

	(void)state;
	assert_int_equal(qsp_mux_data(e.a, e.ca, 0, QSP_BYTES_OF(block), &used), QSP_OK);
	assert_int_equal(used, sizeof(block));
	while (next(e.a, e.b).type != QSP_MUX_NONE)
		;
	assert_true(e.a->out.first->cap >= sizeof(block));
	assert_int_equal(qsp_mux_data(e.a, e.ca, 0, text("tick"), &used), QSP_OK);
	while (next(e.a, e.b).type != QSP_MUX_NONE)
		;
	assert_null(e.a->out.first);
	assert_int_equal(e.a->out.spares, 0);
	assert_int_equal(qsp_mux_data(e.a, e.ca, 0, QSP_BYTES_OF(block), &used), QSP_OK);
	while (next(e.a, e.b).type != QSP_MUX_NONE)
		;
	assert_non_null(e.a->out.first);
	assert_non_null(qsp_mux_data_begin(e.a, e.ca, 0, &used));
	qsp_mux_data_commit(e.a, 0);
	assert_null(e.a->out.first); /* nor for what was only begun */
	assert_null(e.b->body);      /* data was never gathered */
	part(&e);
}

/* What does not fit its message is refused and leaves no trace. */
static void
too_long(void **state)
{
	struct ends e = joined(NULL);
	static uint8_t huge[QSP_MUX_MESSAGE_MAX + 1];
	static char name[300];
	uint32_t n;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	assert_int_not_equal(qsp_mux_open(e.a, name, QSP_BYTES_NONE, NULL, &n), QSP_OK);
	assert_int_not_equal(qsp_mux_open(e.a, "x", QSP_BYTES_OF(huge), NULL, &n), QSP_OK);
	assert_int_equal(qsp_mux_channels(e.a), 1);
	assert_int_not_equal(qsp_mux_request(e.a, e.ca, name, true, QSP_BYTES_NONE), QSP_OK);
	assert_int_not_equal(qsp_mux_request(e.a, e.ca, "x", true, QSP_BYTES_OF(huge)), QSP_OK);
	assert_int_not_equal(qsp_mux_global(e.a, name, true, QSP_BYTES_NONE), QSP_OK);
	assert_int_equal(qsp_mux_output(e.a).n, 0);
	assert_int_equal(e.a->channels[e.ca].to_come, 0);
	assert_int_equal(e.a->globals_to_come, 0);
	part(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opening),       cmocka_unit_test(ten_channels),
		cmocka_unit_test(requests),      cmocka_unit_test(closing),
		cmocka_unit_test(data_in_place), cmocka_unit_test(windows_grow),
		cmocka_unit_test(memory_goes),   cmocka_unit_test(too_long),
		cmocka_unit_test(ten_thousand),  cmocka_unit_test(windows_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
