/* SPDX-License-Identifier: ISC */
/*
 * Every answer call in every state: one that fits no want is QSP_E_STATE and changes nothing, one
 * that fits moves on.
 */
#include "steps/reach.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Everything of a connection but what it points to outside of its handshake. */
struct snapshot {
	struct qsp_conn c;
	struct qsp_handshake hs;
};

static struct snapshot
snap(const struct qsp_conn *c)
{
	struct snapshot s;

	memset(&s, 0, sizeof(s));
	memcpy(&s.c, c, sizeof(s.c));
	if (c->hs)
		memcpy(&s.hs, c->hs, sizeof(s.hs));
	return s;
}

static qsp_err
call_login(struct pair *p, struct qsp_conn *c)
{
	struct qsp_login l = {
		.user = { (const uint8_t *)"alice", 5 },
		.method = QSP_METHOD_NONE,
	};

	(void)p;
	return qsp_conn_login(c, &l);
}

static qsp_err
call_keys(struct pair *p, struct qsp_conn *c)
{
	struct qsp_decaps_answer a = { .dh_ok = { true } };

	(void)p;
	return qsp_conn_decaps(c, &a);
}

static qsp_err
call_no_keys(struct pair *p, struct qsp_conn *c)
{
	(void)p;
	return qsp_conn_decaps(c, NULL);
}

static qsp_err
call_mix(struct pair *p, struct qsp_conn *c)
{
	static const uint8_t ck[QSP_CK_MAX];

	(void)p;
	return qsp_conn_mix(c, qsp_bytes(ck, c->kem ? qsp_hash_len(c->kem->hash) : 32));
}

static qsp_err
call_trust(struct pair *p, struct qsp_conn *c)
{
	(void)p;
	return qsp_conn_trust(c, true);
}

static qsp_err
call_distrust(struct pair *p, struct qsp_conn *c)
{
	(void)p;
	return qsp_conn_trust(c, false);
}

static qsp_err
call_sign(struct pair *p, struct qsp_conn *c)
{
	(void)p;
	return qsp_conn_sign(c, (struct qsp_bytes){ NULL, 0 });
}

static qsp_err
call_reply(struct pair *p, struct qsp_conn *c)
{
	struct qsp_reply r = { .n = 0 };

	(void)p;
	return qsp_conn_reply(c, &r);
}

static qsp_err
call_decide(struct pair *p, struct qsp_conn *c)
{
	struct qsp_decision d = { .verdict = QSP_AUTH_REFUSE };

	(void)p;
	return qsp_conn_decide(c, &d);
}

static const struct {
	const char *name;
	enum qsp_event ev;
	qsp_err (*call)(struct pair *p, struct qsp_conn *c);
	qsp_err fits; /* where it does */
} calls[] = {
	{ "login", QSP_EV_LOGIN, call_login, QSP_OK },
	{ "decaps", QSP_EV_KEYS, call_keys, QSP_OK },
	{ "decaps NULL", QSP_EV_KEYS, call_no_keys, QSP_OK },
	{ "mix", QSP_EV_MIXED, call_mix, QSP_OK },
	{ "trust", QSP_EV_TRUSTED, call_trust, QSP_OK },
	{ "distrust", QSP_EV_TRUSTED, call_distrust, QSP_E_TRUST },
	{ "sign", QSP_EV_SIGNED, call_sign, QSP_OK },
	{ "reply", QSP_EV_REPLIED, call_reply, QSP_OK },
	{ "decide", QSP_EV_DECIDED, call_decide, QSP_OK },
};

/* Wrong keys are wrong in M1 and fail as it fails; NULL says that the key cannot be used. */
static qsp_err
verdict(const struct place *at, size_t call)
{
	bool null = calls[call].call == call_no_keys;

	if (calls[call].ev != QSP_EV_KEYS)
		return calls[call].fits;
	if (at->state == QSP_ST_S_WANT_DH || at->state == QSP_ST_S_WANT_SS)
		return QSP_E_SILENT;
	return at->state == QSP_ST_S_WANT_KEM_S && null ? QSP_E_HANDSHAKE : QSP_OK;
}

static void
try_call(const struct place *at, size_t call)
{
	struct pair_side *s;
	struct pair *p = reach(at, &s);
	bool has = qsp_steps_has(at->role, at->state, calls[call].ev);
	struct snapshot before = snap(s->conn), after;
	qsp_err e = calls[call].call(p, s->conn);

	after = snap(s->conn);
	if (has && e != verdict(at, call))
		fail_msg("%s, %s: %d (%s)", at->name, calls[call].name, e, qsp_conn_why(s->conn));
	if (has) {
		assert_int_not_equal(s->conn->state, at->state);
		pair_free(p);
		return;
	}
	if (e != QSP_E_STATE)
		fail_msg("%s, %s: %d instead of STATE", at->name, calls[call].name, e);
	before.c.why = after.c.why;
	if (memcmp(&before, &after, sizeof(before)) != 0)
		fail_msg("%s: %s changed something", at->name, calls[call].name);
	pair_run(p);
	assert_true(pair_open(p) || at->refuse);
	pair_free(p);
}

static void
every_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_places; i++)
		for (size_t k = 0; k < sizeof(calls) / sizeof(*calls); k++)
			try_call(&places[i], k);
}

