/* SPDX-License-Identifier: ISC */
/* [P7.1] Compressed data: the codec's streams, and channels that use them; what a bad peer may try. */
#include "app/zip.h"
#include "proto/mux.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <zstd.h>

#include <cmocka.h>

#define BIG (100u * 1024)

static uint8_t data[BIG], packed[2 * BIG], back[BIG];

/* Bytes that shrink, or do not. */
static void
fill(bool shrinks)
{
	uint32_t seed = 7;

	for (size_t i = 0; i < BIG; i++) {
		seed = seed * 1103515245u + 12345u;
		data[i] =
			shrinks ? (uint8_t) "all work and no play "[i % 21] : (uint8_t)(seed >> 16);
	}
}

/* --- the codec ------------------------------------------------------------------------------ */

static void
test_streams(void **state)
{
	const struct qsp_mux_codec *c = qsp_zip_codec();
	void *out = c->new_out(), *in = c->new_in();
	size_t sizes[] = { 1, 64, 5000, BIG, 3, BIG };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i], k;

		fill(i != 5);
		assert_true(c->bound(n) <= sizeof(packed));
		k = c->pack(out, qsp_bytes(data, n), packed, c->bound(n));
		assert_int_not_equal(k, 0);
		assert_true(c->unpack(in, qsp_bytes(packed, k), back, n));
		assert_memory_equal(data, back, n);
	}
	c->free_out(out);
	c->free_in(in);
}

/* What unpacks to another length than was said is refused, whichever it is. */
static void
test_lengths(void **state)
{
	const struct qsp_mux_codec *c = qsp_zip_codec();
	static const int off[] = { -1, 1, -50000 };

	(void)state;
	fill(true);
	for (size_t i = 0; i < 4; i++) {
		void *out = c->new_out(), *in = c->new_in();
		size_t k = c->pack(out, qsp_bytes(data, 60000), packed, sizeof(packed));
		size_t n = i < 3 ? (size_t)(60000 + off[i]) : 60000;

		k -= i == 3;
		assert_false(c->unpack(in, qsp_bytes(packed, k), back, n));
		c->free_out(out);
		c->free_in(in);
	}
}

static void
refused_frame(size_t k, size_t n)
{
	const struct qsp_mux_codec *c = qsp_zip_codec();
	void *in = c->new_in();

	assert_false(c->unpack(in, qsp_bytes(packed, k), back, n));
	c->free_in(in);
}

/* A frame that ends, one that wants a large window, one that says nothing. */
static void
test_frames(void **state)
{
	static const uint8_t skippable[] = { 0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4 };
	ZSTD_CCtx *z = ZSTD_createCCtx();
	ZSTD_inBuffer from = { data, BIG, 0 };
	ZSTD_outBuffer to = { packed, sizeof(packed), 0 };

	(void)state;
	fill(true);
	refused_frame(ZSTD_compress(packed, sizeof(packed), data, 1000, 3), 1000);
	assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, 20)));
	assert_int_equal(ZSTD_compressStream2(z, &to, &from, ZSTD_e_flush), 0);
	refused_frame(to.pos, BIG);
	ZSTD_freeCCtx(z);
	memcpy(packed, skippable, sizeof(skippable));
	refused_frame(sizeof(skippable), 1);
	refused_frame(0, 1);
}

/* --- channels ------------------------------------------------------------------------------- */

struct ends {
	struct qsp_mux *a, *b;
	uint32_t ca, cb;
	size_t wire;
};

/* Moves all that a has to say; data that comes is compared with `data` from `at` on. */
static qsp_err
move(struct ends *e, struct qsp_mux *a, struct qsp_mux *b, size_t *at)
{
	struct qsp_bytes out;

	while ((out = qsp_mux_output(a)).n > 0) {
		struct qsp_bytes in = out;
		struct qsp_mux_event ev = { .type = QSP_MUX_OPEN };

		while (ev.type != QSP_MUX_NONE) {
			qsp_err err = qsp_mux_event(b, &in, &ev);

			if (err)
				return err;
			if (ev.type == QSP_MUX_OPEN)
				assert_int_equal(qsp_mux_accept(b, e->cb = ev.channel, NULL), 0);
			if (ev.type != QSP_MUX_DATA)
				continue;
			assert_memory_equal(ev.body.p, data + *at, ev.body.n);
			*at += ev.body.n;
			assert_int_equal(qsp_mux_consumed(b, 0, ev.channel, ev.body.n), 0);
		}
		qsp_mux_sent(a, out.n);
		e->wire += out.n;
	}
	return QSP_OK;
}

