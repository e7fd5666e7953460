/* SPDX-License-Identifier: ISC */
/*
 * Connecting on a loop, to a host by name or address, or to a unix socket: every address in turn, each
 * with a time limit, names resolved beside the loop.
 */
#ifndef QSP_APP_DIAL_H
#define QSP_APP_DIAL_H

#include <qsp/base.h>

#include <uv.h>

struct qsp_dial;

/* fd is the callee's, non-blocking; or -1 and why not. */
typedef void qsp_dial_done(void *arg, int fd, const char *why);

/* path, or host and port. NULL where it has ended already: then done was called. */
struct qsp_dial *qsp_dial_start(uv_loop_t *loop, const char *host, uint16_t port, const char *path,
				qsp_dial_done *done, void *arg);
/* done is not called any more. */
void qsp_dial_cancel(struct qsp_dial *d);

#endif
