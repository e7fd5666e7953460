/* SPDX-License-Identifier: ISC */
/* The engine end to end, in memory: every layout, class, suite, cipher, wire and method. */
#include "pair.h"
#include "proto/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
talk(struct pair *p)
{
	static uint8_t up[100000], down[50000];

	for (size_t i = 0; i < sizeof(up); i++)
		up[i] = (uint8_t)(i * 7);
	memset(down, 0xd0, sizeof(down));
	pair_put(&p->client.say, up, sizeof(up));
	pair_put(&p->server.say, down, sizeof(down));
	pair_run(p);
	if (p->server.got.n != sizeof(up))
		print_message("%d %s / %d %s\n", p->client.error, qsp_conn_why(p->client.conn),
			      p->server.error, qsp_conn_why(p->server.conn));
	assert_int_equal(p->server.got.n, sizeof(up));
	assert_memory_equal(p->server.got.p, up, sizeof(up));
	assert_int_equal(p->client.got.n, sizeof(down));
	assert_memory_equal(p->client.got.p, down, sizeof(down));
}

static void
check(const struct pair_options *o)
{
	struct qsp_conn_info a, b;
	uint8_t x[40], y[40], secret[QSP_OK_LEN];
	qsp_err e;
	struct pair *p = pair_new(o, &e);

	assert_non_null(p);
	pair_run(p);
	if (!pair_open(p))
		print_message(
			"kem %u aead %u K %d class %d wire %d method %d last %d: %d %s / %d %s\n",
			o->kem, o->aead, o->known, o->ok_class, o->wire, o->method, o->last,
			p->client.error, qsp_conn_why(p->client.conn), p->server.error,
			qsp_conn_why(p->server.conn));
	assert_true(pair_open(p));
	assert_int_equal(p->client.error, 0);
	assert_int_equal(p->server.error, 0);
	talk(p);
	qsp_conn_get_info(p->client.conn, &a);
	qsp_conn_get_info(p->server.conn, &b);
	assert_int_equal(a.session_id, b.session_id);
	assert_int_equal(a.aead, o->aead ? o->aead : QSP_AES256_GCM);
	assert_int_equal(b.layout, o->known ? 2 : 1);
	assert_int_equal(b.ok_class, o->ok_class);
	assert_int_equal(qsp_conn_psk(p->server.conn), o->ok_class == QSP_OK_PSK ? 0 : -1);
	assert_int_equal(qsp_conn_user(p->server.conn).n, 5);
	assert_true(qsp_conn_server_secret(p->client.conn, secret));
	assert_int_equal(secret[0], 0x5a);
	assert_int_equal(qsp_conn_export(p->client.conn, (struct qsp_bytes){ (const void *)"l", 1 },
					 (struct qsp_bytes){ NULL, 0 }, x, sizeof(x)),
			 0);
	assert_int_equal(qsp_conn_export(p->server.conn, (struct qsp_bytes){ (const void *)"l", 1 },
					 (struct qsp_bytes){ NULL, 0 }, y, sizeof(y)),
			 0);
	assert_memory_equal(x, y, sizeof(x));
	pair_free(p);
}

static void
every_way_in_opens(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * 3 * 2 * 3 * 2; i++) {
		struct pair_options o = pair_defaults();
		unsigned v = i;

		o.seed = i;
		o.kem = (uint8_t)(1 + v % 2), v /= 2;
		o.aead = (uint8_t)(1 + v % 3), v /= 3;
		o.known = v % 2, v /= 2;
		o.ok_class = (enum qsp_ok_class)(v % 3), v /= 3;
		o.wire = (enum qsp_wire)(v % 2);
		o.last = i & 1;
		o.certificate = i % 5 == 0;
		check(&o);
	}
}

static void
every_method_opens(void **state)
{
	(void)state;
	for (int method = QSP_METHOD_KEM; method <= QSP_METHOD_INTERACTIVE; method++) {
		for (int last = 0; last < 2; last++) {
			struct pair_options o = pair_defaults();

			o.method = (enum qsp_method)method;
			o.last = last;
			o.known = last;
			check(&o);
			o.kem = 2;
			o.user_key_type = method == QSP_METHOD_SIGNATURE ? QSP_KEY_ML_DSA_87 : 1;
			check(&o);
		}
	}
}

