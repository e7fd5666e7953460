/* SPDX-License-Identifier: ISC */
/*
 * [P7, RFC 4254] The Data stream as a stranger may write it: cut at every byte, and broken in every
 * way that must end the connection.
 */
#include "proto/mux.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint8_t stream[4096];
static struct qsp_writer w;

static void
begin(void)
{
	w = qsp_writer_of(stream, sizeof(stream));
}

/* One message: `u32 length || u8 type || u32 channel`, and what follows by the caller. */
static void
message(uint8_t type, uint32_t length)
{
	qsp_writer_u32(&w, length);
	qsp_writer_u8(&w, type);
}

static void
on_channel(uint8_t type, uint32_t channel)
{
	message(type, 5);
	qsp_writer_u32(&w, channel);
}

static void
data(uint32_t channel, const char *text)
{
	message(QSP_MUX_CHANNEL_DATA, 9 + (uint32_t)strlen(text));
	qsp_writer_u32(&w, channel);
	qsp_writer_vec32(&w, qsp_bytes_str(text));
}

static void
open_channel(uint32_t remote, uint32_t window, uint32_t packet)
{
	message(QSP_MUX_CHANNEL_OPEN, 1 + 4 + 7 + 12);
	qsp_writer_vec32(&w, qsp_bytes_str("session"));
	qsp_writer_u32(&w, remote);
	qsp_writer_u32(&w, window);
	qsp_writer_u32(&w, packet);
}

static void
request(uint32_t channel, const char *name, const char *body)
{
	message(QSP_MUX_CHANNEL_REQUEST, (uint32_t)(1 + 4 + 4 + strlen(name) + 1 + strlen(body)));
	qsp_writer_u32(&w, channel);
	qsp_writer_vec32(&w, qsp_bytes_str(name));
	qsp_writer_u8(&w, 1);
	qsp_writer_put(&w, qsp_bytes_str(body));
}

/* A receiver with channel 0 up at the peer's number 7, a request and a global one unanswered. */
static struct qsp_mux *
receiver(void)
{
	struct qsp_mux_limits l = qsp_mux_limits_default();
	struct qsp_mux_event ev;
	struct qsp_bytes in;
	struct qsp_mux *m;

	l.window = 1000;
	l.window_max = 1000;
	assert_int_equal(qsp_mux_new(&l, &m), QSP_OK);
	begin();
	open_channel(7, 100, 50);
	in = qsp_writer_bytes(&w);
	assert_int_equal(qsp_mux_event(m, &in, &ev), QSP_OK);
	assert_int_equal(ev.type, QSP_MUX_OPEN);
	assert_int_equal(qsp_mux_accept(m, ev.channel, NULL), QSP_OK);
	assert_int_equal(qsp_mux_request(m, 0, "ask", true, QSP_BYTES_NONE), QSP_OK);
	assert_int_equal(qsp_mux_global(m, "ask", true, QSP_BYTES_NONE), QSP_OK);
	begin();
	return m;
}

/* Every event as text; data by its bytes alone, so that pieces do not count. */
struct told {
	char p[4096];
	size_t n;
	enum qsp_mux_event_type last;
};

static void
tell(struct told *t, const struct qsp_mux_event *ev)
{
	bool on = ev->type == QSP_MUX_DATA && t->last == QSP_MUX_DATA;

	assert_true(t->n + ev->body.n + ev->name.n + 16 < sizeof(t->p));
	if (!on) {
		t->p[t->n++] = (char)('a' + (int)ev->type);
		t->p[t->n++] = (char)('0' + ev->channel);
		t->p[t->n++] = (char)('0' + ev->code);
		t->p[t->n++] = (char)('0' + ev->want_reply + 2 * ev->success);
		memcpy(t->p + t->n, ev->name.p ? ev->name.p : (const uint8_t *)"", ev->name.n);
		t->n += ev->name.n;
	}
	memcpy(t->p + t->n, ev->body.p ? ev->body.p : (const uint8_t *)"", ev->body.n);
	t->n += ev->body.n;
	t->last = ev->type;
}

