/* SPDX-License-Identifier: ISC */
/*
 * Bytes between the channel and the standard descriptors. Input is read straight into the output
 * stream of the channel, output written straight from the buffer it was decrypted in; only what a
 * slow reader leaves is copied, and the channel's window bounds that.
 */
#include "cmd/qssh/qssh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define TYPED_MAX 2048

/* --- input ---------------------------------------------------------------------------------- */

static bool
has_escapes(const struct qsp_qssh *q)
{
	return q->raw && q->cfg.escape_char != QSP_CLIENT_NO_ESCAPE;
}

/* What is typed goes through the escapes: read, then said; the room for it is asked first. */
static ssize_t
read_typed(struct qsp_qssh *q)
{
	struct qsp_mux *m = qsp_drive_mux(q->drive);
	uint8_t in[TYPED_MAX], out[TYPED_MAX + 1];
	size_t room = 0, used, n;
	ssize_t r;

	if (qsp_mux_data_begin(m, q->channel, 0, &room))
		qsp_mux_data_commit(m, 0);
	if (room < 2) {
		errno = ENOBUFS;
		return -1;
	}
	room = room - 1 < TYPED_MAX ? room - 1 : TYPED_MAX;
	r = qsp_stdio_read(&q->in, in, room);
	if (r > 0) {
		n = qsp_qssh_escapes_take(q, in, (size_t)r, out);
		if (n && !q->closing &&
		    qsp_mux_data(m, q->channel, 0, qsp_bytes(out, n), &used) != 0)
			errno = EIO;
	}
	qsp_mem_wipe(in, sizeof(in)); /* passwords are typed too */
	qsp_mem_wipe(out, sizeof(out));
	return r;
}

static ssize_t
read_straight(struct qsp_qssh *q)
{
	struct qsp_mux *m = qsp_drive_mux(q->drive);
	size_t room = 0;
	uint8_t *p = qsp_mux_data_begin(m, q->channel, 0, &room);
	ssize_t r;
	int e;

	if (!p) {
		errno = ENOBUFS;
		return -1;
	}
	r = qsp_stdio_read(&q->in, p, room);
	e = errno;
	qsp_mux_data_commit(m, r > 0 ? (size_t)r : 0);
	errno = e;
	return r;
}

void
qsp_qssh_pump_input(struct qsp_qssh *q)
{
	ssize_t r;

	if (!q->started || q->input_eof || q->channel_closed || q->closing) {
		qsp_stdio_watch(&q->in, false);
		return;
	}
	r = has_escapes(q) ? read_typed(q) : read_straight(q);
	if (r > 0) {
		qsp_stdio_watch(&q->in, !q->closing);
		qsp_drive_kick(q->drive);
	} else if (r < 0 && errno == EAGAIN) {
		qsp_stdio_watch(&q->in, true);
	} else if (r < 0 && errno == ENOBUFS) {
		qsp_stdio_watch(&q->in, false); /* the next room or window calls again */
	} else {
		q->input_eof = true;
		qsp_stdio_watch(&q->in, false);
		(void)!qsp_mux_eof(qsp_drive_mux(q->drive), q->channel);
		qsp_drive_kick(q->drive);
	}
}

static void
on_input(void *arg)
{
	qsp_qssh_pump_input(arg);
}

/* --- output --------------------------------------------------------------------------------- */

static void
consumed(struct qsp_qssh *q, size_t n)
{
	if (n == 0 || q->channel_closed)
		return;
	(void)!qsp_mux_consumed(qsp_drive_mux(q->drive), uv_now(&q->loop), q->channel, n);
	qsp_drive_kick(q->drive);
}

/* As much as the descriptor takes now; what it can never take counts as taken. */
static size_t
write_out(struct qsp_qssh_out *o, const uint8_t *p, size_t n)
{
	size_t done = 0;

	while (done < n && !o->broken) {
		ssize_t r = qsp_stdio_write(&o->io, p + done, n - done);

		if (r < 0 && errno == EAGAIN)
			return done;
		if (r < 0) {
			qsp_qssh_say(QSP_LOG_DEBUG1, "write: %m");
			o->broken = true;
		} else {
			done += (size_t)r;
		}
	}
	return n;
}

