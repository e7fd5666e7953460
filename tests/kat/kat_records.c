/* SPDX-License-Identifier: ISC */
/*
 * records.json through the record formats [P2.3, P9], and what is rejected [P2.1, P2.5], with the
 * reason of the CLOSE that follows [P5.3], through the engine too.
 */
#include "bare.h"
#include "fixture.h"
#include "kat/vectors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A side of the entry's direction: the sender, or the receiver. */
static struct qsp_conn *
side(const json_t *o, enum qsp_wire wire, bool sender)
{
	bool down = qsp_vec_int(o, "direction") == 1;
	struct bare_options b = {
		.cx = cx,
		.role = down == sender ? QSP_SERVER : QSP_CLIENT,
		.kem = (uint8_t)qsp_vec_int(o, "kem"),
		.aead = (uint8_t)qsp_vec_int(o, "aead"),
		.wire = wire,
		.es = qsp_vec_bytes(o, "es"),
		.epoch = (uint32_t)qsp_vec_int(o, "epoch"),
	};
	struct qsp_conn *c;
	const struct qsp_lane *l;
	uint8_t want[32];

	if (wire == QSP_WIRE_FRAMES)
		b.session_id = qsp_bytes_get64(qsp_vec_bytes(o, "session_id").p);
	c = bare_new(&b);
	l = sender ? &c->tx : &c->rx;
	qsp_vec_exact(o, "key", want, 32);
	assert_memory_equal(l->keys.enc, want, 32);
	if (c->aead->has_mac) {
		qsp_vec_exact(o, "mac", want, 32);
		assert_memory_equal(l->keys.mac, want, 32);
	}
	return c;
}

static void
check_sealed(struct qsp_conn *c, struct qsp_now now, uint8_t type, struct qsp_bytes payload,
	     struct qsp_bytes want)
{
	uint8_t out[4096];
	size_t n;

	assert_true(want.n <= sizeof(out));
	assert_int_equal(c->wire->seal(c, now, type, payload.p, payload.n, out, &n), QSP_OK);
	assert_int_equal(n, want.n);
	assert_memory_equal(out, want.p, n);
}

/* Also: of less than a whole record nothing is taken. */
static void
check_opened(struct qsp_conn *c, uint8_t type, struct qsp_bytes payload, struct qsp_bytes record)
{
	uint8_t buf[4096];
	struct qsp_record rec;
	size_t n;

	memcpy(buf, record.p, record.n);
	for (size_t avail = 0; avail < record.n; avail++) {
		assert_int_equal(c->wire->open(c, buf, avail, &n, &rec), QSP_OK);
		assert_int_equal(n, 0);
	}
	assert_int_equal(c->wire->open(c, buf, record.n, &n, &rec), QSP_OK);
	assert_int_equal(n, record.n);
	assert_int_equal(rec.type, type);
	assert_int_equal(rec.n, payload.n);
	assert_memory_equal(rec.p, payload.p, payload.n);
}

static void
cells_of_the_vectors(void **state)
{
	json_t *doc = qsp_vec_open("records"), *o, *cell;
	size_t i, j;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "cells"), i, o)
	{
		struct qsp_conn *tx = side(o, QSP_WIRE_CELLS, true);
		struct qsp_conn *rx = side(o, QSP_WIRE_CELLS, false);

		assert_int_equal(tx->wire->capacity(tx, QSP_CELL_LEN), qsp_vec_int(o, "capacity"));
		json_array_foreach(qsp_vec_list(o, "cells"), j, cell)
		{
			struct qsp_now now = { .mono = qsp_vec_int(cell, "timestamp_ms") };
			uint8_t type = (uint8_t)qsp_vec_int(cell, "type");
			struct qsp_bytes payload = qsp_vec_bytes(cell, "payload");
			struct qsp_bytes want = qsp_vec_bytes(cell, "cell");

			tx->tx.seq = rx->rx.seq = qsp_vec_int(cell, "seq");
			check_sealed(tx, now, type, payload, want);
			assert_int_equal(tx->tx.seq, qsp_vec_int(cell, "seq") + 1);
			check_opened(rx, type, payload, want);
			assert_int_equal(rx->rx.seq, tx->tx.seq);
			assert_int_equal(rx->rx.timestamp, now.mono);
		}
		bare_free(tx);
		bare_free(rx);
	}
	qsp_vec_close(doc);
}

/* Types 1 and 2 are those of cells; 3 is the control stream, 4 a CLOSE, 5 the quantum stream. */
static uint8_t
type_of_frame(uint64_t frame, bool sealing)
{
	static const uint8_t types[] = { 0,
					 QSP_TYPE_HANDSHAKE,
					 QSP_TYPE_DATA,
					 QSP_TYPE_CONTROL,
					 QSP_TYPE_CLOSE,
					 QSP_TYPE_QUANTUM };

	assert_true(frame >= 1 && frame <= 5);
	return frame == 4 && !sealing ? QSP_TYPE_CONTROL : types[frame];
}

static void
frames_of_the_vectors(void **state)
{
	json_t *doc = qsp_vec_open("records"), *o, *f;
	size_t i, j;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "frames"), i, o)
	{
		struct qsp_conn *tx = side(o, QSP_WIRE_FRAMES, true);
		struct qsp_conn *rx = side(o, QSP_WIRE_FRAMES, false);

		json_array_foreach(qsp_vec_list(o, "frames"), j, f)
		{
			struct qsp_now now = { .mono = 0 };
			uint64_t type = qsp_vec_int(f, "type");
			struct qsp_bytes pt = qsp_vec_bytes(f, "plaintext");
			struct qsp_bytes want = qsp_vec_bytes(f, "frame");

			tx->tx.seq = rx->rx.seq = qsp_vec_int(f, "seq");
			check_sealed(tx, now, type_of_frame(type, true), pt, want);
			check_opened(rx, type_of_frame(type, false), pt, want);
			assert_int_equal(rx->rx.seq, tx->tx.seq);
		}
		bare_free(tx);
		bare_free(rx);
	}
	qsp_vec_close(doc);
}

