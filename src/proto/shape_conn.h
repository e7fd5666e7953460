/* SPDX-License-Identifier: ISC */
/*
 * SHAPE inside a connection [P5.1, P8]: the client asks, the server answers, and both know what
 * they have agreed on. Whoever moves the bytes (src/app) keeps to it with a struct qsp_shape.
 */
#ifndef QSP_PROTO_SHAPE_CONN_H
#define QSP_PROTO_SHAPE_CONN_H

#include "proto/shape.h"
#include "proto/steps.h"

/* Server: what it allows; by default plain and padded. */
void qsp_shape_conn_allow(struct qsp_config *cfg, const struct qsp_shape_allowed *a);

/*
 * Client: asks for p. Asked before the connection is open it is the first thing behind EPOCH; and
 * where it is stealth, no data leaves before the server has agreed, and QSP_E_POLICY ends the
 * connection where it does not. QSP_E_UNSUPPORTED on a wire without Noise; QSP_E_STATE while an
 * earlier one has no answer, or where P8 does not let p follow.
 */
QSP_MUST_USE qsp_err qsp_shape_conn_ask(struct qsp_conn *c, struct qsp_now now,
					const struct qsp_shape_params *p);
/* What to send under: false as long as nothing was agreed, or said, on our side. *changes grows with
 * each change. */
bool qsp_shape_conn_now(const struct qsp_conn *c, struct qsp_shape_params *p, uint32_t *changes);
/* Begins to shape under it, with the connection's random source and role. */
QSP_MUST_USE qsp_err qsp_shape_conn_begin(const struct qsp_conn *c, struct qsp_shape *s,
					  uint64_t now);
/* Client: what the server announced [P4.6]; false where it has not. */
bool qsp_shape_conn_announced(const struct qsp_conn *c, struct qsp_shape_allowed *a);

/* For the engine: SHAPE came; SHAPE is to be queued; may data leave? */
QSP_MUST_USE qsp_err qsp_shape_conn_on_asked(struct qsp_conn *c, const struct qsp_input *in);
QSP_MUST_USE qsp_err qsp_shape_conn_on_answer(struct qsp_conn *c, const struct qsp_input *in);
QSP_MUST_USE qsp_err qsp_shape_conn_say(struct qsp_conn *c);
bool qsp_shape_conn_holds(const struct qsp_conn *c);

#endif
