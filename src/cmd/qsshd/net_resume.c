/* SPDX-License-Identifier: ISC */
/*
 * A connection that resumes a session [P4.7]. It is first handed to the worker that has the session, and
 * to any worker where nobody has it, so that both take the same way. There the engine gets the
 * session's ticket, or none, judges the proof, and only for a right one asks again: then qsshd-auth says
 * whether this login would be let in today, from there. On its yes the session takes the connection
 * over, and whatever it had before is dropped.
 */
#include "cmd/qsshd/net.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "sys/log.h"

/* --- to the worker that has it -------------------------------------------------------------- */

void
qsp_net_resume_move(struct qsp_net_conn *c)
{
	struct qsp_net *n = c->w->net;
	struct qsp_net_visitor *v = calloc(1, sizeof(*v));
	unsigned worker = qsp_net_random() % n->n_workers;
	struct qsp_auth_question q;
	uint64_t conn;

	if (c->doomed || qsp_conn_auth_question(qsp_drive_conn(c->drive), &q)) {
		free(v);
		return;
	}
	(void)qsp_net_detach_find(n, q.ticket.session, &worker, &conn);
	if (v == NULL) {
		qsp_net_conn_close(c, QSP_REASON_INTERNAL_ERROR, "out of memory");
		return;
	}
	memcpy(v->peer, c->peer, sizeof(v->peer));
	memcpy(v->own, c->own, sizeof(v->own));
	v->peer_port = c->peer_port;
	v->own_port = c->own_port;
	qsp_drive_release(c->drive, &v->line);
	qsp_net_conn_drop(c);
	if (!qsp_net_worker_tell(n->worker[worker],
				 &(struct qsp_net_order){ .type = QSP_NET_MOVE, .visitor = v })) {
		qsp_drive_line_free(&v->line);
		free(v);
	}
}

/* --- the ticket ----------------------------------------------------------------------------- */

/* The session asked for, with the ticket of that name; NULL where there is none of this user. */
static struct qsp_net_conn *
find(struct qsp_net_conn *c, const struct qsp_auth_question *q, struct qsp_ticket *t)
{
	char user[QSP_USER_MAX + 1];
	struct qsp_net_conn *s;
	unsigned worker;
	uint64_t conn;

	*t = (struct qsp_ticket){ 0 };
	qsp_text_printable(q->user, false, user, sizeof(user));
	if (!qsp_net_detach_find(c->w->net, q->ticket.session, &worker, &conn) ||
	    worker != c->w->index || (s = qsp_net_conn_find(c->w, conn)) == NULL || s->doomed ||
	    s->state != QSP_NET_OPEN)
		return NULL;
	for (int older = 0; older < 2; older++) {
		struct qsp_conn *conn_of = qsp_drive_conn(s->drive);

		if (qsp_conn_ticket(conn_of, older, t) == 0 && t->session == q->ticket.session &&
		    t->generation == q->ticket.generation && t->epoch == q->ticket.epoch &&
		    strcmp(s->user, user) == 0)
			return s;
	}
	qsp_mem_wipe(t, sizeof(*t));
	return NULL;
}

static void
answer(struct qsp_net_conn *c, const struct qsp_decision *d)
{
	(void)!qsp_conn_decide(qsp_drive_conn(c->drive), d);
	qsp_drive_kick(c->drive);
}

static void
refuse(struct qsp_net_conn *c)
{
	static const struct qsp_decision no = { .verdict = QSP_AUTH_REFUSE };

	answer(c, &no);
}

static void
give_ticket(struct qsp_net_conn *c, const struct qsp_auth_question *q)
{
	struct qsp_ticket t;
	struct qsp_decision d = { .verdict = QSP_AUTH_ACCEPT, .ticket = &t };
	struct qsp_net_conn *s = find(c, q, &t);

	qsp_text_printable(q->user, false, c->user, sizeof(c->user));
	c->resumes = s != NULL ? s->id : 0;
	if (s == NULL) {
		qsp_log(QSP_LOG_INFO, "Unknown session to resume for %s from %s port %u", c->user,
			c->peer, c->peer_port);
		refuse(c);
	} else {
		answer(c, &d);
	}
	qsp_mem_wipe(&t, sizeof(t));
}

static void
leave(struct qsp_net_conn *c)
{
	struct qsp_net_order order = { .type = QSP_NET_LEAVE, .fd = -1, .conn = c->id };

	if (!qsp_net_worker_tell(c->w, &order))
		qsp_net_conn_close(c, QSP_REASON_INTERNAL_ERROR, "out of memory");
}

void
qsp_net_resume_asked(struct qsp_net_conn *c)
{
	struct qsp_auth_question q;

	if (qsp_conn_auth_question(qsp_drive_conn(c->drive), &q))
		return;
	if (q.has_proof)
		qsp_net_link_ask(c, QSP_NET_ASKING_RESUME);
	else if (!c->visits)
		leave(c);
	else
		give_ticket(c, &q);
}

/* --- the session takes it over -------------------------------------------------------------- */

static void
take_over(struct qsp_net_conn *s, struct qsp_net_conn *c, struct qsp_progress count)
{
	struct qsp_decision d = { .verdict = QSP_AUTH_ACCEPT, .progress = count };
	struct qsp_drive_line line;

	memcpy(s->peer, c->peer, sizeof(s->peer));
	s->peer_port = c->peer_port;
	qsp_drive_release(c->drive, &line);
	qsp_net_conn_drop(c);
	/* an error is the connection's: the drive meets it, and is detached again */
	(void)!qsp_conn_decide(line.conn, &d);
	if (qsp_drive_attach(s->drive, &line)) {
		qsp_drive_line_free(&line);
		(void)qsp_net_detach_lost(s);
		return;
	}
	qsp_net_detach_resumed(s);
}

void
qsp_net_resume_judged(struct qsp_net_conn *c, bool ok)
{
	struct qsp_auth_question q;
	struct qsp_progress count;
	struct qsp_net_conn *s;
	struct qsp_ticket t = { 0 };

	if (qsp_conn_auth_question(qsp_drive_conn(c->drive), &q))
		return;
	s = ok ? find(c, &q, &t) : NULL; /* it may have ended, or gone on elsewhere, meanwhile */
	qsp_mem_wipe(&t, sizeof(t));
	if (s == NULL || s->id != c->resumes ||
	    !qsp_conn_progress(qsp_drive_conn(s->drive), &count) || q.received < count.acked ||
	    q.received > count.sent ||
	    (!qsp_drive_is_detached(s->drive) && !qsp_drive_detach(s->drive))) {
		refuse(c);
		return;
	}
	take_over(s, c, count);
}
