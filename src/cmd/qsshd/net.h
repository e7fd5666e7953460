/* SPDX-License-Identifier: ISC */
/*
 * The insides of qsshd-net, the process that meets the peers. It has neither root, nor a private key, nor
 * files: what it needs it asks of qsshd-auth, and what a user may touch lies behind qsshd-session.
 *
 *	worker   a thread: a loop, listeners, a link to qsshd-auth, connections
 *	link     questions to qsshd-auth and their answers, a bounded number at a time
 *	conn     a connection from accept to its end
 *	session  its qsshd-session, once it is logged in
 *	channel  a channel of type "session": its requests, its order of ending
 *	pump     the bytes between a channel and its descriptors
 *	forward  channels of forwarded connections, and who listens for them
 */
#ifndef QSP_CMD_QSSHD_NET_H
#define QSP_CMD_QSSHD_NET_H

#include <pthread.h>
#include <stdatomic.h>

#include "app/drive.h"
#include "app/replaymap.h"
#include "app/turns.h"
#include "cmd/qsshd/config.h"
#include "cmd/qsshd/rpc.h"
#include "sys/ipc.h"

#define QSP_NET_LISTENERS_MAX 32
#define QSP_NET_INFLIGHT_MAX 32 /* questions of one link that wait: all their answers fit into it */
#define QSP_NET_QUIET_MAX 1024  /* peers of one worker that have not sent a good M1 [P4.4] */
#define QSP_NET_OUTBOX_MAX (1u << 20)
#define QSP_NET_REPLIES_MAX 64
#define QSP_NET_LINGER_MS 2000
#define QSP_NET_ENTRIES 1024       /* lists of resumable sessions */
#define QSP_NET_FORWARDS_MAX 16384 /* forwarded connections of one connection */
#define QSP_NET_SESSIONS_MAX 1000  /* MaxSessions can say no more */
#define QSP_NET_SPARE_FDS 512      /* descriptors that forwards leave to logins and sessions */

struct qsp_net_worker;
struct qsp_net_conn;
struct qsp_net_entry;
struct qsp_net_visitor;

/* The process. Workers only read it, but for what is atomic or under the lock. */
struct qsp_net {
	struct qsp_qsshd_config config;
	struct qsp_crypto *cx;
	unsigned n_workers;
	struct qsp_net_worker *worker[QSP_CONFIG_WORKERS_MAX];
	struct qsp_replaymap *replay;
	atomic_int startups;
	atomic_uint forwards;   /* connections forwarded by all workers */
	unsigned forwards_max;  /* as descriptors allow */
	unsigned lingering_max; /* connections whose end is being covered [P8.9], in all */
	atomic_bool draining;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_barrier_t started_all;
	/* under the lock */
	unsigned n_ready, n_drained, n_done; /* workers: listen, listen no more, have ended */
	struct qsp_log_limit refused;
	struct qsp_net_entry *entries[QSP_NET_ENTRIES]; /* by session */
};

struct qsp_net_listener {
	struct qsp_net_worker *w;
	uv_poll_t poll;
	int fd;
};

/* A configuration of the engine and what it was made of; older ones live on for their connections. */
struct qsp_net_config {
	struct qsp_net_config *older;
	struct qsp_config *engine;
	uint8_t *hello;
	size_t n;
};

/* What the main thread, or another worker, tells a worker. */
enum { QSP_NET_LEAVE = 128, QSP_NET_MOVE, QSP_NET_END };
struct qsp_net_order {
	struct qsp_net_order *next;
	uint8_t type; /* enum qsp_rpc_control, or one of the above */
	int fd;
	uint64_t conn;                   /* END: a detached one; LEAVE: one that resumes */
	struct qsp_net_visitor *visitor; /* MOVE */
};

/* A connection that resumes, on its way to the worker that has the session. */
struct qsp_net_visitor {
	struct qsp_drive_line line;
	char peer[QSP_RPC_ADDRESS_MAX], own[QSP_RPC_ADDRESS_MAX];
	uint16_t peer_port, own_port;
};

