/* SPDX-License-Identifier: ISC */
/*
 * Hostile runs by the thousand: sim FIRST COUNT runs the seeds FIRST to FIRST + COUNT - 1, and a
 * part of them twice. One failed seed: sim SEED 1 -v.
 */
#include "sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 20000
#define MINUTE 60000u

static void
start(struct sim *m, struct pair_shared *shared, uint64_t seed)
{
	qsp_err e;

	m->seed = m->dice = seed;
	m->digest = 0xcbf29ce484222325u;
	m->plan = sim_plan(m);
	m->plan.o.shared = shared;
	m->p = pair_new(&m->plan.o, &e);
	assert(m->p);
	m->side[0] = (struct sim_side){ &m->p->client, .in = &m->pipe[1], .out = &m->pipe[0] };
	m->side[1] = (struct sim_side){ &m->p->server, .in = &m->pipe[0], .out = &m->pipe[1] };
	for (unsigned i = 0; i < 2; i++) {
		m->pipe[i].harm = m->plan.harm[i];
		m->pipe[i].harm_at = m->plan.harm_at[i];
		sim_say(m, i, m->plan.say[i]);
	}
}

static void
finish(struct sim *m)
{
	for (unsigned i = 0; i < 2; i++) {
		free(m->side[i].buf);
		sim_pipe_free(&m->pipe[i]);
	}
	pair_free(m->p);
}

/* Time passes for both; what is due is done. The wall clock may jump once M1 has been judged. */
static void
pass_time(struct sim *m)
{
	uint64_t ms = sim_below(m, sim_one_in(m, 10) ? 20 * MINUTE : 100);

	m->p->now.mono += ms;
	if (m->side[1].used > 0 && sim_one_in(m, 4))
		m->p->now.wall += sim_below(m, 100 * MINUTE) - 50 * MINUTE;
	for (unsigned i = 0; i < 2; i++) {
		struct qsp_conn *c = m->side[i].s->conn;
		qsp_err e;

		if (!sim_one_in(m, 4) && m->p->now.mono < qsp_conn_deadline(c))
			continue;
		e = qsp_conn_tick(c, m->p->now);
		sim_note(m, &e, sizeof(e));
		sim_check_state(m, i);
	}
}

static void
close_side(struct sim *m, unsigned side)
{
	struct sim_side *s = &m->side[side];

	if (s->closes || s->error || qsp_conn_wants(s->s->conn) & QSP_IS_CLOSED)
		return;
	sim_must(m, qsp_conn_close(s->s->conn, QSP_REASON_NORMAL, "done") == 0, "one may close");
	s->closes = true;
	sim_check_state(m, side);
}

/* What has arrived is taken, and questions are answered, as far as it goes. */
static bool
take(struct sim *m, unsigned side)
{
	bool moved = false, more;

	do {
		more = sim_recv(m, side);
		more |= pair_answer(m->p, m->side[side].s);
		sim_check_state(m, side);
		moved |= more;
	} while (more && !m->broken);
	return moved;
}

static bool
move(struct sim *m, unsigned side, bool hurry)
{
	size_t most = hurry ? SIZE_MAX : sim_below(m, sim_one_in(m, 3) ? 6000 : 900);
	bool moved = sim_output(m, side);

	if (!m->plan.bytewise) {
		moved |= sim_deliver(m, side, most);
		return moved | take(m, side);
	}
	for (size_t i = 0; i < most && sim_deliver(m, side, 1); i++) {
		take(m, side);
		moved = true;
	}
	return moved | take(m, side);
}

/* Until nothing moves, with the pipe and the application at their worst on the way. */
static void
run(struct sim *m, bool acts)
{
	for (unsigned round = 0; !m->broken; round++) {
		bool hurry = round > 300 || sim_one_in(m, 4), moved = false;

		if (acts && round < 200 && sim_one_in(m, 2))
			pass_time(m);
		if (acts && m->plan.acts && round < 100 && sim_one_in(m, 3))
			sim_act(m, (unsigned)sim_below(m, 2));
		if (acts && m->plan.early_close && round > 3 && sim_one_in(m, 12))
			close_side(m, (unsigned)sim_below(m, 2));
		for (unsigned i = 0; i < 2; i++)
			if (hurry || !m->plan.lazy || sim_one_in(m, 2))
				moved |= move(m, i, hurry);
		if (!moved && hurry && (round > 30 || !acts))
			return;
		sim_must(m, round < ROUNDS_MAX, "a run comes to rest");
	}
}

