/* SPDX-License-Identifier: ISC */
/*
 * The insides of qsshd-auth, the process that holds the host keys and says who may log in. It sees
 * messages of qsshd-net alone, never a peer's bytes as such, and starts a session only for whom it
 * has said yes.
 *
 *	keys      host keys and obfuscation secrets: read, or made at the first start
 *	users     who exists, and whom the configuration lets in
 *	allowed   authorized_keys, read as the user
 *	password  crypt(3) and shadow
 *	login     what has been granted to which connection, and the sessions
 */
#ifndef QSP_CMD_QSSHD_AUTH_H
#define QSP_CMD_QSSHD_AUTH_H

#include <sys/types.h>

#include "cmd/qsshd/config.h"
#include "cmd/qsshd/rpc.h"
#include "proto/proof.h"
#include "sys/ipc.h"

#define QSP_AUTH_LINKS_MAX 256
#define QSP_AUTH_GRANTS_MAX 65536
#define QSP_AUTH_PATH_MAX 1024

/* A user as the password database has it; owned text. */
struct qsp_auth_user {
	char name[QSP_USER_MAX + 1];
	char home[QSP_AUTH_PATH_MAX];
	char shell[QSP_AUTH_PATH_MAX];
	uid_t uid;
	gid_t gid;
};

/* What the options of a key say of its session; owned, to be freed. */
struct qsp_auth_limits {
	char *command;     /* forced, or NULL */
	uint8_t forbidden; /* enum qsp_rpc_forbidden */
	struct qsp_qsshd_list permit_open, permit_listen, environment;
};
void qsp_auth_limits_free(struct qsp_auth_limits *l);

/* Who somebody says to be, and the configuration as it is for such a login: the Match blocks that fit. It
 * is there for users that do not exist, too, so that nothing tells them apart. */
struct qsp_auth_person {
	char name[QSP_USER_MAX + 1]; /* as it was sent */
	struct qsp_auth_user user;   /* where it is known */
	bool known;
	struct qsp_groups groups;
	struct qsp_qsshd_config config;
};

/*
 * A connection that somebody tries to log in by, until it is gone. A session starts only for one that
 * is proved: by password, by a signature, or by the proof for a challenge whose ss never left this
 * process.
 */
struct qsp_auth_grant {
	int link;
	uint64_t conn;
	int failures; /* of this connection, whoever it said to be */
	bool granted; /* what follows counts */
	bool proved;
	struct qsp_key32 ss; /* of a challenge that has not been answered yet */
	pid_t session;       /* 0: none runs */
	struct qsp_auth_user user;
	struct qsp_auth_limits limits;
	struct qsp_rpc_limits net;
	char *config; /* that of the login, as text */
	/* for the log, should the proof be wrong */
	char address[QSP_RPC_ADDRESS_MAX];
	uint16_t port;
	char what[QSP_KEY_PRINT_MAX + 32];
};

/* A descriptor that the loop waits for. ready: it can be read; false ends it, and then, as at the end of
 * the process, end is called, which closes and frees. */
struct qsp_auth;
struct qsp_auth_watch {
	int fd;
	bool (*ready)(struct qsp_auth *a, struct qsp_auth_watch *w);
	void (*end)(struct qsp_auth_watch *w);
};

struct qsp_auth {
	struct qsp_qsshd_config config;
	struct qsp_crypto *cx;
	bool is_root, draining;
	struct qsp_key *key[QSP_HOST_KEY_MAX];
	size_t n_keys;
	struct qsp_rpc_secret secret[QSP_RPC_SECRETS_MAX];
	size_t n_secrets;
	int link[QSP_AUTH_LINKS_MAX];
	size_t n_links;
	struct qsp_auth_watch **watch;
	size_t n_watches, cap_watches;
	struct pollfd *poll; /* for all of these */
	size_t cap_poll;
	struct qsp_auth_grant **grant;
	size_t n_grants, cap_grants;
};

/* auth_watch.c: false without memory; then w is still the caller's. */
bool qsp_auth_watch(struct qsp_auth *a, struct qsp_auth_watch *w);
/* Entries of poll(2) for all watches, behind `before` of the caller's; NULL without memory. */
struct pollfd *qsp_auth_watch_poll(struct qsp_auth *a, size_t before);
/* Those n watches that were asked for, from the first on. */
void qsp_auth_watch_serve(struct qsp_auth *a, const struct pollfd *p, size_t n);
void qsp_auth_watch_end(struct qsp_auth *a);

/* auth_tty.c: the session's end of the socket by which it gets terminals; -1: it opens its own. */
int qsp_auth_tty_desk(struct qsp_auth *a, const struct qsp_auth_grant *g);
/* Looks after the records that another qsshd-auth left. */
void qsp_auth_tty_adopt(struct qsp_auth *a);

/* auth_keys.c: false, having said why */
bool qsp_auth_keys_load(struct qsp_auth *a);
void qsp_auth_keys_free(struct qsp_auth *a);

/* auth_secret.c */
bool qsp_auth_secret_load(struct qsp_auth *a);

/* auth_users.c: fills p, to be freed; false, having said why, where this user may not log in from there at
 * all. */
bool qsp_auth_users_find(struct qsp_auth *a, const struct qsp_rpc_auth *q,
			 struct qsp_auth_person *p);
void qsp_auth_users_free(struct qsp_auth_person *p);

/* auth_allowed.c: the key of this id where the user's files let this login in by it; limits is
 * filled, to be freed. Says what went wrong. */
bool qsp_auth_allowed(struct qsp_auth *a, const struct qsp_auth_person *p,
		      const struct qsp_rpc_auth *q, const uint8_t id[QSP_KEY_ID_LEN],
		      struct qsp_key_public *key, struct qsp_auth_limits *limits);

/* auth_password.c: u NULL takes as long as a wrong password of a user */
bool qsp_auth_password(const struct qsp_auth_user *u, struct qsp_bytes password);

/* auth_decide.c: answers a question. */
void qsp_auth_decide(struct qsp_auth *a, int link, const struct qsp_rpc_auth *q);
/*
 * Whether this user may still be in from this address, by the method and, for one with a key, with the
 * key (key_type, key_id) that q names; nothing else of q counts, and nothing is proved by it. What a
 * resumption asks. limits is filled, to be freed; the log gets the reason of a no.
 */
bool qsp_auth_still_allowed(struct qsp_auth *a, const struct qsp_rpc_auth *q,
			    struct qsp_auth_limits *limits);
/* A session of this login is to be resumed [P4.7]: would it be let in today, from there? */
void qsp_auth_decide_resume(struct qsp_auth *a, int link, const struct qsp_rpc_auth *q);

/* auth_login.c: the connection's record, made where there is none; NULL without memory. */
struct qsp_auth_grant *qsp_auth_login_record(struct qsp_auth *a, int link, uint64_t conn);
struct qsp_auth_grant *qsp_auth_login_find(struct qsp_auth *a, int link, uint64_t conn);
/* Takes a yes back. */
void qsp_auth_login_retract(struct qsp_auth_grant *g);
/* The connection is gone, or all of its link. */
void qsp_auth_login_forget(struct qsp_auth *a, int link, uint64_t conn);
void qsp_auth_login_forget_link(struct qsp_auth *a, int link);
/* The proof was wrong: says so, and takes the yes back. */
void qsp_auth_login_failed(struct qsp_auth *a, int link, uint64_t conn);
void qsp_auth_login_start(struct qsp_auth *a, int link, const struct qsp_rpc_ends *ends);
void qsp_auth_login_reap(struct qsp_auth *a);

#endif
