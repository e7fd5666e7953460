/* SPDX-License-Identifier: ISC */
/*
 * [P2, P9] Records at their limits: the last of an epoch, clocks, output buffers of every size,
 * many records at once, both wires.
 */
#include "bare.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct qsp_conn *
side(enum qsp_role role, uint8_t aead, enum qsp_wire wire)
{
	static const uint8_t es[32] = { 1, 2, 3 };
	struct bare_options o = {
		.cx = cx,
		.role = role,
		.kem = 1,
		.aead = aead,
		.wire = wire,
		.es = QSP_BYTES_OF(es),
		.epoch = 1,
		.session_id = 42,
	};

	return bare_new(&o);
}

/* [P2.2] The cell of seq 2^32 - 1 is the last one that is sent, or taken. */
static void
end_of_an_epoch(void **state)
{
	struct qsp_now now = { .mono = 1 };

	(void)state;
	for (int wire = 0; wire < 2; wire++) {
		struct qsp_conn *a = side(QSP_CLIENT, 1, (enum qsp_wire)wire);
		struct qsp_conn *b = side(QSP_SERVER, 1, (enum qsp_wire)wire);
		uint8_t out[QSP_OUTPUT_MIN];
		struct qsp_bytes text = qsp_bytes_str("last"), data;
		size_t used, n;

		a->tx.seq = b->rx.seq = UINT32_MAX;
		assert_int_equal(qsp_conn_output(a, now, text, &used, out, sizeof(out), &n),
				 QSP_OK);
		assert_int_equal(used, 4);
		assert_int_equal(a->tx.seq, (uint64_t)UINT32_MAX + 1);
		assert_int_equal(qsp_conn_recv(b, now, out, n, &used, &data), QSP_OK);
		assert_int_equal(data.n, 4);
		/* the sender may not go on, so it cannot say why either */
		assert_int_equal(qsp_conn_output(a, now, text, &used, out, sizeof(out), &n),
				 QSP_E_PROTOCOL);
		assert_int_equal(used, 0);
		assert_int_equal(n, 0);
		assert_int_equal(qsp_conn_error(a), QSP_E_PROTOCOL);
		/* whatever a peer sends now is one too many */
		memset(out, 0, sizeof(out));
		if (wire == QSP_WIRE_FRAMES) {
			out[0] = 2;
			qsp_bytes_put64(out + 2, 42);
			qsp_bytes_put32(out + 10, 1);
			qsp_bytes_put32(out + 18, 28);
		}
		assert_int_equal(qsp_conn_recv(b, now, out, QSP_CELL_LEN, &used, &data),
				 wire == QSP_WIRE_FRAMES ? QSP_E_EPOCH : QSP_E_PROTOCOL);
		bare_free(a);
		bare_free(b);
	}
}

/* [P2.4] Timestamps count from the session's start and never go back, whatever the clock does. */
static void
clocks(void **state)
{
	static const struct {
		qsp_time mono;
		uint64_t stamp;
	} times[] = {
		{ 900, 0 }, { 1000, 0 }, { 1010, 10 }, { 1005, 10 }, { 1010, 10 }, { 2000, 1000 },
	};
	struct qsp_conn *a = side(QSP_CLIENT, 1, QSP_WIRE_CELLS);
	struct qsp_conn *b = side(QSP_SERVER, 1, QSP_WIRE_CELLS);

	(void)state;
	a->start = 1000;
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		struct qsp_now now = { .mono = times[i].mono };
		uint8_t cell[QSP_CELL_LEN];
		struct qsp_bytes data;
		size_t used;

		assert_int_equal(qsp_conn_noise(a, now, cell), QSP_OK);
		assert_int_equal(qsp_conn_recv(b, now, cell, sizeof(cell), &used, &data), QSP_OK);
		assert_int_equal(b->rx.timestamp, times[i].stamp);
	}
	bare_free(a);
	bare_free(b);
}

