/* SPDX-License-Identifier: ISC */
/*
 * Sockets of this machine with a name in the file system, whose messages are whole (see ipc.h), for
 * programs of one user.
 */
#ifndef QSP_SYS_LOCAL_H
#define QSP_SYS_LOCAL_H

#include <qsp/base.h>

#include <sys/types.h>

#define QSP_LOCAL_PATH_MAX 90 /* what a socket's name may be long, less what a temporary one adds */

/*
 * Listens under this name, which nobody but the user can open (0600). *fd is non-blocking and closed
 * on exec. QSP_E_STATE where something has the name already, QSP_E_ROOM for one too long, QSP_E_IO
 * with errno.
 */
QSP_MUST_USE qsp_err qsp_local_listen(const char *path, int *fd);

/* Connects. QSP_E_NOTFOUND: no such name; QSP_E_CLOSED: nobody listens there any more; QSP_E_ROOM,
 * QSP_E_IO with errno: EPERM where whoever listens is neither our user nor root. */
QSP_MUST_USE qsp_err qsp_local_connect(const char *path, int *fd);

/* The next who connects: -1 where there is none, or it belongs to neither our user nor root. */
int qsp_local_accept(int fd);

#endif
