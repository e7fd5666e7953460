/* SPDX-License-Identifier: ISC */
/* Two engines and the queues between them. */
#include "pair.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

uint64_t
pair_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

struct pair_shared {
	struct qsp_crypto *cx;
	struct qsp_key *keys[QSP_KEY_ML_DSA_87 + 1]; /* by type, made when first needed */
	struct pair *current;
};

static qsp_err
seeded(void *arg, uint8_t *out, size_t n)
{
	struct pair *p = arg;

	if (p->o.random)
		return p->o.random(p->o.random_arg, out, n);
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(pair_random(&p->seed_state) >> 32);
	return QSP_OK;
}

static qsp_err
seeded_by_current(void *arg, uint8_t *out, size_t n)
{
	struct pair_shared *sh = arg;

	return seeded(sh->current, out, n);
}

struct pair_shared *
pair_shared_new(void)
{
	struct pair_shared *sh = calloc(1, sizeof(*sh));

	assert(sh);
	if (qsp_crypto_new(seeded_by_current, sh, &sh->cx) != 0)
		abort();
	return sh;
}

void
pair_shared_free(struct pair_shared *sh)
{
	if (!sh)
		return;
	for (size_t i = 0; i < sizeof(sh->keys) / sizeof(*sh->keys); i++)
		qsp_key_free(sh->keys[i]);
	qsp_crypto_free(sh->cx);
	free(sh);
}

void
pair_use(struct pair *p)
{
	if (p->o.shared)
		p->o.shared->current = p;
}

static qsp_err
make_key(struct pair *p, uint8_t type, struct qsp_key **out)
{
	struct qsp_key **shared = p->o.shared ? &p->o.shared->keys[type] : NULL;
	uint8_t seed[QSP_KEY_SEED_MAX];
	qsp_err e;

	if (!shared)
		return qsp_key_generate(p->cx, type, out);
	memset(seed, type, sizeof(seed));
	if (!*shared &&
	    (e = qsp_key_new(p->cx, type, (struct qsp_bytes){ seed, qsp_key_seed_len(type) },
			     shared)) != 0)
		return e;
	*out = *shared;
	return QSP_OK;
}

void
pair_put(struct pair_pipe *q, const void *p, size_t n)
{
	if (n == 0)
		return;
	if (q->cap - q->n < n) {
		q->cap = 2 * (q->n + n);
		q->p = realloc(q->p, q->cap);
		assert(q->p);
	}
	memcpy(q->p + q->n, p, n);
	q->n += n;
	q->total += n;
}

void
pair_drop(struct pair_pipe *q, size_t n)
{
	assert(n <= q->n);
	if (n > 0)
		memmove(q->p, q->p + n, q->n - n);
	q->n -= n;
}

struct pair_options
pair_defaults(void)
{
	return (struct pair_options){
		.seed = 1,
		.kem = 1,
		.known = true,
		.ok_class = QSP_OK_SECRET,
		.method = QSP_METHOD_KEM,
	};
}

static bool
enter(void *arg, const uint8_t entry[QSP_REPLAY_ENTRY_LEN], qsp_time until)
{
	struct pair *p = arg;

	return qsp_replay_enter(p->replay, entry, until, p->now.wall);
}

static qsp_err
make_config(struct pair *p, bool server, struct qsp_config **out)
{
	static const uint8_t certificate[3000] = { 0x30 };
	struct qsp_config *cfg;
	uint8_t secret[QSP_OK_LEN];
	unsigned slack = server || p->o.client_slack == 0 ? 1 : p->o.client_slack;
	qsp_err e = qsp_config_new(p->cx, &cfg);

	*out = e ? NULL : cfg;
	if (e)
		return e;
	memset(secret, 0x5a, sizeof(secret));
	if (p->o.aead)
		e = qsp_config_set_aeads(cfg, &p->o.aead, 1);
	qsp_config_set_wire(cfg, p->o.wire);
	if (p->o.plain_cells || p->o.kem_cells || p->o.kem_ms)
		qsp_config_set_rekey(cfg, slack * p->o.plain_cells, slack * p->o.kem_cells,
				     p->o.kem_ms);
	qsp_config_set_resumable(cfg, p->o.resumable);
	if (!server || e)
		return e;
	qsp_config_set_replay(cfg, enter, p);
	if ((e = qsp_config_add_host_key(cfg, qsp_key_get_public(p->host_key))) == 0)
		e = qsp_config_add_secret(cfg, secret, QSP_SECRET_CURRENT);
	memset(secret, 0x77, sizeof(secret));
	if (!e)
		e = qsp_config_add_psk(cfg, secret);
	if (!e && p->o.certificate)
		e = qsp_config_set_certificate(
			cfg, (struct qsp_bytes){ certificate, sizeof(certificate) });
	return e;
}

