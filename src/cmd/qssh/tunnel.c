/* SPDX-License-Identifier: ISC */
/*
 * A forwarded connection: a socket here, a channel, and a relay between them. One that came to us waits
 * for the server's yes, one that the server offers for our own connect, or for what SOCKS asks there.
 */
#include "cmd/qssh/tunnel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/dial.h"
#include "base/text.h"
#include "base/writer.h"
#include "cmd/qssh/qssh.h"
#include "sys/listen.h"

#define CONNECT_FAILED 2    /* RFC 4254, 5.1 */
#define EARLY_MAX (4 << 20) /* of data that comes before the relay; a first window is smaller */

static void
release(struct qsp_qssh_tunnel *t)
{
	struct qsp_qssh *q = t->q;

	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	qsp_dial_cancel(t->dial);
	qsp_qssh_channel_drop(&t->ch);
	free(t->to);
	free(t->socks);
	free(t->early);
	free(t);
	if (q->opened && q->drive && q->stage != QSP_QSSH_DONE)
		qsp_qssh_program_settle(q);
}

/* With its socket, whatever moves. */
static void
end(struct qsp_qssh_tunnel *t)
{
	if (t->relay)
		qsp_relay_free(t->relay);
	release(t);
}

static struct qsp_qssh_tunnel *
create(struct qsp_qssh *q, const struct qsp_qssh_target *to)
{
	struct qsp_qssh_tunnel *t = calloc(1, sizeof(*t));
	int n;

	if (!t)
		return NULL;
	n = to->path ? asprintf(&t->to, "%s", to->path)
		     : asprintf(&t->to, "%s port %u", to->host ? to->host : "socks",
				(unsigned)to->port);
	if (n < 0) {
		free(t);
		return NULL;
	}
	t->q = q;
	t->fd = -1;
	t->next = q->forwards.tunnels;
	if (t->next)
		t->next->prev = &t->next;
	t->prev = &q->forwards.tunnels;
	q->forwards.tunnels = t;
	uv_timer_stop(&q->persist); /* the connection is in use; settle begins anew */
	return t;
}

/* --- the relay's side ------------------------------------------------------------------------ */

static uint8_t *
on_begin(void *arg, size_t *room)
{
	return qsp_qssh_channel_begin(&((struct qsp_qssh_tunnel *)arg)->ch, 0, room);
}

static void
on_commit(void *arg, size_t n)
{
	qsp_qssh_channel_commit(&((struct qsp_qssh_tunnel *)arg)->ch, n);
}

static void
on_consumed(void *arg, size_t n)
{
	qsp_qssh_channel_consumed(&((struct qsp_qssh_tunnel *)arg)->ch, n);
}

static void
on_eof(void *arg)
{
	qsp_qssh_channel_eof(&((struct qsp_qssh_tunnel *)arg)->ch);
}

static void
on_close(void *arg)
{
	qsp_qssh_channel_close(&((struct qsp_qssh_tunnel *)arg)->ch);
}

static void
on_gone(void *arg)
{
	release(arg);
}

static void
on_failed(void *arg)
{
	qsp_qssh_say(QSP_LOG_ERROR, "qssh: out of memory");
	qsp_qssh_contact_leave(((struct qsp_qssh_tunnel *)arg)->q, QSP_QSSH_FAILED);
}

static const struct qsp_relay_ops relay_ops = {
	.begin = on_begin,
	.commit = on_commit,
	.consumed = on_consumed,
	.eof = on_eof,
	.close = on_close,
	.gone = on_gone,
	.failed = on_failed,
};

bool
qsp_qssh_tunnel_make_relay(struct qsp_qssh_tunnel *t, int fd)
{
	t->fd = fd;
	t->relay = qsp_relay_new(&t->q->loop, fd, &relay_ops, t);
	return t->relay != NULL;
}

void
qsp_qssh_tunnel_run(struct qsp_qssh_tunnel *t)
{
	struct qsp_relay *r = t->relay;
	uint8_t *early = t->early;
	size_t n = t->n_early;
	bool eof = t->early_eof;

	t->early = NULL;
	t->n_early = 0;
	t->running = true;
	qsp_relay_start(r);
	/* an end of data alone ends nothing yet, so r outlives the first of the two */
	if (n > 0)
		qsp_relay_data(r, qsp_bytes(early, n));
	if (eof)
		qsp_relay_eof(r);
	free(early);
}

