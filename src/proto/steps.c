/* SPDX-License-Identifier: ISC */
/* The tables of legal order, and the only code that writes a state. */
#include "proto/steps.h"

#include "proto/client.h"
#include "proto/client_auth.h"
#include "proto/engine.h"
#include "proto/rekey.h"
#include "proto/resume.h"
#include "proto/server.h"
#include "proto/server_auth.h"
#include "proto/shape_conn.h"

struct step {
	qsp_handler on;
	uint8_t next;
};

/* A verdict that needs nothing done but to go on. */
static qsp_err
pass(struct qsp_conn *c, const struct qsp_input *in)
{
	(void)c;
	(void)in;
	return QSP_OK;
}

#define C(state) QSP_ST_C_##state
#define S(state) QSP_ST_S_##state

/* clang-format off */
static const struct step client[QSP_ST_MAX][QSP_EV_MAX] = {
	[C(NEW)][QSP_EV_START]                     = { qsp_client_on_start, C(SENT_M1) }, /* [P4.2] */
	[C(SENT_M1)][QSP_EV_M2]                    = { qsp_client_on_m2, C(GOT_M2) }, /* [P4.3] */
	[C(GOT_M2)][QSP_EV_ASK_CERTIFICATE]        = { pass, C(WAIT_CERTIFICATE) },
	[C(GOT_M2)][QSP_EV_ASK_TRUST]              = { pass, C(WANT_TRUST) },
	[C(GOT_M2)][QSP_EV_ASK_LOGIN]              = { pass, C(WANT_LOGIN) },
	[C(WAIT_CERTIFICATE)][QSP_MSG_CERTIFICATE] = { qsp_client_on_certificate, C(GOT_M2) },
	[C(WANT_TRUST)][QSP_EV_TRUSTED]            = { qsp_client_on_trusted, C(SENT_KEM_S) },
	[C(SENT_KEM_S)][QSP_MSG_FIN_S]             = { qsp_client_on_fin_s, C(WANT_LOGIN) },

	/* [P4.5] */
	[C(WANT_LOGIN)][QSP_EV_LOGIN]              = { qsp_client_auth_on_login, C(LOGIN) },
	[C(LOGIN)][QSP_EV_REQUESTED]               = { pass, C(SENT_REQUEST) },
	[C(LOGIN)][QSP_EV_ASK_SIGN]                = { pass, C(WANT_SIGN) },
	[C(LOGIN)][QSP_EV_PROVED]                  = { qsp_client_auth_on_proved, C(SENT_PROOF) },
	[C(LOGIN)][QSP_EV_RESUME]                  = { qsp_resume_prove, C(LOGIN) }, /* [P4.7] */
	[C(LOGIN)][QSP_EV_INTERACTIVE]             = { qsp_client_auth_on_proved, C(INTERACTIVE) },
	[C(SENT_REQUEST)][QSP_MSG_AUTH_CHALLENGE]  = { qsp_client_auth_on_challenge, C(WANT_DECAPS) },
	[C(SENT_REQUEST)][QSP_MSG_AUTH_FAILURE]    = { qsp_client_auth_on_failure, C(WANT_LOGIN) },
	[C(WANT_DECAPS)][QSP_EV_KEYS]              = { qsp_client_auth_on_keys, C(LOGIN) },
	[C(WANT_DECAPS)][QSP_EV_MIXED]             = { qsp_client_auth_on_mixed, C(LOGIN) },
	[C(WANT_SIGN)][QSP_EV_SIGNED]              = { qsp_client_auth_on_signed, C(LOGIN) },
	[C(SENT_PROOF)][QSP_EV_PIPELINE]           = { qsp_client_auth_on_pipeline, C(PIPELINED) },
	[C(SENT_PROOF)][QSP_MSG_AUTH_OK]           = { qsp_client_auth_on_ok, QSP_ST_OPEN },
	[C(SENT_PROOF)][QSP_MSG_AUTH_FAILURE]      = { qsp_client_auth_on_failure, C(WANT_LOGIN) },
	[C(PIPELINED)][QSP_MSG_AUTH_OK]            = { qsp_client_auth_on_ok_pipelined, QSP_ST_OPEN },
	[C(PIPELINED)][QSP_MSG_AUTH_FAILURE]       = { qsp_client_auth_on_last_failure, QSP_ST_DEAD },
	[C(INTERACTIVE)][QSP_MSG_PROMPT]           = { qsp_client_auth_on_prompt, C(WANT_REPLY) },
	[C(INTERACTIVE)][QSP_MSG_AUTH_OK]          = { qsp_client_auth_on_ok, QSP_ST_OPEN },
	[C(INTERACTIVE)][QSP_MSG_AUTH_FAILURE]     = { qsp_client_auth_on_failure, C(WANT_LOGIN) },
	[C(WANT_REPLY)][QSP_EV_REPLIED]            = { qsp_client_auth_on_replied, C(INTERACTIVE) },

	[QSP_ST_OPEN][QSP_MSG_SERVER_INFO]         = { qsp_client_on_server_info, QSP_ST_OPEN }, /* [P4.6] */
};

