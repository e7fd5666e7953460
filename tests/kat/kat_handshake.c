/* SPDX-License-Identifier: ISC */
/*
 * [P3, P4, P5] The cases of handshake.json through both engines: M1 and M2, every message of epoch
 * 0, h and ck after every step, every key, exports.
 */
#include "crypto/sig.h"
#include "fixture.h"
#include "kat/duo.h"
#include "proto/steps.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
same(const json_t *o, const char *field, const uint8_t *got, size_t n)
{
	struct qsp_bytes want = qsp_vec_bytes(o, field);

	if (want.n != n || memcmp(want.p, got, n) != 0)
		fail_msg("%s differs (%zu bytes, wanted %zu)", field, n, want.n);
}

/* What waits to be sent is compared, message by message, in the order of the vector. */
static void
compare_queue(const struct duo *d, const struct duo_side *s, size_t *next)
{
	const json_t *list = qsp_vec_list(d->o, "messages"), *o;
	bool client = s == &d->client;

	for (const struct qsp_outgoing *q = s->c->out; q; q = q->next) {
		if (q->type == QSP_TYPE_FLIGHT || q->data[0] == QSP_MSG_SERVER_INFO)
			continue;
		assert_int_equal(q->type, QSP_TYPE_HANDSHAKE);
		o = json_array_get(list, *next);
		if (!o)
			fail_msg("a message of kind %u that the vector does not have", q->data[0]);
		assert_string_equal(qsp_vec_text(o, "from"), client ? "C" : "S");
		assert_int_equal(q->data[0], qsp_vec_int(o, "kind"));
		same(o, "message", q->data, q->len);
		++*next;
	}
}

static void
compare_keys(const json_t *epoch, const struct qsp_lane *up, const struct qsp_lane *down)
{
	const struct qsp_lane *lanes[] = { up, down };
	static const char *const names[] = { "client_to_server", "server_to_client" };

	for (size_t i = 0; i < 2; i++) {
		const json_t *o = qsp_vec_object(epoch, names[i]);

		same(o, "key", lanes[i]->keys.enc, 32);
		if (!qsp_vec_null(o, "mac"))
			same(o, "mac", lanes[i]->keys.mac, 32);
	}
}

/* The mark by itself: its key is seen nowhere else. */
static void
compare_mark(const struct duo *d)
{
	uint32_t hour = (uint32_t)qsp_vec_int(d->o, "hour");
	bool k = qsp_vec_int(d->o, "layout") == 2;
	uint8_t ok[32], u[32], dh[32], mark[QSP_MARK_LEN];
	struct qsp_key32 key;

	qsp_vec_exact(d->o, "ok", ok, 32);
	qsp_vec_exact(qsp_vec_object(d->client.inject.choices, "x_c"), "dirty_u", u, 32);
	assert_int_equal(qsp_key_dh(d->host, u, dh), QSP_OK);
	assert_int_equal(qsp_schedule_mark_key(cx, ok, k ? dh : NULL, k ? 2 : 1, d->kem->id, &key),
			 QSP_OK);
	same(d->o, "mark_key", key.b, 32);
	assert_int_equal(qsp_schedule_mark(cx, &key, qsp_vec_bytes(d->o, "m1").p, hour, mark),
			 QSP_OK);
	same(d->o, "mark", mark, sizeof(mark));
	assert_int_equal(d->client.now.wall / QSP_HOUR_MS, hour);
}

/* OK of class Q follows from the psk, that of class N from nothing [P3]. */
static void
compare_ok(const struct duo *d)
{
	const struct qsp_config *cfg = d->server.cfg;

	if (d->peer.ok_class == QSP_OK_PSK)
		same(d->o, "ok", cfg->keys[0].ok, 32);
	if (d->peer.ok_class == QSP_OK_FIRST_CONTACT)
		same(d->o, "ok", cfg->first_contact_key.ok, 32);
}

