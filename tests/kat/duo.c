/* SPDX-License-Identifier: ISC */
/* Engines made from a case of the vectors, and the answers to their questions. */
#include "kat/duo.h"

#include "crypto/sig.h"
#include "proto/proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct qsp_key *
duo_key(const struct qsp_crypto *cx, const json_t *o)
{
	uint8_t type = qsp_key_type_by_name(qsp_vec_text(o, "type")), seed[96], want[32];
	const struct qsp_key_public *pub;
	struct qsp_key *key;

	if (json_object_get(o, "x_private")) {
		qsp_vec_exact(o, "x_private", seed, 32);
		qsp_vec_exact(o, "kem_seed", seed + 32, 64);
		assert_int_equal(qsp_key_new(cx, type, qsp_bytes(seed, 96), &key), QSP_OK);
	} else {
		qsp_vec_exact(o, "seed", seed, 32);
		assert_int_equal(qsp_key_new(cx, type, qsp_bytes(seed, 32), &key), QSP_OK);
	}
	pub = qsp_key_get_public(key);
	qsp_vec_exact(o, "key_id", want, 32);
	assert_memory_equal(pub->id, want, 32);
	if (json_object_get(o, "x_public")) {
		qsp_vec_exact(o, "x_public", want, 32);
		assert_memory_equal(pub->blob + 1, want, 32);
	}
	return key;
}

static bool
enter(void *arg, const uint8_t entry[QSP_REPLAY_ENTRY_LEN], qsp_time until)
{
	struct duo *d = arg;

	d->entered++;
	d->until = until;
	memcpy(d->entry, entry, QSP_REPLAY_ENTRY_LEN);
	return true;
}

static const json_t *
authentication(const struct duo *d)
{
	return qsp_vec_object(d->o, "authentication");
}

/* The lists hold ids that are reserved, which no configuration takes. */
static void
set_aeads(struct qsp_config *cfg, const json_t *list)
{
	cfg->n_aeads = (uint8_t)json_array_size(list);
	assert_true(cfg->n_aeads <= sizeof(cfg->aeads));
	for (size_t i = 0; i < cfg->n_aeads; i++)
		cfg->aeads[i] = (uint8_t)json_integer_value(json_array_get(list, i));
}

static void
set_server(struct duo *d, char class, const uint8_t *ok)
{
	struct qsp_config *cfg = d->server.cfg;
	const json_t *cert = json_object_get(d->o, "certificate");
	uint8_t secret[32];

	qsp_config_set_replay(cfg, enter, d);
	assert_int_equal(qsp_config_add_host_key(cfg, qsp_key_get_public(d->host)), QSP_OK);
	if (json_object_get(d->o, "obfuscation_secret")) {
		qsp_vec_exact(d->o, "obfuscation_secret", secret, 32);
		assert_int_equal(qsp_config_add_secret(cfg, secret, QSP_SECRET_CURRENT), QSP_OK);
		qsp_config_set_software(cfg, qsp_vec_text(d->o, "software"));
	}
	if (class == 'S')
		assert_int_equal(qsp_config_add_secret(cfg, ok, QSP_SECRET_PREVIOUS), QSP_OK);
	if (class == 'Q') {
		qsp_vec_exact(d->o, "psk", secret, 32);
		assert_int_equal(qsp_config_add_psk(cfg, secret), QSP_OK);
	}
	if (d->decoy)
		cfg->decoys[d->kem->id - 1] = *qsp_key_get_public(d->decoy);
	if (cert) {
		struct qsp_bytes whole =
			qsp_vec_bytes(json_array_get(qsp_vec_list(d->o, "messages"), 0), "message");

		assert_int_equal(qsp_config_set_certificate(cfg, qsp_bytes_from(whole, 4)), QSP_OK);
	}
}

static void
set_peer(struct duo *d, char class, const uint8_t *ok)
{
	bool known = qsp_vec_int(d->o, "layout") == 2;

	d->peer = (struct qsp_peer){
		.kem = d->kem->id,
		.host_key = known ? qsp_key_get_public(d->host) : NULL,
		.ok_class = class == 'N'   ? QSP_OK_FIRST_CONTACT
			    : class == 'S' ? QSP_OK_SECRET
					   : QSP_OK_PSK,
	};
	if (class == 'S')
		memcpy(d->peer.secret, ok, 32);
	if (class == 'Q')
		qsp_vec_exact(d->o, "psk", d->peer.secret, 32);
}

