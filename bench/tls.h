/* SPDX-License-Identifier: ISC */
/*
 * TLS 1.3 of OpenSSL as a peer: X25519MLKEM768, AES-256-GCM, self-signed certificates that both
 * sides trust. Two SSL objects in one thread, joined by memory BIOs.
 */
#ifndef QSP_BENCH_TLS_H
#define QSP_BENCH_TLS_H

#include "bench.h"

#include <openssl/ssl.h>

struct bench_tls {
	SSL_CTX *client, *server;
};

/* Certificates of algorithm `alg` ("ML-DSA-65", "ED25519"); mutual: of the client too. */
void bench_tls_new(struct bench_tls *t, const char *alg, bool mutual);
void bench_tls_free(struct bench_tls *t);

struct bench_tls_pair {
	SSL *client, *server;
};

/* A new pair; session NULL, or one to resume. */
void bench_tls_pair(const struct bench_tls *t, SSL_SESSION *session, struct bench_tls_pair *p);
/* The whole handshake; the CPU time of each side's SSL_do_handshake is added. */
void bench_tls_connect(struct bench_tls_pair *p, uint64_t *client_ns, uint64_t *server_ns);
void bench_tls_pair_free(struct bench_tls_pair *p);

#endif
