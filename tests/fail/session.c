/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <string.h>

#define DATA_LEN 5000

static const struct pair_side *turn, *failed_on;
static bool failed, failed_in_m1, sending, close_asked;
static struct pair *now_running;

void
session_failed(void)
{
	failed = true;
	failed_on = turn;
	failed_in_m1 = turn && now_running && turn == &now_running->server && !sending &&
		       now_running->client.in.total == 0;
}

struct pair_options
session_options(unsigned i)
{
	struct pair_options o = pair_defaults();

	o.known = i & 1;
	o.method = (enum qsp_method)(QSP_METHOD_KEM + i / 2);
	o.last = i % 3 == 0;
	o.certificate = i % 4 < 2;
	o.ok_class = (enum qsp_ok_class)(i % 3);
	o.aead = (uint8_t)(1 + i % 3);
	return o;
}

static bool
move(struct pair *p, struct pair_side *s)
{
	bool moved;

	turn = s;
	sending = true;
	moved = pair_output(p, s);
	sending = false;
	moved |= pair_input(p, s, SIZE_MAX);
	moved |= (qsp_conn_wants(s->conn) & QSP_WANT_OUTPUT) != 0;
	turn = NULL;
	return moved;
}

static void
run(struct pair *p)
{
	unsigned rounds = 0;
	bool moved;

	do {
		moved = move(p, &p->client);
		moved |= move(p, &p->server);
	} while (moved && rounds++ < 1000);
}

/* Acts of the application, of which any may fail. */
static void
act(struct pair *p, struct pair_side *s, unsigned rekey, bool ping)
{
	qsp_err e;

	turn = s;
	e = ping ? qsp_conn_ping(s->conn, 7) : qsp_conn_rekey(s->conn, rekey);
	if (e && !s->error)
		s->error = e;
	turn = NULL;
	run(p);
}

/* What is done once both sides are open. */
static void
talk(struct pair *p)
{
	static const uint8_t up[DATA_LEN] = { 1 }, down[DATA_LEN] = { 2 };
	struct pair_side *c = &p->client, *s = &p->server;

	pair_put(&c->say, up, sizeof(up));
	pair_put(&s->say, down, sizeof(down));
	run(p);
	act(p, s, 0, false);
	act(p, c, QSP_REKEY_KEM, false);
	act(p, c, 0, true);
	pair_put(&c->say, up, sizeof(up));
	run(p);
}

static bool
done(const struct pair *p)
{
	struct qsp_conn_info info;
	uint64_t token = 0;

	qsp_conn_get_info(p->client.conn, &info);
	return pair_open(p) && info.plain_rekeys == 1 && info.kem_rekeys == 1 &&
	       qsp_conn_pong(p->client.conn, &token) && token == 7 &&
	       p->server.got.n == 2 * DATA_LEN && p->client.got.n == DATA_LEN;
}

static const char *
check_data(const struct pair_pipe *got, uint8_t first)
{
	for (size_t i = 0; i < got->n; i++)
		if (got->p[i] != (i % DATA_LEN == 0 ? first : 0))
			return "data that arrived is what was sent";
	return NULL;
}

/* After the ends of both streams, where not everything was done. */
static const char *
check_end(const struct pair *p)
{
	const struct pair_side *sides[] = { &p->client, &p->server };

	for (unsigned i = 0; i < 2; i++) {
		if (!(qsp_conn_wants(sides[i]->conn) & QSP_IS_CLOSED))
			return "both sides end";
		if (qsp_conn_error(sides[i]->conn) == 0 && !(close_asked && i == 0))
			return "an end that nobody asked for is an error";
	}
	return check_data(&p->server.got, 1) ? check_data(&p->server.got, 1)
					     : check_data(&p->client.got, 2);
}

/* Before the ends: the side on which it failed is over by itself. */
static const char *
check_failed(const struct pair *p)
{
	unsigned wants;

	if (!failed || !failed_on)
		return NULL;
	wants = qsp_conn_wants(failed_on->conn);
	if (failed_in_m1 && p->client.in.total > 0)
		return failed_on->error ? "a server that fails in M1 says nothing" : NULL;
	if (failed_on->error && (wants & (QSP_IS_OPEN | QSP_WANT_OUTPUT | QSP_CAN_SEND)))
		return "a side that failed is neither open nor has more to say";
	if (failed_on->error && !(wants & (QSP_IS_CLOSED | QSP_IS_SINK)))
		return "a side that failed is closed, or a sink";
	if (failed_in_m1 && failed_on->error && !(wants & QSP_IS_SINK))
		return "a server that fails in M1 becomes a sink";
	return NULL;
}

static bool
close_client(struct pair *p)
{
	close_asked = true;
	turn = &p->client;
	if (qsp_conn_close(p->client.conn, QSP_REASON_NORMAL, "done") != 0)
		return false;
	run(p);
	return qsp_conn_error(p->server.conn) == QSP_E_CLOSED && !qsp_conn_error(p->client.conn);
}

static qsp_err
end(struct pair_side *s)
{
	return qsp_conn_recv_eof(s->conn);
}

struct session
session_run(const struct pair_options *o)
{
	struct session r = { 0 };
	struct pair *p;

	failed = failed_in_m1 = close_asked = false;
	failed_on = NULL;
	now_running = NULL;
	if ((p = pair_new(o, &r.made)) == NULL)
		return r;
	now_running = p;
	run(p);
	if (pair_open(p))
		talk(p);
	r.complete = done(p);
	r.broken = check_failed(p);
	r.complete = r.complete && close_client(p);
	r.client = end(&p->client);
	r.server = end(&p->server);
	if (!r.broken && !r.complete)
		r.broken = check_end(p);
	now_running = NULL;
	pair_free(p);
	return r;
}
