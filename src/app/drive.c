/* SPDX-License-Identifier: ISC */
/*
 * A drive's life. Everything happens in qsp_drive_run, which the poll handle, the timer and the
 * pool's list of kicked drives call; it moves what can move, a few large reads and writes at most,
 * and then arranges what wakes it next.
 *
 * The end has two steps: what is left to say is written and the write side shut down; then the
 * peer's bytes are read and dropped until it closes too. A close with unread input would send RST,
 * which may overtake our last bytes and rob the peer of the reason.
 */
#include "app/drive_clock.h"
#include "app/drive_impl.h"
#include "app/drive_linger.h"
#include "app/drive_shape.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "proto/conn.h"
#include "sys/wake.h"

#define LINGER_MS 1000 /* for the last bytes, where nobody said */

struct qsp_now
qsp_drive_now(const uv_loop_t *loop)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (struct qsp_now){
		.mono = uv_now(loop),
		.wall = (qsp_time)ts.tv_sec * 1000 + (qsp_time)ts.tv_nsec / 1000000,
	};
}

/* --- the end -------------------------------------------------------------------------------- */

static void
on_closed(uv_handle_t *h)
{
	struct qsp_drive *d = h->data;

	if (--d->handles == 0 && d->freed)
		qsp_mem_free(d);
}

void
qsp_drive_retire(struct qsp_drive *d)
{
	if (d->state == QSP_DRIVE_OVER)
		return;
	d->state = QSP_DRIVE_OVER;
	qsp_drive_pool_remove(d);
	qsp_drive_shape_free(d);
	qsp_drive_line_unwatch(d);
	uv_close((uv_handle_t *)&d->timer, on_closed);
	if (d->fd >= 0)
		close(d->fd);
	qsp_drive_io_drop(d);
	free(d->unsent);
	d->unsent = NULL;
}

void
qsp_drive_over(struct qsp_drive *d)
{
	if (d->state == QSP_DRIVE_OVER || d->freed)
		return;
	qsp_drive_retire(d);
	d->ops->closed(d->arg, d->err);
}

static void
linger(struct qsp_drive *d, unsigned ms)
{
	qsp_time at = uv_now(d->pool->loop) + ms;

	if (at < d->linger_at)
		d->linger_at = at;
}

void
qsp_drive_finish(struct qsp_drive *d, qsp_err e)
{
	uint16_t reason;
	struct qsp_bytes text;
	bool authenticated;

	if (d->state != QSP_DRIVE_RUNNING || qsp_drive_line_lost(d, e))
		return;
	if (e == QSP_E_CLOSED && qsp_conn_peer_close(d->conn, &reason, &text, &authenticated) &&
	    reason == QSP_REASON_NORMAL)
		e = 0;
	d->err = d->closing && d->reason == QSP_REASON_NORMAL ? 0 : e;
	d->state = QSP_DRIVE_FLUSHING;
	qsp_drive_io_drop(d);
	linger(d, LINGER_MS);
}

static bool
is_flushed(const struct qsp_drive *d)
{
	return d->deaf || (!d->unsent && !(qsp_conn_wants(d->conn) & QSP_WANT_OUTPUT));
}

/* CLOSE takes the place of whatever still waits. */
static void
close_now(struct qsp_drive *d)
{
	d->err = qsp_conn_close(d->conn, d->reason, d->text);
	if (d->reason == QSP_REASON_NORMAL)
		d->err = 0;
	d->state = QSP_DRIVE_FLUSHING;
	qsp_drive_io_drop(d);
	qsp_drive_io_write(d);
}

/* qsp_drive_close was called: CLOSE follows once what the channels said has left. */
static void
close_in_order(struct qsp_drive *d)
{
	bool open = qsp_conn_wants(d->conn) & QSP_IS_OPEN;

	if (!open || d->deaf || !(qsp_mux_waiting(d->mux) || d->unsent))
		close_now(d);
}

/*
 * For what has not left by now nobody waits. In stealth the wire must not show that [P8.9]: CLOSE
 * goes in its slot all the same, and where slots are left out none is needed to go on with others.
 */
static void
give_up(struct qsp_drive *d)
{
	bool covered = qsp_drive_shape_is_stealth(d) && !d->eof && !d->deaf;

	if (covered && d->state == QSP_DRIVE_RUNNING && d->closing) {
		d->linger_at = uv_now(d->pool->loop) + LINGER_MS;
		close_now(d);
		return;
	}
	if (covered)
		qsp_drive_linger_begin(d);
	qsp_drive_over(d);
}

