/* SPDX-License-Identifier: ISC */
/*
 * [P5.1] Key changes that must fail: each message changed on its way by somebody who holds the
 * record keys, the order in which it is judged, and a server that changes no keys at all.
 */
#include "bare.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct qsp_now now = { .mono = 100 };

/* Offsets in a whole message: kind, u24 length, flags, new_epoch, then INIT's and ACK's own. */
#define FLAGS 4
#define EPOCH 5
#define MATERIAL 9
#define INIT_X 41
#define INIT_EK 73
#define ACK_X 9
#define ACK_CT 41
#define DONE_EPOCH 4
#define DONE_PROOF 8

static struct qsp_conn *
side(enum qsp_role role)
{
	static const uint8_t es[32] = { 1, 2, 3 };
	struct bare_options o = {
		.cx = cx,
		.role = role,
		.kem = 1,
		.aead = 1,
		.es = QSP_BYTES_OF(es),
		.epoch = 1,
	};

	return bare_new(&o);
}

/* Everything that one side has to say, to the other. */
static qsp_err
pass(struct qsp_conn *from, struct qsp_conn *to)
{
	uint8_t buf[8192];
	struct qsp_bytes data;
	size_t used, n;

	assert_int_equal(qsp_conn_output(from, now, QSP_BYTES_NONE, &used, buf, sizeof(buf), &n),
			 QSP_OK);
	assert_true(n > 0);
	return qsp_conn_recv(to, now, buf, n, &used, &data);
}

enum stage {
	INIT,
	ACK,
	DONE,
};

/* What is done to the message of a stage before it leaves. */
struct change {
	const char *name;
	enum stage stage;
	bool kem;
	size_t at, n;   /* these bytes become `value`, or are flipped in their lowest bit */
	int value;      /* -1: flip */
	int longer;     /* the body's length grows by so much */
	qsp_err client; /* who notices, and how */
	qsp_err server;
};

static const struct change changes[] = {
	{ "nothing", INIT, false, 0, 0, 0, 0, 0, 0 },
	{ "nothing, kem", INIT, true, 0, 0, 0, 0, 0, 0 },
	{ "INIT: epoch", INIT, false, EPOCH + 3, 1, -1, 0, QSP_E_EPOCH, 0 },
	{ "INIT: this epoch", INIT, true, EPOCH + 3, 1, 1, 0, QSP_E_EPOCH, 0 },
	{ "INIT: qkd", INIT, false, FLAGS, 1, 2, 0, QSP_E_REKEY, 0 },
	{ "INIT: unknown flags", INIT, true, FLAGS, 1, 0x81, 0, QSP_E_REKEY, 0 },
	{ "INIT: epoch before flags", INIT, false, FLAGS, 5, 0xff, 0, QSP_E_EPOCH, 0 },
	{ "INIT: flags before shape", INIT, false, FLAGS, 1, 0x80, -1, QSP_E_REKEY, 0 },
	{ "INIT: kem without keys", INIT, false, FLAGS, 1, 1, 0, QSP_E_PROTOCOL, 0 },
	{ "INIT: keys without kem", INIT, true, FLAGS, 1, 0, 0, QSP_E_PROTOCOL, 0 },
	{ "INIT: too short", INIT, false, 0, 0, 0, -1, QSP_E_PROTOCOL, 0 },
	{ "INIT: no epoch", INIT, false, 0, 0, 0, -33, QSP_E_PROTOCOL, 0 },
	{ "INIT: point of order 4", INIT, true, INIT_X, 32, 0, 0, QSP_E_REKEY, 0 },
	{ "INIT: coefficient of 4095", INIT, true, INIT_EK, 2, 0xff, 0, QSP_E_REKEY, 0 },
	{ "INIT: material", INIT, false, MATERIAL, 1, -1, 0, 0, QSP_E_REKEY },
	{ "INIT: another point", INIT, true, INIT_X, 1, -1, 0, 0, QSP_E_REKEY },
	{ "INIT: another key", INIT, true, INIT_EK + 1184 - 1, 1, -1, 0, 0, QSP_E_REKEY },
	{ "ACK: epoch", ACK, false, EPOCH + 3, 1, -1, 0, 0, QSP_E_EPOCH },
	{ "ACK: flags", ACK, false, FLAGS, 1, 1, 0, 0, QSP_E_REKEY },
	{ "ACK: no flags", ACK, true, FLAGS, 1, 0, 0, 0, QSP_E_REKEY },
	{ "ACK: epoch before flags", ACK, true, FLAGS, 5, 9, 0, 0, QSP_E_EPOCH },
	{ "ACK: flags before shape", ACK, true, FLAGS, 1, 3, -1, 0, QSP_E_REKEY },
	{ "ACK: too short", ACK, false, 0, 0, 0, -1, 0, QSP_E_PROTOCOL },
	{ "ACK: no epoch", ACK, true, 0, 0, 0, -1153, 0, QSP_E_PROTOCOL },
	{ "ACK: confirmation", ACK, false, ACK_X, 1, -1, 0, 0, QSP_E_REKEY },
	{ "ACK: its end", ACK, false, ACK_X + 31, 1, -1, 0, 0, QSP_E_REKEY },
	{ "ACK: point of order 4", ACK, true, ACK_X, 32, 0, 0, 0, QSP_E_REKEY },
	{ "ACK: another point", ACK, true, ACK_X, 1, -1, 0, 0, QSP_E_REKEY },
	{ "ACK: another ciphertext", ACK, true, ACK_CT, 1, -1, 0, 0, QSP_E_REKEY },
	{ "DONE: epoch", DONE, false, DONE_EPOCH + 3, 1, -1, 0, QSP_E_EPOCH, 0 },
	{ "DONE: epoch before proof", DONE, true, DONE_EPOCH, 36, 7, 0, QSP_E_EPOCH, 0 },
	{ "DONE: proof", DONE, false, DONE_PROOF, 1, -1, 0, QSP_E_REKEY, 0 },
	{ "DONE: its end", DONE, true, DONE_PROOF + 31, 1, -1, 0, QSP_E_REKEY, 0 },
	{ "DONE: short proof", DONE, false, 0, 0, 0, -1, QSP_E_REKEY, 0 },
	{ "DONE: no proof", DONE, false, 0, 0, 0, -32, QSP_E_REKEY, 0 },
	{ "DONE: no epoch", DONE, true, 0, 0, 0, -33, QSP_E_PROTOCOL, 0 },
};

