/* SPDX-License-Identifier: ISC */
/* What the ends of a test's connection do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drive_world.h"

#include "base/bytes.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

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

void
world_send_more(struct end *x)
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
		if (x->sent == x->to_send && !x->stays)
			assert_int_equal(qsp_mux_eof(m, x->channel), 0);
		qsp_drive_kick(x->d);
	}
}

static void
go_on(struct end *x)
{
	world_send_more(x);
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
look_at_acknowledgements(struct end *x)
{
	int quick = 0;
	socklen_t n = sizeof(quick);

	assert_int_equal(getsockopt(x->watched, IPPROTO_TCP, TCP_QUICKACK, &quick, &n), 0);
	x->at_once += quick != 0;
	x->events++;
}

static void
on_event(void *arg, const struct qsp_mux_event *ev)
{
	struct end *x = arg;
	struct qsp_mux *m = qsp_drive_mux(x->d);

	if (free_here(x, 2))
		return;
	if (x->watched)
		look_at_acknowledgements(x);
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

struct end
end_of(struct world *w, bool server)
{
	return (struct end){ .w = w, .server = server };
}

struct world *
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
	assert_int_equal(qsp_replay_new(1024, &w->replay), 0);
	qsp_config_set_wire(w->client_cfg, wire);
	qsp_config_set_wire(w->server_cfg, wire);
	qsp_config_set_replay(w->server_cfg, enter, w->replay);
	assert_int_equal(qsp_config_add_host_key(w->server_cfg, qsp_key_get_public(w->host_key)),
			 0);
	assert_int_equal(qsp_config_add_secret(w->server_cfg, secret, QSP_SECRET_CURRENT), 0);
	assert_int_equal(qsp_drive_pool_new(&w->loop, w->cx, &w->client_pool), 0);
	assert_int_equal(qsp_drive_pool_new(&w->loop, w->cx, &w->server_pool), 0);
	w->client = end_of(w, false);
	w->server = end_of(w, true);
	uv_timer_init(&w->loop, &w->limit);
	w->limit.data = w;
	uv_timer_start(&w->limit, on_limit, 250000, 0); /* a hang; CTest's own is 300 s */
	return w;
}

void
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

void
sockets(int fd[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
}

void
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

void
start_server(struct world *w, struct end *x, int fd)
{
	struct qsp_conn *c;

	assert_int_equal(qsp_conn_new_server(w->server_cfg, qsp_drive_pool_worker(w->server_pool),
					     qsp_drive_now(&w->loop), &c),
			 0);
	assert_int_equal(qsp_drive_new(w->server_pool, fd, c, NULL, &ops, x, &x->d), 0);
}

void
start_client(struct world *w, struct end *x, int fd)
{
	struct qsp_peer peer = { .kem = 1, .ok_class = QSP_OK_FIRST_CONTACT };
	struct qsp_conn *c;

	assert_int_equal(qsp_conn_new_client(w->client_cfg, qsp_drive_pool_worker(w->client_pool),
					     &peer, qsp_drive_now(&w->loop), &c),
			 0);
	assert_int_equal(qsp_drive_new(w->client_pool, fd, c, NULL, &ops, x, &x->d), 0);
	if (w->shape)
		assert_int_equal(qsp_shape_conn_ask(c, qsp_drive_now(&w->loop), w->shape), 0);
}

void
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
