/* SPDX-License-Identifier: ISC */
/*
 * The fixture of tests that need cryptography, and keys that are always the same, and no more:
 *
 *	return cmocka_run_group_tests(tests, open_crypto, close_crypto);
 */
#ifndef QSP_TESTS_FIXTURE_H
#define QSP_TESTS_FIXTURE_H

#include <qsp/key.h>

#include "seeded.h"

/* What the tests of a group share. */
extern struct qsp_crypto *cx;
extern struct seeded source;

/* Random bytes come from the system; with open_seeded they come from `source`. */
int open_crypto(void **state);
int open_seeded(void **state);
int close_crypto(void **state);

/* The key with a seed of `fill` throughout, never NULL; for qsp_key_free. */
struct qsp_key *new_key(uint8_t type, uint8_t fill);
/* Its public half, and where line is not NULL that as text: QSP_PUBKEY_LINE_MAX bytes. */
struct qsp_key_public new_public(uint8_t type, uint8_t fill, char *line);

#endif
