/* SPDX-License-Identifier: ISC */
/*
 * Two engines in one process: a client and a server with keys, joined by byte queues that a test
 * moves by hand. Time is virtual, randomness seeded: the same seed gives the same bytes.
 */
#ifndef QSP_TESTS_PAIR_H
#define QSP_TESTS_PAIR_H

#include "proto/proof.h"

#include <qsp/conn.h>

#define PAIR_WALL 1800000000123u

/*
 * What costs more than a run and may outlive it: the cryptographic context, and one key of every
 * type, always the same. For one thread; pairs that share may take turns.
 */
struct pair_shared;
struct pair_shared *pair_shared_new(void);
void pair_shared_free(struct pair_shared *sh);

struct pair_options {
	uint64_t seed;
	uint8_t kem;  /* 1 or 2 */
	uint8_t aead; /* 1, 2 or 3; 0: the defaults of both sides */
	bool known;   /* layout K */
	enum qsp_ok_class ok_class;
	enum qsp_wire wire;
	enum qsp_method method;
	uint8_t user_key_type; /* for KEM and SIGNATURE; 0: kem's own */
	bool last;             /* pipelined */
	bool outside;          /* KEM: the proof is judged outside of the engine */
	bool refuse;           /* the server refuses */
	bool distrust;         /* the client does not accept the host key */
	bool certificate;      /* the server sends one */
	uint64_t plain_cells, kem_cells, kem_ms; /* all 0: the defaults */
	bool resumable;                          /* [P4.7] asked for, and granted */
	const struct qsp_ticket *ticket, *held;  /* method RESUME: the client's, the server's */
	struct qsp_progress progress, held_progress;
	unsigned client_slack;      /* the client's bounds are so many times wider; 0: 1 */
	struct pair_shared *shared; /* NULL: a context and keys of its own */
	qsp_random_fn random;       /* NULL: seeded */
	void *random_arg;
};

/* A byte queue from one side to the other. */
struct pair_pipe {
	uint8_t *p;
	size_t n, cap;
	uint64_t total; /* bytes that ever went in */
};

struct pair_side {
	struct qsp_conn *conn;
	struct qsp_worker *worker;
	struct qsp_config *cfg;
	struct pair_pipe in;  /* from the peer, not yet taken */
	struct pair_pipe got; /* Data stream that arrived */
	struct pair_pipe say; /* Data stream to send */
	qsp_err error;        /* the first one that a call returned */
};

struct pair {
	struct pair_options o;
	struct qsp_crypto *cx;
	struct qsp_replay *replay;
	struct qsp_key *host_key, *user_key;
	struct qsp_peer peer;
	struct qsp_now now;
	struct pair_side client, server;
	unsigned attempts; /* logins tried */
	uint64_t seed_state;
	struct qsp_key32 ss; /* of a challenge made outside */
};

struct pair_options pair_defaults(void);

/* NULL, with *e, where an engine could not be made. */
struct pair *pair_new(const struct pair_options *o, qsp_err *e);
void pair_free(struct pair *p);

/* Randomness of a shared context comes from p's seed; for calls past the functions below. */
void pair_use(struct pair *p);

/* Moves one side's output into the other side's queue: true where bytes moved. */
bool pair_output(struct pair *p, struct pair_side *s);
/* Lets one side take at most `most` bytes of its queue, and answers its questions. */
bool pair_input(struct pair *p, struct pair_side *s, size_t most);
/* Answers the open question of a side, if there is one. */
bool pair_answer(struct pair *p, struct pair_side *s);
/* Until nothing moves. */
void pair_run(struct pair *p);
/* Both open? */
bool pair_open(const struct pair *p);

void pair_put(struct pair_pipe *q, const void *p, size_t n);
void pair_drop(struct pair_pipe *q, size_t n); /* from the front */

/* splitmix64, for tests' own choices */
uint64_t pair_random(uint64_t *state);

#endif
