/* SPDX-License-Identifier: ISC */
/*
 * What the processes of the server say to each other, one message each (sys/ipc.h). All of it
 * is parsed like wire bytes: qsshd-net may have been taken over by a peer, a session by its user.
 *
 * Control: qsshd to each child (descriptor 3). Link: each worker of qsshd-net to qsshd-auth.
 * Session: qsshd-net to qsshd-session, after qsshd-auth has put LOGIN into it.
 */
#ifndef QSP_CMD_QSSHD_RPC_H
#define QSP_CMD_QSSHD_RPC_H

#include <qsp/conn.h>

#include "base/reader.h"
#include "base/writer.h"

/* Descriptors of a child of qsshd. */
enum {
	QSP_RPC_CONTROL_FD = 3,
	QSP_RPC_CONFIG_FD = 4,
	QSP_RPC_LOG_FD = 5,    /* where it does not log to stderr itself */
	QSP_RPC_REPLAY_FD = 6, /* net: the replay cache, which outlives it */
};

enum qsp_rpc_control {
	QSP_RPC_WORKERS = 1, /* to net, first: u8 number of workers */
	QSP_RPC_LISTENER,    /* to net: u8 worker, + socket */
	QSP_RPC_LINK,        /* to net: u8 worker; to auth: u8 0; + socket of the link */
	QSP_RPC_GO,          /* to net: all listeners have been sent */
	QSP_RPC_DRAIN, /* to net: accept no more, end when nobody is left; to auth: the same; from net:
			* it accepts no more */
	QSP_RPC_STOP,  /* to net: end all connections in order, then exit */
	QSP_RPC_READY, /* from net: listening; from auth: keys are there */
};

enum qsp_rpc_link {
	QSP_RPC_HELLO = 16,     /* from auth, first: struct qsp_rpc_hello */
	QSP_RPC_DECAPS,         /* to auth: struct qsp_rpc_decaps */
	QSP_RPC_DECAPS_ANSWER,  /* from auth */
	QSP_RPC_AUTH,           /* to auth: struct qsp_rpc_auth */
	QSP_RPC_AUTH_ANSWER,    /* from auth */
	QSP_RPC_SESSION,        /* to auth: the connection is open, start its session */
	QSP_RPC_SESSION_ANSWER, /* from auth: + socket of the session, or none: refused */
	QSP_RPC_GONE,           /* to auth: forget this connection */
	QSP_RPC_RESUME, /* to auth: struct qsp_rpc_auth: may this login still be, from there? */
	QSP_RPC_RESUME_ANSWER, /* from auth: u64 connection, u8 yes */
};

enum qsp_rpc_session {
	QSP_RPC_LOGIN = 32, /* from auth: struct qsp_rpc_login */
	QSP_RPC_PTY,        /* to session: struct qsp_rpc_pty */
	QSP_RPC_ENV,        /* to session: u32 channel, u8 want, vec32 name, vec32 value */
	QSP_RPC_START,      /* to session: u32 channel, u8 want, u8 kind, vec32 command */
	QSP_RPC_WINDOW,     /* to session: u32 channel, 4 x u32 */
	QSP_RPC_SIGNAL,     /* to session: u32 channel, vec32 name without SIG */
	QSP_RPC_CLOSE,      /* to session: u32 channel: its peer closed it */
	QSP_RPC_STARTED,    /* from session: u32 channel, u8 ok, + descriptors (1: pty; 3: pipes) */
	QSP_RPC_REPLY,      /* from session: u32 channel, u8 ok: to a request with want */
	QSP_RPC_EXIT,       /* from session: struct qsp_rpc_exit */
	/* forwarding */
	QSP_RPC_CONNECT,   /* to session: struct qsp_rpc_target; id: of the channel */
	QSP_RPC_CONNECTED, /* from session: struct qsp_rpc_connected, + the socket if reason is 0 */
	QSP_RPC_LISTEN,    /* to session: struct qsp_rpc_target; id: of the request */
	QSP_RPC_UNLISTEN,  /* to session: the same */
	QSP_RPC_LISTENING, /* from session: u32 id, u8 ok, u16 port: to the last two */
	QSP_RPC_ACCEPTED,  /* from session: u8 enum qsp_rpc_forward, vec16 body, + a socket: open a
			      channel of that type */
	QSP_RPC_AGENT, /* to session: u32 channel, u8 want: its programs may use the client's agent */
};

