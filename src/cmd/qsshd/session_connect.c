/* SPDX-License-Identifier: ISC */
/*
 * Connections on their way: resolved, then each address in turn, each with its time. qsshd-net asks for a
 * bounded number at once; the others wait there.
 */
#include "cmd/qsshd/session_forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "sys/clock.h"
#include "sys/sockport.h"

#define ADDRESS_MS 20000 /* for one address */
#define RETRY_MS 20      /* a unix socket whose backlog is full */

struct qsp_session_connect {
	struct qsp_session_connect *next;
	struct qsp_resolved to;
	uint32_t channel;
	uint16_t port;
	size_t tried; /* addresses */
	int fd;       /* -1: is being resolved, or waits to try again */
	uint64_t deadline, again;
};

/* fd -1: it failed for `reason`. */
static void
tell(uint32_t channel, unsigned reason, const char *text, int fd)
{
	struct qsp_rpc_connected m = { .channel = channel,
				       .reason = (uint8_t)reason,
				       .text = qsp_bytes_str(text) };
	uint8_t buf[512];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_CONNECTED);

	qsp_rpc_put_connected(&w, &m);
	if (qsp_ipc_send_wait(QSP_SESSION_FD, qsp_writer_bytes(&w), &fd, fd >= 0 ? 1 : 0) == 0 ||
	    fd < 0)
		return;
	tell(channel, QSP_FORWARD_SHORTAGE, "the socket could not be handed over", -1);
}

static void
end(struct qsp_session *s, struct qsp_session_connect *c)
{
	struct qsp_session_connect **p = &s->connects;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	s->n_connects--;
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

static void
fail(struct qsp_session *s, struct qsp_session_connect *c, const char *text)
{
	tell(c->channel, QSP_FORWARD_CONNECT_FAILED, text, -1);
	end(s, c);
}

static void
succeed(struct qsp_session *s, struct qsp_session_connect *c)
{
	const int one = 1;

	if (c->to.address[0].ss_family != AF_UNIX)
		(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	tell(c->channel, 0, "", c->fd);
	end(s, c);
}

/* Begins with the address `tried`; its errno, or 0. */
static int
try_one(struct qsp_session_connect *c)
{
	struct sockaddr_storage *ss = &c->to.address[c->tried];

	qsp_sockport_set((struct sockaddr *)ss, c->port);
	c->fd = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return errno;
	if (connect(c->fd, (struct sockaddr *)ss, c->to.len[c->tried]) == 0)
		return 0;
	return errno;
}

/* From the address `tried` on, until one is on its way, or connected, or none is left. c may be gone. */
static void
try_on(struct qsp_session *s, struct qsp_session_connect *c, int last)
{
	for (; c->tried < c->to.n; c->tried++) {
		if (c->again == 0)
			c->deadline = qsp_clock_ms(CLOCK_MONOTONIC) + ADDRESS_MS;
		c->again = 0;
		last = try_one(c);
		if (last == 0) {
			succeed(s, c);
			return;
		}
		if (last == EINPROGRESS)
			return;
		if (c->fd >= 0)
			close(c->fd);
		c->fd = -1;
		if (last == EAGAIN && c->to.address[c->tried].ss_family == AF_UNIX) {
			c->again = qsp_clock_ms(CLOCK_MONOTONIC) + RETRY_MS;
			if (c->again < c->deadline)
				return;
		}
	}
	fail(s, c, strerror(last));
}

/* An address as it is written; false for a name. */
static bool
numeric(const char *host, struct qsp_resolved *to)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
	struct addrinfo *list = NULL;

	if (getaddrinfo(host, NULL, &hints, &list) != 0)
		return false;
	memcpy(&to->address[0], list->ai_addr, list->ai_addrlen);
	to->len[0] = list->ai_addrlen;
	to->n = 1;
	freeaddrinfo(list);
	return true;
}

static bool
unix_path(struct qsp_bytes path, struct qsp_resolved *to)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)&to->address[0];

	if (path.n == 0 || path.n >= sizeof(sun->sun_path))
		return false;
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path.p, path.n);
	to->len[0] = sizeof(*sun);
	to->n = 1;
	return true;
}

