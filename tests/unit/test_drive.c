/* SPDX-License-Identifier: ISC */
/*
 * Drives on socket pairs: bulk both ways, an orderly end, freeing from inside callbacks, peers that
 * stop half way, bytes that come one by one; and shaped ones [P8].
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/drive.h"
#include "base/bytes.h"
#include "proto/shape_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BULK (24u * 1024 * 1024)

struct world;

/* One end: a drive and what happened to it. */
struct end {
	struct world *w;
	struct qsp_drive *d;
	bool server, opened, closed, got_eof;
	qsp_err err;
	uint32_t channel;
	bool has_channel;
	uint64_t to_send, sent, received; /* bytes of the channel */
	bool bad;                         /* a byte came that was not sent */
	int free_at; /* callback in which to free the drive: 1 wants .. 4 closed */
};

struct world {
	uv_loop_t loop;
	struct qsp_crypto *cx;
	struct qsp_config *client_cfg, *server_cfg;
	struct qsp_key *host_key, *user_key;
	struct qsp_replay *replay;
	struct qsp_drive_pool *client_pool, *server_pool;
	struct end client, server;
	uv_timer_t limit;
	bool timed_out;
	const struct qsp_shape_params *shape; /* what the client asks for */
};

static uint8_t
byte_at(uint64_t at)
{
	return (uint8_t)((at * 2654435761u) >> 13);
}

static bool
enter(void *arg, const uint8_t entry[QSP_REPLAY_ENTRY_LEN], qsp_time until)
{
	return qsp_replay_enter(arg, entry, until, 0);
}

static bool
free_here(struct end *x, int where)
{
	if (x->free_at != where)
		return false;
	qsp_drive_free(x->d);
	x->d = NULL;
	x->closed = true;
	return true;
}

/* --- what an end does ----------------------------------------------------------------------- */

static void
send_more(struct end *x)
{
	struct qsp_mux *m = qsp_drive_mux(x->d);

	while (x->has_channel && x->sent < x->to_send) {
		size_t room;
		uint8_t *p = qsp_mux_data_begin(m, x->channel, 0, &room);

		if (!p)
			return;
		if (room > x->to_send - x->sent)
			room = (size_t)(x->to_send - x->sent);
		for (size_t i = 0; i < room; i++)
			p[i] = byte_at(x->sent + i);
		qsp_mux_data_commit(m, room);
		x->sent += room;
		if (x->sent == x->to_send)
			assert_int_equal(qsp_mux_eof(m, x->channel), 0);
		qsp_drive_kick(x->d);
	}
}

static void
go_on(struct end *x)
{
	send_more(x);
	if (x->got_eof && x->sent == x->to_send && !x->server)
		qsp_drive_close(x->d, QSP_REASON_NORMAL, "", 5000);
}

static void
answer_decaps(struct end *x)
{
	struct qsp_conn *c = qsp_drive_conn(x->d);
	struct qsp_key *key = x->server ? x->w->host_key : x->w->user_key;
	struct qsp_decaps_question q;
	struct qsp_decaps_answer a;
	bool ok;

	assert_int_equal(qsp_conn_decaps_question(c, &q), 0);
	ok = qsp_key_answer(&key, 1, &q, &a) == 0;
	(void)!qsp_conn_decaps(c, ok ? &a : NULL);
}

static void
on_wants(void *arg, unsigned wants)
{
	struct end *x = arg;
	struct qsp_conn *c = qsp_drive_conn(x->d);

	if (free_here(x, 1))
		return;
	if (wants & QSP_WANT_TRUST)
		assert_int_equal(qsp_conn_trust(c, true), 0);
	if (wants & QSP_WANT_DECAPS)
		answer_decaps(x);
	if ((wants & QSP_WANT_AUTH) && x->server) {
		struct qsp_decision d = { .verdict = QSP_AUTH_ACCEPT,
					  .key = qsp_key_get_public(x->w->user_key) };

		assert_int_equal(qsp_conn_decide(c, &d), 0);
	} else if (wants & QSP_WANT_AUTH) {
		struct qsp_login l = { .user = qsp_bytes_str("me"),
				       .method = QSP_METHOD_KEM,
				       .key = qsp_key_get_public(x->w->user_key) };

		assert_int_equal(qsp_conn_login(c, &l), 0);
	}
	if ((wants & QSP_IS_OPEN) && !x->opened) {
		x->opened = true;
		if (!x->server)
			assert_int_equal(qsp_mux_open(qsp_drive_mux(x->d), "session",
						      QSP_BYTES_NONE, x, &x->channel),
					 0);
	}
	qsp_drive_kick(x->d);
}

