/* SPDX-License-Identifier: ISC */
/*
 * Sessions over a network that keeps failing [P4.7]: connections are cut at any byte, or damaged,
 * in the handshake too, and resumed; keys change all the while. Both streams must arrive whole, in
 * order and once. sim-resume FIRST COUNT [-v]; everything follows from the seed.
 */
#include "pair.h"
#include "proto/spool.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 400
#define KEPT_MAX (600 * 1024) /* more than what one ACK may lag behind */

/* What one end keeps of a session between connections. */
struct end {
	struct qsp_spool out;
	uint64_t said, want, got;
	struct qsp_ticket ticket[2]; /* the server keeps the older one too */
	struct qsp_progress progress;
	bool rewound; /* in this connection */
};

struct run {
	uint64_t seed, dice;
	struct pair_options o;
	struct pair *p;
	struct end end[2]; /* 0: client */
	uint64_t cut_at;   /* bytes of this connection until it breaks */
	uint64_t carried;
	const char *broken;
	unsigned connections, resumed, damaged, lost_ok;
};

static uint64_t
below(struct run *r, uint64_t n)
{
	return n ? pair_random(&r->dice) % n : 0;
}

static uint8_t
byte_of(const struct run *r, unsigned side, uint64_t i)
{
	uint64_t z = r->seed ^ side << 7 ^ i;

	return (uint8_t)(pair_random(&z) >> 13);
}

static void
must(struct run *r, bool holds, const char *what)
{
	if (!holds && !r->broken)
		r->broken = what;
}

static struct pair_side *
side_of(struct run *r, unsigned i)
{
	return i == 0 ? &r->p->client : &r->p->server;
}

/* The application says more, in pieces of any size. */
static void
say(struct run *r, unsigned i)
{
	struct end *e = &r->end[i];

	while (e->said < e->want && qsp_spool_waiting(&e->out) < 40000) {
		size_t n = 1 + (size_t)below(r, 30000);
		uint8_t *p;

		n = n < e->want - e->said ? n : (size_t)(e->want - e->said);
		p = qsp_spool_append(&e->out, n);
		assert(p);
		for (size_t k = 0; k < n; k++)
			p[k] = byte_of(r, i, e->said++);
	}
}

/* What the engine has learned moves the kept bytes. */
static void
follow(struct run *r, unsigned i)
{
	struct end *e = &r->end[i];
	struct qsp_progress now;

	if (!qsp_conn_progress(side_of(r, i)->conn, &now))
		return;
	if (!e->rewound && qsp_conn_wants(side_of(r, i)->conn) & QSP_CAN_SEND) {
		e->rewound = true;
		qsp_spool_rewind(&e->out, now.acked);
		must(r, e->out.sent == now.acked, "the output goes back to what has arrived");
	}
	qsp_spool_acknowledged(&e->out, now.acked);
}

static bool
output(struct run *r, unsigned i)
{
	struct pair_side *s = side_of(r, i), *to = side_of(r, !i);
	struct end *e = &r->end[i];
	struct qsp_bytes data = QSP_BYTES_NONE;
	uint8_t out[16384];
	size_t used, n;

	pair_use(r->p);
	say(r, i);
	follow(r, i);
	if (e->rewound && qsp_spool_kept(&e->out) < KEPT_MAX)
		data = qsp_spool_next(&e->out);
	(void)!qsp_conn_output(s->conn, r->p->now, data, &used, out,
			       sizeof(out) - (size_t)below(r, 12288), &n);
	qsp_spool_sent(&e->out, used);
	pair_put(&to->in, out, n);
	return n > 0;
}

