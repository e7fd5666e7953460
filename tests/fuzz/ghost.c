/* SPDX-License-Identifier: ISC */
#include "ghost.h"

#include "proto/engine.h"
#include "proto/worker.h"

#define UNIT_MAX 8192
#define DELIVER_MAX 40000

static qsp_err
world_random(void *arg, uint8_t *out, size_t n)
{
	struct ghost_world *w = arg;

	for (size_t i = 0; i < n; i++) {
		w->random = w->random * 6364136223846793005u + 1442695040888963407u;
		out[i] = (uint8_t)(w->random >> 56);
	}
	return QSP_OK;
}

static bool
never_seen(void *arg, const uint8_t entry[QSP_REPLAY_ENTRY_LEN], qsp_time until)
{
	(void)arg;
	(void)entry;
	(void)until;
	return true;
}

static void
make_configs(struct ghost_world *w, int wire)
{
	uint8_t secret[QSP_OK_LEN];
	struct qsp_config **cfg[] = { &w->server[wire], &w->client[wire] };

	for (unsigned i = 0; i < 2; i++) {
		must(qsp_config_new(w->cx, cfg[i]) == 0);
		qsp_config_set_wire(*cfg[i], (enum qsp_wire)wire);
		qsp_config_set_rekey(*cfg[i], i ? 100000 : 40, i ? 100000 : 90, 5000);
	}
	memset(secret, GHOST_SECRET, sizeof(secret));
	must(qsp_config_add_secret(w->server[wire], secret, QSP_SECRET_CURRENT) == 0);
	must(qsp_config_add_psk(w->server[wire], secret) == 0);
	for (unsigned kem = 1; kem <= 2; kem++)
		must(qsp_config_add_host_key(w->server[wire],
					     qsp_key_get_public(w->host_key[kem])) == 0);
	qsp_config_set_replay(w->server[wire], never_seen, NULL);
}

struct ghost_world *
ghost_world(void)
{
	static struct ghost_world w;

	w.random = 1;
	if (w.cx)
		return &w;
	must(qsp_crypto_new(world_random, &w, &w.cx) == 0);
	for (uint8_t kem = 1; kem <= 2; kem++)
		must(qsp_key_generate(w.cx, kem, &w.host_key[kem]) == 0);
	must(qsp_key_generate(w.cx, 1, &w.user_key) == 0);
	must(qsp_worker_new(w.cx, &w.worker) == 0 && qsp_worker_new(w.cx, &w.sealing) == 0);
	make_configs(&w, 0);
	make_configs(&w, 1);
	w.random = 1;
	return &w;
}

struct qsp_conn *
ghost_open_conn(struct ghost_world *w, enum qsp_role role, uint8_t kem, uint8_t aead,
		enum qsp_wire wire)
{
	struct qsp_es es = { { 1, 2, 3 } };
	struct qsp_config *cfg = role == QSP_SERVER ? w->server[wire] : w->client[wire];
	struct qsp_now now = { .mono = 1000, .wall = GHOST_WALL };
	struct qsp_conn *c;

	must(qsp_conn_new_server(cfg, w->worker, now, &c) == 0);
	c->role = (uint8_t)role;
	c->layout = QSP_LAYOUT_K;
	c->kem = qsp_kem_by_id(kem);
	c->aead = qsp_aead_by_id(aead);
	if (role == QSP_CLIENT)
		must((c->facts = qsp_mem_alloc(sizeof(*c->facts))) != NULL);
	must(qsp_engine_switch_tx(c, &es, 1) == 0 && qsp_engine_switch_rx(c, &es, 1) == 0);
	c->tx_switched = c->rx_switched = false;
	c->es = es;
	qsp_engine_free_handshake(c);
	c->state = QSP_ST_OPEN;
	return c;
}

/* --- the target's side ------------------------------------------------------------------ */

static void
decide(struct ghost *g)
{
	static const struct qsp_prompt prompt = { .n = 1, .text = { { (const uint8_t *)"?", 1 } } };
	uint8_t choice = input_u8(&g->in);
	struct qsp_decision d = { .verdict = (enum qsp_verdict)(choice % 4), .prompt = &prompt };
	struct qsp_auth_question q;
	qsp_err e;

	must(qsp_conn_auth_question(g->target, &q) == 0);
	must(q.user.n <= QSP_USER_MAX && q.reply.n <= QSP_PROMPTS_MAX);
	if (choice & 4)
		d.key = qsp_key_get_public(g->user_key);
	e = qsp_conn_decide(g->target, &d);
	if (e == QSP_E_STATE) {
		d.verdict = QSP_AUTH_REFUSE;
		must(qsp_conn_decide(g->target, &d) != QSP_E_STATE);
	}
}

