/* SPDX-License-Identifier: ISC */
/*
 * Logging in, the client's side [P4.5], as handlers of steps.c.
 */
#ifndef QSP_PROTO_CLIENT_AUTH_H
#define QSP_PROTO_CLIENT_AUTH_H

#include "proto/steps.h"

/* LOGIN: answer is a const struct qsp_login *. */
qsp_err qsp_client_auth_on_login(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_client_auth_on_challenge(struct qsp_conn *c, const struct qsp_input *in);
/* KEYS: answer is a const struct qsp_decaps_answer *, or NULL where the key cannot be used. */
qsp_err qsp_client_auth_on_keys(struct qsp_conn *c, const struct qsp_input *in);
/* MIXED: answer is a const struct qsp_bytes *: ck after both MixKeys, of the right length. */
qsp_err qsp_client_auth_on_mixed(struct qsp_conn *c, const struct qsp_input *in);
/* SIGNED: answer is a const struct qsp_bytes *, empty where the key cannot be used. */
qsp_err qsp_client_auth_on_signed(struct qsp_conn *c, const struct qsp_input *in);
/* Raised once the last message of an attempt is on its way. */
qsp_err qsp_client_auth_on_proved(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_client_auth_on_pipeline(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_client_auth_on_ok(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_client_auth_on_ok_pipelined(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_client_auth_on_failure(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_client_auth_on_last_failure(struct qsp_conn *c, const struct qsp_input *in);
qsp_err qsp_client_auth_on_prompt(struct qsp_conn *c, const struct qsp_input *in);
/* REPLIED: answer is a const struct qsp_reply *. */
qsp_err qsp_client_auth_on_replied(struct qsp_conn *c, const struct qsp_input *in);

#endif
