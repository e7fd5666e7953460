/* SPDX-License-Identifier: ISC */
/*
 * Logging in, the server's side [P4.5], as handlers of steps.c.
 */
#ifndef QSP_PROTO_SERVER_AUTH_H
#define QSP_PROTO_SERVER_AUTH_H

#include "proto/steps.h"

qsp_err qsp_server_auth_on_request(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_server_auth_on_signature(struct qsp_conn *c, const struct qsp_input *in);
/* DECIDED: answer is a const struct qsp_decision *. */
qsp_err qsp_server_auth_on_decided(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_server_auth_challenge(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_server_auth_on_proof(struct qsp_conn *c, const struct qsp_input *in);
/* DECIDED about a proof that was made for a challenge from outside. */
qsp_err qsp_server_auth_on_verdict(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_server_auth_prompt(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_server_auth_on_reply(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_server_auth_accept(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_server_auth_partial(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_server_auth_refuse(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_server_auth_on_epoch(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_server_auth_on_epoch_refused(struct qsp_conn *c, const struct qsp_input *in);

#endif
