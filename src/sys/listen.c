/* SPDX-License-Identifier: ISC */
/*
 * SO_REUSEPORT would let a second server of the same user bind the same port without a word. So
 * an address is first bound without it, which fails while anybody listens there, and then anew.
 */
#include "sys/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/sockport.h"

#define BACKLOG 1024

static int
open_one(const struct sockaddr *sa, socklen_t len, bool reuseport)
{
	int one = 1, saved;
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    (reuseport && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0) ||
	    (sa->sa_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0) ||
	    bind(fd, sa, len) < 0 || (reuseport && listen(fd, BACKLOG) < 0)) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static bool
name_of(const struct sockaddr_storage *sa, socklen_t len, char address[QSP_LISTEN_NAME_MAX],
	uint16_t *port)
{
	char digits[8];
	unsigned long value;

	if (getnameinfo((const struct sockaddr *)(const void *)sa, len, address,
			QSP_LISTEN_NAME_MAX, digits, sizeof(digits),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0 ||
	    (value = strtoul(digits, NULL, 10)) > UINT16_MAX)
		return false;
	*port = (uint16_t)value;
	return true;
}

void
qsp_listen_name(int fd, bool peer, char address[QSP_LISTEN_NAME_MAX], uint16_t *port)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	memset(&sa, 0, sizeof(sa));
	if ((peer ? getpeername : getsockname)(fd, (struct sockaddr *)(void *)&sa, &len) < 0 ||
	    !name_of(&sa, len, address, port)) {
		(void)snprintf(address, QSP_LISTEN_NAME_MAX, "UNKNOWN");
		*port = 0;
	}
}

void
qsp_listen_close(struct qsp_listen *l)
{
	for (size_t i = 0; i < l->n; i++)
		close(l->fd[i]);
	l->n = 0;
}

static bool
bind_address(const struct addrinfo *ai, unsigned workers, struct qsp_listen *l)
{
	struct sockaddr_storage sa;
	int probe;

	memset(l, 0, sizeof(*l));
	memset(&sa, 0, sizeof(sa));
	memcpy(&sa, ai->ai_addr, ai->ai_addrlen);
	if (!name_of(&sa, ai->ai_addrlen, l->address, &l->port))
		return false;
	if (l->port != 0) {
		probe = open_one(ai->ai_addr, ai->ai_addrlen, false);
		if (probe < 0)
			return false;
		close(probe);
	}
	for (unsigned i = 0; i < workers && i < QSP_LISTEN_WORKERS_MAX; i++) {
		int fd = open_one((const struct sockaddr *)(const void *)&sa, ai->ai_addrlen, true);

		if (fd < 0) {
			qsp_listen_close(l);
			return false;
		}
		l->fd[l->n++] = fd;
		if (l->port == 0) {
			qsp_listen_name(fd, false, l->address, &l->port);
			qsp_sockport_set((struct sockaddr *)&sa, l->port);
		}
	}
	return true;
}

qsp_err
qsp_listen_bind(const struct qsp_listen_request *rq, struct qsp_listen *out, size_t cap, size_t *n)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
				  .ai_family = rq->family,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	char digits[8];
	size_t got = 0;
	int rc;

	(void)snprintf(digits, sizeof(digits), "%u", rq->port);
	rc = getaddrinfo(rq->host, digits, &hints, &list);
	if (rc != 0) {
		rq->failed(rq->host ? rq->host : "*", rq->port, gai_strerror(rc));
		*n = 0;
		return QSP_E_IO;
	}
	for (const struct addrinfo *ai = list; ai != NULL && got < cap; ai = ai->ai_next) {
		if (bind_address(ai, rq->workers, &out[got]))
			got++;
		else if (errno != EAFNOSUPPORT) /* a machine without IPv6 is no error */
			rq->failed(out[got].address, rq->port, strerror(errno));
	}
	freeaddrinfo(list);
	*n = got;
	return got > 0 ? 0 : QSP_E_IO;
}

qsp_err
qsp_listen_adopt(int fd, struct qsp_listen *out)
{
	int listens = 0;
	socklen_t len = sizeof(listens);

	memset(out, 0, sizeof(*out));
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens)
		return QSP_E_IO;
	qsp_listen_name(fd, false, out->address, &out->port);
	out->fd[out->n++] = fd;
	return 0;
}
