/* SPDX-License-Identifier: ISC */
/* What tunnel.c and tunnel_socks.c share: a forwarded connection. */
#ifndef QSP_CMD_QSSH_TUNNEL_H
#define QSP_CMD_QSSH_TUNNEL_H

#include "cmd/qssh/forward.h"

struct qsp_dial;

struct qsp_qssh_tunnel {
	struct qsp_qssh_channel ch; /* first */
	struct qsp_qssh *q;
	struct qsp_qssh_tunnel *next, **prev;
	struct qsp_relay *relay;
	struct qsp_dial *dial;
	int fd; /* the relay's */
	uint32_t offered;
	char *to;                /* in words */
	struct qsp_socks *socks; /* of a D, and of an R without a target */
	struct qsp_socks_reply reply;
	bool running, refused;
	uint8_t *early; /* came before the relay */
	size_t n_early;
	bool early_eof;
};

/* Takes fd; false, and fd closed, where memory is short. */
bool qsp_qssh_tunnel_make_relay(struct qsp_qssh_tunnel *t, int fd);
/* Bytes move, first those that were early. */
void qsp_qssh_tunnel_run(struct qsp_qssh_tunnel *t);

/* --- tunnel_socks.c -------------------------------------------------------------------------- */

/* Looks at what has come early. */
void qsp_qssh_tunnel_take_socks(struct qsp_qssh_tunnel *t);
/* There is room for a reply that waits. */
void qsp_qssh_tunnel_say_socks(struct qsp_qssh_tunnel *t);

#endif
