/* SPDX-License-Identifier: ISC */
/* Ways into every state, one act at a time. */
#include "steps/reach.h"

#include "proto/engine.h"
#include "proto/worker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define KEM .method = QSP_METHOD_KEM
#define SIG .method = QSP_METHOD_SIGNATURE
#define PASSWORD .method = QSP_METHOD_PASSWORD
#define RESUME .method = QSP_METHOD_RESUME
#define ASKING .method = QSP_METHOD_INTERACTIVE

/* clang-format off */
const struct place places[] = {
	{ "C_SENT_M1", QSP_CLIENT, QSP_ST_C_SENT_M1, 0, KEM },
	{ "C_WAIT_CERTIFICATE (T)", QSP_CLIENT, QSP_ST_C_WAIT_CERTIFICATE, 0, KEM,
		.unknown = true, .certificate = true, .hears = HEARS(QSP_MSG_CERTIFICATE) },
	{ "C_WAIT_CERTIFICATE (K)", QSP_CLIENT, QSP_ST_C_WAIT_CERTIFICATE, 0, KEM,
		.certificate = true, .hears = HEARS(QSP_MSG_CERTIFICATE) },
	{ "C_WANT_TRUST", QSP_CLIENT, QSP_ST_C_WANT_TRUST, 0, KEM, .unknown = true },
	{ "C_SENT_KEM_S", QSP_CLIENT, QSP_ST_C_SENT_KEM_S, 0, KEM, .unknown = true,
		.hears = HEARS(QSP_MSG_FIN_S) },
	{ "C_WANT_LOGIN", QSP_CLIENT, QSP_ST_C_WANT_LOGIN, 0, KEM },
	{ "C_SENT_REQUEST", QSP_CLIENT, QSP_ST_C_SENT_REQUEST, 0, KEM,
		.hears = HEARS(QSP_MSG_AUTH_CHALLENGE) | HEARS(QSP_MSG_AUTH_FAILURE) },
	{ "C_WANT_DECAPS", QSP_CLIENT, QSP_ST_C_WANT_DECAPS, 0, KEM },
	{ "C_WANT_SIGN", QSP_CLIENT, QSP_ST_C_WANT_SIGN, 0, SIG },
	{ "C_SENT_PROOF", QSP_CLIENT, QSP_ST_C_SENT_PROOF, 0, KEM,
		.hears = HEARS(QSP_MSG_AUTH_OK) | HEARS(QSP_MSG_AUTH_FAILURE) },
	{ "C_PIPELINED", QSP_CLIENT, QSP_ST_C_PIPELINED, 0, PASSWORD, .last = true,
		.hears = HEARS(QSP_MSG_AUTH_OK) | HEARS(QSP_MSG_AUTH_FAILURE) },
	{ "C_INTERACTIVE", QSP_CLIENT, QSP_ST_C_INTERACTIVE, 0, ASKING,
		.hears = HEARS(QSP_MSG_PROMPT) | HEARS(QSP_MSG_AUTH_OK) |
			 HEARS(QSP_MSG_AUTH_FAILURE) },
	{ "C_WANT_REPLY", QSP_CLIENT, QSP_ST_C_WANT_REPLY, 0, ASKING },
	{ "C OPEN", QSP_CLIENT, QSP_ST_OPEN, QSP_RK_IDLE, KEM,
		.hears = HEARS(QSP_MSG_SERVER_INFO),
		.control = HEARS(QSP_MSG_REKEY_INIT) | HEARS(QSP_MSG_SHAPE) | HEARS(QSP_MSG_PING) | HEARS(QSP_MSG_PONG) |
			   HEARS(QSP_MSG_ACK) },
	{ "C OPEN, SENT_ACK", QSP_CLIENT, QSP_ST_OPEN, QSP_RK_SENT_ACK, KEM,
		.hears = HEARS(QSP_MSG_SERVER_INFO),
		.control = HEARS(QSP_MSG_REKEY_DONE) | HEARS(QSP_MSG_SHAPE) | HEARS(QSP_MSG_PING) | HEARS(QSP_MSG_PONG) |
			   HEARS(QSP_MSG_ACK) },

	{ "S_NEW", QSP_SERVER, QSP_ST_S_NEW, 0, KEM },
	{ "S_WANT_DH", QSP_SERVER, QSP_ST_S_WANT_DH, 0, KEM },
	{ "S_WANT_SS", QSP_SERVER, QSP_ST_S_WANT_SS, 0, KEM },
	{ "S_SENT_M2", QSP_SERVER, QSP_ST_S_SENT_M2, 0, KEM, .unknown = true,
		.hears = HEARS(QSP_MSG_KEM_S) },
	{ "S_WANT_KEM_S", QSP_SERVER, QSP_ST_S_WANT_KEM_S, 0, KEM, .unknown = true },
	{ "S_READY", QSP_SERVER, QSP_ST_S_READY, 0, KEM,
		.hears = HEARS(QSP_MSG_AUTH_REQUEST) },
	{ "S_WANT_PROOF", QSP_SERVER, QSP_ST_S_WANT_PROOF, 0, SIG,
		.hears = HEARS(QSP_MSG_AUTH_PROOF) },
	{ "S_WANT_AUTH", QSP_SERVER, QSP_ST_S_WANT_AUTH, 0, KEM },
	{ "S_SENT_CHALLENGE", QSP_SERVER, QSP_ST_S_SENT_CHALLENGE, 0, KEM,
		.hears = HEARS(QSP_MSG_AUTH_PROOF) },
	{ "S_SENT_CHALLENGE (outside)", QSP_SERVER, QSP_ST_S_SENT_CHALLENGE, 0, KEM,
		.outside = true, .hears = HEARS(QSP_MSG_AUTH_PROOF) },
	{ "S_WANT_VERDICT", QSP_SERVER, QSP_ST_S_WANT_VERDICT, 0, KEM, .outside = true },
	{ "S_RESUMING", QSP_SERVER, QSP_ST_S_RESUMING, 0, RESUME,
		.hears = HEARS(QSP_MSG_AUTH_PROOF) },
	{ "S_WANT_VERDICT (resume)", QSP_SERVER, QSP_ST_S_WANT_VERDICT, 0, RESUME },
	{ "C_SENT_PROOF (resume)", QSP_CLIENT, QSP_ST_C_SENT_PROOF, 0, RESUME,
		.hears = HEARS(QSP_MSG_AUTH_OK) | HEARS(QSP_MSG_AUTH_FAILURE) },
	{ "S_SENT_PROMPT", QSP_SERVER, QSP_ST_S_SENT_PROMPT, 0, ASKING,
		.hears = HEARS(QSP_MSG_REPLY) },
	{ "S_REFUSED", QSP_SERVER, QSP_ST_S_REFUSED, 0, PASSWORD, .refuse = true,
		.hears = HEARS(QSP_MSG_AUTH_REQUEST) | HEARS(QSP_MSG_EPOCH) },
	{ "S_SENT_OK", QSP_SERVER, QSP_ST_S_SENT_OK, 0, KEM,
		.hears = HEARS(QSP_MSG_EPOCH) },
	{ "S OPEN", QSP_SERVER, QSP_ST_OPEN, QSP_RK_IDLE, KEM,
		.control = HEARS(QSP_MSG_REKEY_REQUEST) | HEARS(QSP_MSG_SHAPE) | HEARS(QSP_MSG_PING) |
			   HEARS(QSP_MSG_PONG) | HEARS(QSP_MSG_ACK) },
	{ "S OPEN, SENT_INIT", QSP_SERVER, QSP_ST_OPEN, QSP_RK_SENT_INIT, KEM,
		.control = HEARS(QSP_MSG_REKEY_ACK) | HEARS(QSP_MSG_REKEY_REQUEST) |
			   HEARS(QSP_MSG_SHAPE) | HEARS(QSP_MSG_PING) | HEARS(QSP_MSG_PONG) |
			   HEARS(QSP_MSG_ACK) },
};
/* clang-format on */
const size_t n_places = sizeof(places) / sizeof(*places);

