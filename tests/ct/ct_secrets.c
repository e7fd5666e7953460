/* SPDX-License-Identifier: ISC */
/*
 * Does time depend on secrets? Secrets are marked as undefined memory, and valgrind's memcheck
 * reports every branch and every address that depends on them (as in ctgrind, Langley 2010).
 *
 *	ct_secrets CASE     run under valgrind by run.sh; CASE "leak" must be reported
 *
 * Kemeleon and Elligator2 are not here: what they encode is public, or masked by keys that do not
 * depend on it (their headers say so).
 */
#include "base/ct.h"
#include "crypto/kem.h"
#include "crypto/x25519.h"
#include "proto/engine.h"
#include "proto/flight.h"
#include "proto/worker.h"
#include "seeded.h"

#include <stdio.h>
#include <stdlib.h>
#include <valgrind/memcheck.h>

#define SECRET(p, n) ((void)VALGRIND_MAKE_MEM_UNDEFINED(p, n))
#define PUBLIC(p, n) ((void)VALGRIND_MAKE_MEM_DEFINED(p, n))

static struct qsp_crypto *cx;
static struct seeded source = { .state = 1 };

static void
must(bool ok)
{
	if (!ok) {
		fprintf(stderr, "ct_secrets: a call failed\n");
		exit(1);
	}
}

static void
draw(uint8_t *p, size_t n)
{
	must(seeded_random(&source, p, n) == 0);
	SECRET(p, n);
}