enum qsp_rpc_forward { QSP_RPC_FORWARD_TCP, QSP_RPC_FORWARD_UNIX, QSP_RPC_FORWARD_AGENT };

#define QSP_RPC_HOST_MAX 1025   /* of a name, or a path */
#define QSP_RPC_CONNECTS_MAX 64 /* CONNECTs that wait for CONNECTED, of one session */

/* Session and auth, on the session's third descriptor. */
enum qsp_rpc_desk {
	QSP_RPC_TTY =
		64, /* a terminal is wanted; the answer: struct qsp_rpc_tty, + master, slave */
	QSP_RPC_TTY_USED, /* to auth: u32 first process on it, name */
	QSP_RPC_TTY_GONE, /* to auth: name */
};

/* Auth and pam. */
enum qsp_rpc_talking {
	QSP_RPC_TALK = 72,   /* to pam, first: struct qsp_rpc_talk */
	QSP_RPC_TALK_PROMPT, /* from pam: struct qsp_prompt */
	QSP_RPC_TALK_REPLY,  /* to pam: struct qsp_reply */
	QSP_RPC_TALK_DONE,   /* from pam, last: u8 enum qsp_rpc_talk_verdict, vec16 why not */
	QSP_RPC_TALK_SESSION, /* to pam, after a yes: + the descriptors of qsshd-session, to be started
				 in a session of the same handle */
};

enum qsp_rpc_talk_verdict {
	QSP_RPC_TALK_YES,
	QSP_RPC_TALK_NO,      /* not proved */
	QSP_RPC_TALK_CLOSED,  /* proved, and this account may not be used */
	QSP_RPC_TALK_EXPIRED, /* proved, and the password has to be changed first */
};

/* Exit status of the process around a session that PAM did not open. */
#define QSP_RPC_PAM_NO_SESSION 99
/* Before the name of each variable of PAM in the environment of qsshd-session, which begins as root: users
 * may have a say in them, and LD_PRELOAD is one like any other. */
#define QSP_RPC_PAM_ENV "PAM:"

enum qsp_rpc_kind { QSP_RPC_SHELL, QSP_RPC_EXEC, QSP_RPC_SUBSYSTEM };

#define QSP_RPC_ADDRESS_MAX 64
#define QSP_RPC_SECRETS_MAX QSP_SECRET_MAX
#define QSP_RPC_PASSWORD_MAX 1024
#define QSP_RPC_SERVICE_MAX 64
#define QSP_RPC_WHY_MAX 255 /* as much as a CLOSE has */

struct qsp_rpc_secret {
	uint8_t age; /* enum qsp_secret_age */
	uint8_t key[QSP_OK_LEN];
};

struct qsp_rpc_hello {
	size_t n_keys;
	struct qsp_bytes key[QSP_HOST_KEY_MAX]; /* blobs */
	size_t n_secrets;
	struct qsp_rpc_secret secret[QSP_RPC_SECRETS_MAX];
};

/* `conn` names a connection on its link; the net process chooses it. */
struct qsp_rpc_decaps {
	uint64_t conn;
	bool all_keys, has_point;
	uint8_t key;
	uint8_t point[32];
	struct qsp_bytes ct;
};

struct qsp_rpc_decaps_answer {
	uint64_t conn;
	bool ok;
	struct qsp_decaps_answer answer;
};

