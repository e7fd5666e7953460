/* SPDX-License-Identifier: ISC */
/* TLS 1.3 in memory. */
#include "tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define YEAR_S (365L * 24 * 3600)

/* A self-signed certificate into ctx; the other side trusts it. */
static void
certify(SSL_CTX *ctx, SSL_CTX *other, const char *alg)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, alg);
	X509 *x = X509_new();
	X509_NAME *name;

	bench_need(key && x, "key of a certificate");
	name = X509_get_subject_name(x);
	bench_need(X509_set_version(x, X509_VERSION_3) == 1 &&
			   ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 &&
			   X509_gmtime_adj(X509_getm_notBefore(x), -3600) &&
			   X509_gmtime_adj(X509_getm_notAfter(x), YEAR_S) &&
			   X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
						      (const unsigned char *)"bench", -1, -1,
						      0) == 1 &&
			   X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 &&
			   X509_sign(x, key, NULL) > 0,
		   "certificate");
	bench_need(SSL_CTX_use_certificate(ctx, x) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
			   X509_STORE_add_cert(SSL_CTX_get_cert_store(other), x) == 1,
		   "use of a certificate");
	X509_free(x);
	EVP_PKEY_free(key);
}

static SSL_CTX *
context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	bench_need(ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
			   SSL_CTX_set1_groups_list(ctx, "X25519MLKEM768") == 1 &&
			   SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384") == 1,
		   "context of TLS");
	return ctx;
}

void
bench_tls_new(struct bench_tls *t, const char *alg, bool mutual)
{
	t->client = context(TLS_client_method());
	t->server = context(TLS_server_method());
	certify(t->server, t->client, alg);
	SSL_CTX_set_verify(t->client, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_num_tickets(t->server, 0);
	SSL_CTX_set_session_id_context(t->server, (const unsigned char *)"bench", 5);
	if (mutual) {
		certify(t->client, t->server, alg);
		SSL_CTX_set_verify(t->server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   NULL);
	}
}

void
bench_tls_free(struct bench_tls *t)
{
	SSL_CTX_free(t->client);
	SSL_CTX_free(t->server);
}

void
bench_tls_pair(const struct bench_tls *t, SSL_SESSION *session, struct bench_tls_pair *p)
{
	BIO *up = BIO_new(BIO_s_mem()), *down = BIO_new(BIO_s_mem());

	p->client = SSL_new(t->client);
	p->server = SSL_new(t->server);
	bench_need(up && down && p->client && p->server, "SSL_new");
	BIO_set_mem_eof_return(up, -1);
	BIO_set_mem_eof_return(down, -1);
	bench_need(BIO_up_ref(up) == 1 && BIO_up_ref(down) == 1, "BIO_up_ref");
	SSL_set_bio(p->client, down, up);
	SSL_set_bio(p->server, up, down);
	SSL_set_connect_state(p->client);
	SSL_set_accept_state(p->server);
	bench_need(!session || SSL_set_session(p->client, session) == 1, "SSL_set_session");
}

static bool
step(SSL *s, uint64_t *ns)
{
	uint64_t from = bench_cpu_ns();
	int r = SSL_do_handshake(s);

	*ns += bench_cpu_ns() - from;
	if (r != 1 && SSL_get_error(s, r) != SSL_ERROR_WANT_READ) {
		ERR_print_errors_fp(stderr);
		bench_need(false, "handshake of TLS");
	}
	return r == 1;
}

void
bench_tls_connect(struct bench_tls_pair *p, uint64_t *client_ns, uint64_t *server_ns)
{
	bool client = false, server = false;

	while (!client || !server) {
		if (!client)
			client = step(p->client, client_ns);
		if (!server)
			server = step(p->server, server_ns);
	}
}

void
bench_tls_pair_free(struct bench_tls_pair *p)
{
	SSL_free(p->client);
	SSL_free(p->server);
}