static void
apply(const struct change *ch, struct qsp_conn *from)
{
	struct qsp_outgoing *o = from->out;

	assert_non_null(o);
	assert_int_equal(o->data[0], ch->stage == INIT  ? QSP_MSG_REKEY_INIT
				     : ch->stage == ACK ? QSP_MSG_REKEY_ACK
							: QSP_MSG_REKEY_DONE);
	for (size_t i = ch->at; i < ch->at + ch->n; i++)
		o->data[i] = (uint8_t)(ch->value < 0 ? o->data[i] ^ 1 : ch->value);
	o->len = (uint32_t)((int)o->len + ch->longer);
	qsp_bytes_put32(o->data, (uint32_t)o->data[0] << 24 | (o->len - 4));
}

/* The side that noticed is dead, has forgotten the rekey and says why. */
static void
check_failed(const struct change *ch, struct qsp_conn *c, qsp_err e, qsp_err want)
{
	enum qsp_reason reason = want == QSP_E_REKEY   ? QSP_REASON_REKEY_FAILED
				 : want == QSP_E_EPOCH ? QSP_REASON_EPOCH_MISMATCH
						       : QSP_REASON_PROTOCOL_ERROR;

	if (e != want)
		fail_msg("%s: %d (%s), not %d", ch->name, e, qsp_conn_why(c), want);
	assert_int_equal(qsp_conn_error(c), want);
	assert_int_equal(c->state, QSP_ST_DEAD);
	assert_null(c->rekey);
	assert_int_equal(c->out_last->type, QSP_TYPE_CLOSE);
	assert_int_equal(qsp_bytes_get16(c->out_last->data + 4), reason);
}

static void
try_change(const struct change *ch)
{
	struct qsp_conn *server = side(QSP_SERVER), *client = side(QSP_CLIENT);
	qsp_err e = qsp_conn_rekey(server, ch->kem ? QSP_REKEY_KEM : 0);

	for (int stage = INIT; !e && stage <= DONE; stage++) {
		struct qsp_conn *from = stage == ACK ? client : server;
		struct qsp_conn *to = stage == ACK ? server : client;

		if ((int)ch->stage == stage)
			apply(ch, from);
		e = pass(from, to);
	}
	if (ch->client) {
		check_failed(ch, client, e, ch->client);
	} else if (ch->server) {
		check_failed(ch, server, e, ch->server);
	} else {
		assert_int_equal(e, QSP_OK);
		assert_int_equal(client->rx.epoch, 2);
		assert_int_equal(server->rx.epoch, 2);
		assert_memory_equal(client->es.b, server->es.b, 32);
	}
	bare_free(server);
	bare_free(client);
}

