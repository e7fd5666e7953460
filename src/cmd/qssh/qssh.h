/* SPDX-License-Identifier: ISC */
/*
 * qssh from inside: one struct that its files share, and what each of them offers.
 *
 *     qssh.c       options, configuration; then contact.c runs
 *     contact.c    the connection: calls, handshake, the drive, the end
 *     host.c, auth.c    trust and logging in
 *     program.c    what happens on an open connection, and when to leave it
 *     channel.c    channels, by whom session.c, ... own one each
 *     session.c, pump.c, plan.c, request.c, escapes.c, command.c    one session
 *     stdfwd.c      -W
 *     forward.c, forward_local.c, forward_socks.c, forward_remote.c, tunnel.c, ...    -L, -R, -D
 *     control_client.c, control_master.c, control_serve.c, control_ask.c    connection sharing, both sides
 *     shape.c      what hides sizes and times
 *     link.c       a connection that is kept up for sessions to come
 *     background.c going on without a terminal
 *     resume.c     another connection after one was lost
 *     proxy.c      a connection by way of a program: ProxyCommand, ProxyJump
 *
 * Connection and channels are apart: contact.c alone knows the drive. All others reach the mux and
 * the engine through qsp_qssh_contact_mux and _conn anew each time, keep neither, and say
 * qsp_qssh_contact_kick after they wrote; so another drive, with the same channels, can take over.
 */
#ifndef QSP_CMD_QSSH_H
#define QSP_CMD_QSSH_H

#include <qsp/channel.h>
#include <qsp/conn.h>

#include "app/client_config.h"
#include "app/drive.h"
#include "cmd/qssh/channel.h"
#include "cmd/qssh/forward.h"
#include "cmd/qssh/session.h"
#include "sys/log.h"
#include "trust/bridge.h"
#include "trust/known_hosts.h"

#include <stdio.h>

#define QSP_QSSH_FAILED 255
#define QSP_QSSH_KEYS_MAX 64
#define QSP_QSSH_OUTPUT_MAX                                                                        \
	(256 * 1024)                /* data that waits in the output, over which none is read */
#define QSP_QSSH_CHANNELS_MAX 16384 /* sessions and forwarded connections */
#define QSP_QSSH_SYSTEM_DIR "/etc/qssh"

/* --- say.c: diagnostics --------------------------------------------------------------------- */

