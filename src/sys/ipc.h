/* SPDX-License-Identifier: ISC */
/*
 * Messages between processes: SOCK_SEQPACKET pairs that carry whole messages and descriptors
 * (SCM_RIGHTS). Both ends are non-blocking and closed on exec.
 */
#ifndef QSP_SYS_IPC_H
#define QSP_SYS_IPC_H

#include <qsp/base.h>

#define QSP_IPC_MAX (160 * 1024) /* bytes of a message: a command line fits */
#define QSP_IPC_FDS_MAX 4

struct qsp_ipc_message {
	size_t n;
	size_t n_fds;
	int fd[QSP_IPC_FDS_MAX]; /* the receiver's; it takes one by setting its place to -1 */
	uint8_t data[QSP_IPC_MAX];
};

QSP_MUST_USE qsp_err qsp_ipc_pair(int fd[2]);
/* Room for more that waits to be read, as much as the system grants without asking for rights. */
void qsp_ipc_widen(int fd);

/* Sends one message and copies of fds. QSP_E_ROOM: not now; QSP_E_CLOSED: nobody is there; QSP_E_IO. */
QSP_MUST_USE qsp_err qsp_ipc_send(int fd, struct qsp_bytes msg, const int *fds, size_t n_fds);

/* The same, but waits for room. */
QSP_MUST_USE qsp_err qsp_ipc_send_wait(int fd, struct qsp_bytes msg, const int *fds, size_t n_fds);

/* The next message. QSP_E_ROOM: none yet; QSP_E_CLOSED: the other end is gone; QSP_E_INPUT: it was too
 * long, or had too many descriptors; QSP_E_IO. On error there are no descriptors in m. */
QSP_MUST_USE qsp_err qsp_ipc_recv(int fd, struct qsp_ipc_message *m);

/* The same, but waits for one. */
QSP_MUST_USE qsp_err qsp_ipc_recv_wait(int fd, struct qsp_ipc_message *m);

/* Takes descriptor i out of m, or -1. */
int qsp_ipc_take(struct qsp_ipc_message *m, size_t i);
/* Closes what was not taken. */
void qsp_ipc_drop(struct qsp_ipc_message *m);

#endif
