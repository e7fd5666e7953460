/* SPDX-License-Identifier: ISC */
/*
 * An R without a target: who connected at the server says by SOCKS where to go, in the first bytes of the
 * channel, and hears in the channel what came of it.
 */
#include "cmd/qssh/tunnel.h"

#include <string.h>

#include "app/dial.h"
#include "cmd/qssh/qssh.h"

/* What SOCKS has to say goes as data; false: there was no room, and ops->room follows. */
static bool
say_reply(struct qsp_qssh_tunnel *t)
{
	size_t room;
	uint8_t *to;

	if (t->reply.n == 0)
		return true;
	to = qsp_qssh_channel_begin(&t->ch, 0, &room);
	if (!to)
		return false;
	/* a window of less than ten bytes is none */
	if (room >= t->reply.n)
		memcpy(to, t->reply.b, t->reply.n);
	qsp_qssh_channel_commit(&t->ch, room >= t->reply.n ? t->reply.n : 0);
	t->refused = t->refused || room < t->reply.n;
	t->reply.n = 0;
	return true;
}

/* The reply has left: what it was about follows. */
static void
go_on(struct qsp_qssh_tunnel *t)
{
	if (!say_reply(t))
		return;
	if (t->refused)
		qsp_qssh_channel_close(&t->ch);
	else if (t->relay)
		qsp_qssh_tunnel_run(t);
}

static void
on_socks_dialled(void *arg, int fd, const char *why)
{
	struct qsp_qssh_tunnel *t = arg;

	t->dial = NULL;
	if (fd < 0)
		qsp_qssh_say(QSP_LOG_ERROR, "connect_to %s port %u: %s", t->socks->host,
			     (unsigned)t->socks->port, why);
	t->refused = fd < 0 || !qsp_qssh_tunnel_make_relay(t, fd);
	qsp_socks_answer(t->socks, !t->refused, &t->reply);
	go_on(t);
}

static void
dial_asked(struct qsp_qssh_tunnel *t)
{
	const struct qsp_client_list *l = &t->q->cfg.permit_remote_open;
	struct qsp_dial *d;

	for (size_t i = 0; i < l->n; i++) {
		if (!qsp_client_forward_permits(l->v[i], t->socks->host, t->socks->port))
			continue;
		d = qsp_dial_start(&t->q->loop, t->socks->host, t->socks->port, NULL,
				   on_socks_dialled, t);
		if (d)
			t->dial = d;
		return;
	}
	on_socks_dialled(t, -1, "PermitRemoteOpen does not allow it");
}

void
qsp_qssh_tunnel_take_socks(struct qsp_qssh_tunnel *t)
{
	enum qsp_socks_step step;
	size_t used;

	if (t->reply.n > 0 || t->refused || t->dial || t->relay)
		return;
	do {
		step = qsp_socks_take(t->socks, qsp_bytes(t->early, t->n_early), &used, &t->reply);
		t->n_early -= used;
		if (used > 0)
			memmove(t->early, t->early + used, t->n_early);
		qsp_qssh_channel_consumed(&t->ch, used);
	} while (step == QSP_SOCKS_SAY && say_reply(t));
	if (step == QSP_SOCKS_ASKED) {
		dial_asked(t);
	} else if (step == QSP_SOCKS_BAD) {
		t->refused = true;
		go_on(t);
	}
}

void
qsp_qssh_tunnel_say_socks(struct qsp_qssh_tunnel *t)
{
	if (t->reply.n > 0 && (t->refused || t->relay))
		go_on(t);
	else if (t->reply.n > 0 && say_reply(t))
		qsp_qssh_tunnel_take_socks(t);
}