/* CLOSE goes in its slot, and what follows looks as what went before. */
static void
settle_stealth(struct qsp_drive *d)
{
	if (d->state != QSP_DRIVE_FLUSHING)
		return;
	if (d->deaf || d->eof) {
		qsp_drive_over(d);
	} else if (qsp_drive_shape_has_closed(d)) {
		qsp_drive_linger_begin(d);
		qsp_drive_over(d);
	}
}

/* Moves towards the end where it has begun. */
static void
settle(struct qsp_drive *d)
{
	unsigned w = qsp_conn_wants(d->conn);
	qsp_err e = qsp_conn_error(d->conn);

	if (d->state == QSP_DRIVE_DETACHED) {
		if (d->closing) /* there is nobody to tell */
			qsp_drive_over(d);
		return;
	}
	if (d->state == QSP_DRIVE_SINK && (w & QSP_IS_CLOSED)) {
		qsp_drive_over(d);
		return;
	}
	if (d->state == QSP_DRIVE_RUNNING && (e || (w & QSP_IS_CLOSED)))
		qsp_drive_finish(d, e);
	if (d->state == QSP_DRIVE_RUNNING && d->closing)
		close_in_order(d);
	if (qsp_drive_shape_is_stealth(d)) {
		settle_stealth(d);
		return;
	}
	if (d->state == QSP_DRIVE_FLUSHING && is_flushed(d)) {
		shutdown(d->fd, SHUT_WR);
		d->state = QSP_DRIVE_DRAINING;
		if (d->eof || d->deaf)
			qsp_drive_over(d);
	}
}

/* --- sleep ---------------------------------------------------------------------------------- */

/* How long the machine has slept, looked at once in a millisecond. */
static qsp_time
slept(struct qsp_drive_pool *p)
{
	qsp_time now = uv_now(p->loop);

	if (p->looked != now) {
		p->looked = now;
		p->slept = qsp_wake_slept();
	}
	return p->slept;
}

static void
count_sleep(struct qsp_drive *d)
{
	qsp_time nap = qsp_wake_nap(&d->slept, slept(d->pool));

	if (nap > 0)
		qsp_conn_slept(d->conn, nap);
}

/* --- a turn --------------------------------------------------------------------------------- */

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct qsp_drive *d = h->data;

	if (!d)
		return;
	/* an error is met again by the call that it concerns, after what was received before it; libuv
	 * has stopped the handle */
	if (status < 0) {
		d->events = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	qsp_drive_run(d, events);
}

static void on_timer(uv_timer_t *h);

static void
wake_at(struct qsp_drive *d, qsp_time at)
{
	qsp_time now = uv_now(d->pool->loop);

	if (d->in_clock) {
		qsp_drive_clock_set(d, at);
		return;
	}
	d->timer_at = at;
	/* 0 would come round again before anything is read */
	uv_timer_start(&d->timer, on_timer, at > now ? at - now : 1, 0);
}

static void
watch(struct qsp_drive *d, int events)
{
	if (d->in_clock) {
		qsp_drive_clock_watch(d, events);
		return;
	}
	d->events = events;
	if (!d->poll)
		return;
	if (events)
		uv_poll_start(d->poll, events, on_poll);
	else
		uv_poll_stop(d->poll);
}

/* What wakes us next. A timer that stands too early is left: it fires, and is set anew. */
static void
arm(struct qsp_drive *d)
{
	qsp_time at = d->linger_at;
	int events = d->state == QSP_DRIVE_DETACHED
			     ? 0
			     : (qsp_drive_io_may_read(d) ? UV_READABLE : 0) |
				       (d->unsent && !d->deaf ? UV_WRITABLE : 0);

	if (d->state == QSP_DRIVE_RUNNING || d->state == QSP_DRIVE_SINK) {
		qsp_time t = qsp_conn_deadline(d->conn);

		at = t < at ? t : at;
	}
	if (qsp_drive_shape_deadline(d) < at)
		at = qsp_drive_shape_deadline(d);
	/* only the pacer writes from here on: nothing but input and time wake us */
	if (!d->in_clock && d->poll && !d->unsent && qsp_drive_shape_is_stealth(d))
		(void)!qsp_drive_clock_join(d);
	if (at < d->timer_at)
		wake_at(d, at);
	if (events != d->events)
		watch(d, events);
}

/* The last of the nested calls frees what was freed meanwhile. */
static void
release(struct qsp_drive *d)
{
	if (--d->held > 0 || !d->freed)
		return;
	if (d->lost != d->conn)
		qsp_conn_free(d->lost);
	qsp_conn_free(d->conn);
	qsp_mux_free(d->mux);
	qsp_drive_retire(d);
	if (d->handles == 0)
		qsp_mem_free(d);
}

