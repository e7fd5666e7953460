/* SPDX-License-Identifier: ISC */
/* The agent without its socket: what it answers, to whom, and that it is no oracle (docs/agent.md). */
#include "app/agent.h"

#include "crypto/hash.h"
#include "crypto/kem.h"
#include "crypto/x25519.h"
#include "proto/proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROOM (4 + QSP_AGENT_ANSWER_MAX)

struct fixture {
	struct qsp_crypto *cx;
	struct qsp_agent_seeds seeds;
	struct qsp_agent *agent;
	struct qsp_agent_peer peer;
	struct qsp_key *kem, *sig;
	qsp_time now, late;
	enum qsp_agent_verdict verdict;
	char question[QSP_AGENT_QUESTION_MAX];
	uint8_t out[ROOM], request[4 + QSP_AGENT_REQUEST_MAX];
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(qsp_crypto_new(NULL, NULL, &f->cx), 0);
	assert_int_equal(qsp_agent_new(f->cx, &f->seeds, 0, &f->agent), 0);
	assert_int_equal(qsp_key_generate(f->cx, QSP_KEY_MLKEM768X25519, &f->kem), 0);
	assert_int_equal(qsp_key_generate(f->cx, QSP_KEY_ML_DSA_65, &f->sig), 0);
	f->now = 5000;
	f->peer.pid = 77;
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	qsp_agent_free(f->agent);
	for (size_t i = 0; i < sizeof(f->seeds); i++)
		assert_int_equal(((const uint8_t *)&f->seeds)[i], 0);
	qsp_key_free(f->kem);
	qsp_key_free(f->sig);
	qsp_crypto_free(f->cx);
	free(f);
	return 0;
}

static struct qsp_bytes
ask_bytes(struct fixture *f, struct qsp_bytes request, bool allowed)
{
	struct qsp_agent_call call = { .now = f->now, .request = request, .allowed = allowed };
	struct qsp_writer w = qsp_writer_of(f->out, sizeof(f->out));

	f->verdict = qsp_agent_answer(f->agent, &f->peer, &call, &w);
	f->late = call.late;
	memcpy(f->question, call.question, sizeof(f->question));
	if (f->verdict == QSP_AGENT_ASK)
		return QSP_BYTES_NONE;
	assert_true(w.n > 4);
	assert_int_equal(qsp_bytes_get32(f->out), w.n - 4);
	return qsp_bytes(f->out + 4, w.n - 4);
}

static struct qsp_bytes
ask(struct fixture *f, const struct qsp_agent_msg *m)
{
	struct qsp_writer w = qsp_writer_of(f->request, sizeof(f->request));

	qsp_agent_msg_put(&w, m);
	assert_int_equal(qsp_writer_done(&w), 0);
	return ask_bytes(f, qsp_bytes(f->request + 4, w.n - 4), false);
}

static void
expect(struct fixture *f, const struct qsp_agent_msg *m, uint8_t type)
{
	struct qsp_bytes got = ask(f, m);

	assert_int_equal(f->verdict, QSP_AGENT_DONE);
	assert_int_equal(got.p[0], type);
}

static void
add(struct fixture *f, const struct qsp_key *key, uint32_t lifetime, bool confirm, uint8_t answer)
{
	uint8_t seed[QSP_KEY_SEED_MAX], type = qsp_key_get_public(key)->blob[0];
	struct qsp_agent_msg m = { .type = QSP_AGENT_ADD_CONSTRAINED,
				   .key_type = type,
				   .seed = { seed, qsp_key_seed_len(type) },
				   .comment = qsp_bytes_str("a comment"),
				   .lifetime = lifetime,
				   .confirm = confirm };

	qsp_key_get_seed(key, seed);
	expect(f, &m, answer);
}

static size_t
count(struct fixture *f)
{
	struct qsp_agent_msg m = { .type = QSP_AGENT_REQUEST_IDENTITIES };
	struct qsp_agent_identity id;
	struct qsp_agent_list list;
	size_t n = 0;

	assert_int_equal(qsp_agent_msg_get_list(ask(f, &m), &list), 0);
	while (qsp_agent_msg_next(&list, &id)) {
		assert_true(qsp_bytes_is(id.comment, "a comment"));
		n++;
	}
	assert_int_equal(qsp_reader_done(&list.r), 0);
	return n;
}

