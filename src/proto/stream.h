/* SPDX-License-Identifier: ISC */
/*
 * The byte streams of types 1, 3 and 4 [P2.6]: messages cut out of records and handed to their
 * steps. A message that stands whole in a record is handled where it stands.
 */
#ifndef QSP_PROTO_STREAM_H
#define QSP_PROTO_STREAM_H

#include "proto/state.h"

/* What a record of type 1, 3 or 4 holds. */
QSP_MUST_USE qsp_err qsp_stream_take(struct qsp_conn *c, struct qsp_now now,
				     const struct qsp_record *rec);

/* Server: a question was answered; handles what waited behind it. */
QSP_MUST_USE qsp_err qsp_stream_resume(struct qsp_conn *c, struct qsp_now now);

/* True while a server may not read on, because a question is open. */
bool qsp_stream_parked(const struct qsp_conn *c);

void qsp_stream_free(struct qsp_conn *c);

#endif
