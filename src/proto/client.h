/* SPDX-License-Identifier: ISC */
/*
 * The client's side of the handshake [P4], as handlers of steps.c: each consumes one message or
 * answer on a copy of the transcript and commits it last.
 */
#ifndef QSP_PROTO_CLIENT_H
#define QSP_PROTO_CLIENT_H

#include "proto/steps.h"

/* START: answer is a const struct qsp_peer *; makes M1. */
qsp_err qsp_client_on_start(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_client_on_m2(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_client_on_certificate(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_client_on_trusted(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_client_on_fin_s(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_client_on_server_info(struct qsp_conn *c, const struct qsp_input *in);

#endif
