/* SPDX-License-Identifier: ISC */
/*
 * A drive without its transport [P4.7]. What is lost is the socket and the engine's connection; mux
 * and channels live on, and the connection that was lost is kept for its ticket, until another one
 * that was resumed with it has a ticket of its own.
 */
#include "app/drive_clock.h"
#include "app/drive_impl.h"
#include "app/drive_linger.h"
#include "app/drive_shape.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define KEPT_MAX (32u * 1024 * 1024) /* sent and not acknowledged [P4.7] */

/* --- the socket's handle -------------------------------------------------------------------- */

static void
on_closed(uv_handle_t *h)
{
	free(h);
}

qsp_err
qsp_drive_line_watch(struct qsp_drive *d)
{
	const int one = 1;

	d->poll = malloc(sizeof(*d->poll));
	if (!d->poll)
		return QSP_E_NOMEM;
	if (uv_poll_init(d->pool->loop, d->poll, d->fd) != 0) {
		free(d->poll);
		d->poll = NULL;
		return QSP_E_IO;
	}
	d->poll->data = d;
	/* fails on what is not TCP, where it is not needed */
	setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return 0;
}

void
qsp_drive_line_unwatch(struct qsp_drive *d)
{
	qsp_drive_clock_leave(d);
	qsp_drive_tidy_forget(d);
	if (!d->poll)
		return;
	d->poll->data = NULL;
	uv_close((uv_handle_t *)d->poll, on_closed);
	d->poll = NULL;
	d->events = 0;
}

/* --- losing it ------------------------------------------------------------------------------ */

static bool
has_ticket(struct qsp_conn *c)
{
	struct qsp_ticket t;
	bool has = qsp_conn_ticket(c, false, &t) == 0;

	qsp_mem_wipe(&t, sizeof(t));
	return has;
}

static void
forget_unsent(struct qsp_drive *d)
{
	if (d->pool->out)
		free(d->unsent);
	else
		d->pool->out = d->unsent;
	d->unsent = NULL;
}

static void
detach(struct qsp_drive *d)
{
	qsp_drive_shape_free(d); /* a write may be on its way */
	qsp_drive_line_unwatch(d);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	qsp_drive_io_drop(d);
	if (d->unsent)
		forget_unsent(d);
	(void)!qsp_conn_recv_eof(d->conn);
	if (has_ticket(d->conn)) {
		qsp_conn_free(d->lost);
		d->lost = d->conn;
	} else { /* it was lost before it had resumed anything */
		qsp_conn_free(d->conn);
		d->conn = d->lost;
	}
	d->state = QSP_DRIVE_DETACHED;
}

static bool
can_detach(const struct qsp_drive *d)
{
	return d->state == QSP_DRIVE_RUNNING && !d->closing && !d->freed &&
	       (d->lost || has_ticket(d->conn));
}

/* An attempt that somebody on the way, or a server without room, has spoilt may be made again. */
static bool
is_loss(const struct qsp_drive *d, qsp_err e)
{
	bool attempt = d->lost && !has_ticket(d->conn);

	return e == QSP_E_TRUNCATED || e == QSP_E_IO || e == QSP_E_DECRYPT ||
	       (attempt && (e == QSP_E_HANDSHAKE || e == QSP_E_CLOSED));
}

bool
qsp_drive_line_lost(struct qsp_drive *d, qsp_err e)
{
	if (!is_loss(d, e))
		return false;
	if (!d->ops->lost || !can_detach(d) || !d->ops->lost(d->arg, e))
		return false;
	/* a bad cell shows in nothing: the slots go on, under a connection that nobody hears */
	if (e == QSP_E_DECRYPT && qsp_drive_shape_is_stealth(d) && !d->deaf)
		qsp_drive_linger_begin(d);
	if (!d->freed)
		detach(d);
	return true;
}

