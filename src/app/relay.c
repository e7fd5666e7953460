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
#include "base/mem.h"

#define ROUNDS 4 /* reads a turn, where nobody else waits */
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
	struct qsp_turn turn; /* first */
	struct qsp_relays *all;
	struct qsp_relay *next, **prev;
	uv_poll_t poll;
	struct piece *first, *last;
	uint32_t channel;
	int fd;
	int events;      /* as last asked of poll */
	bool up;         /* the channel is open */
	bool shut;       /* the peer's window is closed */
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

/* The socket ends; so does everything that waits for it. The loop must forget its number first. */
static void
drop_socket(struct qsp_relay *r)
{
	qsp_turns_leave(r->all->turns, &r->turn);
	while (r->first != NULL) {
		struct piece *p = r->first;

		r->first = p->next;
		free(p);
	}
	r->last = NULL;
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
	struct qsp_relays *all = r->all;

	*r->prev = r->next;
	if (r->next != NULL)
		r->next->prev = r->prev;
	all->n--;
	drop_socket(r);
	r->freed = true;
	if (r->poll_closed)
		free(r);
	if (all->gone != NULL)
		all->gone(all->arg);
}

void
qsp_relay_free_all(struct qsp_relays *all)
{
	while (all->first != NULL)
		qsp_relay_free(all->first);
}

/* An error of the mux is of our house: the connection cannot go on. */
static void
must(struct qsp_relay *r, qsp_err e)
{
	if (!e || r->all->has_failed)
		return;
	r->all->has_failed = true;
	r->all->failed(r->all->arg);
}

static void on_poll(uv_poll_t *h, int status, int events);

static void
arm(struct qsp_relay *r)
{
	bool read = r->up && !r->read_over && !r->shut && !qsp_turns_waits(&r->turn);
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
		must(r, qsp_mux_close(r->all->mux, r->channel));
		drop_socket(r);
	}
	if (r->closed && r->peer_closed)
		qsp_relay_free(r);
	else
		arm(r);
}

/* --- socket to channel ---------------------------------------------------------------------- */

/* One read into the output; false where there is no more to do now. */
static bool
read_once(struct qsp_relay *r)
{
	struct qsp_mux *m = r->all->mux;
	size_t room;
	uint8_t *to = qsp_mux_data_begin(m, r->channel, 0, &room);
	ssize_t n;
	int e;

	if (to == NULL && qsp_mux_is_full(m)) {
		qsp_turns_wait(r->all->turns, &r->turn);
		return false;
	}
	if (to == NULL) {
		r->shut = true;
		return false;
	}
	n = recv(r->fd, to, room, 0);
	e = errno;
	qsp_mux_data_commit(m, n > 0 ? (size_t)n : 0);
	if (n > 0)
		return (size_t)n == room;
	if (n < 0 && (e == EAGAIN || e == EWOULDBLOCK || e == EINTR))
		return false;
	r->read_over = true;
	if (n == 0)
		must(r, qsp_mux_eof(m, r->channel));
	else
		r->write_over = true; /* reset: who was there is gone */
	return false;
}

/* Others wait: then in turn. Else a few reads at once. */
static void
read_some(struct qsp_relay *r)
{
	if (!r->up || r->read_over || qsp_turns_waits(&r->turn))
		return;
	if (r->all->turns->first != NULL) {
		qsp_turns_wait(r->all->turns, &r->turn);
		return;
	}
	for (int i = 0; i < ROUNDS && read_once(r); i++)
		;
}

static void
on_turn(struct qsp_turn *t)
{
	struct qsp_relay *r = (struct qsp_relay *)t;

	if (read_once(r))
		qsp_turns_wait(r->all->turns, t);
	settle(r);
}

/* --- channel to socket ---------------------------------------------------------------------- */

static void
consumed(struct qsp_relay *r, size_t n)
{
	if (n > 0)
		must(r, qsp_mux_consumed(r->all->mux, uv_now(r->all->loop), r->channel, n));
}

/* What is kept is dropped: nobody will read it. Data of the other direction may still come. */
static void
write_failed(struct qsp_relay *r)
{
	size_t n = 0;

	r->write_over = true;
	while (r->first != NULL) {
		struct piece *p = r->first;

		n += p->n - p->at;
		r->first = p->next;
		free(p);
	}
	r->last = NULL;
	consumed(r, n);
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

static void
on_data(struct qsp_relay *r, struct qsp_bytes data)
{
	ssize_t n = 0;

	if (r->write_over) {
		consumed(r, data.n);
		return;
	}
	if (r->first == NULL && (n = send(r->fd, data.p, data.n, MSG_NOSIGNAL)) < 0) {
		if (!is_later(n)) {
			consumed(r, data.n);
			write_failed(r);
			return;
		}
		n = 0;
	}
	consumed(r, (size_t)n);
	data = qsp_bytes_from(data, (size_t)n);
	if (data.n > 0 && !keep(r, data))
		must(r, QSP_E_NOMEM);
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

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct qsp_relay *r = h->data;
	struct qsp_relays *all = r->all;

	if (status < 0) /* met again by the call that it concerns */
		events = r->events;
	if ((events & UV_WRITABLE) && r->first != NULL)
		flush(r);
	if (events & UV_READABLE)
		read_some(r);
	settle(r);
	all->moved(all->arg);
}

struct qsp_relay *
qsp_relay_new(struct qsp_relays *all, int fd)
{
	struct qsp_relay *r = calloc(1, sizeof(*r));

	if (r == NULL || uv_poll_init(all->loop, &r->poll, fd) != 0) {
		free(r);
		close(fd);
		return NULL;
	}
	r->poll.data = r;
	r->turn.serve = on_turn;
	r->all = all;
	r->fd = fd;
	r->next = all->first;
	if (r->next != NULL)
		r->next->prev = &r->next;
	r->prev = &all->first;
	all->first = r;
	all->n++;
	return r;
}

void
qsp_relay_start(struct qsp_relay *r, uint32_t channel)
{
	r->channel = channel;
	r->up = true;
	arm(r);
}

void
qsp_relay_event(struct qsp_relay *r, const struct qsp_mux_event *ev)
{
	switch (ev->type) {
	case QSP_MUX_DATA:
		if (ev->code == 0)
			on_data(r, ev->body);
		else
			consumed(r, ev->body.n); /* a socket has one stream */
		break;
	case QSP_MUX_WINDOW:
		if (!r->shut)
			return;
		r->shut = false;
		read_some(r);
		break;
	case QSP_MUX_EOF: r->peer_eof = true; break;
	case QSP_MUX_CLOSE:
		r->peer_closed = r->read_over = true;
		qsp_turns_leave(r->all->turns, &r->turn);
		break;
	case QSP_MUX_REQUEST:
		if (ev->want_reply)
			must(r, qsp_mux_reply(r->all->mux, r->channel, false));
		return;
	default: return;
	}
	settle(r);
}