static qsp_err
feed(struct qsp_mux *m, struct qsp_bytes in, struct told *t)
{
	uint8_t *copy = malloc(in.n ? in.n : 1);
	struct qsp_bytes left = { copy, in.n };
	struct qsp_mux_event ev;
	qsp_err e;

	assert_non_null(copy);
	memcpy(copy, in.p, in.n);
	do {
		e = qsp_mux_event(m, &left, &ev);
		if (!e && ev.type != QSP_MUX_NONE)
			tell(t, &ev);
	} while (!e && ev.type != QSP_MUX_NONE);
	if (!e)
		assert_int_equal(left.n, 0);
	free(copy);
	return e;
}

static void
long_stream(void)
{
	data(0, "hello");
	data(0, "");
	message(QSP_MUX_CHANNEL_EXTENDED_DATA, 13 + 4);
	qsp_writer_u32(&w, 0);
	qsp_writer_u32(&w, QSP_MUX_STDERR);
	qsp_writer_vec32(&w, qsp_bytes_str("oops"));
	request(0, "exec", "a command");
	message(QSP_MUX_CHANNEL_WINDOW_ADJUST, 9);
	qsp_writer_u32(&w, 0);
	qsp_writer_u32(&w, 1);
	on_channel(QSP_MUX_CHANNEL_SUCCESS, 0);
	message(QSP_MUX_REQUEST_FAILURE, 1);
	message(QSP_MUX_GLOBAL_REQUEST, 1 + 4 + 4 + 1 + 3);
	qsp_writer_vec32(&w, qsp_bytes_str("glob"));
	qsp_writer_u8(&w, 0);
	qsp_writer_put(&w, qsp_bytes_str("arg"));
	open_channel(9, 5, 5);
	data(0, "more");
	on_channel(QSP_MUX_CHANNEL_EOF, 0);
	on_channel(QSP_MUX_CHANNEL_CLOSE, 0);
	assert_int_equal(qsp_writer_done(&w), QSP_OK);
}

static void
cut_at_every_byte(void **state)
{
	struct told whole = { .n = 0 };
	struct qsp_mux *m = receiver();
	struct qsp_bytes all;

	(void)state;
	long_stream();
	all = qsp_writer_bytes(&w);
	assert_int_equal(feed(m, all, &whole), QSP_OK);
	assert_true(whole.n > 40);
	qsp_mux_free(m);
	for (size_t cut = 0; cut <= all.n; cut++) {
		struct told parts = { .n = 0 };

		m = receiver();
		long_stream();
		assert_int_equal(feed(m, qsp_bytes(all.p, cut), &parts), QSP_OK);
		assert_int_equal(feed(m, qsp_bytes_from(all, cut), &parts), QSP_OK);
		assert_int_equal(parts.n, whole.n);
		assert_memory_equal(parts.p, whole.p, whole.n);
		qsp_mux_free(m);
	}
	m = receiver();
	long_stream();
	whole.last = QSP_MUX_NONE;
	{
		struct told parts = { .n = 0 };

		for (size_t i = 0; i < all.n; i++)
			assert_int_equal(feed(m, qsp_bytes(all.p + i, 1), &parts), QSP_OK);
		assert_int_equal(parts.n, whole.n);
		assert_memory_equal(parts.p, whole.p, whole.n);
		assert_null(m->body); /* nothing is held between messages */
	}
	qsp_mux_free(m);
}

/* What is in the stream now ends the connection, whole and byte by byte. */
static void
broken(const char *what)
{
	uint8_t copy[sizeof(stream)];
	size_t n = w.n;

	assert_int_equal(qsp_writer_done(&w), QSP_OK);
	memcpy(copy, stream, n);
	for (int bytewise = 0; bytewise < 2; bytewise++) {
		struct told t = { .n = 0 };
		struct qsp_mux *m = receiver();
		qsp_err e = QSP_OK;

		for (size_t i = 0; bytewise && !e && i < n; i++)
			e = feed(m, qsp_bytes(copy + i, 1), &t);
		if (!bytewise)
			e = feed(m, qsp_bytes(copy, n), &t);
		if (e != QSP_E_PROTOCOL)
			fail_msg("%s: %d", what, e);
		qsp_mux_free(m);
	}
	begin();
}

