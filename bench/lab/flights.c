/* SPDX-License-Identifier: ISC */
/*
 * First messages of real engines, with the system's randomness, as raw files of 3840 bytes each:
 *
 *   flights make KEM K|T COUNT M1FILE M2FILE   the classes of obfuscation key in turn
 *   flights control KIND COUNT FILE            random bytes with something in them that must be found:
 *     raw-ek raw-ct raw-ct-1024                where M1 has its slot, an ML-KEM object as it is
 *     clean-point                              where it has R, Elligator2 of a key without torsion
 *     clear-bits                               R with its two spare bits zero
 *     nothing                                  what must not be found
 */
#include "bench.h"
#include "bench_pair.h"
#include "crypto/elligator2.h"
#include "crypto/kem.h"
#include "crypto/rand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_AT 48 /* of M1 [P4.2] */
#define ROOTS_MAX 64

static void
keep(FILE *f, const uint8_t *p)
{
	bench_need(fwrite(p, QSP_FLIGHT_LEN, 1, f) == 1, "write");
}

static FILE *
create(const char *path)
{
	FILE *f = fopen(path, "wb");

	bench_need(f != NULL, path);
	return f;
}

/* --- the real thing -------------------------------------------------------------------------- */

/* Moves what one side says to the other, which must be one flight. */
static void
hear(struct pair *p, struct pair_side *from, struct pair_side *to, FILE *f)
{
	while (to->in.n < QSP_FLIGHT_LEN)
		bench_need(pair_output(p, from), "a flight");
	keep(f, to->in.p);
}

static void
make(uint8_t kem, bool known, unsigned long count, const char *m1, const char *m2)
{
	static const enum qsp_ok_class classes[] = { QSP_OK_FIRST_CONTACT, QSP_OK_SECRET,
						     QSP_OK_PSK };
	struct pair_options o = pair_defaults();
	FILE *up = create(m1), *down = create(m2);
	uint64_t unused = 0;
	struct pair *p;

	o.kem = kem;
	o.known = known;
	o.method = QSP_METHOD_NONE;
	p = bench_pair_new(o);
	for (unsigned long i = 0; i < count; i++) {
		p->peer.ok_class = classes[i % 3];
		memset(p->peer.secret, p->peer.ok_class == QSP_OK_PSK ? 0x77 : 0x5a, QSP_OK_LEN);
		bench_pair_again(p, &unused, &unused);
		hear(p, &p->client, &p->server, up);
		while (pair_input(p, &p->server, SIZE_MAX))
			;
		hear(p, &p->server, &p->client, down);
	}
	pair_free(p);
	bench_need(fclose(up) == 0 && fclose(down) == 0, "close");
}

/* --- controls -------------------------------------------------------------------------------- */

static struct qsp_crypto *cx;

static void
draw(uint8_t *p, size_t n)
{
	bench_need(qsp_rand_bytes(cx, p, n) == 0, "random bytes");
}

static void
raw(uint8_t kem_id, bool ct, uint8_t *at)
{
	const struct qsp_kem *kem = qsp_kem_by_id(kem_id);
	uint8_t seed[QSP_KEM_SEED_LEN], random[QSP_KEM_RANDOM_LEN], ss[QSP_KEM_SS_LEN];
	uint8_t ek[QSP_KEM_EK_MAX];
	struct qsp_kem_key *key;

	draw(seed, sizeof(seed));
	draw(random, sizeof(random));
	bench_need(qsp_kem_key_new(cx, kem, seed, ek, &key) == 0, "a key");
	if (ct)
		bench_need(qsp_kem_encaps(cx, kem, ek, random, at, ss) == 0, "a ciphertext");
	else
		memcpy(at, ek, kem->ek_len);
	qsp_kem_key_free(key);
}

/* A representative of a key in the subgroup of prime order: a well-known mistake. */
static void
clean_point(uint8_t *at)
{
	uint8_t priv[QSP_X25519_LEN], pub[QSP_X25519_LEN], bits;

	for (int i = 0; i < ROOTS_MAX; i++) {
		draw(priv, sizeof(priv));
		draw(&bits, 1);
		bench_need(qsp_x25519_public(cx, priv, pub) == 0, "a point");
		if (qsp_elligator2_inverse(pub, bits & 1, bits >> 1 & 3, at) == 0)
			return;
	}
	bench_need(false, "a representative");
}

static void
clear_bits(uint8_t *at)
{
	uint8_t priv[QSP_X25519_LEN];

	bench_need(qsp_elligator2_keypair(cx, priv, at) == 0, "a key pair");
	at[QSP_ELLIGATOR2_LEN - 1] &= 0x3f;
}

static void
control(const char *kind, unsigned long count, const char *path)
{
	uint8_t m[QSP_FLIGHT_LEN];
	FILE *f = create(path);

	bench_need(qsp_crypto_new(NULL, NULL, &cx) == 0, "cryptography");
	for (unsigned long i = 0; i < count; i++) {
		draw(m, sizeof(m));
		if (strcmp(kind, "raw-ek") == 0)
			raw(1, false, m + SLOT_AT);
		else if (strcmp(kind, "raw-ct") == 0)
			raw(1, true, m + SLOT_AT);
		else if (strcmp(kind, "raw-ct-1024") == 0)
			raw(2, true, m + SLOT_AT);
		else if (strcmp(kind, "clean-point") == 0)
			clean_point(m);
		else if (strcmp(kind, "clear-bits") == 0)
			clear_bits(m);
		else
			bench_need(strcmp(kind, "nothing") == 0, "a kind of control");
		keep(f, m);
	}
	qsp_crypto_free(cx);
	bench_need(fclose(f) == 0, "close");
}

int
main(int argc, char **argv)
{
	if (argc == 7 && strcmp(argv[1], "make") == 0)
		make((uint8_t)atoi(argv[2]), *argv[3] == 'K', strtoul(argv[4], NULL, 10), argv[5],
		     argv[6]);
	else if (argc == 5 && strcmp(argv[1], "control") == 0)
		control(argv[2], strtoul(argv[3], NULL, 10), argv[4]);
	else
		bench_need(false,
			   "usage: flights make KEM K|T COUNT M1 M2 | control KIND COUNT FILE");
	return 0;
}
