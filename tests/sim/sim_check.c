/* SPDX-License-Identifier: ISC */
/* What must hold in every run, whatever the pipe does. */
#include "sim.h"

#include <string.h>

#define FLIGHT_HEAD(m) ((m)->plan.o.wire == QSP_WIRE_FRAMES ? 22u : 0u)

void
sim_must(struct sim *m, bool holds, const char *invariant)
{
	if (!holds && !m->broken)
		m->broken = invariant;
}

bool
sim_harmed(const struct sim *m)
{
	return m->pipe[0].struck || m->pipe[1].struck || m->pipe[0].held || m->pipe[1].held;
}

uint8_t
sim_data(const struct sim *m, unsigned side, uint64_t i)
{
	uint64_t state = m->seed * 2 + side + i / 8 * 0x10001;

	return (uint8_t)(pair_random(&state) >> 8 * (i % 8));
}

/* A prefix of what the peer said, always. */
void
sim_check_data(struct sim *m, unsigned side, struct qsp_bytes data)
{
	struct sim_side *s = &m->side[side], *peer = &m->side[!side];

	sim_must(m, s->s->got.n + data.n <= peer->said - peer->s->say.n,
		 "no more data arrives than was sent");
	for (size_t i = 0; i < data.n; i++)
		if (data.p[i] != sim_data(m, !side, s->s->got.n + i))
			sim_must(m, false, "data that arrives is a prefix of data that was sent");
}

/* The server took a whole M1, and as it was sent. */
static bool
m1_arrived(struct sim *m)
{
	size_t m1 = QSP_FLIGHT_LEN + FLIGHT_HEAD(m);

	return m->side[1].used >= m1 && sim_pipe_good(&m->pipe[0]) >= m1;
}

void
sim_check_output(struct sim *m, unsigned side, unsigned wants, size_t offered, size_t used,
		 size_t n)
{
	bool data = offered > 0 && (wants & QSP_CAN_SEND);

	if (wants & (QSP_IS_CLOSED | QSP_IS_SINK))
		sim_must(m, n == 0 && used == 0, "nothing leaves a closed connection or a sink");
	if (!(wants & QSP_WANT_OUTPUT) && !data)
		sim_must(m, n == 0 && used == 0, "no output without WANT_OUTPUT");
	if (wants & QSP_WANT_OUTPUT)
		sim_must(m, n > 0 || qsp_conn_error(m->side[side].s->conn),
			 "WANT_OUTPUT gives output");
	if (m->plan.o.wire == QSP_WIRE_CELLS)
		sim_must(m, n % QSP_CELL_LEN == 0, "whole cells leave");
	if (side == 1 && n > 0)
		sim_must(m, m1_arrived(m), "a server is silent before a good M1");
}

void
sim_check_state(struct sim *m, unsigned side)
{
	struct sim_side *s = &m->side[side];
	unsigned wants = qsp_conn_wants(s->s->conn);
	qsp_err e = qsp_conn_error(s->s->conn);

	sim_must(m, !s->error || s->error == e, "an error is sticky");
	if (side == 1 && e && !s->error && e != QSP_E_TRUNCATED && s->out->sent.n == 0 &&
	    !(wants & QSP_WANT_OUTPUT))
		sim_must(m, wants & QSP_IS_SINK, "a server that refuses M1 becomes a sink");
	s->error = e;
	if (wants & QSP_IS_CLOSED)
		sim_must(m, wants == QSP_IS_CLOSED, "a closed connection wants nothing");
	if (e && !(wants & QSP_IS_SINK))
		sim_must(m, !(wants & (QSP_IS_OPEN | QSP_WANT_INPUT | QSP_CAN_SEND)),
			 "a failed connection neither takes nor gives");
	if (!(wants & QSP_WANT_DECAPS) &&
	    s->used > sim_pipe_good(s->in)) /* M1 is judged after it */
		sim_must(m, e != 0, "damage that was taken is an error");
	if (wants & QSP_IS_SINK)
		sim_must(m, side == 1 && e == QSP_E_SILENT && s->out->sent.n == 0,
			 "a sink is a server that has said nothing");
}

