/* SPDX-License-Identifier: ISC */
/*
 * A connection made by hand: open, in a chosen epoch, with chosen keys and without a handshake
 * behind it. For tests of what comes after one.
 */
#ifndef QSP_TESTS_BARE_H
#define QSP_TESTS_BARE_H

#include "proto/steps.h"

struct bare_options {
	const struct qsp_crypto *cx;
	enum qsp_role role;
	uint8_t kem, aead;
	enum qsp_wire wire;
	struct qsp_bytes es; /* of both directions; L bytes */
	uint32_t epoch;
	uint64_t session_id;
};

/* Never NULL: fails the running test instead. */
struct qsp_conn *bare_new(const struct bare_options *o);
void bare_free(struct qsp_conn *c);

#endif
