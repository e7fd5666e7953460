/* SPDX-License-Identifier: ISC */
/* [P5.1] rekey.json: the schedule, the messages, and both engines changing keys. */
#include "bare.h"
#include "fixture.h"
#include "kat/inject.h"

#include "crypto/x25519.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
same(const json_t *o, const char *field, struct qsp_bytes got)
{
	if (!qsp_bytes_equal(qsp_vec_bytes(o, field), got))
		fail_msg("%s: %s differs", qsp_vec_text(o, "name"), field);
}

static struct qsp_bytes
optional(const json_t *o, const char *field)
{
	return qsp_vec_null(o, field) ? QSP_BYTES_NONE : qsp_vec_bytes(o, field);
}

static const struct qsp_kem *
kem_of(const json_t *o)
{
	return qsp_kem_by_id((uint8_t)qsp_vec_int(o, "kem"));
}

static struct qsp_es
es_of(const json_t *o, const char *field)
{
	struct qsp_es es = { { 0 } };

	qsp_vec_exact(o, field, es.b, qsp_hash_len(kem_of(o)->hash));
	return es;
}

static void
same_keys(const json_t *o, const struct qsp_aead_keys *up, const struct qsp_aead_keys *down)
{
	const json_t *keys = qsp_vec_object(o, "keys");
	const struct qsp_aead_keys *got[] = { up, down };
	static const char *const names[] = { "client_to_server", "server_to_client" };

	for (size_t i = 0; i < 2; i++) {
		const json_t *way = qsp_vec_object(keys, names[i]);
		uint8_t want[32];

		qsp_vec_exact(way, "key", want, 32);
		assert_memory_equal(got[i]->enc, want, 32);
		if (qsp_vec_null(way, "mac"))
			continue;
		qsp_vec_exact(way, "mac", want, 32);
		assert_memory_equal(got[i]->mac, want, 32);
	}
}

static void
hash_is(const json_t *o, const char *field, struct qsp_bytes a, struct qsp_bytes b)
{
	struct qsp_bytes parts[] = { a, b };
	uint8_t hash[QSP_HASH_MAX];
	enum qsp_hash_id id = kem_of(o)->hash;

	assert_int_equal(qsp_hash_parts(cx, id, parts, 2, hash), QSP_OK);
	same(o, field, qsp_bytes(hash, qsp_hash_len(id)));
}

/* DH and decapsulation are inputs of the schedule: they follow from the private keys. */
static void
check_inputs(const json_t *o)
{
	struct qsp_kem_key *key;
	uint8_t pub[32], dh[32], ss[32], ek[QSP_KEM_EK_MAX];

	if (qsp_vec_null(o, "dh"))
		return;
	assert_int_equal(qsp_x25519_public(cx, qsp_vec_bytes(o, "client_x_private").p, pub),
			 QSP_OK);
	assert_int_equal(qsp_x25519_dh(cx, qsp_vec_bytes(o, "server_x_private").p, pub, dh),
			 QSP_OK);
	same(o, "dh", QSP_BYTES_OF(dh));
	assert_int_equal(
		qsp_kem_key_new(cx, kem_of(o), qsp_vec_bytes(o, "server_kem_seed").p, ek, &key),
		QSP_OK);
	assert_int_equal(qsp_kem_decaps(cx, kem_of(o), key, qsp_vec_bytes(o, "ct").p, ss), QSP_OK);
	same(o, "ss", QSP_BYTES_OF(ss));
	qsp_kem_key_free(key);
}

