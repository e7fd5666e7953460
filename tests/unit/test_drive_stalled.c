/* SPDX-License-Identifier: ISC */
/*
 * What a peer that never acknowledges [P4.7], and never reads, can make a drive keep: it fills what
 * is retained, leaves a write unfinished, and then asks for answers without end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/drive_impl.h"
#include "proto/resume.h"
#include "proto/state.h"

#include <sys/socket.h>
#include <unistd.h>

#define MIB (1024u * 1024u)
#define WINDOW (64 * MIB)
#define FLOOD (48 * MIB) /* of requests, each answered with half of its length */
#define BOUND (12 * MIB) /* of answers that wait */

struct world;

struct end {
	struct world *w;
	struct qsp_drive *d;
	struct qsp_config *cfg;
	struct qsp_drive_pool *pool;
	bool server, opened, closed, has_channel;
	qsp_err err;
	uint32_t channel;
};

struct world {
	uv_loop_t loop;
	struct qsp_crypto *cx;
	struct qsp_key *host_key;
	struct qsp_replay *replay;
	struct end client, server;
	uv_timer_t limit;
	bool timed_out;
};

static bool
enter(void *arg, const uint8_t entry[QSP_REPLAY_ENTRY_LEN], qsp_time until)
{
	return qsp_replay_enter(arg, entry, until, 0);
}

/* --- what an end does ----------------------------------------------------------------------- */

static void
answer_decaps(struct end *x)
{
	struct qsp_decaps_question q;
	struct qsp_decaps_answer a;

	assert_int_equal(qsp_conn_decaps_question(qsp_drive_conn(x->d), &q), 0);
	assert_int_equal(qsp_key_answer(&x->w->host_key, 1, &q, &a), 0);
	assert_int_equal(qsp_conn_decaps(qsp_drive_conn(x->d), &a), 0);
}

static void
on_wants(void *arg, unsigned wants)
{
	const struct qsp_login l = { .user = qsp_bytes_str("me"), .method = QSP_METHOD_NONE };
	const struct qsp_decision yes = { .verdict = QSP_AUTH_ACCEPT };
	struct end *x = arg;
	struct qsp_conn *c = qsp_drive_conn(x->d);

	if (wants & QSP_WANT_TRUST)
		assert_int_equal(qsp_conn_trust(c, true), 0);
	if (wants & QSP_WANT_DECAPS)
		answer_decaps(x);
	if (wants & QSP_WANT_AUTH)
		assert_int_equal(x->server ? qsp_conn_decide(c, &yes) : qsp_conn_login(c, &l), 0);
	if ((wants & QSP_IS_OPEN) && !x->opened) {
		x->opened = true;
		if (!x->server)
			assert_int_equal(qsp_mux_open(qsp_drive_mux(x->d), "session",
						      QSP_BYTES_NONE, x, &x->channel),
					 0);
	}
	qsp_drive_kick(x->d);
}

/* The server sends as much as it may. */
static void
send_more(struct end *x)
{
	struct qsp_mux *m = qsp_drive_mux(x->d);
	size_t room;
	uint8_t *p;

	while (x->server && x->has_channel &&
	       (p = qsp_mux_data_begin(m, x->channel, 0, &room)) != NULL) {
		memset(p, 'x', room);
		qsp_mux_data_commit(m, room);
	}
	qsp_drive_kick(x->d);
}

/* The client takes, and keeps from saying so. */
static void
hush(struct end *x)
{
	struct qsp_resumable *r = qsp_drive_conn(x->d)->resumable;

	r->told = r->count.received;
	r->tell_at = 0;
	r->due = false;
}

static void
on_event(void *arg, const struct qsp_mux_event *ev)
{
	struct end *x = arg;
	struct qsp_mux *m = qsp_drive_mux(x->d);

	if (ev->type == QSP_MUX_OPEN) {
		assert_int_equal(qsp_mux_accept(m, ev->channel, x), 0);
		x->channel = ev->channel;
		x->has_channel = true;
	} else if (ev->type == QSP_MUX_GLOBAL) {
		assert_int_equal(qsp_mux_global_reply(m, false, QSP_BYTES_NONE), 0);
	}
	if (x->server)
		send_more(x);
	else
		hush(x);
}

static void
on_room(void *arg)
{
	send_more(arg);
}

static void
on_closed(void *arg, qsp_err e)
{
	struct end *x = arg;

	x->closed = true;
	x->err = e;
}

static bool
on_lost(void *arg, qsp_err e)
{
	(void)arg;
	(void)e;
	return false;
}