/* A resumable session: who has it. All under the process's lock. */
struct qsp_net_entry {
	struct qsp_net_entry *next;
	uint64_t session, conn;
	unsigned worker;
	qsp_time detached; /* 0: it has a connection */
	char user[];
};

struct qsp_net_worker {
	struct qsp_net *net;
	unsigned index;
	pthread_t thread;
	uv_loop_t loop;
	uv_async_t wake;
	struct qsp_drive_pool *pool;
	struct qsp_net_order *orders, **orders_end; /* under net->lock */
	struct qsp_net_listener listener[QSP_NET_LISTENERS_MAX];
	size_t n_listeners;
	struct qsp_net_config *config;
	bool going, listening, stopping;
	bool hurried; /* it does not wait for what lingers */
	/* the link */
	int link;
	uv_poll_t *link_poll;
	unsigned inflight;
	struct qsp_net_conn *waiting, **waiting_end;
	struct qsp_ipc_message *message; /* to receive into */
	/* connections by number; a free place is NULL */
	struct qsp_net_conn **conn;
	size_t n_places, n_conns;
	uint64_t generation;
	struct qsp_net_conn *quiet[QSP_NET_QUIET_MAX];
	size_t n_quiet;
};

enum qsp_net_state {
	QSP_NET_QUIET,   /* no M1 was accepted: it may never be */
	QSP_NET_STARTUP, /* handshake and login */
	QSP_NET_OPEN,
	QSP_NET_OVER,
};

enum qsp_net_asking {
	QSP_NET_NOTHING,
	QSP_NET_ASKING_DECAPS,
	QSP_NET_ASKING_AUTH,
	QSP_NET_ASKING_RESUME
};

/* A message that the session's socket did not take. */
struct qsp_net_letter {
	struct qsp_net_letter *next;
	size_t n;
	uint8_t data[];
};

/* The socket to qsshd-session, and its poll handle: on the heap, as they end apart from the rest. */
struct qsp_net_socket {
	struct qsp_net_conn *c; /* NULL once given up */
	uv_poll_t poll;
	int fd;
};

struct qsp_net_conn {
	struct qsp_net_worker *w;
	uint64_t id; /* generation << 32 | place */
	struct qsp_drive *drive;
	uv_timer_t grace;
	enum qsp_net_state state;
	enum qsp_net_asking asking;
	bool sent;   /* the question is with qsshd-auth */
	bool sunk;   /* reported as refused */
	bool doomed; /* its end has begun */
	bool visits; /* it came to the worker that has, or would have, the session it resumes */
	bool listed; /* its session can be resumed, under the name session_id */
	uint64_t session_id;
	uint64_t resumes; /* the connection, of this worker, whose session it resumes; 0: none */
	size_t quiet;     /* place in the table, while quiet */
	struct qsp_net_conn *next_waiting;
	char peer[QSP_RPC_ADDRESS_MAX], own[QSP_RPC_ADDRESS_MAX];
	uint16_t peer_port, own_port;
	/* the login */
	char user[QSP_USER_MAX + 1]; /* printable */
	uint8_t method, key_type;
	uint8_t key_id[QSP_KEY_ID_LEN];
	struct qsp_rpc_limits limits; /* of the login */
	uint64_t alive_seen;          /* cells from the peer at the last look */
	unsigned alive_missed;        /* looks since then */
	/* the session */
	bool session_asked;
	struct qsp_net_socket *session;
	struct qsp_net_letter *outbox, **outbox_end;
	size_t outbox_n;
	struct qsp_net_channel *channels;
	unsigned n_channels;
	/* forwarding */
	struct qsp_turns turns; /* who waits for room in the output */
	struct qsp_net_forward *forwards;
	unsigned n_forwards, n_opens_asked, n_globals;
	struct qsp_net_open *opens_asked, *opens_waiting, **opens_end;
	struct qsp_net_global *globals;
	uint32_t last_global;
};

/* What stands behind a channel: first in the struct that the mux knows as its user. */
struct qsp_net_end {
	void (*event)(struct qsp_net_end *end, const struct qsp_mux_event *ev);
};

