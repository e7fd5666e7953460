/* SPDX-License-Identifier: ISC */
/*
 * Standard input and output on a loop, without leaving O_NONBLOCK on descriptors that the shell
 * and its other programs share. Pipes and terminals are opened anew, which gives an open file
 * description of our own; where that is refused they are used blocking, but only when poll says
 * that they are ready, and written in pieces that a ready pipe takes whole. Sockets are asked not
 * to wait by each call. Files, /dev/null and the like never make wait.
 */
#ifndef QSP_SYS_STDIO_H
#define QSP_SYS_STDIO_H

#include <qsp/base.h>

#include <sys/types.h>
#include <uv.h>

struct qsp_stdio {
	enum { QSP_STDIO_FILE, QSP_STDIO_OWN, QSP_STDIO_SOCKET, QSP_STDIO_SHARED } kind;
	int fd;
	int watch_fd; /* what poll watches: fd, or an epoll that holds it, or -1 for files */
	bool out, watching;
	struct qsp_stdio_handles *handles; /* the loop's; they outlive this */
	void (*ready)(void *arg);
	void *arg;
};

/*
 * Takes fd as input or output; ready is called, while watched, when a read or write would not
 * wait. The struct must stay where it is until qsp_stdio_close.
 */
QSP_MUST_USE qsp_err qsp_stdio_init(struct qsp_stdio *s, uv_loop_t *loop, int fd, bool out,
				    void (*ready)(void *arg), void *arg);
/* Ends all watching, and gives back what was opened; fd itself stays open. Harmless twice, and for
 * a struct of zeros. */
void qsp_stdio_close(struct qsp_stdio *s);
void qsp_stdio_watch(struct qsp_stdio *s, bool on);

/* As read and write, but they never wait: -1 and EAGAIN instead. */
ssize_t qsp_stdio_read(struct qsp_stdio *s, void *buf, size_t n);
ssize_t qsp_stdio_write(struct qsp_stdio *s, const void *buf, size_t n);

#endif