static void
proofs_may_be_judged_outside(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct pair_options o = pair_defaults();

		o.outside = true;
		o.kem = (uint8_t)(1 + (i & 1));
		o.user_key_type = (uint8_t)(1 + (i >> 1 & 1));
		o.last = i >> 2;
		check(&o);
	}
}

static void
a_wrong_proof_is_refused_outside(void **state)
{
	struct pair_options o = pair_defaults();
	struct qsp_key *other;
	struct pair *p;
	qsp_err e;

	(void)state;
	o.outside = true;
	o.last = true; /* one attempt */
	p = pair_new(&o, &e);
	assert_non_null(p);
	pair_output(p, &p->client);
	while (!(qsp_conn_wants(p->client.conn) & QSP_WANT_DECAPS)) {
		pair_input(p, &p->server, SIZE_MAX);
		pair_output(p, &p->server);
		if (p->client.in.n > 0 && p->attempts > 0) {
			struct qsp_bytes data;
			size_t used;

			assert_int_equal(qsp_conn_recv(p->client.conn, p->now, p->client.in.p,
						       p->client.in.n, &used, &data),
					 0);
			pair_drop(&p->client.in, used);
		} else {
			pair_input(p, &p->client, SIZE_MAX);
		}
		pair_output(p, &p->client);
	}
	/* the client answers the challenge with a key that is not the one it named */
	assert_int_equal(qsp_key_generate(p->cx, 1, &other), 0);
	qsp_key_free(p->user_key);
	p->user_key = other;
	pair_run(p);
	assert_false(pair_open(p));
	assert_int_equal(qsp_conn_error(p->client.conn), QSP_E_AUTH);
	pair_free(p);
}

static void
refusal_ends_in_order(void **state)
{
	(void)state;
	for (int method = QSP_METHOD_KEM; method <= QSP_METHOD_INTERACTIVE; method++) {
		for (int last = 0; last < 2; last++) {
			struct pair_options o = pair_defaults();
			struct pair *p;
			qsp_err e;

			o.method = (enum qsp_method)method;
			o.last = last;
			o.refuse = true;
			p = pair_new(&o, &e);
			assert_non_null(p);
			pair_run(p);
			assert_false(pair_open(p));
			assert_int_equal(qsp_conn_error(p->client.conn), QSP_E_AUTH);
			assert_true(qsp_conn_wants(p->client.conn) & QSP_IS_CLOSED);
			assert_true(qsp_conn_wants(p->server.conn) & QSP_IS_CLOSED);
			pair_free(p);
		}
	}
}

static void
rekeys_happen_while_data_flows(void **state)
{
	(void)state;
	for (int wire = 0; wire < 2; wire++) {
		struct pair_options o = pair_defaults();
		struct qsp_conn_info a, b;
		struct pair *p;
		qsp_err e;

		o.wire = (enum qsp_wire)wire;
		o.plain_cells = 20;
		o.kem_cells = 100;
		p = pair_new(&o, &e);
		assert_non_null(p);
		pair_run(p);
		talk(p);
		assert_int_equal(qsp_conn_rekey(p->client.conn, QSP_REKEY_KEM), 0);
		pair_run(p);
		qsp_conn_get_info(p->client.conn, &a);
		qsp_conn_get_info(p->server.conn, &b);
		assert_true(a.plain_rekeys > 0);
		assert_true(a.kem_rekeys > 1);
		assert_int_equal(a.epoch, 1 + a.plain_rekeys + a.kem_rekeys);
		assert_int_equal(b.epoch, a.epoch);
		assert_int_equal(qsp_conn_error(p->client.conn), 0);
		assert_int_equal(qsp_conn_error(p->server.conn), 0);
		pair_free(p);
	}
}

static void
an_idle_connection_is_small(void **state)
{
	(void)state;
	print_message("struct qsp_conn: %zu bytes\n", sizeof(struct qsp_conn));
	assert_true(sizeof(struct qsp_conn) <= 1024);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_in_opens),
		cmocka_unit_test(every_method_opens),
		cmocka_unit_test(proofs_may_be_judged_outside),
		cmocka_unit_test(a_wrong_proof_is_refused_outside),
		cmocka_unit_test(refusal_ends_in_order),
		cmocka_unit_test(rekeys_happen_while_data_flows),
		cmocka_unit_test(an_idle_connection_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
