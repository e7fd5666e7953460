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
 *	talk      conversations with PAM, each in a process of its own
 *	attempt   one try, from its question to its verdict
 *	ways      AuthenticationMethods
 *	decide    the answers
 *	login     what has been granted to which connection, and the sessions
 */
#ifndef QSP_CMD_QSSHD_AUTH_H
#define QSP_CMD_QSSHD_AUTH_H

#include <sys/types.h>

#include "cmd/qsshd/config.h"
#include "cmd/qsshd/rpc.h"
#include "proto/proof.h"
#include "sys/ipc.h"
#include "trust/secrets.h"

#define QSP_AUTH_LINKS_MAX 256
#define QSP_AUTH_GRANTS_MAX 65536
#define QSP_AUTH_PATH_MAX 1024
#define QSP_AUTH_TALKS_MAX 1024 /* processes of PAM at once, sessions' aside */

/* A user as the password database has it; owned text. */
struct qsp_auth_user {
	char name[QSP_USER_MAX + 1];
	char home[QSP_AUTH_PATH_MAX];
	char shell[QSP_AUTH_PATH_MAX];
	uid_t uid;
	gid_t gid;
};

/* What the options of a key say of its session; owned, to be freed (auth_ways.c). */
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

/* What a user has gone through, where AuthenticationMethods wants several ways. */
struct qsp_auth_ways {
	char user[QSP_USER_MAX + 1];
	size_t n;
	uint8_t done[QSP_WAYS_MAX];                /* enum qsp_qsshd_way */
	uint8_t key[QSP_WAYS_MAX][QSP_KEY_ID_LEN]; /* of those that were keys: each counts once */
	struct qsp_auth_limits limits;             /* all that those keys' options say */
	unsigned next;                             /* 1 << way of each that may follow */
};

/*
 * One try. What q borrows from its message is there during the call alone that brought it, but for the
 * texts that are copied below.
 */
struct qsp_auth_talk;
/* A process of PAM that has said yes and waits: with its handle the session can be opened. */
struct qsp_auth_kept {
	int fd; /* 0: none */
	pid_t pid;
};
struct qsp_auth_attempt {
	int link;
	bool resumes; /* a session of this login: nothing is to be proved */
	struct qsp_rpc_auth q;
	uint8_t user[QSP_USER_MAX], address[QSP_RPC_ADDRESS_MAX], own[QSP_RPC_ADDRESS_MAX];
	struct qsp_auth_person p;
	bool allowed;
	struct qsp_key_public key; /* where it is one that may be */
	struct qsp_auth_limits limits;
	char what[QSP_KEY_PRINT_MAX + 32]; /* the key, for the log */
	struct qsp_key32 ss;               /* of a challenge that has not been answered yet */
	bool challenged;
	struct qsp_ck ck; /* with ss mixed in, where the proof was right */
	size_t ck_len;
	struct qsp_auth_talk *talk;
	struct qsp_auth_kept pam;
	char why[QSP_RPC_WHY_MAX + 1]; /* the connection ends with these words, if any */
};

/*
 * A connection that somebody tries to log in by, until it is gone. A session starts only for one that
 * is proved: by password, by a signature, or by the proof for a challenge whose ss never left this
 * process.
 */