/* A challenge whose secrets are known here, and the ck that it must come to. */
struct challenge {
	uint8_t point[32], ct[QSP_KEM_CT_MAX], ck[QSP_CK_MAX];
	struct qsp_agent_msg m;
	struct qsp_transcript want;
};

static void
challenge(struct fixture *f, uint8_t suite, struct challenge *c)
{
	const struct qsp_key_public *pub = qsp_key_get_public(f->kem);
	uint8_t y[32] = { 9 }, dh[32];
	struct qsp_key32 ss;
	size_t n;

	memset(c, 0, sizeof(*c));
	c->want.cx = f->cx;
	c->want.kem = qsp_kem_by_id(suite);
	c->want.len = (uint8_t)qsp_hash_len(c->want.kem->hash);
	memset(c->want.ck.b, 0x5a, c->want.len);
	memcpy(c->ck, c->want.ck.b, sizeof(c->ck));
	assert_int_equal(qsp_x25519_public(f->cx, y, c->point), 0);
	assert_int_equal(qsp_x25519_dh(f->cx, y, pub->blob + 1, dh), 0);
	assert_int_equal(qsp_proof_challenge(f->cx, pub, c->ct, &n, &ss), 0);
	qsp_transcript_mix_key(&c->want, dh);
	qsp_transcript_mix_key(&c->want, ss.b);
	c->m = (struct qsp_agent_msg){ .type = QSP_AGENT_EXTENSION,
				       .ext = QSP_AGENT_EXT_KEM_MIX,
				       .suite = suite,
				       .key_id = QSP_BYTES_OF(pub->id),
				       .ck = { c->ck, c->want.len },
				       .point = QSP_BYTES_OF(c->point),
				       .ct = { c->ct, n } };
}

/* ck after both, under either suite's hash, whatever the key's type names. */
static void
mixes(void **state)
{
	struct fixture *f = *state;
	struct qsp_bytes got;
	struct challenge c;

	add(f, f->kem, 0, false, QSP_AGENT_SUCCESS);
	for (uint8_t suite = 1; suite <= 2; suite++) {
		challenge(f, suite, &c);
		assert_int_equal(qsp_agent_msg_get_mixed(ask(f, &c.m), &got), 0);
		assert_int_equal(got.n, c.want.len);
		assert_memory_equal(got.p, c.want.ck.b, got.n);
	}
}

/* Anything but a challenge in full gets nothing. */
static void
mixes_nothing_else(void **state)
{
	static const uint8_t zero[32];
	struct fixture *f = *state;
	struct challenge c;
	struct qsp_bytes whole;

	challenge(f, 1, &c);
	expect(f, &c.m, QSP_AGENT_EXTENSION_FAILURE); /* no such key */
	add(f, f->kem, 0, false, QSP_AGENT_SUCCESS);
	c.m.ck.n = 0;
	expect(f, &c.m, QSP_AGENT_EXTENSION_FAILURE);
	c.m.ck.n = 31;
	expect(f, &c.m, QSP_AGENT_EXTENSION_FAILURE);
	c.m.ck.n = 48; /* of the other suite */
	expect(f, &c.m, QSP_AGENT_EXTENSION_FAILURE);
	c.m.ck.n = 32;
	c.m.suite = 3;
	expect(f, &c.m, QSP_AGENT_EXTENSION_FAILURE);
	c.m.suite = 1;
	c.m.ct.n--;
	expect(f, &c.m, QSP_AGENT_EXTENSION_FAILURE);
	c.m.ct.n = 0; /* the DH by itself is not to be had */
	expect(f, &c.m, QSP_AGENT_EXTENSION_FAILURE);
	challenge(f, 1, &c);
	c.m.point = QSP_BYTES_OF(zero); /* nor ss under a DH that is known */
	expect(f, &c.m, QSP_AGENT_EXTENSION_FAILURE);
	c.m.point = qsp_bytes(c.point, 31);
	expect(f, &c.m, QSP_AGENT_EXTENSION_FAILURE);
	challenge(f, 1, &c);
	add(f, f->sig, 0, false, QSP_AGENT_SUCCESS);
	c.m.key_id = QSP_BYTES_OF(qsp_key_get_public(f->sig)->id);
	expect(f, &c.m, QSP_AGENT_EXTENSION_FAILURE); /* not a KEM's */

	/* every shorter request, and one byte too many */
	challenge(f, 1, &c);
	(void)ask(f, &c.m);
	whole = qsp_bytes(f->request + 4, qsp_bytes_get32(f->request));
	assert_int_equal(ask_bytes(f, whole, false).p[0], QSP_AGENT_EXTENSION_RESPONSE);
	for (size_t n = 1; n < whole.n; n += 7)
		assert_int_equal(ask_bytes(f, qsp_bytes(whole.p, n), false).p[0],
				 QSP_AGENT_EXTENSION_FAILURE);
	f->request[4 + whole.n] = 0;
	assert_int_equal(ask_bytes(f, qsp_bytes(whole.p, whole.n + 1), false).p[0],
			 QSP_AGENT_EXTENSION_FAILURE);
}

