/* SPDX-License-Identifier: ISC */
/*
 * Standard input and output: one kind of waiting for each kind of file.
 */
#include "sys/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_WISH (1024 * 1024)

struct qsp_stdio_handles {
	uv_poll_t poll;
	uv_idle_t idle; /* for files, which are always ready */
	int open;
};

/* The same pipe or terminal by a description of our own; -1 where that cannot be. */
static int
reopen(int fd, bool out)
{
	char path[64];
	struct stat a, b;
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, (out ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own < 0)
		return -1;
	if (fstat(fd, &a) != 0 || fstat(own, &b) != 0 || a.st_dev != b.st_dev ||
	    a.st_ino != b.st_ino) {
		close(own);
		return -1;
	}
	return own;
}

/* poll of libuv would set O_NONBLOCK: it gets an epoll to watch, which watches fd. */
static int
watch_through(int fd, bool out)
{
	struct epoll_event ev = { .events = out ? EPOLLOUT : EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0) {
		close(ep);
		return -1;
	}
	return ep;
}

/* What sort of thing fd is, and what to watch of it. */
static void
classify(struct qsp_stdio *s, int fd)
{
	struct stat st;
	bool tty = isatty(fd), pipe;

	s->kind = QSP_STDIO_FILE;
	s->fd = fd;
	s->watch_fd = -1;
	if (fstat(fd, &st) != 0)
		return;
	pipe = S_ISFIFO(st.st_mode);
	if (pipe)
		(void)fcntl(fd, F_SETPIPE_SZ, PIPE_WISH); /* larger pieces, where we may */
	if (pipe || tty) {
		int own = reopen(fd, s->out);

		if (own >= 0) {
			s->kind = QSP_STDIO_OWN;
			s->fd = s->watch_fd = own;
			return;
		}
	}
	s->watch_fd = watch_through(fd, s->out);
	if (s->watch_fd >= 0)
		s->kind = S_ISSOCK(st.st_mode) ? QSP_STDIO_SOCKET : QSP_STDIO_SHARED;
}

qsp_err
qsp_stdio_init(struct qsp_stdio *s, uv_loop_t *loop, int fd, bool out, void (*ready)(void *arg),
	       void *arg)
{
	struct qsp_stdio_handles *h = calloc(1, sizeof(*h));

	memset(s, 0, sizeof(*s));
	if (!h)
		return QSP_E_NOMEM;
	s->out = out;
	s->ready = ready;
	s->arg = arg;
	classify(s, fd);
	if (s->watch_fd >= 0 && uv_poll_init(loop, &h->poll, s->watch_fd) != 0) {
		close(s->watch_fd);
		free(h);
		return QSP_E_IO;
	}
	uv_idle_init(loop, &h->idle);
	h->open = s->watch_fd >= 0 ? 2 : 1;
	h->idle.data = h->poll.data = s;
	s->handles = h;
	return 0;
}

static void
on_closed(uv_handle_t *handle)
{
	struct qsp_stdio_handles *h = handle->data;

	if (--h->open == 0)
		free(h);
}

void
qsp_stdio_close(struct qsp_stdio *s)
{
	struct qsp_stdio_handles *h = s->handles;

	if (!h)
		return;
	s->handles = NULL;
	s->watching = false;
	h->idle.data = h->poll.data = h;
	uv_close((uv_handle_t *)&h->idle, on_closed);
	if (s->watch_fd >= 0) {
		uv_close((uv_handle_t *)&h->poll, on_closed);
		close(s->watch_fd);
	}
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct qsp_stdio *s = h->data;

	(void)status; /* an error shows in the call that follows */
	(void)events;
	s->ready(s->arg);
}

static void
on_idle(uv_idle_t *h)
{
	struct qsp_stdio *s = h->data;

	s->ready(s->arg);
}

void
qsp_stdio_watch(struct qsp_stdio *s, bool on)
{
	struct qsp_stdio_handles *h = s->handles;

	if (!h || s->watching == on)
		return;
	s->watching = on;
	if (s->watch_fd < 0) {
		if (on)
			uv_idle_start(&h->idle, on_idle);
		else
			uv_idle_stop(&h->idle);
	} else if (on) {
		/* of a nested epoll libuv sees readability alone, whatever it watches */
		bool direct = s->kind == QSP_STDIO_OWN;

		uv_poll_start(&h->poll, direct && s->out ? UV_WRITABLE : UV_READABLE, on_poll);
	} else {
		uv_poll_stop(&h->poll);
	}
}

static bool
is_ready(const struct qsp_stdio *s)
{
	struct pollfd pfd = { .fd = s->fd, .events = s->out ? POLLOUT : POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

ssize_t
qsp_stdio_read(struct qsp_stdio *s, void *buf, size_t n)
{
	ssize_t r;

	if (s->kind == QSP_STDIO_SHARED && !is_ready(s)) {
		errno = EAGAIN;
		return -1;
	}
	do {
		if (s->kind == QSP_STDIO_SOCKET)
			r = recv(s->fd, buf, n, MSG_DONTWAIT);
		else
			r = read(s->fd, buf, n);
	} while (r < 0 && errno == EINTR);
	return r;
}

ssize_t
qsp_stdio_write(struct qsp_stdio *s, const void *buf, size_t n)
{
	ssize_t r;

	if (s->kind == QSP_STDIO_SHARED) {
		if (!is_ready(s)) {
			errno = EAGAIN;
			return -1;
		}
		n = n < PIPE_BUF ? n : PIPE_BUF;
	}
	do {
		if (s->kind == QSP_STDIO_SOCKET)
			r = send(s->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			r = write(s->fd, buf, n);
	} while (r < 0 && errno == EINTR);
	return r;
}