static uint8_t
user_key_type(const struct pair_options *o)
{
	if (o->user_key_type)
		return o->user_key_type;
	return o->method == QSP_METHOD_SIGNATURE ? QSP_KEY_ML_DSA_65 : o->kem;
}

static qsp_err
make(struct pair *p)
{
	qsp_err e;

	p->seed_state = p->o.seed;
	p->now = (struct qsp_now){ .mono = 1000, .wall = PAIR_WALL };
	pair_use(p);
	if (p->o.shared)
		p->cx = p->o.shared->cx;
	else if ((e = qsp_crypto_new(seeded, p, &p->cx)) != 0)
		return e;
	if ((e = qsp_replay_new(64, &p->replay)) != 0 ||
	    (e = make_key(p, p->o.kem, &p->host_key)) != 0 ||
	    (e = make_key(p, user_key_type(&p->o), &p->user_key)) != 0 ||
	    (e = qsp_worker_new(p->cx, &p->client.worker)) != 0 ||
	    (e = qsp_worker_new(p->cx, &p->server.worker)) != 0 ||
	    (e = make_config(p, false, &p->client.cfg)) != 0 ||
	    (e = make_config(p, true, &p->server.cfg)) != 0)
		return e;
	p->peer = (struct qsp_peer){
		.kem = p->o.kem,
		.host_key = p->o.known ? qsp_key_get_public(p->host_key) : NULL,
		.ok_class = p->o.ok_class,
	};
	memset(p->peer.secret, p->o.ok_class == QSP_OK_PSK ? 0x77 : 0x5a, QSP_OK_LEN);
	e = qsp_conn_new_client(p->client.cfg, p->client.worker, &p->peer, p->now, &p->client.conn);
	if (!e)
		e = qsp_conn_new_server(p->server.cfg, p->server.worker, p->now, &p->server.conn);
	return e;
}

struct pair *
pair_new(const struct pair_options *o, qsp_err *e)
{
	struct pair *p = calloc(1, sizeof(*p));

	assert(p);
	p->o = *o;
	if ((*e = make(p)) != 0) {
		pair_free(p);
		return NULL;
	}
	return p;
}

static void
free_side(struct pair_side *s)
{
	qsp_conn_free(s->conn);
	qsp_worker_free(s->worker);
	qsp_config_free(s->cfg);
	free(s->in.p);
	free(s->got.p);
	free(s->say.p);
}

void
pair_free(struct pair *p)
{
	if (!p)
		return;
	free_side(&p->client);
	free_side(&p->server);
	qsp_replay_free(p->replay);
	if (!p->o.shared) {
		qsp_key_free(p->host_key);
		qsp_key_free(p->user_key);
		qsp_crypto_free(p->cx);
	}
	free(p);
}

static void
note(struct pair_side *s, qsp_err e)
{
	if (e && !s->error)
		s->error = e;
}

bool
pair_output(struct pair *p, struct pair_side *s)
{
	struct pair_side *to = s == &p->client ? &p->server : &p->client;
	uint8_t out[16384];
	size_t used, n;

	pair_use(p);
	note(s, qsp_conn_output(s->conn, p->now, (struct qsp_bytes){ s->say.p, s->say.n }, &used,
				out, sizeof(out), &n));
	pair_drop(&s->say, used);
	pair_put(&to->in, out, n);
	return n > 0;
}

bool
pair_input(struct pair *p, struct pair_side *s, size_t most)
{
	size_t n = s->in.n < most ? s->in.n : most, used;
	struct qsp_bytes data;
	bool answered;

	pair_use(p);
	if (!(qsp_conn_wants(s->conn) & QSP_WANT_INPUT))
		return pair_answer(p, s);
	note(s, qsp_conn_recv(s->conn, p->now, s->in.p, n, &used, &data));
	pair_put(&s->got, data.p, data.n);
	pair_drop(&s->in, used);
	answered = pair_answer(p, s);
	return used > 0 || answered;
}

static void
log_in(struct pair *p)
{
	struct qsp_login l = {
		.user = { (const uint8_t *)"alice", 5 },
		.method = p->o.method,
		.key = qsp_key_get_public(p->user_key),
		.password = { (const uint8_t *)"correct horse", 13 },
		.last = p->o.last,
		.ticket = p->o.ticket,
		.progress = p->o.progress,
	};

	if (p->attempts++ >= 3)
		note(&p->client, qsp_conn_give_up(p->client.conn));
	else
		note(&p->client, qsp_conn_login(p->client.conn, &l));
}

