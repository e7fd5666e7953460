/* SPDX-License-Identifier: ISC */
/*
 * Operations on a connection that several files of src/proto need: lanes, failure, small helpers.
 */
#ifndef QSP_PROTO_ENGINE_H
#define QSP_PROTO_ENGINE_H

#include "proto/queue.h"
#include "proto/steps.h"

/* Notes where an error arose, for the log, and returns it. why is static. */
qsp_err qsp_engine_fail(struct qsp_conn *c, qsp_err e, const char *why);

/* Keys of `epoch` from es for what is sent, or received; the old ones are wiped. */
QSP_MUST_USE qsp_err qsp_engine_switch_tx(struct qsp_conn *c, const struct qsp_es *es,
					  uint32_t epoch);
QSP_MUST_USE qsp_err qsp_engine_switch_rx(struct qsp_conn *c, const struct qsp_es *es,
					  uint32_t epoch);
/* Once both directions are in es_next's epoch, es becomes it. */
void qsp_engine_settle(struct qsp_conn *c);

/* es_0 from the transcript; both directions enter epoch 0 [P4.5]. */
QSP_MUST_USE qsp_err qsp_engine_enter_epoch_0(struct qsp_conn *c, struct qsp_transcript *t);
/* es_1 (into es_next), exporter and resumption from the transcript [P4.5]. */
QSP_MUST_USE qsp_err qsp_engine_derive_epoch_1(struct qsp_conn *c, struct qsp_transcript *t);

/* Mixes a message that waits in o, then queues it; frees it on error. */
QSP_MUST_USE qsp_err qsp_engine_say(struct qsp_conn *c, struct qsp_transcript *t,
				    struct qsp_outgoing *o, struct qsp_writer *w,
				    enum qsp_then then);

/* The handshake's memory goes. */
void qsp_engine_free_handshake(struct qsp_conn *c);

/* The milliseconds of a timed rekey, with jitter, from now; 0 where it is off. */
qsp_time qsp_engine_kem_due(struct qsp_conn *c, struct qsp_now now);

static inline const struct qsp_crypto *
qsp_engine_crypto(const struct qsp_conn *c)
{
	return c->cfg->cx;
}

#endif
