/* SPDX-License-Identifier: ISC */
/* src/base: the sticky reader and writer at every length, text, constant time, memory. */
#include "base/ct.h"
#include "base/mem.h"
#include "base/reader.h"
#include "base/text.h"
#include "base/writer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* One field of each kind, as a message would hold them. */
struct fields {
	uint8_t u8;
	uint16_t u16;
	uint32_t u24, u32;
	uint64_t u64;
	struct qsp_bytes v16, v24, v32;
	uint8_t copy[3];
};

static qsp_err
put_fields(struct qsp_writer *w, const struct fields *f)
{
	qsp_writer_u8(w, f->u8);
	qsp_writer_u16(w, f->u16);
	qsp_writer_u24(w, f->u24);
	qsp_writer_u32(w, f->u32);
	qsp_writer_u64(w, f->u64);
	qsp_writer_vec16(w, f->v16);
	qsp_writer_vec24(w, f->v24);
	qsp_writer_vec32(w, f->v32);
	qsp_writer_put(w, QSP_BYTES_OF(f->copy));
	return qsp_writer_done(w);
}

static qsp_err
get_fields(struct qsp_bytes in, struct fields *f)
{
	struct qsp_reader r = qsp_reader_of(in);

	f->u8 = qsp_reader_u8(&r);
	f->u16 = qsp_reader_u16(&r);
	f->u24 = qsp_reader_u24(&r);
	f->u32 = qsp_reader_u32(&r);
	f->u64 = qsp_reader_u64(&r);
	f->v16 = qsp_reader_vec16(&r);
	f->v24 = qsp_reader_vec24(&r);
	f->v32 = qsp_reader_vec32(&r);
	qsp_reader_copy(&r, f->copy, sizeof(f->copy));
	return qsp_reader_done(&r);
}

static struct fields
sample(void)
{
	return (struct fields){
		.u8 = 0x12,
		.u16 = 0x3456,
		.u24 = 0x789abc,
		.u32 = 0xdef01234,
		.u64 = UINT64_C(0x56789abcdef01234),
		.v16 = qsp_bytes_str("ab"),
		.v24 = qsp_bytes_str("cde"),
		.v32 = qsp_bytes_str("f"),
		.copy = { 7, 8, 9 },
	};
}

static void
reader_refuses_every_truncation(void **state)
{
	struct fields f = sample(), got;
	uint8_t buf[64] = { 0 };
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	size_t n;

	(void)state;
	assert_int_equal(put_fields(&w, &f), QSP_OK);
	n = qsp_writer_bytes(&w).n;
	assert_int_equal(n, 1 + 2 + 3 + 4 + 8 + 2 + 2 + 3 + 3 + 4 + 1 + 3);
	for (size_t k = 0; k < n; k++) {
		/* a copy on the heap, so that a read beyond it would be seen */
		uint8_t *exact = qsp_mem_copy(qsp_bytes(buf, k));

		assert_int_equal(get_fields(qsp_bytes(exact, k), &got), QSP_E_INPUT);
		qsp_mem_free(exact);
	}
	assert_int_equal(get_fields(qsp_bytes(buf, n + 1), &got), QSP_E_INPUT);
	assert_int_equal(get_fields(qsp_bytes(buf, n), &got), QSP_OK);
	assert_int_equal(got.u8, f.u8);
	assert_int_equal(got.u16, f.u16);
	assert_int_equal(got.u24, f.u24);
	assert_int_equal(got.u32, f.u32);
	assert_true(got.u64 == f.u64);
	assert_true(qsp_bytes_is(got.v16, "ab"));
	assert_true(qsp_bytes_is(got.v24, "cde"));
	assert_true(qsp_bytes_is(got.v32, "f"));
	assert_memory_equal(got.copy, f.copy, 3);
}

static void
reader_stays_failed(void **state)
{
	static const uint8_t in[] = { 0, 9, 1, 2 };
	struct qsp_reader r = qsp_reader_of(QSP_BYTES_OF(in));
	uint8_t copy[2] = { 5, 5 };

	(void)state;
	assert_int_equal(qsp_reader_vec16(&r).n, 0); /* nine of two */
	assert_int_equal(qsp_reader_u8(&r), 0);
	assert_int_equal(qsp_reader_rest(&r).n, 0);
	qsp_reader_copy(&r, copy, sizeof(copy));
	assert_int_equal(copy[0] | copy[1], 0);
	assert_int_equal(qsp_reader_done(&r), QSP_E_INPUT);
}

