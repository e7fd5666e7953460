/* SPDX-License-Identifier: ISC */
/*
 * A socket gets its name only once it listens: it is made under a temporary name and linked to its
 * own, which fails where that is taken. So whoever finds the name can connect.
 */
#include "sys/local.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64
#define TRIES 16

static int
new_socket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* The other end belongs to our user, or to root. */
static bool
is_ours(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

static bool
fill(struct sockaddr_un *a, const char *path)
{
	size_t n = strlen(path) + 1;

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	if (n > sizeof(a->sun_path))
		return false;
	memcpy(a->sun_path, path, n);
	return true;
}

/* Binds a name that is free, path with something behind it. */
static int
bind_temporary(int fd, const char *path, struct sockaddr_un *a)
{
	char name[QSP_LOCAL_PATH_MAX + 32];
	mode_t mask;
	int e = 0;

	for (unsigned i = 0; i < TRIES; i++) {
		snprintf(name, sizeof(name), "%s.%x.%u", path, (unsigned)getpid(), i);
		if (!fill(a, name))
			return ENAMETOOLONG;
		mask = umask(0177);
		e = bind(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 ? 0 : errno;
		(void)umask(mask);
		if (e != EADDRINUSE)
			break;
	}
	return e;
}

qsp_err
qsp_local_listen(const char *path, int *fd)
{
	struct sockaddr_un a;
	int e;

	*fd = -1;
	if (strlen(path) > QSP_LOCAL_PATH_MAX)
		return QSP_E_ROOM;
	*fd = new_socket();
	if (*fd < 0)
		return QSP_E_IO;
	e = bind_temporary(*fd, path, &a);
	if (e == 0) {
		if (listen(*fd, BACKLOG) != 0 || link(a.sun_path, path) != 0)
			e = errno;
		(void)unlink(a.sun_path);
	}
	if (e == 0)
		return 0;
	close(*fd);
	*fd = -1;
	errno = e;
	return e == EEXIST ? QSP_E_STATE : QSP_E_IO;
}

qsp_err
qsp_local_connect(const char *path, int *fd)
{
	struct sockaddr_un a;
	int e;

	*fd = -1;
	if (!fill(&a, path))
		return QSP_E_ROOM;
	*fd = new_socket();
	if (*fd < 0)
		return QSP_E_IO;
	if (connect(*fd, (const struct sockaddr *)&a, sizeof(a)) != 0)
		e = errno;
	else if (!is_ours(*fd))
		e = EPERM;
	else
		return 0;
	close(*fd);
	*fd = -1;
	errno = e;
	if (e == ENOENT)
		return QSP_E_NOTFOUND;
	return e == ECONNREFUSED ? QSP_E_CLOSED : QSP_E_IO;
}

int
qsp_local_accept(int fd)
{
	int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (c < 0 || is_ours(c))
		return c;
	close(c);
	errno = EPERM;
	return -1;
}