/* One direction of a channel's descriptors. */
struct qsp_net_pump {
	struct qsp_turn turn; /* first */
	struct qsp_net_channel *ch;
	uv_poll_t *poll; /* NULL: no descriptor */
	int fd;
	uint32_t code; /* of data read: 0 or QSP_MUX_STDERR */
	bool eof;      /* nothing more will be read or written */
	bool drained;  /* it was empty after the child had ended */
	bool polling;
	/* to be written */
	uint8_t *queue;
	size_t at, n, cap;
};

struct qsp_net_channel {
	struct qsp_net_end end; /* first */
	struct qsp_net_channel *next;
	struct qsp_net_conn *c;
	uint32_t id;
	bool started, is_pty, running;
	struct qsp_net_pump in, out, err;
	bool peer_eof, peer_closed;
	bool exited, told_exit, told_eof, closed;
	bool by_signal, core;
	uint32_t status;
	char signal[16];
	/* answers that are owed, in order: 0 no, 1 yes, 2 not known yet */
	uint8_t reply[QSP_NET_REPLIES_MAX];
	unsigned reply_at, n_replies;
};

/* net.c */
void qsp_net_ready(struct qsp_net *n);
void qsp_net_drained(struct qsp_net *n);
bool qsp_net_replay(void *arg, const uint8_t entry[QSP_REPLAY_ENTRY_LEN], qsp_time until_wall);
uint32_t qsp_net_random(void);

/* net_worker.c */
QSP_MUST_USE qsp_err qsp_net_worker_new(struct qsp_net *n, unsigned index,
					struct qsp_net_worker **out);
void qsp_net_worker_run(struct qsp_net_worker *w);
void qsp_net_worker_free(struct qsp_net_worker *w);
/* From the main thread. Takes fd. */
void qsp_net_worker_order(struct qsp_net_worker *w, uint8_t type, int fd);
/* From any thread. False where memory is out. */
bool qsp_net_worker_tell(struct qsp_net_worker *w, const struct qsp_net_order *order);
/* A connection has ended: perhaps it was the last one. */
void qsp_net_worker_check(struct qsp_net_worker *w);
/* Starts to accept once there is all that it takes. */
void qsp_net_worker_listen(struct qsp_net_worker *w);

/* net_link.c */
void qsp_net_link_set(struct qsp_net_worker *w, int fd);
void qsp_net_link_drop(struct qsp_net_worker *w);
void qsp_net_link_ask(struct qsp_net_conn *c, enum qsp_net_asking what);
void qsp_net_link_forget(struct qsp_net_conn *c);
void qsp_net_link_say(struct qsp_net_conn *c, enum qsp_rpc_link type);
void qsp_net_config_free(struct qsp_net_config *c);

/* net_hello.c */
void qsp_net_hello(struct qsp_net_worker *w, struct qsp_bytes body);

/* net_conn.c */
void qsp_net_conn_accept(struct qsp_net_worker *w, int fd);
struct qsp_net_conn *qsp_net_conn_find(struct qsp_net_worker *w, uint64_t id);
void qsp_net_conn_decapsulated(struct qsp_net_conn *c, const struct qsp_rpc_decaps_answer *m);
void qsp_net_conn_judged(struct qsp_net_conn *c, const struct qsp_rpc_auth_answer *m);
/* Ends it in order, or at once. */
void qsp_net_conn_close(struct qsp_net_conn *c, enum qsp_reason reason, const char *text);
void qsp_net_conn_drop(struct qsp_net_conn *c);
/* A connection of this worker from what another one has begun; takes the line. */
void qsp_net_conn_adopt(struct qsp_net_worker *w, struct qsp_net_visitor *v);
/* So long a detached one waits. */
void qsp_net_conn_wait(struct qsp_net_conn *c, uint64_t ms);
/* The process ends once nobody is left: a quiet one gets a moment for its M1. */
void qsp_net_conn_hurry(struct qsp_net_conn *c);