static bool
there(const struct place *at, const struct pair_side *s)
{
	return s->conn->state == at->state && s->conn->rekey_state == at->rekey;
}

/* One unit, and nothing answered. */
static bool
take_one(struct pair *p, struct pair_side *s)
{
	bool flight = s->conn->state == QSP_ST_S_NEW || s->conn->state == QSP_ST_C_SENT_M1;
	size_t unit = flight ? QSP_FLIGHT_LEN : QSP_CELL_LEN, used;
	struct qsp_bytes data;

	if (s->in.n < unit)
		return false;
	assert_int_equal(qsp_conn_recv(s->conn, p->now, s->in.p, unit, &used, &data), QSP_OK);
	pair_drop(&s->in, used);
	return used > 0;
}

static bool
act(struct pair *p)
{
	return pair_output(p, &p->client) || pair_output(p, &p->server) ||
	       take_one(p, &p->server) || take_one(p, &p->client) || pair_answer(p, &p->server) ||
	       pair_answer(p, &p->client);
}

struct pair *
reach(const struct place *at, struct pair_side **side)
{
	static const struct qsp_ticket ticket = { .session = 7, .epoch = 1, .len = 32 };
	struct pair_options o = pair_defaults();
	struct pair *p;
	qsp_err e;

	o.method = at->method;
	o.known = !at->unknown;
	o.certificate = at->certificate;
	o.last = at->last;
	o.refuse = at->refuse;
	o.outside = at->outside;
	o.resumable = at->method == QSP_METHOD_RESUME;
	o.ticket = o.held = &ticket;
	p = pair_new(&o, &e);
	assert_non_null(p);
	*side = at->role == QSP_CLIENT ? &p->client : &p->server;
	while ((*side)->conn->state != at->state && act(p))
		;
	if (at->rekey != QSP_RK_IDLE) {
		pair_run(p);
		assert_int_equal(qsp_conn_rekey(p->server.conn, QSP_REKEY_KEM), QSP_OK);
		while (!there(at, *side) && act(p))
			;
	}
	if (!there(at, *side))
		fail_msg("%s was not reached", at->name);
	assert_int_equal((*side)->error, QSP_OK);
	return p;
}

