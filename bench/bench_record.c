/* SPDX-License-Identifier: ISC */
/*
 * Cells: seal and open, ns per cell, through qsp_conn_output and qsp_conn_recv in batches of 64
 * KiB, as the drive of a connection calls them; against the raw cipher of libcrypto on the same
 * bytes, 768 with the tag, with one byte of associated data, from one buffer to another and back.
 */
#include "bench_pair.h"

#include "bench.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELLS 85 /* 64 KiB */
#define BATCHES 150

static const struct row {
	uint8_t id;
	const char *name, *cipher;
	size_t tag_len;
	bool hmac;
} rows[] = {
	{ 1, "aes256-gcm", "AES-256-GCM", 16, false },
	{ 2, "aes256-ctr-hmac-sha3-256", "AES-256-CTR", 32, true },
	{ 3, "chacha20-poly1305", "ChaCha20-Poly1305", 16, false },
};

/* --- ours ------------------------------------------------------------------------------ */

static struct pair *
open_pair(uint8_t aead)
{
	struct pair_options o = pair_defaults();
	struct pair *p;
	uint64_t unused = 0;

	o.aead = aead;
	o.plain_cells = o.kem_cells = UINT64_C(1) << 40; /* rekeys are measured elsewhere */
	p = bench_pair_new(o);
	bench_pair_connect(p, &unused, &unused);
	return p;
}

static double
ours(struct pair *p)
{
	static uint8_t data[CELLS * QSP_CELL_LEN], buf[CELLS * QSP_CELL_LEN];
	size_t used, n;
	struct qsp_bytes got;
	uint64_t from = bench_cpu_ns();

	for (int i = 0; i < BATCHES; i++) {
		qsp_err e = qsp_conn_output(p->client.conn, p->now,
					    (struct qsp_bytes){ data, sizeof(data) }, &used, buf,
					    sizeof(buf), &n);

		bench_need(e == QSP_OK && n == sizeof(buf), "output of cells");
		e = qsp_conn_recv(p->server.conn, p->now, buf, n, &n, &got);
		bench_need(e == QSP_OK && n == sizeof(buf) && got.n == used, "input of cells");
	}
	return (double)(bench_cpu_ns() - from) / (CELLS * BATCHES);
}

/* --- the raw cipher -------------------------------------------------------------------- */

struct raw {
	const struct row *row;
	EVP_CIPHER_CTX *seal, *open;
	EVP_MAC_CTX *mac;
};

static void
raw_new(struct raw *x, const struct row *row)
{
	static const uint8_t key[32] = { 1 };
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, row->cipher, NULL);
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	char digest[] = "SHA3-256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	x->row = row;
	x->seal = EVP_CIPHER_CTX_new();
	x->open = EVP_CIPHER_CTX_new();
	x->mac = EVP_MAC_CTX_new(mac);
	bench_need(EVP_EncryptInit_ex2(x->seal, cipher, key, NULL, NULL) == 1 &&
			   EVP_DecryptInit_ex2(x->open, cipher, key, NULL, NULL) == 1 &&
			   EVP_MAC_init(x->mac, key, sizeof(key), params) == 1,
		   "raw cipher");
	EVP_CIPHER_free(cipher);
	EVP_MAC_free(mac);
}

static void
raw_free(struct raw *x)
{
	EVP_CIPHER_CTX_free(x->seal);
	EVP_CIPHER_CTX_free(x->open);
	EVP_MAC_CTX_free(x->mac);
}

static bool
raw_mac(struct raw *x, const uint8_t *aad, const uint8_t *iv, const uint8_t *ct, size_t n,
	uint8_t *tag)
{
	size_t len;

	return EVP_MAC_init(x->mac, NULL, 0, NULL) == 1 && EVP_MAC_update(x->mac, aad, 1) == 1 &&
	       EVP_MAC_update(x->mac, iv, 12) == 1 && EVP_MAC_update(x->mac, ct, n) == 1 &&
	       EVP_MAC_final(x->mac, tag, &len, 32) == 1;
}