static void
set_injected(struct duo *d)
{
	struct inject_side *c = &d->client.inject, *s = &d->server.inject;
	const json_t *auth = authentication(d);
	const char *user = d->decoy ? "decoy_key_of_server" : "client_key";

	c->client = true;
	c->choices = qsp_vec_object(d->o, "client_choices");
	s->choices = qsp_vec_object(d->o, "server_choices");
	c->cx = s->cx = d->cx;
	c->kem = s->kem = d->kem;
	c->seed_first = qsp_vec_bytes(qsp_vec_object(d->o, "host"), "kem_seed");
	s->seed_first = qsp_vec_bytes(c->choices, "ek_e seed");
	if (d->user)
		s->seed_user = qsp_vec_bytes(qsp_vec_object(auth, user), "kem_seed");
	if (json_object_get(s->choices, "rekey ek seed"))
		c->seed_rekey = qsp_vec_bytes(s->choices, "rekey ek seed");
	c->trace = json_object_get(d->o, "trace");
	s->trace = c->trace;
	if (!c->trace) {
		c->trace = json_object_get(d->o, "trace_client");
		s->trace = json_object_get(d->o, "trace_server");
	}
}

static void
make_side(struct duo *d, struct duo_side *s)
{
	assert_int_equal(qsp_config_new(d->cx, &s->cfg), QSP_OK);
	assert_int_equal(qsp_worker_new(d->cx, &s->worker), QSP_OK);
	qsp_config_set_wire(s->cfg, (enum qsp_wire)qsp_vec_int(d->o, "wire"));
	qsp_config_set_rekey(s->cfg, 0, 0, 0);
}

struct duo *
duo_new(struct qsp_crypto *cx, const json_t *o)
{
	struct duo *d = calloc(1, sizeof(*d));
	char class = qsp_vec_text(o, "class")[0];
	const json_t *auth = qsp_vec_object(o, "authentication");
	uint8_t ok[32];

	assert_non_null(d);
	inject_set(NULL);
	d->cx = cx;
	d->o = o;
	d->kem = qsp_kem_by_id((uint8_t)qsp_vec_int(o, "kem"));
	d->host = duo_key(cx, qsp_vec_object(o, "host"));
	d->attempts = qsp_vec_list(auth, "attempts");
	d->rounds = json_object_get(auth, "rounds");
	if (json_object_get(auth, "client_key"))
		d->user = duo_key(cx, qsp_vec_object(auth, "client_key"));
	if (json_object_get(auth, "decoy_key_of_server"))
		d->decoy = duo_key(cx, qsp_vec_object(auth, "decoy_key_of_server"));
	if (json_object_get(auth, "signature_key"))
		d->signer = duo_key(cx, qsp_vec_object(auth, "signature_key"));
	qsp_vec_exact(o, "ok", ok, sizeof(ok));
	make_side(d, &d->client);
	make_side(d, &d->server);
	set_aeads(d->client.cfg, qsp_vec_list(o, "aeads_offered"));
	set_aeads(d->server.cfg, qsp_vec_list(o, "aeads_of_server"));
	set_server(d, class, ok);
	set_peer(d, class, ok);
	set_injected(d);
	d->client.now = (struct qsp_now){ 5000, qsp_vec_int(o, "client_unix_ms") };
	d->server.now = (struct qsp_now){ 7000, qsp_vec_int(o, "server_unix_ms") };
	return d;
}

void
duo_start(struct duo *d)
{
	inject_set(&d->client.inject);
	assert_int_equal(qsp_conn_new_client(d->client.cfg, d->client.worker, &d->peer,
					     d->client.now, &d->client.c),
			 QSP_OK);
	inject_set(&d->server.inject);
	assert_int_equal(
		qsp_conn_new_server(d->server.cfg, d->server.worker, d->server.now, &d->server.c),
		QSP_OK);
	inject_set(NULL);
}

