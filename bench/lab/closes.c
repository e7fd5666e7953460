/* SPDX-License-Identifier: ISC */
/*
 * When a server that refused a first message would close [P4.4]: asked of the engine, since waiting
 * takes an hour. COUNT lines for each cause, CAUSE MILLISECONDS, counted from the message:
 *
 *   closes COUNT
 */
#include "bench.h"
#include "bench_pair.h"
#include "crypto/rand.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATE_MS (11u * 60 * 1000)

static void
refuse(struct pair *p, const char *cause)
{
	bench_need(p->server.in.n == QSP_FLIGHT_LEN, "a flight");
	while (pair_input(p, &p->server, SIZE_MAX))
		;
	bench_need(qsp_conn_wants(p->server.conn) & QSP_IS_SINK, cause);
	printf("%s %" PRIu64 "\n", cause, qsp_conn_deadline(p->server.conn) - p->now.mono);
}

static void
ask(struct pair *p, const char *cause)
{
	static uint8_t first[QSP_FLIGHT_LEN];
	uint64_t unused = 0;
	qsp_err e;

	bench_pair_again(p, &unused, &unused);
	while (p->server.in.n < QSP_FLIGHT_LEN)
		bench_need(pair_output(p, &p->client), "a flight");
	memcpy(first, p->server.in.p, sizeof(first));
	if (strcmp(cause, "random") == 0)
		bench_need(qsp_rand_bytes(p->cx, p->server.in.p, QSP_FLIGHT_LEN) == 0, "random");
	else if (strcmp(cause, "tag") == 0)
		p->server.in.p[QSP_FLIGHT_LEN - 1] ^= 1;
	else if (strcmp(cause, "slot") == 0)
		p->server.in.p[100] ^= 1;
	else if (strcmp(cause, "old") == 0)
		p->now.wall += LATE_MS;
	if (strcmp(cause, "replay") == 0) {
		while (pair_input(p, &p->server, SIZE_MAX))
			;
		qsp_conn_free(p->server.conn);
		e = qsp_conn_new_server(p->server.cfg, p->server.worker, p->now, &p->server.conn);
		bench_need(e == 0, "a server");
		p->server.in.n = 0;
		pair_put(&p->server.in, first, sizeof(first));
	}
	refuse(p, cause);
}

int
main(int argc, char **argv)
{
	static const char *const causes[] = { "random", "tag", "slot", "old", "replay" };
	struct pair *p = bench_pair_new(pair_defaults());

	bench_need(argc == 2, "usage: closes COUNT");
	for (long i = 0; i < strtol(argv[1], NULL, 10); i++)
		for (size_t k = 0; k < sizeof(causes) / sizeof(*causes); k++)
			ask(p, causes[k]);
	pair_free(p);
	return 0;
}