static void
compare_end(const struct duo *d, const struct duo_side *s)
{
	const struct qsp_conn *c = s->c;
	size_t len = qsp_hash_len(d->kem->hash), i;
	bool client = s == &d->client;
	const json_t *o;
	uint8_t out[256];

	assert_int_equal(c->state, QSP_ST_OPEN);
	assert_int_equal(c->rx.epoch, 1);
	assert_int_equal(c->tx.epoch, 1);
	compare_keys(qsp_vec_object(d->o, "epoch_1"), client ? &c->tx : &c->rx,
		     client ? &c->rx : &c->tx);
	same(d->o, "es_1", c->es.b, len);
	same(d->o, "exporter", c->exporter.b, len);
	same(d->o, "resumption", c->resumption.b, len);
	json_array_foreach(qsp_vec_list(d->o, "exports"), i, o)
	{
		size_t n = (size_t)qsp_vec_int(o, "length");

		assert_true(n <= sizeof(out));
		assert_int_equal(qsp_conn_export(c, qsp_bytes_str(qsp_vec_text(o, "label")),
						 qsp_bytes_str(qsp_vec_text(o, "context")), out, n),
				 QSP_OK);
		same(o, "out", out, n);
	}
	if (!s->inject.trace)
		return;
	same(d->o, "h_at_the_end", s->inject.last_h, len);
	inject_trace_done(&s->inject);
}

static void
compare_flight(const struct duo *d, const struct duo_side *s, const char *field)
{
	size_t head = s->c->wire->flight_head;
	struct qsp_bytes want = qsp_vec_bytes(d->o, field);

	assert_true(s->out_n >= head + QSP_FLIGHT_LEN);
	assert_int_equal(want.n, QSP_FLIGHT_LEN);
	for (size_t i = 0; i < want.n; i++)
		if (s->out[head + i] != want.p[i])
			fail_msg("%s differs first at byte %zu", field, i);
}

/* Everything that follows from M2 stands while both sides are in epoch 0. */
static void
compare_epoch_0(const struct duo *d)
{
	const json_t *epoch = qsp_vec_object(d->o, "epoch_0");
	struct qsp_conn_info info;
	uint8_t id[8];

	compare_keys(epoch, &d->server.c->rx, &d->server.c->tx);
	qsp_conn_get_info(d->server.c, &info);
	assert_int_equal(info.aead, qsp_vec_int(d->o, "aead"));
	assert_int_equal(info.layout, qsp_vec_int(d->o, "layout"));
	assert_int_equal(info.ok_class, d->peer.ok_class);
	qsp_bytes_put64(id, info.session_id);
	same(d->o, "session_id", id, 8);
	same(d->o, "replay_cache_entry", d->entry, sizeof(d->entry));
	assert_int_equal(d->until, d->client.now.wall + QSP_CLOCK_SKEW_MS);
	assert_int_equal(d->entered, 1);
}

static void
run_case(const json_t *o, size_t piece, bool outside, bool agent)
{
	struct duo *d = duo_new(cx, o);
	struct duo_side *s = &d->client, *to = &d->server;
	size_t next = 0, turns = 0, quiet = 0;

	d->outside = outside;
	d->agent = agent;
	if (agent)
		d->client.inject.trace = NULL;
	if (outside) /* what is mixed elsewhere is not in the engine's trace */
		d->server.inject.trace = NULL;
	compare_ok(d);
	compare_mark(d);
	duo_start(d);
	while (quiet < 2) {
		compare_queue(d, s, &next);
		duo_output(s);
		quiet = s->out_n > 0 ? 0 : quiet + 1;
		if (turns < 2)
			compare_flight(d, s, turns == 0 ? "m1" : "m2");
		if (turns == 1)
			compare_epoch_0(d);
		assert_int_equal(duo_input(d, to, qsp_bytes(s->out, s->out_n), piece, NULL, NULL),
				 QSP_OK);
		if (turns == 1 && d->client.c->tx.epoch == 0)
			compare_keys(qsp_vec_object(o, "epoch_0"), &d->client.c->tx,
				     &d->client.c->rx);
		to = s;
		s = s == &d->client ? &d->server : &d->client;
		turns++;
	}
	assert_int_equal(next, json_array_size(qsp_vec_list(o, "messages")));
	compare_end(d, &d->client);
	compare_end(d, &d->server);
	duo_free(d);
}

static void
cases_of_the_vectors(void **state)
{
	json_t *doc = qsp_vec_open("handshake"), *o;
	size_t i;

	(void)state;
	assert_true(json_array_size(qsp_vec_list(doc, "cases")) > 0);
	json_array_foreach(qsp_vec_list(doc, "cases"), i, o)
	{
		print_message("%s\n", qsp_vec_text(o, "name"));
		run_case(o, SIZE_MAX, false, false);
	}
	qsp_vec_close(doc);
}

