/* SPDX-License-Identifier: ISC */
#include "sys/sockport.h"

#include <netinet/in.h>
#include <string.h>

void
qsp_sockport_set(struct sockaddr *sa, uint16_t port)
{
	if (sa->sa_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)sa)->sin6_port = htons(port);
	else if (sa->sa_family == AF_INET)
		((struct sockaddr_in *)(void *)sa)->sin_port = htons(port);
}

uint16_t
qsp_sockport_of(int fd)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage any;
	} u;
	socklen_t len = sizeof(u);

	memset(&u, 0, sizeof(u));
	if (getsockname(fd, &u.sa, &len) != 0)
		return 0;
	switch (u.sa.sa_family) {
	case AF_INET: return ntohs(u.in.sin_port);
	case AF_INET6: return ntohs(u.in6.sin6_port);
	default: return 0;
	}
}
