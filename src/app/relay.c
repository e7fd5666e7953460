/* SPDX-License-Identifier: ISC */
/*
 * A socket and a channel. One poll handle serves both directions and asks only for what can be used:
 * a relay that waits for its peer's window, or for room in the output, is not polled and costs nothing.
 */
#include "app/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"

#define ROUNDS 4 /* reads a turn */
#define PIECES 8 /* of what is kept, in one write */
#define PIECE_MIN 1024
#define PIECE_MAX (64 * 1024)

/* What the socket did not take, in the order it came. */
struct piece {
	struct piece *next;
	size_t at, n, cap;
	uint8_t data[];
};

struct qsp_relay {
	const struct qsp_relay_ops *ops;
	void *arg;
	uv_poll_t poll;
	struct piece *first, *last;
	int fd;
	int events;      /* as last asked of poll */
	bool up;         /* the channel is open */
	bool waits;      /* for room */
	bool read_over;  /* nothing more comes from the socket */
	bool write_over; /* nothing more goes to it */
	bool peer_eof, peer_closed, closed;
	bool poll_closed, freed; /* memory goes with the second */
};

static void
on_poll_closed(uv_handle_t *h)
{
	struct qsp_relay *r = h->data;

	r->poll_closed = true;
	if (r->freed)
		free(r);
}

/* Drops what is kept; how much it was. */
static size_t
drop_pieces(struct qsp_relay *r)
{
	size_t n = 0;

	while (r->first != NULL) {
		struct piece *p = r->first;

		n += p->n - p->at;
		r->first = p->next;
		free(p);
	}
	r->last = NULL;
	return n;
}

/* The socket ends. The loop must forget its number first. */
static void
drop_socket(struct qsp_relay *r)
{
	(void)drop_pieces(r);
	r->read_over = r->write_over = true;
	if (r->fd < 0)
		return;
	uv_close((uv_handle_t *)&r->poll, on_poll_closed);
	close(r->fd);
	r->fd = -1;
}

void
qsp_relay_free(struct qsp_relay *r)
{
	drop_socket(r);
	r->freed = true;
	if (r->poll_closed)
		free(r);
}

static void on_poll(uv_poll_t *h, int status, int events);

static void
arm(struct qsp_relay *r)
{
	bool read = r->up && !r->read_over && !r->waits;
	int events = (read ? UV_READABLE : 0) | (r->first != NULL ? UV_WRITABLE : 0);

	if (events == r->events || r->fd < 0)
		return;
	r->events = events;
	if (events != 0)
		(void)uv_poll_start(&r->poll, events, on_poll);
	else
		(void)uv_poll_stop(&r->poll);
}

/* Does what has become possible, and frees the relay where nothing is left: the last call on it. */
static void
settle(struct qsp_relay *r)
{
	if (r->peer_eof && r->first == NULL && !r->write_over) {
		(void)shutdown(r->fd, SHUT_WR);
		r->write_over = true;
	}
	if (!r->closed &&
	    ((r->read_over && r->write_over) || (r->peer_closed && r->first == NULL))) {
		r->closed = true;
		drop_socket(r);
		r->ops->close(r->arg);
	}
	if (r->closed && r->peer_closed) {
		r->ops->gone(r->arg);
		qsp_relay_free(r);
		return;
	}
	arm(r);
}

/* --- socket to channel ---------------------------------------------------------------------- */

/* One read into the output; false where there is no more to do now. */
static bool
read_once(struct qsp_relay *r)
{
	size_t room;
	uint8_t *to = r->ops->begin(r->arg, &room);
	ssize_t n;
	int e;

	r->waits = to == NULL;
	if (to == NULL)
		return false;
	n = recv(r->fd, to, room, 0);
	e = errno;
	r->ops->commit(r->arg, n > 0 ? (size_t)n : 0);
	if (n > 0)
		return (size_t)n == room;
	if (n < 0 && (e == EAGAIN || e == EWOULDBLOCK || e == EINTR))
		return false;
	r->read_over = true;
	if (n == 0)
		r->ops->eof(r->arg);
	else
		r->write_over = true; /* reset: who was there is gone */
	return false;
}

static void
read_some(struct qsp_relay *r)
{
	for (int i = 0; i < ROUNDS && r->up && !r->read_over && read_once(r); i++)
		;
}

void
qsp_relay_room(struct qsp_relay *r)
{
	r->waits = false;
	read_some(r);
	settle(r);
}