static bool
input(struct run *r, unsigned i, size_t most)
{
	struct pair_side *s = side_of(r, i);
	struct end *e = &r->end[i];
	size_t n = s->in.n < most ? s->in.n : most, used = 0;
	struct qsp_bytes data = QSP_BYTES_NONE;

	pair_use(r->p);
	if (qsp_conn_wants(s->conn) & QSP_WANT_INPUT) {
		(void)!qsp_conn_recv(s->conn, r->p->now, s->in.p, n, &used, &data);
		for (size_t k = 0; k < data.n; k++)
			must(r, data.p[k] == byte_of(r, !i, e->got++), "data in order, and once");
		pair_drop(&s->in, used);
		r->carried += used;
	}
	follow(r, i);
	return pair_answer(r->p, s) || used > 0;
}

/* [P4.7] What each end holds once the connection is gone. */
static void
remember(struct run *r, unsigned i)
{
	struct end *e = &r->end[i];
	struct qsp_conn *c = side_of(r, i)->conn;
	struct qsp_ticket t;

	if (qsp_conn_ticket(c, false, &t) != 0)
		return;
	must(r, qsp_conn_progress(c, &e->progress), "a ticket comes with counts");
	e->ticket[0] = t;
	e->ticket[1].len = 0;
	if (i == 1 && qsp_conn_ticket(c, true, &t) == 0)
		e->ticket[1] = t;
	must(r, e->progress.received == e->got, "what was handed up was counted");
}

static bool
same_name(const struct qsp_ticket *a, const struct qsp_ticket *b)
{
	return b->len > 0 && a->session == b->session && a->generation == b->generation &&
	       a->epoch == b->epoch;
}

static void
connect(struct run *r)
{
	struct end *client = &r->end[0], *server = &r->end[1];
	qsp_err e;

	client->rewound = server->rewound = false;
	r->carried = 0;
	r->o.seed = below(r, UINT64_MAX);
	r->cut_at = below(r, 4) == 0 ? below(r, 12000) : below(r, 400000);
	if (client->ticket[0].len > 0) {
		r->o.method = QSP_METHOD_RESUME;
		r->o.ticket = &client->ticket[0];
		r->o.progress = client->progress;
		r->o.held = NULL;
		for (int k = 0; k < 2; k++)
			if (same_name(r->o.ticket, &server->ticket[k]))
				r->o.held = &server->ticket[k];
		must(r, r->o.held != NULL, "the server has kept what the client comes with");
		r->lost_ok += r->o.held == &server->ticket[1];
		r->o.held_progress = server->progress;
	}
	r->p = pair_new(&r->o, &e);
	assert(r->p);
	r->connections++;
}

/* What the ends say to damage arrives. It may undo an attempt, but no session. */
static void
answer_harm(struct run *r, bool resuming)
{
	struct qsp_conn *server = r->p->server.conn;
	struct qsp_bytes text;
	struct qsp_ticket t;
	bool was = resuming && qsp_conn_ticket(server, false, &t) == 0, authenticated;
	uint16_t reason;

	for (int k = 0; k < 4; k++) {
		for (unsigned i = 0; i < 2; i++) {
			(void)pair_output(r->p, side_of(r, i));
			while (input(r, !i, SIZE_MAX))
				;
		}
		was = was || (resuming && qsp_conn_ticket(server, false, &t) == 0);
	}
	must(r, !was || !qsp_conn_peer_close(server, &reason, &text, &authenticated),
	     "damage costs a connection, and not the session");
}

/* The network fails: of what is on the way a part still arrives, perhaps with a flipped bit. */
static void
cut(struct run *r)
{
	bool resuming = r->o.method == QSP_METHOD_RESUME;
	unsigned damaged = r->damaged;

	for (unsigned i = 0; i < 2; i++) {
		struct pair_side *s = side_of(r, i);

		if (s->in.n > 0 && below(r, r->cut_at < 12000 ? 2 : 5) == 0) {
			s->in.p[below(r, s->in.n)] ^= (uint8_t)(1u << below(r, 8));
			r->damaged++;
		}
		while (below(r, 4) != 0 && input(r, i, (size_t)below(r, 3000)))
			;
	}
	if (r->damaged > damaged && below(r, 2))
		answer_harm(r, resuming);
	(void)!qsp_conn_recv_eof(r->p->client.conn);
	(void)!qsp_conn_recv_eof(r->p->server.conn);
}

