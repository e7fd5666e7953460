/* SPDX-License-Identifier: ISC */
/*
 * A real pair of engines, brought into a chosen state of one of them, and a forger that seals any
 * message for it with the right keys.
 */
#ifndef QSP_TESTS_STEPS_REACH_H
#define QSP_TESTS_STEPS_REACH_H

#include "pair.h"
#include "proto/steps.h"

/* A state in which an engine waits, for the peer or for an answer, and a way to it. */
#define HEARS(kind) (1u << (kind))
struct place {
	const char *name;
	enum qsp_role role;
	enum qsp_state state;
	enum qsp_rekey_state rekey;
	enum qsp_method method;
	bool unknown; /* layout T */
	bool certificate, last, refuse;
	bool outside;     /* KEM: judged outside of the engine */
	unsigned hears;   /* kinds of type 1 that are legal there by [P4.5] */
	unsigned control; /* of type 3, but CLOSE, by [P5.1] */
};
extern const struct place places[];
extern const size_t n_places;

/* A pair whose engine of that role has just got there. Fails the test where it does not. */
struct pair *reach(const struct place *at, struct pair_side **side);

/* A record for `to`, out of the mouth of its peer. */
size_t forge(struct pair *p, struct pair_side *to, uint8_t type, const uint8_t *body, size_t len,
	     uint8_t out[static QSP_CELL_LEN]);
/* The same of a message of this kind, given to `to` at once. */
qsp_err say_to(struct pair *p, struct pair_side *to, uint8_t type, uint8_t kind,
	       const uint8_t *body, size_t len);

#endif
