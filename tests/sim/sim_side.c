/* SPDX-License-Identifier: ISC */
/* What one end of a run does: send, receive, answer, and act as applications do. */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void
sim_note(struct sim *m, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		m->digest = (m->digest ^ b[i]) * 0x100000001b3u;
}

void
sim_say(struct sim *m, unsigned side, size_t n)
{
	struct sim_side *s = &m->side[side];

	for (size_t i = 0; i < n; i++) {
		uint8_t b = sim_data(m, side, s->said++);

		pair_put(&s->s->say, &b, 1);
	}
}

bool
sim_output(struct sim *m, unsigned side)
{
	struct sim_side *s = &m->side[side];
	unsigned wants = qsp_conn_wants(s->s->conn);
	size_t cap = QSP_OUTPUT_MIN + sim_below(m, sim_one_in(m, 3) ? 40000 : 100);
	struct qsp_bytes data = { s->s->say.p, s->s->say.n };
	uint8_t *out = malloc(cap);
	size_t used, n;
	qsp_err e;

	assert(out);
	if (data.n > 0 && sim_one_in(m, 4))
		data.n = sim_below(m, data.n);
	e = qsp_conn_output(s->s->conn, m->p->now, data, &used, out, cap, &n);
	sim_must(m, n <= cap && used <= data.n, "output keeps to its bounds");
	sim_check_output(m, side, wants, data.n, used, n);
	sim_note(m, out, n);
	sim_note(m, &e, sizeof(e));
	sim_pipe_send(m, s->out, out, n);
	pair_drop(&s->s->say, used);
	free(out);
	sim_check_state(m, side);
	return n > 0 || used > 0;
}

static void
resize(struct sim_side *s, size_t n)
{
	if (n == 0) {
		free(s->buf);
		s->buf = NULL;
	} else {
		s->buf = realloc(s->buf, n);
		assert(s->buf);
	}
	s->n = n;
}

bool
sim_deliver(struct sim *m, unsigned side, size_t most)
{
	struct sim_side *s = &m->side[side];
	size_t n = s->in->wire.n - s->in->arrived, at = s->n;

	(void)m;
	if (n > most)
		n = most;
	if (n == 0)
		return false;
	resize(s, at + n);
	memcpy(s->buf + at, s->in->wire.p + s->in->arrived, n);
	s->in->arrived += n;
	return true;
}

/* A connection that takes nothing more discards. */
static bool
discard(struct sim *m, unsigned side)
{
	struct sim_side *s = &m->side[side];
	struct qsp_bytes data;
	size_t used;
	qsp_err e = qsp_conn_recv(s->s->conn, m->p->now, s->buf, s->n, &used, &data);

	sim_note(m, &e, sizeof(e));
	sim_must(m, used == s->n && data.n == 0, "a closed connection discards");
	resize(s, 0);
	sim_check_state(m, side);
	return true;
}

bool
sim_recv(struct sim *m, unsigned side)
{
	struct sim_side *s = &m->side[side];
	unsigned wants = qsp_conn_wants(s->s->conn);
	struct qsp_bytes data;
	size_t used;
	qsp_err e;

	if (s->n == 0)
		return false;
	if (wants & QSP_IS_CLOSED || s->error)
		return discard(m, side);
	if (!(wants & QSP_WANT_INPUT))
		return false;
	e = qsp_conn_recv(s->s->conn, m->p->now, s->buf, s->n, &used, &data);
	sim_must(m, used <= s->n, "no more is taken than there is");
	if (data.n > 0)
		sim_must(m, data.p >= s->buf && data.p + data.n <= s->buf + s->n,
			 "data is a slice of the buffer");
	sim_check_data(m, side, data);
	sim_note(m, data.p, data.n);
	sim_note(m, &e, sizeof(e));
	pair_put(&s->s->got, data.p, data.n);
	s->used += used;
	memmove(s->buf, s->buf + used, s->n - used);
	resize(s, s->n - used);
	sim_must(m, e == qsp_conn_error(s->s->conn), "an error is told at once");
	sim_check_state(m, side);
	return used > 0;
}

static void
send_noise(struct sim *m, unsigned side)
{
	struct sim_side *s = &m->side[side];
	uint8_t cell[QSP_CELL_LEN];

	if (qsp_conn_noise(s->s->conn, m->p->now, cell) != 0)
		return;
	sim_check_output(m, side, QSP_WANT_OUTPUT, 0, 0, sizeof(cell));
	sim_note(m, cell, sizeof(cell));
	sim_pipe_send(m, s->out, cell, sizeof(cell));
}

void
sim_act(struct sim *m, unsigned side)
{
	struct sim_side *s = &m->side[side];
	struct qsp_conn *c = s->s->conn;
	bool open = qsp_conn_wants(c) & QSP_IS_OPEN;
	uint64_t token = pair_random(&m->dice);
	qsp_err e = 0;

	switch (sim_below(m, 6)) {
	case 0: e = qsp_conn_rekey(c, sim_one_in(m, 2) ? QSP_REKEY_KEM : 0); break;
	case 1:
		if ((e = qsp_conn_ping(c, token)) == 0) {
			s->token = token;
			s->pinged = true;
		}
		break;
	case 2: sim_say(m, side, sim_below(m, 2000)); break;
	default: send_noise(m, side); break;
	}
	sim_must(m, e == 0 || e == QSP_E_STATE, "an act out of its time is refused");
	sim_must(m, open || e || !(qsp_conn_wants(c) & QSP_IS_OPEN), "acts open nothing");
	sim_check_state(m, side);
}
