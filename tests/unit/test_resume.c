/* SPDX-License-Identifier: ISC */
/* Resumption under somebody's hands [P4.7]: damage at its worst places, and stealth, which stays. */
#include "pair.h"
#include "proto/resume.h"
#include "proto/shape_conn.h"
#include "proto/state.h"
#include "proto/steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define STEALTH                                                                                    \
	{                                                                                          \
		.mode = QSP_SHAPE_STEALTH, .class = 1, .ceiling = 1                                \
	}

static const struct qsp_shape_allowed all = { .modes = 7, .ceiling = 5 };

/* A session, and a second connection that is about to resume it. */
struct lost {
	struct pair *first, *p;
	struct qsp_ticket ticket, held;
};

static struct pair *
new_pair(const struct pair_options *o, const struct qsp_shape_params *shape)
{
	qsp_err e;
	struct pair *p = pair_new(o, &e);

	assert_non_null(p);
	qsp_shape_conn_allow(p->server.cfg, &all);
	if (shape)
		assert_int_equal(qsp_shape_conn_ask(p->client.conn, p->now, shape), 0);
	return p;
}

static void
begin(struct lost *l, const struct qsp_shape_params *first, const struct qsp_shape_params *then)
{
	struct pair_options o = pair_defaults();

	o.resumable = true;
	l->first = new_pair(&o, first);
	pair_run(l->first);
	pair_put(&l->first->client.say, "up", 2);
	pair_run(l->first);
	assert_true(pair_open(l->first));
	pair_put(&l->first->server.say, "what is never acknowledged", 26);
	(void)pair_output(l->first, &l->first->server); /* and lost on its way */
	assert_int_equal(qsp_conn_recv_eof(l->first->client.conn), QSP_E_TRUNCATED);
	assert_int_equal(qsp_conn_recv_eof(l->first->server.conn), QSP_E_TRUNCATED);
	assert_int_equal(qsp_conn_ticket(l->first->client.conn, false, &l->ticket), 0);
	assert_int_equal(qsp_conn_ticket(l->first->server.conn, false, &l->held), 0);
	assert_true(qsp_conn_progress(l->first->client.conn, &o.progress));
	assert_true(qsp_conn_progress(l->first->server.conn, &o.held_progress));
	o.method = QSP_METHOD_RESUME;
	o.seed = 2;
	o.ticket = &l->ticket;
	o.held = &l->held;
	l->p = new_pair(&o, then);
}

static void
end(struct lost *l)
{
	pair_free(l->first);
	pair_free(l->p);
}

/* Until the one side's engine has got to a state. */
static void
until(struct pair *p, struct pair_side *s, uint8_t state)
{
	for (int i = 0; i < 100 && s->conn->state != state; i++) {
		if (pair_output(p, &p->client) || pair_output(p, &p->server))
			continue;
		(void)(pair_input(p, &p->server, QSP_FLIGHT_LEN) ||
		       pair_input(p, &p->client, QSP_FLIGHT_LEN));
	}
	assert_int_equal(s->conn->state, state);
}

static bool
has_ticket(const struct pair_side *s)
{
	struct qsp_ticket t;

	return qsp_conn_ticket(s->conn, false, &t) == 0;
}

/* AUTH_OK is damaged on its way: the server has taken the session over, and keeps it. */
static void
damage_to_auth_ok(void **state)
{
	struct lost l;

	(void)state;
	begin(&l, NULL, NULL);
	until(l.p, &l.p->server, QSP_ST_S_SENT_OK);
	(void)pair_output(l.p, &l.p->server);
	assert_true(l.p->client.in.n >= QSP_CELL_LEN);
	l.p->client.in.p[100] ^= 1;
	pair_run(l.p);
	assert_int_equal(l.p->client.error, QSP_E_DECRYPT);
	assert_int_equal(l.p->server.error, 0);
	assert_true(has_ticket(&l.p->server));
	assert_false(qsp_conn_wants(l.p->client.conn) & QSP_WANT_OUTPUT);
	end(&l);
}