/* Output buffers of every size: whole records, nothing behind them touched, nothing lost. */
static void
every_buffer(enum qsp_wire wire, size_t cap)
{
	static uint8_t text[20000];
	struct qsp_conn *a = side(QSP_CLIENT, 1, wire), *b = side(QSP_SERVER, 1, wire);
	struct qsp_now now = { .mono = 5 };
	uint8_t *out = malloc(cap), *got = malloc(sizeof(text));
	struct qsp_bytes left = QSP_BYTES_OF(text), data;
	size_t used, n, done = 0;

	assert_non_null(out);
	assert_non_null(got);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 31 >> 3);
	while (left.n > 0) {
		assert_int_equal(qsp_conn_output(a, now, left, &used, out, cap, &n), QSP_OK);
		assert_true(n <= cap && n > 0 && used > 0);
		if (wire == QSP_WIRE_CELLS)
			assert_int_equal(n % QSP_CELL_LEN, 0);
		left = qsp_bytes_from(left, used);
		assert_int_equal(qsp_conn_recv(b, now, out, n, &used, &data), QSP_OK);
		assert_int_equal(used, n);
		memcpy(got + done, data.p, data.n);
		done += data.n;
	}
	assert_int_equal(done, sizeof(text));
	assert_memory_equal(got, text, done);
	free(out);
	free(got);
	bare_free(a);
	bare_free(b);
}

static void
output_buffers(void **state)
{
	uint8_t out[QSP_OUTPUT_MIN];
	struct qsp_now now = { .mono = 5 };
	struct qsp_conn *a = side(QSP_CLIENT, 1, QSP_WIRE_CELLS);
	size_t used, n;

	(void)state;
	assert_int_equal(
		qsp_conn_output(a, now, qsp_bytes_str("x"), &used, out, QSP_CELL_LEN - 1, &n),
		QSP_E_ROOM);
	assert_int_equal(used + n, 0);
	assert_int_equal(qsp_conn_error(a), QSP_OK);
	bare_free(a);
	for (int wire = 0; wire < 2; wire++) {
		size_t least = wire == QSP_WIRE_CELLS ? QSP_CELL_LEN : QSP_OUTPUT_MIN;

		for (size_t cap = least; cap <= QSP_OUTPUT_MIN + QSP_CELL_LEN; cap += 1)
			every_buffer((enum qsp_wire)wire, cap);
		every_buffer((enum qsp_wire)wire, 300000);
	}
}

/* The same bytes, whatever the buffers on the way in. */
static void
input_buffers(void **state)
{
	static uint8_t text[9000], wire_bytes[20000], buf[20000], got[sizeof(text)];
	struct qsp_now now = { .mono = 5 };

	(void)state;
	memset(text, 0x42, sizeof(text));
	for (int wire = 0; wire < 2; wire++) {
		struct qsp_conn *a = side(QSP_SERVER, 2, (enum qsp_wire)wire);
		size_t total = 0, n, used;
		struct qsp_bytes left = QSP_BYTES_OF(text), data;

		while (left.n > 0) {
			assert_int_equal(qsp_conn_output(a, now, left, &used, wire_bytes + total,
							 QSP_OUTPUT_MIN, &n),
					 QSP_OK);
			left = qsp_bytes_from(left, used);
			total += n;
			assert_true(total + QSP_OUTPUT_MIN <= sizeof(wire_bytes));
		}
		for (size_t piece = 1; piece < 2000; piece += piece < 40 ? 1 : 97) {
			struct qsp_conn *b = side(QSP_CLIENT, 2, (enum qsp_wire)wire);
			size_t have = 0, done = 0, at = 0;

			while (at < total) {
				size_t take = total - at < piece ? total - at : piece;

				memcpy(buf + have, wire_bytes + at, take);
				at += take;
				have += take;
				assert_int_equal(qsp_conn_recv(b, now, buf, have, &used, &data),
						 QSP_OK);
				memcpy(got + done, data.p ? data.p : text, data.n);
				done += data.n;
				memmove(buf, buf + used, have - used);
				have -= used;
			}
			assert_int_equal(have, 0);
			assert_int_equal(done, sizeof(text));
			assert_memory_equal(got, text, done);
			bare_free(b);
		}
		bare_free(a);
	}
}

