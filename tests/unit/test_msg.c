/* SPDX-License-Identifier: ISC */
/*
 * src/proto/msg.c: every message back from its bytes as it went in, every truncation and one byte
 * too many refused, and what a shape must not be.
 */
#include "proto/msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Whatever a get_ returns, as a row of bytes that put_ makes again. */
typedef qsp_err (*again)(struct qsp_bytes in, struct qsp_writer *w);

static const struct qsp_kem *kem;
static uint8_t room[8192];

static struct qsp_bytes
text(const char *s)
{
	return qsp_bytes_str(s);
}

/* A copy of exactly n bytes on the heap, so that a sanitizer sees one byte too far. */
static qsp_err
try_exact(again f, struct qsp_bytes in, struct qsp_writer *w)
{
	uint8_t *p = malloc(in.n ? in.n : 1), *out = malloc(sizeof(room));
	qsp_err e;

	assert_non_null(p);
	assert_non_null(out);
	if (in.n > 0)
		memcpy(p, in.p, in.n);
	*w = qsp_writer_of(out, sizeof(room));
	e = f(qsp_bytes(p, in.n), w);
	if (!e)
		memcpy(room, out, w->n);
	free(p);
	free(out);
	return e;
}

/* open: what ends with bytes of any number takes one more, and may be cut there (tail of them). */
static void
check(again f, struct qsp_bytes wire, bool open, size_t tail)
{
	uint8_t longer[8192];
	struct qsp_writer w;

	assert_int_equal(try_exact(f, wire, &w), QSP_OK);
	assert_false(w.failed);
	assert_int_equal(w.n, wire.n);
	assert_memory_equal(room, wire.p, wire.n);
	for (size_t n = 0; n < wire.n; n++) {
		qsp_err e = try_exact(f, qsp_bytes(wire.p, n), &w);

		if (open && n >= wire.n - tail)
			assert_int_equal(e, QSP_OK);
		else if (e != QSP_E_INPUT)
			fail_msg("%zu bytes of %zu: %d", n, wire.n, e);
	}
	memcpy(longer, wire.p, wire.n);
	longer[wire.n] = 0;
	assert_int_equal(try_exact(f, qsp_bytes(longer, wire.n + 1), &w),
			 open ? QSP_OK : QSP_E_INPUT);
}

#define AGAIN(name)                                                                                \
	static qsp_err again_##name(struct qsp_bytes in, struct qsp_writer *w)                     \
	{                                                                                          \
		struct qsp_msg_##name m;                                                           \
		qsp_err e = qsp_msg_get_##name(in, &m);                                            \
                                                                                                   \
		if (!e)                                                                            \
			qsp_msg_put_##name(w, &m);                                                 \
		return e;                                                                          \
	}
AGAIN(auth_request)
AGAIN(auth_failure)
AGAIN(server_info)
AGAIN(rekey_done)
AGAIN(close)

static qsp_err
again_prompt(struct qsp_bytes in, struct qsp_writer *w)
{
	struct qsp_prompt m;
	qsp_err e = qsp_msg_get_prompt(in, &m);

	if (!e)
		qsp_msg_put_prompt(w, &m);
	return e;
}

static qsp_err
again_reply(struct qsp_bytes in, struct qsp_writer *w)
{
	struct qsp_reply m;
	qsp_err e = qsp_msg_get_reply(in, &m);

	if (!e)
		qsp_msg_put_reply(w, &m);
	return e;
}

static qsp_err
again_rekey_init(struct qsp_bytes in, struct qsp_writer *w)
{
	struct qsp_msg_rekey_init m;
	qsp_err e = qsp_msg_get_rekey_init(in, kem, &m);

	if (!e)
		qsp_msg_put_rekey_init(w, &m);
	return e;
}

static qsp_err
again_rekey_ack(struct qsp_bytes in, struct qsp_writer *w)
{
	struct qsp_msg_rekey_ack m;
	qsp_err e = qsp_msg_get_rekey_ack(in, kem, &m);

	if (!e)
		qsp_msg_put_rekey_ack(w, &m);
	return e;
}

static qsp_err
again_u64(struct qsp_bytes in, struct qsp_writer *w)
{
	uint64_t v;
	qsp_err e = qsp_msg_get_u64(in, &v);

	qsp_writer_u64(w, v);
	return e;
}

