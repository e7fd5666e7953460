/* SPDX-License-Identifier: ISC */
/*
 * What a thread lends to its connections: cipher contexts that remember the last key, and scratch.
 */
#ifndef QSP_PROTO_WORKER_H
#define QSP_PROTO_WORKER_H

#include "proto/state.h"

/* A context of this worker with the lane's keys scheduled. */
QSP_MUST_USE qsp_err qsp_worker_sealer(struct qsp_worker *w, const struct qsp_aead *a,
				       const struct qsp_lane *l, struct qsp_aead_ctx **x);
QSP_MUST_USE qsp_err qsp_worker_opener(struct qsp_worker *w, const struct qsp_aead *a,
				       const struct qsp_lane *l, struct qsp_aead_ctx **x);

/* Of the lane's next record: epoch || seq [P2.1]. */
void qsp_worker_nonce(const struct qsp_lane *l, uint8_t nonce[static QSP_AEAD_NONCE_LEN]);

/* Names a lane's new keys; forgets its old ones, here and in the contexts. */
void qsp_worker_adopt(struct qsp_worker *w, struct qsp_lane *l);
void qsp_worker_forget(struct qsp_worker *w, struct qsp_lane *l);

/* One cell of plaintext; used within a single call. */
uint8_t *qsp_worker_scratch(struct qsp_worker *w);

const struct qsp_crypto *qsp_worker_crypto(const struct qsp_worker *w);

#endif