/* Which want each state shows, and that the table has a row for its answer. */
static void
wants_are_rows(void **state)
{
	static const struct {
		unsigned want;
		enum qsp_event client, server;
	} wants[] = {
		{ QSP_WANT_TRUST, QSP_EV_TRUSTED, 0 },
		{ QSP_WANT_AUTH, QSP_EV_LOGIN, QSP_EV_DECIDED },
		{ QSP_WANT_SIGN, QSP_EV_SIGNED, 0 },
		{ QSP_WANT_DECAPS, QSP_EV_KEYS, QSP_EV_KEYS },
		{ QSP_WANT_DECAPS, QSP_EV_MIXED, QSP_EV_KEYS },
		{ QSP_WANT_REPLY, QSP_EV_REPLIED, 0 },
	};

	(void)state;
	for (size_t i = 0; i < n_places; i++) {
		const struct place *at = &places[i];
		struct pair_side *s;
		struct pair *p = reach(at, &s);
		unsigned now = qsp_conn_wants(s->conn);

		for (size_t k = 0; k < sizeof(wants) / sizeof(*wants); k++) {
			enum qsp_event ev =
				at->role == QSP_CLIENT ? wants[k].client : wants[k].server;
			bool has = ev != 0 && qsp_steps_has(at->role, at->state, ev);

			if (has != ((now & wants[k].want) != 0))
				fail_msg("%s: want %x is %x", at->name, wants[k].want, now);
		}
		assert_int_equal((now & QSP_IS_OPEN) != 0, at->state == QSP_ST_OPEN);
		pair_free(p);
	}
}

/* Questions are read only while they are asked; what is for open connections, only then. */
static void
other_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_places; i++) {
		const struct place *at = &places[i];
		struct pair_side *s;
		struct pair *p = reach(at, &s);
		struct qsp_conn *c = s->conn;
		bool open = at->state == QSP_ST_OPEN;
		/* [P4.5] none in front of M2, none from a client that waits for CERTIFICATE */
		bool noise = c->tx.serial != 0 && at->state != QSP_ST_C_WAIT_CERTIFICATE &&
			     !(c->out && c->out->type == QSP_TYPE_FLIGHT);
		bool settled = open && at->rekey == QSP_RK_IDLE;
		unsigned wants = qsp_conn_wants(c);
		struct qsp_decaps_question q;
		struct qsp_auth_question aq;
		struct qsp_prompt prompt;
		uint8_t out[QSP_CELL_LEN], suite = 0;
		bool mix = at->role == QSP_CLIENT && wants & QSP_WANT_DECAPS;
		struct qsp_bytes ck = QSP_BYTES_NONE;

		assert_int_equal(qsp_conn_mix_question(c, &suite, &ck), mix ? QSP_OK : QSP_E_STATE);
		assert_int_equal(suite, mix ? c->kem->id : 0);
		assert_int_equal(qsp_conn_mix(c, qsp_bytes(out, 1)),
				 mix ? QSP_E_INPUT : QSP_E_STATE);
		assert_int_equal(qsp_conn_decaps_question(c, &q),
				 wants & QSP_WANT_DECAPS ? QSP_OK : QSP_E_STATE);
		assert_int_equal(qsp_conn_auth_question(c, &aq),
				 at->role == QSP_SERVER && wants & QSP_WANT_AUTH ? QSP_OK
										 : QSP_E_STATE);
		assert_int_equal(qsp_conn_prompt(c, &prompt),
				 wants & QSP_WANT_REPLY ? QSP_OK : QSP_E_STATE);
		assert_int_equal(qsp_conn_sign_input(c).n > 0, (wants & QSP_WANT_SIGN) != 0);
		assert_int_equal(qsp_conn_export(c, QSP_BYTES_NONE, QSP_BYTES_NONE, out, 32),
				 open ? QSP_OK : QSP_E_STATE);
		assert_int_equal(qsp_conn_ping(c, 1), open ? QSP_OK : QSP_E_STATE);
		assert_int_equal(qsp_conn_noise(c, p->now, out), noise ? QSP_OK : QSP_E_STATE);
		assert_int_equal(qsp_conn_rekey(c, 2), QSP_E_STATE);
		if (noise) /* taken out of the stream: it must arrive */
			pair_put(s == &p->client ? &p->server.in : &p->client.in, out, sizeof(out));
		if (settled) /* a client's EPOCH may still have to leave */
			pair_run(p);
		assert_int_equal(qsp_conn_rekey(c, 0), settled ? QSP_OK : QSP_E_STATE);
		if (at->role == QSP_CLIENT &&
		    (at->state == QSP_ST_C_WANT_LOGIN || wants & QSP_WANT_REPLY)) {
			assert_int_equal(qsp_conn_give_up(c), QSP_OK);
			assert_int_equal(qsp_conn_error(c), QSP_E_AUTH);
		} else {
			assert_int_equal(qsp_conn_give_up(c), QSP_E_STATE);
			assert_int_equal(c->state, at->state);
		}
		pair_free(p);
	}
}

/* Once it is over, in whatever way, nothing is taken any more. */
static void
after_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_places; i++) {
		struct pair_side *s;
		struct pair *p = reach(&places[i], &s);

		assert_int_equal(qsp_conn_close(s->conn, QSP_REASON_NORMAL, "bye"), QSP_OK);
		for (size_t k = 0; k < sizeof(calls) / sizeof(*calls); k++)
			assert_int_equal(calls[k].call(p, s->conn), QSP_E_STATE);
		assert_int_equal(qsp_conn_give_up(s->conn), QSP_E_STATE);
		assert_int_equal(qsp_conn_rekey(s->conn, 0), QSP_E_STATE);
		assert_int_equal(qsp_conn_close(s->conn, QSP_REASON_IDLE, "again"), QSP_OK);
		pair_run(p);
		assert_true(qsp_conn_wants(s->conn) & QSP_IS_CLOSED);
		pair_free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_answer),
		cmocka_unit_test(wants_are_rows),
		cmocka_unit_test(other_calls),
		cmocka_unit_test(after_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