static void
on_event(void *arg, const struct qsp_mux_event *ev)
{
	struct end *x = arg;
	struct qsp_mux *m = qsp_drive_mux(x->d);

	if (free_here(x, 2))
		return;
	switch (ev->type) {
	case QSP_MUX_OPEN:
		assert_int_equal(qsp_mux_accept(m, ev->channel, x), 0);
		x->channel = ev->channel;
		/* fall through */
	case QSP_MUX_OPENED: x->has_channel = true; break;
	case QSP_MUX_DATA:
		for (size_t i = 0; i < ev->body.n; i++)
			if (ev->body.p[i] != byte_at(x->received + i))
				x->bad = true;
		x->received += ev->body.n;
		assert_int_equal(qsp_mux_consumed(m, uv_now(&x->w->loop), ev->channel, ev->body.n),
				 0);
		qsp_drive_kick(x->d);
		break;
	case QSP_MUX_EOF: x->got_eof = true; break;
	default: break;
	}
	go_on(x);
}

static void
on_room(void *arg)
{
	struct end *x = arg;

	if (!free_here(x, 3))
		go_on(x);
}

static void
on_closed(void *arg, qsp_err e)
{
	struct end *x = arg;

	assert_false(x->closed);
	x->closed = true;
	x->err = e;
	free_here(x, 4);
}

static const struct qsp_drive_ops ops = { on_wants, on_event, on_room, on_closed, NULL };

/* --- the world ------------------------------------------------------------------------------ */

static void
on_limit(uv_timer_t *t)
{
	((struct world *)t->data)->timed_out = true;
}

static struct world *
world_new(enum qsp_wire wire)
{
	struct world *w = calloc(1, sizeof(*w));
	const uint8_t secret[QSP_OK_LEN] = { 1 };

	assert_non_null(w);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	assert_int_equal(qsp_crypto_new(NULL, NULL, &w->cx), 0);
	assert_int_equal(qsp_config_new(w->cx, &w->client_cfg), 0);
	assert_int_equal(qsp_config_new(w->cx, &w->server_cfg), 0);
	assert_int_equal(qsp_key_generate(w->cx, QSP_KEY_MLKEM768X25519, &w->host_key), 0);
	assert_int_equal(qsp_key_generate(w->cx, QSP_KEY_MLKEM768X25519, &w->user_key), 0);
	assert_int_equal(qsp_replay_new(64, &w->replay), 0);
	qsp_config_set_wire(w->client_cfg, wire);
	qsp_config_set_wire(w->server_cfg, wire);
	qsp_config_set_replay(w->server_cfg, enter, w->replay);
	assert_int_equal(qsp_config_add_host_key(w->server_cfg, qsp_key_get_public(w->host_key)),
			 0);
	assert_int_equal(qsp_config_add_secret(w->server_cfg, secret, QSP_SECRET_CURRENT), 0);
	assert_int_equal(qsp_drive_pool_new(&w->loop, w->cx, &w->client_pool), 0);
	assert_int_equal(qsp_drive_pool_new(&w->loop, w->cx, &w->server_pool), 0);
	w->client.w = w->server.w = w;
	w->server.server = true;
	uv_timer_init(&w->loop, &w->limit);
	w->limit.data = w;
	uv_timer_start(&w->limit, on_limit, 250000, 0); /* a hang; CTest's own is 300 s */
	return w;
}