size_t
forge(struct pair *p, struct pair_side *to, uint8_t type, const uint8_t *body, size_t len,
      uint8_t out[static QSP_CELL_LEN])
{
	struct qsp_conn *c = to->conn;
	struct qsp_conn peer = {
		.cfg = c->cfg,
		.worker = to == &p->client ? p->server.worker : p->client.worker,
		.role = !c->role,
		.kem = c->kem,
		.aead = c->aead,
		.wire = c->wire,
		.session_id = c->session_id,
		.tx = c->rx,
	};
	size_t n;

	peer.tx.serial = 0;
	qsp_worker_adopt(peer.worker, &peer.tx);
	assert_int_equal(c->wire->seal(&peer, p->now, type, body, len, out, &n), QSP_OK);
	return n;
}

qsp_err
say_to(struct pair *p, struct pair_side *to, uint8_t type, uint8_t kind, const uint8_t *body,
       size_t len)
{
	uint8_t message[64], cell[QSP_CELL_LEN];
	struct qsp_bytes data;
	size_t n, used;
	qsp_err e;

	assert_true(len + 4 <= sizeof(message));
	qsp_bytes_put32(message, (uint32_t)kind << 24 | (uint32_t)len);
	if (len > 0)
		memcpy(message + 4, body, len);
	n = forge(p, to, type, message, 4 + len, cell);
	e = qsp_conn_recv(to->conn, p->now, cell, n, &used, &data);
	assert_int_equal(data.n, 0);
	return e;
}