/* net_resume.c: a connection that resumes a session [P4.7] */
void qsp_net_resume_asked(struct qsp_net_conn *c);
/* Hands it to the worker that has the session; not from inside a callback of its drive, which may
 * hold bytes of it. */
void qsp_net_resume_move(struct qsp_net_conn *c);
/* qsshd-auth has answered. */
void qsp_net_resume_judged(struct qsp_net_conn *c, bool ok);

/* net_detach.c: sessions without a connection */
void qsp_net_detach_list(struct qsp_net_conn *c);
void qsp_net_detach_unlist(struct qsp_net_conn *c);
/* Who has the session: its worker and connection; false where nobody has. */
bool qsp_net_detach_find(struct qsp_net *n, uint64_t session, unsigned *worker, uint64_t *conn);
/* drive_ops.lost */
bool qsp_net_detach_lost(struct qsp_net_conn *c);
void qsp_net_detach_resumed(struct qsp_net_conn *c);
bool qsp_net_detach_is(const struct qsp_net_conn *c);
/* It waited long enough, or has to make room. */
void qsp_net_detach_end(struct qsp_net_conn *c, const char *why);

/* net_alive.c: asks a client that logged in for signs of life, as its limits say. It takes over the timer
 * of the grace. */
void qsp_net_alive_start(struct qsp_net_conn *c);

/* net_session.c */
void qsp_net_session_want(struct qsp_net_conn *c);
void qsp_net_session_started(struct qsp_net_conn *c, int fd);
void qsp_net_session_send(struct qsp_net_conn *c, const struct qsp_writer *w);
void qsp_net_session_end(struct qsp_net_conn *c);

/* net_channel.c */
void qsp_net_channel_event(struct qsp_net_conn *c, const struct qsp_mux_event *ev);
struct qsp_net_channel *qsp_net_channel_find(struct qsp_net_conn *c, uint32_t id);
void qsp_net_channel_started(struct qsp_net_channel *ch, bool ok, struct qsp_ipc_message *m);
void qsp_net_channel_replied(struct qsp_net_channel *ch, bool ok);
void qsp_net_channel_exited(struct qsp_net_channel *ch, const struct qsp_rpc_exit *m);
/* The session is gone, or the connection is. */
void qsp_net_channel_orphaned(struct qsp_net_channel *ch);
void qsp_net_channel_free(struct qsp_net_channel *ch);
/* Does what has become possible: exit status, end of data, close. */
void qsp_net_channel_settle(struct qsp_net_channel *ch);

/* net_forward.c */
void qsp_net_forward_init(struct qsp_net_conn *c);
/* A channel that the client opens; false where its type is not one of forwarding. */
bool qsp_net_forward_open(struct qsp_net_conn *c, const struct qsp_mux_event *ev);
/* A message of the session; false where it is not about forwarding. */
bool qsp_net_forward_handle(struct qsp_net_conn *c, struct qsp_ipc_message *m);
/* The session is gone: what stands goes on, what was asked is refused. */
void qsp_net_forward_orphaned(struct qsp_net_conn *c);
void qsp_net_forward_end(struct qsp_net_conn *c);

/* net_global.c */
void qsp_net_global_request(struct qsp_net_conn *c, const struct qsp_mux_event *ev);
/* LISTENING of the session. */
void qsp_net_global_answered(struct qsp_net_conn *c, struct qsp_bytes body);
void qsp_net_global_orphaned(struct qsp_net_conn *c);
void qsp_net_global_free(struct qsp_net_conn *c);

/* net_pump.c */
void qsp_net_pump_start(struct qsp_net_channel *ch, struct qsp_net_pump *p, int fd, uint32_t code);
void qsp_net_pump_stop(struct qsp_net_pump *p);
void qsp_net_pump_read(struct qsp_net_pump *p);
void qsp_net_pump_write(struct qsp_net_pump *p, struct qsp_bytes data);
/* No more will be written: the descriptor closes once the queue is empty. */
void qsp_net_pump_finish(struct qsp_net_pump *p);

#endif