static bool
done(const struct run *r)
{
	return r->end[0].got == r->end[1].want && r->end[1].got == r->end[0].want &&
	       r->end[0].out.acked == r->end[0].want && r->end[1].out.acked == r->end[1].want;
}

/* One connection to its end; true where the session is complete. */
static bool
carry(struct run *r)
{
	bool fresh = r->o.method != QSP_METHOD_RESUME, was_open = false;

	while (!r->broken) {
		bool moved = false;

		for (unsigned i = 0; i < 2; i++) {
			moved |= output(r, i);
			moved |= input(r, !i, below(r, 2) ? SIZE_MAX : (size_t)below(r, 5000));
		}
		if (pair_open(r->p)) {
			r->resumed += !was_open && !fresh;
			was_open = true;
			if (done(r))
				return true;
		}
		/* before anybody has logged in there is nothing to resume */
		if (r->carried >= r->cut_at && (!fresh || was_open)) {
			cut(r);
			return false;
		}
		if (moved)
			continue;
		r->p->now.mono += 200;
		for (unsigned i = 0; i < 2; i++)
			(void)!qsp_conn_tick(side_of(r, i)->conn, r->p->now);
		must(r, r->p->now.mono < 3600000, "something moves");
		if (qsp_conn_error(r->p->client.conn) || qsp_conn_error(r->p->server.conn)) {
			must(r, false, "no error but by harm");
			fprintf(stderr, "%s / %s\n", qsp_conn_why(r->p->client.conn),
				qsp_conn_why(r->p->server.conn));
		}
	}
	return false;
}

static const char *
run(struct run *r, struct pair_shared *shared, uint64_t seed)
{
	r->seed = r->dice = seed;
	r->o = pair_defaults();
	r->o.shared = shared;
	r->o.resumable = true;
	r->o.kem = below(r, 8) == 0 ? 2 : 1;
	r->o.wire = below(r, 3) == 0 ? QSP_WIRE_FRAMES : QSP_WIRE_CELLS;
	r->o.method = below(r, 2) ? QSP_METHOD_PASSWORD : QSP_METHOD_KEM;
	r->o.last = below(r, 2);
	r->o.plain_cells = 20 + below(r, 300);
	r->o.kem_cells = 10 * r->o.plain_cells;
	r->o.client_slack = 1000;
	for (unsigned i = 0; i < 2; i++) {
		r->end[i].out.retains = true;
		r->end[i].want = below(r, 4) == 0 ? 0 : below(r, 900000);
	}
	while (!r->broken && r->connections < CONNECTIONS_MAX) {
		bool whole;

		connect(r);
		whole = carry(r);
		remember(r, 0);
		remember(r, 1);
		pair_free(r->p);
		if (whole)
			break;
	}
	must(r, done(r), "the session comes to its end");
	qsp_spool_free(&r->end[0].out);
	qsp_spool_free(&r->end[1].out);
	return r->broken;
}

int
main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 100;
	struct pair_shared *shared = pair_shared_new();
	uint64_t connections = 0, resumed = 0, damaged = 0, older = 0, failed = 0;

	for (uint64_t seed = first; seed < first + count; seed++) {
		struct run r = { 0 };
		const char *broken = run(&r, shared, seed);

		if (broken) {
			printf("seed %llu: does not hold: %s\n", (unsigned long long)seed, broken);
			failed++;
		}
		connections += r.connections;
		resumed += r.resumed;
		damaged += r.damaged;
		older += r.lost_ok;
	}
	printf("%llu sessions, %llu connections, %llu resumed, %llu damaged, %llu by an older "
	       "ticket\n",
	       (unsigned long long)count, (unsigned long long)connections,
	       (unsigned long long)resumed, (unsigned long long)damaged, (unsigned long long)older);
	pair_shared_free(shared);
	if (failed || (count >= 100 && (resumed == 0 || damaged == 0 || older == 0)))
		return 1;
	return 0;
}