struct qsp_rpc_auth {
	uint64_t conn;
	struct qsp_bytes user;
	uint8_t method, key_type;
	uint8_t key_id[QSP_KEY_ID_LEN];
	struct qsp_bytes key; /* blob, or nothing */
	struct qsp_bytes password;
	struct qsp_bytes address, own; /* the client's, and where it came in */
	uint16_t port, own_port;
	bool has_proof;            /* KEM: the proof for the challenge of the answer before */
	uint8_t kem;               /* of the suite */
	struct qsp_bytes ck;       /* has_proof: what ss is to be mixed into */
	struct qsp_bytes h, proof; /* has_proof, or a signature */
	bool has_reply;            /* INTERACTIVE: to the prompt of the answer before */
	struct qsp_reply reply;
};

/* What qsshd-net enforces for one login: the configuration with the Match blocks that fit. */
struct qsp_rpc_limits {
	uint32_t max_sessions;
	uint32_t alive_s, alive_count; /* ClientAliveInterval, ClientAliveCountMax */
};

struct qsp_rpc_auth_answer {
	uint64_t conn;
	uint8_t verdict;
	struct qsp_bytes key; /* blob, or nothing */
	uint8_t methods[QSP_METHODS_MAX];
	size_t n_methods;
	struct qsp_bytes ct;          /* a challenge, or nothing */
	struct qsp_bytes ck;          /* has_proof was accepted: with ss mixed in */
	struct qsp_rpc_limits limits; /* of an ACCEPT */
	struct qsp_prompt prompt;     /* of a PROMPT */
	struct qsp_bytes why;         /* of a REFUSE: the connection ends with these words */
};

/* The two ends of the connection, for SSH_CONNECTION. */
struct qsp_rpc_ends {
	uint64_t conn;
	struct qsp_bytes peer, own;
	uint16_t peer_port, own_port;
};

#define QSP_RPC_LIST_MAX 32
struct qsp_rpc_list {
	size_t n;
	struct qsp_bytes v[QSP_RPC_LIST_MAX];
};

/* What the options of the key forbid. */
enum qsp_rpc_forbidden {
	QSP_RPC_NO_PTY = 1 << 0,
	QSP_RPC_NO_PORT_FORWARDING = 1 << 1,
	QSP_RPC_NO_AGENT_FORWARDING = 1 << 2,
	QSP_RPC_NO_USER_RC = 1 << 3,
};

struct qsp_rpc_login {
	uint32_t uid, gid;
	bool has_groups; /* the process is in its groups already: PAM may have added some */
	struct qsp_bytes user, home, shell;
	/* of the key that logged in */
	bool has_desk;    /* a socket to auth is the third descriptor */
	bool has_command; /* forced: an empty one is one too */
	struct qsp_bytes command;
	uint8_t forbidden;                              /* enum qsp_rpc_forbidden */
	struct qsp_rpc_list permit_open, permit_listen; /* nothing: no limits */
	struct qsp_rpc_list environment;                /* NAME=value */
	struct qsp_rpc_ends ends;                       /* conn unused */
};

enum qsp_rpc_talk_kind {
	QSP_RPC_TALK_INTERACTIVE,
	QSP_RPC_TALK_PASSWORD, /* that goes with the question */
	QSP_RPC_TALK_ACCOUNT,  /* proved by other means: may this account be used? */
};

struct qsp_rpc_talk {
	uint8_t kind;
	bool hopeless; /* whatever is said, the answer is no */
	struct qsp_bytes service, user, address, password;
};

struct qsp_rpc_tty {
	bool ok;
	struct qsp_bytes name;      /* a path */
	uint64_t last;              /* when the user last logged in; 0: nobody knows */
	struct qsp_bytes last_host; /* and from where */
};

struct qsp_rpc_pty {
	uint32_t channel;
	bool want;
	uint32_t columns, rows, width, height;
	struct qsp_bytes term, modes;
};

struct qsp_rpc_exit {
	uint32_t channel;
	bool by_signal, core;
	uint32_t status;
	struct qsp_bytes signal; /* name without SIG */
};

/* Where to connect or listen. */
struct qsp_rpc_target {
	uint32_t id;
	bool is_path;          /* host is the path of a unix socket, port 0 */
	struct qsp_bytes host; /* no NUL in it */
	uint16_t port;
};