static void
bad_channels(void **state)
{
	static const uint8_t types[] = {
		QSP_MUX_CHANNEL_EOF,
		QSP_MUX_CHANNEL_CLOSE,
		QSP_MUX_CHANNEL_SUCCESS,
		QSP_MUX_CHANNEL_FAILURE,
	};

	(void)state;
	begin();
	for (size_t i = 0; i < sizeof(types); i++) {
		on_channel(types[i], 1);
		broken("no such channel");
		on_channel(types[i], UINT32_MAX);
		broken("no such channel");
		open_channel(9, 1, 1);
		on_channel(types[i], 1);
		broken("a channel that is not up yet");
		on_channel(QSP_MUX_CHANNEL_CLOSE, 0);
		on_channel(types[i], 0);
		broken("after close");
	}
	data(1, "x");
	broken("data, no such channel");
	open_channel(9, 1, 1);
	data(1, "x");
	broken("data, not up yet");
	request(3, "x", "");
	broken("request, no such channel");
	message(QSP_MUX_CHANNEL_OPEN_CONFIRMATION, 17);
	for (int i = 0; i < 4; i++)
		qsp_writer_u32(&w, 0);
	broken("confirmation of what is up");
	message(QSP_MUX_CHANNEL_OPEN_FAILURE, 17);
	for (int i = 0; i < 4; i++)
		qsp_writer_u32(&w, 0);
	broken("failure of what is up");
}

static void
bad_order(void **state)
{
	(void)state;
	begin();
	on_channel(QSP_MUX_CHANNEL_EOF, 0);
	on_channel(QSP_MUX_CHANNEL_EOF, 0);
	broken("eof twice");
	on_channel(QSP_MUX_CHANNEL_EOF, 0);
	data(0, "x");
	broken("data after eof");
	on_channel(QSP_MUX_CHANNEL_CLOSE, 0);
	data(0, "x");
	broken("data after close");
	on_channel(QSP_MUX_CHANNEL_SUCCESS, 0);
	on_channel(QSP_MUX_CHANNEL_SUCCESS, 0);
	broken("a reply that nobody asked for");
	on_channel(QSP_MUX_CHANNEL_SUCCESS, 0);
	on_channel(QSP_MUX_CHANNEL_FAILURE, 0);
	broken("a failure that nobody asked for");
	message(QSP_MUX_REQUEST_SUCCESS, 1);
	message(QSP_MUX_REQUEST_SUCCESS, 1);
	broken("a global reply that nobody asked for");
	message(QSP_MUX_REQUEST_SUCCESS, 1);
	message(QSP_MUX_REQUEST_FAILURE, 1);
	broken("a global failure that nobody asked for");
}

