/* SPDX-License-Identifier: ISC */
/*
 * Drives on socket pairs: bulk both ways, an orderly end, freeing from inside callbacks, peers that
 * stop half way, bytes that come one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/drive_impl.h"
#include "drive_world.h"
#include "proto/mux.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define BULK (24u * 1024 * 1024)

static void
bulk(enum qsp_wire wire)
{
	struct world *w = world_new(wire);
	uint64_t start;
	int fd[2];

	tcp_sockets(fd);
	w->client.to_send = w->server.to_send = BULK;
	start_client(w, &w->client, fd[0]);
	start_server(w, &w->server, fd[1]);
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
			start_client(w, &w->client, fd[0]);
			start_server(w, &w->server, fd[1]);
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
	start_client(w, &w->client, fd[0]);
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
	start_client(w, &w->client, fd[0]);
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
	start_server(w, &w->server, fd[1]);
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
	start_client(w, &w->client, a[0]);
	start_server(w, &w->server, b[1]);
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

/* What bulk leaves behind, for more of it, goes after a while; and comes again. */
static void
test_tidied(void **state)
{
	struct world *w = world_new(QSP_WIRE_CELLS);
	int fd[2];

	(void)state;
	qsp_config_set_resumable(w->client_cfg, true);
	qsp_config_set_resumable(w->server_cfg, true);
	tcp_sockets(fd);
	start_client(w, &w->client, fd[0]);
	start_server(w, &w->server, fd[1]);
	w->client.stays = w->server.stays = true;
	for (int i = 0; i < 2; i++) {
		const struct qsp_spool *out = &qsp_drive_mux(w->client.d)->out;
		bool left = false;

		w->client.to_send += 4 * QSP_DRIVE_OUT_CAP;
		if (i > 0)
			world_send_more(&w->client);
		while ((w->server.received < w->client.to_send || w->client_pool->used) &&
		       !w->timed_out) {
			uv_run(&w->loop, UV_RUN_ONCE);
			left = left || out->spare || (out->first && out->first->cap > 1024);
		}
		assert_false(w->timed_out);
		assert_true(left);
		assert_null(out->spare);
		assert_null(out->first);
	}
	w->client.closed = w->server.closed = false;
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
	start_client(w, &w->client, fd[0]);
	w->server.closed = true;
	uv_run(&w->loop, UV_RUN_NOWAIT);
	qsp_drive_close(w->client.d, QSP_REASON_NORMAL, "", 50);
	run_until_closed(w);
	assert_int_equal(w->client.err, 0);
	close(fd[1]);
	world_free(w);
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
		cmocka_unit_test(test_tidied),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_linger_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
