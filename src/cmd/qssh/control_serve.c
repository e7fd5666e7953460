/* SPDX-License-Identifier: ISC */
/*
 * What a client of our connection asks for. Each brings one session or one -W with descriptors of its own,
 * or a command about the connection, or forwards for it.
 */
#include "cmd/qssh/control.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHARE "Allow shared connection"
#define FORWARD "Allow a forward on the shared connection"
#define END "Terminate shared connection"
#define STOP "Disable further multiplexing on shared connection"

/* --- answers --------------------------------------------------------------------------------- */

static void
agree(struct qsp_qssh_control_client *c, uint32_t number)
{
	const struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_OK, .number = number };

	if (!c->answered)
		qsp_qssh_control_say(c, &m);
	c->answered = true;
}

void
qsp_qssh_control_refuse(struct qsp_qssh_control_client *c, const char *why)
{
	const struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_REFUSED,
					      .text = qsp_bytes_str(why) };

	if (!c->answered)
		qsp_qssh_control_say(c, &m);
	c->answered = true;
}

static bool
is_allowed(struct qsp_qssh_control_client *c, const char *what)
{
	bool yes = qsp_qssh_control_allows(c->q, what);

	if (!yes)
		qsp_qssh_control_refuse(c, "the person in front of it said no");
	return yes;
}

static void
say_ended(struct qsp_qssh_control_client *c, int status)
{
	const struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_ENDED,
					      .number = (uint32_t)status };

	agree(c, 0);
	qsp_qssh_control_say(c, &m);
}

/* --- its session ----------------------------------------------------------------------------- */

static void
on_started(struct qsp_qssh_session *s)
{
	const struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_STARTED,
					      .small = s->has_tty };

	agree(s->owner, 0);
	qsp_qssh_control_say(s->owner, &m);
}

static void
on_ended(struct qsp_qssh_session *s)
{
	say_ended(s->owner, s->status);
	qsp_qssh_control_drop(s->owner);
}

static void
on_refused(struct qsp_qssh_session *s, const char *why)
{
	qsp_qssh_control_refuse(s->owner, why);
}

/* It leaves once it has heard so, and then its session goes. */
static void
on_leave(struct qsp_qssh_session *s)
{
	qsp_qssh_pump_finish(&s->pump);
	say_ended(s->owner, QSP_QSSH_FAILED);
}

static void
on_suspend(struct qsp_qssh_session *s)
{
	const struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_SUSPEND };

	qsp_qssh_pump_pause(&s->pump, true);
	qsp_qssh_control_say(s->owner, &m);
}

static void
on_say(struct qsp_qssh_session *s, enum qsp_log_level level, const char *line)
{
	const struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_SAY,
					      .small = (uint8_t)level,
					      .text = qsp_bytes_str(line) };

	qsp_qssh_control_say(s->owner, &m);
}

static const struct qsp_qssh_session_ops session_ops = {
	.started = on_started,
	.ended = on_ended,
	.refused = on_refused,
	.leave = on_leave,
	.suspend = on_suspend,
	.say = on_say,
};

static qsp_err
open_session(struct qsp_qssh_control_client *c, struct qsp_client_control *m)
{
	struct qsp_qssh_session *s = calloc(1, sizeof(*s));

	if (!s)
		return QSP_E_NOMEM;
	c->session = s;
	s->q = c->q;
	s->ops = &session_ops;
	s->owner = c;
	s->plan = m->plan;
	memset(&m->plan, 0, sizeof(m->plan));
	s->escapes.c = m->escape;
	s->stdin_null = m->stdin_null;
	return qsp_qssh_session_open(s, c->std);
}

static void
on_stdfwd_started(void *owner)
{
	const struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_STARTED };

	agree(owner, 0);
	qsp_qssh_control_say(owner, &m);
}

static void
on_stdfwd_refused(void *owner, const char *why)
{
	qsp_qssh_control_refuse(owner, why);
}

static void
on_stdfwd_ended(void *owner, int status)
{
	say_ended(owner, status);
	qsp_qssh_control_drop(owner);
}

static const struct qsp_qssh_stdfwd_ops stdfwd_ops = { on_stdfwd_started, on_stdfwd_refused,
						       on_stdfwd_ended };

static qsp_err
open_stdfwd(struct qsp_qssh_control_client *c, const struct qsp_client_control *m)
{
	char *to = strndup(m->text.n ? (const char *)m->text.p : "", m->text.n);
	qsp_err e = QSP_E_NOMEM;

	if (to)
		e = qsp_qssh_stdfwd_open(c->q, &stdfwd_ops, c, to, c->std, &c->stdfwd);
	free(to);
	return e;
}

/* --- its forwards ---------------------------------------------------------------------------- */

