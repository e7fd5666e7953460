/* SPDX-License-Identifier: ISC */
/*
 * One hostile run: two engines, a pipe that does what networks and attackers do, an application
 * that does what it likes. Everything follows from the seed.
 */
#ifndef QSP_TESTS_SIM_H
#define QSP_TESTS_SIM_H

#include "pair.h"

/* What the pipe does to one direction. All but SIM_CLEAN are damage, once they have struck. */
enum sim_harm {
	SIM_CLEAN,
	SIM_FLIP,   /* a bit */
	SIM_DROP,   /* bytes */
	SIM_REPEAT, /* bytes that came before */
	SIM_SWAP,   /* two neighbouring cells */
	SIM_INJECT, /* random bytes */
	SIM_CUT,    /* the stream ends */
	SIM_HARMS,
};

/* One direction of the network. */
struct sim_pipe {
	struct pair_pipe sent; /* all that the sender ever wrote */
	struct pair_pipe wire; /* all that will arrive, harm included */
	size_t arrived;        /* of wire: handed to the receiver's buffer */
	size_t taken;          /* of sent: moved to wire */
	enum sim_harm harm;
	size_t harm_at; /* offset in sent */
	bool struck, cut;
	bool held;    /* a cell waits for the one that it is swapped with */
	size_t same;  /* bytes of wire that are as they were sent */
	bool differs; /* and the next one is not */
};

/* How one run goes. */
struct sim_plan {
	struct pair_options o;
	bool bytewise;    /* one byte at a time */
	bool lazy;        /* delays: a pipe may stand still */
	bool late;        /* M1 arrives after more than ten minutes */
	bool early_close; /* one side closes at random */
	bool acts;        /* rekeys, pings, noise, exports */
	enum sim_harm harm[2];
	size_t harm_at[2];
	size_t say[2]; /* bytes of data from the client, from the server */
};

struct sim_side {
	struct pair_side *s;
	struct sim_pipe *in, *out;
	uint8_t *buf; /* what arrived and was not taken, exactly n bytes */
	size_t n;
	size_t used;    /* bytes of in->wire that the engine took while it was alive */
	size_t said;    /* bytes of data given to the application's queue */
	bool closes;    /* has called qsp_conn_close */
	qsp_err error;  /* of the engine, at the last look */
	uint64_t token; /* of the latest ping */
	bool pinged;
};

struct sim {
	uint64_t seed, dice;
	struct sim_plan plan;
	struct pair *p;
	struct sim_pipe pipe[2]; /* 0: client to server */
	struct sim_side side[2]; /* 0: client, 1: server */
	uint64_t digest;         /* of everything that was written and taken */
	bool verbose;
	const char *broken; /* the invariant that does not hold */
};

/* sim_plan.c */
uint64_t sim_below(struct sim *m, uint64_t n);
bool sim_one_in(struct sim *m, unsigned n);
struct sim_plan sim_plan(struct sim *m);
void sim_plan_print(const struct sim *m);

/* sim_pipe.c: bytes on their way. */
void sim_pipe_send(struct sim *m, struct sim_pipe *q, const uint8_t *p, size_t n);
/* How many bytes of the wire are as they were sent: SIZE_MAX for all. */
size_t sim_pipe_good(struct sim_pipe *q);
void sim_pipe_free(struct sim_pipe *q);

/* sim_side.c: what one end does; each tells whether anything moved. */
void sim_say(struct sim *m, unsigned side, size_t n);
bool sim_output(struct sim *m, unsigned side);
bool sim_deliver(struct sim *m, unsigned side, size_t most);
bool sim_recv(struct sim *m, unsigned side);
void sim_act(struct sim *m, unsigned side);
void sim_note(struct sim *m, const void *p, size_t n); /* into the digest */

/* sim_check.c: what must hold, else the first invariant that did not is m->broken. */
void sim_must(struct sim *m, bool holds, const char *invariant);
void sim_check_data(struct sim *m, unsigned side, struct qsp_bytes data);
void sim_check_output(struct sim *m, unsigned side, unsigned wants, size_t offered, size_t used,
		      size_t n);
void sim_check_state(struct sim *m, unsigned side);
void sim_check_quiet(struct sim *m); /* nothing moves any more */
void sim_check_end(struct sim *m);   /* after the end of both streams */
bool sim_harmed(const struct sim *m);
/* The i-th byte of data that a side says. */
uint8_t sim_data(const struct sim *m, unsigned side, uint64_t i);

/* sim.c: one run; the digest of it. *broken is NULL where all held; *total counts what happened. */
struct sim_total {
	uint64_t opened, harmed, sinks, data, plain_rekeys, kem_rekeys;
};
uint64_t sim_run(struct pair_shared *shared, uint64_t seed, bool verbose, struct sim_total *total,
		 const char **broken);

#endif
