/* SPDX-License-Identifier: ISC */
/*
 * A peer that says whatever the fuzzer wants: its records are sealed with the keys that the engine
 * under test receives with, so that what is inside gets read.
 */
#ifndef QSP_TESTS_GHOST_H
#define QSP_TESTS_GHOST_H

#include "input.h"
#include "proto/state.h"

struct ghost {
	struct input in;
	struct qsp_conn *target;
	struct qsp_worker *worker;  /* the target's */
	struct qsp_worker *sealing; /* the ghost's own */
	struct qsp_key *host_key, *user_key;
	struct qsp_now now;
	size_t data; /* bytes of data that the target gave out */
	bool spoke;  /* the target has written something */
};

/* What is made once. kem 1; both configurations offer every cipher and class. */
struct ghost_world {
	struct qsp_crypto *cx;
	struct qsp_key *host_key[3], *user_key;   /* by kem id; ML-KEM-768 */
	struct qsp_config *server[2], *client[2]; /* by wire */
	struct qsp_worker *worker, *sealing;
	uint64_t random; /* state of the source */
};
struct ghost_world *ghost_world(void);
#define GHOST_WALL 1800000000123u
#define GHOST_SECRET 0x5a

/* A connection that is open already, in either role, and nobody's peer. */
struct qsp_conn *ghost_open_conn(struct ghost_world *w, enum qsp_role role, uint8_t kem,
				 uint8_t aead, enum qsp_wire wire);

/* Bytes to the target, lying alone; answers what it asks, takes what it says. */
void ghost_deliver(struct ghost *g, struct qsp_bytes wire);
/* Acts by the fuzzer's bytes until they are used up. */
void ghost_play(struct ghost *g);

#endif