static qsp_err
again_u8(struct qsp_bytes in, struct qsp_writer *w)
{
	uint8_t v;
	qsp_err e = qsp_msg_get_u8(in, &v);

	qsp_writer_u8(w, v);
	return e;
}

static void
flights(void **state)
{
	(void)state;
	for (uint8_t id = 1; id <= 2; id++) {
		uint8_t key[32 + QSP_KEM_EK_MAX], pt[2300];
		size_t lens[] = { 0, qsp_kem_by_id(id)->ek_len };

		memset(key, 0xa5, sizeof(key));
		for (size_t i = 0; i < 2; i++) {
			struct qsp_msg_e1 e1 = { 1,       0x80,  { 3, 1, 2, 0, 0, 9 },
						 1234567, { 7 }, i ? key : NULL },
					  got1;
			struct qsp_msg_e2 e2 = { 1, 3, 2, 0, 99, 1234567, i ? key : NULL }, got2;
			size_t key_len = i ? 32 + lens[i] : 0, need = 32 + lens[i];
			struct qsp_writer w = qsp_writer_of(pt, 2240);

			qsp_msg_put_e1(&w, &e1, lens[i]);
			assert_int_equal(qsp_writer_done(&w), QSP_OK);
			assert_int_equal(w.n, 2240);
			assert_int_equal(qsp_msg_get_e1(qsp_bytes(pt, w.n), lens[i], &got1),
					 QSP_OK);
			assert_int_equal(got1.version, 1);
			assert_int_equal(got1.flags, 0x80);
			assert_memory_equal(got1.aeads, e1.aeads, 6);
			assert_int_equal(got1.unix_ms, 1234567);
			assert_memory_equal(got1.nonce, e1.nonce, 16);
			if (i)
				assert_memory_equal(got1.ek, key, lens[i]);
			else
				assert_null(got1.ek);
			for (size_t n = 0; n < 2240; n++)
				assert_int_equal(qsp_msg_get_e1(qsp_bytes(pt, n), lens[i], &got1),
						 n < need ? QSP_E_INPUT : QSP_OK);
			for (size_t n = need; n < 2240; n++) {
				pt[n] = 0x40;
				assert_int_equal(
					qsp_msg_get_e1(qsp_bytes(pt, 2240), lens[i], &got1),
					QSP_E_INPUT);
				pt[n] = 0;
			}
			w = qsp_writer_of(pt, 2240);
			qsp_msg_put_e2(&w, &e2, key_len);
			assert_int_equal(qsp_writer_done(&w), QSP_OK);
			assert_int_equal(qsp_msg_get_e2(qsp_bytes(pt, w.n), key_len, &got2),
					 QSP_OK);
			assert_int_equal(got2.flags, 3);
			assert_int_equal(got2.aead, 2);
			assert_int_equal(got2.reserved, 0);
			assert_int_equal(got2.session_id, 99);
			assert_int_equal(got2.unix_ms, 1234567);
			if (i)
				assert_memory_equal(got2.host_key, key, key_len);
			need = 20 + key_len;
			for (size_t n = 0; n < 2240; n++)
				assert_int_equal(qsp_msg_get_e2(qsp_bytes(pt, n), key_len, &got2),
						 n < need ? QSP_E_INPUT : QSP_OK);
			pt[need] = 1;
			assert_int_equal(qsp_msg_get_e2(qsp_bytes(pt, 2240), key_len, &got2),
					 QSP_E_INPUT);
		}
	}
}

static void
auth_messages(void **state)
{
	uint8_t buf[1024];
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	struct qsp_msg_auth_request q = { text("alice"), 3, text("body") };
	struct qsp_msg_auth_failure f = { 1, text("\1\2\3") };

	(void)state;
	qsp_msg_put_auth_request(&w, &q);
	check(again_auth_request, qsp_writer_bytes(&w), true, 4);
	w = qsp_writer_of(buf, sizeof(buf));
	q.user = qsp_bytes(room, QSP_USER_MAX);
	qsp_msg_put_auth_request(&w, &q);
	assert_int_equal(qsp_msg_get_auth_request(qsp_writer_bytes(&w), &q), QSP_OK);
	w = qsp_writer_of(buf, sizeof(buf));
	q = (struct qsp_msg_auth_request){ qsp_bytes(room, QSP_USER_MAX + 1), 3, text("body") };
	qsp_msg_put_auth_request(&w, &q);
	assert_int_equal(qsp_msg_get_auth_request(qsp_writer_bytes(&w), &q), QSP_E_INPUT);

	w = qsp_writer_of(buf, sizeof(buf));
	qsp_msg_put_auth_failure(&w, &f);
	check(again_auth_failure, qsp_writer_bytes(&w), false, 0);
	buf[0] = 2; /* partial is a boolean */
	assert_int_equal(qsp_msg_get_auth_failure(qsp_writer_bytes(&w), &f), QSP_E_INPUT);
	assert_int_equal(qsp_msg_get_auth_failure(text("\0"), &f), QSP_E_INPUT);
}