static void
reader_reads_nothing_from_nothing(void **state)
{
	struct qsp_reader r = qsp_reader_of(QSP_BYTES_NONE);

	(void)state;
	assert_int_equal(qsp_reader_rest(&r).n, 0);
	assert_int_equal(qsp_reader_take(&r, 0).n, 0);
	assert_int_equal(qsp_reader_done(&r), QSP_OK);
	assert_int_equal(qsp_reader_take(&r, SIZE_MAX).n, 0);
	assert_int_equal(qsp_reader_done(&r), QSP_E_INPUT);
}

static void
writer_refuses_every_short_buffer(void **state)
{
	struct fields f = sample();
	uint8_t whole[64];
	struct qsp_writer w = qsp_writer_of(whole, sizeof(whole));
	size_t n;

	(void)state;
	assert_int_equal(put_fields(&w, &f), QSP_OK);
	n = qsp_writer_bytes(&w).n;
	for (size_t k = 0; k <= n; k++) {
		uint8_t *exact = qsp_mem_alloc(k);

		w = qsp_writer_of(exact, k);
		assert_int_equal(put_fields(&w, &f), k < n ? QSP_E_ROOM : QSP_OK);
		assert_true(qsp_writer_bytes(&w).n <= k);
		qsp_mem_free(exact);
	}
}

static void
writer_refuses_what_a_length_cannot_hold(void **state)
{
	static uint8_t out[70000], in[65536];
	struct qsp_writer w = qsp_writer_of(out, sizeof(out));

	(void)state;
	qsp_writer_vec16(&w, qsp_bytes(in, 65535));
	assert_int_equal(qsp_writer_done(&w), QSP_OK);
	w = qsp_writer_of(out, sizeof(out));
	qsp_writer_vec16(&w, QSP_BYTES_OF(in));
	assert_int_equal(qsp_writer_done(&w), QSP_E_ROOM);
	w = qsp_writer_of(out, sizeof(out));
	qsp_writer_u24(&w, 1u << 24);
	assert_int_equal(qsp_writer_done(&w), QSP_E_ROOM);
	w = qsp_writer_of(out, 8);
	assert_non_null(qsp_writer_room(&w, 3));
	qsp_writer_zero(&w, 5);
	assert_int_equal(qsp_writer_done(&w), QSP_OK);
	assert_null(qsp_writer_room(&w, 1));
	assert_null(qsp_writer_room(&w, 0)); /* it has failed */
}

static void
hex_both_ways(void **state)
{
	static const uint8_t in[] = { 0x00, 0x9f, 0xab };
	char s[2 * sizeof(in) + 1];
	uint8_t out[3];

	(void)state;
	qsp_text_hex(QSP_BYTES_OF(in), s);
	assert_string_equal(s, "009fab");
	assert_int_equal(qsp_text_unhex("009FaB", 6, out, 3), QSP_OK);
	assert_memory_equal(out, in, 3);
	assert_int_equal(qsp_text_unhex("009fa", 5, out, 3), QSP_E_INPUT);
	assert_int_equal(qsp_text_unhex("009fab00", 8, out, 3), QSP_E_INPUT);
	assert_int_equal(qsp_text_unhex("009fag", 6, out, 3), QSP_E_INPUT);
	assert_int_equal(qsp_text_unhex("00 9fa", 6, out, 3), QSP_E_INPUT);
	assert_int_equal(qsp_text_unhex("", 0, out, 0), QSP_OK);
}

/* RFC 4648, section 10 */
static void
base64_of_the_rfc(void **state)
{
	static const char *const plain[] = { "", "f", "fo", "foo", "foob", "fooba", "foobar" };
	static const char *const padded[] = { "",         "Zg==",     "Zm8=",    "Zm9v",
					      "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		char s[QSP_TEXT_BASE64_LEN(6) + 1];
		uint8_t out[6];
		size_t n = sizeof(out);

		qsp_text_base64(qsp_bytes_str(plain[i]), true, s);
		assert_string_equal(s, padded[i]);
		assert_int_equal(qsp_text_unbase64(qsp_bytes_str(s), out, &n), QSP_OK);
		assert_true(qsp_bytes_is(qsp_bytes(out, n), plain[i]));
		qsp_text_base64(qsp_bytes_str(plain[i]), false, s);
		assert_null(strchr(s, '='));
		n = strlen(plain[i]);
		assert_int_equal(qsp_text_unbase64(qsp_bytes_str(s), out, &n), QSP_OK);
		assert_true(qsp_bytes_is(qsp_bytes(out, n), plain[i]));
		if (n > 0) {
			n--;
			assert_int_equal(qsp_text_unbase64(qsp_bytes_str(s), out, &n), QSP_E_ROOM);
		}
	}
}

