/* SPDX-License-Identifier: ISC */
/* A direction of the network, and what may befall the bytes in it. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

/* Everything of `sent` up to `to` goes on the wire as it is. */
static void
pass(struct sim_pipe *q, size_t to)
{
	if (to > q->sent.n)
		to = q->sent.n;
	if (to > q->taken) {
		pair_put(&q->wire, q->sent.p + q->taken, to - q->taken);
		q->taken = to;
	}
}

static void
inject(struct sim *m, struct sim_pipe *q)
{
	uint8_t garbage[1600];
	size_t n = 1 + sim_below(m, sim_one_in(m, 2) ? 40 : sizeof(garbage));

	for (size_t i = 0; i < n; i++)
		garbage[i] = (uint8_t)sim_below(m, 256);
	pair_put(&q->wire, garbage, n);
}

/* Swaps the cell at harm_at with the one behind it; false while that is not there yet. */
static bool
swap(struct sim_pipe *q)
{
	size_t at = q->harm_at / QSP_CELL_LEN * QSP_CELL_LEN;

	if (q->sent.n < at + (size_t)2 * QSP_CELL_LEN || q->taken > at)
		return q->taken > at;
	pass(q, at);
	pair_put(&q->wire, q->sent.p + at + QSP_CELL_LEN, QSP_CELL_LEN);
	pair_put(&q->wire, q->sent.p + at, QSP_CELL_LEN);
	q->taken = at + (size_t)2 * QSP_CELL_LEN;
	return true;
}

/* sent.n > harm_at. False where the harm needs more bytes than there are. */
static bool
strike(struct sim *m, struct sim_pipe *q)
{
	size_t at = q->harm_at, back;

	if (q->harm == SIM_SWAP)
		return swap(q);
	pass(q, at);
	switch (q->harm) {
	case SIM_FLIP:
		pass(q, at + 1);
		q->wire.p[q->wire.n - 1] ^= (uint8_t)(1u << sim_below(m, 8));
		break;
	case SIM_DROP:
		back = 1 + sim_below(m, sim_one_in(m, 2) ? 10 : (size_t)2 * QSP_CELL_LEN);
		q->taken += back < q->sent.n - at ? back : q->sent.n - at;
		break;
	case SIM_REPEAT:
		back = sim_one_in(m, 2) ? QSP_CELL_LEN : 1 + sim_below(m, 100);
		back = back < at ? back : at;
		pair_put(&q->wire, q->sent.p + at - back, back);
		break;
	case SIM_INJECT: inject(m, q); break;
	default: q->cut = true;
	}
	return true;
}

void
sim_pipe_send(struct sim *m, struct sim_pipe *q, const uint8_t *p, size_t n)
{
	pair_put(&q->sent, p, n);
	if (q->harm != SIM_CLEAN && !q->struck) {
		if (q->sent.n > q->harm_at)
			q->struck = strike(m, q);
		if (!q->struck && q->harm == SIM_SWAP) {
			pass(q, q->harm_at / QSP_CELL_LEN * QSP_CELL_LEN);
			q->held = q->taken < q->sent.n;
			return;
		}
	}
	if (!q->cut)
		pass(q, q->sent.n);
}

size_t
sim_pipe_good(struct sim_pipe *q)
{
	while (!q->differs && q->same < q->wire.n) {
		if (q->same < q->sent.n && q->wire.p[q->same] == q->sent.p[q->same])
			q->same++;
		else
			q->differs = true;
	}
	return q->differs ? q->same : SIZE_MAX;
}

void
sim_pipe_free(struct sim_pipe *q)
{
	free(q->sent.p);
	free(q->wire.p);
}