static void
prompts(void **state)
{
	uint8_t buf[1024];
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	struct qsp_prompt p = {
		.name = text("n"),
		.instruction = text("do"),
		.n = 2,
		.text = { text("Password: "), text("") },
		.echo = { false, true },
	};
	struct qsp_reply r = { .n = 2, .text = { text("secret"), text("") } };

	(void)state;
	qsp_msg_put_prompt(&w, &p);
	check(again_prompt, qsp_writer_bytes(&w), false, 0);
	buf[w.n - 1] = 2; /* echo is a boolean */
	assert_int_equal(qsp_msg_get_prompt(qsp_writer_bytes(&w), &p), QSP_E_INPUT);
	w = qsp_writer_of(buf, sizeof(buf));
	qsp_msg_put_reply(&w, &r);
	check(again_reply, qsp_writer_bytes(&w), false, 0);
	for (size_t n = 0; n <= QSP_PROMPTS_MAX; n++) {
		p = (struct qsp_prompt){ .n = n };
		r = (struct qsp_reply){ .n = n };
		w = qsp_writer_of(buf, sizeof(buf));
		qsp_msg_put_prompt(&w, &p);
		check(again_prompt, qsp_writer_bytes(&w), false, 0);
		w = qsp_writer_of(buf, sizeof(buf));
		qsp_msg_put_reply(&w, &r);
		check(again_reply, qsp_writer_bytes(&w), false, 0);
	}
	memset(buf, 0, sizeof(buf));
	buf[4] = QSP_PROMPTS_MAX + 1;
	assert_int_equal(qsp_msg_get_prompt(qsp_bytes(buf, 5 + 3 * 9), &p), QSP_E_INPUT);
	buf[0] = QSP_PROMPTS_MAX + 1;
	buf[4] = 0;
	assert_int_equal(qsp_msg_get_reply(qsp_bytes(buf, 1 + 2 * 9), &r), QSP_E_INPUT);
}

/* TLVs: a cut between two of them is another good message; an unknown one is passed over. */
static void
server_info(void **state)
{
	uint8_t buf[256], secret[QSP_OK_LEN];
	struct qsp_msg_server_info m = { QSP_BYTES_OF(secret), text("key"), text("QSP"),
					 text("sh") },
				   got;
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	size_t n, cuts = 0;

	(void)state;
	memset(secret, 0x5a, sizeof(secret));
	qsp_msg_put_server_info(&w, &m);
	n = w.n;
	for (size_t i = 0; i <= n; i++) {
		qsp_err e = qsp_msg_get_server_info(qsp_bytes(buf, i), &got);
		bool cut = i == 0 || i == 3 + 32 || i == 3 + 32 + 3 + 3 ||
			   i == 3 + 32 + 3 + 3 + 3 + 3 || i == n;

		assert_int_equal(e, cut ? QSP_OK : QSP_E_INPUT);
		cuts += cut;
	}
	assert_int_equal(cuts, 5);
	assert_true(qsp_bytes_equal(got.secret, m.secret));
	assert_true(qsp_bytes_equal(got.host_key, m.host_key));
	assert_true(qsp_bytes_equal(got.software, m.software));
	assert_true(qsp_bytes_equal(got.shaping, m.shaping));
	assert_int_equal(try_exact(again_server_info, qsp_bytes(buf, n), &w), QSP_OK);
	assert_int_equal(w.n, n);
	assert_memory_equal(room, buf, n);
	w = qsp_writer_of(buf, sizeof(buf));
	qsp_writer_u8(&w, 77);
	qsp_writer_vec16(&w, text("of tomorrow"));
	qsp_msg_put_server_info(&w, &m);
	assert_int_equal(qsp_msg_get_server_info(qsp_writer_bytes(&w), &got), QSP_OK);
	assert_true(qsp_bytes_equal(got.software, m.software));
	m.secret.n = 31;
	w = qsp_writer_of(buf, sizeof(buf));
	qsp_msg_put_server_info(&w, &m);
	assert_int_equal(qsp_msg_get_server_info(qsp_writer_bytes(&w), &got), QSP_E_INPUT);
}