static void
on_forwarded(void *arg, bool ok, uint16_t port, const char *why)
{
	struct qsp_qssh_control_client *c = arg;

	c->forwarding = false;
	if (ok)
		agree(c, port);
	else
		qsp_qssh_control_refuse(c, why);
	c->asked = c->answered = false;
	if (c->closed)
		free(c);
}

static void
forward(struct qsp_qssh_control_client *c, const struct qsp_client_control *m)
{
	char *spec = m->text.n ? strndup((const char *)m->text.p, m->text.n) : NULL;
	const struct qsp_qssh_forward_order order = {
		.kind = (char)m->small, .spec = spec, .shared = true, .done = on_forwarded, .arg = c
	};

	if (!spec || (order.kind != 'L' && order.kind != 'R' && order.kind != 'D')) {
		qsp_qssh_control_refuse(c, "malformed request");
	} else if (m->type == QSP_CLIENT_CONTROL_FORWARD && !is_allowed(c, FORWARD)) {
		;
	} else {
		c->forwarding = true;
		if (m->type == QSP_CLIENT_CONTROL_FORWARD)
			qsp_qssh_forward_add(c->q, &order);
		else
			qsp_qssh_forward_cancel(c->q, &order);
	}
	free(spec);
}

/* --- requests -------------------------------------------------------------------------------- */

static void
open_what(struct qsp_qssh_control_client *c, struct qsp_client_control *m)
{
	bool shell = m->type == QSP_CLIENT_CONTROL_SESSION;
	qsp_err e;

	if (!is_allowed(c, SHARE))
		return;
	for (size_t i = 0; i < 3; i++)
		c->std[i] = qsp_ipc_take(&c->q->control->in, i);
	uv_timer_stop(&c->q->persist);
	e = shell ? open_session(c, m) : open_stdfwd(c, m);
	if (e) {
		qsp_qssh_control_refuse(c, qsp_err_text(e));
		qsp_qssh_program_settle(c->q);
	}
}

static void
on_exit_asked(struct qsp_qssh_control_client *c)
{
	if (!is_allowed(c, END))
		return;
	agree(c, (uint32_t)getpid());
	qsp_qssh_say(QSP_LOG_DEBUG1, "A client asks us to exit");
	c->q->dismissed = true;
	qsp_qssh_contact_leave(c->q, QSP_QSSH_FAILED);
}

static void
on_stop_asked(struct qsp_qssh_control_client *c)
{
	struct qsp_qssh *q = c->q;

	if (!is_allowed(c, STOP))
		return;
	agree(c, (uint32_t)getpid());
	q->dismissed = true;
	qsp_qssh_control_stop(q);
	/* who is there for clients alone stays no longer than these */
	if (q->persisting || (!q->session && !q->stdfwd))
		qsp_qssh_program_end(q, 0);
}

/* Whatever a connection lacks, it can be asked about and ended. */
static bool
brings_data(enum qsp_client_control_type type)
{
	return type == QSP_CLIENT_CONTROL_SESSION || type == QSP_CLIENT_CONTROL_STDFWD ||
	       type == QSP_CLIENT_CONTROL_FORWARD;
}

/* The first message of a client. */
static void
on_request(struct qsp_qssh_control_client *c, struct qsp_client_control *m)
{
	const char *lacks = brings_data(m->type) ? qsp_qssh_shape_lacks(c->q, m->needs) : NULL;

	c->asked = true;
	if (lacks) {
		qsp_qssh_control_refuse(c, lacks);
		return;
	}
	switch (m->type) {
	case QSP_CLIENT_CONTROL_CHECK: agree(c, (uint32_t)getpid()); break;
	case QSP_CLIENT_CONTROL_EXIT: on_exit_asked(c); break;
	case QSP_CLIENT_CONTROL_STOP: on_stop_asked(c); break;
	case QSP_CLIENT_CONTROL_SESSION:
	case QSP_CLIENT_CONTROL_STDFWD: open_what(c, m); break;
	case QSP_CLIENT_CONTROL_FORWARD:
	case QSP_CLIENT_CONTROL_CANCEL: forward(c, m); break;
	default: qsp_qssh_control_refuse(c, "this master does not know that request");
	}
}

void
qsp_qssh_control_take(struct qsp_qssh_control_client *c, struct qsp_client_control *m)
{
	if (!c->asked)
		on_request(c, m);
	else if (!c->session)
		return;
	else if (m->type == QSP_CLIENT_CONTROL_SIGNAL)
		qsp_qssh_session_signal(c->session, (int)m->number);
	else if (m->type == QSP_CLIENT_CONTROL_RESIZE)
		qsp_qssh_session_resize(c->session, m->size);
	else if (m->type == QSP_CLIENT_CONTROL_RESUMED)
		qsp_qssh_pump_pause(&c->session->pump, false);
}