/* [P2.7] */
static void
cases_byte_by_byte(void **state)
{
	json_t *doc = qsp_vec_open("handshake"), *o;
	size_t i;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "cases"), i, o) run_case(o, 1, false, false);
	qsp_vec_close(doc);
}

/* A server whose KEM challenges are another process's business says the same bytes. */
static void
cases_judged_outside(void **state)
{
	json_t *doc = qsp_vec_open("handshake"), *o;
	size_t i;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "cases"), i, o) run_case(o, SIZE_MAX, true, false);
	qsp_vec_close(doc);
}

/* A client whose key an agent keeps says the same bytes and comes to the same keys. */
static void
cases_mixed_by_an_agent(void **state)
{
	json_t *doc = qsp_vec_open("handshake"), *o;
	size_t i;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "cases"), i, o) run_case(o, SIZE_MAX, false, true);
	qsp_vec_close(doc);
}

/* fin_ok, the AUTH_OK of each case, is also that of the case's last K("fin ok"). */
static void
fin_ok_of_the_vectors(void **state)
{
	json_t *doc = qsp_vec_open("handshake"), *o, *m;
	size_t i, j;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "cases"), i, o)
	{
		struct qsp_bytes want = qsp_vec_bytes(o, "fin_ok");
		size_t found = 0;

		json_array_foreach(qsp_vec_list(o, "messages"), j, m)
		{
			if (qsp_vec_int(m, "kind") != QSP_MSG_AUTH_OK)
				continue;
			assert_true(qsp_bytes_equal(qsp_bytes_from(qsp_vec_bytes(m, "message"), 4),
						    want));
			found++;
		}
		assert_int_equal(found, 1);
	}
	qsp_vec_close(doc);
}

/* The host key statement of [P6], whose signature stands in the CERTIFICATE that was sent. */
static void
certificate_of_the_vectors(void **state)
{
	json_t *doc = qsp_vec_open("handshake"), *o;
	const struct qsp_sig *sig = qsp_sig_by_type(QSP_KEY_ML_DSA_65);
	size_t i, found = 0;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "cases"), i, o)
	{
		const json_t *c = json_object_get(o, "certificate");
		struct qsp_bytes statement, signature, body;
		uint8_t times[16], id[32];
		struct qsp_key *key;

		if (!c)
			continue;
		found++;
		statement = qsp_vec_bytes(c, "statement");
		signature = qsp_vec_bytes(c, "signature");
		body = qsp_vec_bytes(json_array_get(qsp_vec_list(o, "messages"), 0), "message");
		qsp_vec_exact(qsp_vec_object(o, "host"), "key_id", id, 32);
		qsp_bytes_put64(times, qsp_vec_int(c, "not_before"));
		qsp_bytes_put64(times + 8, qsp_vec_int(c, "not_after"));
		assert_int_equal(statement.n, 12 + 32 + 16);
		assert_memory_equal(statement.p, "QSP host key", 12);
		assert_memory_equal(statement.p + 12, id, 32);
		assert_memory_equal(statement.p + 44, times, 16);
		assert_memory_equal(body.p + body.n - signature.n, signature.p, signature.n);
		assert_memory_equal(body.p + body.n - signature.n - 18, times, 16);
		assert_int_equal(qsp_key_new(cx, QSP_KEY_ML_DSA_65,
					     qsp_vec_bytes(c, "signature_seed"), &key),
				 QSP_OK);
		assert_int_equal(qsp_sig_verify(cx, sig,
						qsp_bytes(qsp_key_get_public(key)->blob + 1,
							  sig->public_len),
						statement, signature),
				 QSP_OK);
		qsp_key_free(key);
	}
	assert_int_equal(found, 1);
	qsp_vec_close(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases_of_the_vectors),
		cmocka_unit_test(cases_byte_by_byte),
		cmocka_unit_test(cases_judged_outside),
		cmocka_unit_test(cases_mixed_by_an_agent),
		cmocka_unit_test(fin_ok_of_the_vectors),
		cmocka_unit_test(certificate_of_the_vectors),
	};

	return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
