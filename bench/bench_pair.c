/* SPDX-License-Identifier: ISC */
/* Connections made again and again from the keys and configurations of one pair. */
#include "bench_pair.h"

#include "bench.h"
#include "crypto/rand.h"

#include <string.h>

#define STEP_MS (4u * 3600 * 1000) /* the replay cache forgets meanwhile */

struct pair *
bench_pair_new(struct pair_options o)
{
	struct pair *p;
	qsp_err e;

	o.random = qsp_rand_system;
	p = pair_new(&o, &e);
	bench_need(p != NULL, "pair_new");
	return p;
}

static void
forget(struct pair_side *s)
{
	qsp_conn_free(s->conn);
	s->conn = NULL;
	s->in.n = s->got.n = s->say.n = 0;
}

void
bench_pair_again(struct pair *p, uint64_t *client_ns, uint64_t *server_ns)
{
	uint64_t from, between;
	qsp_err e;

	forget(&p->client);
	forget(&p->server);
	p->attempts = 0;
	p->now.wall += STEP_MS;
	p->now.mono += STEP_MS;
	from = bench_cpu_ns();
	e = qsp_conn_new_client(p->client.cfg, p->client.worker, &p->peer, p->now, &p->client.conn);
	bench_need(e == QSP_OK, "new client");
	between = bench_cpu_ns();
	e = qsp_conn_new_server(p->server.cfg, p->server.worker, p->now, &p->server.conn);
	bench_need(e == QSP_OK, "new server");
	*server_ns += bench_cpu_ns() - between;
	*client_ns += between - from;
}

bool
bench_pair_turn(struct pair *p, struct pair_side *s, uint64_t *ns)
{
	uint64_t from = bench_cpu_ns();
	bool moved = pair_input(p, s, SIZE_MAX);

	moved |= pair_output(p, s);
	*ns += bench_cpu_ns() - from;
	return moved;
}

void
bench_pair_connect(struct pair *p, uint64_t *client_ns, uint64_t *server_ns)
{
	bool moved;

	do {
		moved = bench_pair_turn(p, &p->client, client_ns);
		moved |= bench_pair_turn(p, &p->server, server_ns);
	} while (moved);
	bench_need(pair_open(p), "handshake");
}