static void
end_streams(struct sim *m)
{
	for (unsigned i = 0; i < 2; i++) {
		struct qsp_conn *c = m->side[i].s->conn;
		bool was_closed = qsp_conn_wants(c) & QSP_IS_CLOSED;
		qsp_err before = qsp_conn_error(c), e = qsp_conn_recv_eof(c);

		if (!was_closed && !before && !m->side[i].closes)
			sim_must(m, e == QSP_E_TRUNCATED, "an end without CLOSE is truncation");
		sim_note(m, &e, sizeof(e));
		sim_check_state(m, i);
	}
}

static void
count(const struct sim *m, struct sim_total *t)
{
	struct qsp_conn_info info;

	qsp_conn_get_info(m->p->client.conn, &info);
	t->opened += info.epoch > 0;
	t->harmed += m->pipe[0].struck || m->pipe[1].struck;
	t->sinks += m->side[1].error == QSP_E_SILENT;
	t->data += m->p->client.got.n + m->p->server.got.n;
	t->plain_rekeys += info.plain_rekeys;
	t->kem_rekeys += info.kem_rekeys;
}

uint64_t
sim_run(struct pair_shared *shared, uint64_t seed, bool verbose, struct sim_total *total,
	const char **broken)
{
	struct sim *m = calloc(1, sizeof(*m));
	uint64_t digest;

	assert(m);
	m->verbose = verbose;
	start(m, shared, seed);
	if (verbose)
		sim_plan_print(m);
	if (m->plan.late) {
		sim_output(m, 0);
		m->p->now.wall += 11 * MINUTE;
		m->p->now.mono += 11 * MINUTE;
	}
	run(m, true);
	sim_check_quiet(m);
	close_side(m, (unsigned)sim_below(m, 2));
	run(m, false);
	end_streams(m);
	sim_check_end(m);
	if (verbose)
		fprintf(stderr, "client %d \"%s\" %zu bytes, server %d \"%s\" %zu bytes\n",
			m->side[0].error, qsp_conn_why(m->p->client.conn), m->pipe[0].sent.n,
			m->side[1].error, qsp_conn_why(m->p->server.conn), m->pipe[1].sent.n);
	count(m, total);
	*broken = m->broken;
	digest = m->digest;
	finish(m);
	free(m);
	return digest;
}

static bool
try(struct pair_shared *shared, uint64_t seed, bool verbose, struct sim_total *total)
{
	const char *broken;
	uint64_t digest = sim_run(shared, seed, verbose, total, &broken);

	if (!broken && seed % 16 == 0 && sim_run(shared, seed, false, total, &broken) != digest)
		broken = "the same seed gives the same bytes";
	if (!broken)
		return true;
	fprintf(stderr, "seed %llu: does not hold: %s\n", (unsigned long long)seed, broken);
	return false;
}

/* Runs in which nothing happens would hold to anything. */
static bool
eventful(const struct sim_total *t, uint64_t runs)
{
	printf("%llu opened, %llu harmed, %llu sinks, %llu bytes of data, %llu and %llu rekeys\n",
	       (unsigned long long)t->opened, (unsigned long long)t->harmed,
	       (unsigned long long)t->sinks, (unsigned long long)t->data,
	       (unsigned long long)t->plain_rekeys, (unsigned long long)t->kem_rekeys);
	return runs < 1000 ||
	       (t->opened > runs / 3 && t->harmed > runs / 5 && t->sinks > runs / 50 &&
		t->data > 1000 * runs && t->plain_rekeys > runs / 8 && t->kem_rekeys > runs / 2);
}

int
main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t runs = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
	bool verbose = argc > 3 && strcmp(argv[3], "-v") == 0;
	struct pair_shared *shared = pair_shared_new();
	struct sim_total total = { 0 };
	unsigned failed = 0;

	for (uint64_t seed = first; seed < first + runs && failed < 10; seed++) {
		if (try(shared, seed, verbose, &total))
			continue;
		failed++;
		fprintf(stderr, "rerun: %s %llu 1 -v\n", argv[0], (unsigned long long)seed);
	}
	pair_shared_free(shared);
	printf("%llu runs from seed %llu: %u failed\n", (unsigned long long)runs,
	       (unsigned long long)first, failed);
	if (!eventful(&total, runs)) {
		fprintf(stderr, "too little happened in these runs\n");
		return 1;
	}
	return failed ? 1 : 0;
}