bool
qsp_drive_detach(struct qsp_drive *d)
{
	if (!can_detach(d))
		return false;
	detach(d);
	return true;
}

struct qsp_conn *
qsp_drive_lost(struct qsp_drive *d)
{
	return d->lost;
}

bool
qsp_drive_is_detached(const struct qsp_drive *d)
{
	return d->state == QSP_DRIVE_DETACHED;
}

/* --- another one ---------------------------------------------------------------------------- */

void
qsp_drive_release(struct qsp_drive *d, struct qsp_drive_line *line)
{
	*line = (struct qsp_drive_line){ .fd = d->fd, .conn = d->conn };
	line->rest = d->rest;
	line->rest_n = d->rest_n;
	if (d->unsent) {
		d->unsent_n -= d->unsent_at;
		memmove(d->unsent, d->unsent + d->unsent_at, d->unsent_n);
		line->unsent = d->unsent;
		line->unsent_n = d->unsent_n;
	}
	d->rest = d->unsent = NULL;
	d->rest_n = 0;
	qsp_conn_set_worker(line->conn, NULL);
	d->fd = -1;
	d->conn = NULL;
	qsp_drive_retire(d);
}

void
qsp_drive_line_free(struct qsp_drive_line *line)
{
	qsp_conn_free(line->conn);
	if (line->fd >= 0)
		close(line->fd);
	free(line->rest);
	free(line->unsent);
	*line = (struct qsp_drive_line){ .fd = -1 };
}

static void
take_line(struct qsp_drive *d, const struct qsp_drive_line *line)
{
	d->conn = line->conn;
	qsp_conn_set_worker(d->conn, d->pool->worker);
	d->rest = line->rest;
	d->rest_n = line->rest_n;
	d->unsent = line->unsent;
	d->unsent_at = 0;
	d->unsent_n = line->unsent_n;
}

qsp_err
qsp_drive_new_line(struct qsp_drive_pool *p, const struct qsp_drive_line *line,
		   const struct qsp_mux_limits *limits, const struct qsp_drive_ops *ops, void *arg,
		   struct qsp_drive **out)
{
	qsp_err e = qsp_drive_new(p, line->fd, line->conn, limits, ops, arg, out);

	if (!e)
		take_line(*out, line);
	return e;
}

qsp_err
qsp_drive_attach(struct qsp_drive *d, const struct qsp_drive_line *line)
{
	qsp_err e;

	if (d->state != QSP_DRIVE_DETACHED || d->freed)
		return QSP_E_STATE;
	d->fd = line->fd;
	if ((e = qsp_drive_line_watch(d)) != 0) {
		d->fd = -1;
		return e;
	}
	take_line(d, line);
	d->state = QSP_DRIVE_RUNNING;
	d->eof = d->deaf = false;
	d->sys_errno = 0;
	d->err = 0;
	d->wants = 0;
	d->resuming = d->owe_room = true;
	qsp_drive_pool_add(d);
	return 0;
}

/* --- what is kept --------------------------------------------------------------------------- */

void
qsp_drive_line_follow(struct qsp_drive *d)
{
	struct qsp_progress p;

	if (!qsp_conn_progress(d->conn, &p))
		return;
	if (!d->retains)
		qsp_mux_retain(d->mux);
	d->retains = true;
	if (d->resuming && (qsp_conn_wants(d->conn) & QSP_CAN_SEND)) {
		d->resuming = false;
		qsp_mux_rewind(d->mux, p.acked);
		qsp_conn_free(d->lost);
		d->lost = NULL;
	}
	qsp_mux_acknowledged(d->mux, p.acked);
}

size_t
qsp_drive_line_room(const struct qsp_drive *d)
{
	struct qsp_progress p;

	if (!qsp_conn_progress(d->conn, &p))
		return SIZE_MAX;
	return p.sent - p.acked < KEPT_MAX ? (size_t)(KEPT_MAX - (p.sent - p.acked)) : 0;
}