static void
signs_logins_alone(void **state)
{
	struct fixture *f = *state;
	const struct qsp_key_public *pub = qsp_key_get_public(f->sig);
	uint8_t h[48] = { 1 }, message[QSP_PROOF_SIGNED_MAX];
	struct qsp_agent_msg m = { .type = QSP_AGENT_SIGN_REQUEST, .key = { pub->blob, pub->len } };
	struct qsp_bytes got;

	add(f, f->sig, 0, false, QSP_AGENT_SUCCESS);
	add(f, f->kem, 0, false, QSP_AGENT_SUCCESS);
	for (size_t n = 32; n <= 48; n += 16) {
		m.data = qsp_proof_signed(qsp_bytes(h, n), message);
		assert_int_equal(qsp_agent_msg_get_signature(ask(f, &m), &got), 0);
		assert_int_equal(qsp_proof_check_signature(f->cx, pub, qsp_bytes(h, n), got), 0);
	}
	m.flags = 2;
	expect(f, &m, QSP_AGENT_FAILURE);
	m.flags = 0;
	m.data.n--;
	expect(f, &m, QSP_AGENT_FAILURE);
	message[0] ^= 1;
	m.data.n++;
	expect(f, &m, QSP_AGENT_FAILURE);
	m.data = qsp_bytes_str("a document");
	expect(f, &m, QSP_AGENT_FAILURE);
	m.data = qsp_proof_signed(qsp_bytes(h, 32), message);
	pub = qsp_key_get_public(f->kem);
	m.key = qsp_bytes(pub->blob, pub->len);
	expect(f, &m, QSP_AGENT_FAILURE);
}

static void
confirmation(void **state)
{
	struct fixture *f = *state;
	struct challenge c;

	add(f, f->kem, 0, true, QSP_AGENT_SUCCESS);
	challenge(f, 1, &c);
	(void)ask(f, &c.m);
	assert_int_equal(f->verdict, QSP_AGENT_ASK);
	assert_non_null(strstr(f->question, "a comment"));
	assert_non_null(strstr(f->question, "SHA3:"));
	assert_non_null(strstr(f->question, "Process 77"));
	assert_int_equal(
		ask_bytes(f, qsp_bytes(f->request + 4, qsp_bytes_get32(f->request)), true).p[0],
		QSP_AGENT_EXTENSION_RESPONSE);
	/* a request that fails anyway asks nobody */
	c.m.key_id = QSP_BYTES_OF(qsp_key_get_public(f->sig)->id);
	expect(f, &c.m, QSP_AGENT_EXTENSION_FAILURE);
	/* the same key, put in anew without */
	add(f, f->kem, 0, false, QSP_AGENT_SUCCESS);
	assert_int_equal(count(f), 1);
	challenge(f, 1, &c);
	expect(f, &c.m, QSP_AGENT_EXTENSION_RESPONSE);
}

static void
lifetimes(void **state)
{
	struct fixture *f = *state;

	add(f, f->kem, 10, false, QSP_AGENT_SUCCESS);
	add(f, f->sig, 0, false, QSP_AGENT_SUCCESS);
	assert_int_equal(qsp_agent_expire(f->agent, f->now), f->now + 10000);
	f->now += 9999;
	assert_int_equal(count(f), 2);
	f->now += 1;
	assert_int_equal(count(f), 1);
	assert_int_equal(qsp_agent_expire(f->agent, f->now), UINT64_MAX);
}

