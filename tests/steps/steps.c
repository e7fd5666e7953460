/* SPDX-License-Identifier: ISC */
/*
 * Every role, state and message [P4.5, P5.1]: what has a row in the tables gets to its handler, and
 * nothing else does. Messages are sealed with the right keys, so that only the order is wrong.
 */
#include "steps/reach.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool
turned_away(const struct qsp_conn *c)
{
	const char *why = qsp_conn_why(c);

	return strcmp(why, "a handshake message that has no place here") == 0 ||
	       strcmp(why, "a message that has no place here") == 0;
}

/* A server's questions stop it from reading; a flight is read otherwise than records. */
static bool
reads_records(const struct place *at)
{
	switch (at->state) {
	case QSP_ST_S_NEW:
	case QSP_ST_S_WANT_DH:
	case QSP_ST_S_WANT_SS:
	case QSP_ST_S_WANT_KEM_S:
	case QSP_ST_S_WANT_AUTH:
	case QSP_ST_S_WANT_VERDICT:
	case QSP_ST_C_SENT_M1: return false;
	default: return true;
	}
}

/* The connection is over, the peer will be told why, and every later call says the same. */
static void
check_dead(struct pair *p, struct pair_side *s, qsp_err e, enum qsp_reason reason)
{
	uint8_t out[QSP_OUTPUT_MIN], junk[1] = { 0 };
	const struct qsp_outgoing *last = s->conn->out_last;
	struct qsp_bytes data;
	size_t used, n;

	assert_int_equal(qsp_conn_error(s->conn), e);
	assert_int_equal(s->conn->state, QSP_ST_DEAD);
	assert_null(s->conn->hs);
	assert_null(s->conn->rekey);
	assert_non_null(last);
	assert_int_equal(last->type, QSP_TYPE_CLOSE);
	assert_int_equal(last->data[0], QSP_MSG_CLOSE);
	assert_int_equal(qsp_bytes_get16(last->data + 4), reason);
	assert_int_equal(qsp_conn_recv(s->conn, p->now, junk, 1, &used, &data), e);
	assert_int_equal(qsp_conn_wants(s->conn), QSP_WANT_OUTPUT);
	do {
		assert_int_equal(qsp_conn_output(s->conn, p->now, QSP_BYTES_NONE, &used, out,
						 sizeof(out), &n),
				 QSP_OK);
	} while (n > 0);
	assert_int_equal(qsp_conn_wants(s->conn), QSP_IS_CLOSED);
}

/* What a handler says to a body of three bytes 7. */
static qsp_err
verdict_on_junk(const struct place *at, unsigned kind)
{
	switch (kind) {
	case QSP_MSG_CERTIFICATE: /* kept as it is */ return QSP_OK;
	case QSP_MSG_FIN_S:
	case QSP_MSG_AUTH_OK: return QSP_E_HANDSHAKE;
	case QSP_MSG_AUTH_PROOF: /* refused with AUTH_FAILURE */ return QSP_OK;
	case QSP_MSG_EPOCH: return at->state == QSP_ST_S_REFUSED ? QSP_E_HANDSHAKE : QSP_E_PROTOCOL;
	default: return QSP_E_PROTOCOL;
	}
}

