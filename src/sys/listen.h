/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets: for every address one per worker, with SO_REUSEPORT, so that the kernel
 * spreads the connections.
 */
#ifndef QSP_SYS_LISTEN_H
#define QSP_SYS_LISTEN_H

#include <qsp/base.h>

#include <sys/socket.h>

#define QSP_LISTEN_WORKERS_MAX 64
#define QSP_LISTEN_NAME_MAX 64

struct qsp_listen {
	char address[QSP_LISTEN_NAME_MAX]; /* numeric */
	uint16_t port;
	size_t n;
	int fd[QSP_LISTEN_WORKERS_MAX];
};

/*
 * Binds `host` (NULL: every address, IPv4 and IPv6 apart) and `port` (0: a free one) for `workers`
 * workers. Fills at most cap of out; *n is how many. Each address that fails is told through `failed`
 * and skipped; QSP_E_IO where none is left, or the name has no address.
 */
struct qsp_listen_request {
	const char *host;
	uint16_t port;
	int family; /* AF_UNSPEC, AF_INET, AF_INET6 */
	unsigned workers;
	void (*failed)(const char *address, uint16_t port, const char *why);
};
QSP_MUST_USE qsp_err qsp_listen_bind(const struct qsp_listen_request *rq, struct qsp_listen *out,
				     size_t cap, size_t *n);
/* Takes a socket that listens already (socket activation): one worker's only. */
QSP_MUST_USE qsp_err qsp_listen_adopt(int fd, struct qsp_listen *out);
void qsp_listen_close(struct qsp_listen *l);

/* Numeric address and port of a socket's own end, or of its peer's; "UNKNOWN" and 0 on failure. */
void qsp_listen_name(int fd, bool peer, char address[QSP_LISTEN_NAME_MAX], uint16_t *port);

#endif