static const struct qsp_drive_ops ops = { on_wants, on_event, on_room, on_closed, on_lost };

/* --- the world ------------------------------------------------------------------------------ */

static void
on_limit(uv_timer_t *t)
{
	((struct world *)t->data)->timed_out = true;
}

static void
end_init(struct world *w, struct end *x, bool server)
{
	x->w = w;
	x->server = server;
	assert_int_equal(qsp_config_new(w->cx, &x->cfg), 0);
	qsp_config_set_resumable(x->cfg, true);
	assert_int_equal(qsp_drive_pool_new(&w->loop, w->cx, &x->pool), 0);
}

static void
start(struct end *x, int fd)
{
	const struct qsp_peer peer = { .kem = 1, .ok_class = QSP_OK_FIRST_CONTACT };
	struct qsp_mux_limits limits = qsp_mux_limits_default();
	struct qsp_now now = qsp_drive_now(&x->w->loop);
	struct qsp_worker *worker = qsp_drive_pool_worker(x->pool);
	struct qsp_conn *c;

	limits.window = limits.window_max = WINDOW;
	limits.window_total = 16u * WINDOW; /* a first window is a sixteenth of it */
	assert_int_equal(x->server ? qsp_conn_new_server(x->cfg, worker, now, &c)
				   : qsp_conn_new_client(x->cfg, worker, &peer, now, &c),
			 0);
	assert_int_equal(qsp_drive_new(x->pool, fd, c, &limits, &ops, x, &x->d), 0);
}

static void
world_begin(struct world *w)
{
	const int small = 4096;
	int fd[2];

	assert_int_equal(uv_loop_init(&w->loop), 0);
	assert_int_equal(qsp_crypto_new(NULL, NULL, &w->cx), 0);
	assert_int_equal(qsp_key_generate(w->cx, QSP_KEY_MLKEM768X25519, &w->host_key), 0);
	assert_int_equal(qsp_replay_new(64, &w->replay), 0);
	end_init(w, &w->client, false);
	end_init(w, &w->server, true);
	qsp_config_set_replay(w->server.cfg, enter, w->replay);
	assert_int_equal(qsp_config_add_host_key(w->server.cfg, qsp_key_get_public(w->host_key)),
			 0);
	uv_timer_init(&w->loop, &w->limit);
	w->limit.data = w;
	uv_timer_start(&w->limit, on_limit, 250000, 0); /* a hang; CTest's own is 300 s */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	start(&w->client, fd[0]);
	start(&w->server, fd[1]);
}

static void
world_end(struct world *w)
{
	struct end *ends[] = { &w->client, &w->server };

	for (int i = 0; i < 2; i++) {
		qsp_drive_free(ends[i]->d);
		qsp_drive_pool_free(ends[i]->pool);
	}
	uv_close((uv_handle_t *)&w->limit, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	qsp_config_free(w->client.cfg);
	qsp_config_free(w->server.cfg);
	qsp_key_free(w->host_key);
	qsp_replay_free(w->replay);
	qsp_crypto_free(w->cx);
}

/* So much is asked at a time that the client does not read, and does not cut itself off. */
static size_t
ask(struct end *x)
{
	struct qsp_mux *m = qsp_drive_mux(x->d);
	size_t n = 0;

	while (qsp_mux_backlog(m) < 5 * MIB) {
		assert_int_equal(qsp_mux_global(m, "", true, QSP_BYTES_NONE), 0);
		n += 10;
	}
	qsp_drive_kick(x->d);
	return n;
}

/* --- the test ------------------------------------------------------------------------------- */

static void
test_never_acknowledges(void **state)
{
	struct world w = { .timed_out = false };
	size_t asked = 0, most = 0;

	(void)state;
	world_begin(&w);
	/* all that is retained has been sealed, and the last of it lies in a write */
	while ((!w.server.opened || qsp_drive_line_room(w.server.d) > 0 || !w.server.d->unsent) &&
	       !w.timed_out)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_false(w.timed_out || w.server.closed);
	while (!w.server.closed && asked < FLOOD && !w.timed_out) {
		size_t backlog = qsp_mux_backlog(qsp_drive_mux(w.server.d));

		most = backlog > most ? backlog : most;
		asked += ask(&w.client);
		uv_run(&w.loop, UV_RUN_NOWAIT);
	}
	while (!w.server.closed && most <= BOUND && !w.timed_out)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_false(w.timed_out);
	assert_true(most <= BOUND);
	assert_true(w.server.closed);
	assert_int_equal(w.server.err, QSP_E_POLICY);
	world_end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_acknowledges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
