/* SPDX-License-Identifier: ISC */
/*
 * Who an event concerns. A channel that found no room waits for its turn (app/turns.h); an idle one
 * waits nowhere and costs nothing.
 */
#include "cmd/qssh/qssh.h"

#include <stdlib.h>

/* --- what the server may ask of us ----------------------------------------------------------- */

/* Channels that the server opens, by type. The handler accepts or refuses. */
static const struct {
	const char *type;
	void (*open)(struct qsp_qssh *q, const struct qsp_mux_event *ev);
} offers[] = {
	{ "forwarded-tcpip", qsp_qssh_remote_offer },
	{ "forwarded-streamlocal@openssh.com", qsp_qssh_remote_offer },
	{ "auth-agent@openssh.com", qsp_qssh_agent_offered },
	{ NULL, NULL },
};

/* Global requests of the server, by name; true: success. */
static const struct {
	const char *name;
	bool (*request)(struct qsp_qssh *q, struct qsp_bytes body);
} requests[] = {
	{ NULL, NULL },
};

static void
on_offer(struct qsp_qssh *q, const struct qsp_mux_event *ev)
{
	for (size_t i = 0; offers[i].type; i++) {
		if (qsp_bytes_is(ev->name, offers[i].type)) {
			offers[i].open(q, ev);
			return;
		}
	}
	qsp_qssh_channel_refuse(q, ev, 3, "not offered");
}

static void
on_global(struct qsp_qssh *q, const struct qsp_mux_event *ev)
{
	bool success = false; /* keepalive@openssh.com is answered by any answer */

	for (size_t i = 0; requests[i].name; i++)
		if (qsp_bytes_is(ev->name, requests[i].name))
			success = requests[i].request(q, ev->body);
	if (ev->want_reply)
		(void)!qsp_mux_global_reply(qsp_qssh_contact_mux(q), success, QSP_BYTES_NONE);
	qsp_qssh_contact_kick(q);
}

/* --- global requests of ours ----------------------------------------------------------------- */

static void
on_global_reply(struct qsp_qssh *q, bool success, struct qsp_bytes body)
{
	struct qsp_qssh_channels *s = &q->channels;
	struct qsp_qssh_global *g = s->globals;

	if (!g)
		return;
	s->globals = g->next;
	if (!s->globals)
		s->globals_end = NULL;
	g->reply(g->arg, success, body);
	free(g);
}

qsp_err
qsp_qssh_channel_global(struct qsp_qssh *q, const char *name, struct qsp_bytes body,
			qsp_qssh_reply *reply, void *arg)
{
	struct qsp_qssh_channels *s = &q->channels;
	struct qsp_qssh_global *g = reply ? malloc(sizeof(*g)) : NULL;
	qsp_err e;

	if (reply && !g)
		return QSP_E_NOMEM;
	e = qsp_mux_global(qsp_qssh_contact_mux(q), name, reply != NULL, body);
	if (e || !g) {
		free(g);
	} else {
		*g = (struct qsp_qssh_global){ .reply = reply, .arg = arg };
		*(s->globals ? s->globals_end : &s->globals) = g;
		s->globals_end = &g->next;
	}
	qsp_qssh_contact_kick(q);
	return e;
}

/* --- room ------------------------------------------------------------------------------------ */

void
qsp_qssh_channel_serve(struct qsp_qssh *q)
{
	qsp_turns_serve(&q->channels.turns, qsp_qssh_contact_mux(q));
}

static void
on_turn(struct qsp_turn *t)
{
	struct qsp_qssh_channel *ch =
		(struct qsp_qssh_channel *)(void *)((char *)t -
						    offsetof(struct qsp_qssh_channel, turn));

	ch->ops->room(ch);
}

uint8_t *
qsp_qssh_channel_begin(struct qsp_qssh_channel *ch, uint32_t code, size_t *room)
{
	*room = 0;
	if (!ch->up)
		return NULL;
	return qsp_turns_begin(&ch->q->channels.turns, &ch->turn, qsp_qssh_contact_mux(ch->q),
			       ch->id, code, room);
}

void
qsp_qssh_channel_commit(struct qsp_qssh_channel *ch, size_t n)
{
	qsp_mux_data_commit(qsp_qssh_contact_mux(ch->q), n);
	if (n)
		qsp_qssh_contact_kick(ch->q);
}

/* --- coming and going ------------------------------------------------------------------------ */

static void
put_up(struct qsp_qssh *q, struct qsp_qssh_channel *ch, uint32_t id)
{
	struct qsp_qssh_channels *s = &q->channels;

	ch->id = id;
	ch->up = true;
	ch->next = s->all;
	ch->prev = &s->all;
	if (ch->next)
		ch->next->prev = &ch->next;
	s->all = ch;
}

static void
take_down(struct qsp_qssh_channel *ch)
{
	if (!ch->up)
		return;
	qsp_turns_leave(&ch->q->channels.turns, &ch->turn);
	ch->up = false;
	*ch->prev = ch->next;
	if (ch->next)
		ch->next->prev = ch->prev;
}

qsp_err
qsp_qssh_channel_open(struct qsp_qssh *q, struct qsp_qssh_channel *ch,
		      const struct qsp_qssh_channel_ops *ops, const char *type,
		      struct qsp_bytes body)
{
	uint32_t id;
	qsp_err e = qsp_mux_open(qsp_qssh_contact_mux(q), type, body, ch, &id);