struct qsp_rpc_connected {
	uint32_t channel;
	uint8_t reason; /* 0: connected; else of RFC 4254, 5.1 */
	struct qsp_bytes text;
};

/* The type of a message: its first byte. get_ takes what follows it, put_ writes all of it. */
struct qsp_writer qsp_rpc_begin(uint8_t *out, size_t cap, unsigned type);

void qsp_rpc_put_hello(struct qsp_writer *w, const struct qsp_rpc_hello *m);
QSP_MUST_USE qsp_err qsp_rpc_get_hello(struct qsp_bytes in, struct qsp_rpc_hello *m);
void qsp_rpc_put_decaps(struct qsp_writer *w, const struct qsp_rpc_decaps *m);
QSP_MUST_USE qsp_err qsp_rpc_get_decaps(struct qsp_bytes in, struct qsp_rpc_decaps *m);
void qsp_rpc_put_decaps_answer(struct qsp_writer *w, const struct qsp_rpc_decaps_answer *m);
QSP_MUST_USE qsp_err qsp_rpc_get_decaps_answer(struct qsp_bytes in,
					       struct qsp_rpc_decaps_answer *m);
void qsp_rpc_put_auth(struct qsp_writer *w, const struct qsp_rpc_auth *m);
QSP_MUST_USE qsp_err qsp_rpc_get_auth(struct qsp_bytes in, struct qsp_rpc_auth *m);
void qsp_rpc_put_auth_answer(struct qsp_writer *w, const struct qsp_rpc_auth_answer *m);
QSP_MUST_USE qsp_err qsp_rpc_get_auth_answer(struct qsp_bytes in, struct qsp_rpc_auth_answer *m);
void qsp_rpc_put_ends(struct qsp_writer *w, const struct qsp_rpc_ends *m);
QSP_MUST_USE qsp_err qsp_rpc_get_ends(struct qsp_bytes in, struct qsp_rpc_ends *m);
void qsp_rpc_put_login(struct qsp_writer *w, const struct qsp_rpc_login *m);
QSP_MUST_USE qsp_err qsp_rpc_get_login(struct qsp_bytes in, struct qsp_rpc_login *m);
/* rpc_talk.c; prompts and replies are written as on the wire: qsp_msg_put_prompt, qsp_msg_put_reply. */
/* Like qsp_msg_read_reply; one that is longer than any password fails too. */
void qsp_rpc_read_reply(struct qsp_reader *r, struct qsp_reply *m);
void qsp_rpc_put_talk(struct qsp_writer *w, const struct qsp_rpc_talk *m);
QSP_MUST_USE qsp_err qsp_rpc_get_talk(struct qsp_bytes in, struct qsp_rpc_talk *m);
void qsp_rpc_put_tty(struct qsp_writer *w, const struct qsp_rpc_tty *m);
QSP_MUST_USE qsp_err qsp_rpc_get_tty(struct qsp_bytes in, struct qsp_rpc_tty *m);
void qsp_rpc_put_pty(struct qsp_writer *w, const struct qsp_rpc_pty *m);
QSP_MUST_USE qsp_err qsp_rpc_get_pty(struct qsp_bytes in, struct qsp_rpc_pty *m);
void qsp_rpc_put_exit(struct qsp_writer *w, const struct qsp_rpc_exit *m);
QSP_MUST_USE qsp_err qsp_rpc_get_exit(struct qsp_bytes in, struct qsp_rpc_exit *m);
void qsp_rpc_put_target(struct qsp_writer *w, const struct qsp_rpc_target *m);
QSP_MUST_USE qsp_err qsp_rpc_get_target(struct qsp_bytes in, struct qsp_rpc_target *m);
void qsp_rpc_put_connected(struct qsp_writer *w, const struct qsp_rpc_connected *m);
QSP_MUST_USE qsp_err qsp_rpc_get_connected(struct qsp_bytes in, struct qsp_rpc_connected *m);

#endif
