/* SPDX-License-Identifier: ISC */
/*
 * Two engines and a middle that the fuzzer drives: it lets bytes pass, changes, drops, repeats and
 * invents them, and changes messages before they are sealed. Data that arrives is what was sent.
 */
#include "input.h"
#include "pair.h"
#include "proto/state.h"

static void
options(struct input *in, struct pair_options *o)
{
	uint8_t a = input_u8(in), b = input_u8(in);

	*o = pair_defaults();
	o->seed = a;
	o->kem = a & 1 ? 2 : 1;
	o->known = a & 2;
	o->wire = a & 4 ? QSP_WIRE_FRAMES : QSP_WIRE_CELLS;
	o->ok_class = (enum qsp_ok_class)(a / 8 % 3);
	o->last = a & 64;
	o->certificate = a & 128;
	o->aead = (uint8_t)(b % 4);
	o->method = (enum qsp_method)(1 + b / 4 % 5);
	o->refuse = b >= 240;
	o->plain_cells = b & 128 ? 9 : 0;
	o->kem_cells = b & 128 ? 30 : 0;
	o->client_slack = 1000;
}

/* Data that a side says is 0, 1, 2, ... */
static void
say(struct pair_side *s, uint64_t *said, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t byte = (uint8_t)(*said)++;

		pair_put(&s->say, &byte, 1);
	}
}

static void
check(const struct pair_side *s, uint64_t said)
{
	must(s->got.n <= said);
	for (size_t i = 0; i < s->got.n; i++)
		must(s->got.p[i] == (uint8_t)i);
}

/* The wire in front of a side. */
static void
damage(struct input *in, struct pair_side *s, uint8_t how)
{
	size_t n = s->in.n, at = n ? input_u16(in) % n : 0;
	struct qsp_bytes b;

	switch (how % 4) {
	case 0:
		if (n > 0)
			s->in.p[at] ^= (uint8_t)(1u << how / 4 % 8);
		break;
	case 1: pair_drop(&s->in, at); break;
	case 2:
		b = input_take(in, how);
		pair_put(&s->in, b.p, b.n);
		break;
	default:
		if (n >= (size_t)2 * QSP_CELL_LEN)
			for (size_t i = 0; i < QSP_CELL_LEN; i++) {
				uint8_t swap = s->in.p[i];

				s->in.p[i] = s->in.p[i + QSP_CELL_LEN];
				s->in.p[i + QSP_CELL_LEN] = swap;
			}
	}
}

/* A message that waits to be sent says something else now. */
static void
falsify(struct input *in, struct pair_side *s)
{
	struct qsp_outgoing *o = s->conn->out;

	if (!o || o->type == QSP_TYPE_FLIGHT || o->len == 0)
		return;
	o->data[input_u16(in) % o->len] = input_u8(in);
}

static void
act(struct pair *p, struct pair_side *s, uint8_t how)
{
	qsp_err e = QSP_OK;

	pair_use(p);
	switch (how % 4) {
	case 0: e = qsp_conn_rekey(s->conn, how & 4 ? QSP_REKEY_KEM : 0); break;
	case 1: e = qsp_conn_ping(s->conn, how); break;
	case 2:
		p->now.mono += how * 1000u;
		e = qsp_conn_tick(s->conn, p->now);
		break;
	default:
		if (how > 240)
			e = qsp_conn_close(s->conn, QSP_REASON_NORMAL, "fuzz");
	}
	must(e == 0 || e == QSP_E_STATE || e == qsp_conn_error(s->conn));
}

static void
step(struct pair *p, struct input *in, uint64_t said[2])
{
	uint8_t op = input_u8(in), how = input_u8(in);
	struct pair_side *s = op & 1 ? &p->server : &p->client;

	switch (op / 2 % 8) {
	case 0:
	case 1: pair_run(p); break;
	case 2: pair_output(p, s); break;
	case 3: pair_input(p, s, (size_t)how * 16); break;
	case 4: say(s, &said[op & 1], how); break;
	case 5: damage(in, s, how); break;
	case 6: falsify(in, s); break;
	default: act(p, s, how);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct pair_shared *shared;
	struct input in = { data, len };
	uint64_t said[2] = { 0 };
	struct pair_options o;
	struct pair *p;
	qsp_err e;

	if (!shared)
		shared = pair_shared_new();
	options(&in, &o);
	o.shared = shared;
	p = pair_new(&o, &e);
	must(p != NULL);
	for (unsigned i = 0; i < 60 && in.n > 0; i++)
		step(p, &in, said);
	pair_run(p);
	check(&p->server, said[0]);
	check(&p->client, said[1]);
	for (unsigned i = 0; i < 2; i++) {
		struct qsp_conn *c = i ? p->server.conn : p->client.conn;

		(void)!qsp_conn_recv_eof(c);
		must(qsp_conn_wants(c) == QSP_IS_CLOSED);
	}
	pair_free(p);
	return 0;
}