void qsp_qssh_say_init(enum qsp_log_level level, FILE *to);
void qsp_qssh_say_set_level(enum qsp_log_level level);
enum qsp_log_level qsp_qssh_say_level(void);
/* One or more lines; QSP_LOG_DEBUG1.. with "debug1: " before them. */
void qsp_qssh_say(enum qsp_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* --- options.c ------------------------------------------------------------------------------ */

struct qsp_qssh_options {
	const char *config_file, *log_file, *query;
	const char *stdfwd;  /* of -W */
	const char *control; /* of -O */
	const char *link;    /* --link: how often in a row it has failed */
	char *host;          /* as given, without user and port */
	char **command;      /* words, NULL at the end; or NULL */
	bool version, print_config;
	bool is_bridge;
	struct qsp_bridge bridge;
};
/* Fills opt and cfg; 0, or what to exit with, plus one: usage has been told on stderr. */
int qsp_qssh_options_parse(int argc, char **argv, struct qsp_qssh_options *opt,
			   struct qsp_client_config *cfg);
void qsp_qssh_options_wipe(struct qsp_qssh_options *opt);

/* --- identity.c: the user's keys ------------------------------------------------------------ */

struct qsp_qssh_identity {
	char *path; /* or the agent's comment */
	struct qsp_key_public pub;
	struct qsp_key *key; /* NULL until it is needed, for one with a passphrase */
	bool tried, broken;  /* broken: its passphrase was not to be had */
	bool in_agent;       /* which answers for it; there may be no file */
	bool offered;        /* to the agent, to keep */
};
struct qsp_qssh;
void qsp_qssh_identity_load_all(struct qsp_qssh *q);
/* The private half, asking for its passphrase; NULL where there is none. */
struct qsp_key *qsp_qssh_identity_key(struct qsp_qssh *q, struct qsp_qssh_identity *id);
void qsp_qssh_identity_free_all(struct qsp_qssh *q);

/* --- agent.c: keys of the agent -------------------------------------------------------------- */

/* What the agent holds, at most cap; 0 where there is none. */
size_t qsp_qssh_agent_list(struct qsp_qssh *q, struct qsp_qssh_identity *out, size_t cap);
/* Answers QSP_WANT_DECAPS and QSP_WANT_SIGN with a key of the agent. */
void qsp_qssh_agent_mix(struct qsp_qssh *q, const struct qsp_qssh_identity *id);
void qsp_qssh_agent_sign(struct qsp_qssh *q, const struct qsp_qssh_identity *id);
/* A key from a file was opened: AddKeysToAgent. */
void qsp_qssh_agent_keep(struct qsp_qssh *q, const struct qsp_qssh_identity *id);
void qsp_qssh_agent_close(struct qsp_qssh *q);

/* --- agent_forward.c: the agent for programs of the host -------------------------------------- */

/* The configuration names an agent to forward, it is there, and the host is trusted. */
bool qsp_qssh_agent_may_forward(struct qsp_qssh *q);
/* A channel that the server opens to it. */
void qsp_qssh_agent_offered(struct qsp_qssh *q, const struct qsp_mux_event *ev);
/* How many of them wait for the agent; they end. */
size_t qsp_qssh_agent_offers(const struct qsp_qssh *q);
void qsp_qssh_agent_offers_end(struct qsp_qssh *q);

/* --- the program ---------------------------------------------------------------------------- */

enum qsp_qssh_stage { QSP_QSSH_CONTACT, QSP_QSSH_AUTH, QSP_QSSH_SESSION, QSP_QSSH_DONE };

/* How the server is called: one try. */
struct qsp_qssh_call {
	bool known; /* layout K to the key in q->contact, else T */
	enum qsp_ok_class ok_class;
};

struct qsp_qssh {
	struct qsp_qssh_options opt;
	struct qsp_client_config cfg;
	struct qsp_client_tokens tokens;
	char *home, *local_user, *host, *user;
	const char *name; /* of the host, for messages */
	struct qsp_crypto *cx;
	struct qsp_config *qsp;
	uv_loop_t loop;
	struct qsp_drive_pool *pool;
	struct qsp_drive *drive;
	enum qsp_qssh_stage stage;
	qsp_err end; /* as ops->closed said */
	int status;
	uint16_t port;
	char name_hash[41];                      /* of where the connection goes (%C) */
	char key_name[QSP_KNOWN_HOSTS_NAME_MAX]; /* of the host, in known_hosts */

	/* contact.c, host.c */
	struct qsp_qssh_call call;
	uv_timer_t patience;                  /* for an answer of the server */
	pid_t proxy;                          /* the program that carries the connection, or 0 */
	size_t proxy_lingering;               /* ends that were covered when it began */
	bool proxy_may_stay;                  /* behind us, to cover this one's */
	struct qsp_known_hosts_match contact; /* what is known, if has_contact */
	char *contact_path;

	/* auth.c, agent.c */
	struct qsp_agent_client *agent;
	struct qsp_qssh_agent_offer *agent_offers; /* of agent_forward.c */
	struct qsp_qssh_identity ids[QSP_QSSH_KEYS_MAX];
	size_t n_ids;
	struct qsp_qssh_identity *asking; /* the identity of the attempt that runs */
	int password_tries, interactive_tries;
	enum qsp_method method;
	bool agent_tried;        /* connecting to it */
	bool agent_asked;        /* a session asked the server to forward it */
	bool agent_told_unbound; /* that it does not know it is forwarded */

	/* channel.c */
	struct qsp_qssh_channels channels;

	/* forward.c */
	struct qsp_qssh_forwards forwards;

	/* shape.c */
	struct {
		unsigned ttys;                 /* sessions with a terminal */
		struct qsp_shape_params asked; /* of the server, last */
		uint32_t told;                 /* which change the user knows of */
		bool unpadded;                 /* padding was asked for, and refused */
	} shape;

	/* resume.c */
	struct {
		bool active;      /* lost, and not resumed yet */
		bool asked;       /* method 6 was tried in this attempt */
		const char *why;  /* given up */
		uint64_t since;   /* mono: of the loss */
		uint64_t pause;   /* the next one */
		uint64_t refused; /* mono: since the host refuses; 0: it does not */
		uv_timer_t timer; /* of the pause, or for an answer */
		uv_poll_t *poll;  /* of the search for a socket, while it runs */
		int in;
		struct qsp_key_public host_key;
	} resume;

	/* alive.c */
	int alive_missed;
	uint64_t alive_seen;
	uv_timer_t alive;

	/* wake.c */
	struct {
		int fd;         /* -1: we do not learn of it */
		qsp_time slept; /* ms, as last seen */
		uv_poll_t poll;
	} wake;

	/* program.c */
	struct qsp_qssh_session *session; /* the program's own, or NULL */
	struct qsp_qssh_stdfwd *stdfwd;   /* or -W's */
	int std[3];                       /* what these read and write */
	int killed_by;                    /* our own signal */
	uv_signal_t signals[6];
	size_t n_signals;

	/* control_master.c */
	struct qsp_qssh_control *control;
	char *control_path;
	uv_timer_t persist; /* how long to stay without a client */

	bool silent; /* there was no answer */
	bool has_contact;
	bool add_host;   /* once its key is proven */
	bool distrusted; /* a changed key that StrictHostKeyChecking=no let pass */
	bool secret_stored, asked_trust;
	bool ids_loaded, can_ask, none_tried;
	bool was_asked; /* a server that refuses without a question has none */
	bool opened, established;
	bool persisting;      /* stays for clients alone */
	bool want_background; /* ~& */
	bool dismissed;       /* a person, or a client, has told it to end */
	bool ended;           /* what the program was started for is over, status known */
	bool leaving;         /* status is what to exit with */
};

/* contact.c: the way to an open connection and through it; the exit status. */
int qsp_qssh_contact_run(struct qsp_qssh *q);
/* The connection that is there now; neither result is kept. */
struct qsp_mux *qsp_qssh_contact_mux(struct qsp_qssh *q);
struct qsp_conn *qsp_qssh_contact_conn(struct qsp_qssh *q);
/* Something was written into either. */
void qsp_qssh_contact_kick(struct qsp_qssh *q);
/* Ends the connection in order, now, and the program with this status; the first call counts. */
void qsp_qssh_contact_leave(struct qsp_qssh *q, int status);

/* The connection is another process's now: ours of its ends close without a word. */
void qsp_qssh_contact_forget(struct qsp_qssh *q);

/* host.c */
void qsp_qssh_host_look_up(struct qsp_qssh *q);
/* QSP_WANT_TRUST: asks, warns, decides. */
bool qsp_qssh_host_decide(struct qsp_qssh *q, const struct qsp_key_public *key);
/* Writes what was learned into known_hosts: the key once it is proven, the secret once it is here. */
void qsp_qssh_host_learn(struct qsp_qssh *q);
/* Whether to look at a host that stays silent with a first-contact handshake. */
bool qsp_qssh_host_look_again(struct qsp_qssh *q);
/* TYPE of a key as messages have it, in capitals. */
void qsp_qssh_host_type(uint8_t type, char out[64]);

/* hostfile.c: known_hosts on the disk */
enum qsp_known_hosts_verdict qsp_qssh_hostfile_check(struct qsp_qssh *q,
						     const struct qsp_key_public *key, char **path,
						     struct qsp_known_hosts_match *m);
bool qsp_qssh_hostfile_contact(struct qsp_qssh *q);
void qsp_qssh_hostfile_add(struct qsp_qssh *q, const struct qsp_key_public *key);
void qsp_qssh_hostfile_secret(struct qsp_qssh *q, const struct qsp_key_public *key,
			      const uint8_t secret[static QSP_OK_LEN]);

/* auth.c */
void qsp_qssh_auth_next(struct qsp_qssh *q);   /* QSP_WANT_AUTH */
void qsp_qssh_auth_decaps(struct qsp_qssh *q); /* QSP_WANT_DECAPS */
void qsp_qssh_auth_sign(struct qsp_qssh *q);   /* QSP_WANT_SIGN */
void qsp_qssh_auth_reply(struct qsp_qssh *q);  /* QSP_WANT_REPLY */
void qsp_qssh_auth_denied(struct qsp_qssh *q); /* says so */

/* resume.c: after the connection was lost. drive_ops.lost; wants of an attempt; a socket for one. */
void qsp_qssh_resume_init(struct qsp_qssh *q);
void qsp_qssh_resume_end(struct qsp_qssh *q);
bool qsp_qssh_resume_lost(struct qsp_qssh *q, qsp_err e);
void qsp_qssh_resume_wants(struct qsp_qssh *q, unsigned wants);
void qsp_qssh_resume_call(struct qsp_qssh *q, int fd);
/* The server gives no sign of life: drops the connection; false where the session goes with it. */
bool qsp_qssh_resume_drop(struct qsp_qssh *q);

/* proxy.c: a connection by way of a program */
bool qsp_qssh_proxy_is_wanted(const struct qsp_qssh *q);
/* A socket to it, or -1: said why. */
int qsp_qssh_proxy_start(struct qsp_qssh *q);
/* It ends; or, where the end of the connection is being covered [P8.9], later. */
void qsp_qssh_proxy_end(struct qsp_qssh *q);
/* Nobody waits for it any more: a qssh with -W goes to the background by this signal. */
#define QSP_QSSH_RELEASE SIGUSR1
void qsp_qssh_proxy_release(struct qsp_qssh *q);
/* A line for the user's shell, to its end. */
void qsp_qssh_proxy_run(char *line);
/* LocalCommand, the same way. */
void qsp_qssh_proxy_local_command(struct qsp_qssh *q);

/* stdfwd.c: -W */
struct qsp_qssh_stdfwd_ops {
	void (*started)(void *owner);
	/* The host does not make the connection; ended follows. */
	void (*refused)(void *owner, const char *why);
	/* The last call; the caller frees, here or later. */
	void (*ended)(void *owner, int status);
};
/* fd[0] and fd[1] to `to`. *out is to be freed even on error; then ended is not called. */
QSP_MUST_USE qsp_err qsp_qssh_stdfwd_open(struct qsp_qssh *q, const struct qsp_qssh_stdfwd_ops *ops,
					  void *owner, const char *to, const int fd[3],
					  struct qsp_qssh_stdfwd **out);
struct qsp_qssh_pump *qsp_qssh_stdfwd_pump(struct qsp_qssh_stdfwd *r);
void qsp_qssh_stdfwd_free(struct qsp_qssh_stdfwd *r);

/* shape.c: Stealth, Padding, ObscureKeystrokeTiming [P8] */
#define QSP_QSSH_SHAPE_TEXT_MAX 512
/* What it needs of a connection that another qssh shares: enum qsp_client_control_needs. */
uint8_t qsp_qssh_shape_needs(const struct qsp_qssh *q);
/* Why its own connection is not enough for who needs that; NULL where it is. */
const char *qsp_qssh_shape_lacks(const struct qsp_qssh *q, uint8_t needs);
/* Can it be had over this wire? Says where not. */
bool qsp_qssh_shape_can(const struct qsp_qssh *q);
/* Of a connection that is not open yet: what it is to begin with. */
QSP_MUST_USE qsp_err qsp_qssh_shape_begin(struct qsp_qssh *q, struct qsp_conn *c);
/* Something has happened: asks for what is wanted by now, tells of what was answered. */
void qsp_qssh_shape_settle(struct qsp_qssh *q);
/* False while stealth was asked for and not agreed on: nothing that cannot be undone happens then. */
bool qsp_qssh_shape_is_agreed(struct qsp_qssh *q);
/* Says so where the connection has ended because stealth is not to be had. */
bool qsp_qssh_shape_tell_refused(const struct qsp_qssh *q);
/* A session with a terminal comes, or goes. */
void qsp_qssh_shape_tty(struct qsp_qssh *q, bool comes);
/* In words. */
void qsp_qssh_shape_name(const struct qsp_shape_params *p,
			 char out[static QSP_QSSH_SHAPE_TEXT_MAX]);
/* What it has cost, for -v. */
void qsp_qssh_shape_tell_cost(struct qsp_qssh *q);
/* The same of what holds now, and what it has cost. */
void qsp_qssh_shape_info(struct qsp_qssh *q, char out[static QSP_QSSH_SHAPE_TEXT_MAX]);

/* link.c: --link, one shaped connection in which sessions come and go */
/* Has this user ever had one? */
bool qsp_qssh_link_has_any(const struct qsp_qssh *q);
/* The name of its socket, once the names are settled; NULL where there is no place for it. */
char *qsp_qssh_link_path(struct qsp_qssh *q);
/* What it stands for, where nothing was said; false, and said why, where it cannot be. */
bool qsp_qssh_link_settle(struct qsp_qssh *q);
/* Somebody answers at its name already. */
bool qsp_qssh_link_is_up(const struct qsp_qssh *q);
/* Its connection has ended: makes another one, in this process's place, or returns. */
void qsp_qssh_link_again(struct qsp_qssh *q, char **argv);

/* background.c */
/* The program goes on in a child without a terminal, and this process goes: 0 in the child alone,
 * -1 where there is no child. With stay the parent comes back, with the child's id. */
pid_t qsp_qssh_background_fork(struct qsp_qssh *q, bool stay);
/* At the very end, when all secrets are gone: what covers the end of stealth [P8.9] goes on in a process
 * that nobody waits for, and that holds nothing but the socket. */
void qsp_qssh_background_linger(struct qsp_qssh *q);
/* This process goes on, without a terminal and what it had as standard error. */
void qsp_qssh_background_go(struct qsp_qssh *q);

/* control_client.c: a connection that another qssh shares with us */
/* *status is what to exit with; false: no connection was shared, make one. */
bool qsp_qssh_control_use(struct qsp_qssh *q, int *status);

/* control_ask.c: the person in front of us lets a client do what it asks for, where that is to be asked */
bool qsp_qssh_control_allows(struct qsp_qssh *q, const char *what);

/* control_master.c: sharing ours */
struct qsp_qssh_control;
/* Whether this connection is to be shared. */
bool qsp_qssh_control_is_wanted(const struct qsp_qssh *q);
/* A client is connected. */
bool qsp_qssh_control_is_used(const struct qsp_qssh *q);
/* Listens; false, and said why, where it cannot. */
bool qsp_qssh_control_listen(struct qsp_qssh *q);
/* Takes no more clients, and gives the name back. */
void qsp_qssh_control_stop(struct qsp_qssh *q);
/* Drops the clients too. In a process that only shares memory with the master, keep: the socket's
 * name stays. */
void qsp_qssh_control_free(struct qsp_qssh *q, bool keep);

/* alive.c: signs of life */
void qsp_qssh_alive_start(struct qsp_qssh *q);
/* Asks for one at once; where none comes in some seconds, and the session can be resumed, it is. */
void qsp_qssh_alive_now(struct qsp_qssh *q);

/* wake.c: what follows when the machine wakes; with the loop's other handles */
void qsp_qssh_wake_begin(struct qsp_qssh *q);
void qsp_qssh_wake_end(struct qsp_qssh *q);
/* In the child of a fork, which would share with its parent what tells of it. */
void qsp_qssh_wake_fork(struct qsp_qssh *q);

/* program.c: what happens on an open connection */
void qsp_qssh_program_open(struct qsp_qssh *q);
/* The user is logged in: what waited for that. Runs outside of any callback, for it may fork; true
 * where this process is not the one that goes on, and q->status is what to exit with. */
bool qsp_qssh_program_establish(struct qsp_qssh *q);
/* ~&, outside of any callback. */
void qsp_qssh_program_background(struct qsp_qssh *q);
/* What the program was started for has ended. */
void qsp_qssh_program_end(struct qsp_qssh *q, int status);
/* A channel has gone: leaves where nothing is left to stay for. */
void qsp_qssh_program_settle(struct qsp_qssh *q);
/* The machine has, which ControlPersist counts and a loop's timers do not. */
void qsp_qssh_program_slept(struct qsp_qssh *q, qsp_time ms);
/* No more input, and the terminal as it was. */
void qsp_qssh_program_finish(struct qsp_qssh *q);
/* The connection is over; what has come is still written, then the terminal is as it was. */
void qsp_qssh_program_close(struct qsp_qssh *q);

/* request.c: asks for what the session's plan says; s->replies says how many answers come. */
void qsp_qssh_request_all(struct qsp_qssh_session *s);

#endif
