/* SPDX-License-Identifier: ISC */
/*
 * The legal order of everything [P4.5, P5.1]: (role, state, event) -> handler, next state. Events
 * are messages, answers from outside, and verdicts that a handler raises for the step behind it.
 * steps.c holds the tables and is the only writer of `state` and `rekey_state`.
 */
#ifndef QSP_PROTO_STEPS_H
#define QSP_PROTO_STEPS_H

#include "proto/state.h"

/* What has happened so far. */
enum qsp_state {
	QSP_ST_DEAD = 0,

	QSP_ST_C_NEW,
	QSP_ST_C_SENT_M1,
	QSP_ST_C_GOT_M2,
	QSP_ST_C_WAIT_CERTIFICATE,
	QSP_ST_C_WANT_TRUST,
	QSP_ST_C_SENT_KEM_S,
	QSP_ST_C_WANT_LOGIN,
	QSP_ST_C_LOGIN,
	QSP_ST_C_SENT_REQUEST,
	QSP_ST_C_WANT_DECAPS,
	QSP_ST_C_WANT_SIGN,
	QSP_ST_C_SENT_PROOF,
	QSP_ST_C_PIPELINED,
	QSP_ST_C_INTERACTIVE,
	QSP_ST_C_WANT_REPLY,

	QSP_ST_S_NEW,
	QSP_ST_S_GOT_M1,
	QSP_ST_S_WANT_DH,
	QSP_ST_S_WANT_SS,
	QSP_ST_S_SENT_M2,
	QSP_ST_S_WANT_KEM_S,
	QSP_ST_S_READY,
	QSP_ST_S_ASKED,
	QSP_ST_S_WANT_PROOF,
	QSP_ST_S_WANT_AUTH,
	QSP_ST_S_DECIDED,
	QSP_ST_S_SENT_CHALLENGE,
	QSP_ST_S_RESUMING,
	QSP_ST_S_WANT_VERDICT,
	QSP_ST_S_SENT_PROMPT,
	QSP_ST_S_REFUSED,
	QSP_ST_S_SENT_OK,

	QSP_ST_OPEN,
	QSP_ST_SINK,
	QSP_ST_MAX,
};

enum qsp_rekey_state {
	QSP_RK_IDLE = 0,
	QSP_RK_SENT_INIT, /* server */
	QSP_RK_SENT_ACK,  /* client */
	QSP_RK_MAX,
};

/* 1 to 12 are the kinds of type 1. */
enum qsp_event {
	QSP_EV_NONE = 0,
	QSP_EV_M1 = 16,
	QSP_EV_M2,
	/* answers */
	QSP_EV_START,
	QSP_EV_KEYS,
	QSP_EV_MIXED,
	QSP_EV_TRUSTED,
	QSP_EV_LOGIN,
	QSP_EV_SIGNED,
	QSP_EV_REPLIED,
	QSP_EV_DECIDED,
	/* raised by handlers */
	QSP_EV_ASK_KEYS,
	QSP_EV_LAYOUT_T,
	QSP_EV_ASK_CERTIFICATE,
	QSP_EV_ASK_TRUST,
	QSP_EV_ASK_LOGIN,
	QSP_EV_REQUESTED,
	QSP_EV_ASK_SIGN,
	QSP_EV_PROVED,
	QSP_EV_INTERACTIVE,
	QSP_EV_PIPELINE,
	QSP_EV_RESUME,
	QSP_EV_ASK_AUTH,
	QSP_EV_ASK_PROOF,
	QSP_EV_CHALLENGE,
	QSP_EV_ASK_VERDICT,
	QSP_EV_PROMPT,
	QSP_EV_ACCEPT,
	QSP_EV_PARTIAL,
	QSP_EV_REFUSE,
	QSP_EV_MAX,
};

struct qsp_input {
	struct qsp_now now;
	struct qsp_bytes body;  /* of a message */
	struct qsp_bytes whole; /* kind || u24 length || body; a flight */
	const void *answer;     /* the struct of an answer call */
};

typedef qsp_err (*qsp_handler)(struct qsp_conn *c, const struct qsp_input *in);

/* One step of the handshake, and those that it raises. QSP_E_STATE where an answer fits no want;
 * QSP_E_PROTOCOL where a message has no row. */
QSP_MUST_USE qsp_err qsp_steps_run(struct qsp_conn *c, enum qsp_event ev,
				   const struct qsp_input *in);
/* One step of the control stream once open; kind is that of type 3. */
QSP_MUST_USE qsp_err qsp_steps_control(struct qsp_conn *c, uint8_t kind,
				       const struct qsp_input *in);
/* Server: starts a rekey of these flags now; QSP_E_STATE while one runs. */
QSP_MUST_USE qsp_err qsp_steps_start_rekey(struct qsp_conn *c, const struct qsp_input *in);
/* The connection is over, or a sink. */
void qsp_steps_end(struct qsp_conn *c, bool sink);

/* For tests of the tables: is there a row? */
bool qsp_steps_has(enum qsp_role role, enum qsp_state state, enum qsp_event ev);
bool qsp_steps_has_control(enum qsp_role role, enum qsp_rekey_state state, uint8_t kind);

#endif
