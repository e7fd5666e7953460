/* SPDX-License-Identifier: ISC */
/*
 * Relays on socket pairs, joined by two bare muxes: what goes in at one end comes out at the other,
 * ends one direction at a time, and nobody waits for somebody else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/relay.h"
#include "app/turns.h"
#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BULK ((size_t)3 * 1024 * 1024)
#define TURNS_MAX 2000000

struct side {
	struct world *w;
	struct qsp_mux *mux;
	struct qsp_turns turns;
	unsigned gone;
};

struct world {
	uv_loop_t loop;
	struct side a, b;
};

/* One end of a forwarded connection: what its relay and its channel know of each other. */
struct end {
	struct qsp_turn turn; /* first */
	struct side *s;
	struct qsp_relay *relay;
	uint32_t channel;
	int app; /* the application's socket */
};

/* A forwarded connection: an application at each end. */
struct joint {
	struct end a, b;
	size_t sent, got;
};

static uint8_t *
on_begin(void *arg, size_t *room)
{
	struct end *x = arg;

	return qsp_turns_begin(&x->s->turns, &x->turn, x->s->mux, x->channel, 0, room);
}

static void
on_commit(void *arg, size_t n)
{
	qsp_mux_data_commit(((struct end *)arg)->s->mux, n);
}

static void
on_consumed(void *arg, size_t n)
{
	struct end *x = arg;

	assert_int_equal(qsp_mux_consumed(x->s->mux, uv_now(&x->s->w->loop), x->channel, n), 0);
}

static void
on_eof(void *arg)
{
	struct end *x = arg;

	assert_int_equal(qsp_mux_eof(x->s->mux, x->channel), 0);
}

static void
on_close(void *arg)
{
	struct end *x = arg;

	qsp_turns_leave(&x->s->turns, &x->turn);
	assert_int_equal(qsp_mux_close(x->s->mux, x->channel), 0);
}

static void
on_gone(void *arg)
{
	struct end *x = arg;

	x->s->gone++;
	x->relay = NULL;
}

static void
on_failed(void *arg)
{
	(void)arg;
	fail_msg("a relay failed");
}

static const struct qsp_relay_ops ops = {
	.begin = on_begin,
	.commit = on_commit,
	.consumed = on_consumed,
	.eof = on_eof,
	.close = on_close,
	.gone = on_gone,
	.failed = on_failed,
};

static void
on_turn(struct qsp_turn *t)
{
	qsp_relay_room(((struct end *)t)->relay);
}

static void
on_event(struct end *x, const struct qsp_mux_event *ev)
{
	switch (ev->type) {
	case QSP_MUX_DATA: qsp_relay_data(x->relay, ev->body); break;
	case QSP_MUX_WINDOW: qsp_turns_window(&x->s->turns, &x->turn, x->s->mux); break;
	case QSP_MUX_EOF: qsp_relay_eof(x->relay); break;
	case QSP_MUX_CLOSE: qsp_relay_closed(x->relay); break;
	default: fail_msg("event %d", ev->type);
	}
}

/* With the limits of l, or where it is NULL with those that everybody has. */
static struct world *
world_new(const struct qsp_mux_limits *l)
{
	const struct qsp_mux_limits limits = l ? *l : qsp_mux_limits_default();
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->a.w = w->b.w = w;
	assert_int_equal(qsp_mux_new(&limits, &w->a.mux), 0);
	assert_int_equal(qsp_mux_new(&limits, &w->b.mux), 0);
	return w;
}

static void
world_free(struct world *w)
{
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	qsp_mux_free(w->a.mux);
	qsp_mux_free(w->b.mux);
	free(w);
}

/* At most `most` bytes of one side's output to the other side, as a slow link would. */
static void
carry(struct side *from, struct side *to, size_t most)
{
	struct qsp_bytes out = qsp_mux_output(from->mux), data;
	struct qsp_mux_event ev;
	size_t n = out.n < most ? out.n : most;

	data = qsp_bytes(out.p, n);
	do {
		assert_int_equal(qsp_mux_event(to->mux, &data, &ev), 0);
		if (ev.user != NULL)
			on_event(ev.user, &ev);
	} while (ev.type != QSP_MUX_NONE);
	if (n > 0)
		qsp_mux_sent(from->mux, n);
	qsp_turns_serve(&from->turns, from->mux);
}

static void
turn(struct world *w, size_t most)
{
	carry(&w->a, &w->b, most);
	carry(&w->b, &w->a, most);
	uv_run(&w->loop, UV_RUN_NOWAIT);
}

static int
end_init(struct side *s, struct end *x)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	*x = (struct end){ .turn = { .serve = on_turn }, .s = s, .app = fd[0] };
	return fd[1];
}

