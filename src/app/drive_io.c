/* SPDX-License-Identifier: ISC */
/*
 * The bytes of a drive: large reads through the engine into channel events, and the output of
 * engine and channels into large writes. Bounded: a few of each in a turn.
 */
#include "app/drive_clock.h"
#include "app/drive_impl.h"
#include "app/drive_shape.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/mem.h"

#define ROUNDS 4                      /* reads and writes a turn */
#define BACKLOG_MAX (1024 * 1024)     /* of new output, above which the peer is not read */
#define STALLED_MAX (8 * 1024 * 1024) /* and above which it is cut off */
#define REPORTS 8                     /* questions answered on the spot, a turn */

#define QUESTIONS                                                                                  \
	(QSP_WANT_TRUST | QSP_WANT_AUTH | QSP_WANT_SIGN | QSP_WANT_DECAPS | QSP_WANT_REPLY)

/* Callbacks other than closed may run. */
static bool
is_live(const struct qsp_drive *d)
{
	return d->state == QSP_DRIVE_RUNNING && !d->closing && !d->freed;
}

/* What the application is told of. */
static unsigned
news(const struct qsp_drive *d)
{
	if (d->state != QSP_DRIVE_RUNNING || d->freed)
		return 0;
	return qsp_conn_wants(d->conn) & (QUESTIONS | QSP_IS_OPEN | QSP_CAN_SEND | QSP_IS_SINK);
}

/* Again where an answer, told by a kick, has raised the same kind of question anew. */
void
qsp_drive_io_report(struct qsp_drive *d)
{
	unsigned w = news(d);

	for (int i = 0; i < REPORTS && is_live(d); i++) {
		bool asks = d->again && (w & QUESTIONS);

		d->again = false;
		if (w == d->wants && !asks)
			break;
		d->wants = w;
		d->ops->wants(d->arg, w);
		w = news(d);
	}
	/* M1 was refused, on arrival or by an answer to its question: one state for both [P4.4] */
	if (w & QSP_IS_SINK) {
		qsp_drive_io_drop(d);
		d->state = QSP_DRIVE_SINK;
		d->err = QSP_E_SILENT;
	}
}

/* Channel messages; false where the peer broke the rules. */
static bool
deliver(struct qsp_drive *d, struct qsp_bytes data)
{
	while (data.n && is_live(d)) {
		struct qsp_mux_event ev;

		if (qsp_mux_event(d->mux, &data, &ev))
			return false;
		if (ev.type == QSP_MUX_NONE)
			break;
		d->ops->event(d->arg, &ev);
	}
	return true;
}

void
qsp_drive_io_drop(struct qsp_drive *d)
{
	free(d->rest);
	d->rest = NULL;
	d->rest_n = 0;
}

static void
keep(struct qsp_drive *d, const uint8_t *p, size_t n)
{
	uint8_t *q;

	if (n == 0) {
		qsp_drive_io_drop(d);
		return;
	}
	q = realloc(d->rest, n);
	if (!q) {
		qsp_drive_finish(d, QSP_E_NOMEM);
		return;
	}
	memcpy(q, p, n);
	d->rest = q;
	d->rest_n = n;
}

/*
 * A peer is heard even where it acknowledges nothing, and what it asks may be answered. It is cut off
 * where it goes on asking; nothing else bounds what waits, for a write may be unfinished for ever.
 */
static bool
is_stalled(struct qsp_drive *d)
{
	qsp_err e;

	if (qsp_mux_backlog(d->mux) <= STALLED_MAX)
		return false;
	e = qsp_conn_close(d->conn, QSP_REASON_POLICY, "too much waits to be acknowledged");
	qsp_drive_finish(d, e ? e : QSP_E_POLICY);
	return true;
}

