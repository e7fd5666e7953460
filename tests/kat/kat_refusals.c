/* SPDX-License-Identifier: ISC */
/* [P4.2, P4.3, P4.4] `refusals` of handshake.json: M1s and M2s with right marks and tags. */
#include "fixture.h"
#include "kat/duo.h"
#include "proto/steps.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A refusal with what all of them have in common, as a case of its own. */
static struct duo *
duo_of(json_t *doc, const json_t *o)
{
	json_t *r = qsp_vec_object(doc, "refusals");
	json_t *all = json_copy(r), *choices = json_object_get(o, "client_choices");

	json_object_set(all, "layout", qsp_vec_get(o, "layout"));
	json_object_set_new(all, "class", json_string("S"));
	json_object_set_new(all, "authentication",
			    json_pack("{s:[], s:s}", "attempts", "user", "nobody"));
	json_object_set_new(all, "client_choices",
			    choices ? json_incref(choices) : json_pack("{s:s}", "ek_e seed", ""));
	if (!choices)
		json_object_set(all, "client_unix_ms", qsp_vec_get(o, "server_now_ms"));
	json_object_set(all, "server_unix_ms",
			choices ? qsp_vec_get(r, "client_unix_ms")
				: qsp_vec_get(o, "server_now_ms"));
	json_object_set_new(all, "server_choices", json_object());
	json_array_append_new(qsp_vec_list(doc, "kept"), all); /* lives as long as the document */
	return duo_new(cx, all);
}

/* Each M1 twice: the accepted one is a replay the second time. */
static void
m1_to_a_server(void **state)
{
	json_t *doc = qsp_vec_open("handshake"), *o;
	size_t i, accepted = 0, refused = 0;

	(void)state;
	json_object_set_new(doc, "kept", json_array());
	json_array_foreach(qsp_vec_list(qsp_vec_object(doc, "refusals"), "m1"), i, o)
	{
		struct duo *d = duo_of(doc, o);
		struct duo_side *s = &d->server;
		struct qsp_bytes m1 = qsp_vec_bytes(o, "m1");
		bool good = qsp_vec_bool(o, "accepted");
		uint8_t buf[QSP_FLIGHT_LEN];
		struct qsp_bytes data;
		size_t used;
		qsp_err e;

		qsp_config_set_not_before(s->cfg, qsp_vec_int(o, "server_start_ms"));
		assert_int_equal(qsp_conn_new_server(s->cfg, s->worker, s->now, &s->c), QSP_OK);
		assert_int_equal(m1.n, sizeof(buf));
		memcpy(buf, m1.p, m1.n);
		e = qsp_conn_recv(s->c, s->now, buf, sizeof(buf), &used, &data);
		while (!e && qsp_conn_wants(s->c) & QSP_WANT_DECAPS) {
			struct qsp_decaps_question q;
			struct qsp_decaps_answer a;

			assert_int_equal(qsp_conn_decaps_question(s->c, &q), QSP_OK);
			assert_int_equal(qsp_key_answer(&d->host, 1, &q, &a), QSP_OK);
			e = qsp_conn_decaps(s->c, &a);
		}
		s->inject.choices = NULL;
		inject_set(NULL);
		assert_int_equal(qsp_conn_output(s->c, s->now, QSP_BYTES_NONE, &used, s->out,
						 sizeof(s->out), &s->out_n),
				 QSP_OK);
		if (good != (e == QSP_OK) || good != (s->out_n == QSP_FLIGHT_LEN))
			fail_msg("\"%s\": %d (%s), %zu bytes", qsp_vec_text(o, "cause"), e,
				 qsp_conn_why(s->c), s->out_n);
		if (!good) {
			assert_int_equal(e, QSP_E_SILENT);
			assert_true(qsp_conn_wants(s->c) & QSP_IS_SINK);
			assert_int_equal(s->out_n, 0);
			assert_int_equal(d->entered, 0);
		}
		accepted += good;
		refused += !good;
		duo_free(d);
	}
	assert_true(accepted > 0 && refused > 0);
	qsp_vec_close(doc);
}

static void
m2_to_a_client(void **state)
{
	json_t *doc = qsp_vec_open("handshake"), *o;
	size_t i, accepted = 0, refused = 0;

	(void)state;
	json_object_set_new(doc, "kept", json_array());
	json_array_foreach(qsp_vec_list(qsp_vec_object(doc, "refusals"), "m2"), i, o)
	{
		struct duo *d = duo_of(doc, o);
		struct duo_side *s = &d->client;
		struct qsp_bytes m2 = qsp_vec_bytes(o, "m2"), data;
		bool good = qsp_vec_bool(o, "accepted"), k = qsp_vec_int(o, "layout") == 2;
		uint8_t buf[QSP_FLIGHT_LEN], want[32], got[32];
		size_t used;
		qsp_err e;

		duo_start(d);
		duo_output(s);
		assert_int_equal(s->out_n, QSP_FLIGHT_LEN);
		qsp_vec_exact(o, "m1_sha256", want, 32);
		assert_int_equal(
			qsp_hash_one(cx, QSP_HASH_SHA256, qsp_bytes(s->out, s->out_n), got),
			QSP_OK);
		assert_memory_equal(got, want, 32);
		memcpy(buf, m2.p, sizeof(buf));
		e = qsp_conn_recv(s->c, s->now, buf, sizeof(buf), &used, &data);
		if (good != (e == QSP_OK))
			fail_msg("\"%s\": %d (%s)", qsp_vec_text(o, "cause"), e,
				 qsp_conn_why(s->c));
		if (good) {
			assert_true(qsp_conn_wants(s->c) & (k ? QSP_WANT_AUTH : QSP_WANT_TRUST));
		} else {
			assert_int_equal(e, QSP_E_HANDSHAKE);
			assert_int_equal(s->c->state, QSP_ST_DEAD);
			assert_non_null(s->c->out);
			assert_int_equal(s->c->out->type, QSP_TYPE_CLOSE);
			assert_int_equal(qsp_bytes_get16(s->c->out->data + 4),
					 QSP_REASON_HANDSHAKE_FAILED);
		}
		accepted += good;
		refused += !good;
		duo_free(d);
	}
	assert_true(accepted > 0 && refused > 0);
	qsp_vec_close(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m1_to_a_server),
		cmocka_unit_test(m2_to_a_client),
	};

	return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
