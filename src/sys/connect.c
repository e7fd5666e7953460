/* SPDX-License-Identifier: ISC */
/*
 * Connecting: addresses in the order of the resolver, the reason of the last failure reported.
 */
#include "sys/connect.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/clock.h"

/* Waits until the connect in progress has ended; its errno, or 0. */
static int
wait_connected(int fd, unsigned timeout_ms)
{
	uint64_t end = qsp_clock_ms(CLOCK_MONOTONIC) + timeout_ms;
	int so_error = 0;
	socklen_t len = sizeof(so_error);

	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLOUT };
		uint64_t now = qsp_clock_ms(CLOCK_MONOTONIC);
		int left = timeout_ms == 0 ? -1 : (now < end ? (int)(end - now) : 0);
		int n = poll(&pfd, 1, left);

		if (n > 0)
			break;
		if (n == 0)
			return ETIMEDOUT;
		if (errno != EINTR)
			return errno;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &so_error, &len) != 0)
		return errno;
	return so_error;
}

/* The local end, by an address of the same family. */
static int
bind_to(int fd, const struct qsp_connect *c, const struct addrinfo *ai)
{
	struct addrinfo hints = { .ai_family = ai->ai_family,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE };
	struct addrinfo *local = NULL;
	int e;

	if (!c->bind_address)
		return 0;
	if (getaddrinfo(c->bind_address, NULL, &hints, &local) != 0)
		return EADDRNOTAVAIL;
	e = bind(fd, local->ai_addr, local->ai_addrlen) == 0 ? 0 : errno;
	freeaddrinfo(local);
	return e;
}

/* One address: its errno, or 0 and *out. */
static int
connect_one(const struct qsp_connect *c, const struct addrinfo *ai, int *out)
{
	int e, fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char text[NI_MAXHOST];

	if (fd < 0)
		return errno;
	if (c->trying && getnameinfo(ai->ai_addr, ai->ai_addrlen, text, sizeof(text), NULL, 0,
				     NI_NUMERICHOST) == 0)
		c->trying(c->arg, text, c->port);
	e = bind_to(fd, c, ai);
	if (e == 0 && connect(fd, ai->ai_addr, ai->ai_addrlen) != 0) {
		e = errno;
		if (e == EINPROGRESS || e == EINTR)
			e = wait_connected(fd, c->timeout_ms);
	}
	if (e) {
		close(fd);
		return e;
	}
	*out = fd;
	return 0;
}

qsp_err
qsp_connect_tcp(const struct qsp_connect *c, int *fd, char err[QSP_CONNECT_ERROR_MAX])
{
	struct addrinfo hints = { .ai_family = c->family, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	char port[8];
	int e;

	snprintf(port, sizeof(port), "%u", (unsigned)c->port);
	e = getaddrinfo(c->host, port, &hints, &list);
	if (e) {
		snprintf(err, QSP_CONNECT_ERROR_MAX, "Could not resolve hostname %s: %s", c->host,
			 e == EAI_SYSTEM ? strerror(errno) : gai_strerror(e));
		return QSP_E_NOTFOUND;
	}
	e = EADDRNOTAVAIL;
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		e = connect_one(c, ai, fd);
		if (e == 0)
			break;
	}
	freeaddrinfo(list);
	errno = e;
	if (e) {
		snprintf(err, QSP_CONNECT_ERROR_MAX, "connect to host %s port %u: %s", c->host,
			 (unsigned)c->port, strerror(e));
		return QSP_E_IO;
	}
	return 0;
}

void
qsp_connect_notice(int fd)
{
	const unsigned unacknowledged_ms = 15000;
	const int on = 1, idle_s = 20, every_s = 5, probes = 3;

	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
		   sizeof(unacknowledged_ms));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}
