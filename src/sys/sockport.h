/* SPDX-License-Identifier: ISC */
/* The port of an Internet address, in the host's byte order. */
#ifndef QSP_SYS_SOCKPORT_H
#define QSP_SYS_SOCKPORT_H

#include <stdint.h>
#include <sys/socket.h>

/* Of an address of another family nothing is changed. */
void qsp_sockport_set(struct sockaddr *sa, uint16_t port);

/* The port to which fd is bound; 0 where there is none. */
uint16_t qsp_sockport_of(int fd);

#endif
