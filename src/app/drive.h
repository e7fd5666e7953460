/* SPDX-License-Identifier: ISC */
/*
 * A connection on a loop: moves bytes between a socket and qsp_conn, channel messages between
 * qsp_conn and qsp_mux, and time into both. It owns the socket, the conn and the mux. Callbacks
 * run on the loop's thread; freeing the drive from inside one is allowed.
 *
 * Receive and send buffers belong to the loop (struct qsp_drive_pool) and are borrowed while bytes
 * move; a drive keeps bytes of its own only for a partial unit or a write that the socket did not
 * take, and frees that memory when idle.
 */
#ifndef QSP_APP_DRIVE_H
#define QSP_APP_DRIVE_H

#include <qsp/channel.h>
#include <qsp/conn.h>

#include <uv.h>

#include "proto/shape.h"

/* What the drives of one loop share: worker, buffers. One per thread. Freed after its drives; the
 * last of it goes in the loop's next turn. */
struct qsp_drive_pool;
QSP_MUST_USE qsp_err qsp_drive_pool_new(uv_loop_t *loop, const struct qsp_crypto *cx,
					struct qsp_drive_pool **out);
void qsp_drive_pool_free(struct qsp_drive_pool *p);
struct qsp_worker *qsp_drive_pool_worker(struct qsp_drive_pool *p);

struct qsp_drive;

struct qsp_drive_ops {
	/* Wants that need an answer (TRUST AUTH SIGN DECAPS REPLY), IS_OPEN or CAN_SEND changed. A
	 * kick tells that an answer was given: the same want is told again if it still holds. */
	void (*wants)(void *arg, unsigned wants);
	/* A channel event, as qsp_mux_event gave it. */
	void (*event)(void *arg, const struct qsp_mux_event *ev);
	/* The output has room again: channels may be read from. */
	void (*room)(void *arg);
	/* It is over: e 0 after an orderly close of either side, else the error. Called once, after
	 * the last byte that could be sent; the drive lives until qsp_drive_free. After
	 * qsp_drive_close it is the only callback that comes. */
	void (*closed)(void *arg, qsp_err e);
	/* The transport is gone and the session is not [P4.7]: true keeps the drive, detached, for
	 * another connection; then neither conn nor socket says anything until qsp_drive_attach. One
	 * that was to resume and failed, unless it was told no, asks again. NULL: never. */
	bool (*lost)(void *arg, qsp_err e);
};

/* Takes fd (non-blocking, connected) and conn; on error they stay the caller's. */
QSP_MUST_USE qsp_err qsp_drive_new(struct qsp_drive_pool *p, int fd, struct qsp_conn *conn,
				   const struct qsp_mux_limits *limits,
				   const struct qsp_drive_ops *ops, void *arg,
				   struct qsp_drive **out);
void qsp_drive_free(struct qsp_drive *d);

/* Of a detached drive: the connection that was lost, with its ticket. */
struct qsp_conn *qsp_drive_conn(struct qsp_drive *d);
struct qsp_mux *qsp_drive_mux(struct qsp_drive *d);

/* Something was answered or written into conn or mux: let it move (now or on this loop turn). */
void qsp_drive_kick(struct qsp_drive *d);

/* Ends the connection in order; ops->closed follows, at the latest after linger_ms. */
void qsp_drive_close(struct qsp_drive *d, enum qsp_reason reason, const char *text,
		     unsigned linger_ms);

/* A connection on its way from one drive to another. Bytes are owned, and may be NULL. */
struct qsp_drive_line {
	int fd;
	struct qsp_conn *conn;
	uint8_t *rest, *unsent; /* read and not yet taken; sealed and not yet sent */
	size_t rest_n, unsent_n;
};
/* A detached drive goes on over another connection, which it takes; on error it stays detached,
 * and the line the caller's. The connection is resumed, by the application's answers or already;
 * what the peer lacks is sent again once it is. */
QSP_MUST_USE qsp_err qsp_drive_attach(struct qsp_drive *d, const struct qsp_drive_line *line);
/* Drops the transport as if it were lost, without a callback. False where the session cannot be
 * resumed: then nothing happens. */
bool qsp_drive_detach(struct qsp_drive *d);
bool qsp_drive_is_detached(const struct qsp_drive *d);
/* The connection that was lost, until another one has resumed its session; else NULL. */
struct qsp_conn *qsp_drive_lost(struct qsp_drive *d);
/* A drive for a connection that another one has given up; on error it stays the caller's. */
QSP_MUST_USE qsp_err qsp_drive_new_line(struct qsp_drive_pool *p, const struct qsp_drive_line *line,
					const struct qsp_mux_limits *limits,
					const struct qsp_drive_ops *ops, void *arg,
					struct qsp_drive **out);
/* Gives the connection up to another drive, of another thread even; only free is left for d. */
void qsp_drive_release(struct qsp_drive *d, struct qsp_drive_line *line);
void qsp_drive_line_free(struct qsp_drive_line *line);

/* The errno behind QSP_E_IO, or 0. */
int qsp_drive_errno(const struct qsp_drive *d);

/* How what is sent is shaped [P8]: what holds now, and what has been sent under it; false where nothing
 * was agreed. */
struct qsp_drive_shape {
	struct qsp_shape_params now;
	struct qsp_shape_counts counts;
};
bool qsp_drive_get_shape(const struct qsp_drive *d, struct qsp_drive_shape *out);
/* Before a sandbox is closed, where stealth may come: starts the thread that it needs. */
QSP_MUST_USE qsp_err qsp_drive_pool_pace(struct qsp_drive_pool *p);
/* Before a fork; and after it, where drives go on. */
void qsp_drive_pool_rest(struct qsp_drive_pool *p);
QSP_MUST_USE qsp_err qsp_drive_pool_go_on(struct qsp_drive_pool *p);

/*
 * Connections in stealth that are over, and whose slots go on for a while with random bytes [P8.9]:
 * drives leave them to the pool, which has so many at most, and then ends one by chance.
 */
#define QSP_DRIVE_LINGERING_MAX 1024 /* where nobody said */
void qsp_drive_pool_linger_max(struct qsp_drive_pool *p, size_t max);
size_t qsp_drive_pool_lingering(const struct qsp_drive_pool *p);
/* Ends one, for its descriptor; false where there is none. */
bool qsp_drive_pool_shed(struct qsp_drive_pool *p);
/* calm is called once none is left. */
void qsp_drive_pool_on_calm(struct qsp_drive_pool *p, void (*calm)(void *arg), void *arg);
/* In a forked process that is there for nothing else: closes all other descriptors, and returns when
 * they are over. */
void qsp_drive_pool_linger_alone(struct qsp_drive_pool *p);

/* The wall and mono time as the engine wants them. */
struct qsp_now qsp_drive_now(const uv_loop_t *loop);

#endif