static void
world_free(struct world *w)
{
	qsp_drive_free(w->client.d);
	qsp_drive_free(w->server.d);
	qsp_drive_pool_free(w->client_pool);
	qsp_drive_pool_free(w->server_pool);
	uv_close((uv_handle_t *)&w->limit, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	qsp_config_free(w->client_cfg);
	qsp_config_free(w->server_cfg);
	qsp_key_free(w->host_key);
	qsp_key_free(w->user_key);
	qsp_replay_free(w->replay);
	qsp_crypto_free(w->cx);
	free(w);
}

/* Two connected sockets, both non-blocking. */
static void
sockets(int fd[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
}

/* The same over TCP, as it is used. */
static void
tcp_sockets(int fd[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(l >= 0);
	assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&a, &n), 0);
	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd[0], (struct sockaddr *)&a, n), 0);
	fd[1] = accept4(l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fd[1] >= 0);
	assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	close(l);
}

static void
start_server(struct world *w, int fd)
{
	struct qsp_conn *c;

	assert_int_equal(qsp_conn_new_server(w->server_cfg, qsp_drive_pool_worker(w->server_pool),
					     qsp_drive_now(&w->loop), &c),
			 0);
	assert_int_equal(qsp_drive_new(w->server_pool, fd, c, NULL, &ops, &w->server, &w->server.d),
			 0);
}

static void
start_client(struct world *w, int fd)
{
	struct qsp_peer peer = { .kem = 1, .ok_class = QSP_OK_FIRST_CONTACT };
	struct qsp_conn *c;

	assert_int_equal(qsp_conn_new_client(w->client_cfg, qsp_drive_pool_worker(w->client_pool),
					     &peer, qsp_drive_now(&w->loop), &c),
			 0);
	assert_int_equal(qsp_drive_new(w->client_pool, fd, c, NULL, &ops, &w->client, &w->client.d),
			 0);
	if (w->shape)
		assert_int_equal(qsp_shape_conn_ask(c, qsp_drive_now(&w->loop), w->shape), 0);
}

static void
run_until_closed(struct world *w)
{
	while (!(w->client.closed && w->server.closed) && !w->timed_out)
		uv_run(&w->loop, UV_RUN_ONCE);
	if (w->timed_out)
		for (int i = 0; i < 2; i++) {
			struct end *x = i ? &w->server : &w->client;

			print_error("%s: opened %d closed %d err %d eof %d channel %d sent %llu "
				    "received %llu\n",
				    i ? "server" : "client", x->opened, x->closed, x->err,
				    x->got_eof, x->has_channel, (unsigned long long)x->sent,
				    (unsigned long long)x->received);
		}
	assert_false(w->timed_out);
}

/* --- tests ---------------------------------------------------------------------------------- */

static void
bulk(enum qsp_wire wire)
{
	struct world *w = world_new(wire);
	uint64_t start;
	int fd[2];

	tcp_sockets(fd);
	w->client.to_send = w->server.to_send = BULK;
	start_client(w, fd[0]);
	start_server(w, fd[1]);
	start = uv_hrtime();
	run_until_closed(w);
	assert_int_equal(w->client.err, 0);
	assert_int_equal(w->server.err, 0);
	assert_int_equal(w->client.received, BULK);
	assert_int_equal(w->server.received, BULK);
	assert_false(w->client.bad || w->server.bad);
	print_message("%u MB/s each way, both ends in one thread\n",
		      (unsigned)(BULK / ((uv_hrtime() - start) / 1000 + 1)));
	world_free(w);
}

static void
test_bulk_cells(void **state)
{
	(void)state;
	bulk(QSP_WIRE_CELLS);
}

static void
test_bulk_frames(void **state)
{
	(void)state;
	bulk(QSP_WIRE_FRAMES);
}

static void
test_freed_in_callbacks(void **state)
{
	(void)state;
	for (int who = 0; who < 2; who++) {
		for (int at = 1; at <= 4; at++) {
			struct world *w = world_new(QSP_WIRE_CELLS);
			int fd[2];

			sockets(fd);
			w->client.to_send = w->server.to_send = 300000;
			(who ? &w->server : &w->client)->free_at = at;
			start_client(w, fd[0]);
			start_server(w, fd[1]);
			run_until_closed(w);
			world_free(w);
		}
	}
}

