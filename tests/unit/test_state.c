/* SPDX-License-Identifier: ISC */
/*
 * What an idle connection costs: everything that qsp_conn_free gives back, our own pieces (linked
 * with --wrap=free) and libcrypto's, as the allocator counts them.
 */
#include "pair.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SERVER_MAX 1024
#define HEADER 8 /* the allocator's own, of a block */

void __real_free(void *p);
void __wrap_free(void *p);

static bool watching; /* what is given back counts */
static size_t given_back, pieces;

static void
watch(void *p)
{
	if (!watching || !p)
		return;
	given_back += malloc_usable_size(p) + HEADER;
	pieces++;
}

void
__wrap_free(void *p)
{
	watch(p);
	__real_free(p);
}

static void *
crypto_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(n);
}

static void *
crypto_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return realloc(p, n);
}

static void
crypto_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	watch(p);
	__real_free(p);
}

/* Bytes that freeing this side's connection gives back; its keys leave the worker first. */
static size_t
cost(struct pair_side *s)
{
	given_back = pieces = 0;
	watching = true;
	qsp_conn_free(s->conn);
	watching = false;
	s->conn = NULL;
	return given_back;
}

static void
measure(const struct pair_options *o, bool busy, const char *when)
{
	static const uint8_t some[60000];
	struct qsp_conn_info info;
	size_t server, client, n;
	qsp_err e;
	struct pair *p = pair_new(o, &e);

	assert_non_null(p);
	pair_run(p);
	assert_true(pair_open(p));
	if (busy) {
		pair_put(&p->client.say, some, sizeof(some));
		pair_put(&p->server.say, some, sizeof(some));
		pair_run(p);
		assert_int_equal(qsp_conn_rekey(p->server.conn, QSP_REKEY_KEM), 0);
		assert_int_equal(qsp_conn_ping(p->client.conn, 1), 0);
		pair_run(p);
		qsp_conn_get_info(p->server.conn, &info);
		assert_true(info.kem_rekeys > 0);
	}
	assert_int_equal(qsp_conn_wants(p->server.conn),
			 QSP_WANT_INPUT | QSP_IS_OPEN | QSP_CAN_SEND);
	server = cost(&p->server);
	n = pieces;
	client = cost(&p->client);
	print_message("kem %u, method %d, %s: server %zu bytes in %zu pieces, client %zu in %zu\n",
		      o->kem, o->method, when, server, n, client, pieces);
	assert_in_range(server, 1, SERVER_MAX);
	pair_free(p);
}

static void
an_idle_server_is_small(void **state)
{
	struct pair_shared *shared = pair_shared_new();

	(void)state;
	for (int method = QSP_METHOD_KEM; method <= QSP_METHOD_INTERACTIVE; method++) {
		struct pair_options o = pair_defaults();

		o.shared = shared;
		o.method = (enum qsp_method)method;
		o.kem = (uint8_t)(1 + method % 2);
		o.known = method & 1;
		o.certificate = true;
		o.plain_cells = 50;
		measure(&o, false, "after the handshake");
		o.wire = method & 1 ? QSP_WIRE_FRAMES : QSP_WIRE_CELLS;
		measure(&o, true, "after data and rekeys");
	}
	pair_shared_free(shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_server_is_small),
	};

	if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
