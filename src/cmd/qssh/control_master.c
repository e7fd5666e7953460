/* SPDX-License-Identifier: ISC */
/*
 * Sharing our connection: a socket that only our user can open, and who has connected to it. When a client
 * goes, what it brought goes.
 */
#include "cmd/qssh/control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/local.h"

#define CLIENTS_MAX 1024

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
	struct qsp_qssh_control_client *c = h->data;

	c->closed = true;
	if (!c->forwarding)
		free(c);
}

void
qsp_qssh_control_drop(struct qsp_qssh_control_client *c)
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

void
qsp_qssh_control_say(struct qsp_qssh_control_client *c, const struct qsp_client_control *m)
{
	uint8_t room[QSP_CLIENT_CONTROL_TEXT_MAX + 16];
	size_t n = sizeof(room);

	if (!c->gone && qsp_client_control_put(m, room, &n) == 0)
		(void)!qsp_ipc_send(c->fd, qsp_bytes(room, n), NULL, 0);
}

static void
on_client(uv_poll_t *h, int status, int events)
{
	struct qsp_qssh_control_client *c = h->data;
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
		qsp_qssh_control_take(c, &m);
		qsp_client_control_wipe(&m);
	} else if (e == QSP_E_INPUT) {
		qsp_qssh_control_refuse(c, "malformed request, or one of another version");
	}
	qsp_ipc_drop(in);
	if (e)
		qsp_qssh_control_drop(c);
}

/* --- the socket ------------------------------------------------------------------------------ */

static void
on_connect(uv_poll_t *h, int status, int events)
{
	struct qsp_qssh *q = h->data;
	int fd = qsp_local_accept(q->control->fd);
	struct qsp_qssh_control_client *c;

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
	(void)qsp_bind_identify(path, &k->name);
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
		qsp_bind_unlink(q->control_path, &k->name);
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
		qsp_qssh_control_drop(k->clients);
	q->control = NULL;
	k->poll.data = k;
	uv_close((uv_handle_t *)&k->poll, on_control_freed);
}
