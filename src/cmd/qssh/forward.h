/* SPDX-License-Identifier: ISC */
/*
 * Forwarding: -L, -R and -D, of the configuration, of ~C and of clients of a shared connection.
 *
 *     forward.c          the list: added, asked for, cancelled
 *     forward_local.c    listening here, for L and D
 *     forward_socks.c    what programs ask of a D
 *     forward_remote.c   what the server accepts for R
 *     tunnel.c           one forwarded connection: a socket and a channel
 *     tunnel_socks.c     the same, where the other side asks by SOCKS
 */
#ifndef QSP_CMD_QSSH_FORWARD_H
#define QSP_CMD_QSSH_FORWARD_H

#include "app/client_forward.h"
#include "app/relay.h"
#include "app/socks.h"
#include "cmd/qssh/channel.h"
#include "sys/bind.h"

struct qsp_qssh_forward;
struct qsp_qssh_tunnel;
struct qsp_qssh_listener;
struct qsp_qssh_asker;

/* Zero to begin with. */
struct qsp_qssh_forwards {
	struct qsp_qssh_forward *all;
	struct qsp_qssh_tunnel *tunnels;
	struct qsp_qssh_asker *askers; /* connected to a D, and have not asked yet */
	unsigned asked;                /* remote ones of the configuration that are not answered */
};

/* --- forward.c ------------------------------------------------------------------------------ */

/* What came of it; port: the one that listens. why: a line, where ok is false. */
typedef void qsp_qssh_forward_done(void *arg, bool ok, uint16_t port, const char *why);

struct qsp_qssh_forward_order {
	char kind; /* 'L', 'R' or 'D' */
	const char *spec;
	bool shared; /* by a client of a shared connection: one that stands already will do */
	qsp_qssh_forward_done *done; /* called once, now or later */
	void *arg;
};

/* A forward that stands, or is asked for. */
struct qsp_qssh_forward {
	struct qsp_qssh_forward *next;
	struct qsp_qssh *q;
	struct qsp_client_forward spec;
	uint16_t port; /* that listens; 0: not known yet, or a path */
	bool asked;    /* the server has not answered */
	bool shared;
	qsp_qssh_forward_done *done; /* of who waits for the answer */
	void *arg;
	struct qsp_qssh_listener *listeners; /* here */
	bool has_name;                       /* listen_path is ours to remove */
	struct qsp_bind_name name;
};

/* All of the configuration, on an open connection. */
void qsp_qssh_forward_start(struct qsp_qssh *q);
/* One more, spec as behind the option. */
void qsp_qssh_forward_add(struct qsp_qssh *q, const struct qsp_qssh_forward_order *o);
/* Listens no more; connections that stand go on. spec may stop behind the listening end. */
void qsp_qssh_forward_cancel(struct qsp_qssh *q, const struct qsp_qssh_forward_order *o);
/* Tells the person in front of s what listens (~#). */
struct qsp_qssh_session;
void qsp_qssh_forward_list(struct qsp_qssh_session *s);
/* Says that the server refused a channel, and why. */
void qsp_qssh_forward_tell_refused(const struct qsp_mux_event *ev);
/* The answers to all that the configuration asks for are here: -f may go to the background. */
bool qsp_qssh_forward_is_settled(const struct qsp_qssh *q);
/* Everything ends; keep: another process goes on with names of sockets. */
void qsp_qssh_forward_free(struct qsp_qssh *q, bool keep);

/* --- forward_local.c ------------------------------------------------------------------------ */

/* False, and said why. */
bool qsp_qssh_local_listen(struct qsp_qssh_forward *f);
void qsp_qssh_local_close(struct qsp_qssh_forward *f, bool keep);

/* --- forward_socks.c ------------------------------------------------------------------------ */

/* fd, taken, becomes a tunnel to where it asks. */
void qsp_qssh_socks_begin(struct qsp_qssh *q, int fd);
/* All that have not asked yet are closed. */
void qsp_qssh_socks_end(struct qsp_qssh *q);

/* --- forward_remote.c ----------------------------------------------------------------------- */

/* Asks the server to listen, or to stop; the reply comes as the channel's calls have it. */
QSP_MUST_USE qsp_err qsp_qssh_remote_ask(struct qsp_qssh_forward *f, bool cancel,
					 qsp_qssh_reply *reply, void *arg);
/* A channel that the server opens for one of them. */
void qsp_qssh_remote_offer(struct qsp_qssh *q, const struct qsp_mux_event *ev);
/* The target of an R, in words. */
void qsp_qssh_remote_target(const struct qsp_client_forward *spec, char *out, size_t cap);

/* --- tunnel.c ------------------------------------------------------------------------------- */

/* Where a channel is to lead: path, or host and port. */
struct qsp_qssh_target {
	const char *host, *path;
	uint16_t port;
};

/* fd, taken, to a channel of type direct-tcpip or direct-streamlocal. socks: is told what came of it,
 * first; or NULL. */
void qsp_qssh_tunnel_open(struct qsp_qssh *q, int fd, const struct qsp_qssh_target *to,
			  const struct qsp_socks *socks);
/* The server's channel is accepted or refused once we are connected, or SOCKS has asked. */
void qsp_qssh_tunnel_offered(struct qsp_qssh *q, uint32_t channel,
			     const struct qsp_client_forward *spec);
/* The same to a socket that is there, fd, taken; `what` it is in words. */
void qsp_qssh_tunnel_accept(struct qsp_qssh *q, uint32_t channel, int fd, const char *what);
void qsp_qssh_tunnel_free_all(struct qsp_qssh *q);

#endif