static const struct step server[QSP_ST_MAX][QSP_EV_MAX] = {
	[S(NEW)][QSP_EV_M1]                        = { qsp_server_on_m1, S(GOT_M1) }, /* [P4.2] */
	[S(GOT_M1)][QSP_EV_LAYOUT_T]               = { qsp_server_on_layout_t, S(SENT_M2) }, /* [P4.3] */
	[S(GOT_M1)][QSP_EV_ASK_KEYS]               = { qsp_server_ask_dh, S(WANT_DH) },
	[S(WANT_DH)][QSP_EV_KEYS]                  = { qsp_server_on_dh, S(WANT_SS) },
	[S(WANT_SS)][QSP_EV_KEYS]                  = { qsp_server_on_ss, S(READY) },
	[S(SENT_M2)][QSP_MSG_KEM_S]                = { qsp_server_on_kem_s, S(WANT_KEM_S) },
	[S(WANT_KEM_S)][QSP_EV_KEYS]               = { qsp_server_on_kem_s_keys, S(READY) },

	/* [P4.5] */
	[S(READY)][QSP_MSG_AUTH_REQUEST]           = { qsp_server_auth_on_request, S(ASKED) },
	[S(REFUSED)][QSP_MSG_AUTH_REQUEST]         = { qsp_server_auth_on_request, S(ASKED) },
	[S(REFUSED)][QSP_MSG_EPOCH]                = { qsp_server_auth_on_epoch_refused, QSP_ST_DEAD },
	[S(ASKED)][QSP_EV_ASK_PROOF]               = { pass, S(WANT_PROOF) },
	[S(ASKED)][QSP_EV_ASK_AUTH]                = { pass, S(WANT_AUTH) },
	[S(ASKED)][QSP_EV_REFUSE]                  = { qsp_server_auth_refuse, S(REFUSED) },
	[S(WANT_PROOF)][QSP_MSG_AUTH_PROOF]        = { qsp_server_auth_on_signature, S(ASKED) },
	[S(WANT_AUTH)][QSP_EV_DECIDED]             = { qsp_server_auth_on_decided, S(DECIDED) },
	[S(DECIDED)][QSP_EV_CHALLENGE]             = { qsp_server_auth_challenge, S(SENT_CHALLENGE) },
	[S(DECIDED)][QSP_EV_RESUME]                = { pass, S(RESUMING) }, /* [P4.7] */
	[S(RESUMING)][QSP_MSG_AUTH_PROOF]          = { qsp_resume_on_proof, S(DECIDED) },
	[S(DECIDED)][QSP_EV_PROMPT]                = { qsp_server_auth_prompt, S(SENT_PROMPT) },
	[S(DECIDED)][QSP_EV_ACCEPT]                = { qsp_server_auth_accept, S(SENT_OK) },
	[S(DECIDED)][QSP_EV_PARTIAL]               = { qsp_server_auth_partial, S(REFUSED) },
	[S(DECIDED)][QSP_EV_REFUSE]                = { qsp_server_auth_refuse, S(REFUSED) },
	[S(SENT_CHALLENGE)][QSP_MSG_AUTH_PROOF]    = { qsp_server_auth_on_proof, S(DECIDED) },
	[S(DECIDED)][QSP_EV_ASK_VERDICT]           = { pass, S(WANT_VERDICT) },
	[S(WANT_VERDICT)][QSP_EV_DECIDED]          = { qsp_server_auth_on_verdict, S(DECIDED) },
	[S(SENT_PROMPT)][QSP_MSG_REPLY]            = { qsp_server_auth_on_reply, S(ASKED) },
	[S(SENT_OK)][QSP_MSG_EPOCH]                = { qsp_server_auth_on_epoch, QSP_ST_OPEN },
};

/* The control stream of an open connection [P5.1], by rekey state and kind. CLOSE is legal always
 * and handled where streams are read. */
static const struct step client_control[QSP_RK_MAX][QSP_MSG_ACK + 1] = {
	[QSP_RK_IDLE][QSP_MSG_REKEY_INIT]          = { qsp_rekey_on_init, QSP_RK_SENT_ACK },
	[QSP_RK_SENT_ACK][QSP_MSG_REKEY_DONE]      = { qsp_rekey_on_done, QSP_RK_IDLE },
	[QSP_RK_IDLE][QSP_MSG_SHAPE]               = { qsp_shape_conn_on_answer, QSP_RK_IDLE },
	[QSP_RK_IDLE][QSP_MSG_PING]                = { qsp_rekey_on_ping, QSP_RK_IDLE },
	[QSP_RK_SENT_ACK][QSP_MSG_SHAPE]           = { qsp_shape_conn_on_answer, QSP_RK_SENT_ACK },
	[QSP_RK_SENT_ACK][QSP_MSG_PING]            = { qsp_rekey_on_ping, QSP_RK_SENT_ACK },
	[QSP_RK_IDLE][QSP_MSG_PONG]                = { qsp_rekey_on_pong, QSP_RK_IDLE },
	[QSP_RK_SENT_ACK][QSP_MSG_PONG]            = { qsp_rekey_on_pong, QSP_RK_SENT_ACK },
	[QSP_RK_IDLE][QSP_MSG_ACK]                 = { qsp_resume_on_ack, QSP_RK_IDLE }, /* [P4.7] */
	[QSP_RK_SENT_ACK][QSP_MSG_ACK]             = { qsp_resume_on_ack, QSP_RK_SENT_ACK },
};