static void
handshake_message(const struct place *at, unsigned kind)
{
	static const uint8_t junk[] = { 7, 7, 7 };
	struct pair_side *s;
	struct pair *p = reach(at, &s);
	bool has = kind > 0 && kind <= QSP_MSG_EPOCH &&
		   qsp_steps_has(at->role, at->state, (enum qsp_event)kind);
	bool legal = kind <= QSP_MSG_EPOCH && at->hears & HEARS(kind);
	qsp_err e = say_to(p, s, QSP_TYPE_HANDSHAKE, (uint8_t)kind, junk, sizeof(junk));

	if (has != legal)
		fail_msg("%s, kind %u: the table says %d", at->name, kind, has);
	if (has == turned_away(s->conn))
		fail_msg("%s, kind %u: the table says %d, the engine %d (%s)", at->name, kind, has,
			 e, qsp_conn_why(s->conn));
	if (has && e != verdict_on_junk(at, kind))
		fail_msg("%s, kind %u: %d (%s)", at->name, kind, e, qsp_conn_why(s->conn));
	if (!has && e != QSP_E_PROTOCOL)
		fail_msg("%s, kind %u: %d instead of PROTOCOL", at->name, kind, e);
	if (e)
		check_dead(p, s, e,
			   e == QSP_E_HANDSHAKE ? QSP_REASON_HANDSHAKE_FAILED
						: QSP_REASON_PROTOCOL_ERROR);
	pair_free(p);
}

static void
every_handshake_message(void **state)
{
	static const unsigned others[] = { 0, 13, 200, 255 };

	(void)state;
	for (size_t i = 0; i < n_places; i++) {
		if (!reads_records(&places[i]))
			continue;
		for (unsigned kind = 1; kind <= 12; kind++)
			handshake_message(&places[i], kind);
		for (size_t k = 0; k < 4; k++)
			handshake_message(&places[i], others[k]);
	}
}

/* Type 3. CLOSE is heard everywhere, the rest once open and by the table of control. */
static void
control_message(const struct place *at, unsigned kind)
{
	static const uint8_t junk[] = { 7, 7, 7 };
	struct pair_side *s;
	struct pair *p = reach(at, &s);
	bool open = at->state == QSP_ST_OPEN, rekey = kind >= 1 && kind <= 3;
	bool has = open && qsp_steps_has_control(at->role, at->rekey, (uint8_t)kind);
	qsp_err e = say_to(p, s, QSP_TYPE_CONTROL, (uint8_t)kind, junk, sizeof(junk)), want;
	const char *why = qsp_conn_why(s->conn);
	bool refused = strcmp(why, "a rekey message out of its order") == 0 ||
		       strcmp(why, "an unknown control message") == 0 || turned_away(s->conn);

	if (kind == QSP_MSG_CLOSE) {
		assert_int_equal(e, QSP_E_CLOSED);
		assert_int_equal(s->conn->state, QSP_ST_DEAD);
		assert_int_equal(qsp_conn_wants(s->conn), QSP_IS_CLOSED);
		pair_free(p);
		return;
	}
	if (has != (kind <= QSP_MSG_ACK && at->control & HEARS(kind)))
		fail_msg("%s, control %u: the table says %d", at->name, kind, has);
	if (has == refused)
		fail_msg("%s, control %u: the table says %d, the engine %d (%s)", at->name, kind,
			 has, e, why);
	want = has && kind == QSP_MSG_REKEY_REQUEST && at->rekey == QSP_RK_SENT_INIT ? QSP_OK
	       : !has && open && rekey                                               ? QSP_E_REKEY
				       : QSP_E_PROTOCOL;
	if (e != want)
		fail_msg("%s, control %u: %d (%s) instead of %d", at->name, kind, e, why, want);
	if (e)
		check_dead(p, s, e,
			   e == QSP_E_REKEY ? QSP_REASON_REKEY_FAILED : QSP_REASON_PROTOCOL_ERROR);
	pair_free(p);
}

static void
every_control_message(void **state)
{
	static const unsigned others[] = { 0, 10, 100, 255 };

	(void)state;
	for (size_t i = 0; i < n_places; i++) {
		if (!reads_records(&places[i]))
			continue;
		for (unsigned kind = 1; kind <= QSP_MSG_ACK; kind++)
			control_message(&places[i], kind);
		for (size_t k = 0; k < 4; k++)
			control_message(&places[i], others[k]);
	}
}