static bool
raw_seal(struct raw *x, const uint8_t *iv, const uint8_t *pt, size_t n, uint8_t *ct)
{
	static const uint8_t aad = 0;
	int len;

	if (x->row->hmac)
		return EVP_EncryptInit_ex2(x->seal, NULL, NULL, iv, NULL) == 1 &&
		       EVP_EncryptUpdate(x->seal, ct, &len, pt, (int)n) == 1 &&
		       raw_mac(x, &aad, iv, ct, n, ct + n);
	return EVP_EncryptInit_ex2(x->seal, NULL, NULL, iv, NULL) == 1 &&
	       EVP_EncryptUpdate(x->seal, NULL, &len, &aad, 1) == 1 &&
	       EVP_EncryptUpdate(x->seal, ct, &len, pt, (int)n) == 1 &&
	       EVP_EncryptFinal_ex(x->seal, ct + n, &len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(x->seal, EVP_CTRL_AEAD_GET_TAG, (int)x->row->tag_len, ct + n) ==
		       1;
}

static bool
raw_open(struct raw *x, const uint8_t *iv, uint8_t *ct, size_t n, uint8_t *pt)
{
	static const uint8_t aad = 0;
	uint8_t tag[32];
	int len;

	if (x->row->hmac)
		return raw_mac(x, &aad, iv, ct, n, tag) && memcmp(tag, ct + n, sizeof(tag)) == 0 &&
		       EVP_DecryptInit_ex2(x->open, NULL, NULL, iv, NULL) == 1 &&
		       EVP_DecryptUpdate(x->open, pt, &len, ct, (int)n) == 1;
	return EVP_DecryptInit_ex2(x->open, NULL, NULL, iv, NULL) == 1 &&
	       EVP_CIPHER_CTX_ctrl(x->open, EVP_CTRL_AEAD_SET_TAG, (int)x->row->tag_len, ct + n) ==
		       1 &&
	       EVP_DecryptUpdate(x->open, NULL, &len, &aad, 1) == 1 &&
	       EVP_DecryptUpdate(x->open, pt, &len, ct, (int)n) == 1 &&
	       EVP_DecryptFinal_ex(x->open, pt + n, &len) == 1;
}

static double
raw(struct raw *x)
{
	static uint8_t data[CELLS * QSP_CELL_LEN], buf[CELLS * QSP_CELL_LEN];
	size_t n = QSP_CELL_LEN - x->row->tag_len;
	uint8_t iv[16] = { 0 };
	uint64_t from = bench_cpu_ns();

	for (int i = 0; i < BATCHES; i++) {
		for (size_t k = 0; k < sizeof(buf); k += QSP_CELL_LEN) {
			iv[11] = (uint8_t)(k / QSP_CELL_LEN);
			bench_need(raw_seal(x, iv, data + k, n, buf + k), "raw seal");
		}
		for (size_t k = 0; k < sizeof(buf); k += QSP_CELL_LEN) {
			iv[11] = (uint8_t)(k / QSP_CELL_LEN);
			bench_need(raw_open(x, iv, buf + k, n, data + k), "raw open");
		}
	}
	return (double)(bench_cpu_ns() - from) / (CELLS * BATCHES);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 25;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct pair *p = open_pair(rows[i].id);
		struct raw x;
		char series[64];

		raw_new(&x, &rows[i]);
		for (int r = -1; r < rounds; r++) { /* round -1 warms up */
			double a = ours(p), b = raw(&x);

			if (r < 0)
				continue;
			snprintf(series, sizeof(series), "record.%s.qsp", rows[i].name);
			bench_sample(series, a);
			snprintf(series, sizeof(series), "record.%s.raw", rows[i].name);
			bench_sample(series, b);
		}
		raw_free(&x);
		pair_free(p);
	}
	return 0;
}
