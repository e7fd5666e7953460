/* SPDX-License-Identifier: ISC */
/* Binding for forwards: each address by itself, so that one that is taken spoils no other. */
#include "sys/bind.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/sockport.h"

#define BACKLOG SOMAXCONN

static int
bind_one(const struct addrinfo *ai)
{
	const int one = 1;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), e;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	e = errno;
	close(fd);
	errno = e;
	return -1;
}

static void
tell(const struct qsp_bind *b, const struct addrinfo *ai, uint16_t port, const char *why)
{
	char text[QSP_BIND_TEXT_MAX] = "?";

	if (b->failed == NULL)
		return;
	if (ai == NULL)
		(void)snprintf(text, sizeof(text), "%s", b->host != NULL ? b->host : "localhost");
	else
		(void)getnameinfo(ai->ai_addr, ai->ai_addrlen, text, sizeof(text), NULL, 0,
				  NI_NUMERICHOST);
	b->failed(b->arg, text, port, why);
}

qsp_err
qsp_bind_tcp(const struct qsp_bind *b, int fd[QSP_BIND_MAX], size_t *n, uint16_t *port)
{
	bool every = b->host != NULL && *b->host == 0;
	struct addrinfo hints = { .ai_family = b->family,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = every ? AI_PASSIVE : 0 };
	struct addrinfo *list = NULL;
	char digits[8];
	int e;

	*n = 0;
	*port = b->port;
	(void)snprintf(digits, sizeof(digits), "%u", (unsigned)b->port);
	e = getaddrinfo(every ? NULL : b->host, digits, &hints, &list);
	if (e) {
		tell(b, NULL, b->port, e == EAI_SYSTEM ? strerror(errno) : gai_strerror(e));
		return QSP_E_IO;
	}
	for (const struct addrinfo *ai = list; ai != NULL && *n < QSP_BIND_MAX; ai = ai->ai_next) {
		if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6)
			continue;
		qsp_sockport_set(ai->ai_addr, *port);
		if ((fd[*n] = bind_one(ai)) < 0) {
			tell(b, ai, *port, strerror(errno));
			continue;
		}
		if (*port == 0)
			*port = qsp_sockport_of(fd[*n]);
		(*n)++;
	}
	freeaddrinfo(list);
	return *n > 0 ? 0 : QSP_E_IO;
}

bool
qsp_bind_identify(const char *path, struct qsp_bind_name *out)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return false;
	out->device = st.st_dev;
	out->inode = st.st_ino;
	return true;
}

qsp_err
qsp_bind_unix(const char *path, unsigned mask, bool replace, int *fd, struct qsp_bind_name *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	mode_t old;
	int e;

	*fd = -1;
	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return QSP_E_IO;
	}
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return QSP_E_IO;
	if (replace)
		(void)unlink(path);
	old = umask((mode_t)mask);
	e = bind(*fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 ? 0 : errno;
	(void)umask(old);
	if (e == 0 && listen(*fd, BACKLOG) == 0 && qsp_bind_identify(path, name))
		return 0;
	e = e ? e : errno;
	close(*fd);
	*fd = -1;
	errno = e;
	return QSP_E_IO;
}

void
qsp_bind_unlink(const char *path, const struct qsp_bind_name *name)
{
	struct qsp_bind_name now;

	if (qsp_bind_identify(path, &now) && now.device == name->device && now.inode == name->inode)
		(void)unlink(path);
}

int
qsp_bind_accept(int fd)
{
	const int one = 1;
	int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (c >= 0) /* fails on what is not TCP, where it is not needed */
		(void)setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return c;
}