/* Type 4 is not spoken; types 0 and 2. */
static void
every_other_record(void **state)
{
	static const uint8_t quantum[] = { 1, 0, 0, 1, 9 }, bytes[] = { 1, 2, 3 };

	(void)state;
	for (size_t i = 0; i < n_places; i++) {
		const struct place *at = &places[i];
		struct {
			uint8_t type;
			const uint8_t *p;
			size_t n;
			bool good;
		} tries[] = {
			{ QSP_TYPE_NOISE, NULL, 0, true },
			{ QSP_TYPE_DATA, bytes, 3, at->state == QSP_ST_OPEN },
			{ QSP_TYPE_QUANTUM, quantum, 5, false },
			{ QSP_TYPE_HANDSHAKE, NULL, 0, true },
			{ QSP_TYPE_CONTROL, NULL, 0, true },
		};

		if (!reads_records(at))
			continue;
		for (size_t k = 0; k < sizeof(tries) / sizeof(*tries); k++) {
			uint8_t cell[QSP_CELL_LEN];
			struct pair_side *s;
			struct pair *p = reach(at, &s);
			size_t n = forge(p, s, tries[k].type, tries[k].p, tries[k].n, cell), used;
			struct qsp_bytes data;
			qsp_err e = qsp_conn_recv(s->conn, p->now, cell, n, &used, &data);

			if (e != (tries[k].good ? QSP_OK : QSP_E_PROTOCOL))
				fail_msg("%s, type %u: %d", at->name, tries[k].type, e);
			if (e)
				check_dead(p, s, e, QSP_REASON_PROTOCOL_ERROR);
			else
				assert_int_equal(s->conn->state, at->state);
			assert_int_equal(data.n,
					 tries[k].good
						 ? tries[k].type == QSP_TYPE_DATA ? tries[k].n : 0
						 : 0);
			pair_free(p);
		}
	}
}

/* A parked server takes nothing, and nothing changes. */
static void
questions_stop_the_input(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_places; i++) {
		struct pair_side *s;
		struct pair *p;
		uint8_t junk[QSP_FLIGHT_LEN] = { 0 };
		struct qsp_bytes data;
		size_t used;

		if (reads_records(&places[i]) || places[i].state == QSP_ST_S_NEW ||
		    places[i].state == QSP_ST_C_SENT_M1)
			continue;
		p = reach(&places[i], &s);
		assert_false(qsp_conn_wants(s->conn) & QSP_WANT_INPUT);
		assert_int_equal(qsp_conn_recv(s->conn, p->now, junk, sizeof(junk), &used, &data),
				 QSP_OK);
		assert_int_equal(used, 0);
		assert_int_equal(s->conn->state, places[i].state);
		pair_free(p);
	}
}

/* A flight that is none: the server falls silent, the client ends without a word. */
static void
flights_of_junk(void **state)
{
	uint8_t junk[QSP_FLIGHT_LEN], out[QSP_OUTPUT_MIN];

	(void)state;
	memset(junk, 0x35, sizeof(junk));
	for (size_t i = 0; i < n_places; i++) {
		bool client = places[i].role == QSP_CLIENT;
		struct pair_side *s;
		struct pair *p;
		struct qsp_bytes data;
		size_t used, n;
		qsp_err e;

		if (places[i].state != QSP_ST_S_NEW && places[i].state != QSP_ST_C_SENT_M1)
			continue;
		p = reach(&places[i], &s);
		if (client)
			pair_output(p, s);
		e = qsp_conn_recv(s->conn, p->now, junk, sizeof(junk), &used, &data);
		while (!client && !e && pair_answer(p, s))
			e = s->error;
		assert_int_equal(e, client ? QSP_E_HANDSHAKE : QSP_E_SILENT);
		assert_int_equal(s->conn->state, client ? QSP_ST_DEAD : QSP_ST_SINK);
		assert_int_equal(qsp_conn_output(s->conn, p->now, QSP_BYTES_NONE, &used, out,
						 sizeof(out), &n),
				 QSP_OK);
		assert_int_equal(n, 0);
		if (!client) {
			assert_int_equal(qsp_conn_recv(s->conn, p->now, junk, 100, &used, &data),
					 QSP_OK);
			assert_int_equal(used, 100);
			assert_true(qsp_conn_wants(s->conn) & QSP_IS_SINK);
		}
		pair_free(p);
	}
}