void
duo_free(struct duo *d)
{
	struct duo_side *sides[] = { &d->client, &d->server };

	inject_set(NULL);
	for (size_t i = 0; i < 2; i++) {
		qsp_conn_free(sides[i]->c);
		qsp_worker_free(sides[i]->worker);
		qsp_config_free(sides[i]->cfg);
	}
	qsp_key_free(d->host);
	qsp_key_free(d->user);
	qsp_key_free(d->decoy);
	qsp_key_free(d->signer);
	free(d);
}

void
duo_output(struct duo_side *s)
{
	size_t used, n = 1;

	inject_set(&s->inject);
	for (s->out_n = 0; n > 0; s->out_n += n)
		assert_int_equal(qsp_conn_output(s->c, s->now, QSP_BYTES_NONE, &used,
						 s->out + s->out_n, sizeof(s->out) - s->out_n, &n),
				 QSP_OK);
	inject_set(NULL);
}

qsp_err
duo_input(struct duo *d, struct duo_side *s, struct qsp_bytes in, size_t piece, uint8_t **data,
	  size_t *data_n)
{
	uint8_t *buf = malloc(in.n + 1);
	size_t have = 0, done = 0, used;
	struct qsp_bytes got;
	qsp_err e = QSP_OK;

	assert_non_null(buf);
	while (!e && (done < in.n || have > 0)) {
		size_t n = in.n - done < piece ? in.n - done : piece;

		if (n > 0)
			memcpy(buf + have, in.p + done, n);
		done += n;
		have += n;
		inject_set(&s->inject);
		e = qsp_conn_recv(s->c, s->now, buf, have, &used, &got);
		if (data && got.n > 0) {
			*data = realloc(*data, *data_n + got.n);
			assert_non_null(*data);
			memcpy(*data + *data_n, got.p, got.n);
			*data_n += got.n;
		}
		memmove(buf, buf + used, have - used);
		have -= used;
		while (!e && duo_answer(d, s))
			;
		if (n == 0 && used == 0)
			break;
	}
	inject_set(NULL);
	if (!e)
		assert_int_equal(have, 0);
	free(buf);
	return e;
}

static const char *
attempt(const struct duo *d, size_t i)
{
	const char *name = json_string_value(json_array_get(d->attempts, i));

	if (!name)
		fail_msg("attempt %zu is not in the vector", i);
	return name;
}

static enum qsp_method
method_of(const char *name)
{
	return strcmp(name, "signature") == 0     ? QSP_METHOD_SIGNATURE
	       : strcmp(name, "password") == 0    ? QSP_METHOD_PASSWORD
	       : strcmp(name, "none") == 0        ? QSP_METHOD_NONE
	       : strcmp(name, "interactive") == 0 ? QSP_METHOD_INTERACTIVE
						  : QSP_METHOD_KEM;
}

static void
log_in(struct duo *d)
{
	const json_t *auth = authentication(d);
	struct qsp_login l = {
		.user = qsp_bytes_str(qsp_vec_text(auth, "user")),
		.method = method_of(attempt(d, d->tried++)),
		.last = qsp_vec_bool(auth, "pipelined") && d->tried == json_array_size(d->attempts),
	};

	if (l.method == QSP_METHOD_KEM)
		l.key = qsp_key_get_public(d->user);
	if (l.method == QSP_METHOD_SIGNATURE)
		l.key = qsp_key_get_public(d->signer);
	if (l.method == QSP_METHOD_PASSWORD)
		l.password = qsp_bytes_str(qsp_vec_text(auth, "password"));
	assert_int_equal(qsp_conn_login(d->client.c, &l), QSP_OK);
}

/* The vector's signature, which must verify: signing draws no part in known answers. */
static void
sign(struct duo *d)
{
	const struct qsp_key_public *key = qsp_key_get_public(d->signer);
	const struct qsp_sig *s = qsp_sig_by_type(key->blob[0]);
	const json_t *o = qsp_vec_object(d->client.inject.choices, "AUTH_PROOF signature");
	struct qsp_bytes sig = qsp_vec_bytes(o, "signature");

	assert_true(qsp_bytes_equal(qsp_conn_sign_input(d->client.c), qsp_vec_bytes(o, "message")));
	assert_int_equal(qsp_sig_verify(d->cx, s, qsp_bytes(key->blob + 1, s->public_len),
					qsp_conn_sign_input(d->client.c), sig),
			 QSP_OK);
	assert_int_equal(qsp_conn_sign(d->client.c, sig), QSP_OK);
}