static void
changed_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
		try_change(&changes[i]);
}

/* The client asks; what it asked for comes, once. A request while one runs is ignored. */
static void
requests(void **state)
{
	(void)state;
	for (unsigned kem = 0; kem < 2; kem++) {
		struct qsp_conn *server = side(QSP_SERVER), *client = side(QSP_CLIENT);

		assert_int_equal(qsp_conn_rekey(client, kem ? QSP_REKEY_KEM : 0), QSP_OK);
		assert_int_equal(pass(client, server), QSP_OK);
		assert_int_equal(server->rekey_state, QSP_RK_SENT_INIT);
		assert_int_equal(server->out->data[FLAGS], kem);
		assert_int_equal(qsp_conn_rekey(client, 0), QSP_OK); /* it knows of none yet */
		assert_int_equal(pass(client, server), QSP_OK);
		assert_int_equal(pass(server, client), QSP_OK);
		assert_int_equal(pass(client, server), QSP_OK);
		assert_int_equal(pass(server, client), QSP_OK);
		assert_int_equal(server->rekey_state, QSP_RK_IDLE);
		assert_null(server->out);
		assert_int_equal(client->rx.epoch, 2);
		assert_int_equal(client->kem_rekeys, kem);
		assert_int_equal(client->plain_rekeys, 1 - kem);
		bare_free(server);
		bare_free(client);
	}
}

/* [P5.1] The client closes with POLICY once twice a cell bound has passed, and not before. */
static void
server_that_changes_nothing(void **state)
{
	const uint64_t bound = 100;
	uint64_t cells = 0;
	struct qsp_conn *server, *client;
	qsp_err e = QSP_OK;

	(void)state;
	for (int kem = 0; kem < 2; kem++) {
		server = side(QSP_SERVER);
		client = side(QSP_CLIENT);
		if (kem)
			((struct qsp_config *)(uintptr_t)client->cfg)->kem_cells = bound;
		else
			((struct qsp_config *)(uintptr_t)client->cfg)->plain_cells = bound;
		for (e = QSP_OK, cells = 0; !e && cells < 3 * bound; cells++) {
			assert_int_equal(qsp_conn_ping(server, cells), QSP_OK);
			client->pong_due = false; /* nobody reads its answers */
			e = pass(server, client);
		}
		assert_int_equal(e, QSP_E_POLICY);
		assert_in_range(cells, 2 * bound + 1, 2 * bound + 4);
		assert_int_equal(qsp_bytes_get16(client->out_last->data + 4), QSP_REASON_POLICY);
		bare_free(server);
		bare_free(client);
	}
}

/* Its own data it holds back from one and a half times the bound, asks, and waits 30 seconds. */
static void
client_that_holds_back(void **state)
{
	struct qsp_conn *client = side(QSP_CLIENT);
	struct qsp_now later = now;
	static uint8_t text[729 * 400], out[768 * 500];
	struct qsp_bytes all = QSP_BYTES_OF(text);
	size_t used, n;

	(void)state;
	((struct qsp_config *)(uintptr_t)client->cfg)->plain_cells = 100;
	assert_int_equal(qsp_conn_output(client, now, all, &used, out, sizeof(out), &n), QSP_OK);
	assert_in_range(used / 729, 150, 156);
	assert_int_equal(qsp_conn_deadline(client), now.mono + 30000);
	assert_int_equal(
		qsp_conn_output(client, now, qsp_bytes(text, 10), &used, out, sizeof(out), &n),
		QSP_OK);
	assert_int_equal(used, 0);
	later.mono += 29999;
	assert_int_equal(qsp_conn_tick(client, later), QSP_OK);
	later.mono++;
	assert_int_equal(qsp_conn_tick(client, later), QSP_E_POLICY);
	bare_free(client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed_messages),
		cmocka_unit_test(requests),
		cmocka_unit_test(server_that_changes_nothing),
		cmocka_unit_test(client_that_holds_back),
	};

	source.state = 5;
	return cmocka_run_group_tests(tests, open_seeded, close_crypto);
}
