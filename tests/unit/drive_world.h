/* SPDX-License-Identifier: ISC */
/*
 * Two ends of a connection on a loop, for tests of drives: each logs in or lets in, opens a channel,
 * sends so many bytes and checks what it gets. cmocka.h stands before.
 */
#ifndef QSP_TESTS_DRIVE_WORLD_H
#define QSP_TESTS_DRIVE_WORLD_H

#include "app/drive.h"
#include "proto/shape_conn.h"

struct world;

/* One end: a drive and what happened to it. */
struct end {
	struct world *w;
	struct qsp_drive *d;
	bool server, opened, closed, got_eof;
	bool stays; /* says no EOF */
	qsp_err err;
	uint32_t channel;
	bool has_channel;
	uint64_t to_send, sent, received; /* bytes of the channel */
	bool bad;                         /* a byte came that was not sent */
	int free_at;      /* callback in which to free the drive: 1 wants .. 4 closed */
	int watched;      /* a socket, or 0: at each event it is asked how it acknowledges */
	unsigned at_once; /* so many times it would have done so because it was read */
	unsigned events;
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

struct world *world_new(enum qsp_wire wire);
/* With its two ends, whatever their state. */
void world_free(struct world *w);
/* An end besides those two: the caller frees its drive. */
struct end end_of(struct world *w, bool server);

/* Two connected sockets, both non-blocking; the same over TCP, as it is used. */
void sockets(int fd[2]);
void tcp_sockets(int fd[2]);

void start_server(struct world *w, struct end *x, int fd);
void start_client(struct world *w, struct end *x, int fd);
/* Both ends of w. */
void run_until_closed(struct world *w);

/* to_send has grown. */
void world_send_more(struct end *x);

#endif