/* What every case must not do: the control. */
static bool
early_exit(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static void
leak(void)
{
	uint8_t a[32], b[32];

	draw(a, sizeof(a));
	draw(b, sizeof(b));
	printf("%d\n", early_exit(a, b, sizeof(a)) ? 1 : 2);
}

/* The verdicts are public; how they come about is not. */
static void
comparisons(void)
{
	for (size_t n = 0; n <= 80; n++) {
		uint8_t a[80], b[80];
		bool equal, zero, same;

		draw(a, sizeof(a));
		draw(b, sizeof(b));
		equal = qsp_ct_equal(a, b, n);
		memcpy(b, a, sizeof(b));
		same = qsp_ct_equal(a, b, n);
		zero = qsp_ct_is_zero(a, n);
		PUBLIC(&equal, sizeof(equal));
		PUBLIC(&same, sizeof(same));
		PUBLIC(&zero, sizeof(zero));
		must(same && equal == (n == 0) && zero == (n == 0));
	}
}

static void
transcript(void)
{
	for (uint8_t id = 1; id <= 2; id++) {
		const struct qsp_kem *kem = qsp_kem_by_id(id);
		static const uint8_t sid[32] = { 1 };
		uint8_t ok[32], z[32], out[QSP_HASH_MAX], slot[QSP_KEM_SLOT_MAX];
		uint8_t e[QSP_E_MAX + 32], pt[QSP_E_MAX];
		struct qsp_transcript t, u;

		draw(ok, sizeof(ok));
		draw(z, sizeof(z));
		draw(slot, sizeof(slot));
		draw(e, sizeof(e));
		t = qsp_transcript_start(cx, kem, 2, sid, 0, ok);
		qsp_transcript_mix_hash(&t, QSP_BYTES_OF(sid));
		qsp_transcript_mix_key(&t, z);
		qsp_transcript_key(&t, "epoch 0", out, t.len);
		qsp_transcript_mac(&t, "fin s", out);
		u = t;
		qsp_flight_mask(&t, "m1 slot", slot);
		qsp_flight_seal(&t, "m1 enc", "m1 mac", e, QSP_E_LEN(kem));
		must(t.err == 0);
		qsp_flight_mask(&u, "m1 slot", slot);
		must(qsp_flight_open(&u, "m1 enc", "m1 mac", e, QSP_E_LEN(kem), pt) == 0);
	}
}

static void
schedule(void)
{
	for (uint8_t id = 1; id <= 2; id++) {
		const struct qsp_kem *kem = qsp_kem_by_id(id);
		uint8_t psk[32], ok[32], dh[32], ss[32], r_c[32] = { 1 }, mark[QSP_MARK_LEN];
		uint8_t confirm[32], done[QSP_HASH_MAX], out[100];
		struct qsp_rekey_inputs in = { .material = QSP_BYTES_OF(r_c),
					       .init = QSP_BYTES_OF(r_c) };
		struct qsp_key32 mark_key;
		struct qsp_es es, prk, next;
		struct qsp_aead_keys keys;

		draw(psk, sizeof(psk));
		draw(dh, sizeof(dh));
		draw(ss, sizeof(ss));
		draw(es.b, sizeof(es.b));
		in.dh = QSP_BYTES_OF(dh);
		in.ss = QSP_BYTES_OF(ss);
		must(qsp_schedule_ok_psk(cx, psk, ok) == 0);
		must(qsp_schedule_mark_key(cx, ok, dh, 2, id, &mark_key) == 0);
		must(qsp_schedule_mark(cx, &mark_key, r_c, 500000, mark) == 0);
		for (uint8_t aead = 1; aead <= 3; aead++)
			must(qsp_schedule_keys(cx, kem, qsp_aead_by_id(aead), &es, 1, &keys) == 0);
		must(qsp_schedule_rekey_prk(cx, kem, &es, &in, &prk, confirm) == 0);
		must(qsp_schedule_rekey_next(cx, kem, &prk, QSP_BYTES_OF(r_c), QSP_BYTES_OF(r_c),
					     &next) == 0);
		must(qsp_schedule_rekey_done(cx, kem, &next, done) == 0);
		must(qsp_schedule_export(cx, kem, &es, QSP_BYTES_OF(r_c), QSP_BYTES_OF(r_c), out,
					 sizeof(out)) == 0);
	}
}

/* Whether a tag is right is what the peer may learn; how the comparison got there is not. */
bool __real_qsp_ct_equal(const void *a, const void *b, size_t n);
bool __wrap_qsp_ct_equal(const void *a, const void *b, size_t n);

bool
__wrap_qsp_ct_equal(const void *a, const void *b, size_t n)
{
	bool verdict = __real_qsp_ct_equal(a, b, n);

	PUBLIC(&verdict, sizeof(verdict));
	return verdict;
}

/* Cells are sealed whole; of opening, the cipher: what comes out is parsed, which is no secret's
 * doing. */
static void
records(void)
{
	for (uint8_t aead = 1; aead <= 3; aead++) {
		struct qsp_worker *w;
		struct qsp_conn c = { .kem = qsp_kem_by_id(1), .aead = qsp_aead_by_id(aead) };
		uint8_t payload[700], cell[QSP_CELL_LEN], dir = 0, nonce[12] = { 0 };
		size_t n, pt_len = (size_t)QSP_CELL_LEN - c.aead->tag_len;
		struct qsp_aead_ctx *x;

		must(qsp_worker_new(cx, &w) == 0);
		c.worker = w;
		c.wire = &qsp_cell_format;
		draw(c.tx.keys.enc, sizeof(c.tx.keys.enc));
		draw(c.tx.keys.mac, sizeof(c.tx.keys.mac));
		draw(payload, sizeof(payload));
		qsp_worker_adopt(w, &c.tx);
		must(c.wire->seal(&c, (struct qsp_now){ 0 }, QSP_TYPE_DATA, payload,
				  sizeof(payload), cell, &n) == 0);
		PUBLIC(cell, sizeof(cell)); /* it is on the wire now */
		must(qsp_worker_opener(w, c.aead, &c.tx, &x) == 0);
		must(c.aead->open(x, nonce, qsp_bytes(&dir, 1), cell, pt_len, cell + pt_len,
				  cell) == 0);
		qsp_worker_free(w);
	}
}

static void
private_keys(void)
{
	for (uint8_t id = 1; id <= 2; id++) {
		const struct qsp_kem *kem = qsp_kem_by_id(id);
		uint8_t priv[32], pub[32], shared[32], seed[QSP_KEM_SEED_LEN], random[32] = { 3 };
		uint8_t ek[QSP_KEM_EK_MAX], ct[QSP_KEM_CT_MAX], ss[32];
		struct qsp_kem_key *key;

		draw(priv, sizeof(priv));
		must(qsp_x25519_public(cx, priv, pub) == 0);
		PUBLIC(pub, sizeof(pub));
		must(qsp_x25519_dh(cx, priv, pub, shared) == 0);
		draw(seed, sizeof(seed));
		must(qsp_kem_key_new(cx, kem, seed, ek, &key) == 0);
		PUBLIC(ek, sizeof(ek));
		must(qsp_kem_encaps(cx, kem, ek, random, ct, ss) == 0);
		PUBLIC(ct, sizeof(ct));
		must(qsp_kem_decaps(cx, kem, key, ct, ss) == 0);
		qsp_kem_key_free(key);
	}
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "leak", leak },
		{ "comparisons", comparisons },
		{ "transcript", transcript },
		{ "schedule", schedule },
		{ "records", records },
		{ "private_keys", private_keys },
	};

	if (argc != 2 || qsp_crypto_new(seeded_random, &source, &cx) != 0)
		return 2;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			qsp_crypto_free(cx);
			return 0;
		}
	}
	return 2;
}
