/* SPDX-License-Identifier: ISC */
/*
 * Keys outside the transcript: obfuscation and mark keys [P3], record keys of an epoch [P5], the
 * rekey [P5.1], the exporter [P4.5]. Every label of the protocol stands in schedule.c or at a
 * qsp_transcript_key call. Outputs are zeroed on error.
 */
#ifndef QSP_PROTO_SCHEDULE_H
#define QSP_PROTO_SCHEDULE_H

#include "crypto/aead.h"
#include "proto/transcript.h"

#define QSP_MARK_LEN 16
#define QSP_HOUR_MS 3600000u

/* OK of class Q from a psk; of class N, a constant [P3]. */
QSP_MUST_USE qsp_err qsp_schedule_ok_psk(const struct qsp_crypto *cx, const uint8_t psk[static 32],
					 uint8_t ok[static 32]);
QSP_MUST_USE qsp_err qsp_schedule_ok_first_contact(const struct qsp_crypto *cx,
						   uint8_t ok[static 32]);

/* The mark key; dh is DH(x_c, X_S) in layout K, NULL in T. */
QSP_MUST_USE qsp_err qsp_schedule_mark_key(const struct qsp_crypto *cx, const uint8_t ok[static 32],
					   const uint8_t *dh, uint8_t layout, uint8_t kem,
					   struct qsp_key32 *key);
/* The mark of R_c in an hour since the Unix epoch. */
QSP_MUST_USE qsp_err qsp_schedule_mark(const struct qsp_crypto *cx, const struct qsp_key32 *key,
				       const uint8_t r_c[static 32], uint32_t hour,
				       uint8_t mark[static QSP_MARK_LEN]);

/* Record keys of one direction (0 client to server, 1 back) from an epoch secret. */
QSP_MUST_USE qsp_err qsp_schedule_keys(const struct qsp_crypto *cx, const struct qsp_kem *kem,
				       const struct qsp_aead *aead, const struct qsp_es *es,
				       uint8_t dir, struct qsp_aead_keys *keys);

/* What a rekey mixes; empty bytes where an input is absent. init and ack are whole messages. */
struct qsp_rekey_inputs {
	struct qsp_bytes material, dh, ss, qkd;
	struct qsp_bytes init;
};
/* prk, and confirm = HMAC-H(prk, "ack" || H(INIT))[0..32]. */
QSP_MUST_USE qsp_err qsp_schedule_rekey_prk(const struct qsp_crypto *cx, const struct qsp_kem *kem,
					    const struct qsp_es *es,
					    const struct qsp_rekey_inputs *in, struct qsp_es *prk,
					    uint8_t confirm[static 32]);
/* es_{n+1} from prk and H(INIT || ACK). */
QSP_MUST_USE qsp_err qsp_schedule_rekey_next(const struct qsp_crypto *cx, const struct qsp_kem *kem,
					     const struct qsp_es *prk, struct qsp_bytes init,
					     struct qsp_bytes ack, struct qsp_es *next);
/* The body of DONE behind new_epoch: done[0..L). */
QSP_MUST_USE qsp_err qsp_schedule_rekey_done(const struct qsp_crypto *cx, const struct qsp_kem *kem,
					     const struct qsp_es *next, uint8_t *done);

/* R of an epoch that a rekey has begun [P4.7]. */
QSP_MUST_USE qsp_err qsp_schedule_resume(const struct qsp_crypto *cx, const struct qsp_kem *kem,
					 const struct qsp_es *es, struct qsp_es *r);

QSP_MUST_USE qsp_err qsp_schedule_export(const struct qsp_crypto *cx, const struct qsp_kem *kem,
					 const struct qsp_es *exporter, struct qsp_bytes label,
					 struct qsp_bytes context, uint8_t *out, size_t n);

#endif