static void
rekey_messages(void **state)
{
	uint8_t buf[4096], fill[2048];
	struct qsp_bytes x = { fill, 32 };
	uint32_t epoch;
	uint8_t flags;

	(void)state;
	memset(fill, 0x3c, sizeof(fill));
	for (uint8_t id = 1; id <= 2; id++) {
		for (uint8_t k = 0; k < 2; k++) {
			struct qsp_bytes none = QSP_BYTES_NONE;
			struct qsp_msg_rekey_init i = { k, 7, x, k ? x : none, none };
			struct qsp_msg_rekey_ack a = { k, 7, k ? x : none, none, x };
			struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));

			kem = qsp_kem_by_id(id);
			i.ek = qsp_bytes(fill, k ? kem->ek_len : 0);
			a.ct = qsp_bytes(fill, k ? kem->ct_len : 0);
			qsp_msg_put_rekey_init(&w, &i);
			assert_int_equal(w.n, 37 + (k ? 32u + kem->ek_len : 0));
			check(again_rekey_init, qsp_writer_bytes(&w), false, 0);
			w = qsp_writer_of(buf, sizeof(buf));
			qsp_msg_put_rekey_ack(&w, &a);
			assert_int_equal(w.n, 37 + (k ? 32u + kem->ct_len : 0));
			check(again_rekey_ack, qsp_writer_bytes(&w), false, 0);
			for (size_t n = 0; n <= w.n; n++)
				assert_int_equal(
					qsp_msg_get_rekey_head(qsp_bytes(buf, n), &flags, &epoch),
					n < 5 ? QSP_E_INPUT : QSP_OK);
			assert_int_equal(epoch, 7);
			assert_int_equal(flags, k);
		}
	}
}

static void
other_messages(void **state)
{
	uint8_t buf[300];
	struct qsp_msg_rekey_done d = { 0x01020304, text("proof") };
	struct qsp_msg_close c = { 50, text("why") };
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));

	(void)state;
	qsp_msg_put_rekey_done(&w, &d);
	check(again_rekey_done, qsp_writer_bytes(&w), true, 5);
	w = qsp_writer_of(buf, sizeof(buf));
	qsp_msg_put_close(&w, &c);
	check(again_close, qsp_writer_bytes(&w), true, 3);
	check(again_u64, text("12345678"), false, 0);
	check(again_u8, text("1"), false, 0);
}

/* Kind and length; a writer that failed stays as it is, and what is too long fails. */
static void
heads(void **state)
{
	uint8_t buf[16], *big = malloc(QSP_MSG_LATE_MAX + 16);
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));

	(void)state;
	assert_non_null(big);
	qsp_writer_u8(&w, 0xff);
	qsp_msg_begin(&w, 9);
	qsp_writer_put(&w, text("abc"));
	qsp_msg_end(&w, 1);
	assert_int_equal(w.n, 8);
	assert_memory_equal(buf, "\xff\x09\0\0\3abc", 8);
	w = qsp_writer_of(buf, 5);
	qsp_msg_begin(&w, 9);
	qsp_writer_put(&w, text("abc"));
	qsp_msg_end(&w, 0);
	assert_int_equal(qsp_writer_done(&w), QSP_E_ROOM);
	for (size_t over = 0; over < 2; over++) {
		w = qsp_writer_of(big, QSP_MSG_LATE_MAX + 16);
		qsp_msg_begin(&w, 9);
		qsp_writer_zero(&w, QSP_MSG_LATE_MAX + over);
		qsp_msg_end(&w, 0);
		assert_int_equal(qsp_writer_done(&w), over ? QSP_E_ROOM : QSP_OK);
	}
	assert_memory_equal(big, "\x09\0\0\0", 4);
	free(big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flights),        cmocka_unit_test(auth_messages),
		cmocka_unit_test(prompts),        cmocka_unit_test(server_info),
		cmocka_unit_test(rekey_messages), cmocka_unit_test(other_messages),
		cmocka_unit_test(heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