/* What the client says last in epoch 0 is damaged: that is a loss too. */
static void
damage_to_epoch(void **state)
{
	struct lost l;

	(void)state;
	begin(&l, NULL, NULL);
	until(l.p, &l.p->client, QSP_ST_OPEN);
	(void)pair_output(l.p, &l.p->client);
	l.p->server.in.p[100] ^= 1;
	pair_run(l.p);
	assert_int_equal(l.p->server.error, QSP_E_DECRYPT);
	assert_int_equal(l.p->client.error, 0);
	assert_true(has_ticket(&l.p->server));
	assert_true(has_ticket(&l.p->client));
	end(&l);
}

/* Nothing of type 3 comes before the first ACK, be it what it may; behind it everything does. */
static void
ack_comes_first(void **state)
{
	const struct qsp_input ping = { .body = qsp_bytes("12345678", 8) };
	struct lost l;

	(void)state;
	for (int early = 0; early < 2; early++) {
		begin(&l, NULL, NULL);
		until(l.p, &l.p->client, QSP_ST_OPEN);
		while (pair_output(l.p, &l.p->client))
			;
		while (l.p->server.conn->state != QSP_ST_OPEN)
			assert_true(pair_input(l.p, &l.p->server, QSP_CELL_LEN));
		assert_true(qsp_resume_waits(l.p->server.conn));
		if (!early)
			pair_run(l.p);
		assert_int_equal(qsp_steps_control(l.p->server.conn, QSP_MSG_PING, &ping),
				 early ? QSP_E_PROTOCOL : 0);
		end(&l);
	}
}

/* [P8.2] Behind AUTH_OK the server of a session in stealth says no Data before SHAPE. */
static void
stealth_holds(void **state)
{
	const struct qsp_shape_params shape = STEALTH;
	struct lost l;

	(void)state;
	begin(&l, &shape, &shape);
	until(l.p, &l.p->server, QSP_ST_S_SENT_OK);
	pair_put(&l.p->server.say, "what is sent again", 18);
	while (pair_output(l.p, &l.p->server))
		;
	assert_int_equal(l.p->server.say.n, 18);
	pair_run(l.p);
	assert_int_equal(l.p->client.error, 0);
	assert_int_equal(l.p->client.got.n, 18);
	end(&l);
}

/* What is held is held by the next connection too, if this one is lost before SHAPE. */
static void
stealth_is_remembered(void **state)
{
	const struct qsp_shape_params shape = STEALTH;
	struct qsp_progress now;
	struct lost l;

	(void)state;
	begin(&l, &shape, &shape);
	until(l.p, &l.p->server, QSP_ST_S_SENT_OK);
	assert_int_equal(qsp_conn_recv_eof(l.p->server.conn), QSP_E_TRUNCATED);
	assert_true(qsp_conn_progress(l.p->server.conn, &now));
	assert_true(now.stealth);
	end(&l);
}

/* A client that asks for less, or for nothing, gets no Data. */
static void
stealth_is_not_left(void **state)
{
	const struct qsp_shape_params shape = STEALTH;
	const struct qsp_shape_params grid = { .mode = QSP_SHAPE_PLAIN, .grid_ms = 20 };

	(void)state;
	for (int asks = 0; asks < 2; asks++) {
		struct lost l;

		begin(&l, &shape, asks ? &grid : NULL);
		pair_put(&l.p->server.say, "what is sent again", 18);
		pair_run(l.p);
		assert_int_equal(l.p->client.got.n, 0);
		assert_int_equal(l.p->server.error, asks ? QSP_E_POLICY : 0);
		end(&l);
	}
}

/* Without stealth nothing is held. */
static void
plain_does_not_hold(void **state)
{
	struct lost l;

	(void)state;
	begin(&l, NULL, NULL);
	until(l.p, &l.p->server, QSP_ST_S_SENT_OK);
	pair_put(&l.p->server.say, "what is sent again", 18);
	while (pair_output(l.p, &l.p->server))
		;
	assert_int_equal(l.p->server.say.n, 0);
	pair_run(l.p);
	assert_int_equal(l.p->client.got.n, 18);
	end(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damage_to_auth_ok),     cmocka_unit_test(damage_to_epoch),
		cmocka_unit_test(ack_comes_first),       cmocka_unit_test(stealth_holds),
		cmocka_unit_test(stealth_is_remembered), cmocka_unit_test(stealth_is_not_left),
		cmocka_unit_test(plain_does_not_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
