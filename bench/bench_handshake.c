/* SPDX-License-Identifier: ISC */
/*
 * Handshakes, both sides in one thread, CPU time by side.
 *
 * Keys agreed and the server known: M1 and M2 against TLS 1.3 where only the server has an ML-DSA-65
 * certificate. Mutual: M1 to the server's AUTH_SUCCESS, with the KEM method, against TLS 1.3 where
 * both sides have one. The server's time contains its private-key operations and the decision
 * about the user's key. Connections are made within the time measured and freed outside of it; with
 * TLS they are made outside of it too, so that only SSL_do_handshake counts.
 */
#include "bench_pair.h"
#include "tls.h"

#include <stdlib.h>

#define PER_ROUND 20

/* M1 and M2 alone: until the client has read M2. */
static void
flights(struct pair *p, uint64_t *client_ns, uint64_t *server_ns)
{
	uint64_t from;

	for (int i = 0; i < PER_ROUND; i++) {
		bench_pair_again(p, client_ns, server_ns);
		bench_pair_turn(p, &p->client, client_ns);
		while (p->client.in.n < QSP_FLIGHT_LEN)
			bench_need(bench_pair_turn(p, &p->server, server_ns), "M2");
		from = bench_cpu_ns();
		pair_input(p, &p->client, QSP_FLIGHT_LEN);
		*client_ns += bench_cpu_ns() - from;
		bench_need(!p->client.error && !p->server.error, "flights");
	}
}

static void
mutual(struct pair *p, uint64_t *client_ns, uint64_t *server_ns)
{
	for (int i = 0; i < PER_ROUND; i++) {
		bench_pair_again(p, client_ns, server_ns);
		bench_pair_connect(p, client_ns, server_ns);
	}
}

static void
tls(const struct bench_tls *t, uint64_t *client_ns, uint64_t *server_ns)
{
	struct bench_tls_pair p;

	for (int i = 0; i < PER_ROUND; i++) {
		bench_tls_pair(t, NULL, &p);
		bench_tls_connect(&p, client_ns, server_ns);
		bench_tls_pair_free(&p);
	}
}

static double
per_second(uint64_t ns)
{
	return 1e9 * PER_ROUND / (double)ns;
}

static double
microseconds(uint64_t ns)
{
	return (double)ns / 1e3 / PER_ROUND;
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 25;
	struct pair *p = bench_pair_new(pair_defaults());
	struct bench_tls one, both;

	bench_tls_new(&one, "ML-DSA-65", false);
	bench_tls_new(&both, "ML-DSA-65", true);
	for (int r = -1; r < rounds; r++) { /* round -1 warms up */
		uint64_t c[4] = { 0 }, s[4] = { 0 };

		flights(p, &c[0], &s[0]);
		tls(&one, &c[1], &s[1]);
		mutual(p, &c[2], &s[2]);
		tls(&both, &c[3], &s[3]);
		if (r < 0)
			continue;
		bench_sample("flights.client.qsp", microseconds(c[0]));
		bench_sample("flights.client.tls", microseconds(c[1]));
		bench_sample("flights.server.qsp", microseconds(s[0]));
		bench_sample("flights.server.tls", microseconds(s[1]));
		bench_sample("handshake.client.qsp", per_second(c[2]));
		bench_sample("handshake.client.tls", per_second(c[3]));
		bench_sample("handshake.server.qsp", per_second(s[2]));
		bench_sample("handshake.server.tls", per_second(s[3]));
	}
	bench_tls_free(&one);
	bench_tls_free(&both);
	pair_free(p);
	return 0;
}