/* [P9] The largest frame, its one neighbour too large; nothing is waited for that cannot be. */
static void
large_frames(void **state)
{
	size_t most = (1u << 18) + 64;
	struct qsp_now now = { .mono = 5 };

	(void)state;
	for (uint8_t aead = 1; aead <= 3; aead++) {
		struct qsp_conn *a = side(QSP_CLIENT, aead, QSP_WIRE_FRAMES);
		struct qsp_conn *b = side(QSP_SERVER, aead, QSP_WIRE_FRAMES);
		size_t over = 12u + a->aead->tag_len, used, n, cap = 22 + most + 1000;
		uint8_t *out = malloc(cap), *text = calloc(1, most);
		struct qsp_bytes data;

		assert_non_null(out);
		assert_non_null(text);
		assert_int_equal(a->wire->capacity(a, 10 * most), most - over);
		assert_int_equal(a->wire->capacity(a, 22 + over), 0);
		assert_int_equal(a->wire->capacity(a, 22 + over + 1), 1);
		assert_int_equal(
			qsp_conn_output(a, now, qsp_bytes(text, most - over), &used, out, cap, &n),
			QSP_OK);
		assert_int_equal(n, 22 + most);
		assert_int_equal(n, QSP_RECV_MIN_FRAMES);
		assert_int_equal(qsp_conn_recv(b, now, out, n - 1, &used, &data), QSP_OK);
		assert_int_equal(used, 0);
		assert_int_equal(qsp_conn_recv(b, now, out, n, &used, &data), QSP_OK);
		assert_int_equal(data.n, most - over);
		/* the header alone condemns: one too long, one too short for nonce and tag */
		qsp_bytes_put32(out + 14, 1);
		qsp_bytes_put32(out + 18, (uint32_t)most + 1);
		assert_int_equal(qsp_conn_recv(b, now, out, 22, &used, &data), QSP_E_PROTOCOL);
		bare_free(b);
		b = side(QSP_SERVER, aead, QSP_WIRE_FRAMES);
		qsp_bytes_put32(out + 14, 0);
		qsp_bytes_put32(out + 18, (uint32_t)over - 1);
		assert_int_equal(qsp_conn_recv(b, now, out, 22, &used, &data), QSP_E_PROTOCOL);
		free(out);
		free(text);
		bare_free(a);
		bare_free(b);
	}
}

/* A flipped bit anywhere in a cell is found, and nothing of the cell comes out. */
static void
flipped_bits(void **state)
{
	struct qsp_now now = { .mono = 5 };

	(void)state;
	for (uint8_t aead = 1; aead <= 3; aead++) {
		struct qsp_conn *a = side(QSP_CLIENT, aead, QSP_WIRE_CELLS);
		uint8_t out[QSP_OUTPUT_MIN], copy[QSP_CELL_LEN];
		struct qsp_bytes data;
		size_t used, n;

		assert_int_equal(qsp_conn_output(a, now, qsp_bytes_str("secret"), &used, out,
						 sizeof(out), &n),
				 QSP_OK);
		for (size_t i = 0; i < QSP_CELL_LEN; i += 13) {
			struct qsp_conn *b = side(QSP_SERVER, aead, QSP_WIRE_CELLS);

			memcpy(copy, out, sizeof(copy));
			copy[i] ^= (uint8_t)(1 << i % 8);
			assert_int_equal(qsp_conn_recv(b, now, copy, sizeof(copy), &used, &data),
					 QSP_E_DECRYPT);
			assert_int_equal(data.n, 0);
			bare_free(b);
		}
		bare_free(a);
	}
}

/* Good data in front of a bad cell has arrived; what stands behind has not. */
static void
data_before_an_error(void **state)
{
	struct qsp_conn *a = side(QSP_CLIENT, 1, QSP_WIRE_CELLS);
	struct qsp_conn *b = side(QSP_SERVER, 1, QSP_WIRE_CELLS);
	struct qsp_now now = { .mono = 5 };
	uint8_t text[2000] = { 9 }, out[QSP_OUTPUT_MIN];
	struct qsp_bytes data;
	size_t used, n;

	(void)state;
	assert_int_equal(qsp_conn_output(a, now, QSP_BYTES_OF(text), &used, out, sizeof(out), &n),
			 QSP_OK);
	assert_int_equal(n, 3 * QSP_CELL_LEN);
	out[QSP_CELL_LEN + 5] ^= 1;
	assert_int_equal(qsp_conn_recv(b, now, out, n, &used, &data), QSP_E_DECRYPT);
	assert_int_equal(used, n);
	assert_int_equal(data.n, 729);
	assert_memory_equal(data.p, text, 729);
	bare_free(a);
	bare_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(end_of_an_epoch),      cmocka_unit_test(clocks),
		cmocka_unit_test(output_buffers),       cmocka_unit_test(input_buffers),
		cmocka_unit_test(large_frames),         cmocka_unit_test(flipped_bits),
		cmocka_unit_test(data_before_an_error),
	};

	return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