static bool
is_writing(const struct qsp_drive *d)
{
	return d->state == QSP_DRIVE_RUNNING || d->state == QSP_DRIVE_FLUSHING;
}

/* In the clock: no slot is to be prepared yet, which what has come does not change. */
static bool
is_early(const struct qsp_drive *d)
{
	return d->timer_at > uv_now(d->pool->loop);
}

void
qsp_drive_run(struct qsp_drive *d, int events)
{
	bool slots = d->in_clock;

	if (d->state == QSP_DRIVE_OVER)
		return;
	d->held++;
	count_sleep(d);
	if (d->state == QSP_DRIVE_DETACHED)
		events = 0;
	else
		qsp_drive_io_report(d);
	qsp_drive_io_resume(d);
	/* a slot that is due does not wait for what has come, and takes no answer to it */
	if (slots && is_writing(d) && !(events && is_early(d)))
		qsp_drive_io_write(d);
	if (events & UV_READABLE)
		qsp_drive_io_read(d);
	if (!slots && is_writing(d))
		qsp_drive_io_write(d);
	if (d->state != QSP_DRIVE_DETACHED)
		qsp_drive_io_report(d);
	if (!d->freed && d->state != QSP_DRIVE_OVER)
		settle(d);
	if (!d->freed && d->state != QSP_DRIVE_OVER)
		arm(d);
	release(d);
}

void
qsp_drive_wake(struct qsp_drive *d)
{
	struct qsp_now now = qsp_drive_now(d->pool->loop);

	d->timer_at = UINT64_MAX;
	d->held++;
	count_sleep(d);
	if (now.mono >= d->linger_at) {
		give_up(d);
	} else if (now.mono >= qsp_conn_deadline(d->conn)) {
		qsp_err e = qsp_conn_tick(d->conn, now);

		if (d->state == QSP_DRIVE_SINK)
			qsp_drive_over(d); /* its time was up */
		else if (e)
			qsp_drive_finish(d, e);
	}
	if (!d->freed)
		qsp_drive_run(d, 0);
	release(d);
}

static void
on_timer(uv_timer_t *h)
{
	qsp_drive_wake(h->data);
}

/* --- the face ------------------------------------------------------------------------------- */

qsp_err
qsp_drive_new(struct qsp_drive_pool *p, int fd, struct qsp_conn *conn,
	      const struct qsp_mux_limits *limits, const struct qsp_drive_ops *ops, void *arg,
	      struct qsp_drive **out)
{
	struct qsp_mux_limits defaults = qsp_mux_limits_default();
	struct qsp_drive *d = qsp_mem_alloc(sizeof(*d));
	qsp_err e;

	if (!d)
		return QSP_E_NOMEM;
	limits = limits ? limits : &defaults;
	if ((e = qsp_mux_new(limits, &d->mux)) != 0)
		goto out;
	d->pool = p;
	d->fd = fd;
	if ((e = qsp_drive_line_watch(d)) != 0)
		goto out;
	uv_timer_init(p->loop, &d->timer);
	d->timer.data = d;
	d->conn = conn;
	d->ops = ops;
	d->arg = arg;
	d->handles = 1;
	d->output_max = limits->output_max;
	d->timer_at = d->linger_at = UINT64_MAX;
	d->slept = slept(p);
	qsp_drive_pool_add(d);
	*out = d;
	return 0;
out:
	qsp_mux_free(d->mux);
	qsp_mem_free(d);
	return e;
}

void
qsp_drive_free(struct qsp_drive *d)
{
	if (!d || d->freed)
		return;
	d->freed = true;
	d->held++;
	release(d);
}

struct qsp_conn *
qsp_drive_conn(struct qsp_drive *d)
{
	return d->conn;
}

struct qsp_mux *
qsp_drive_mux(struct qsp_drive *d)
{
	return d->mux;
}

void
qsp_drive_kick(struct qsp_drive *d)
{
	d->again = true;
	qsp_drive_pool_add(d);
}

void
qsp_drive_close(struct qsp_drive *d, enum qsp_reason reason, const char *text, unsigned linger_ms)
{
	if (d->state == QSP_DRIVE_OVER || d->closing)
		return;
	d->closing = true;
	d->reason = reason;
	d->text = text;
	linger(d, linger_ms);
	qsp_drive_pool_add(d);
}

int
qsp_drive_errno(const struct qsp_drive *d)
{
	return d->sys_errno;
}