	*ch = (struct qsp_qssh_channel){ .ops = ops, .q = q, .turn = { .serve = on_turn } };
	if (e)
		return e;
	put_up(q, ch, id);
	qsp_qssh_contact_kick(q);
	return 0;
}

qsp_err
qsp_qssh_channel_accept(struct qsp_qssh *q, struct qsp_qssh_channel *ch,
			const struct qsp_qssh_channel_ops *ops, const struct qsp_mux_event *ev)
{
	qsp_err e = qsp_mux_accept(qsp_qssh_contact_mux(q), ev->channel, ch);

	*ch = (struct qsp_qssh_channel){ .ops = ops, .q = q, .turn = { .serve = on_turn } };
	if (e)
		return e;
	put_up(q, ch, ev->channel);
	qsp_qssh_contact_kick(q);
	return 0;
}

void
qsp_qssh_channel_refuse(struct qsp_qssh *q, const struct qsp_mux_event *ev, uint32_t code,
			const char *why)
{
	(void)!qsp_mux_refuse(qsp_qssh_contact_mux(q), ev->channel, code, why);
	qsp_qssh_contact_kick(q);
}

void
qsp_qssh_channel_event(struct qsp_qssh *q, const struct qsp_mux_event *ev)
{
	struct qsp_qssh_channel *ch = ev->user;

	switch (ev->type) {
	case QSP_MUX_OPEN: on_offer(q, ev); return;
	case QSP_MUX_GLOBAL: on_global(q, ev); return;
	case QSP_MUX_GLOBAL_REPLY: on_global_reply(q, ev->success, ev->body); return;
	case QSP_MUX_WINDOW:
		if (ch)
			qsp_turns_window(&q->channels.turns, &ch->turn, qsp_qssh_contact_mux(q));
		return;
	case QSP_MUX_CLOSE: /* QSP_E_STATE where we were first */
		(void)!qsp_mux_close(qsp_qssh_contact_mux(q), ev->channel);
		qsp_qssh_contact_kick(q);
		break;
	case QSP_MUX_OPENED:
		if (ch && !ch->closing)
			break;
		/* nobody wants it any more */
		(void)!qsp_mux_close(qsp_qssh_contact_mux(q), ev->channel);
		qsp_qssh_contact_kick(q);
		return;
	default: break;
	}
	if (!ch)
		return;
	if (ev->type == QSP_MUX_CLOSE || ev->type == QSP_MUX_OPEN_FAILED)
		take_down(ch);
	ch->ops->event(ch, ev);
}

void
qsp_qssh_channel_end(struct qsp_qssh *q)
{
	const struct qsp_mux_event ev = { .type = QSP_MUX_CLOSE };

	while (q->channels.all) {
		struct qsp_qssh_channel *ch = q->channels.all;

		take_down(ch);
		ch->ops->event(ch, &ev);
	}
	while (q->channels.globals)
		on_global_reply(q, false, QSP_BYTES_NONE);
}

/* --- what owners say ------------------------------------------------------------------------- */

void
qsp_qssh_channel_request(struct qsp_qssh_channel *ch, const char *name, bool want_reply,
			 struct qsp_bytes body)
{
	if (!ch->up)
		return;
	qsp_qssh_say(QSP_LOG_DEBUG2, "channel %u: request %s", (unsigned)ch->id, name);
	(void)!qsp_mux_request(qsp_qssh_contact_mux(ch->q), ch->id, name, want_reply, body);
	qsp_qssh_contact_kick(ch->q);
}

void
qsp_qssh_channel_reply(struct qsp_qssh_channel *ch, bool success)
{
	if (!ch->up)
		return;
	(void)!qsp_mux_reply(qsp_qssh_contact_mux(ch->q), ch->id, success);
	qsp_qssh_contact_kick(ch->q);
}

void
qsp_qssh_channel_eof(struct qsp_qssh_channel *ch)
{
	if (!ch->up)
		return;
	(void)!qsp_mux_eof(qsp_qssh_contact_mux(ch->q), ch->id);
	qsp_qssh_contact_kick(ch->q);
}

void
qsp_qssh_channel_close(struct qsp_qssh_channel *ch)
{
	if (!ch->up || ch->closing)
		return;
	ch->closing = true;
	qsp_turns_leave(&ch->q->channels.turns, &ch->turn);
	(void)!qsp_mux_close(qsp_qssh_contact_mux(ch->q), ch->id);
	qsp_qssh_contact_kick(ch->q);
}

void
qsp_qssh_channel_drop(struct qsp_qssh_channel *ch)
{
	if (!ch->up)
		return;
	qsp_mux_set_user(qsp_qssh_contact_mux(ch->q), ch->id, NULL);
	qsp_qssh_channel_close(ch);
	take_down(ch);
}

void
qsp_qssh_channel_consumed(struct qsp_qssh_channel *ch, size_t n)
{
	if (!ch->up || n == 0)
		return;
	(void)!qsp_mux_consumed(qsp_qssh_contact_mux(ch->q), uv_now(&ch->q->loop), ch->id, n);
	qsp_qssh_contact_kick(ch->q);
}

void
qsp_qssh_channel_list(struct qsp_qssh_session *s)
{
	qsp_qssh_session_say(s, QSP_LOG_FATAL, "The following connections are open:");
	for (const struct qsp_qssh_channel *ch = s->q->channels.all; ch; ch = ch->next) {
		char what[256];

		ch->ops->describe(ch, what, sizeof(what));
		qsp_qssh_session_say(s, QSP_LOG_FATAL, "  #%u %s%s", (unsigned)ch->id, what,
				     ch->closing ? " (closing)" : "");
	}
}
