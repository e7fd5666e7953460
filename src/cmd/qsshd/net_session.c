/* SPDX-License-Identifier: ISC */
/*
 * The socket between a connection and its qsshd-session. The session is started by qsshd-auth at the
 * first channel; what is to be said before the socket is there, or while it is full, waits here,
 * bounded. A session that dies takes its channels with it; the next channel gets a new one.
 */
#include "cmd/qsshd/net.h"

#include <stdlib.h>
#include <unistd.h>

#include "sys/log.h"

#define MESSAGES 64 /* of a session, a turn: it is its user's, and others wait behind it */

static void
on_closed(uv_handle_t *h)
{
	free(h->data);
}

static void
forget_letters(struct qsp_net_conn *c)
{
	while (c->outbox != NULL) {
		struct qsp_net_letter *l = c->outbox;

		c->outbox = l->next;
		free(l);
	}
	c->outbox_end = &c->outbox;
	c->outbox_n = 0;
}

/* Closing the socket is what ends the session process. */
void
qsp_net_session_end(struct qsp_net_conn *c)
{
	struct qsp_net_socket *s = c->session;

	c->session = NULL;
	c->session_asked = false;
	forget_letters(c);
	if (s != NULL) {
		s->c = NULL;
		uv_close((uv_handle_t *)&s->poll, on_closed);
		close(s->fd);
	}
}

static void
session_lost(struct qsp_net_conn *c)
{
	qsp_net_session_end(c);
	qsp_net_forward_orphaned(c);
	for (struct qsp_net_channel *ch = c->channels; ch != NULL; ch = ch->next)
		qsp_net_channel_orphaned(ch);
	qsp_drive_kick(c->drive);
}

void
qsp_net_session_want(struct qsp_net_conn *c)
{
	if (c->session_asked)
		return;
	c->session_asked = true;
	c->outbox_end = &c->outbox;
	qsp_net_link_say(c, QSP_RPC_SESSION);
}

/* --- from the session ----------------------------------------------------------------------- */

/* A short message `u32 channel, u8 ok`. */
static struct qsp_net_channel *
get_answer(struct qsp_net_conn *c, struct qsp_bytes body, bool *ok)
{
	struct qsp_reader r = qsp_reader_of(body);
	uint32_t id = qsp_reader_u32(&r);

	*ok = qsp_reader_u8(&r) == 1;
	return qsp_reader_done(&r) ? NULL : qsp_net_channel_find(c, id);
}

static void
handle(struct qsp_net_conn *c, struct qsp_ipc_message *m)
{
	struct qsp_bytes body = qsp_bytes(m->data + 1, m->n - 1);
	struct qsp_net_channel *ch;
	struct qsp_rpc_exit gone;
	bool ok;

	switch (m->data[0]) {
	case QSP_RPC_STARTED:
		ch = get_answer(c, body, &ok);
		if (ch != NULL)
			qsp_net_channel_started(ch, ok, m);
		break;
	case QSP_RPC_REPLY:
		ch = get_answer(c, body, &ok);
		if (ch != NULL)
			qsp_net_channel_replied(ch, ok);
		break;
	case QSP_RPC_EXIT:
		if (qsp_rpc_get_exit(body, &gone) == 0 &&
		    (ch = qsp_net_channel_find(c, gone.channel)) != NULL)
			qsp_net_channel_exited(ch, &gone);
		break;
	default: (void)qsp_net_forward_handle(c, m); break;
	}
}

static void
send_letters(struct qsp_net_conn *c)
{
	while (c->outbox != NULL) {
		struct qsp_net_letter *l = c->outbox;

		if (qsp_ipc_send(c->session->fd, qsp_bytes(l->data, l->n), NULL, 0) == QSP_E_ROOM)
			return;
		c->outbox = l->next;
		if (c->outbox == NULL)
			c->outbox_end = &c->outbox;
		c->outbox_n -= l->n;
		free(l);
	}
}

static void on_poll(uv_poll_t *h, int status, int events);

static void
watch(struct qsp_net_conn *c)
{
	int events = UV_READABLE | (c->outbox != NULL ? UV_WRITABLE : 0);

	(void)uv_poll_start(&c->session->poll, events, on_poll);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct qsp_net_socket *s = h->data;
	struct qsp_net_conn *c = s->c;
	struct qsp_ipc_message *m;
	qsp_err e = 0;

	if (c == NULL)
		return;
	m = c->w->message;
	if (status < 0 || (events & UV_READABLE)) {
		for (int i = 0; i < MESSAGES && (e = qsp_ipc_recv(s->fd, m)) == 0; i++) {
			handle(c, m);
			qsp_ipc_drop(m);
		}
	}
	if (e && e != QSP_E_ROOM) {
		session_lost(c);
		return;
	}
	send_letters(c);
	watch(c);
	qsp_drive_kick(c->drive);
}

/* --- to the session ------------------------------------------------------------------------- */

void
qsp_net_session_started(struct qsp_net_conn *c, int fd)
{
	struct qsp_net_socket *s;

	if (fd < 0) {
		qsp_log(QSP_LOG_ERROR, "no session for user %s from %s port %u", c->user, c->peer,
			c->peer_port);
		session_lost(c);
		return;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL || c->session != NULL || !c->session_asked ||
	    uv_poll_init(&c->w->loop, &s->poll, fd) != 0) {
		free(s);
		close(fd);
		return;
	}
	s->c = c;
	s->fd = fd;
	s->poll.data = s;
	c->session = s;
	send_letters(c);
	watch(c);
}

void
qsp_net_session_send(struct qsp_net_conn *c, const struct qsp_writer *w)
{
	struct qsp_bytes b = qsp_writer_bytes(w);
	struct qsp_net_letter *l;

	if (qsp_writer_done(w) || !c->session_asked)
		return;
	if (c->session != NULL && c->outbox == NULL &&
	    qsp_ipc_send(c->session->fd, b, NULL, 0) != QSP_E_ROOM)
		return; /* a dead session is met by its reader */
	l = c->outbox_n + b.n <= QSP_NET_OUTBOX_MAX ? malloc(sizeof(*l) + b.n) : NULL;
	if (l == NULL) {
		qsp_net_conn_close(c, QSP_REASON_POLICY, "too many requests wait for the session");
		return;
	}
	l->next = NULL;
	l->n = b.n;
	memcpy(l->data, b.p, b.n);
	*c->outbox_end = l;
	c->outbox_end = &l->next;
	c->outbox_n += b.n;
	if (c->session != NULL)
		watch(c);
}
