/* SPDX-License-Identifier: ISC */
/*
 * systemd's two conventions, spoken without its library: sd_notify(3) states to $NOTIFY_SOCKET and
 * sockets from $LISTEN_FDS. Where systemd is not, they do nothing.
 */
#ifndef QSP_SYS_SDNOTIFY_H
#define QSP_SYS_SDNOTIFY_H

#include <qsp/base.h>

/* Sends a state as "READY=1"; lines apart by newlines. Failure is nobody's concern. */
void qsp_sdnotify_send(const char *state);

/* How many sockets systemd passed to this process, from descriptor 3 on; marks them closed on exec
 * and forgets the environment. */
int qsp_sdnotify_sockets(void);

#endif