static void
log_in(struct ghost *g)
{
	static const struct qsp_bytes name = { (const uint8_t *)"u", 1 };
	uint8_t choice = input_u8(&g->in);
	struct qsp_login l = { .user = name, .password = name, .last = choice & 8 };

	l.method = (enum qsp_method)(1 + choice % 5);
	l.key = qsp_key_get_public(g->user_key);
	if (qsp_conn_login(g->target, &l) == QSP_E_INPUT)
		must(qsp_conn_give_up(g->target) == 0);
}

static void
decaps(struct ghost *g)
{
	struct ghost_world *w = ghost_world();
	struct qsp_key *const hosts[] = { w->host_key[1], w->host_key[2] };
	struct qsp_key *const users[] = { g->user_key };
	bool server = g->target->role == QSP_SERVER;
	struct qsp_decaps_question q;
	struct qsp_decaps_answer a;
	qsp_err e;

	must(qsp_conn_decaps_question(g->target, &q) == 0);
	e = qsp_key_answer(server ? hosts : users, server ? 2 : 1, &q, &a);
	(void)!qsp_conn_decaps(g->target, e ? NULL : &a);
}

static bool
answer(struct ghost *g)
{
	unsigned wants = qsp_conn_wants(g->target);
	struct qsp_reply reply = { .n = 1, .text = { { (const uint8_t *)"!", 1 } } };

	if (wants & QSP_WANT_TRUST)
		(void)!qsp_conn_trust(g->target, input_u8(&g->in) < 200);
	else if (wants & QSP_WANT_AUTH && g->target->role == QSP_CLIENT)
		log_in(g);
	else if (wants & QSP_WANT_AUTH)
		decide(g);
	else if (wants & QSP_WANT_SIGN)
		(void)!qsp_conn_sign(g->target, QSP_BYTES_NONE);
	else if (wants & QSP_WANT_DECAPS)
		decaps(g);
	else if (wants & QSP_WANT_REPLY)
		(void)!qsp_conn_reply(g->target, &reply);
	else
		return false;
	return true;
}

static void
drain(struct ghost *g)
{
	static const uint8_t some[300];
	uint8_t out[16384];
	size_t used, n;

	for (unsigned i = 0; i < 200; i++) {
		bool closed = qsp_conn_wants(g->target) & (QSP_IS_CLOSED | QSP_IS_SINK);
		struct qsp_bytes data = { some, i ? 0 : sizeof(some) };
		qsp_err e = qsp_conn_output(g->target, g->now, data, &used, out, sizeof(out), &n);

		must(!closed || (n == 0 && used == 0));
		must(!e || qsp_conn_error(g->target) == e);
		g->spoke |= n > 0;
		if (n == 0)
			return;
	}
	must(false); /* no end of it */
}

void
ghost_deliver(struct ghost *g, struct qsp_bytes wire)
{
	uint8_t *buf = malloc(wire.n ? wire.n : 1);
	size_t at = 0, used;

	must(buf != NULL);
	if (wire.n > 0)
		memcpy(buf, wire.p, wire.n);
	for (unsigned i = 0; i < 100; i++) {
		bool open = qsp_conn_wants(g->target) & QSP_IS_OPEN;
		struct qsp_bytes data;
		qsp_err e = qsp_conn_recv(g->target, g->now, buf + at, wire.n - at, &used, &data);

		must(used <= wire.n - at);
		must(data.n == 0 || (data.p >= buf + at && data.p + data.n <= buf + at + used));
		must(data.n == 0 || open || qsp_conn_wants(g->target) & QSP_IS_OPEN || e);
		must(!e || qsp_conn_error(g->target) == e);
		g->data += data.n;
		at += used;
		if (!answer(g) && used == 0)
			break;
		drain(g);
	}
	free(buf);
	drain(g);
}

/* --- the ghost's side ------------------------------------------------------------------- */

/* One record with this payload; an impossible type or length is the fuzzer's to choose in raw(). */
static void
record(struct ghost *g, uint8_t type, struct qsp_bytes payload)
{
	struct qsp_conn *t = g->target;
	struct qsp_conn c = {
		.cfg = t->cfg,
		.worker = g->sealing,
		.kem = t->kem,
		.aead = t->aead,
		.wire = t->wire,
		.role = !t->role,
		.session_id = t->session_id,
		.tx = t->rx,
	};
	uint8_t out[UNIT_MAX];
	size_t n;

	if (t->rx.serial == 0 || (type == QSP_TYPE_NOISE && t->wire->id == QSP_WIRE_FRAMES) ||
	    payload.n > c.wire->capacity(&c, sizeof(out)))
		return;
	qsp_worker_adopt(g->sealing, &c.tx);
	must(c.wire->seal(&c, g->now, type, payload.p, payload.n, out, &n) == 0);
	qsp_worker_forget(g->sealing, &c.tx);
	ghost_deliver(g, qsp_bytes(out, n));
}