static void
sign(struct pair *p)
{
	struct qsp_bytes in = qsp_conn_sign_input(p->client.conn);
	uint8_t signature[5000];
	size_t n = sizeof(signature);
	qsp_err e = qsp_key_sign(p->user_key, in, signature, &n);

	note(&p->client, qsp_conn_sign(p->client.conn, (struct qsp_bytes){ signature, e ? 0 : n }));
}

static void
decaps(struct pair *p, struct pair_side *s)
{
	struct qsp_key *key = s == &p->client ? p->user_key : p->host_key;
	struct qsp_decaps_question q;
	struct qsp_decaps_answer a;
	qsp_err e = qsp_conn_decaps_question(s->conn, &q);

	assert(e == 0);
	e = qsp_key_answer(&key, 1, &q, &a);
	note(s, qsp_conn_decaps(s->conn, e ? NULL : &a));
}

/* A KEM login judged as qsshd-auth does it: the challenge first, then the proof. */
static qsp_err
judge_outside(struct pair *p, const struct qsp_auth_question *q, struct qsp_decision *d,
	      uint8_t *ct, struct qsp_ck *ck)
{
	struct qsp_conn_info info;
	size_t n;
	qsp_err e;

	if (!q->has_proof) {
		e = qsp_proof_challenge(p->cx, d->key, ct, &n, &p->ss);
		d->ct = (struct qsp_bytes){ ct, n };
		return e;
	}
	qsp_conn_get_info(p->server.conn, &info);
	e = qsp_proof_check(p->cx, info.kem, q->ck, q->h, &p->ss, q->proof, ck);
	if (e)
		d->verdict = QSP_AUTH_REFUSE;
	d->ck = (struct qsp_bytes){ ck->b, q->ck.n };
	return e == QSP_E_INPUT ? QSP_OK : e;
}

static void
decide(struct pair *p)
{
	static const struct qsp_prompt prompt = {
		.n = 1,
		.text = { { (const uint8_t *)"Colour: ", 8 } },
	};
	struct qsp_decision d = { .verdict = p->o.refuse ? QSP_AUTH_REFUSE : QSP_AUTH_ACCEPT };
	struct qsp_auth_question q;
	uint8_t ct[QSP_KEM_CT_MAX];
	struct qsp_ck ck;
	qsp_err e = qsp_conn_auth_question(p->server.conn, &q);

	assert(e == 0);
	d.key = qsp_key_get_public(p->user_key);
	d.ticket = p->o.held;
	d.progress = p->o.held_progress;
	if (q.method == QSP_METHOD_INTERACTIVE && !q.has_reply) {
		d.verdict = QSP_AUTH_PROMPT;
		d.prompt = &prompt;
	} else if (q.method == QSP_METHOD_KEM && p->o.outside) {
		e = judge_outside(p, &q, &d, ct, &ck);
	}
	note(&p->server, e);
	note(&p->server, qsp_conn_decide(p->server.conn, &d));
}

bool
pair_answer(struct pair *p, struct pair_side *s)
{
	unsigned wants = qsp_conn_wants(s->conn);
	static const struct qsp_reply reply = {
		.n = 1,
		.text = { { (const uint8_t *)"blue", 4 } },
	};

	pair_use(p);
	if (wants & QSP_WANT_TRUST)
		note(s, qsp_conn_trust(s->conn, !p->o.distrust));
	else if (wants & QSP_WANT_AUTH && s == &p->client)
		log_in(p);
	else if (wants & QSP_WANT_AUTH)
		decide(p);
	else if (wants & QSP_WANT_SIGN)
		sign(p);
	else if (wants & QSP_WANT_DECAPS)
		decaps(p, s);
	else if (wants & QSP_WANT_REPLY)
		note(s, qsp_conn_reply(s->conn, &reply));
	else
		return false;
	return true;
}

void
pair_run(struct pair *p)
{
	bool moved;

	do {
		moved = pair_output(p, &p->client);
		moved |= pair_input(p, &p->server, SIZE_MAX);
		moved |= pair_output(p, &p->server);
		moved |= pair_input(p, &p->client, SIZE_MAX);
	} while (moved);
}

bool
pair_open(const struct pair *p)
{
	return (qsp_conn_wants(p->client.conn) & QSP_IS_OPEN) &&
	       (qsp_conn_wants(p->server.conn) & QSP_IS_OPEN);
}