/* States through which the engine only passes have no row for a message. */
static void
passing_states_hear_nothing(void **state)
{
	(void)state;
	for (unsigned st = 0; st < QSP_ST_MAX; st++) {
		for (int role = 0; role < 2; role++) {
			bool rests = false;

			for (size_t i = 0; i < n_places; i++)
				rests |= places[i].state == st && (int)places[i].role == role;
			for (unsigned ev = 0; !rests && ev <= 15; ev++)
				assert_false(qsp_steps_has((enum qsp_role)role, (enum qsp_state)st,
							   (enum qsp_event)ev));
		}
	}
}

/* [P2.6] A message behind which the sender's epoch changes ends its cell, cut in two or not. */
static void
epoch_ends_its_cell(void **state)
{
	static const uint8_t message[] = { QSP_MSG_EPOCH, 0, 0, 0, 0xff };

	(void)state;
	for (size_t i = 0; i < n_places; i++) {
		if (places[i].state != QSP_ST_S_SENT_OK)
			continue;
		for (size_t cut = 0; cut < 5; cut++) {
			for (size_t extra = 0; extra < 2; extra++) {
				struct pair_side *s;
				struct pair *p = reach(&places[i], &s);
				uint8_t cell[QSP_CELL_LEN];
				struct qsp_bytes data;
				size_t used, n;
				qsp_err e;

				n = forge(p, s, QSP_TYPE_HANDSHAKE, message, cut, cell);
				e = qsp_conn_recv(s->conn, p->now, cell, n, &used, &data);
				if (cut < 4) {
					assert_int_equal(e, QSP_OK);
					n = forge(p, s, QSP_TYPE_HANDSHAKE, message + cut,
						  4 - cut + extra, cell);
					e = qsp_conn_recv(s->conn, p->now, cell, n, &used, &data);
					assert_int_equal(e, extra ? QSP_E_PROTOCOL : QSP_OK);
				}
				assert_int_equal(s->conn->state, e ? QSP_ST_DEAD : QSP_ST_OPEN);
				pair_free(p);
			}
		}
	}
}

/* [P2.6] A length is judged as soon as the head is there, by the bound of the time. */
static void
announced_lengths(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_places; i++) {
		bool open = places[i].state == QSP_ST_OPEN;
		uint32_t most = open ? QSP_MSG_LATE_MAX : QSP_MSG_EARLY_MAX;

		if (!reads_records(&places[i]))
			continue;
		for (uint32_t over = 0; over < 2; over++) {
			struct pair_side *s;
			struct pair *p = reach(&places[i], &s);
			uint8_t cell[QSP_CELL_LEN], head[4];
			struct qsp_bytes data;
			size_t used, n;
			qsp_err e;

			qsp_bytes_put32(head, (uint32_t)QSP_MSG_CERTIFICATE << 24 | (most + over));
			n = forge(p, s, QSP_TYPE_HANDSHAKE, head, sizeof(head), cell);
			e = qsp_conn_recv(s->conn, p->now, cell, n, &used, &data);
			assert_int_equal(e, over ? QSP_E_PROTOCOL : QSP_OK);
			if (over)
				check_dead(p, s, e, QSP_REASON_PROTOCOL_ERROR);
			else
				assert_true(s->conn->in[0].cap <=
					    4096); /* not what was announced */
			pair_free(p);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_handshake_message),
		cmocka_unit_test(every_control_message),
		cmocka_unit_test(every_other_record),
		cmocka_unit_test(questions_stop_the_input),
		cmocka_unit_test(flights_of_junk),
		cmocka_unit_test(epoch_ends_its_cell),
		cmocka_unit_test(announced_lengths),
		cmocka_unit_test(passing_states_hear_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
