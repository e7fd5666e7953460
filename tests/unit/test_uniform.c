/* SPDX-License-Identifier: ISC */
/*
 * What an observer who holds no key sees: bytes without a pattern, in cells. 2,000 handshakes of
 * every suite and layout, each position of M1, M2 and of the first cells behind them: chi-square
 * over byte values, z of every bit, the same pooled over the periods that packed polynomials have,
 * and how often what may be a compressed coefficient is one that more than its share of elements
 * compress to: bytes of a ciphertext are all but uniform, its coefficients are not. The first step of Holm's procedure over all of it, alpha 0.01; seeds are fixed, so it
 * passes always or never. The same test must reject what is known to have patterns.
 *
 * Keys without torsion look uniform byte for byte: kat-elligator2 counts the torsion of generated
 * keys, which is what sees them.
 */
#include "crypto/elligator2.h"
#include "crypto/kemeleon.h"
#include "crypto/x25519.h"
#include "pair.h"
#include "seeded.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUNS 2000
#define ALPHA 0.01
#define CELLS_BEHIND 3
#define FIELD_MAX (QSP_FLIGHT_LEN + CELLS_BEHIND * QSP_CELL_LEN)

/* d bits of ML-KEM's u, which pack into d bytes by eight; `fat` of 2^d values have one element of
 * the field more than the others. */
static const unsigned u_bits[] = { 10, 11 };
static bool fat[2][1 << 11];
static double fat_share[2];

/* How often each byte value stood at each position, and fat coefficients read from each offset. */
struct field {
	size_t len;
	unsigned n;
	uint32_t (*count)[256];
	uint64_t fat[2][11], coefficients[2][11];
};

static void
find_fat(void)
{
	for (unsigned k = 0; k < 2; k++) {
		unsigned values = 1u << u_bits[k], found = 0;

		for (unsigned y = 0; y < values; y++) {
			uint16_t first, count;

			qsp_kemeleon_preimages((uint16_t)y, u_bits[k], &first, &count);
			fat[k][y] = count > 3329 / values;
			found += fat[k][y];
		}
		fat_share[k] = (double)found / values;
	}
}

static struct field
field_new(size_t len)
{
	struct field f = { .len = len, .count = calloc(len, sizeof(*f.count)) };

	assert_non_null(f.count);
	return f;
}

static void
read_coefficients(struct field *f, const uint8_t *p, unsigned k, size_t at)
{
	unsigned d = u_bits[k], have = 0;
	uint32_t bits = 0;

	for (size_t i = at; i + d <= f->len; i += d) {
		for (size_t j = i; j < i + d; j++) {
			bits |= (uint32_t)p[j] << have;
			for (have += 8; have >= d; have -= d, bits >>= d) {
				f->fat[k][at] += fat[k][bits & ((1u << d) - 1)];
				f->coefficients[k][at]++;
			}
		}
	}
}

static void
field_add(struct field *f, const uint8_t *p)
{
	f->n++;
	for (size_t i = 0; i < f->len; i++)
		f->count[i][p[i]]++;
	for (unsigned k = 0; k < 2; k++)
		for (size_t at = 0; at < u_bits[k]; at++)
			read_coefficients(f, p, k, at);
}

/* --- p-values ------------------------------------------------------------------------------ */

static double
two_sided(double z)
{
	return erfc(fabs(z) / sqrt(2));
}

/* Of chi-square with k degrees of freedom: Wilson and Hilferty's cube root is normal. */
static double
upper_tail(double chi2, double k)
{
	double z = (cbrt(chi2 / k) - (1 - 2 / (9 * k))) / sqrt(2 / (9 * k));

	return erfc(z / sqrt(2)) / 2;
}

static double
chi2_of(const uint64_t count[256], double n)
{
	double sum = 0;

	for (size_t v = 0; v < 256; v++) {
		double d = (double)count[v] - n / 256;

		sum += d * d / (n / 256);
	}
	return sum;
}

/* The least p-value of a histogram and its eight bits: nine tests. */
static double
least_of(const uint64_t count[256], double n)
{
	double p = upper_tail(chi2_of(count, n), 255);

	for (unsigned bit = 0; bit < 8; bit++) {
		double ones = 0, q;

		for (unsigned v = 0; v < 256; v++)
			ones += v >> bit & 1 ? (double)count[v] : 0;
		q = two_sided((2 * ones - n) / sqrt(n));
		p = q < p ? q : p;
	}
	return p;
}

