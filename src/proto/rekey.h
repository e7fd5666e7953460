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
/*
 * Client: POLICY once twice a cell bound has passed [P5.1]. So that its own sending on a long fast
 * link does not get it there before the server's INIT can arrive, it holds data back from one and a
 * half times the bound, asks for the rekey, and waits HOLD_MS for it.
 */
QSP_MUST_USE qsp_err qsp_rekey_overdue(struct qsp_conn *c, struct qsp_now now);
bool qsp_rekey_holds(struct qsp_conn *c, struct qsp_now now);
/* Mono time at which a hold becomes POLICY; UINT64_MAX where none is on. */
qsp_time qsp_rekey_hold_ends(const struct qsp_conn *c);
/* n cell lengths have moved in either direction. */
void qsp_rekey_count(struct qsp_conn *c, struct qsp_now now, size_t bytes);

void qsp_rekey_free(struct qsp_conn *c);

#endif