static void
locked(void **state)
{
	struct fixture *f = *state;
	struct qsp_agent_msg lock = { .type = QSP_AGENT_LOCK, .data = qsp_bytes_str("sesame") };
	struct qsp_agent_msg unlock = { .type = QSP_AGENT_UNLOCK, .data = qsp_bytes_str("no") };
	struct qsp_agent_msg all = { .type = QSP_AGENT_REMOVE_ALL };
	struct challenge c;
	qsp_time until = 0;

	add(f, f->kem, 0, false, QSP_AGENT_SUCCESS);
	expect(f, &unlock, QSP_AGENT_FAILURE); /* it is not locked */
	expect(f, &lock, QSP_AGENT_SUCCESS);
	expect(f, &lock, QSP_AGENT_FAILURE);
	assert_int_equal(count(f), 0);
	challenge(f, 1, &c);
	expect(f, &c.m, QSP_AGENT_EXTENSION_FAILURE);
	expect(f, &all, QSP_AGENT_FAILURE);
	add(f, f->sig, 0, false, QSP_AGENT_FAILURE);
	/* wrong ones are answered later and later; meanwhile none is looked at */
	for (qsp_time late = 100, i = 0; i<9; i++, late = late> 5000 ? 10000 : 2 * late) {
		assert_int_equal(ask(f, &unlock).p[0], QSP_AGENT_FAILURE);
		assert_int_equal(f->verdict, QSP_AGENT_LATE);
		assert_int_equal(f->late, f->now + late);
		until = f->late;
		unlock.data = lock.data;
		expect(f, &unlock, QSP_AGENT_FAILURE);
		unlock.data = qsp_bytes_str("no");
		f->now = until;
	}
	unlock.data = lock.data;
	expect(f, &unlock, QSP_AGENT_SUCCESS);
	assert_int_equal(count(f), 1);
}

static void
through_a_forwarding(void **state)
{
	struct fixture *f = *state;
	struct qsp_agent_msg m = { .type = QSP_AGENT_EXTENSION,
				   .ext = QSP_AGENT_EXT_FORWARDED,
				   .host = qsp_bytes_str("gate\x1b") };
	struct qsp_agent_msg all = { .type = QSP_AGENT_REMOVE_ALL };
	struct qsp_agent_msg lock = { .type = QSP_AGENT_LOCK };
	struct challenge c;

	add(f, f->kem, 0, true, QSP_AGENT_SUCCESS);
	expect(f, &m, QSP_AGENT_SUCCESS);
	m.host = qsp_bytes_str("behind");
	expect(f, &m, QSP_AGENT_SUCCESS);
	expect(f, &all, QSP_AGENT_FAILURE);
	expect(f, &lock, QSP_AGENT_FAILURE);
	add(f, f->sig, 0, false, QSP_AGENT_FAILURE);
	assert_int_equal(count(f), 1);
	challenge(f, 1, &c);
	(void)ask(f, &c.m);
	assert_int_equal(f->verdict, QSP_AGENT_ASK);
	assert_non_null(strstr(f->question, "gate\\x1b, then behind"));
	/* however often it is said */
	for (int i = 0; i < 100; i++)
		expect(f, &m, QSP_AGENT_SUCCESS);
}

static void
full(void **state)
{
	struct fixture *f = *state;
	struct qsp_key *key;

	for (int i = 0; i <= QSP_AGENT_KEYS_MAX; i++) {
		assert_int_equal(qsp_key_generate(f->cx, QSP_KEY_ML_DSA_87, &key), 0);
		add(f, key, 0, false,
		    i < QSP_AGENT_KEYS_MAX ? QSP_AGENT_SUCCESS : QSP_AGENT_FAILURE);
		qsp_key_free(key);
	}
	assert_int_equal(count(f), QSP_AGENT_KEYS_MAX); /* the list of all fits an answer */
}

static void
garbage(void **state)
{
	struct fixture *f = *state;
	uint8_t one[1];

	assert_int_equal(ask_bytes(f, QSP_BYTES_NONE, false).p[0], QSP_AGENT_FAILURE);
	for (unsigned type = 0; type < 256; type++) {
		one[0] = (uint8_t)type;
		if (type == QSP_AGENT_REQUEST_IDENTITIES || type == QSP_AGENT_REMOVE_ALL)
			continue;
		assert_int_equal(ask_bytes(f, QSP_BYTES_OF(one), false).p[0],
				 type == QSP_AGENT_EXTENSION ? QSP_AGENT_EXTENSION_FAILURE
							     : QSP_AGENT_FAILURE);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(mixes),
		TEST(mixes_nothing_else),
		TEST(signs_logins_alone),
		TEST(confirmation),
		TEST(lifetimes),
		TEST(locked),
		TEST(full),
		TEST(through_a_forwarding),
		TEST(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
