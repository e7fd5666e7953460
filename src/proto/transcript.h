/* SPDX-License-Identifier: ISC */
/*
 * The running state of a handshake [P4]: h, over everything that was said, and ck, over every
 * secret that was agreed. Errors of libcrypto stick in `err`, so that handshake bodies read as the
 * specification does; whoever commits a copy looks at it once. A transcript is copied by value.
 */
#ifndef QSP_PROTO_TRANSCRIPT_H
#define QSP_PROTO_TRANSCRIPT_H

#include "base/mem.h"
#include "crypto/kem.h"

QSP_SECRET(qsp_ck, QSP_HASH_MAX);
QSP_SECRET(qsp_es, QSP_HASH_MAX); /* the secret of an epoch, exporter or resumption [P5] */
QSP_SECRET(qsp_key32, 32);

struct qsp_transcript {
	const struct qsp_crypto *cx;
	const struct qsp_kem *kem;
	uint8_t len; /* L of the suite */
	uint8_t h[QSP_HASH_MAX];
	struct qsp_ck ck;
	qsp_err err;
};

static inline void
qsp_transcript_wipe(struct qsp_transcript *t)
{
	qsp_mem_wipe(t, sizeof(*t));
}

/* h and ck at the start; sid is NULL in layout T. */
struct qsp_transcript qsp_transcript_start(const struct qsp_crypto *cx, const struct qsp_kem *kem,
					   uint8_t layout, const uint8_t *sid, uint8_t wire,
					   const uint8_t ok[static 32]);

/* MixHash(x), MixKey(z). */
void qsp_transcript_mix_hash(struct qsp_transcript *t, struct qsp_bytes x);
void qsp_transcript_mix_key(struct qsp_transcript *t, const uint8_t z[static 32]);
/* The same for a z of L bytes: a resumption secret [P4.7]. */
void qsp_transcript_mix_secret(struct qsp_transcript *t, struct qsp_bytes z);

/* out = K(label, n), zeros once an error stuck. */
void qsp_transcript_key(struct qsp_transcript *t, const char *label, uint8_t *out, size_t n);

/* out[0..L) = HMAC-H(K(label, L), h): FIN_S, AUTH_PROOF, AUTH_OK [P4.5]. */
void qsp_transcript_mac(struct qsp_transcript *t, const char *label, uint8_t *out);

#endif
