/* SPDX-License-Identifier: ISC */
/*
 * Sessions that outlive their connections [P4.7]: counts of the Data streams and their ACKs, the
 * secrets by which a session is resumed, and the handlers of method 6. The bytes themselves are
 * kept by whoever owns the stream (qsp_mux_retain).
 */
#ifndef QSP_PROTO_RESUME_H
#define QSP_PROTO_RESUME_H

#include "proto/steps.h"

struct qsp_resumable {
	uint64_t session;
	uint32_t generation, epoch; /* of the latest secret, c->resumption */
	struct qsp_progress count;
	uint64_t told;           /* of count.received, by ACK */
	qsp_time tell_at;        /* mono: an ACK is due then; 0: not by time */
	bool due;                /* an ACK leaves next */
	bool live;               /* past AUTH_OK: can be resumed */
	bool waits;              /* resumed, and the peer's first ACK has not come */
	struct qsp_ticket older; /* server; len 0: none */
};

/* Both sides said yes. */
QSP_MUST_USE qsp_err qsp_resume_grant(struct qsp_conn *c);
void qsp_resume_free(struct qsp_conn *c);
/* An attempt has failed: the next one begins a session of its own. */
void qsp_resume_reset(struct qsp_conn *c);
/* AUTH_OK: from here on the session can be resumed. Then each side's first word in a resumed
 * connection, queued behind what opens epoch 1. */
void qsp_resume_begin(struct qsp_conn *c);
QSP_MUST_USE qsp_err qsp_resume_say_first(struct qsp_conn *c);
/* The next R, from the secret of an epoch that a rekey has begun. */
QSP_MUST_USE qsp_err qsp_resume_advance(struct qsp_conn *c, const struct qsp_es *es);

/* Client: the ticket's secret is mixed, and AUTH_PROOF said; the answer is a struct qsp_login. */
qsp_err qsp_resume_prove(struct qsp_conn *c, const struct qsp_input *in);
/* Server: the ticket, then the proof, then the verdict. */
QSP_MUST_USE qsp_err qsp_resume_on_ticket(struct qsp_conn *c, const struct qsp_decision *d);
qsp_err qsp_resume_on_proof(struct qsp_conn *c, const struct qsp_input *in);
QSP_MUST_USE qsp_err qsp_resume_on_verdict(struct qsp_conn *c, const struct qsp_decision *d);

qsp_err qsp_resume_on_ack(struct qsp_conn *c, const struct qsp_input *in);
QSP_MUST_USE qsp_err qsp_resume_say_ack(struct qsp_conn *c);

/* n bytes of Data were taken; false where none may come yet. */
bool qsp_resume_received(struct qsp_conn *c, struct qsp_now now, size_t n);
void qsp_resume_sent(struct qsp_conn *c, size_t n);
void qsp_resume_tick(struct qsp_conn *c, struct qsp_now now);

bool qsp_resume_ack_due(const struct qsp_conn *c);
/* Client: may not send Data before the server's count is here. */
bool qsp_resume_holds(const struct qsp_conn *c);
bool qsp_resume_is_live(const struct qsp_conn *c);
/* For the first ACK of a connection that resumes: until then the peer says nothing else. */
bool qsp_resume_waits(const struct qsp_conn *c);
/* A cell that does not open is answered with nothing: the peer may have taken the session over, and a
 * CLOSE would end it. */
bool qsp_resume_is_silent(const struct qsp_conn *c);
/* The ticket of a live one. */
struct qsp_ticket qsp_resume_latest(const struct qsp_conn *c);
/* Mono time of the next ACK, or UINT64_MAX. */
qsp_time qsp_resume_tells_at(const struct qsp_conn *c);

#endif