/* Positions at + k * period pooled. */
static double
pooled(const struct field *f, size_t at, size_t period)
{
	uint64_t count[256] = { 0 }, n = 0;

	for (size_t i = at; i < f->len; i += period) {
		for (size_t v = 0; v < 256; v++)
			count[v] += f->count[i][v];
		n += f->n;
	}
	return least_of(count, (double)n);
}

/* Does anything in the field stand out? */
static bool
patterned(const struct field *f, const char *name)
{
	/* 5 and 11 bytes hold four and eight coefficients of ML-KEM's ciphertexts, 3 bytes two of its
	 * keys; 384 is an encoded polynomial */
	static const size_t periods[] = { 1, 2, 3, 5, 11, 16, 384 };
	double least = 1, tests = 0, p;

	for (size_t i = 0; i < f->len; i++) {
		p = pooled(f, i, f->len);
		least = p < least ? p : least;
		tests += 9;
	}
	for (size_t k = 0; k < sizeof(periods) / sizeof(*periods); k++) {
		for (size_t at = 0; at < periods[k] && periods[k] < f->len; at++) {
			p = pooled(f, at, periods[k]);
			least = p < least ? p : least;
			tests += 9;
		}
	}
	for (unsigned k = 0; k < 2; k++) {
		for (size_t at = 0; at < u_bits[k]; at++, tests++) {
			double m = (double)f->coefficients[k][at], share = fat_share[k];

			if (m == 0)
				continue;
			p = two_sided(((double)f->fat[k][at] - m * share) /
				      sqrt(m * share * (1 - share)));
			least = p < least ? p : least;
		}
	}
	print_message("%-28s n %u, %5.0f tests, least p %.2g, corrected %.2g\n", name, f->n, tests,
		      least, fmin(1, least * tests));
	return least * tests < ALPHA;
}

static void
expect(struct field *f, const char *name, bool pattern)
{
	assert_int_equal(patterned(f, name), pattern);
	free(f->count);
}

/* --- real handshakes ----------------------------------------------------------------------- */

struct tap {
	uint8_t p[FIELD_MAX];
	size_t n, total; /* kept, seen */
};

static bool
listen(struct pair *p, struct pair_side *from, struct pair_side *to, struct tap *t)
{
	uint64_t before = to->in.total;
	bool moved = pair_output(p, from);
	size_t n = (size_t)(to->in.total - before), room = sizeof(t->p) - t->n;

	assert_int_equal(n % QSP_CELL_LEN, 0);
	memcpy(t->p + t->n, to->in.p + to->in.n - n, n < room ? n : room);
	t->n += n < room ? n : room;
	t->total += n;
	return moved;
}

/* One session with some data either way; what each side wrote. */
static void
converse(const struct pair_options *o, struct tap *up, struct tap *down)
{
	static const uint8_t words[2000] = "constant words, said in every session";
	qsp_err e;
	struct pair *p = pair_new(o, &e);
	bool moved;

	assert_non_null(p);
	up->n = up->total = down->n = down->total = 0;
	assert_true(listen(p, &p->client, &p->server, up));
	assert_int_equal(up->total, QSP_FLIGHT_LEN);
	pair_input(p, &p->server, SIZE_MAX);
	while (pair_input(p, &p->server, SIZE_MAX))
		;
	assert_true(listen(p, &p->server, &p->client, down));
	assert_int_equal(down->total, QSP_FLIGHT_LEN);
	pair_put(&p->client.say, words, sizeof(words));
	pair_put(&p->server.say, words, sizeof(words));
	do {
		moved = pair_input(p, &p->client, SIZE_MAX);
		moved |= listen(p, &p->client, &p->server, up);
		moved |= pair_input(p, &p->server, SIZE_MAX);
		moved |= listen(p, &p->server, &p->client, down);
	} while (moved);
	assert_true(pair_open(p));
	assert_int_equal(p->server.got.n, sizeof(words));
	assert_int_equal(up->n, FIELD_MAX);
	assert_int_equal(down->n, FIELD_MAX);
	pair_free(p);
}

