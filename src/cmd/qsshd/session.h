/* SPDX-License-Identifier: ISC */
/*
 * The insides of qsshd-session: one process per login, with the user's rights and no more. It owns the ptys
 * and the children of its channels; bytes do not pass through it.
 */
#ifndef QSP_CMD_QSSHD_SESSION_H
#define QSP_CMD_QSSHD_SESSION_H

#include <sys/types.h>

#include "cmd/qsshd/config.h"
#include "cmd/qsshd/rpc.h"
#include "sys/ipc.h"
#include "sys/spawn.h"

#define QSP_SESSION_FD 3
#define QSP_SESSION_ENV_MAX 256
#define QSP_SESSION_ENV_CLIENT_MAX 64 /* of those, a client may set so many */
#define QSP_SESSION_CHANNELS_MAX 1024

struct qsp_session_env {
	size_t n;
	char *v[QSP_SESSION_ENV_MAX + 1]; /* "NAME=value", NULL at the end */
};

struct qsp_session_channel {
	struct qsp_session_channel *next;
	uint32_t id;
	pid_t pid; /* 0: not started, or over */
	bool closed;
	int master, slave; /* -1: no pty */
	char tty[QSP_SPAWN_TTY_MAX];
	bool has_agent; /* its programs may use the client's */
	bool from_desk; /* qsshd-auth opened it, and is told of its end */
	uint64_t last;  /* when the user had logged in before, or 0 */
	char last_host[256];
	char term[64];
	struct qsp_session_env env; /* what the client asked for */
};

struct qsp_session {
	struct qsp_qsshd_config config;      /* that of this login */
	char *user, *home, *shell, *command; /* command: forced, or NULL */
	char *client, *connection;           /* SSH_CLIENT, SSH_CONNECTION */
	/* of the key that logged in */
	int desk; /* socket to qsshd-auth, or -1 */
	bool no_pty, no_port_forwarding, no_agent_forwarding, no_user_rc;
	struct qsp_qsshd_list permit_open, permit_listen; /* [HOST:]PORT; empty: no limits */
	struct qsp_qsshd_list environment;                /* NAME=value */
	uid_t uid;
	char *nologin; /* words of a /etc/nologin that a chroot hides, or NULL */
	struct qsp_session_channel *channels;
	size_t n_channels;
	/* forwarding */
	int resolver; /* socket to it; -1: none */
	struct qsp_session_connect *connects;
	size_t n_connects;
	struct qsp_session_listener *listeners;
	size_t n_listeners;
	char *agent_folder, *agent_path; /* NULL: nobody has asked */
	int agent_lock;                  /* the folder, locked; 0: none */
};

/* session_env.c */
bool qsp_session_env_set(struct qsp_session_env *e, const char *name, const char *value);
void qsp_session_env_free(struct qsp_session_env *e);
/* A client's variable: false where AcceptEnv does not name it. */
bool qsp_session_env_accept(struct qsp_session *s, struct qsp_session_channel *ch,
			    struct qsp_bytes name, struct qsp_bytes value);
/* All that the child gets; original: the command that a forced one stands for, or NULL. */
bool qsp_session_env_make(struct qsp_session *s, const struct qsp_session_channel *ch,
			  const char *original, struct qsp_session_env *out);

/* session_begin.c: what a child does before its shell or command: a struct qsp_session_begin, as
 * qsp_spawn's `before`. It may be the child's end. */
struct qsp_session_begin {
	const struct qsp_session *s;
	char *const *envp;
	const struct qsp_session_channel *greet; /* whose login shell is on a terminal, or NULL */
	bool subsystem;                          /* rc is not for it */
};
void qsp_session_begin(void *arg);
/* Before a chroot: whether the user may not log in now, by the system's own /etc. False without memory. */
bool qsp_session_begin_look(struct qsp_session *s);

/* session_tty.c: a terminal for the channel, from qsshd-auth where it gives any; its first process is
 * there; it is done with. */
bool qsp_session_tty_open(struct qsp_session *s, struct qsp_session_channel *ch);
void qsp_session_tty_used(const struct qsp_session *s, const struct qsp_session_channel *ch);
void qsp_session_tty_gone(const struct qsp_session *s, struct qsp_session_channel *ch);

/* session_child.c */
bool qsp_session_child_pty(struct qsp_session *s, struct qsp_session_channel *ch,
			   const struct qsp_rpc_pty *m);
void qsp_session_child_window(struct qsp_session_channel *ch, const uint32_t size[4]);
/* Starts it and fills fds for qsshd-net: one (pty) or three; 0 where it could not. */
size_t qsp_session_child_start(struct qsp_session *s, struct qsp_session_channel *ch,
			       enum qsp_rpc_kind kind, struct qsp_bytes command, int fds[3]);
bool qsp_session_child_signal(struct qsp_session_channel *ch, struct qsp_bytes name);
void qsp_session_child_exit(struct qsp_rpc_exit *m, int status);
void qsp_session_child_release(struct qsp_session_channel *ch);

/* session_modes.c: encoded terminal modes (RFC 4254, 8) onto a pty; what is not known is skipped. */
void qsp_session_modes_apply(int fd, struct qsp_bytes modes);

#endif
