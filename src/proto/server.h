/* SPDX-License-Identifier: ISC */
/*
 * The server's side of the handshake [P4], as handlers of steps.c. Until M2 every failure is
 * QSP_E_SILENT: the caller makes the connection a sink [P4.4].
 */
#ifndef QSP_PROTO_SERVER_H
#define QSP_PROTO_SERVER_H

#include "proto/steps.h"

qsp_err qsp_server_on_m1(struct qsp_conn *c, const struct qsp_input *in);
/* Layout T: M1 is judged and answered. */
qsp_err qsp_server_on_layout_t(struct qsp_conn *c, const struct qsp_input *in);
/* Layout K: asks for the DH with every host key, */
qsp_err qsp_server_ask_dh(struct qsp_conn *c, const struct qsp_input *in);
/* finds the mark and asks for the decapsulation, */
qsp_err qsp_server_on_dh(struct qsp_conn *c, const struct qsp_input *in);
/* and judges and answers M1. The answers are const struct qsp_decaps_answer *, or NULL. */
qsp_err qsp_server_on_ss(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_server_on_kem_s(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_server_on_kem_s_keys(struct qsp_conn *c, const struct qsp_input *in);

#endif