/* A stream that ends without CLOSE is told as such; so is one that ends before M2. */
static void
test_peer_ends(void **state)
{
	struct world *w = world_new(QSP_WIRE_CELLS);
	int fd[2];

	(void)state;
	sockets(fd);
	start_client(w, fd[0]);
	w->server.closed = true;
	for (int i = 0; i < 3; i++)
		uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_int_equal(shutdown(fd[1], SHUT_WR), 0);
	for (int i = 0; i < 1000 && !w->client.closed; i++)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(w->client.err, QSP_E_TRUNCATED);
	close(fd[1]);
	world_free(w);
}

/* A reset that comes with the last bytes: poll tells of both at once, and once only. */
static void
test_reset_behind_data(void **state)
{
	struct world *w = world_new(QSP_WIRE_CELLS);
	const struct linger now = { .l_onoff = 1 };
	int fd[2];

	(void)state;
	tcp_sockets(fd);
	start_client(w, fd[0]);
	w->server.closed = true;
	for (int i = 0; i < 3; i++)
		uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_int_equal(send(fd[1], "the beginning of M2", 19, 0), 19);
	assert_int_equal(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(fd[1]);
	run_until_closed(w);
	assert_int_equal(w->client.err, QSP_E_IO);
	world_free(w);
}

/* Garbage is swallowed without a word, until the peer goes [P4.4]. */
static void
test_sink(void **state)
{
	struct world *w = world_new(QSP_WIRE_CELLS);
	uint8_t junk[5000] = { 7 };
	int fd[2];

	(void)state;
	sockets(fd);
	start_server(w, fd[1]);
	w->client.closed = true;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(send(fd[0], junk, sizeof(junk), MSG_NOSIGNAL), sizeof(junk));
		uv_run(&w->loop, UV_RUN_NOWAIT);
	}
	assert_false(w->server.closed);
	assert_int_equal(recv(fd[0], junk, sizeof(junk), 0), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd[0]);
	run_until_closed(w);
	assert_int_equal(w->server.err, QSP_E_SILENT);
	world_free(w);
}

/* A byte from one socket to the other; false where there was none. */
static bool
relay(int from, int to, bool *ended)
{
	uint8_t b;
	ssize_t n = *ended ? -1 : recv(from, &b, 1, MSG_DONTWAIT);

	if (n == 0) {
		*ended = true;
		shutdown(to, SHUT_WR);
	}
	return n == 1 && send(to, &b, 1, MSG_NOSIGNAL) == 1;
}

static void
test_byte_by_byte(void **state)
{
	struct world *w = world_new(QSP_WIRE_CELLS);
	bool up_ended = false, down_ended = false;
	int a[2], b[2];

	(void)state;
	sockets(a);
	sockets(b);
	w->client.to_send = w->server.to_send = 5000;
	start_client(w, a[0]);
	start_server(w, b[1]);
	while (!(w->client.closed && w->server.closed) && !w->timed_out) {
		relay(a[1], b[0], &up_ended);
		relay(b[0], a[1], &down_ended);
		uv_run(&w->loop, UV_RUN_NOWAIT);
	}
	assert_false(w->timed_out);
	assert_int_equal(w->client.err, 0);
	assert_int_equal(w->server.err, 0);
	assert_int_equal(w->client.received, 5000);
	assert_int_equal(w->server.received, 5000);
	assert_false(w->client.bad || w->server.bad);
	close(a[1]);
	close(b[0]);
	world_free(w);
}

/* A peer that takes nothing does not hold up the end. */
static void
test_linger_is_bounded(void **state)
{
	struct world *w = world_new(QSP_WIRE_CELLS);
	const int small = 4096;
	int fd[2];

	(void)state;
	sockets(fd);
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	start_client(w, fd[0]);
	w->server.closed = true;
	uv_run(&w->loop, UV_RUN_NOWAIT);
	qsp_drive_close(w->client.d, QSP_REASON_NORMAL, "", 50);
	run_until_closed(w);
	assert_int_equal(w->client.err, 0);
	close(fd[1]);
	world_free(w);
}