/* Nobody reads our output any more: the program over there learns it as it would here. */
static void
tell_broken(struct qsp_qssh *q)
{
	static const uint8_t name[] = { 0, 0, 0, 4, 'P', 'I', 'P', 'E' };
	struct qsp_mux *m = qsp_drive_mux(q->drive);

	if (!q->out.broken || q->channel_closed || q->closing)
		return;
	(void)!qsp_mux_request(m, q->channel, "signal", false, QSP_BYTES_OF(name));
	(void)!qsp_mux_close(m, q->channel);
	qsp_qssh_session_leave(q, QSP_QSSH_FAILED);
}

static void
keep_waiting(struct qsp_qssh_out *o, const uint8_t *p, size_t n)
{
	if (o->wait_at) {
		memmove(o->wait, o->wait + o->wait_at, o->wait_n - o->wait_at);
		o->wait_n -= o->wait_at;
		o->wait_at = 0;
	}
	if (o->wait_cap - o->wait_n < n) {
		size_t cap = (o->wait_n + n) * 2;
		uint8_t *w = realloc(o->wait, cap);

		if (!w) {
			qsp_qssh_say(QSP_LOG_FATAL, "qssh: out of memory");
			o->broken = true;
			return;
		}
		o->wait = w;
		o->wait_cap = cap;
	}
	memcpy(o->wait + o->wait_n, p, n);
	o->wait_n += n;
}

void
qsp_qssh_pump_output(struct qsp_qssh *q, const struct qsp_mux_event *ev)
{
	struct qsp_qssh_out *o = ev->code == QSP_MUX_STDERR ? &q->err : &q->out;
	size_t done = 0;

	if (o->wait_n == o->wait_at)
		done = write_out(o, ev->body.p, ev->body.n);
	if (done < ev->body.n) {
		keep_waiting(o, ev->body.p + done, ev->body.n - done);
		qsp_stdio_watch(&o->io, true);
	}
	consumed(q, done);
	tell_broken(q);
}

static void
on_output(void *arg)
{
	struct qsp_qssh_out *o = arg;
	struct qsp_qssh *q = o->q;
	size_t done = write_out(o, o->wait + o->wait_at, o->wait_n - o->wait_at);

	o->wait_at += done;
	if (o->wait_at == o->wait_n) {
		o->wait_at = o->wait_n = 0;
		qsp_stdio_watch(&o->io, false);
	}
	consumed(q, done);
	tell_broken(q);
	qsp_qssh_session_settle(q);
}

/* --- all of it ------------------------------------------------------------------------------ */

qsp_err
qsp_qssh_pump_start(struct qsp_qssh *q)
{
	qsp_err e;

	q->out.q = q->err.q = q;
	e = qsp_stdio_init(&q->in, &q->loop, STDIN_FILENO, false, on_input, q);
	if (!e)
		e = qsp_stdio_init(&q->out.io, &q->loop, STDOUT_FILENO, true, on_output, &q->out);
	if (!e)
		e = qsp_stdio_init(&q->err.io, &q->loop, STDERR_FILENO, true, on_output, &q->err);
	return e;
}

void
qsp_qssh_pump_start_input(struct qsp_qssh *q)
{
	q->started = true;
	if (q->cfg.stdin_null == QSP_CLIENT_YES) {
		q->input_eof = true;
		(void)!qsp_mux_eof(qsp_drive_mux(q->drive), q->channel);
		qsp_drive_kick(q->drive);
		return;
	}
	qsp_stdio_watch(&q->in, true);
}

void
qsp_qssh_pump_stop(struct qsp_qssh *q)
{
	qsp_stdio_close(&q->in);
	qsp_stdio_close(&q->out.io);
	qsp_stdio_close(&q->err.io);
	free(q->out.wait);
	free(q->err.wait);
	q->out.wait = q->err.wait = NULL;
	q->out.wait_n = q->out.wait_at = q->err.wait_n = q->err.wait_at = 0;
}

bool
qsp_qssh_pump_is_dry(const struct qsp_qssh *q)
{
	return q->out.wait_n == q->out.wait_at && q->err.wait_n == q->err.wait_at;
}