/* --- what comes early ------------------------------------------------------------------------- */

static void
keep_early(struct qsp_qssh_tunnel *t, struct qsp_bytes data)
{
	uint8_t *more =
		t->n_early + data.n <= EARLY_MAX ? realloc(t->early, t->n_early + data.n) : NULL;

	if (!more) {
		qsp_qssh_channel_close(&t->ch);
		return;
	}
	memcpy(more + t->n_early, data.p, data.n);
	t->early = more;
	t->n_early += data.n;
	if (t->socks)
		qsp_qssh_tunnel_take_socks(t);
}

/* --- the channel's side ---------------------------------------------------------------------- */

/* A D's program hears what came of its request. */
static void
tell_socks(struct qsp_qssh_tunnel *t, bool ok)
{
	struct qsp_socks_reply reply;

	if (!t->socks)
		return;
	qsp_socks_answer(t->socks, ok, &reply);
	(void)!send(t->fd, reply.b, reply.n, MSG_NOSIGNAL);
}

/* Before the relay runs, and all of a channel whose beginning is SOCKS. */
static void
on_early(struct qsp_qssh_tunnel *t, const struct qsp_mux_event *ev)
{
	switch (ev->type) {
	case QSP_MUX_OPENED:
		tell_socks(t, true);
		qsp_qssh_tunnel_run(t);
		break;
	case QSP_MUX_OPEN_FAILED:
		qsp_qssh_forward_tell_refused(ev);
		tell_socks(t, false);
		end(t);
		break;
	case QSP_MUX_DATA: keep_early(t, ev->body); break;
	case QSP_MUX_EOF:
		t->early_eof = true;
		if (t->socks && !t->dial && !t->relay) /* it ends before it has asked */
			qsp_qssh_channel_close(&t->ch);
		break;
	case QSP_MUX_CLOSE: end(t); break;
	default: break;
	}
}

static void
on_event(struct qsp_qssh_channel *ch, const struct qsp_mux_event *ev)
{
	struct qsp_qssh_tunnel *t = (struct qsp_qssh_tunnel *)ch;

	if (ev->type == QSP_MUX_REQUEST) {
		if (ev->want_reply)
			qsp_qssh_channel_reply(ch, false);
	} else if (!t->running) {
		on_early(t, ev);
	} else if (ev->type == QSP_MUX_DATA && ev->code == 0) {
		qsp_relay_data(t->relay, ev->body);
	} else if (ev->type == QSP_MUX_DATA) {
		qsp_qssh_channel_consumed(ch, ev->body.n); /* a socket has one stream */
	} else if (ev->type == QSP_MUX_EOF) {
		qsp_relay_eof(t->relay);
	} else if (ev->type == QSP_MUX_CLOSE) {
		qsp_relay_closed(t->relay);
	}
}

static void
on_room(struct qsp_qssh_channel *ch)
{
	struct qsp_qssh_tunnel *t = (struct qsp_qssh_tunnel *)ch;

	if (t->running)
		qsp_relay_room(t->relay);
	else
		qsp_qssh_tunnel_say_socks(t);
}

static void
on_describe(const struct qsp_qssh_channel *ch, char *out, size_t cap)
{
	snprintf(out, cap, "forwarded to %s", ((const struct qsp_qssh_tunnel *)ch)->to);
}

static const struct qsp_qssh_channel_ops channel_ops = { on_event, on_room, on_describe };

/* --- ours ------------------------------------------------------------------------------------ */

static qsp_err
open_channel(struct qsp_qssh_tunnel *t, const struct qsp_qssh_target *to)
{
	uint8_t buf[QSP_CLIENT_FORWARD_TEXT_MAX + 128];
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	char from[QSP_LISTEN_NAME_MAX];
	uint16_t port;
	qsp_err e;

	if (to->path) {
		qsp_writer_vec32(&w, qsp_bytes_str(to->path));
		qsp_writer_vec32(&w, QSP_BYTES_NONE);
		qsp_writer_u32(&w, 0);
	} else {
		qsp_listen_name(t->fd, true, from, &port);
		qsp_writer_vec32(&w, qsp_bytes_str(to->host));
		qsp_writer_u32(&w, to->port);
		qsp_writer_vec32(&w, qsp_bytes_str(from));
		qsp_writer_u32(&w, port);
	}
	e = qsp_writer_done(&w);
	return e ? e
		 : qsp_qssh_channel_open(t->q, &t->ch, &channel_ops,
					 to->path ? "direct-streamlocal@openssh.com"
						  : "direct-tcpip",
					 qsp_writer_bytes(&w));
}

