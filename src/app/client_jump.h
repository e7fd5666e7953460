/* SPDX-License-Identifier: ISC */
/*
 * Hops on the way to a host, as ProxyJump and -J list them: [user@]host[:port], ssh:// and qssh://
 * URIs and bridge lines (qsp://), with commas between; and the target of -W.
 */
#ifndef QSP_APP_CLIENT_JUMP_H
#define QSP_APP_CLIENT_JUMP_H

#include <qsp/base.h>

#define QSP_CLIENT_HOPS_MAX 16

/* All strings on the heap. */
struct qsp_client_jump {
	char *before;      /* the hops before this one, or NULL */
	char *user;        /* or NULL */
	char *destination; /* a host, without brackets, or a URI with all in it */
	uint16_t port;     /* 0: not said */
};

/* Every hop is well-formed, or the list is "none". */
bool qsp_client_jump_is_good(const char *list);
/* The last hop of a list, which is the one next to the host. QSP_E_INPUT, QSP_E_NOMEM. */
QSP_MUST_USE qsp_err qsp_client_jump_last(const char *list, struct qsp_client_jump *out);
void qsp_client_jump_wipe(struct qsp_client_jump *j);

/* "host:port" or "[IPv6]:port", the port a number of 1..65535; *host on the heap. QSP_E_INPUT. */
QSP_MUST_USE qsp_err qsp_client_jump_target(const char *s, char **host, uint16_t *port);

/*
 * Names that may stand in a command of the shell, as %h, %n and %r bring them there: no quotes, no
 * character with a meaning for a shell, no space or control, no '-' at the front.
 */
bool qsp_client_jump_is_plain(const char *name);

#endif
