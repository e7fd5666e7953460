/* SPDX-License-Identifier: ISC */
/*
 * tests/pair.h, measured: two engines in one thread, with the system's randomness.
 */
#ifndef QSP_BENCH_PAIR_H
#define QSP_BENCH_PAIR_H

#include "pair.h"

/* Keys, configurations and a first pair of connections. Never NULL. */
struct pair *bench_pair_new(struct pair_options o);

/* New connections in place of the old ones; CPU time is added, as M1 may be made here. */
void bench_pair_again(struct pair *p, uint64_t *client_ns, uint64_t *server_ns);

/* One side takes all that has come and says all it has to: CPU time is added to *ns. True where
 * bytes or answers moved. */
bool bench_pair_turn(struct pair *p, struct pair_side *s, uint64_t *ns);

/* From new connections to open ones. */
void bench_pair_connect(struct pair *p, uint64_t *client_ns, uint64_t *server_ns);

#endif