/* --- shaped [P8] ---------------------------------------------------------------------------- */

/* Everything arrives under every mode; the sizes that the sockets saw are for the lab to judge. */
static void
test_shaped(void **state)
{
	static const struct {
		struct qsp_shape_params p;
		uint64_t bytes;
	} cases[] = {
		{ { .mode = QSP_SHAPE_PLAIN, .grid_ms = 20 }, 1 },
		{ { .mode = QSP_SHAPE_PLAIN, .grid_ms = 5 }, 3000000 },
		{ { .mode = QSP_SHAPE_PADDED, .padding = QSP_SHAPE_BURST }, 3000000 },
		{ { .mode = QSP_SHAPE_PADDED, .padding = QSP_SHAPE_MAX }, 100000 },
		{ { .mode = QSP_SHAPE_STEALTH, .strict = true, .class = 5, .ceiling = 5 },
		  1000000 },
		{ { .mode = QSP_SHAPE_STEALTH, .class = 2, .ceiling = 5 }, 20000 },
	};
	const struct qsp_shape_allowed all = { .modes = 7, .ceiling = 5 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world *w = world_new(QSP_WIRE_CELLS);
		struct qsp_drive_shape s = { 0 };
		bool shaped = false;
		int fd[2];

		w->shape = &cases[i].p;
		qsp_shape_conn_allow(w->server_cfg, &all);
		tcp_sockets(fd);
		w->client.to_send = w->server.to_send = cases[i].bytes;
		start_client(w, fd[0]);
		start_server(w, fd[1]);
		while (!w->client.closed && !w->timed_out) {
			uv_run(&w->loop, UV_RUN_ONCE);
			shaped = (!w->server.closed && qsp_drive_get_shape(w->server.d, &s)) ||
				 shaped;
		}
		run_until_closed(w);
		assert_int_equal(w->client.err, 0);
		assert_int_equal(w->server.err, 0);
		assert_int_equal(w->client.received, cases[i].bytes);
		assert_int_equal(w->server.received, cases[i].bytes);
		assert_false(w->client.bad || w->server.bad);
		assert_true(shaped && s.now.mode == cases[i].p.mode);
		assert_true(s.counts.data_cells >= cases[i].bytes / 729);
		world_free(w); /* what lingers goes with its pool */
	}
}

/*
 * What a stealthy end writes, whether it has something to say or not: whole slots, one at a time.
 * Changes of keys and signs of life go in them too.
 */
static void
test_stealth_on_the_wire(void **state)
{
	static const struct qsp_shape_params p = {
		.mode = QSP_SHAPE_STEALTH, .strict = true, .class = 3, .ceiling = 3
	};
	const struct qsp_shape_allowed all = { .modes = 7, .ceiling = 5 };
	struct world *w = world_new(QSP_WIRE_CELLS);
	static uint8_t buf[1 << 16];
	struct qsp_conn_info info;
	size_t slots = 0, open_at = 0;
	int a[2], b[2];

	(void)state;
	w->shape = &p;
	qsp_shape_conn_allow(w->server_cfg, &all);
	qsp_config_set_rekey(w->server_cfg, 100, 400, 0);
	qsp_config_set_rekey(w->client_cfg, 100, 400, 0);
	sockets(a);
	sockets(b);
	w->client.to_send = 200000; /* and then nothing */
	w->server.to_send = 10000000;
	start_client(w, a[0]);
	start_server(w, b[1]);
	while (slots < 150 && !w->timed_out) {
		ssize_t up, down;

		uv_run(&w->loop, UV_RUN_NOWAIT);
		up = recv(a[1], buf, sizeof(buf), MSG_DONTWAIT);
		if (up > 0)
			assert_int_equal(send(b[0], buf, (size_t)up, MSG_NOSIGNAL), up);
		if (up > 0 && open_at > 20) {
			assert_int_equal(up % (4 * QSP_CELL_LEN), 0);
			slots += (size_t)up / (4 * QSP_CELL_LEN);
			(void)!qsp_conn_ping(qsp_drive_conn(w->client.d), slots);
			(void)!qsp_conn_ping(qsp_drive_conn(w->server.d), slots);
		}
		down = recv(b[0], buf, sizeof(buf), MSG_DONTWAIT);
		if (down > 0)
			assert_int_equal(send(a[1], buf, (size_t)down, MSG_NOSIGNAL), down);
		if (down > 0 && open_at > 20)
			assert_int_equal(down % (4 * QSP_CELL_LEN), 0);
		if (down > 0 && w->client.opened)
			open_at++;
	}
	assert_false(w->timed_out || w->client.closed || w->server.closed);
	qsp_conn_get_info(qsp_drive_conn(w->client.d), &info);
	assert_true(info.plain_rekeys > 0 && info.kem_rekeys > 0);
	world_free(w);
	close(a[1]);
	close(b[0]);
}

