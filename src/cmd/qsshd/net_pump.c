/* SPDX-License-Identifier: ISC */
/*
 * Bytes between a channel and its child. Reading goes straight into the mux's output, writing
 * straight from the received data; only what a pipe refuses is copied, and the channel's window bounds it.
 */
#include "cmd/qsshd/net.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_MAX (128 * 1024)
#define ROUNDS 4

static void
on_closed(uv_handle_t *h)
{
	free(h);
}

void
qsp_net_pump_stop(struct qsp_net_pump *p)
{
	if (p->poll != NULL) {
		uv_close((uv_handle_t *)p->poll, on_closed);
		p->poll = NULL;
		close(p->fd);
		p->fd = -1;
	}
	free(p->queue);
	p->queue = NULL;
	p->at = p->n = p->cap = 0;
	p->eof = true;
	p->polling = false;
	qsp_turns_leave(&p->ch->c->turns, &p->turn);
}

static struct qsp_mux *
mux_of(struct qsp_net_pump *p)
{
	return qsp_drive_mux(p->ch->c->drive);
}

static void on_poll(uv_poll_t *h, int status, int events);

/* A pump polls for one kind of event only. */
static void
poll_for(struct qsp_net_pump *p, int events)
{
	bool on = events != 0;

	if (p->poll == NULL || p->polling == on)
		return;
	p->polling = on;
	if (on)
		(void)uv_poll_start(p->poll, events, on_poll);
	else
		(void)uv_poll_stop(p->poll);
}

static void
on_turn(struct qsp_turn *t)
{
	qsp_net_pump_read((struct qsp_net_pump *)t);
}

void
qsp_net_pump_start(struct qsp_net_channel *ch, struct qsp_net_pump *p, int fd, uint32_t code)
{
	p->ch = ch;
	p->turn.serve = on_turn;
	p->fd = fd;
	p->code = code;
	p->eof = false;
	p->poll = malloc(sizeof(*p->poll));
	if (p->poll == NULL || uv_poll_init(&ch->c->w->loop, p->poll, fd) != 0) {
		free(p->poll);
		p->poll = NULL;
		close(fd);
		p->fd = -1;
		p->eof = true;
		return;
	}
	p->poll->data = p;
	if (p->n > p->at)
		poll_for(p, UV_WRITABLE);
}

/* --- child to peer -------------------------------------------------------------------------- */

/* One read into the mux; false where there is no more to do now. */
static bool
read_once(struct qsp_net_pump *p)
{
	struct qsp_mux *m = mux_of(p);
	size_t room;
	uint8_t *to = qsp_turns_begin(&p->ch->c->turns, &p->turn, m, p->ch->id, p->code, &room);
	ssize_t n;
	int e;

	if (to == NULL) {
		poll_for(p, 0); /* until room or window come */
		return false;
	}
	n = read(p->fd, to, room < READ_MAX ? room : READ_MAX);
	e = errno;
	qsp_mux_data_commit(m, n > 0 ? (size_t)n : 0);
	if (n > 0)
		return true;
	if (n < 0 && e == EINTR)
		return true;
	if (n < 0 && (e == EAGAIN || e == EWOULDBLOCK)) {
		p->drained = p->ch->exited;
		poll_for(p, UV_READABLE);
		return false;
	}
	qsp_net_pump_stop(p); /* the end; of a pty it is EIO */
	return false;
}

void
qsp_net_pump_read(struct qsp_net_pump *p)
{
	int i;

	if (p->poll == NULL)
		return;
	for (i = 0; i < ROUNDS && read_once(p); i++)
		;
	if (i == ROUNDS)
		poll_for(p, UV_READABLE);
	qsp_net_channel_settle(p->ch);
	qsp_drive_kick(p->ch->c->drive);
}

/* --- peer to child -------------------------------------------------------------------------- */

static void
consumed(struct qsp_net_pump *p, size_t n)
{
	struct qsp_net_conn *c = p->ch->c;

	if (n > 0 && qsp_mux_consumed(mux_of(p), uv_now(&c->w->loop), p->ch->id, n) == 0)
		qsp_drive_kick(c->drive);
}

/* How much the descriptor took; where nobody reads it any more, all of it goes nowhere. */
static size_t
put(struct qsp_net_pump *p, const uint8_t *data, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t k = write(p->fd, data + done, n - done);

		if (k > 0) {
			done += (size_t)k;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			break;
		} else if (errno != EINTR) {
			p->eof = true;
			return n;
		}
	}
	return done;
}

static bool
keep(struct qsp_net_pump *p, struct qsp_bytes data)
{
	if (p->at > 0 && p->n + data.n > p->cap) {
		memmove(p->queue, p->queue + p->at, p->n - p->at);
		p->n -= p->at;
		p->at = 0;
	}
	if (p->n + data.n > p->cap) {
		size_t cap = (p->n + data.n) * 2;
		uint8_t *q = realloc(p->queue, cap);

		if (q == NULL)
			return false;
		p->queue = q;
		p->cap = cap;
	}
	memcpy(p->queue + p->n, data.p, data.n);
	p->n += data.n;
	return true;
}

static void
broken(struct qsp_net_pump *p)
{
	size_t left = p->n - p->at;

	qsp_net_pump_stop(p);
	consumed(p, left);
}

void
qsp_net_pump_write(struct qsp_net_pump *p, struct qsp_bytes data)
{
	size_t done;

	if (p->eof) {
		consumed(p, data.n); /* the child has closed its input */
		return;
	}
	/* a client may send data right behind its request: it waits for the child */
	done = p->n > p->at || p->poll == NULL ? 0 : put(p, data.p, data.n);
	consumed(p, done);
	if (p->eof) {
		broken(p);
		return;
	}
	if (done == data.n)
		return;
	if (!keep(p, qsp_bytes_from(data, done))) {
		qsp_net_conn_close(p->ch->c, QSP_REASON_INTERNAL_ERROR, "out of memory");
		return;
	}
	poll_for(p, UV_WRITABLE);
}

static void
flush(struct qsp_net_pump *p)
{
	size_t done = put(p, p->queue + p->at, p->n - p->at);

	p->at += done;
	consumed(p, done);
	if (p->eof) {
		broken(p);
		return;
	}
	if (p->at < p->n)
		return;
	free(p->queue);
	p->queue = NULL;
	p->at = p->n = p->cap = 0;
	poll_for(p, 0);
	if (p->ch->peer_eof)
		qsp_net_pump_stop(p);
}

void
qsp_net_pump_finish(struct qsp_net_pump *p)
{
	if (p->n == p->at)
		qsp_net_pump_stop(p);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct qsp_net_pump *p = h->data;

	(void)events;
	if (status < 0) /* met again by read or write; libuv has stopped the handle */
		p->polling = false;
	if (p == &p->ch->in)
		flush(p);
	else
		qsp_net_pump_read(p);
}