static qsp_err
error_of(const json_t *o)
{
	if (qsp_vec_null(o, "reason"))
		return QSP_OK;
	switch (qsp_vec_int(o, "reason")) {
	case QSP_REASON_PROTOCOL_ERROR: return QSP_E_PROTOCOL;
	case QSP_REASON_AEAD_DECRYPT_FAILED: return QSP_E_DECRYPT;
	case QSP_REASON_EPOCH_MISMATCH: return QSP_E_EPOCH;
	}
	fail_msg("an unexpected reason");
	return QSP_OK;
}

/* The format says why, and the engine closes with that reason, once and for all. */
static void
check_rejected(const json_t *o, enum qsp_wire wire, const char *field)
{
	struct qsp_conn *c = side(o, wire, false);
	struct qsp_bytes record = qsp_vec_bytes(o, field), data;
	struct qsp_now now = { .mono = 5000 };
	qsp_err want = error_of(o), e;
	uint8_t buf[4096];
	size_t used, n;

	c->rx.seq = qsp_vec_int(o, "seq");
	if (wire == QSP_WIRE_CELLS)
		c->rx.timestamp = qsp_vec_int(o, "last_timestamp_ms");
	assert_true(record.n <= sizeof(buf));
	memcpy(buf, record.p, record.n);
	e = qsp_conn_recv(c, now, buf, record.n, &used, &data);
	if (e != want)
		fail_msg("\"%s\": %d (%s), not %d", qsp_vec_text(o, "rule"), e, qsp_conn_why(c),
			 want);
	assert_int_equal(used, record.n);
	if (want) {
		assert_int_equal(c->state, QSP_ST_DEAD);
		assert_int_equal(c->rx.seq, qsp_vec_int(o, "seq"));
		assert_non_null(c->out);
		assert_int_equal(c->out->type, QSP_TYPE_CLOSE);
		assert_int_equal(qsp_bytes_get16(c->out->data + 4), qsp_vec_int(o, "reason"));
		assert_int_equal(qsp_conn_error(c), want);
		assert_int_equal(qsp_conn_recv(c, now, buf, record.n, &used, &data), want);
		assert_int_equal(
			qsp_conn_output(c, now, QSP_BYTES_NONE, &used, buf, sizeof(buf), &n),
			QSP_OK);
		assert_true(n > 0);
		assert_int_equal(qsp_conn_wants(c), QSP_IS_CLOSED);
	} else {
		assert_int_equal(c->state, QSP_ST_OPEN);
		assert_int_equal(c->rx.seq, qsp_vec_int(o, "seq") + 1);
	}
	bare_free(c);
}

static void
rejected_cells(void **state)
{
	json_t *doc = qsp_vec_open("records"), *o;
	size_t i, good = 0;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "rejected"), i, o)
	{
		check_rejected(o, QSP_WIRE_CELLS, "cell");
		good += qsp_vec_null(o, "reason");
	}
	assert_true(good > 0 && i > good);
	qsp_vec_close(doc);
}

static void
rejected_frames(void **state)
{
	json_t *doc = qsp_vec_open("records"), *o;
	size_t i, good = 0;

	(void)state;
	json_array_foreach(qsp_vec_list(doc, "frames_rejected"), i, o)
	{
		check_rejected(o, QSP_WIRE_FRAMES, "frame");
		good += qsp_vec_null(o, "reason");
	}
	assert_true(good > 0 && i > good);
	qsp_vec_close(doc);
}

/* The header of M1, which is also that of M2 but for the session. */
static void
flight_frame(void **state)
{
	json_t *doc = qsp_vec_open("records");
	const json_t *o = qsp_vec_object(doc, "flight_frame");
	struct qsp_conn client = { .role = QSP_CLIENT }, server = { .role = QSP_SERVER };
	uint8_t want[22], got[22];

	(void)state;
	qsp_vec_exact(o, "header", want, sizeof(want));
	client.session_id = 7; /* not known yet, so not sent */
	qsp_frame_format.put_flight_head(&client, got);
	assert_memory_equal(got, want, sizeof(want));
	assert_int_equal(qsp_frame_format.flight_head, sizeof(want));
	assert_true(qsp_frame_format.flight_head_good(&server, want));
	for (size_t i = 0; i < 8 * sizeof(want); i++) {
		want[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(qsp_frame_format.flight_head_good(&server, want));
		assert_int_equal(qsp_frame_format.flight_head_good(&client, want),
				 i / 8 >= 2 && i / 8 < 10);
		want[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	server.session_id = UINT64_C(0x0102030405060708);
	qsp_frame_format.put_flight_head(&server, got);
	qsp_bytes_put64(want + 2, server.session_id);
	assert_memory_equal(got, want, sizeof(want));
	qsp_vec_close(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_of_the_vectors), cmocka_unit_test(frames_of_the_vectors),
		cmocka_unit_test(rejected_cells),       cmocka_unit_test(rejected_frames),
		cmocka_unit_test(flight_frame),
	};

	return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