/* One turn of the loop; what the client sends goes on only if `up`. The bytes that it sent. */
static size_t
between(struct world *w, int client, int server, bool up)
{
	static uint8_t buf[1 << 16];
	ssize_t n;
	size_t sent = 0;

	uv_run(&w->loop, UV_RUN_NOWAIT);
	n = recv(server, buf, sizeof(buf), MSG_DONTWAIT);
	if (n > 0)
		assert_int_equal(send(client, buf, (size_t)n, MSG_NOSIGNAL), n);
	n = up ? recv(client, buf, sizeof(buf), MSG_DONTWAIT) : 0;
	if (n > 0) {
		assert_int_equal(send(server, buf, (size_t)n, MSG_NOSIGNAL), n);
		sent = (size_t)n;
	}
	return sent;
}

/*
 * A peer that reads no more: slots are left out, what waits stays bounded, and what it sends is still
 * read. When it reads again nothing is missing.
 */
static void
test_stealth_unread(void **state)
{
	static const struct qsp_shape_params p = {
		.mode = QSP_SHAPE_STEALTH, .strict = true, .class = 4, .ceiling = 4
	};
	const struct qsp_shape_allowed all = { .modes = 7, .ceiling = 5 };
	const int small = 65536;
	struct world *w = world_new(QSP_WIRE_CELLS);
	struct qsp_drive_shape s = { 0 };
	uint64_t got;
	int a[2], b[2];

	(void)state;
	w->shape = &p;
	qsp_shape_conn_allow(w->server_cfg, &all);
	tcp_sockets(a);
	tcp_sockets(b);
	setsockopt(a[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(a[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	w->client.to_send = w->server.to_send = 300000;
	start_client(w, a[0]);
	start_server(w, b[1]);
	while (w->server.received < 20000 && !w->timed_out)
		(void)between(w, a[1], b[0], true);
	got = w->client.received;
	while (s.counts.skipped < 40 && !w->timed_out) {
		(void)between(w, a[1], b[0], false);
		assert_true(qsp_drive_get_shape(w->client.d, &s));
	}
	assert_false(w->client.closed);
	assert_true(w->client.received > got);
	assert_true(qsp_mux_waiting(qsp_drive_mux(w->client.d)) < 1024 * 1024);
	while (!(w->client.closed && w->server.closed) && !w->timed_out)
		(void)between(w, a[1], b[0], true);
	assert_false(w->timed_out);
	assert_int_equal(w->client.err, 0);
	assert_int_equal(w->client.received, 300000);
	assert_int_equal(w->server.received, 300000);
	assert_false(w->client.bad || w->server.bad);
	world_free(w);
	close(a[1]);
	close(b[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bulk_cells),
		cmocka_unit_test(test_bulk_frames),
		cmocka_unit_test(test_freed_in_callbacks),
		cmocka_unit_test(test_peer_ends),
		cmocka_unit_test(test_reset_behind_data),
		cmocka_unit_test(test_sink),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_linger_is_bounded),
		cmocka_unit_test(test_shaped),
		cmocka_unit_test(test_stealth_on_the_wire),
		cmocka_unit_test(test_stealth_unread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
