/* SPDX-License-Identifier: ISC */
/*
 * A program that connected to a D says where it wants to go. Its bytes are looked at where they lie in
 * the socket and taken as far as the request goes, so that what follows is left for the channel; those of
 * a message that is not whole are all the message's own.
 */
#include "cmd/qssh/forward.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cmd/qssh/qssh.h"

#define PATIENCE_MS 60000 /* for a whole request */

struct qsp_qssh_asker {
	struct qsp_qssh *q;
	struct qsp_qssh_asker *next, **prev;
	struct qsp_socks socks;
	uv_poll_t poll;
	uv_timer_t patience;
	int fd, handles;
	size_t n; /* of a message that is not whole */
	uint8_t in[QSP_SOCKS_MAX];
};

static void
on_closed(uv_handle_t *h)
{
	struct qsp_qssh_asker *a = h->data;

	if (--a->handles == 0)
		free(a);
}

/* The socket is left to the caller. */
static int
end(struct qsp_qssh_asker *a)
{
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
	uv_close((uv_handle_t *)&a->poll, on_closed);
	uv_close((uv_handle_t *)&a->patience, on_closed);
	return a->fd;
}

static void
give_up(struct qsp_qssh_asker *a)
{
	close(end(a));
}

static void
on_patience(uv_timer_t *h)
{
	give_up(h->data);
}

static void
go(struct qsp_qssh_asker *a)
{
	struct qsp_qssh_target to = { .host = a->socks.host, .port = a->socks.port };

	qsp_qssh_tunnel_open(a->q, end(a), &to, &a->socks);
}

/* Takes n bytes that lie in the socket off it; they are known. */
static bool
take(const struct qsp_qssh_asker *a, size_t n)
{
	uint8_t known[QSP_SOCKS_MAX];

	return n == 0 || recv(a->fd, known, n, 0) == (ssize_t)n;
}

static bool
say(const struct qsp_qssh_asker *a, const struct qsp_socks_reply *r)
{
	return r->n == 0 || send(a->fd, r->b, r->n, MSG_NOSIGNAL) == (ssize_t)r->n;
}

static void
on_readable(uv_poll_t *h, int status, int events)
{
	struct qsp_qssh_asker *a = h->data;
	struct qsp_socks_reply reply;
	enum qsp_socks_step step;
	size_t used, had = a->n;
	ssize_t n = status < 0 ? 0 : recv(a->fd, a->in + had, sizeof(a->in) - had, MSG_PEEK);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		give_up(a);
		return;
	}
	step = qsp_socks_take(&a->socks, qsp_bytes(a->in, had + (size_t)n), &used, &reply);
	if (step == QSP_SOCKS_MORE)
		used = a->n = had + (size_t)n;
	else
		a->n = 0;
	/* what was too little before is less than a whole message */
	if (step != QSP_SOCKS_BAD && !take(a, used - had))
		step = QSP_SOCKS_BAD;
	if (!say(a, &reply))
		step = QSP_SOCKS_BAD;
	if (step == QSP_SOCKS_BAD)
		give_up(a);
	else if (step == QSP_SOCKS_ASKED)
		go(a);
}

void
qsp_qssh_socks_begin(struct qsp_qssh *q, int fd)
{
	struct qsp_qssh_asker *a = calloc(1, sizeof(*a));

	if (!a || uv_poll_init(&q->loop, &a->poll, fd) != 0) {
		free(a);
		close(fd);
		return;
	}
	a->q = q;
	a->fd = fd;
	a->handles = 2;
	a->next = q->forwards.askers;
	if (a->next)
		a->next->prev = &a->next;
	a->prev = &q->forwards.askers;
	q->forwards.askers = a;
	uv_timer_init(&q->loop, &a->patience);
	a->poll.data = a->patience.data = a;
	uv_poll_start(&a->poll, UV_READABLE, on_readable);
	uv_timer_start(&a->patience, on_patience, PATIENCE_MS, 0);
}

void
qsp_qssh_socks_end(struct qsp_qssh *q)
{
	while (q->forwards.askers)
		give_up(q->forwards.askers);
}
