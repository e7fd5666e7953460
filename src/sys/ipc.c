/* SPDX-License-Identifier: ISC */
/*
 * One sendmsg is one message, one recvmsg is one message: the kernel keeps the bounds, so there is
 * no framing and no partial state. A message that is cut short is an error of the sender, and the
 * descriptors that came with it are closed.
 */
#include "sys/ipc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	char room[CMSG_SPACE(sizeof(int) * QSP_IPC_FDS_MAX)];
	struct cmsghdr align;
};

qsp_err
qsp_ipc_pair(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) < 0) {
		fd[0] = fd[1] = -1;
		return QSP_E_IO;
	}
	return 0;
}

void
qsp_ipc_widen(int fd)
{
	const int wanted = 1 << 20; /* cut to net.core.wmem_max */

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted));
}

static qsp_err
failed(int e)
{
	if (e == EAGAIN || e == EWOULDBLOCK || e == ENOBUFS)
		return QSP_E_ROOM;
	return e == EPIPE || e == ECONNRESET || e == ENOTCONN ? QSP_E_CLOSED : QSP_E_IO;
}

qsp_err
qsp_ipc_send(int fd, struct qsp_bytes msg, const int *fds, size_t n_fds)
{
	struct iovec iov = { (void *)(uintptr_t)msg.p, msg.n };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control c;
	ssize_t n;

	if (msg.n == 0 || msg.n > QSP_IPC_MAX || n_fds > QSP_IPC_FDS_MAX)
		return QSP_E_INPUT; /* a message of no bytes would look like the end */
	memset(&c, 0, sizeof(c));
	if (n_fds > 0) {
		h.msg_control = &c;
		h.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c.align.cmsg_level = SOL_SOCKET;
		c.align.cmsg_type = SCM_RIGHTS;
		c.align.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(&c.align), fds, sizeof(int) * n_fds);
	}
	do {
		n = sendmsg(fd, &h, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? failed(errno) : 0;
}

static void
wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	(void)poll(&p, 1, -1);
}

qsp_err
qsp_ipc_send_wait(int fd, struct qsp_bytes msg, const int *fds, size_t n_fds)
{
	qsp_err e;

	while ((e = qsp_ipc_send(fd, msg, fds, n_fds)) == QSP_E_ROOM)
		wait_for(fd, POLLOUT);
	return e;
}

/* Puts the descriptors of one control message into m; false where there are more than it takes. */
static bool
take_fds(struct qsp_ipc_message *m, struct cmsghdr *c)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
		if (m->n_fds < QSP_IPC_FDS_MAX) {
			m->fd[m->n_fds++] = fd;
		} else {
			close(fd);
			ok = false;
		}
	}
	return ok;
}

qsp_err
qsp_ipc_recv(int fd, struct qsp_ipc_message *m)
{
	struct iovec iov = { m->data, sizeof(m->data) };
	union control c;
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	bool ok = true;
	ssize_t n;

	h.msg_control = &c;
	h.msg_controllen = sizeof(c);
	m->n = m->n_fds = 0;
	do {
		n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return failed(errno);
	for (struct cmsghdr *p = CMSG_FIRSTHDR(&h); p != NULL; p = CMSG_NXTHDR(&h, p)) {
		if (p->cmsg_level == SOL_SOCKET && p->cmsg_type == SCM_RIGHTS)
			ok = take_fds(m, p) && ok;
	}
	if (n == 0 || !ok || (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		qsp_ipc_drop(m);
		return n == 0 ? QSP_E_CLOSED : QSP_E_INPUT;
	}
	m->n = (size_t)n;
	return 0;
}

qsp_err
qsp_ipc_recv_wait(int fd, struct qsp_ipc_message *m)
{
	qsp_err e;

	while ((e = qsp_ipc_recv(fd, m)) == QSP_E_ROOM)
		wait_for(fd, POLLIN);
	return e;
}

int
qsp_ipc_take(struct qsp_ipc_message *m, size_t i)
{
	int fd;

	if (i >= m->n_fds)
		return -1;
	fd = m->fd[i];
	m->fd[i] = -1;
	return fd;
}

void
qsp_ipc_drop(struct qsp_ipc_message *m)
{
	for (size_t i = 0; i < m->n_fds; i++) {
		if (m->fd[i] >= 0)
			close(m->fd[i]);
	}
	m->n_fds = 0;
}