static void
schedule_of_the_vectors(void **state)
{
	json_t *doc = qsp_vec_open("rekey"), *o;
	size_t i;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "cases"), i, o)
	{
		const struct qsp_kem *kem = kem_of(o);
		const struct qsp_aead *aead = qsp_aead_by_id((uint8_t)qsp_vec_int(o, "aead"));
		size_t len = qsp_hash_len(kem->hash);
		struct qsp_bytes init = qsp_vec_bytes(o, "init"), ack = qsp_vec_bytes(o, "ack");
		struct qsp_bytes done = qsp_vec_bytes(o, "done");
		struct qsp_es es = es_of(o, "es"), prk, next;
		struct qsp_aead_keys keys[2];
		struct qsp_rekey_inputs in = {
			.material = qsp_vec_bytes(o, "material"),
			.dh = optional(o, "dh"),
			.ss = optional(o, "ss"),
			.qkd = optional(o, "qkd_key"),
			.init = init,
		};
		uint8_t confirm[32], proof[QSP_HASH_MAX];

		check_inputs(o);
		hash_is(o, "hash_init", init, QSP_BYTES_NONE);
		hash_is(o, "hash_init_ack", init, ack);
		assert_int_equal(qsp_schedule_rekey_prk(cx, kem, &es, &in, &prk, confirm), QSP_OK);
		same(o, "prk", qsp_bytes(prk.b, len));
		same(o, "confirm", QSP_BYTES_OF(confirm));
		assert_memory_equal(ack.p + ack.n - 32, confirm, 32);
		assert_int_equal(qsp_schedule_rekey_next(cx, kem, &prk, init, ack, &next), QSP_OK);
		same(o, "es_next", qsp_bytes(next.b, len));
		assert_int_equal(qsp_schedule_rekey_done(cx, kem, &next, proof), QSP_OK);
		assert_int_equal(done.n, 4 + 4 + len);
		assert_memory_equal(done.p + 8, proof, len);
		for (uint8_t dir = 0; dir < 2; dir++)
			assert_int_equal(qsp_schedule_keys(cx, kem, aead, &next, dir, &keys[dir]),
					 QSP_OK);
		same_keys(o, &keys[0], &keys[1]);
	}
	assert_int_equal(i, 6);
	qsp_vec_close(doc);
}

/* Put again what was got: the same bytes. QKD's part of an INIT is not spoken by these. */
static void
messages_of_the_vectors(void **state)
{
	json_t *doc = qsp_vec_open("rekey"), *o;
	size_t i;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "cases"), i, o)
	{
		const struct qsp_kem *kem = kem_of(o);
		struct qsp_bytes init = qsp_vec_bytes(o, "init"), ack = qsp_vec_bytes(o, "ack");
		struct qsp_bytes done = qsp_vec_bytes(o, "done");
		uint64_t epoch = qsp_vec_int(o, "epoch"), flags = qsp_vec_int(o, "flags");
		struct qsp_msg_rekey_init mi;
		struct qsp_msg_rekey_ack ma;
		struct qsp_msg_rekey_done md;
		uint8_t buf[4096];
		struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
		qsp_err e = qsp_msg_get_rekey_init(qsp_bytes_from(init, 4), kem, &mi);

		assert_int_equal(mi.flags, flags);
		assert_int_equal(mi.new_epoch, epoch + 1);
		assert_true(qsp_bytes_equal(mi.material, qsp_vec_bytes(o, "material")));
		assert_int_equal(e, flags & 2 ? QSP_E_INPUT : QSP_OK);
		if (!e) {
			qsp_msg_begin(&w, QSP_MSG_REKEY_INIT);
			qsp_msg_put_rekey_init(&w, &mi);
			qsp_msg_end(&w, 0);
			assert_true(qsp_bytes_equal(qsp_writer_bytes(&w), init));
		}
		assert_int_equal(qsp_msg_get_rekey_ack(qsp_bytes_from(ack, 4), kem, &ma), QSP_OK);
		w = qsp_writer_of(buf, sizeof(buf));
		qsp_msg_begin(&w, QSP_MSG_REKEY_ACK);
		qsp_msg_put_rekey_ack(&w, &ma);
		qsp_msg_end(&w, 0);
		assert_true(qsp_bytes_equal(qsp_writer_bytes(&w), ack));
		assert_int_equal(qsp_msg_get_rekey_done(qsp_bytes_from(done, 4), &md), QSP_OK);
		assert_int_equal(md.new_epoch, epoch + 1);
	}
	qsp_vec_close(doc);
}

/* One message out, as it stands in the vector, and its records into the other side. */
static void
pass(const json_t *o, const char *field, struct qsp_conn *from, struct qsp_conn *to,
     struct inject_side *from_side, struct inject_side *to_side)
{
	struct qsp_now now = { .mono = 10 };
	uint8_t buf[8192];
	struct qsp_bytes data;
	size_t used, n;