void
qsp_qssh_tunnel_open(struct qsp_qssh *q, int fd, const struct qsp_qssh_target *to,
		     const struct qsp_socks *socks)
{
	struct qsp_qssh_tunnel *t = create(q, to);
	qsp_err e;

	if (!t || !qsp_qssh_tunnel_make_relay(t, fd)) {
		if (t)
			release(t);
		else
			close(fd);
		return;
	}
	if (socks && (t->socks = malloc(sizeof(*socks))) != NULL)
		*t->socks = *socks;
	qsp_qssh_say(QSP_LOG_DEBUG1, "Connection forwarded to %s requested.", t->to);
	if ((e = open_channel(t, to)) == 0)
		return;
	qsp_qssh_say(QSP_LOG_ERROR, "qssh: forwarding to %s: %s", t->to,
		     e == QSP_E_ROOM ? "too many channels" : qsp_err_text(e));
	tell_socks(t, false);
	end(t);
}

/* --- the server's ---------------------------------------------------------------------------- */

/* Takes fd. */
static void
join(struct qsp_qssh_tunnel *t, int fd)
{
	const struct qsp_mux_event ev = { .channel = t->offered };

	if (!qsp_qssh_tunnel_make_relay(t, fd) ||
	    qsp_qssh_channel_accept(t->q, &t->ch, &channel_ops, &ev)) {
		qsp_qssh_channel_refuse(t->q, &ev, CONNECT_FAILED, "out of memory");
		end(t);
		return;
	}
	qsp_qssh_tunnel_run(t);
}

static void
on_dialled(void *arg, int fd, const char *why)
{
	struct qsp_qssh_tunnel *t = arg;
	const struct qsp_mux_event ev = { .channel = t->offered };

	t->dial = NULL;
	if (fd < 0) {
		qsp_qssh_say(QSP_LOG_ERROR, "connect_to %s: %s", t->to, why);
		qsp_qssh_channel_refuse(t->q, &ev, CONNECT_FAILED, why);
		release(t);
		return;
	}
	join(t, fd);
}

void
qsp_qssh_tunnel_accept(struct qsp_qssh *q, uint32_t channel, int fd, const char *what)
{
	const struct qsp_mux_event ev = { .channel = channel };
	struct qsp_qssh_tunnel *t = create(q, &(struct qsp_qssh_target){ .path = what });

	if (!t) {
		close(fd);
		qsp_qssh_channel_refuse(q, &ev, CONNECT_FAILED, "out of memory");
		return;
	}
	t->offered = channel;
	join(t, fd);
}

void
qsp_qssh_tunnel_offered(struct qsp_qssh *q, uint32_t channel, const struct qsp_client_forward *spec)
{
	const struct qsp_mux_event ev = { .channel = channel };
	struct qsp_qssh_target to = { spec->host, spec->path, spec->port };
	bool asks = !spec->host && !spec->path;
	struct qsp_qssh_tunnel *t = create(q, &to);
	struct qsp_dial *d;

	if (t && asks)
		t->socks = calloc(1, sizeof(*t->socks));
	if (!t || (asks && (!t->socks || qsp_qssh_channel_accept(q, &t->ch, &channel_ops, &ev)))) {
		qsp_qssh_channel_refuse(q, &ev, CONNECT_FAILED, "out of memory");
		if (t)
			release(t);
		return;
	}
	t->offered = channel;
	if (asks)
		return;
	d = qsp_dial_start(&q->loop, to.host, to.port, to.path, on_dialled, t);
	if (d)
		t->dial = d;
}

void
qsp_qssh_tunnel_free_all(struct qsp_qssh *q)
{
	for (struct qsp_qssh_tunnel *t = q->forwards.tunnels, *next; t; t = next) {
		next = t->next;
		end(t);
	}
}