/* As an agent does it: a ck in, a ck out. */
static void
mix(struct duo *d, const struct qsp_decaps_question *q)
{
	struct qsp_conn *c = d->client.c;
	uint8_t suite, out[QSP_CK_MAX];
	struct qsp_bytes ck;

	assert_int_equal(qsp_conn_mix_question(c, &suite, &ck), QSP_OK);
	assert_int_equal(suite, d->kem->id);
	assert_int_equal(qsp_key_mix(d->user, suite, ck, q->point, q->ct, out), QSP_OK);
	assert_int_equal(qsp_conn_mix(c, qsp_bytes(out, ck.n)), QSP_OK);
}

static void
decapsulate(struct duo *d, struct duo_side *s)
{
	struct qsp_key *key = s == &d->client ? d->user : d->host;
	struct qsp_decaps_question q;
	struct qsp_decaps_answer a;

	assert_int_equal(qsp_conn_decaps_question(s->c, &q), QSP_OK);
	if (d->agent && s == &d->client) {
		mix(d, &q);
		return;
	}
	assert_int_equal(qsp_key_answer(&key, 1, &q, &a), QSP_OK);
	assert_int_equal(qsp_conn_decaps(s->c, &a), QSP_OK);
}

/* What the n-th AUTH_FAILURE of the vector offers. */
static void
put_methods(const struct duo *d, struct qsp_decision *decision)
{
	const json_t *list = qsp_vec_list(d->o, "messages"), *o;
	struct qsp_msg_auth_failure m;
	size_t i, skip = d->judged;

	json_array_foreach(list, i, o)
	{
		if (qsp_vec_int(o, "kind") != QSP_MSG_AUTH_FAILURE || skip-- > 0)
			continue;
		assert_int_equal(qsp_msg_get_auth_failure(
					 qsp_bytes_from(qsp_vec_bytes(o, "message"), 4), &m),
				 QSP_OK);
		decision->n_methods = m.methods.n;
		memcpy(decision->methods, m.methods.p, m.methods.n);
		return;
	}
}

/* Prompts of round `i`, or its answers. */
static struct qsp_prompt
prompt_of(const struct duo *d, size_t i)
{
	const json_t *o = json_array_get(d->rounds, i), *list = qsp_vec_list(o, "prompts");
	struct qsp_prompt p = {
		.name = qsp_bytes_str(qsp_vec_text(o, "name")),
		.instruction = qsp_bytes_str(qsp_vec_text(o, "instruction")),
		.n = json_array_size(list),
	};

	for (size_t k = 0; k < p.n; k++) {
		const json_t *pair = json_array_get(list, k);

		p.text[k] = qsp_bytes_str(json_string_value(json_array_get(pair, 0)));
		p.echo[k] = json_is_true(json_array_get(pair, 1));
	}
	return p;
}

static struct qsp_reply
reply_of(const struct duo *d, size_t i)
{
	const json_t *list = qsp_vec_list(json_array_get(d->rounds, i), "answers");
	struct qsp_reply r = { .n = json_array_size(list) };

	for (size_t k = 0; k < r.n; k++)
		r.text[k] = qsp_bytes_str(json_string_value(json_array_get(list, k)));
	return r;
}

static void
reply(struct duo *d)
{
	struct qsp_prompt want = prompt_of(d, d->replied), got;
	struct qsp_reply r = reply_of(d, d->replied++);

	assert_int_equal(qsp_conn_prompt(d->client.c, &got), QSP_OK);
	assert_int_equal(got.n, want.n);
	assert_true(qsp_bytes_equal(got.name, want.name));
	assert_true(qsp_bytes_equal(got.instruction, want.instruction));
	for (size_t k = 0; k < got.n; k++) {
		assert_true(qsp_bytes_equal(got.text[k], want.text[k]));
		assert_int_equal(got.echo[k], want.echo[k]);
	}
	assert_int_equal(qsp_conn_reply(d->client.c, &r), QSP_OK);
}