static void
join(struct world *w, struct joint *j)
{
	struct qsp_mux_event ev;
	struct qsp_bytes data;
	int a, b;

	a = end_init(&w->a, &j->a);
	b = end_init(&w->b, &j->b);
	j->sent = j->got = 0;
	assert_non_null(j->a.relay = qsp_relay_new(&w->loop, a, &ops, &j->a));
	assert_non_null(j->b.relay = qsp_relay_new(&w->loop, b, &ops, &j->b));
	assert_int_equal(
		qsp_mux_open(w->a.mux, "direct-tcpip", QSP_BYTES_NONE, &j->a, &j->a.channel), 0);
	data = qsp_mux_output(w->a.mux);
	assert_int_equal(qsp_mux_event(w->b.mux, &data, &ev), 0);
	assert_int_equal(ev.type, QSP_MUX_OPEN);
	qsp_mux_sent(w->a.mux, qsp_mux_output(w->a.mux).n);
	j->b.channel = ev.channel;
	assert_int_equal(qsp_mux_accept(w->b.mux, ev.channel, &j->b), 0);
	data = qsp_mux_output(w->b.mux);
	assert_int_equal(qsp_mux_event(w->a.mux, &data, &ev), 0);
	assert_int_equal(ev.type, QSP_MUX_OPENED);
	qsp_mux_sent(w->b.mux, qsp_mux_output(w->b.mux).n);
	qsp_relay_start(j->a.relay);
	qsp_relay_start(j->b.relay);
}

/* Both ends go, in whatever state they are. */
static void
leave(struct joint *j)
{
	if (j->a.relay != NULL)
		qsp_relay_free(j->a.relay);
	if (j->b.relay != NULL)
		qsp_relay_free(j->b.relay);
	close(j->a.app);
	close(j->b.app);
}

static uint8_t
byte_at(size_t i)
{
	return (uint8_t)((i * 2654435761u) >> 11);
}

/* As much as the socket takes, up to `total` in all. */
static void
send_some(int fd, size_t *sent, size_t total)
{
	static uint8_t block[50000];

	while (*sent < total) {
		size_t n = total - *sent < sizeof(block) ? total - *sent : sizeof(block);
		ssize_t k;

		for (size_t i = 0; i < n; i++)
			block[i] = byte_at(*sent + i);
		k = send(fd, block, n, MSG_NOSIGNAL);
		if (k < 0)
			return;
		*sent += (size_t)k;
	}
}

/* What has come; true at its end. */
static bool
receive(int fd, size_t *got)
{
	static uint8_t block[50000];
	ssize_t k;

	while ((k = recv(fd, block, sizeof(block), 0)) > 0) {
		for (ssize_t i = 0; i < k; i++) {
			if (block[i] != byte_at(*got + (size_t)i))
				fail_msg("byte %zu is wrong", *got + (size_t)i);
		}
		*got += (size_t)k;
	}
	return k == 0 || errno != EAGAIN;
}

/* --- tests ---------------------------------------------------------------------------------- */

/* Both ways at once; each direction ends by itself, and after the second all is gone. */
static void
both_ways(void **state)
{
	struct world *w = world_new(NULL);
	size_t there = 0, there_got = 0, back = 0, back_got = 0;
	bool ended_far = false, ended_near = false;
	struct joint j;

	(void)state;
	join(w, &j);
	for (int i = 0; i < TURNS_MAX && there_got < BULK; i++) {
		send_some(j.a.app, &there, BULK);
		send_some(j.b.app, &back, BULK / 2);
		if (there == BULK)
			shutdown(j.a.app, SHUT_WR);
		turn(w, 30000);
		ended_far = receive(j.b.app, &there_got);
		receive(j.a.app, &back_got);
	}
	assert_int_equal(there_got, BULK);
	for (int i = 0; i < TURNS_MAX && !ended_far; i++) {
		turn(w, SIZE_MAX);
		ended_far = receive(j.b.app, &there_got);
	}
	assert_true(ended_far);
	assert_int_equal(w->a.gone + w->b.gone, 0); /* the other direction is open */
	while (back < BULK) {
		send_some(j.b.app, &back, BULK);
		turn(w, SIZE_MAX);
		assert_false(receive(j.a.app, &back_got));
	}
	shutdown(j.b.app, SHUT_WR);
	for (int i = 0; i < TURNS_MAX && !ended_near; i++) {
		turn(w, SIZE_MAX);
		ended_near = receive(j.a.app, &back_got);
	}
	assert_int_equal(back_got, BULK);
	turn(w, SIZE_MAX);
	turn(w, SIZE_MAX);
	assert_int_equal(w->a.gone, 1);
	assert_int_equal(w->b.gone, 1);
	assert_int_equal(qsp_mux_channels(w->a.mux), 0);
	assert_int_equal(qsp_mux_channels(w->b.mux), 0);
	leave(&j);
	world_free(w);
}