struct qsp_auth_grant {
	int link;
	uint64_t conn;
	int failures;                     /* of this connection, whoever it said to be */
	struct qsp_auth_attempt *attempt; /* that waits for a reply, or for PAM */
	struct qsp_auth_ways ways;
	bool granted;             /* all is proved, and what follows counts */
	struct qsp_auth_kept pam; /* for its first session */
	pid_t session;            /* 0: none runs */
	struct qsp_auth_user user;
	struct qsp_auth_limits limits;
	struct qsp_rpc_limits net;
	char *config; /* that of the login, as text */
	char address[QSP_RPC_ADDRESS_MAX];
	uint16_t port;
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
	struct qsp_secrets secrets;                        /* as the file has them */
	struct qsp_rpc_secret secret[QSP_RPC_SECRETS_MAX]; /* and as they count today */
	size_t n_secrets;
	int link[QSP_AUTH_LINKS_MAX];
	size_t n_links;
	struct qsp_auth_watch **watch;
	size_t n_watches, cap_watches;
	struct pollfd *poll; /* for all of these */
	size_t cap_poll;
	pid_t talker[QSP_AUTH_TALKS_MAX];
	size_t n_talkers;
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
/* As they count today; true where that is news. */
bool qsp_auth_secret_refresh(struct qsp_auth *a);

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

/* auth_talk.c: a conversation with PAM. What is heard of it: prompts, each to be replied to, then the
 * verdict, and nothing more. */
struct qsp_auth_word {
	const struct qsp_prompt *prompt; /* NULL: it is over */
	enum qsp_rpc_talk_verdict verdict;
	struct qsp_bytes why; /* not YES */
};
typedef void (*qsp_auth_heard)(struct qsp_auth *a, void *arg, const struct qsp_auth_word *w);
/* NULL where it could not be begun; having said why. */
struct qsp_auth_talk *qsp_auth_talk_start(struct qsp_auth *a, const struct qsp_rpc_talk *q,
					  qsp_auth_heard heard, void *arg);
void qsp_auth_talk_reply(struct qsp_auth_talk *t, const struct qsp_reply *r);
/* Nothing more is heard, and its process ends. */
void qsp_auth_talk_cancel(struct qsp_auth *a, struct qsp_auth_talk *t);
/* From within `heard`, of a yes: its process stays until what is kept is let go, or used. */
void qsp_auth_talk_keep(struct qsp_auth *a, const struct qsp_auth_talk *t,
			struct qsp_auth_kept *out);
void qsp_auth_talk_let_go(struct qsp_auth_kept *k);
/* Has it open the session, with these descriptors for qsshd-session: its process, which is the session's now;
 * -1 where it is gone. Lets go. */
pid_t qsp_auth_talk_session(struct qsp_auth_kept *k, const int *fds, size_t n);
/* A child has ended: true where it was one of these. */
bool qsp_auth_talk_reaped(struct qsp_auth *a, pid_t pid);

/* auth_attempt.c: says who it is that may not. NULL without memory. */
struct qsp_auth_attempt *qsp_auth_attempt_new(struct qsp_auth *a, int link,
					      const struct qsp_rpc_auth *q);
void qsp_auth_attempt_free(struct qsp_auth *a, struct qsp_auth_attempt *t);
/* The user's key of this id and type, for this login. */
bool qsp_auth_attempt_find_key(struct qsp_auth *a, struct qsp_auth_attempt *t,
			       const uint8_t id[QSP_KEY_ID_LEN], uint8_t type);
/* Whether root may be in by this; says so where not. */
bool qsp_auth_attempt_check_root(struct qsp_auth *a, const struct qsp_auth_grant *g,
				 const struct qsp_auth_attempt *t);
/*
 * Whether a proof could count at all: as root may, in the order of AuthenticationMethods, and before the
 * user's own MaxAuthTries is past. After that nothing helps any more, and the peer sees refusals as before: the
 * number after which the engine ends the connection depends on nobody's name.
 */
bool qsp_auth_attempt_may_count(struct qsp_auth *a, const struct qsp_auth_grant *g,
				const struct qsp_auth_attempt *t);
/* "VERDICT publickey for [invalid user ]U from A port P[: KEY]" */
void qsp_auth_attempt_log(const struct qsp_auth *a, const struct qsp_auth_attempt *t,
			  const char *verdict);
/* Logs and counts a failure. */
void qsp_auth_attempt_failed(const struct qsp_auth *a, struct qsp_auth_grant *g,
			     const struct qsp_auth_attempt *t);

/* auth_ways.c: whether this may come next. */
bool qsp_auth_ways_may(const struct qsp_auth_grant *g, const struct qsp_auth_attempt *t);
/* One more is done, and its key's options hold from now on; true where none has to follow. */
bool qsp_auth_ways_did(struct qsp_auth_grant *g, struct qsp_auth_attempt *t);
void qsp_auth_ways_reset(struct qsp_auth_ways *w);
/* What can continue: for a stranger it never depends on the user [P4.5]. g may be NULL. */
size_t qsp_auth_ways_methods(struct qsp_auth *a, const struct qsp_auth_grant *g,
			     const struct qsp_rpc_auth *q, uint8_t out[QSP_METHODS_MAX]);

/* auth_decide.c: answers a question. */
void qsp_auth_decide(struct qsp_auth *a, int link, const struct qsp_rpc_auth *q);
/*
 * A session of this login is to be resumed [P4.7]: would the user be let in today, from there, by the
 * method and, for one with a key, with the key (key_type, key_id) that q names? Nothing is proved by it.
 */
void qsp_auth_decide_resume(struct qsp_auth *a, int link, const struct qsp_rpc_auth *q);

/* auth_login.c: the connection's record, made where there is none; NULL without memory. */
struct qsp_auth_grant *qsp_auth_login_record(struct qsp_auth *a, int link, uint64_t conn);
struct qsp_auth_grant *qsp_auth_login_find(struct qsp_auth *a, int link, uint64_t conn);
/* Takes a yes back, and ends an attempt. */
void qsp_auth_login_retract(struct qsp_auth *a, struct qsp_auth_grant *g);
/* The connection is gone, or all of its link. */
void qsp_auth_login_forget(struct qsp_auth *a, int link, uint64_t conn);
void qsp_auth_login_forget_link(struct qsp_auth *a, int link);
void qsp_auth_login_start(struct qsp_auth *a, int link, const struct qsp_rpc_ends *ends);
void qsp_auth_login_reap(struct qsp_auth *a);

#endif