static void
bad_lengths(void **state)
{
	static const uint8_t zeros[1100];

	(void)state;
	begin();
	qsp_writer_u32(&w, 0);
	broken("an empty message");
	qsp_writer_u32(&w, QSP_MUX_MESSAGE_MAX + 1);
	broken("a message that is too long");
	qsp_writer_u32(&w, UINT32_MAX);
	broken("a message that is far too long");
	message(QSP_MUX_CHANNEL_DATA, 9 + 3);
	qsp_writer_u32(&w, 0);
	qsp_writer_u32(&w, 4);
	broken("data longer than its message");
	message(QSP_MUX_CHANNEL_DATA, 9 + 3);
	qsp_writer_u32(&w, 0);
	qsp_writer_u32(&w, 2);
	broken("data shorter than its message");
	message(QSP_MUX_CHANNEL_DATA, 8);
	qsp_writer_u32(&w, 0);
	qsp_writer_u32(&w, UINT32_MAX);
	broken("a data message too short for its head");
	message(QSP_MUX_CHANNEL_EXTENDED_DATA, 13 + 3);
	qsp_writer_u32(&w, 0);
	qsp_writer_u32(&w, 1);
	qsp_writer_u32(&w, 4);
	broken("extended data longer than its message");
	message(QSP_MUX_CHANNEL_DATA, 9 + 1001);
	qsp_writer_u32(&w, 0);
	qsp_writer_vec32(&w, qsp_bytes(zeros, 1001));
	broken("more than the window");
	message(QSP_MUX_CHANNEL_DATA, 9 + 600);
	qsp_writer_u32(&w, 0);
	qsp_writer_vec32(&w, qsp_bytes(zeros, 600));
	message(QSP_MUX_CHANNEL_DATA, 9 + 401);
	qsp_writer_u32(&w, 0);
	qsp_writer_vec32(&w, qsp_bytes(zeros, 401));
	broken("more than what is left of the window");
	message(QSP_MUX_CHANNEL_WINDOW_ADJUST, 9);
	qsp_writer_u32(&w, 0);
	qsp_writer_u32(&w, UINT32_MAX - 99);
	broken("a window past 2^32 - 1");
	message(QSP_MUX_CHANNEL_EOF, 6);
	qsp_writer_u32(&w, 0);
	qsp_writer_u8(&w, 0);
	broken("one byte too many");
	message(QSP_MUX_CHANNEL_REQUEST, 5 + 4);
	qsp_writer_u32(&w, 0);
	qsp_writer_u32(&w, 9);
	broken("a name longer than its message");
	message(QSP_MUX_CHANNEL_OPEN, 1 + 4 + 4);
	qsp_writer_vec32(&w, qsp_bytes_str("sess"));
	broken("an open that ends too early");
}

/* Every type that RFC 4254 does not know. */
static void
bad_types(void **state)
{
	(void)state;
	begin();
	for (unsigned type = 0; type < 256; type++) {
		if ((type >= 80 && type <= 82) || (type >= 90 && type <= 100))
			continue;
		on_channel((uint8_t)type, 0);
		broken("an unknown type");
	}
}

/* The full window may come, and the largest message; what comes after our close is dropped. */
static void
just_right(void **state)
{
	static uint8_t most[4 + QSP_MUX_MESSAGE_MAX];
	struct told t = { .n = 0 };
	struct qsp_mux *m = receiver();
	struct qsp_mux_event ev;
	struct qsp_bytes in = QSP_BYTES_OF(most);
	char text[1001];

	(void)state;
	memset(text, 'x', 1000);
	text[1000] = '\0';
	data(0, text);
	message(QSP_MUX_CHANNEL_WINDOW_ADJUST, 9);
	qsp_writer_u32(&w, 0);
	qsp_writer_u32(&w, UINT32_MAX - 100);
	assert_int_equal(feed(m, qsp_writer_bytes(&w), &t), QSP_OK);
	qsp_mux_free(m);
	m = receiver();
	qsp_bytes_put32(most, QSP_MUX_MESSAGE_MAX);
	most[4] = QSP_MUX_GLOBAL_REQUEST;
	assert_int_equal(qsp_mux_event(m, &in, &ev), QSP_OK);
	assert_int_equal(ev.type, QSP_MUX_GLOBAL);
	assert_int_equal(ev.body.n, QSP_MUX_MESSAGE_MAX - 6);
	assert_int_equal(qsp_mux_close(m, 0), QSP_OK);
	data(0, text);
	data(0, "");
	request(0, "late", "");
	on_channel(QSP_MUX_CHANNEL_EOF, 0);
	t.n = 0;
	assert_int_equal(feed(m, qsp_writer_bytes(&w), &t), QSP_OK);
	assert_int_equal(t.n, 0);
	assert_int_equal(qsp_mux_channels(m), 1);
	begin();
	on_channel(QSP_MUX_CHANNEL_CLOSE, 0);
	assert_int_equal(feed(m, qsp_writer_bytes(&w), &t), QSP_OK);
	assert_int_equal(qsp_mux_channels(m), 0);
	qsp_mux_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_at_every_byte), cmocka_unit_test(bad_channels),
		cmocka_unit_test(bad_order),         cmocka_unit_test(bad_lengths),
		cmocka_unit_test(bad_types),         cmocka_unit_test(just_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