/* A plaintext of the fuzzer's, as it is but for what keeps it from being read at all. */
static void
raw_cell(struct ghost *g, uint8_t fix, struct qsp_bytes bytes)
{
	struct qsp_conn *t = g->target;
	uint8_t pt[QSP_CELL_LEN] = { 0 }, nonce[QSP_AEAD_NONCE_LEN], dir = !t->role;
	uint8_t out[QSP_CELL_LEN];
	struct qsp_lane lane = t->rx;
	struct qsp_aead_ctx *x;
	size_t n;

	if (lane.serial == 0 || t->wire->id != QSP_WIRE_CELLS)
		return;
	n = (size_t)QSP_CELL_LEN - t->aead->tag_len;
	memcpy(pt, bytes.p, bytes.n < n ? bytes.n : n);
	qsp_bytes_put32(nonce, lane.epoch);
	qsp_bytes_put64(nonce + 4, lane.seq);
	if (fix & 1)
		memcpy(pt, nonce, sizeof(nonce));
	if (fix & 2)
		qsp_bytes_put64(pt + 12, lane.timestamp + fix);
	if (fix & 4)
		pt[20] %= 5;
	if (fix & 8)
		qsp_bytes_put16(pt + 21, (uint16_t)(bytes.n > 23 ? bytes.n - 23 : 0));
	qsp_worker_adopt(g->sealing, &lane);
	must(qsp_worker_sealer(g->sealing, t->aead, &lane, &x) == 0);
	must(t->aead->seal(x, nonce, qsp_bytes(&dir, 1), pt, n, out, out + n) == 0);
	qsp_worker_forget(g->sealing, &lane);
	ghost_deliver(g, QSP_BYTES_OF(out));
}

/* A whole message in as many records as it takes, or as the fuzzer likes. */
static void
message(struct ghost *g, uint8_t type)
{
	uint8_t msg[3000], kind = input_u8(&g->in), how = input_u8(&g->in);
	uint16_t len = input_u16(&g->in);
	struct qsp_bytes body = input_take(&g->in, len % 2900), all = { msg, 0 };
	size_t most = how & 3 ? 700 : 1 + how / 4;

	qsp_bytes_put32(msg, (uint32_t)kind << 24 | (uint32_t)(how & 4 ? len : body.n));
	if (body.n > 0)
		memcpy(msg + 4, body.p, body.n);
	all.n = 4 + body.n;
	while (all.n > 0 && g->target->rx.serial != 0) {
		size_t n = all.n < most ? all.n : most;

		record(g, type, qsp_bytes(all.p, n));
		all = qsp_bytes_from(all, n);
	}
}

static void
application(struct ghost *g)
{
	struct qsp_conn *c = g->target;
	uint8_t choice = input_u8(&g->in), cell[QSP_CELL_LEN], key[32];
	qsp_err e = QSP_OK;

	switch (choice % 8) {
	case 0: e = qsp_conn_rekey(c, 0); break;
	case 1: e = qsp_conn_rekey(c, QSP_REKEY_KEM); break;
	case 2: e = qsp_conn_ping(c, choice); break;
	case 3: e = qsp_conn_noise(c, g->now, cell); break;
	case 4:
		g->now.mono += choice * 100u;
		e = qsp_conn_tick(c, g->now);
		break;
	case 5: e = qsp_conn_export(c, QSP_BYTES_NONE, QSP_BYTES_NONE, key, sizeof(key)); break;
	case 6:
		if (choice > 200)
			e = qsp_conn_close(c, QSP_REASON_NORMAL, "fuzz");
		break;
	default: qsp_conn_set_worker(c, g->worker); break;
	}
	must(e == 0 || e == QSP_E_STATE || e == qsp_conn_error(c));
	drain(g);
}

void
ghost_play(struct ghost *g)
{
	unsigned acts = 0;

	drain(g);
	while (g->in.n > 0 && acts++ < 64) {
		uint8_t op = input_u8(&g->in), type = input_u8(&g->in);

		switch (op % 8) {
		case 0:
		case 1:
		case 2:
		case 3:
			message(g, (uint8_t)(op % 4 == 0 ? QSP_TYPE_HANDSHAKE : QSP_TYPE_CONTROL));
			break;
		case 4:
			type %= 6;
			record(g, type == 5 ? QSP_TYPE_CLOSE : type,
			       input_take(&g->in, input_u16(&g->in) % 714));
			break;
		case 5: raw_cell(g, type, input_take(&g->in, input_u16(&g->in) % 753)); break;
		case 6: application(g); break;
		default: ghost_deliver(g, input_take(&g->in, input_u16(&g->in) % DELIVER_MAX));
		}
		if (qsp_conn_wants(g->target) & QSP_IS_CLOSED)
			break;
	}
	(void)!qsp_conn_recv_eof(g->target);
	must(qsp_conn_wants(g->target) == QSP_IS_CLOSED);
}
