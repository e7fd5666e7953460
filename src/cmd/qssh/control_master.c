/* SPDX-License-Identifier: ISC */
/*
 * Sharing our connection: a socket that only our user can open. Each client brings one session or
 * one -W with descriptors of its own; when it goes, what it brought goes.
 */
#include "cmd/qssh/qssh.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/client_control.h"
#include "app/client_jump.h"
#include "sys/ipc.h"
#include "sys/local.h"

#define CLIENTS_MAX 1024

struct client {
	struct qsp_qssh *q;
	struct client *next, **prev;
	uv_poll_t poll;
	int fd, std[3];
	struct qsp_qssh_session *session;
	struct qsp_qssh_stdfwd *stdfwd;
	bool asked, answered, gone;
	bool forwarding; /* waits for what comes of a FORWARD or CANCEL */
	bool closed;     /* and only for that */
};

struct qsp_qssh_control {
	uv_poll_t poll;
	int fd;
	struct client *clients;
	size_t n_clients;
	struct qsp_ipc_message in;
};

bool
qsp_qssh_control_is_wanted(const struct qsp_qssh *q)
{
	return q->control_path && !q->opt.control && q->cfg.control_master != QSP_CLIENT_NO;
}

bool
qsp_qssh_control_is_used(const struct qsp_qssh *q)
{
	return q->control && q->control->clients;
}

/* --- a client's life ------------------------------------------------------------------------- */

static void
on_freed(uv_handle_t *h)
{
	struct client *c = h->data;

	c->closed = true;
	if (!c->forwarding)
		free(c);
}

/* Its end: the socket closes, and what it brought. */
static void
drop(struct client *c)
{
	struct qsp_qssh *q = c->q;

	if (c->gone)
		return;
	c->gone = true;
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	q->control->n_clients--;
	if (c->session) {
		qsp_qssh_session_signal(c->session, SIGHUP); /* as its terminal would */
		qsp_qssh_session_cleanup(c->session);
		free(c->session);
	}
	qsp_qssh_stdfwd_free(c->stdfwd);
	for (int i = 0; i < 3; i++)
		if (c->std[i] >= 0)
			close(c->std[i]);
	uv_close((uv_handle_t *)&c->poll, on_freed);
	close(c->fd);
}

/* A client that does not take what we say is not waited for: its socket ends, which it sees. */
static void
say(struct client *c, const struct qsp_client_control *m)
{
	uint8_t room[QSP_CLIENT_CONTROL_TEXT_MAX + 16];
	size_t n = sizeof(room);

	if (!c->gone && qsp_client_control_put(m, room, &n) == 0)
		(void)!qsp_ipc_send(c->fd, qsp_bytes(room, n), NULL, 0);
}

static void
agree(struct client *c, uint32_t number)
{
	const struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_OK, .number = number };

	if (!c->answered)
		say(c, &m);
	c->answered = true;
}

static void
refuse(struct client *c, const char *why)
{
	const struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_REFUSED,
					      .text = qsp_bytes_str(why) };

	if (!c->answered)
		say(c, &m);
	c->answered = true;
}

static void
say_ended(struct client *c, int status)
{
	const struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_ENDED,
					      .number = (uint32_t)status };

	agree(c, 0);
	say(c, &m);
}

/* --- its session ----------------------------------------------------------------------------- */

static void
on_started(struct qsp_qssh_session *s)
{
	const struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_STARTED,
					      .small = s->has_tty };

	agree(s->owner, 0);
	say(s->owner, &m);
}

static void
on_ended(struct qsp_qssh_session *s)
{
	say_ended(s->owner, s->status);
	drop(s->owner);
}

static void
on_refused(struct qsp_qssh_session *s, const char *why)
{
	refuse(s->owner, why);
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
	say(s->owner, &m);
}

static void
on_say(struct qsp_qssh_session *s, enum qsp_log_level level, const char *line)
{
	const struct qsp_client_control m = { .type = QSP_CLIENT_CONTROL_SAY,
					      .small = (uint8_t)level,
					      .text = qsp_bytes_str(line) };

	say(s->owner, &m);
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
open_session(struct client *c, struct qsp_client_control *m)
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
	say(owner, &m);
}

static void
on_stdfwd_refused(void *owner, const char *why)
{
	refuse(owner, why);
}

static void
on_stdfwd_ended(void *owner, int status)
{
	say_ended(owner, status);
	drop(owner);
}

static const struct qsp_qssh_stdfwd_ops stdfwd_ops = { on_stdfwd_started, on_stdfwd_refused,
						       on_stdfwd_ended };

static qsp_err
open_stdfwd(struct client *c, const struct qsp_client_control *m)
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
	struct client *c = arg;

	c->forwarding = false;
	if (ok)
		agree(c, port);
	else
		refuse(c, why);
	c->asked = c->answered = false;
	if (c->closed)
		free(c);
}