/* --- channel to socket ---------------------------------------------------------------------- */

static void
consumed(struct qsp_relay *r, size_t n)
{
	if (n > 0)
		r->ops->consumed(r->arg, n);
}

/* Nobody will read what is kept. Data of the other direction may still come. */
static void
write_failed(struct qsp_relay *r)
{
	r->write_over = true;
	consumed(r, drop_pieces(r));
}

static bool
is_later(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

/* Behind what is kept already; pieces are filled before new ones are made. */
static bool
keep(struct qsp_relay *r, struct qsp_bytes data)
{
	struct piece *p = r->last;
	size_t n = p != NULL ? p->cap - p->n : 0, cap;

	n = n < data.n ? n : data.n;
	if (n > 0) {
		memcpy(p->data + p->n, data.p, n);
		p->n += n;
		data = qsp_bytes_from(data, n);
	}
	if (data.n == 0)
		return true;
	cap = p != NULL ? 2 * p->cap : PIECE_MIN;
	cap = cap < PIECE_MAX ? cap : PIECE_MAX;
	cap = cap > data.n ? cap : data.n;
	if ((p = malloc(sizeof(*p) + cap)) == NULL)
		return false;
	p->next = NULL;
	p->at = 0;
	p->n = data.n;
	p->cap = cap;
	memcpy(p->data, data.p, data.n);
	if (r->last != NULL)
		r->last->next = p;
	else
		r->first = p;
	r->last = p;
	return true;
}

void
qsp_relay_data(struct qsp_relay *r, struct qsp_bytes data)
{
	ssize_t n = 0;

	if (!r->write_over && r->first == NULL) {
		n = send(r->fd, data.p, data.n, MSG_NOSIGNAL);
		r->write_over = n < 0 && !is_later(n);
		n = n > 0 ? n : 0;
	}
	if (r->write_over)
		n = (ssize_t)data.n; /* to nowhere */
	consumed(r, (size_t)n);
	data = qsp_bytes_from(data, (size_t)n);
	if (data.n > 0 && !keep(r, data))
		r->ops->failed(r->arg);
	settle(r);
}

/* Takes n bytes off the front of what is kept. */
static void
written(struct qsp_relay *r, size_t n)
{
	consumed(r, n);
	while (n > 0) {
		struct piece *p = r->first;
		size_t k = p->n - p->at;

		if (n < k) {
			p->at += n;
			return;
		}
		n -= k;
		r->first = p->next;
		free(p);
	}
	if (r->first == NULL)
		r->last = NULL;
}

static void
flush(struct qsp_relay *r)
{
	struct iovec iov[PIECES];
	struct msghdr h = { .msg_iov = iov };
	ssize_t n;

	for (struct piece *p = r->first; p != NULL && h.msg_iovlen < PIECES; p = p->next)
		iov[h.msg_iovlen++] = (struct iovec){ p->data + p->at, p->n - p->at };
	n = sendmsg(r->fd, &h, MSG_NOSIGNAL);
	if (n >= 0)
		written(r, (size_t)n);
	else if (!is_later(n))
		write_failed(r);
}

/* --- events --------------------------------------------------------------------------------- */

void
qsp_relay_eof(struct qsp_relay *r)
{
	r->peer_eof = true;
	settle(r);
}

void
qsp_relay_closed(struct qsp_relay *r)
{
	r->peer_closed = r->read_over = true;
	settle(r);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct qsp_relay *r = h->data;

	if (status < 0) { /* met again by the call that it concerns; libuv has stopped the handle */
		events = r->events;
		r->events = 0;
	}
	if ((events & UV_WRITABLE) && r->first != NULL)
		flush(r);
	if (events & UV_READABLE)
		read_some(r);
	settle(r);
}

struct qsp_relay *
qsp_relay_new(uv_loop_t *loop, int fd, const struct qsp_relay_ops *ops, void *arg)
{
	struct qsp_relay *r = calloc(1, sizeof(*r));

	if (r == NULL || uv_poll_init(loop, &r->poll, fd) != 0) {
		free(r);
		close(fd);
		return NULL;
	}
	r->poll.data = r;
	r->ops = ops;
	r->arg = arg;
	r->fd = fd;
	return r;
}

void
qsp_relay_start(struct qsp_relay *r)
{
	r->up = true;
	arm(r);
}
