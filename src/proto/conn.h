/* SPDX-License-Identifier: ISC */
/*
 * What the files behind <qsp/conn.h> share.
 */
#ifndef QSP_PROTO_CONN_H
#define QSP_PROTO_CONN_H

#include "proto/engine.h"

/* The first error sticks and decides what the peer may learn: nothing in a sink [P4.4], else a
 * CLOSE where there are keys for one [P5.3]. Returns e. */
qsp_err qsp_conn_fail(struct qsp_conn *c, struct qsp_now now, qsp_err e);

/* One answer from outside, and what waited behind it. */
QSP_MUST_USE qsp_err qsp_conn_answer(struct qsp_conn *c, enum qsp_event ev, const void *answer);

/* Server: starts the key change that is due, if one is. */
QSP_MUST_USE qsp_err qsp_conn_maybe_rekey(struct qsp_conn *c, struct qsp_now now);

/*
 * The machine has slept for ms, which c's clock did not count: keys are so much older, and so long it
 * is since the last SHAPE, as the peer has counted it. A peer is given no less time to answer.
 */
void qsp_conn_slept(struct qsp_conn *c, qsp_time ms);

#endif