static bool
is(const struct sim *m, unsigned side, unsigned want)
{
	return qsp_conn_wants(m->side[side].s->conn) & want;
}

static void
check_open(struct sim *m)
{
	struct qsp_conn_info c, s;
	uint8_t a[48], b[48];
	struct qsp_bytes label = { (const uint8_t *)"sim", 3 }, none = { NULL, 0 };
	struct qsp_conn *client = m->p->client.conn, *server = m->p->server.conn;

	qsp_conn_get_info(client, &c);
	qsp_conn_get_info(server, &s);
	sim_must(m,
		 c.session_id == s.session_id && c.epoch == s.epoch && c.aead == s.aead &&
			 c.plain_rekeys == s.plain_rekeys && c.kem_rekeys == s.kem_rekeys,
		 "both sides agree");
	sim_must(m, c.cells_sent == s.cells_received && s.cells_sent == c.cells_received,
		 "records are counted alike");
	sim_must(m,
		 qsp_conn_export(client, label, none, a, sizeof(a)) == 0 &&
			 qsp_conn_export(server, label, none, b, sizeof(b)) == 0 &&
			 memcmp(a, b, sizeof(a)) == 0,
		 "both sides export the same");
	for (unsigned i = 0; i < 2; i++) {
		uint64_t token = 0;

		sim_must(m, m->side[i].s->got.n == m->side[!i].said, "all data arrives");
		if (m->side[i].pinged)
			sim_must(m,
				 qsp_conn_pong(m->side[i].s->conn, &token) &&
					 token == m->side[i].token,
				 "a ping is answered");
	}
}

void
sim_check_quiet(struct sim *m)
{
	const struct sim_plan *p = &m->plan;
	bool refused = p->o.refuse || (p->o.distrust && !p->o.known);
	bool policy = p->o.client_slack == 1 && m->side[0].error == QSP_E_POLICY;

	for (unsigned i = 0; i < 2; i++)
		sim_must(m, !is(m, i, QSP_WANT_OUTPUT), "WANT_OUTPUT ends");
	if (p->late && !sim_harmed(m))
		sim_must(m, m->side[1].error == QSP_E_SILENT, "an old M1 is met with silence");
	if (sim_harmed(m) || p->late || m->side[0].closes || m->side[1].closes || policy)
		return;
	if (refused) {
		sim_must(m, is(m, 0, QSP_IS_CLOSED) && is(m, 1, QSP_IS_CLOSED),
			 "a refusal ends both sides");
		sim_must(m,
			 m->side[0].error ==
				 (p->o.distrust && !p->o.known ? QSP_E_TRUST : QSP_E_AUTH),
			 "a refusal is told as such");
		return;
	}
	sim_must(m, is(m, 0, QSP_IS_OPEN) && is(m, 1, QSP_IS_OPEN), "both open");
	if (!m->broken)
		check_open(m);
}

void
sim_check_end(struct sim *m)
{
	for (unsigned i = 0; i < 2; i++) {
		struct sim_side *s = &m->side[i], *peer = &m->side[!i];
		uint16_t reason;
		struct qsp_bytes text;
		bool authenticated;

		sim_must(m, is(m, i, QSP_IS_CLOSED), "all ends");
		if (!s->closes)
			sim_must(m, s->error != 0, "an end that was not asked for is an error");
		if (sim_harmed(m) || m->plan.late || !peer->closes || s->closes ||
		    s->error != QSP_E_CLOSED)
			continue;
		sim_must(m,
			 qsp_conn_peer_close(s->s->conn, &reason, &text, &authenticated) &&
				 reason == QSP_REASON_NORMAL,
			 "CLOSE tells its reason");
	}
}