static const struct step server_control[QSP_RK_MAX][QSP_MSG_ACK + 1] = {
	[QSP_RK_SENT_INIT][QSP_MSG_REKEY_ACK]      = { qsp_rekey_on_ack, QSP_RK_IDLE },
	[QSP_RK_IDLE][QSP_MSG_REKEY_REQUEST]       = { qsp_rekey_on_request, QSP_RK_IDLE },
	[QSP_RK_SENT_INIT][QSP_MSG_REKEY_REQUEST]  = { qsp_rekey_ignore, QSP_RK_SENT_INIT },
	[QSP_RK_IDLE][QSP_MSG_SHAPE]               = { qsp_shape_conn_on_asked, QSP_RK_IDLE },
	[QSP_RK_IDLE][QSP_MSG_PING]                = { qsp_rekey_on_ping, QSP_RK_IDLE },
	[QSP_RK_SENT_INIT][QSP_MSG_SHAPE]          = { qsp_shape_conn_on_asked, QSP_RK_SENT_INIT },
	[QSP_RK_SENT_INIT][QSP_MSG_PING]           = { qsp_rekey_on_ping, QSP_RK_SENT_INIT },
	[QSP_RK_IDLE][QSP_MSG_PONG]                = { qsp_rekey_on_pong, QSP_RK_IDLE },
	[QSP_RK_SENT_INIT][QSP_MSG_PONG]           = { qsp_rekey_on_pong, QSP_RK_SENT_INIT },
	[QSP_RK_IDLE][QSP_MSG_ACK]                 = { qsp_resume_on_ack, QSP_RK_IDLE },
	[QSP_RK_SENT_INIT][QSP_MSG_ACK]            = { qsp_resume_on_ack, QSP_RK_SENT_INIT },
};
/* clang-format on */

static const struct step *
row(uint8_t role, uint8_t state, unsigned ev)
{
	return role == QSP_CLIENT ? &client[state][ev] : &server[state][ev];
}

static const struct step *
control_row(uint8_t role, uint8_t state, uint8_t kind)
{
	static const struct step none;

	if (kind > QSP_MSG_ACK)
		return &none;
	return role == QSP_CLIENT ? &client_control[state][kind] : &server_control[state][kind];
}

static bool
is_answer(enum qsp_event ev)
{
	return ev >= QSP_EV_START && ev <= QSP_EV_DECIDED;
}

qsp_err
qsp_steps_run(struct qsp_conn *c, enum qsp_event ev, const struct qsp_input *in)
{
	do {
		const struct step *s = row(c->role, c->state, ev);
		qsp_err e;

		if (!s->on && is_answer(ev))
			return QSP_E_STATE;
		if (!s->on)
			return qsp_engine_fail(c, QSP_E_PROTOCOL,
					       "a handshake message that has no place here");
		c->raised = QSP_EV_NONE;
		if ((e = s->on(c, in)) != 0)
			return e;
		c->state = s->next;
		ev = c->raised;
	} while (ev != QSP_EV_NONE);
	return QSP_OK;
}

qsp_err
qsp_steps_control(struct qsp_conn *c, uint8_t kind, const struct qsp_input *in)
{
	const struct step *s = control_row(c->role, c->rekey_state, kind);
	bool rekey = kind >= QSP_MSG_REKEY_INIT && kind <= QSP_MSG_REKEY_DONE;
	qsp_err e;

	if (kind != QSP_MSG_ACK && qsp_resume_waits(c))
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "another message than the first ACK");
	if (!s->on)
		return rekey ? qsp_engine_fail(c, QSP_E_REKEY, "a rekey message out of its order")
			     : qsp_engine_fail(c, QSP_E_PROTOCOL, "an unknown control message");
	if ((e = s->on(c, in)) != 0)
		return e;
	c->rekey_state = s->next;
	return QSP_OK;
}

qsp_err
qsp_steps_start_rekey(struct qsp_conn *c, const struct qsp_input *in)
{
	qsp_err e;

	if (c->role != QSP_SERVER || c->state != QSP_ST_OPEN || c->rekey_state != QSP_RK_IDLE)
		return QSP_E_STATE;
	if ((e = qsp_rekey_start(c, in)) == 0)
		c->rekey_state = QSP_RK_SENT_INIT;
	return e;
}

void
qsp_steps_end(struct qsp_conn *c, bool sink)
{
	c->state = sink ? QSP_ST_SINK : QSP_ST_DEAD;
}

bool
qsp_steps_has(enum qsp_role role, enum qsp_state state, enum qsp_event ev)
{
	return row((uint8_t)role, (uint8_t)state, ev)->on != NULL;
}

bool
qsp_steps_has_control(enum qsp_role role, enum qsp_rekey_state state, uint8_t kind)
{
	return control_row((uint8_t)role, (uint8_t)state, kind)->on != NULL;
}
