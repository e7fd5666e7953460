/* SPDX-License-Identifier: ISC */
/*
 * Key changes per second of one thread that does both sides' work: INIT, ACK, DONE through cells,
 * with all derivations and new cipher keys for both directions. Peers that reach as far: TLS 1.3's
 * KeyUpdate in both directions for the plain kind, and for the KEM kind a resumption of TLS 1.3
 * with X25519MLKEM768, the only way there to fresh KEM keys.
 */
#include "bench_pair.h"
#include "tls.h"

#include <stdlib.h>

#define PLAIN_PER_ROUND 2000
#define KEM_PER_ROUND 50

/* What one side has to say goes to the other. */
static void
pass(struct pair *p, struct pair_side *from, struct pair_side *to)
{
	uint8_t buf[16384];
	struct qsp_bytes data = { NULL, 0 };
	size_t used, n;
	qsp_err e = qsp_conn_output(from->conn, p->now, data, &used, buf, sizeof(buf), &n);

	bench_need(e == QSP_OK && n > 0, "output of a rekey");
	e = qsp_conn_recv(to->conn, p->now, buf, n, &used, &data);
	bench_need(e == QSP_OK && used == n, "input of a rekey");
}

static double
rekeys(struct pair *p, unsigned flags, int count)
{
	uint64_t from = bench_cpu_ns();
	struct qsp_conn_info before, after;

	qsp_conn_get_info(p->client.conn, &before);
	for (int i = 0; i < count; i++) {
		bench_need(qsp_conn_rekey(p->server.conn, flags) == QSP_OK, "qsp_conn_rekey");
		pass(p, &p->server, &p->client); /* INIT */
		pass(p, &p->client, &p->server); /* ACK */
		pass(p, &p->server, &p->client); /* DONE */
	}
	from = bench_cpu_ns() - from;
	qsp_conn_get_info(p->client.conn, &after);
	bench_need(after.epoch - before.epoch == (uint32_t)count, "epochs");
	return 1e9 * count / (double)from;
}

/* Lets a side read what there is: handshake messages, no data. */
static void
read_nothing(SSL *s)
{
	char byte;
	int r = SSL_read(s, &byte, 1);

	bench_need(r <= 0 && SSL_get_error(s, r) == SSL_ERROR_WANT_READ, "SSL_read");
}

static double
key_updates(struct bench_tls_pair *t, int count)
{
	uint64_t from = bench_cpu_ns();

	for (int i = 0; i < count; i++) {
		bench_need(SSL_key_update(t->server, SSL_KEY_UPDATE_REQUESTED) == 1 &&
				   SSL_do_handshake(t->server) == 1,
			   "SSL_key_update");
		read_nothing(t->client); /* and queues the answer */
		bench_need(SSL_do_handshake(t->client) == 1, "answer to a KeyUpdate");
		read_nothing(t->server);
	}
	return 1e9 * count / (double)(bench_cpu_ns() - from);
}

/* A session to resume; the server gives tickets. */
static SSL_SESSION *
session(const struct bench_tls *t)
{
	struct bench_tls_pair p;
	uint64_t unused = 0;
	SSL_SESSION *s;

	bench_tls_pair(t, NULL, &p);
	bench_tls_connect(&p, &unused, &unused);
	read_nothing(p.client);
	s = SSL_get1_session(p.client);
	bench_need(s && SSL_SESSION_is_resumable(s), "session");
	SSL_set_shutdown(p.client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_set_shutdown(p.server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	bench_tls_pair_free(&p);
	return s;
}

static double
resumptions(const struct bench_tls *t, SSL_SESSION *s, int count)
{
	uint64_t ns = 0;
	struct bench_tls_pair p;

	for (int i = 0; i < count; i++) {
		bench_tls_pair(t, s, &p);
		bench_tls_connect(&p, &ns, &ns);
		bench_need(SSL_session_reused(p.server) == 1, "resumption");
		SSL_set_shutdown(p.client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_set_shutdown(p.server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		bench_tls_pair_free(&p);
	}
	return 1e9 * count / (double)ns;
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 25;
	struct pair *p = bench_pair_new(pair_defaults());
	struct bench_tls t, tickets;
	struct bench_tls_pair tls;
	SSL_SESSION *s;
	uint64_t unused = 0;

	bench_pair_connect(p, &unused, &unused);
	bench_tls_new(&t, "ED25519", false);
	bench_tls_new(&tickets, "ED25519", false);
	SSL_CTX_set_num_tickets(tickets.server, 1);
	s = session(&tickets);
	SSL_CTX_set_num_tickets(tickets.server, 0);
	for (int r = -1; r < rounds; r++) { /* round -1 warms up */
		double v[4];

		v[0] = rekeys(p, 0, PLAIN_PER_ROUND);
		bench_tls_pair(&t, NULL, &tls); /* it counts KeyUpdates and stops at a bound */
		bench_tls_connect(&tls, &unused, &unused);
		v[1] = key_updates(&tls, 30);
		bench_tls_pair_free(&tls);
		v[2] = rekeys(p, QSP_REKEY_KEM, KEM_PER_ROUND);
		v[3] = resumptions(&tickets, s, KEM_PER_ROUND);
		if (r < 0)
			continue;
		bench_sample("rekey.plain.qsp", v[0]);
		bench_sample("rekey.plain.tls", v[1]);
		bench_sample("rekey.kem.qsp", v[2]);
		bench_sample("rekey.kem.tls", v[3]);
	}
	SSL_SESSION_free(s);
	bench_tls_free(&t);
	bench_tls_free(&tickets);
	pair_free(p);
	return 0;
}
