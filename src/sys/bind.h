/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets of forwards, TCP and unix, and what accepting and connecting them takes. All are
 * non-blocking and closed on exec.
 */
#ifndef QSP_SYS_BIND_H
#define QSP_SYS_BIND_H

#include <qsp/base.h>

#define QSP_BIND_MAX 8 /* addresses of a name */
#define QSP_BIND_TEXT_MAX 64

struct qsp_bind {
	const char *host; /* NULL: loopback, of IPv4 and IPv6; "": every address */
	uint16_t port;    /* 0: a free one, the same on every address */
	int family;       /* AF_UNSPEC, AF_INET, AF_INET6 */
	/* Told of each address that failed, or NULL. */
	void (*failed)(void *arg, const char *address, uint16_t port, const char *why);
	void *arg;
};

/* Binds every address of the host; QSP_E_IO where there is none, or none could be bound. */
QSP_MUST_USE qsp_err qsp_bind_tcp(const struct qsp_bind *b, int fd[QSP_BIND_MAX], size_t *n,
				  uint16_t *port);

/* Which file a name stands for. */
struct qsp_bind_name {
	uint64_t device, inode;
};

/* False where there is none. */
bool qsp_bind_identify(const char *path, struct qsp_bind_name *out);

/* A unix socket made under `mask`; a file of that name goes first where `replace` is set. errno says
 * what failed. */
QSP_MUST_USE qsp_err qsp_bind_unix(const char *path, unsigned mask, bool replace, int *fd,
				   struct qsp_bind_name *name);
/* Removes the name, if it still stands for that socket. */
void qsp_bind_unlink(const char *path, const struct qsp_bind_name *name);

/* Accepts; -1 and errno. Small writes leave at once. */
int qsp_bind_accept(int fd);

#endif
