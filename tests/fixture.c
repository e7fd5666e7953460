/* SPDX-License-Identifier: ISC */
/* Cryptography and keys for tests. */
#include "fixture.h"

#include "trust/pubkey.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct qsp_crypto *cx;
struct seeded source;

int
open_crypto(void **state)
{
	(void)state;
	return qsp_crypto_new(NULL, NULL, &cx);
}

int
open_seeded(void **state)
{
	(void)state;
	return qsp_crypto_new(seeded_random, &source, &cx);
}

int
close_crypto(void **state)
{
	(void)state;
	qsp_crypto_free(cx);
	return 0;
}

struct qsp_key *
new_key(uint8_t type, uint8_t fill)
{
	uint8_t seed[QSP_KEY_SEED_MAX];
	struct qsp_key *key;

	memset(seed, fill, sizeof(seed));
	assert_int_equal(qsp_key_new(cx, type, qsp_bytes(seed, qsp_key_seed_len(type)), &key), 0);
	return key;
}

struct qsp_key_public
new_public(uint8_t type, uint8_t fill, char *line)
{
	struct qsp_key *key = new_key(type, fill);
	struct qsp_key_public pub = *qsp_key_get_public(key);

	qsp_key_free(key);
	if (line)
		assert_int_equal(qsp_pubkey_put(&pub, QSP_BYTES_NONE, line), 0);
	return pub;
}
