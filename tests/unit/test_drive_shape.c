/* SPDX-License-Identifier: ISC */
/* Drives whose output is shaped [P8]: what arrives, what is on the wire, and many of them at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drive_world.h"

#include <sys/socket.h>
#include <unistd.h>

#define CROWD 100

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
		start_client(w, &w->client, fd[0]);
		start_server(w, &w->server, fd[1]);
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
	start_client(w, &w->client, a[0]);
	start_server(w, &w->server, b[1]);
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
	start_client(w, &w->client, a[0]);
	start_server(w, &w->server, b[1]);
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

/* A world of two ends that talk over TCP in a class of stealth that is held. */
static struct world *
stealth_world(const struct qsp_shape_params *p, uint64_t up, uint64_t down, int fd[2])
{
	const struct qsp_shape_allowed all = { .modes = 7, .ceiling = 5 };
	struct world *w = world_new(QSP_WIRE_CELLS);

	w->shape = p;
	qsp_shape_conn_allow(w->server_cfg, &all);
	tcp_sockets(fd);
	w->client.to_send = up;
	w->server.to_send = down;
	start_client(w, &w->client, fd[0]);
	start_server(w, &w->server, fd[1]);
	return w;
}

/*
 * An end that nobody waits for any longer, with much that has not left: the slots go on behind it,
 * and the peer learns that it was one.
 */
static void
test_stealth_given_up(void **state)
{
	static const struct qsp_shape_params p = {
		.mode = QSP_SHAPE_STEALTH, .strict = true, .class = 1, .ceiling = 1
	};
	int fd[2];
	struct world *w = stealth_world(&p, 200000, 0, fd);

	(void)state;
	while (w->server.received == 0 && !w->timed_out)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_true(qsp_mux_waiting(qsp_drive_mux(w->client.d)) > 100000);
	qsp_drive_close(w->client.d, QSP_REASON_NORMAL, "", 1);
	while (!w->client.closed && !w->timed_out)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(qsp_drive_pool_lingering(w->client_pool), 1);
	run_until_closed(w);
	assert_int_equal(w->client.err, 0);
	assert_int_equal(w->server.err, 0);
	assert_true(w->server.received < 200000);
	world_free(w);
}

/* What is read is not acknowledged because of it, in the class in which it would be more often than not. */
static void
test_stealth_reads_unseen(void **state)
{
	static const struct qsp_shape_params p = {
		.mode = QSP_SHAPE_STEALTH, .strict = true, .class = 0, .ceiling = 0
	};
	int fd[2];
	struct world *w = stealth_world(&p, 100000, 100000, fd); /* never told to end */

	(void)state;
	while (w->server.received < 2000 && !w->timed_out)
		uv_run(&w->loop, UV_RUN_ONCE);
	w->client.watched = fd[0];
	w->server.watched = fd[1];
	while (w->server.events + w->client.events < 24 && !w->timed_out)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_false(w->timed_out);
	assert_int_equal(w->server.at_once + w->client.at_once, 0);
	world_free(w);
}

/*
 * A hundred at once, whose clock looks for what has come now and then, on one loop. Some are freed
 * from inside what they are told; of the others nothing is missing, also when few are left.
 */
static void
test_crowd(void **state)
{
	static const struct qsp_shape_params p = {
		.mode = QSP_SHAPE_STEALTH, .strict = true, .class = 2, .ceiling = 2
	};
	const struct qsp_shape_allowed all = { .modes = 7, .ceiling = 5 };
	struct world *w = world_new(QSP_WIRE_CELLS);
	static struct end c[CROWD], s[CROWD];
	size_t over = 0;

	(void)state;
	w->shape = &p;
	qsp_shape_conn_allow(w->server_cfg, &all);
	for (size_t i = 0; i < CROWD; i++) {
		int fd[2];

		tcp_sockets(fd);
		c[i] = end_of(w, false);
		s[i] = end_of(w, true);
		/* the last have more to say than the others */
		c[i].to_send = s[i].to_send = i < CROWD - 9 ? 3000 : 12000;
		c[i].free_at = i % 7 == 3 ? 2 : 0;
		s[i].free_at = i % 7 == 5 ? 2 : 0;
		start_client(w, &c[i], fd[0]);
		start_server(w, &s[i], fd[1]);
	}
	while (over < CROWD && !w->timed_out) {
		uv_run(&w->loop, UV_RUN_ONCE);
		for (over = 0; over < CROWD && c[over].closed && s[over].closed;)
			over++;
	}
	assert_false(w->timed_out);
	for (size_t i = 0; i < CROWD; i++) {
		if (c[i].free_at || s[i].free_at)
			continue;
		assert_true(c[i].err == 0 && s[i].err == 0);
		assert_int_equal(c[i].received, s[i].to_send);
		assert_int_equal(s[i].received, c[i].to_send);
		assert_false(c[i].bad || s[i].bad);
	}
	for (size_t i = 0; i < CROWD; i++) {
		qsp_drive_free(c[i].d);
		qsp_drive_free(s[i].d);
	}
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shaped),
		cmocka_unit_test(test_stealth_on_the_wire),
		cmocka_unit_test(test_stealth_unread),
		cmocka_unit_test(test_stealth_given_up),
		cmocka_unit_test(test_stealth_reads_unseen),
		cmocka_unit_test(test_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