static void
base64_is_strict(void **state)
{
	static const char *const bad[] = {
		"Z",     "Zg=",      "Zg===", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n",
		"=Zm9v", "Zg==Zm9v", "Z===",  "====", "Zm9-", "Zm9_"
	};
	uint8_t out[8];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		size_t n = sizeof(out);

		if (qsp_text_unbase64(qsp_bytes_str(bad[i]), out, &n) != QSP_E_INPUT)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(n, 0);
	}
}

static void
printable_shows_no_control(void **state)
{
	static const uint8_t in[] = "a\\b\x1b[m\n\t\x7f\xc3\xa9";
	char out[64], tight[6];

	(void)state;
	qsp_text_printable(qsp_bytes(in, sizeof(in) - 1), false, out, sizeof(out));
	assert_string_equal(out, "a\\x5cb\\x1b[m\\x0a\\x09\\x7f\\xc3\\xa9");
	qsp_text_printable(qsp_bytes(in, sizeof(in) - 1), true, out, sizeof(out));
	assert_string_equal(out, "a\\x5cb\\x1b[m\n\t\\x7f\\xc3\\xa9");
	for (size_t cap = 1; cap <= sizeof(tight); cap++) {
		qsp_text_printable(qsp_bytes(in, sizeof(in) - 1), false, tight, cap);
		assert_true(strlen(tight) < cap);
	}
	assert_string_equal(tight, "a\\x5c"); /* no half of an escape */
}

static void
ct_looks_at_every_byte(void **state)
{
	uint8_t a[40] = { 0 }, b[40] = { 0 };

	(void)state;
	assert_true(qsp_ct_equal(a, b, sizeof(a)));
	assert_true(qsp_ct_is_zero(a, sizeof(a)));
	assert_true(qsp_ct_equal(a, b, 0));
	assert_true(qsp_ct_is_zero(a, 0));
	for (size_t bit = 0; bit < 8 * sizeof(a); bit++) {
		b[bit / 8] = (uint8_t)(1u << bit % 8);
		assert_false(qsp_ct_equal(a, b, sizeof(a)));
		assert_false(qsp_ct_is_zero(b, sizeof(b)));
		b[bit / 8] = 0;
	}
}

QSP_SECRET(sample_secret, 16);

static void
memory_is_zeroed_and_wiped(void **state)
{
	struct sample_secret s;
	uint8_t *p = qsp_mem_alloc(100), *none;

	(void)state;
	assert_non_null(p);
	assert_true(qsp_ct_is_zero(p, 100));
	qsp_mem_wipe_free(p, 100);
	qsp_mem_wipe_free(NULL, 100);
	qsp_mem_free(NULL);
	qsp_mem_wipe(NULL, 0);
	memset(&s, 1, sizeof(s));
	sample_secret_wipe(&s);
	assert_true(qsp_ct_is_zero(&s, sizeof(s)));
	none = qsp_mem_copy(QSP_BYTES_NONE);
	assert_non_null(none);
	qsp_mem_free(none);
}

static void
integers_are_big_endian(void **state)
{
	uint8_t p[8];

	(void)state;
	qsp_bytes_put64(p, UINT64_C(0x0102030405060708));
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(p[i], i + 1);
	assert_int_equal(qsp_bytes_get16(p), 0x0102);
	assert_int_equal(qsp_bytes_get32(p), 0x01020304);
	assert_true(qsp_bytes_get64(p) == UINT64_C(0x0102030405060708));
}

static void
every_error_has_a_text(void **state)
{
	(void)state;
	for (qsp_err e = QSP_E_NOTFOUND; e <= QSP_OK; e++) {
		assert_non_null(qsp_err_text(e));
		assert_string_not_equal(qsp_err_text(e), "unknown error");
	}
	assert_string_equal(qsp_err_text(1), "unknown error");
	assert_string_equal(qsp_err_text(QSP_E_NOTFOUND - 1), "unknown error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_refuses_every_truncation),
		cmocka_unit_test(reader_stays_failed),
		cmocka_unit_test(reader_reads_nothing_from_nothing),
		cmocka_unit_test(writer_refuses_every_short_buffer),
		cmocka_unit_test(writer_refuses_what_a_length_cannot_hold),
		cmocka_unit_test(hex_both_ways),
		cmocka_unit_test(base64_of_the_rfc),
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(printable_shows_no_control),
		cmocka_unit_test(ct_looks_at_every_byte),
		cmocka_unit_test(memory_is_zeroed_and_wiped),
		cmocka_unit_test(integers_are_big_endian),
		cmocka_unit_test(every_error_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