static uint32_t
open_one(struct ends *e)
{
	uint32_t channel;
	size_t at = 0;

	assert_int_equal(qsp_mux_open(e->a, "session", QSP_BYTES_NONE, NULL, &channel), 0);
	assert_int_equal(move(e, e->a, e->b, &at), 0);
	assert_int_equal(move(e, e->b, e->a, &at), 0);
	return channel;
}

static struct ends
joined(uint32_t window)
{
	struct qsp_mux_limits l = qsp_mux_limits_default();
	struct ends e = { 0 };

	l.window = window;
	l.max_channels = 20;
	assert_int_equal(qsp_mux_new(&l, &e.a), 0);
	assert_int_equal(qsp_mux_new(&l, &e.b), 0);
	e.ca = open_one(&e);
	qsp_mux_understand(e.a, qsp_zip_codec());
	qsp_mux_understand(e.b, qsp_zip_codec());
	qsp_mux_compress(e.a);
	e.wire = 0;
	return e;
}

static void
part(struct ends *e)
{
	qsp_mux_free(e->a);
	qsp_mux_free(e->b);
}

static void
pass(struct ends *e, uint32_t code, size_t *at)
{
	size_t used = 0, back_at = 0, done = 0;

	while (done < BIG) {
		assert_int_equal(
			qsp_mux_data(e->a, e->ca, code, qsp_bytes(data + done, BIG - done), &used),
			0);
		done += used;
		assert_int_equal(move(e, e->a, e->b, at), 0);
		assert_int_equal(move(e, e->b, e->a, &back_at), 0);
	}
	assert_int_equal(*at, BIG);
}

static void
test_channel(void **state)
{
	struct ends e = joined(16384);
	size_t at = 0;

	(void)state;
	fill(true);
	pass(&e, 0, &at);
	assert_true(e.wire < BIG / 20);
	e.wire = at = 0;
	pass(&e, QSP_MUX_STDERR, &at);
	assert_true(e.wire < BIG / 20);
	/* what does not shrink costs little, in bytes and soon in time */
	fill(false);
	e.wire = at = 0;
	pass(&e, 0, &at);
	assert_in_range(e.wire, BIG, BIG + BIG / 50);
	part(&e);
}

/* Once it was not agreed on, once over the window: the plain length counts, and nothing is unpacked. */
static void
test_refused(void **state)
{
	struct ends e = joined(16384);
	size_t used, at = 0;

	(void)state;
	fill(true);
	qsp_mux_understand(e.b, NULL);
	assert_int_equal(qsp_mux_data(e.a, e.ca, 0, qsp_bytes(data, 1000), &used), 0);
	assert_int_equal(move(&e, e.a, e.b, &at), QSP_E_PROTOCOL);
	part(&e);

	e = joined(16384);
	assert_int_equal(qsp_mux_data(e.a, e.ca, 0, qsp_bytes(data, 10000), &used), 0);
	assert_int_equal(used, 10000);
	qsp_mux_find(e.b, e.cb, QSP_MUX_UP)->may_come = 9999;
	assert_int_equal(move(&e, e.a, e.b, &at), QSP_E_PROTOCOL);
	assert_int_equal(at, 0);
	part(&e);
}

/* So many streams, and no more; a channel that has gone gives its own back. */
static void
test_many(void **state)
{
	struct ends e = joined(16384);
	size_t used, at, none = 0;

	(void)state;
	fill(true);
	for (int i = 0; i < 18; i++) {
		uint32_t channel = i ? open_one(&e) : e.ca;

		assert_int_equal(qsp_mux_data(e.a, channel, 0, qsp_bytes(data, 500), &used), 0);
		at = 0;
		assert_int_equal(move(&e, e.a, e.b, &at), 0);
		assert_int_equal(at, 500);
	}
	assert_int_equal(e.a->n_zip_out, 16);
	assert_int_equal(e.b->n_zip_in, 16);
	assert_int_equal(qsp_mux_close(e.a, e.ca), 0);
	assert_int_equal(move(&e, e.a, e.b, &at), 0);
	assert_int_equal(qsp_mux_close(e.b, 0), 0);
	assert_int_equal(move(&e, e.b, e.a, &none), 0);
	assert_int_equal(e.a->n_zip_out, 15);
	assert_int_equal(e.b->n_zip_in, 15);
	part(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams), cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_frames),  cmocka_unit_test(test_channel),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