static void
handshakes_are_uniform(void **state)
{
	struct pair_shared *shared = pair_shared_new();

	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		struct pair_options o = pair_defaults();
		struct field up = field_new(FIELD_MAX), down = field_new(FIELD_MAX);
		static struct tap client, server;

		o.kem = (uint8_t)(1 + way / 2);
		o.known = way & 1;
		o.method = QSP_METHOD_NONE;
		o.shared = shared;
		for (unsigned i = 0; i < RUNS; i++) {
			o.seed = way * RUNS + i;
			o.aead = (uint8_t)(1 + i % 3);
			o.ok_class = (enum qsp_ok_class)(i / 3 % 3);
			converse(&o, &client, &server);
			field_add(&up, client.p);
			field_add(&down, server.p);
		}
		print_message("kem %u, layout %c:\n", o.kem, o.known ? 'K' : 'T');
		expect(&up, "  M1 and what follows", false);
		expect(&down, "  M2 and what follows", false);
	}
	pair_shared_free(shared);
}

/* --- what must be rejected ----------------------------------------------------------------- */

static struct seeded source = { .state = 5 };
static struct qsp_crypto *cx;

static void
draw(uint8_t *p, size_t n)
{
	assert_int_equal(seeded_random(&source, p, n), 0);
}

/* Raw keys and ciphertexts, and the same Kemeleon-encoded with m = 0. */
static void
raw_ml_kem_is_rejected(void **state)
{
	(void)state;
	for (uint8_t id = 1; id <= 2; id++) {
		const struct qsp_kem *kem = qsp_kem_by_id(id);
		struct field eks = field_new(kem->ek_len), cts = field_new(kem->ct_len);
		struct field good = field_new(kem->slot_len);

		for (unsigned i = 0; i < RUNS; i++) {
			uint8_t seed[QSP_KEM_SEED_LEN], random[32], ek[QSP_KEM_EK_MAX], ss[32];
			uint8_t ct[QSP_KEM_CT_MAX], slot[QSP_KEM_SLOT_MAX];
			struct qsp_kem_key *key;

			draw(seed, sizeof(seed));
			draw(random, sizeof(random));
			assert_int_equal(qsp_kem_key_new(cx, kem, seed, ek, &key), 0);
			assert_int_equal(qsp_kem_encaps(cx, kem, ek, random, ct, ss), 0);
			assert_int_equal(qsp_kemeleon_put_ct(cx, kem, ct, slot), 0);
			qsp_kem_key_free(key);
			field_add(&eks, ek);
			field_add(&cts, ct);
			field_add(&good, slot);
		}
		expect(&eks, "raw encapsulation keys", true);
		expect(&cts, "raw ciphertexts", true);
		expect(&good, "Kemeleon, as it should be", false);
	}
}

static void
kemeleon_without_m_is_rejected(void **state)
{
	struct field f = field_new(QSP_KEMELEON_POLY_LEN);

	(void)state;
	for (unsigned i = 0; i < RUNS; i++) {
		static const uint8_t m[QSP_KEMELEON_M_LEN];
		uint8_t bytes[4 * QSP_KEMELEON_N], out[QSP_KEMELEON_POLY_LEN];
		uint16_t a[QSP_KEMELEON_N];

		draw(bytes, sizeof(bytes));
		for (size_t j = 0; j < QSP_KEMELEON_N; j++) {
			uint32_t r;

			memcpy(&r, bytes + 4 * j, 4);
			a[j] = (uint16_t)(r % 3329);
		}
		assert_int_equal(qsp_kemeleon_put_poly(a, m, out), 0);
		field_add(&f, out);
	}
	expect(&f, "Kemeleon with m = 0", true);
}

static void
raw_points_are_rejected(void **state)
{
	struct field raw = field_new(32), cleared = field_new(32), good = field_new(32);

	(void)state;
	for (unsigned i = 0; i < RUNS; i++) {
		uint8_t priv[32], pub[32], r[32];

		draw(priv, sizeof(priv));
		assert_int_equal(qsp_x25519_public(cx, priv, pub), 0);
		field_add(&raw, pub);
		assert_int_equal(qsp_elligator2_keypair(cx, priv, r), 0);
		field_add(&good, r);
		r[31] &= 0x3f;
		field_add(&cleared, r);
	}
	expect(&raw, "raw X25519 keys", true);
	expect(&cleared, "Elligator2, top bits clear", true);
	expect(&good, "Elligator2, as it should be", false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshakes_are_uniform),
		cmocka_unit_test(raw_ml_kem_is_rejected),
		cmocka_unit_test(kemeleon_without_m_is_rejected),
		cmocka_unit_test(raw_points_are_rejected),
	};
	int failed;

	if (qsp_crypto_new(seeded_random, &source, &cx) != 0)
		return 1;
	find_fat();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	qsp_crypto_free(cx);
	return failed;
}