/* One step of take(); false where it goes no further. */
static bool
take_once(struct qsp_drive *d, uint8_t *buf, size_t n, size_t *at)
{
	struct qsp_bytes data = QSP_BYTES_NONE;
	size_t used = 0;
	qsp_err e = qsp_conn_recv(d->conn, qsp_drive_now(d->pool->loop), buf + *at, n - *at, &used,
				  &data);

	*at += used;
	qsp_drive_shape_got(d, used, data.n);
	qsp_drive_io_report(d);
	if (!deliver(d, data)) {
		e = qsp_conn_close(d->conn, QSP_REASON_PROTOCOL_ERROR, "bad channel message");
		qsp_drive_finish(d, e ? e : QSP_E_PROTOCOL);
		return false;
	}
	if (d->freed)
		return false;
	if (d->state == QSP_DRIVE_SINK)
		return false;
	if (e) {
		qsp_drive_finish(d, e);
		return false;
	}
	return used != 0 && !is_stalled(d);
}

/* buf[0..n), in the pool's buffer, goes through the engine; what is left is kept. */
static void
take(struct qsp_drive *d, uint8_t *buf, size_t n)
{
	size_t at = 0;

	while (at < n && d->state == QSP_DRIVE_RUNNING &&
	       (qsp_conn_wants(d->conn) & QSP_WANT_INPUT)) {
		if (!take_once(d, buf, n, &at))
			break;
	}
	if (d->state == QSP_DRIVE_RUNNING && !d->freed)
		keep(d, buf + at, n - at);
}

void
qsp_drive_io_resume(struct qsp_drive *d)
{
	size_t n = d->rest_n;

	if (n == 0 || d->freed || d->state != QSP_DRIVE_RUNNING ||
	    !(qsp_conn_wants(d->conn) & QSP_WANT_INPUT))
		return;
	memcpy(d->pool->in, d->rest, n);
	take(d, d->pool->in, n);
}

/* The peer has ended, or the socket failed (then errno says how). */
static void
ended(struct qsp_drive *d, bool failed)
{
	qsp_err e;

	d->eof = true;
	if (failed) {
		d->sys_errno = errno;
		d->deaf = true;
	}
	if (d->state == QSP_DRIVE_SINK || d->state == QSP_DRIVE_DRAINING) {
		qsp_drive_over(d);
		return;
	}
	if (d->state != QSP_DRIVE_RUNNING)
		return;
	e = qsp_conn_recv_eof(d->conn);
	qsp_drive_finish(d, failed && e ? QSP_E_IO : e);
}

bool
qsp_drive_io_may_read(const struct qsp_drive *d)
{
	if (d->eof || d->freed || d->state == QSP_DRIVE_OVER)
		return false;
	if (d->state != QSP_DRIVE_RUNNING)
		return true;
	/* acknowledgements are heard even where the output waits for them */
	return (qsp_conn_wants(d->conn) & QSP_WANT_INPUT) &&
	       (qsp_mux_backlog(d->mux) <= BACKLOG_MAX || qsp_drive_line_room(d) == 0);
}

void
qsp_drive_io_read(struct qsp_drive *d)
{
	for (int i = 0; i < ROUNDS && qsp_drive_io_may_read(d); i++) {
		size_t had = d->rest_n, room = QSP_DRIVE_IN_CAP - had;
		uint8_t *in = d->pool->in;
		ssize_t n = recv(d->fd, in + had, room, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			ended(d, n < 0);
			return;
		}
		if (d->state == QSP_DRIVE_RUNNING) { /* else read to be dropped */
			if (had)
				memcpy(in, d->rest, had);
			take(d, in, had + (size_t)n);
		}
		if ((size_t)n < room)
			return;
	}
	if (d->in_clock)
		qsp_drive_clock_again(d);
}

/*
 * Bytes to the socket; false where it takes no more now. After an error nobody hears us, but what
 * the peer said before can still be read: it tells why.
 */
static bool
send_bytes(struct qsp_drive *d, const uint8_t *p, size_t n, size_t *sent)
{
	*sent = 0;
	while (*sent < n && !d->deaf) {
		ssize_t r = send(d->fd, p + *sent, n - *sent, MSG_NOSIGNAL);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno == EAGAIN)
			return false;
		if (r < 0) {
			d->deaf = true;
			d->sys_errno = errno;
			break;
		}
		*sent += (size_t)r;
	}
	return true;
}

/* What an earlier write left over. The borrowed buffer goes back, or away where the pool has got
 * another by now. */
