/* SPDX-License-Identifier: ISC */
/*
 * Changing keys while data flows [P5.1], and the rest of the control stream, as handlers of
 * steps.c.
 */
#ifndef QSP_PROTO_REKEY_H
#define QSP_PROTO_REKEY_H

#include "proto/steps.h"

/* Server: INIT with c->request_flags. */
qsp_err qsp_rekey_start(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_rekey_on_init(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_rekey_on_ack(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_rekey_on_done(struct qsp_conn *c, const struct qsp_input *in);
/* Server: the client asks; noted, and started by qsp_rekey_due. */
qsp_err qsp_rekey_on_request(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_rekey_ignore(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_rekey_on_ping(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_rekey_on_pong(struct qsp_conn *c, const struct qsp_input *in);

/* Server: is a key change due by cells, time or request, and possible now? Sets request_flags. */
bool qsp_rekey_due(struct qsp_conn *c, struct qsp_now now);
/* Client: POLICY once twice a cell bound has passed [P5.1]. */
QSP_MUST_USE qsp_err qsp_rekey_overdue(struct qsp_conn *c);
/* n cell lengths have moved in either direction. */
void qsp_rekey_count(struct qsp_conn *c, struct qsp_now now, size_t bytes);

void qsp_rekey_free(struct qsp_conn *c);

#endif
