/* SPDX-License-Identifier: ISC */
/* What control_master.c and control_serve.c share: the clients of our connection. */
#ifndef QSP_CMD_QSSH_CONTROL_H
#define QSP_CMD_QSSH_CONTROL_H

#include "app/client_control.h"
#include "cmd/qssh/qssh.h"
#include "sys/ipc.h"

struct qsp_qssh_control_client {
	struct qsp_qssh *q;
	struct qsp_qssh_control_client *next, **prev;
	uv_poll_t poll;
	int fd, std[3];
	struct qsp_qssh_session *session;
	struct qsp_qssh_stdfwd *stdfwd;
	bool asked, answered, gone;
	bool forwarding; /* waits for what comes of a FORWARD or CANCEL */
	bool closed;     /* and only for that */
};

struct qsp_qssh_control {
	uv_poll_t poll;
	int fd;
	struct qsp_bind_name name; /* which control_path is ours to remove */
	struct qsp_qssh_control_client *clients;
	size_t n_clients;
	struct qsp_ipc_message in;
};

/* --- control_master.c: who is there ---------------------------------------------------------- */

/* Its end: the socket closes, and what it brought. */
void qsp_qssh_control_drop(struct qsp_qssh_control_client *c);
/* A client that does not take what we say is not waited for: its socket ends, which it sees. */
void qsp_qssh_control_say(struct qsp_qssh_control_client *c, const struct qsp_client_control *m);

/* --- control_serve.c: what it asks for ------------------------------------------------------- */

/* A message of its. */
void qsp_qssh_control_take(struct qsp_qssh_control_client *c, struct qsp_client_control *m);
/* No, where it has had no answer yet. */
void qsp_qssh_control_refuse(struct qsp_qssh_control_client *c, const char *why);

#endif