/* As qsshd-auth does it: the challenge, then the proof. */
static void
judge_outside(struct duo *d, const struct qsp_auth_question *q, struct qsp_decision *decision)
{
	static uint8_t ct[QSP_KEM_CT_MAX];
	static struct qsp_ck ck;
	size_t n;

	if (!q->has_proof) {
		assert_int_equal(qsp_proof_challenge(d->cx, decision->key, ct, &n, &d->ss), QSP_OK);
		decision->ct = qsp_bytes(ct, n);
		return;
	}
	assert_int_equal(qsp_proof_check(d->cx, d->kem->id, q->ck, q->h, &d->ss, q->proof, &ck),
			 QSP_OK);
	decision->ck = qsp_bytes(ck.b, q->ck.n);
}

static void
decide(struct duo *d)
{
	const char *name = attempt(d, d->judged);
	struct qsp_decision decision = { .verdict = QSP_AUTH_ACCEPT };
	struct qsp_auth_question q;
	struct qsp_prompt p;

	assert_int_equal(qsp_conn_auth_question(d->server.c, &q), QSP_OK);
	assert_int_equal(q.method, method_of(name));
	assert_true(qsp_bytes_is(q.user, qsp_vec_text(authentication(d), "user")));
	if (q.method == QSP_METHOD_KEM) {
		decision.key = qsp_key_get_public(d->user);
		assert_memory_equal(q.key_id, decision.key->id, sizeof(q.key_id));
	}
	if (q.method == QSP_METHOD_SIGNATURE) {
		assert_true(q.has_key);
		assert_memory_equal(q.key.id, qsp_key_get_public(d->signer)->id, QSP_KEY_ID_LEN);
	}
	if (q.method == QSP_METHOD_PASSWORD)
		assert_true(qsp_bytes_is(q.password, qsp_vec_text(authentication(d), "password")));
	if (strcmp(name, "decoy") == 0)
		decision.verdict = QSP_AUTH_REFUSE;
	if (strcmp(name, "partial kem") == 0)
		decision.verdict = QSP_AUTH_PARTIAL;
	if (decision.verdict != QSP_AUTH_ACCEPT)
		put_methods(d, &decision);
	if (d->outside && q.method == QSP_METHOD_KEM && decision.verdict != QSP_AUTH_REFUSE)
		judge_outside(d, &q, &decision);
	assert_int_equal(q.has_reply, d->asked > 0);
	if (d->asked > 0) {
		struct qsp_reply r = reply_of(d, d->asked - 1);

		assert_int_equal(q.reply.n, r.n);
		for (size_t k = 0; k < r.n; k++)
			assert_true(qsp_bytes_equal(q.reply.text[k], r.text[k]));
	}
	if (q.method == QSP_METHOD_INTERACTIVE && d->asked < json_array_size(d->rounds)) {
		p = prompt_of(d, d->asked++);
		decision.verdict = QSP_AUTH_PROMPT;
		decision.prompt = &p;
	} else if (decision.ct.n == 0) {
		d->judged++;
	}
	assert_int_equal(qsp_conn_decide(d->server.c, &decision), QSP_OK);
}

bool
duo_answer(struct duo *d, struct duo_side *s)
{
	unsigned wants = qsp_conn_wants(s->c);

	inject_set(&s->inject);
	if (wants & QSP_WANT_TRUST) {
		struct qsp_key_public key;

		assert_int_equal(qsp_conn_host_key(s->c, &key), QSP_OK);
		assert_memory_equal(key.id, qsp_key_get_public(d->host)->id, sizeof(key.id));
		assert_int_equal(qsp_conn_trust(s->c, true), QSP_OK);
	} else if (wants & QSP_WANT_AUTH && s == &d->client) {
		log_in(d);
	} else if (wants & QSP_WANT_AUTH) {
		decide(d);
	} else if (wants & QSP_WANT_SIGN) {
		sign(d);
	} else if (wants & QSP_WANT_DECAPS) {
		decapsulate(d, s);
	} else if (wants & QSP_WANT_REPLY) {
		reply(d);
	} else {
		return false;
	}
	return true;
}