/* One whose reader has stopped: its sender is stopped too, within the window, and another one runs. */
static void
stalled(void **state)
{
	struct world *w = world_new(NULL);
	struct joint lazy, busy;
	size_t lazy_sent = 0, busy_sent = 0, busy_got = 0, lazy_got = 0, before;

	(void)state;
	join(w, &lazy);
	join(w, &busy);
	for (int i = 0; i < TURNS_MAX && busy_got < BULK; i++) {
		send_some(lazy.a.app, &lazy_sent, 8 * BULK);
		send_some(busy.a.app, &busy_sent, BULK);
		turn(w, 100000);
		receive(busy.b.app, &busy_got);
	}
	assert_int_equal(busy_got, BULK);
	before = lazy_sent;
	for (int i = 0; i < 100; i++) {
		send_some(lazy.a.app, &lazy_sent, 8 * BULK);
		turn(w, SIZE_MAX);
	}
	assert_int_equal(lazy_sent, before); /* it stands */
	assert_true(lazy_sent < ((size_t)2 << 20));
	for (int i = 0; i < TURNS_MAX && lazy_got < lazy_sent; i++) {
		turn(w, SIZE_MAX);
		receive(lazy.b.app, &lazy_got);
	}
	assert_int_equal(lazy_got, lazy_sent); /* and nothing is lost */
	leave(&lazy);
	leave(&busy);
	world_free(w);
}

/* Many that all have more than there is room for get the same. */
static void
fair(void **state)
{
	enum { MANY = 60 };
	struct qsp_mux_limits l = qsp_mux_limits_default();
	struct joint *j = calloc(MANY, sizeof(*j));
	size_t least = SIZE_MAX, most = 0;
	struct world *w;

	(void)state;
	assert_non_null(j);
	l.max_channels = MANY;
	l.output_max = 64 << 10;
	w = world_new(&l);
	for (int i = 0; i < MANY; i++)
		join(w, &j[i]);
	for (int round = 0; round < 700; round++) {
		for (int i = 0; i < MANY; i++) {
			send_some(j[i].a.app, &j[i].sent, SIZE_MAX);
			receive(j[i].b.app, &j[i].got);
		}
		turn(w, 32 << 10);
	}
	for (int i = 0; i < MANY; i++) {
		least = j[i].got < least ? j[i].got : least;
		most = j[i].got > most ? j[i].got : most;
	}
	assert_true(most > 100000);
	assert_true(least > most / 2);
	for (int i = 0; i < MANY; i++)
		leave(&j[i]);
	world_free(w);
	free(j);
}

/* An application that goes without reading what came: the other end learns, and all is let go. */
static void
broken(void **state)
{
	struct world *w = world_new(NULL);
	size_t sent = 0, got = 0;
	bool ended = false;
	struct joint j;

	(void)state;
	join(w, &j);
	for (int i = 0; i < 50; i++) {
		send_some(j.a.app, &sent, BULK);
		turn(w, SIZE_MAX);
	}
	shutdown(j.b.app, SHUT_RDWR);
	for (int i = 0; i < TURNS_MAX && !ended; i++) {
		turn(w, SIZE_MAX);
		ended = receive(j.a.app, &got);
	}
	for (int i = 0; i < 4; i++)
		turn(w, SIZE_MAX);
	assert_int_equal(qsp_mux_channels(w->a.mux), 0);
	assert_int_equal(qsp_mux_channels(w->b.mux), 0);
	assert_int_equal(w->a.gone + w->b.gone, 2);
	leave(&j);
	world_free(w);
}

/* All that came before the peer's close is written, however slowly it is read. */
static void
last_words(void **state)
{
	struct world *w = world_new(NULL);
	size_t sent = 0, got = 0;
	bool ended = false;
	struct joint j;

	(void)state;
	join(w, &j);
	send_some(j.a.app, &sent, BULK);
	for (int i = 0; i < 20; i++) {
		send_some(j.a.app, &sent, 500000);
		turn(w, SIZE_MAX);
	}
	/* a close without an end of data, as of a peer that gives up */
	assert_int_equal(qsp_mux_close(w->a.mux, j.a.channel), 0);
	qsp_mux_set_user(w->a.mux, j.a.channel, NULL);
	qsp_turns_leave(&w->a.turns, &j.a.turn);
	qsp_relay_free(j.a.relay);
	j.a.relay = NULL;
	turn(w, SIZE_MAX);
	assert_int_equal(w->b.gone, 0);
	for (int i = 0; i < TURNS_MAX && !ended; i++) {
		uint8_t piece[1000];
		ssize_t n = recv(j.b.app, piece, sizeof(piece), 0);

		for (ssize_t k = 0; k < n; k++)
			assert_int_equal(piece[k], byte_at(got + (size_t)k));
		got += n > 0 ? (size_t)n : 0;
		ended = n == 0;
		turn(w, SIZE_MAX);
	}
	assert_true(ended);
	assert_true(got > 100000);
	assert_int_equal(w->b.gone, 1);
	assert_int_equal(qsp_mux_channels(w->b.mux), 0);
	leave(&j);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways), cmocka_unit_test(stalled),    cmocka_unit_test(fair),
		cmocka_unit_test(broken),    cmocka_unit_test(last_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
