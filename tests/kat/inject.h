/* SPDX-License-Identifier: ISC */
/*
 * The random choices of the vectors, put under an engine by the linker: a program with inject.c is
 * linked with --wrap of each function that makes one (QSP_KAT_WRAPS in CMakeLists.txt), so that the
 * product needs no test mode. While a side is set, its choices answer, and every operation of the
 * transcript is compared with its trace; while none is set, the real functions run.
 */
#ifndef QSP_TESTS_KAT_INJECT_H
#define QSP_TESTS_KAT_INJECT_H

#include "kat/vectors.h"
#include "proto/transcript.h"

#include <qsp/conn.h>

#define INJECT_TRACE_MAX 80
#define INJECT_NAMES_MAX 16

struct inject_side {
	bool client;
	const json_t *choices;
	const struct qsp_crypto *cx;
	const struct qsp_kem *kem;

	/* Seeds (d || z) behind the keys of ct_S or ct_e, of ct_U, and of the peer's rekey: what an
	 * encapsulation is made for. Empty: not looked at. */
	struct qsp_bytes seed_first, seed_user, seed_rekey;

	/* Names of the next draws of 32 bytes, ended by NULL; all others are of no consequence,
	 * because what is encapsulated is chosen. */
	const char *script[4];
	size_t script_at;

	/* How often each choice was taken: the second use of a name carries " 2". */
	const char *names[INJECT_NAMES_MAX];
	unsigned uses[INJECT_NAMES_MAX];

	const json_t *trace; /* or NULL */
	size_t at;           /* the mixing that came last */
	bool seen[INJECT_TRACE_MAX];
	uint8_t last_h[QSP_HASH_MAX]; /* at the last "fin ok" */
};

/* The side that runs now, or NULL. */
void inject_set(struct inject_side *side);
struct inject_side *inject_now(void);
/* Sets the script of 32-byte draws anew. */
void inject_script(struct inject_side *side, const char *first, const char *second);
/* Fails where a mixing of the trace did not happen, or a key that must be derived was not. */
void inject_trace_done(const struct inject_side *side);

#endif
