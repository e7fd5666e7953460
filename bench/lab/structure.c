/* SPDX-License-Identifier: ISC */
/*
 * Looks in 3840-byte messages for what hides behind bytes that look uniform [P4.1], and writes counts
 * for bench/lab/structure.py to judge, as JSON:
 *
 *   structure FILE SLOT_AT POINTS SCORES
 *
 * - below_q: how many 12-bit numbers that begin in the low or the high half of each byte are below q;
 *   whole_ek: messages in which somewhere 768 such numbers stand behind each other, as in an ek
 * - ct_D: the summed log-likelihood, from each offset, of 768 (D = 10) or 1024 (D = 11) numbers of D
 *   bits being coefficients of an ML-KEM ciphertext; those of SLOT_AT go to SCORES, doubles, D = 10 first
 * - torsion: of the points behind the first POINTS messages, how many have l P = 0, of order 2, of
 *   order 4, of order 8 with the smaller u and with the larger
 */
#include "bench.h"
#include "crypto/elligator2.h"
#include "crypto/fe25519.h"
#include "crypto/kemeleon.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEN 3840
#define Q 3329
#define COEFFICIENTS 768
#define D_MAX 11

/* --- ranges ---------------------------------------------------------------------------------- */

static uint64_t below_q[2][LEN];
static uint64_t whole_ek;

static void
look_for_ek(const uint8_t *m)
{
	bool whole = false;

	for (size_t at = 0; at < 3; at++) {
		size_t run = 0;

		for (size_t i = at; i + 2 < LEN; i += 3) {
			unsigned low = m[i] | (m[i + 1] & 15u) << 8,
				 high = m[i + 1] >> 4 | m[i + 2] << 4;

			below_q[0][i] += low < Q;
			below_q[1][i] += high < Q;
			run = low < Q ? run + 1 : 0;
			whole |= run >= COEFFICIENTS;
			run = high < Q ? run + 1 : 0;
			whole |= run >= COEFFICIENTS;
		}
	}
	whole_ek += whole;
}

/* --- ciphertexts ----------------------------------------------------------------------------- */

struct ct {
	unsigned d;
	size_t n;                  /* coefficients of u */
	double weight[1 << D_MAX]; /* log of how much likelier a value is in u than by chance */
	double mean, variance;     /* of a weight, by chance */
	double sum[LEN];           /* by offset, over the messages */
};
static struct ct cts[2] = { { .d = 10, .n = 768 }, { .d = 11, .n = 1024 } };

static void
weigh(struct ct *c)
{
	unsigned values = 1u << c->d;

	for (unsigned y = 0; y < values; y++) {
		uint16_t first, count;

		qsp_kemeleon_preimages((uint16_t)y, c->d, &first, &count);
		c->weight[y] = log((double)count * values / Q);
		c->mean += c->weight[y] / values;
		c->variance += c->weight[y] * c->weight[y] / values;
	}
	c->variance -= c->mean * c->mean;
}

/* The d bits at bit `i`, least significant first. */
static unsigned
bits_at(const uint8_t *m, size_t i, unsigned d)
{
	const uint8_t *p = m + i / 8;
	uint32_t w = p[0] | (uint32_t)p[1] << 8 | (i / 8 + 2 < LEN ? (uint32_t)p[2] << 16 : 0);

	return w >> (i % 8) & ((1u << d) - 1);
}

/* Offsets that differ by d bytes, eight coefficients, share their numbers: running sums. */
static double
look_for_ct(struct ct *c, const uint8_t *m, size_t slot_at)
{
	static double before[LEN * 8 / 10 + 9];
	double score = 0;

	for (size_t at = 0; at < c->d; at++) {
		size_t n = 0;

		for (size_t i = 8 * at; i + c->d <= 8 * LEN; i += c->d, n++)
			before[n + 1] = before[n] + c->weight[bits_at(m, i, c->d)];
		for (size_t i = 0, o = at; i + c->n <= n; i += 8, o += c->d) {
			double s = before[i + c->n] - before[i];

			c->sum[o] += s;
			if (o == slot_at)
				score = s;
		}
	}
	return score;
}

/* --- points ---------------------------------------------------------------------------------- */

typedef struct qsp_fe25519 fe;

/* l, the order of the base point, least significant byte first */
static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
				   0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };

/* RFC 7748's ladder with any scalar: u of l times the point, as X/Z. */
static void
times_order(fe u, fe *x, fe *z)
{
	fe x2 = qsp_fe25519_small(1), z2 = qsp_fe25519_small(0), x3 = u, z3 = qsp_fe25519_small(1);
	const fe a24 = qsp_fe25519_small(121665);

	for (int t = 252; t >= 0; t--) {
		bool bit = order[t / 8] >> (t % 8) & 1;
		fe xa = bit ? x3 : x2, za = bit ? z3 : z2, xb = bit ? x2 : x3, zb = bit ? z2 : z3;
		fe a = qsp_fe25519_add(xa, za), b = qsp_fe25519_sub(xa, za);
		fe aa = qsp_fe25519_square(a), bb = qsp_fe25519_square(b);
		fe e = qsp_fe25519_sub(aa, bb);
		fe da = qsp_fe25519_mul(qsp_fe25519_sub(xb, zb), a);
		fe cb = qsp_fe25519_mul(qsp_fe25519_add(xb, zb), b);
		fe xs = qsp_fe25519_square(qsp_fe25519_add(da, cb));
		fe zs = qsp_fe25519_mul(u, qsp_fe25519_square(qsp_fe25519_sub(da, cb)));
		fe xd = qsp_fe25519_mul(aa, bb);
		fe zd = qsp_fe25519_mul(e, qsp_fe25519_add(aa, qsp_fe25519_mul(a24, e)));

		x2 = bit ? xs : xd;
		z2 = bit ? zs : zd;
		x3 = bit ? xd : xs;
		z3 = bit ? zd : zs;
	}
	*x = x2;
	*z = z2;
}

static uint64_t torsion[5];

static void
classify(const uint8_t *m)
{
	uint8_t u[32], bytes[32];
	fe x, z, inverse;

	if (qsp_elligator2_map(m, u) != 0)
		return;
	times_order(qsp_fe25519_get(u), &x, &z);
	if (qsp_fe25519_is_zero(z)) {
		torsion[0]++;
		return;
	}
	if (qsp_fe25519_is_zero(x)) {
		torsion[1]++;
		return;
	}
	(void)qsp_fe25519_invsqrt(z, NULL, &inverse);
	x = qsp_fe25519_mul(x, inverse);
	if (qsp_fe25519_is_zero(qsp_fe25519_sub(x, qsp_fe25519_small(1)))) {
		torsion[2]++;
		return;
	}
	qsp_fe25519_put(x, bytes);
	/* the two u of order 8 end in these bytes */
	bench_need(bytes[31] == 0x00 || bytes[31] == 0x57, "a point of the 8-torsion");
	torsion[bytes[31] == 0x00 ? 3 : 4]++;
}

/* --- the file -------------------------------------------------------------------------------- */

static void
write_counts(const char *name, const uint64_t *v, size_t n)
{
	printf("\"%s\": [", name);
	for (size_t i = 0; i < n; i++)
		printf("%s%" PRIu64, i ? ", " : "", v[i]);
	printf("]");
}

static void
write_ct(const struct ct *c)
{
	size_t last = LEN - c->n * c->d / 8;

	printf(", \"ct_%u\": {\"coefficients\": %zu, \"mean\": %.12g, \"variance\": %.12g, "
	       "\"sum\": [",
	       c->d, c->n, c->mean, c->variance);
	for (size_t o = 0; o <= last; o++)
		printf("%s%.9g", o ? ", " : "", c->sum[o]);
	printf("]}");
}

int
main(int argc, char **argv)
{
	static uint8_t m[LEN];
	unsigned long n = 0, points;
	size_t slot_at;
	FILE *in, *out;

	bench_need(argc == 5, "usage: structure FILE SLOT_AT POINTS SCORES");
	in = fopen(argv[1], "rb");
	bench_need(in != NULL, argv[1]);
	slot_at = strtoul(argv[2], NULL, 10);
	points = strtoul(argv[3], NULL, 10);
	out = fopen(argv[4], "wb");
	bench_need(out != NULL, argv[4]);
	weigh(&cts[0]);
	weigh(&cts[1]);
	for (; fread(m, LEN, 1, in) == 1; n++) {
		double score[2] = { look_for_ct(&cts[0], m, slot_at),
				    look_for_ct(&cts[1], m, slot_at) };

		bench_need(fwrite(score, sizeof(score), 1, out) == 1, "write");
		look_for_ek(m);
		if (n < points)
			classify(m);
	}
	fclose(in);
	bench_need(fclose(out) == 0, "close");
	printf("{\"messages\": %lu, \"whole_ek\": %" PRIu64 ", ", n, whole_ek);
	write_counts("below_q_low", below_q[0], LEN - 2);
	printf(", ");
	write_counts("below_q_high", below_q[1], LEN - 2);
	printf(", ");
	write_counts("torsion", torsion, 5);
	write_ct(&cts[0]);
	write_ct(&cts[1]);
	printf("}\n");
	return 0;
}
