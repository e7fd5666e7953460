/* SPDX-License-Identifier: ISC */
/*
 * Bytes between a channel and descriptors. Input is read straight into the output stream of the
 * channel, output written straight from the buffer it was decrypted in; only what a slow reader
 * leaves is copied, and the channel's window bounds that.
 */
#include "cmd/qssh/qssh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define TYPED_MAX 2048

/* --- input ---------------------------------------------------------------------------------- */

/* What is typed goes through the filter: read, then said; the room for it is asked first. */
static ssize_t
read_typed(struct qsp_qssh_pump *p)
{
	uint8_t in[TYPED_MAX], out[TYPED_MAX + 1], *to;
	size_t room = 0, n;
	ssize_t r;

	if (qsp_qssh_channel_begin(p->ch, 0, &room))
		qsp_qssh_channel_commit(p->ch, 0);
	if (room < 2) {
		errno = ENOBUFS;
		return -1;
	}
	room = room - 1 < TYPED_MAX ? room - 1 : TYPED_MAX;
	r = qsp_stdio_read(&p->in, in, room);
	if (r > 0) {
		n = p->ops->filter(p->arg, in, (size_t)r, out);
		to = n ? qsp_qssh_channel_begin(p->ch, 0, &room) : NULL;
		if (to && n <= room) {
			memcpy(to, out, n);
			qsp_qssh_channel_commit(p->ch, n);
		} else if (to) {
			qsp_qssh_channel_commit(p->ch, 0);
		}
	}
	qsp_mem_wipe(in, sizeof(in)); /* passwords are typed too */
	qsp_mem_wipe(out, sizeof(out));
	return r;
}

static ssize_t
read_straight(struct qsp_qssh_pump *p)
{
	size_t room = 0;
	uint8_t *to = qsp_qssh_channel_begin(p->ch, 0, &room);
	ssize_t r;
	int e;

	if (!to) {
		errno = ENOBUFS;
		return -1;
	}
	r = qsp_stdio_read(&p->in, to, room);
	e = errno;
	qsp_qssh_channel_commit(p->ch, r > 0 ? (size_t)r : 0);
	errno = e;
	return r;
}

void
qsp_qssh_pump_input(struct qsp_qssh_pump *p)
{
	ssize_t r;

	if (!p->started || p->input_eof || p->paused || !p->ch->up || p->ch->closing) {
		qsp_stdio_watch(&p->in, false);
		return;
	}
	r = p->typed ? read_typed(p) : read_straight(p);
	if (r > 0 || (r < 0 && errno == EAGAIN)) {
		/* the filter may have paused or finished */
		qsp_stdio_watch(&p->in, !p->paused && !p->input_eof);
	} else if (r < 0 && errno == ENOBUFS) {
		qsp_stdio_watch(&p->in, false); /* room will call again */
	} else {
		p->input_eof = true;
		qsp_stdio_watch(&p->in, false);
		qsp_qssh_channel_eof(p->ch);
	}
}

static void
on_input(void *arg)
{
	qsp_qssh_pump_input(arg);
}

/* --- output --------------------------------------------------------------------------------- */

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
			/* a reader that has gone knows why; of a full disk nobody else tells */
			qsp_qssh_say(errno == EPIPE ? QSP_LOG_DEBUG1 : QSP_LOG_ERROR,
				     "qssh: writing the output: %m");
			o->broken = true;
		} else {
			done += (size_t)r;
		}
	}
	return n;
}

/* Nobody reads our output any more: said once. */
static void
tell_broken(struct qsp_qssh_pump *p)
{
	if (!p->out.broken || p->told_broken)
		return;
	p->told_broken = true;
	p->ops->broken(p->arg);
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
qsp_qssh_pump_output(struct qsp_qssh_pump *p, uint32_t code, struct qsp_bytes data)
{
	struct qsp_qssh_out *o = code == QSP_MUX_STDERR ? &p->err : &p->out;
	size_t done = 0;

	if (o->wait_n == o->wait_at)
		done = write_out(o, data.p, data.n);
	if (done < data.n) {
		keep_waiting(o, data.p + done, data.n - done);
		qsp_stdio_watch(&o->io, true);
	}
	qsp_qssh_channel_consumed(p->ch, done);
	tell_broken(p);
}

static void
on_output(void *arg)
{
	struct qsp_qssh_out *o = arg;
	struct qsp_qssh_pump *p = o->pump;
	size_t done = write_out(o, o->wait + o->wait_at, o->wait_n - o->wait_at);

	o->wait_at += done;
	if (o->wait_at == o->wait_n) {
		o->wait_at = o->wait_n = 0;
		qsp_stdio_watch(&o->io, false);
	}
	qsp_qssh_channel_consumed(p->ch, done);
	tell_broken(p);
	if (qsp_qssh_pump_is_dry(p))
		p->ops->dry(p->arg);
}

/* --- all of it ------------------------------------------------------------------------------ */

qsp_err
qsp_qssh_pump_init(struct qsp_qssh_pump *p, uv_loop_t *loop, const int fd[3])
{
	qsp_err e;

	p->out.pump = p->err.pump = p;
	e = qsp_stdio_init(&p->in, loop, fd[0], false, on_input, p);
	if (!e)
		e = qsp_stdio_init(&p->out.io, loop, fd[1], true, on_output, &p->out);
	if (!e && fd[2] >= 0)
		e = qsp_stdio_init(&p->err.io, loop, fd[2], true, on_output, &p->err);
	p->err.broken = fd[2] < 0;
	if (e)
		qsp_qssh_pump_stop(p);
	return e;
}

void
qsp_qssh_pump_start(struct qsp_qssh_pump *p, bool null)
{
	p->started = true;
	p->input_eof = null;
	if (null)
		qsp_qssh_channel_eof(p->ch);
	else
		qsp_stdio_watch(&p->in, true);
}

void
qsp_qssh_pump_pause(struct qsp_qssh_pump *p, bool pause)
{
	p->paused = pause;
	qsp_stdio_watch(&p->in, p->started && !pause && !p->input_eof);
}

void
qsp_qssh_pump_finish(struct qsp_qssh_pump *p)
{
	p->input_eof = true;
	qsp_stdio_watch(&p->in, false);
}

void
qsp_qssh_pump_close_output(struct qsp_qssh_pump *p)
{
	qsp_stdio_close(&p->out.io);
	p->out.broken = p->told_broken = true;
}

void
qsp_qssh_pump_stop(struct qsp_qssh_pump *p)
{
	struct qsp_qssh_out *outs[] = { &p->out, &p->err };

	p->told_broken = true;
	qsp_stdio_close(&p->in);
	for (int i = 0; i < 2; i++) {
		qsp_stdio_close(&outs[i]->io);
		free(outs[i]->wait);
		outs[i]->wait = NULL;
		outs[i]->wait_n = outs[i]->wait_at = 0;
		outs[i]->broken = true;
	}
}

bool
qsp_qssh_pump_is_dry(const struct qsp_qssh_pump *p)
{
	return p->out.wait_n == p->out.wait_at && p->err.wait_n == p->err.wait_at;
}
