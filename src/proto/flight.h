/* SPDX-License-Identifier: ISC */
/*
 * The pieces that M1 and M2 share [P4.2, P4.3]: a masked slot, and E with its tag. Both sides mix
 * what stands on the wire; errors stick in the transcript.
 */
#ifndef QSP_PROTO_FLIGHT_H
#define QSP_PROTO_FLIGHT_H

#include "proto/state.h"

/* Masks (or unmasks: the same operation) the slot under K(label, 32). */
void qsp_flight_mask(struct qsp_transcript *t, const char *label, uint8_t *slot);

/* e[0..e_len) is E's plaintext and becomes ciphertext; the tag follows at e + e_len. Mixed. */
void qsp_flight_seal(struct qsp_transcript *t, const char *enc, const char *mac, uint8_t *e,
		     size_t e_len);
/* The reverse into pt; QSP_E_INPUT for a wrong tag, or the transcript's error. */
QSP_MUST_USE qsp_err qsp_flight_open(struct qsp_transcript *t, const char *enc, const char *mac,
				     const uint8_t *e, size_t e_len, uint8_t *pt);

#endif