	assert_non_null(from->out);
	assert_null(from->out->next);
	same(o, field, qsp_bytes(from->out->data, from->out->len));
	inject_set(from_side);
	assert_int_equal(qsp_conn_output(from, now, QSP_BYTES_NONE, &used, buf, sizeof(buf), &n),
			 QSP_OK);
	inject_set(to_side);
	assert_int_equal(qsp_conn_recv(to, now, buf, n, &used, &data), QSP_OK);
	inject_set(NULL);
	assert_int_equal(used, n);
}

static void
check_switched(const json_t *o, const struct qsp_conn *c)
{
	bool client = c->role == QSP_CLIENT;

	assert_int_equal(c->tx.epoch, qsp_vec_int(o, "epoch") + 1);
	assert_int_equal(c->rx.epoch, qsp_vec_int(o, "epoch") + 1);
	assert_int_equal(c->tx.seq, 0);
	assert_int_equal(c->rx.seq, 0);
	assert_int_equal(c->rekey_state, QSP_RK_IDLE);
	assert_null(c->rekey);
	same(o, "es_next", qsp_bytes(c->es.b, qsp_hash_len(c->kem->hash)));
	same_keys(o, client ? &c->tx.keys : &c->rx.keys, client ? &c->rx.keys : &c->tx.keys);
}

static void
engines_change_keys(const json_t *o, enum qsp_wire wire)
{
	bool kem = qsp_vec_int(o, "flags") & 1;
	struct bare_options b = {
		.cx = cx,
		.kem = kem_of(o)->id,
		.aead = (uint8_t)qsp_vec_int(o, "aead"),
		.wire = wire,
		.es = qsp_vec_bytes(o, "es"),
		.epoch = (uint32_t)qsp_vec_int(o, "epoch"),
		.session_id = 99,
	};
	struct inject_side s = { .cx = cx, .kem = kem_of(o) };
	struct inject_side c = { .cx = cx, .kem = kem_of(o), .client = true };
	struct qsp_conn *server, *client;
	json_t *choices = json_object(), *mine = json_object();

	json_object_set(choices, "material", qsp_vec_get(o, "material"));
	if (kem) {
		json_object_set(choices, "rekey x", qsp_vec_get(o, "server_x_private"));
		json_object_set(choices, "rekey ek seed", qsp_vec_get(o, "server_kem_seed"));
		json_object_set(mine, "rekey x", qsp_vec_get(o, "client_x_private"));
		json_object_set_new(mine, "rekey ct",
				    json_pack("{s:O, s:O}", "ct", qsp_vec_get(o, "ct"), "ss",
					      qsp_vec_get(o, "ss")));
		c.seed_rekey = qsp_vec_bytes(o, "server_kem_seed");
	}
	s.choices = choices;
	c.choices = mine;
	inject_script(&s, "material", kem ? "rekey x" : NULL);
	inject_script(&c, "rekey x", NULL);
	b.role = QSP_SERVER;
	server = bare_new(&b);
	b.role = QSP_CLIENT;
	client = bare_new(&b);
	inject_set(&s);
	assert_int_equal(qsp_conn_rekey(server, kem ? QSP_REKEY_KEM : 0), QSP_OK);
	assert_int_equal(qsp_conn_rekey(server, 0), QSP_E_STATE);
	pass(o, "init", server, client, &s, &c);
	pass(o, "ack", client, server, &c, &s);
	pass(o, "done", server, client, &s, &c);
	check_switched(o, server);
	check_switched(o, client);
	bare_free(server);
	bare_free(client);
	json_decref(choices);
	json_decref(mine);
}

static void
engines_of_the_vectors(void **state)
{
	json_t *doc = qsp_vec_open("rekey"), *o;
	size_t i, done = 0;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "cases"), i, o)
	{
		if (qsp_vec_int(o, "flags") & 2)
			continue; /* QKD is not spoken here */
		engines_change_keys(o, QSP_WIRE_CELLS);
		engines_change_keys(o, QSP_WIRE_FRAMES);
		done++;
	}
	assert_int_equal(done, 4);
	qsp_vec_close(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedule_of_the_vectors),
		cmocka_unit_test(messages_of_the_vectors),
		cmocka_unit_test(engines_of_the_vectors),
	};

	return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