static bool
send_unsent(struct qsp_drive *d)
{
	size_t sent;

	if (!d->unsent)
		return true;
	if (!send_bytes(d, d->unsent + d->unsent_at, d->unsent_n - d->unsent_at, &sent)) {
		d->unsent_at += sent;
		return false;
	}
	if (d->pool->out)
		free(d->unsent);
	else
		d->pool->out = d->unsent;
	d->unsent = NULL;
	return true;
}

/* The piece of the channels' output that may leave now. */
static struct qsp_bytes
sendable(struct qsp_drive *d)
{
	struct qsp_bytes data = QSP_BYTES_NONE;
	size_t room;

	qsp_drive_line_follow(d);
	if (d->state != QSP_DRIVE_RUNNING || !(qsp_conn_wants(d->conn) & QSP_CAN_SEND))
		return data;
	data = qsp_mux_output(d->mux);
	room = qsp_drive_line_room(d);
	data.n = data.n < room ? data.n : room;
	return data;
}

qsp_err
qsp_drive_io_seal(struct qsp_drive *d, uint8_t *buf, size_t cap, size_t least, size_t *n)
{
	struct qsp_now now = qsp_drive_now(d->pool->loop);
	struct qsp_bytes data = sendable(d);
	size_t used, more, offered;
	qsp_err e;

	*n = 0;
	do {
		offered = data.n;
		e = qsp_conn_output(d->conn, now, data, &used, buf + *n, cap - *n, &more);
		*n += more;
		if (used) {
			qsp_mux_sent(d->mux, used);
			qsp_drive_tidy_later(d, used);
			d->owe_room = true;
		}
		data = sendable(d);
	} while (!e && used && used == offered && data.n && cap - *n >= least);
	return e;
}

/* One buffer of records to the socket: true where another round may have more. */
static bool
write_once(struct qsp_drive *d)
{
	struct qsp_drive_pool *p = d->pool;
	struct qsp_bytes data;
	size_t n = 0, sent;
	qsp_err e;

	if (!send_unsent(d))
		return false;
	data = sendable(d);
	if (!qsp_drive_shape_may_write(d) || (!(qsp_conn_wants(d->conn) & QSP_WANT_OUTPUT) &&
					      data.n == 0 && !qsp_drive_shape_is_due(d)))
		return false;
	if (!p->out && !(p->out = malloc(QSP_DRIVE_OUT_CAP))) {
		qsp_drive_finish(d, QSP_E_NOMEM);
		return false;
	}
	e = qsp_drive_io_seal(d, p->out, QSP_DRIVE_OUT_CAP, QSP_OUTPUT_MIN, &n);
	if (!e)
		n = qsp_drive_shape_fill(d, p->out, n, QSP_DRIVE_OUT_CAP);
	if (n && !send_bytes(d, p->out, n, &sent)) {
		d->unsent = p->out;
		d->unsent_at = sent;
		d->unsent_n = n;
		p->out = NULL;
	}
	if (e)
		qsp_drive_finish(d, e);
	return !e && n != 0 && !d->unsent;
}

/* In stealth the socket is the pacer's. */
static void
write_slots(struct qsp_drive *d)
{
	qsp_drive_shape_slots(d);
	if (d->owe_room && is_live(d) && qsp_mux_waiting(d->mux) <= d->output_max / 2) {
		d->owe_room = false;
		d->ops->room(d->arg);
	}
}

/* Writes what there is, and lets the application bring more as long as the socket takes it. */
void
qsp_drive_io_write(struct qsp_drive *d)
{
	for (int i = 0; i < ROUNDS && !d->freed && d->state != QSP_DRIVE_DETACHED; i++) {
		bool more;

		qsp_drive_shape_follow(d);
		if (qsp_drive_shape_is_stealth(d) && !d->unsent) {
			write_slots(d);
			return;
		}
		more = write_once(d);
		if (d->owe_room && !d->unsent && is_live(d) &&
		    qsp_mux_waiting(d->mux) <= d->output_max / 2) {
			d->owe_room = false;
			d->ops->room(d->arg);
			if (d->freed)
				return;
			more = more || qsp_mux_waiting(d->mux) != 0;
		}
		if (!more)
			return;
	}
	qsp_drive_pool_add(d); /* there may be more: next turn */
}
