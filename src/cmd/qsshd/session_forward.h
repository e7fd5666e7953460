/* SPDX-License-Identifier: ISC */
/*
 * Forwarding in qsshd-session: it resolves, connects, binds and accepts with the user's rights, and
 * hands the sockets to qsshd-net. What the configuration and the key forbid is refused here.
 *
 *	permit    what is allowed
 *	resolve   names to addresses, in a process of its own, so that a slow server of names stops nobody
 *	connect   connections on their way
 *	listen    sockets that listen for the client
 *	agent     one of them, by which programs reach the client's agent
 */
#ifndef QSP_CMD_QSSHD_SESSION_FORWARD_H
#define QSP_CMD_QSSHD_SESSION_FORWARD_H

#include "cmd/qsshd/session.h"

#include <poll.h>
#include <sys/socket.h>

/* RFC 4254, 5.1 */
#define QSP_FORWARD_PROHIBITED 1u
#define QSP_FORWARD_CONNECT_FAILED 2u
#define QSP_FORWARD_SHORTAGE 4u

#define QSP_RESOLVE_MAX 8
#define QSP_SESSION_LISTENERS_MAX 256 /* sockets; a name may have several addresses */
#define QSP_SESSION_POLLS_MAX (QSP_RPC_CONNECTS_MAX + QSP_SESSION_LISTENERS_MAX + 1)

/* --- session_permit.c ------------------------------------------------------------------------ */

bool qsp_session_permit_connect(const struct qsp_session *s, const struct qsp_rpc_target *t);
bool qsp_session_permit_listen(const struct qsp_session *s, const struct qsp_rpc_target *t);

/* --- session_resolve.c ----------------------------------------------------------------------- */

struct qsp_resolved {
	uint32_t id;
	int error; /* of getaddrinfo, or 0 */
	size_t n;
	struct sockaddr_storage address[QSP_RESOLVE_MAX];
	socklen_t len[QSP_RESOLVE_MAX];
};
/* Asks; the answer comes by qsp_session_resolve_take. False where it cannot be asked. */
bool qsp_session_resolve_ask(struct qsp_session *s, uint32_t id, const char *host);
/* The next answer that has come; false where none has. *lost: no answer will come any more. */
bool qsp_session_resolve_take(struct qsp_session *s, struct qsp_resolved *out, bool *lost);

/* --- session_connect.c ----------------------------------------------------------------------- */

void qsp_session_connect_start(struct qsp_session *s, const struct qsp_rpc_target *t);
/* Adds what it waits for to p; lowers *timeout_ms (-1: none). */
size_t qsp_session_connect_poll(struct qsp_session *s, struct pollfd *p, int *timeout_ms);
void qsp_session_connect_run(struct qsp_session *s);

/* --- session_listen.c ------------------------------------------------------------------------ */

/* Listens on a unix socket for channels of this type, in place of a file of that name where `replace`
 * is set. False and errno. */
bool qsp_session_listen_unix(struct qsp_session *s, enum qsp_rpc_forward type, const char *path,
			     bool replace);
void qsp_session_listen_on(struct qsp_session *s, const struct qsp_rpc_target *t);
void qsp_session_listen_off(struct qsp_session *s, const struct qsp_rpc_target *t);
size_t qsp_session_listen_poll(struct qsp_session *s, struct pollfd *p, int *timeout_ms);
void qsp_session_listen_run(struct qsp_session *s, const struct pollfd *p, size_t n);
/* The login ends: names of unix sockets go. */
void qsp_session_listen_end(struct qsp_session *s);

/* --- session_agent.c ------------------------------------------------------------------------- */

/* Programs of this channel want the client's agent; false where they may not have it. */
bool qsp_session_agent_want(struct qsp_session *s, struct qsp_session_channel *ch);
/* Once nobody listens: the folder goes. */
void qsp_session_agent_end(struct qsp_session *s);

/* --- session_forward.c ----------------------------------------------------------------------- */

/* A message of qsshd-net; false where it is not about forwarding. */
bool qsp_session_forward_handle(struct qsp_session *s, uint8_t type, struct qsp_bytes body);
/* Fills p (QSP_SESSION_POLLS_MAX) and *timeout_ms; after the poll comes _run with the same p. */
size_t qsp_session_forward_poll(struct qsp_session *s, struct pollfd *p, int *timeout_ms);
void qsp_session_forward_run(struct qsp_session *s, const struct pollfd *p, size_t n);
void qsp_session_forward_end(struct qsp_session *s);

#endif
