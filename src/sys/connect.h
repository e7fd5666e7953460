/* SPDX-License-Identifier: ISC */
/*
 * A TCP connection to a host by name: every address in turn, each with a time limit.
 */
#ifndef QSP_SYS_CONNECT_H
#define QSP_SYS_CONNECT_H

#include <qsp/base.h>

#define QSP_CONNECT_ERROR_MAX 512

struct qsp_connect {
	const char *host;
	uint16_t port;
	int family;               /* AF_UNSPEC, AF_INET, AF_INET6 */
	const char *bind_address; /* or NULL */
	unsigned timeout_ms;      /* for each address; 0: the system's own */
	/* Told of each address before it is tried, or NULL. */
	void (*trying)(void *arg, const char *address, uint16_t port);
	void *arg;
};

/*
 * Connects; *fd is non-blocking and closed on exec. On error QSP_E_IO (QSP_E_NOTFOUND where the
 * name has no address) with a line for people, "connect to host H port N: Connection refused", and
 * errno.
 */
QSP_MUST_USE qsp_err qsp_connect_tcp(const struct qsp_connect *c, int *fd,
				     char err[QSP_CONNECT_ERROR_MAX]);

/* Lets a connection that leads nowhere any more fail within half a minute, not in a quarter of an
 * hour: its peer's acknowledgements are missed, or its answers to probes. */
void qsp_connect_notice(int fd);

#endif