static void
forward(struct client *c, const struct qsp_client_control *m)
{
	char *spec = m->text.n ? strndup((const char *)m->text.p, m->text.n) : NULL;
	const struct qsp_qssh_forward_order order = {
		.kind = (char)m->small, .spec = spec, .shared = true, .done = on_forwarded, .arg = c
	};

	if (!spec || (order.kind != 'L' && order.kind != 'R' && order.kind != 'D')) {
		refuse(c, "malformed request");
	} else if (!qsp_qssh_control_allows(c->q)) {
		refuse(c, "the person in front of it said no");
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
open_what(struct client *c, struct qsp_client_control *m)
{
	bool shell = m->type == QSP_CLIENT_CONTROL_SESSION;
	qsp_err e;

	if (!qsp_qssh_control_allows(c->q)) {
		refuse(c, "the person in front of it said no");
		return;
	}
	for (size_t i = 0; i < 3; i++)
		c->std[i] = qsp_ipc_take(&c->q->control->in, i);
	uv_timer_stop(&c->q->persist);
	e = shell ? open_session(c, m) : open_stdfwd(c, m);
	if (e) {
		refuse(c, qsp_err_text(e));
		qsp_qssh_program_settle(c->q);
	}
}

static void
on_exit_asked(struct client *c)
{
	agree(c, (uint32_t)getpid());
	qsp_qssh_say(QSP_LOG_DEBUG1, "A client asks us to exit");
	c->q->dismissed = true;
	qsp_qssh_contact_leave(c->q, QSP_QSSH_FAILED);
}

static void
on_stop_asked(struct client *c)
{
	struct qsp_qssh *q = c->q;

	agree(c, (uint32_t)getpid());
	q->dismissed = true;
	qsp_qssh_control_stop(q);
	/* who is there for clients alone stays no longer than these */
	if (q->persisting || (!q->session && !q->stdfwd))
		qsp_qssh_program_end(q, 0);
}

/* The first message of a client. */
static void
on_request(struct client *c, struct qsp_client_control *m)
{
	c->asked = true;
	if (qsp_qssh_shape_lacks(c->q, m->needs)) {
		refuse(c, qsp_qssh_shape_lacks(c->q, m->needs));
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
	default: refuse(c, "this master does not know that request");
	}
}

static void
on_message(struct client *c, struct qsp_client_control *m)
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

static void
on_client(uv_poll_t *h, int status, int events)
{
	struct client *c = h->data;
	struct qsp_ipc_message *in = &c->q->control->in;
	struct qsp_client_control m;
	qsp_err e = qsp_ipc_recv(c->fd, in);

	(void)events;
	if (status <
	    0) /* met again by recv, after what was sent before; libuv has stopped the handle */
		uv_poll_start(h, UV_READABLE, on_client);
	if (e == QSP_E_ROOM)
		return;
	if (!e)
		e = qsp_client_control_get(qsp_bytes(in->data, in->n), &m);
	if (!e && in->n_fds != qsp_client_control_fds(m.type)) {
		qsp_client_control_wipe(&m);
		e = QSP_E_INPUT;
	}
	if (!e) {
		on_message(c, &m);
		qsp_client_control_wipe(&m);
	} else if (e == QSP_E_INPUT) {
		refuse(c, "malformed request, or one of another version");
	}
	qsp_ipc_drop(in);
	if (e)
		drop(c);
}

/* --- the socket ------------------------------------------------------------------------------ */

static void
on_connect(uv_poll_t *h, int status, int events)
{
	struct qsp_qssh *q = h->data;
	int fd = qsp_local_accept(q->control->fd);
	struct client *c;

	(void)status;
	(void)events;
	if (fd < 0) {
		if (errno == EPERM)
			qsp_qssh_say(QSP_LOG_ERROR, "qssh: the control socket was opened by a "
						    "stranger, and closed");
		return;
	}
	c = q->control->n_clients < CLIENTS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c || uv_poll_init(&q->loop, &c->poll, fd) != 0) {
		free(c);
		close(fd);
		return;
	}
	c->q = q;
	c->fd = fd;
	c->std[0] = c->std[1] = c->std[2] = -1;
	c->poll.data = c;
	c->prev = &q->control->clients;
	c->next = q->control->clients;
	if (c->next)
		c->next->prev = &c->next;
	q->control->clients = c;
	q->control->n_clients++;
	uv_poll_start(&c->poll, UV_READABLE, on_client);
}

bool
qsp_qssh_control_listen(struct qsp_qssh *q)
{
	struct qsp_qssh_control *k = calloc(1, sizeof(*k));
	const char *path = q->control_path;
	qsp_err e = k ? qsp_local_listen(path, &k->fd) : QSP_E_NOMEM;

	if (e == QSP_E_STATE)
		qsp_qssh_say(QSP_LOG_ERROR,
			     "ControlSocket %s already exists, disabling multiplexing", path);
	else if (e)
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: control socket %s: %s", path,
			     e == QSP_E_ROOM ? "name too long" : strerror(errno));
	if (e) {
		free(k);
		return false;
	}
	q->control = k;
	uv_poll_init(&q->loop, &k->poll, k->fd);
	k->poll.data = q;
	uv_poll_start(&k->poll, UV_READABLE, on_connect);
	qsp_qssh_say(QSP_LOG_DEBUG1, "Sharing this connection as %s", path);
	return true;
}

static void
stop(struct qsp_qssh *q, bool keep)
{
	struct qsp_qssh_control *k = q->control;

	if (!k || k->fd < 0)
		return;
	uv_poll_stop(&k->poll);
	close(k->fd);
	k->fd = -1;
	if (!keep)
		(void)unlink(q->control_path);
}

void
qsp_qssh_control_stop(struct qsp_qssh *q)
{
	stop(q, false);
}

static void
on_control_freed(uv_handle_t *h)
{
	free(h->data);
}

void
qsp_qssh_control_free(struct qsp_qssh *q, bool keep)
{
	struct qsp_qssh_control *k = q->control;

	if (!k)
		return;
	stop(q, keep);
	while (k->clients)
		drop(k->clients);
	q->control = NULL;
	k->poll.data = k;
	uv_close((uv_handle_t *)&k->poll, on_control_freed);
}
