/* SPDX-License-Identifier: ISC */
/*
 * A dial has up to three handles at a time (a request of the resolver, a poll, a timer) and is freed when
 * the last of them is gone.
 */
#include "app/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ADDRESS_MS 20000
#define RETRY_MS 20 /* a unix socket whose backlog is full */

struct qsp_dial {
	uv_loop_t *loop;
	qsp_dial_done *done; /* NULL: over */
	void *arg;
	uv_getaddrinfo_t resolver;
	uv_poll_t *poll; /* of this attempt */
	uv_timer_t timer;
	struct addrinfo *list, *at;
	struct sockaddr_un sun;
	struct addrinfo one; /* for a unix socket */
	int fd, last;
	unsigned tries;
	bool resolving, timed;
};

static void
on_timer_closed(uv_handle_t *h)
{
	struct qsp_dial *d = h->data;

	d->timed = false;
	if (!d->resolving)
		free(d);
}

static void
on_poll_closed(uv_handle_t *h)
{
	free(h);
}

static void
stop_poll(struct qsp_dial *d)
{
	if (d->poll != NULL)
		uv_close((uv_handle_t *)d->poll, on_poll_closed);
	d->poll = NULL;
}

/* The last of it is freed once the loop has let go. */
static void
end(struct qsp_dial *d, const char *why)
{
	qsp_dial_done *done = d->done;
	int fd = d->fd;

	d->done = NULL;
	d->fd = -1;
	stop_poll(d);
	if (why != NULL && fd >= 0) {
		close(fd);
		fd = -1;
	}
	if (d->list != NULL)
		uv_freeaddrinfo(d->list);
	d->list = NULL;
	if (d->resolving)
		(void)uv_cancel((uv_req_t *)&d->resolver);
	uv_close((uv_handle_t *)&d->timer, on_timer_closed);
	if (done != NULL)
		done(d->arg, fd, why);
}

static void next(struct qsp_dial *d);

static void
failed(struct qsp_dial *d, int e)
{
	stop_poll(d);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	d->last = e;
	if (d->at != NULL)
		d->at = d->at->ai_next;
	next(d);
}

static void
succeeded(struct qsp_dial *d)
{
	const int one = 1;

	stop_poll(d);
	if (d->at->ai_family != AF_UNIX)
		(void)setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	end(d, NULL);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct qsp_dial *d = h->data;
	int e = 0;
	socklen_t len = sizeof(e);

	(void)status;
	(void)events;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &e, &len) != 0)
		e = errno;
	if (e)
		failed(d, e);
	else
		succeeded(d);
}

static void
on_timer(uv_timer_t *h)
{
	struct qsp_dial *d = h->data;

	if (d->fd < 0 && d->at != NULL && d->at->ai_family == AF_UNIX)
		next(d);
	else
		failed(d, ETIMEDOUT);
}

/* True where the connect is on its way, or waits to be tried again. */
static bool
wait_for(struct qsp_dial *d, int e)
{
	if (e == EAGAIN && d->at->ai_family == AF_UNIX && d->tries++ < ADDRESS_MS / RETRY_MS) {
		close(d->fd);
		d->fd = -1;
		uv_timer_start(&d->timer, on_timer, RETRY_MS, 0);
		return true;
	}
	if (e != EINPROGRESS || (d->poll = malloc(sizeof(*d->poll))) == NULL)
		return false;
	if (uv_poll_init(d->loop, d->poll, d->fd) != 0) {
		free(d->poll);
		d->poll = NULL;
		return false;
	}
	d->poll->data = d;
	uv_poll_start(d->poll, UV_WRITABLE, on_poll);
	uv_timer_start(&d->timer, on_timer, ADDRESS_MS, 0);
	return true;
}

static void
next(struct qsp_dial *d)
{
	for (; d->at != NULL; d->at = d->at->ai_next) {
		d->fd = socket(d->at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (d->fd < 0) {
			d->last = errno;
			continue;
		}
		if (connect(d->fd, d->at->ai_addr, d->at->ai_addrlen) == 0) {
			succeeded(d);
			return;
		}
		d->last = errno;
		if (wait_for(d, d->last))
			return;
		close(d->fd);
		d->fd = -1;
	}
	end(d, strerror(d->last));
}

static void
on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
	struct qsp_dial *d = req->data;

	d->resolving = false;
	if (d->done == NULL) { /* cancelled */
		uv_freeaddrinfo(list);
		if (!d->timed)
			free(d);
		return;
	}
	if (status != 0) {
		end(d, uv_strerror(status));
		return;
	}
	d->list = d->at = list;
	next(d);
}

static void
begin(struct qsp_dial *d, const char *host, uint16_t port, const char *path)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
	char digits[8];

	(void)snprintf(digits, sizeof(digits), "%u", (unsigned)port);
	if (path != NULL) {
		d->sun.sun_family = AF_UNIX;
		d->one.ai_family = AF_UNIX;
		d->one.ai_addr = (struct sockaddr *)&d->sun;
		d->one.ai_addrlen = sizeof(d->sun);
		if (strlen(path) >= sizeof(d->sun.sun_path)) {
			end(d, strerror(ENAMETOOLONG));
			return;
		}
		(void)snprintf(d->sun.sun_path, sizeof(d->sun.sun_path), "%s", path);
		d->at = &d->one;
		next(d);
		return;
	}
	/* an address as it is written needs no resolver */
	if (uv_getaddrinfo(d->loop, &d->resolver, NULL, host, digits, &hints) == 0) {
		d->list = d->at = d->resolver.addrinfo;
		next(d);
		return;
	}
	hints.ai_flags = 0;
	d->resolving = true;
	if (uv_getaddrinfo(d->loop, &d->resolver, on_resolved, host, digits, &hints) != 0) {
		d->resolving = false;
		end(d, "the name cannot be resolved now");
	}
}

struct qsp_dial *
qsp_dial_start(uv_loop_t *loop, const char *host, uint16_t port, const char *path,
	       qsp_dial_done *done, void *arg)
{
	struct qsp_dial *d = calloc(1, sizeof(*d));

	if (d == NULL) {
		done(arg, -1, strerror(ENOMEM));
		return NULL;
	}
	d->loop = loop;
	d->done = done;
	d->arg = arg;
	d->fd = -1;
	d->last = EADDRNOTAVAIL;
	uv_timer_init(loop, &d->timer);
	d->timed = true;
	d->timer.data = d->resolver.data = d;
	begin(d, host, port, path);
	return d->done != NULL ? d : NULL;
}

void
qsp_dial_cancel(struct qsp_dial *d)
{
	if (d == NULL || d->done == NULL)
		return;
	d->done = NULL;
	end(d, "cancelled");
}