void
qsp_session_connect_start(struct qsp_session *s, const struct qsp_rpc_target *t)
{
	struct qsp_session_connect *c =
		s->n_connects < QSP_RPC_CONNECTS_MAX ? calloc(1, sizeof(*c)) : NULL;
	char host[QSP_RPC_HOST_MAX];

	if (c == NULL) {
		tell(t->id, QSP_FORWARD_SHORTAGE, "too many connections at once", -1);
		return;
	}
	c->channel = t->id;
	c->port = t->port;
	c->fd = -1;
	c->next = s->connects;
	s->connects = c;
	s->n_connects++;
	memcpy(host, t->host.n > 0 ? (const char *)t->host.p : "", t->host.n);
	host[t->host.n] = 0;
	if (t->is_path) {
		if (unix_path(t->host, &c->to))
			try_on(s, c, 0);
		else
			fail(s, c, strerror(ENAMETOOLONG));
	} else if (numeric(host, &c->to)) {
		try_on(s, c, 0);
	} else if (!qsp_session_resolve_ask(s, c->channel, host)) {
		fail(s, c, "the name cannot be resolved now");
	}
}

size_t
qsp_session_connect_poll(struct qsp_session *s, struct pollfd *p, int *timeout_ms)
{
	uint64_t now = qsp_clock_ms(CLOCK_MONOTONIC), at;
	size_t n = 0;

	if (s->resolver >= 0)
		p[n++] = (struct pollfd){ .fd = s->resolver, .events = POLLIN };
	for (struct qsp_session_connect *c = s->connects; c != NULL; c = c->next) {
		if (c->fd >= 0)
			p[n++] = (struct pollfd){ .fd = c->fd, .events = POLLOUT };
		at = c->again ? c->again : c->deadline;
		if (at == 0)
			continue; /* is being resolved: the system's own time */
		at = at > now ? at - now : 0;
		if (*timeout_ms < 0 || at < (uint64_t)*timeout_ms)
			*timeout_ms = (int)at;
	}
	return n;
}

static void
take_resolved(struct qsp_session *s)
{
	static struct qsp_resolved r;
	struct qsp_session_connect *c, *next;
	bool lost;

	while (qsp_session_resolve_take(s, &r, &lost)) {
		c = s->connects;
		while (c != NULL && (c->channel != r.id || c->to.n > 0))
			c = c->next;
		if (c == NULL)
			continue;
		if (r.error) {
			fail(s, c, gai_strerror(r.error));
			continue;
		}
		c->to = r;
		try_on(s, c, 0);
	}
	for (c = lost ? s->connects : NULL; c != NULL; c = next) {
		next = c->next;
		if (c->to.n == 0)
			fail(s, c, "the name could not be resolved");
	}
}

/* The connect in progress has ended, or its time has. */
static void
go_on(struct qsp_session *s, struct qsp_session_connect *c, uint64_t now)
{
	struct pollfd p = { .fd = c->fd, .events = POLLOUT };
	int e = 0;
	socklen_t len = sizeof(e);

	if (poll(&p, 1, 0) > 0) {
		if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &len) != 0)
			e = errno;
		if (e == 0) {
			succeed(s, c);
			return;
		}
	} else if (now < c->deadline) {
		return;
	} else {
		e = ETIMEDOUT;
	}
	close(c->fd);
	c->fd = -1;
	c->tried++;
	try_on(s, c, e);
}

void
qsp_session_connect_run(struct qsp_session *s)
{
	struct qsp_session_connect *c, *next;
	uint64_t now = qsp_clock_ms(CLOCK_MONOTONIC);

	take_resolved(s);
	for (c = s->connects; c != NULL; c = next) {
		next = c->next;
		if (c->fd >= 0)
			go_on(s, c, now);
		else if (c->again != 0 && now >= c->again)
			try_on(s, c, 0);
	}
}
