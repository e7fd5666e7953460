/* SPDX-License-Identifier: ISC */
/*
 * Forwarding as qsshd-net sees it: opens and requests of the client go to qsshd-session, which decides and
 * hands back sockets; a relay joins each to its channel. At most QSP_RPC_CONNECTS_MAX opens are there at
 * a time, the others wait here.
 */
#include "cmd/qsshd/net.h"

#include <stdlib.h>
#include <unistd.h>

#include "app/relay.h"
#include "base/text.h"
#include "sys/log.h"

#define PROHIBITED 1u /* RFC 4254, 5.1 */
#define SHORTAGE 4u

struct qsp_net_forward {
	struct qsp_net_end end; /* first */
	struct qsp_turn turn;
	struct qsp_net_forward *next, **prev;
	struct qsp_net_conn *c;
	struct qsp_relay *relay;
	uint32_t channel;
};

/* An open of the client that is not answered. */
struct qsp_net_open {
	struct qsp_net_open *next;
	uint32_t channel;
	size_t n;
	uint8_t message[]; /* for the session */
};

static struct qsp_mux *
mux_of(struct qsp_net_conn *c)
{
	return qsp_drive_mux(c->drive);
}

static void
must(struct qsp_net_conn *c, qsp_err e)
{
	if (e)
		qsp_net_conn_close(c, QSP_REASON_INTERNAL_ERROR, "internal error");
}

/* --- a forwarded connection ----------------------------------------------------------------- */

static uint8_t *
on_begin(void *arg, size_t *room)
{
	struct qsp_net_forward *fw = arg;

	return qsp_turns_begin(&fw->c->turns, &fw->turn, mux_of(fw->c), fw->channel, 0, room);
}

static void
on_commit(void *arg, size_t n)
{
	struct qsp_net_forward *fw = arg;

	qsp_mux_data_commit(mux_of(fw->c), n);
	if (n > 0)
		qsp_drive_kick(fw->c->drive);
}

static void
on_consumed(void *arg, size_t n)
{
	struct qsp_net_forward *fw = arg;

	must(fw->c, qsp_mux_consumed(mux_of(fw->c), uv_now(&fw->c->w->loop), fw->channel, n));
	qsp_drive_kick(fw->c->drive);
}

static void
on_eof(void *arg)
{
	struct qsp_net_forward *fw = arg;

	must(fw->c, qsp_mux_eof(mux_of(fw->c), fw->channel));
	qsp_drive_kick(fw->c->drive);
}

static void
on_close(void *arg)
{
	struct qsp_net_forward *fw = arg;

	qsp_turns_leave(&fw->c->turns, &fw->turn);
	must(fw->c, qsp_mux_close(mux_of(fw->c), fw->channel));
	qsp_drive_kick(fw->c->drive);
}

static void
on_failed(void *arg)
{
	must(((struct qsp_net_forward *)arg)->c, QSP_E_NOMEM);
}

static void
on_gone(void *arg)
{
	struct qsp_net_forward *fw = arg;

	qsp_turns_leave(&fw->c->turns, &fw->turn);
	*fw->prev = fw->next;
	if (fw->next != NULL)
		fw->next->prev = fw->prev;
	fw->c->n_forwards--;
	atomic_fetch_sub(&fw->c->w->net->forwards, 1);
	free(fw);
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

static void
on_turn(struct qsp_turn *t)
{
	struct qsp_net_forward *fw =
		(struct qsp_net_forward *)(void *)((char *)t -
						   offsetof(struct qsp_net_forward, turn));

	qsp_relay_room(fw->relay);
}

static void
on_event(struct qsp_net_end *end, const struct qsp_mux_event *ev)
{
	struct qsp_net_forward *fw = (struct qsp_net_forward *)end;
	struct qsp_net_conn *c = fw->c;

	switch (ev->type) {
	case QSP_MUX_OPENED: qsp_relay_start(fw->relay); break;
	case QSP_MUX_OPEN_FAILED:
		qsp_relay_free(fw->relay);
		on_gone(fw);
		break;
	case QSP_MUX_DATA:
		if (ev->code == 0)
			qsp_relay_data(fw->relay, ev->body);
		else /* a socket has one stream */
			on_consumed(fw, ev->body.n);
		break;
	case QSP_MUX_WINDOW: qsp_turns_window(&c->turns, &fw->turn, mux_of(c)); break;
	case QSP_MUX_EOF: qsp_relay_eof(fw->relay); break;
	case QSP_MUX_CLOSE: qsp_relay_closed(fw->relay); break;
	case QSP_MUX_REQUEST:
		if (ev->want_reply)
			must(c, qsp_mux_reply(mux_of(c), ev->channel, false));
		break;
	default: break;
	}
}

/* Takes fd. NULL where there is no place for another. */
static struct qsp_net_forward *
add(struct qsp_net_conn *c, int fd)
{
	struct qsp_net *n = c->w->net;
	struct qsp_net_forward *fw = NULL;

	if (c->n_forwards < QSP_NET_FORWARDS_MAX && atomic_load(&n->forwards) < n->forwards_max)
		fw = calloc(1, sizeof(*fw));
	if (fw == NULL) {
		close(fd);
		return NULL;
	}
	fw->relay = qsp_relay_new(&c->w->loop, fd, &relay_ops, fw);
	if (fw->relay == NULL) {
		free(fw);
		return NULL;
	}
	fw->end.event = on_event;
	fw->turn.serve = on_turn;
	fw->c = c;
	fw->next = c->forwards;
	if (fw->next != NULL)
		fw->next->prev = &fw->next;
	fw->prev = &c->forwards;
	c->forwards = fw;
	c->n_forwards++;
	atomic_fetch_add(&n->forwards, 1);
	return fw;
}

/* --- the client opens ----------------------------------------------------------------------- */

static bool
get_tcp(struct qsp_bytes body, struct qsp_rpc_target *t)
{
	struct qsp_reader r = qsp_reader_of(body);
	uint32_t port;

	t->host = qsp_reader_vec32(&r);
	port = qsp_reader_u32(&r);
	(void)qsp_reader_vec32(&r); /* where it comes from */
	(void)qsp_reader_u32(&r);
	t->port = (uint16_t)port;
	return qsp_reader_done(&r) == 0 && port > 0 && port <= UINT16_MAX;
}

static bool
get_path(struct qsp_bytes body, struct qsp_rpc_target *t)
{
	struct qsp_reader r = qsp_reader_of(body);

	t->is_path = true;
	t->host = qsp_reader_vec32(&r);
	(void)qsp_reader_vec32(&r); /* reserved */
	(void)qsp_reader_u32(&r);
	return qsp_reader_done(&r) == 0;
}

/* As many as may be with the session at once. */
static void
ask(struct qsp_net_conn *c)
{
	while (c->opens_waiting != NULL && c->n_opens_asked < QSP_RPC_CONNECTS_MAX && !c->doomed) {
		struct qsp_net_open *o = c->opens_waiting;
		struct qsp_writer w = qsp_writer_of(o->message, o->n);

		w.n = o->n;
		c->opens_waiting = o->next;
		if (o->next == NULL)
			c->opens_end = &c->opens_waiting;
		o->next = c->opens_asked;
		c->opens_asked = o;
		c->n_opens_asked++;
		qsp_net_session_send(c, &w);
	}
}

bool
qsp_net_forward_open(struct qsp_net_conn *c, const struct qsp_mux_event *ev)
{
	bool tcp = qsp_bytes_is(ev->name, "direct-tcpip");
	uint8_t buf[QSP_RPC_HOST_MAX + 32];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_CONNECT);
	struct qsp_rpc_target t = { .id = ev->channel };
	struct qsp_net_open *o;

	if (!tcp && !qsp_bytes_is(ev->name, "direct-streamlocal@openssh.com"))
		return false;
	if (!(tcp ? get_tcp : get_path)(ev->body, &t) || t.host.n == 0 ||
	    t.host.n >= QSP_RPC_HOST_MAX || memchr(t.host.p, 0, t.host.n) != NULL) {
		must(c, qsp_mux_refuse(mux_of(c), ev->channel, PROHIBITED, "malformed request"));
		return true;
	}
	qsp_rpc_put_target(&w, &t);
	o = qsp_writer_done(&w) == 0 ? malloc(sizeof(*o) + w.n) : NULL;
	if (o == NULL) {
		must(c, qsp_mux_refuse(mux_of(c), ev->channel, SHORTAGE, "out of memory"));
		return true;
	}
	o->next = NULL;
	o->channel = ev->channel;
	o->n = w.n;
	memcpy(o->message, buf, w.n);
	*c->opens_end = o;
	c->opens_end = &o->next;
	qsp_net_session_want(c);
	ask(c);
	return true;
}

static void
connected(struct qsp_net_conn *c, const struct qsp_rpc_connected *m, int fd)
{
	char text[200];
	struct qsp_net_forward *fw;

	if (m->reason != 0 || fd < 0) {
		if (fd >= 0)
			close(fd);
		qsp_text_printable(m->text, false, text, sizeof(text));
		must(c,
		     qsp_mux_refuse(mux_of(c), m->channel, m->reason ? m->reason : SHORTAGE, text));
		return;
	}
	if ((fw = add(c, fd)) == NULL) {
		must(c, qsp_mux_refuse(mux_of(c), m->channel, SHORTAGE,
				       "too many forwarded connections"));
		return;
	}
	fw->channel = m->channel;
	must(c, qsp_mux_accept(mux_of(c), m->channel, fw));
	qsp_relay_start(fw->relay);
}

static void
on_connected(struct qsp_net_conn *c, struct qsp_bytes body, struct qsp_ipc_message *msg)
{
	struct qsp_net_open **p = &c->opens_asked, *o;
	struct qsp_rpc_connected m;

	if (qsp_rpc_get_connected(body, &m))
		return;
	while (*p != NULL && (*p)->channel != m.channel)
		p = &(*p)->next;
	if ((o = *p) == NULL)
		return;
	*p = o->next;
	c->n_opens_asked--;
	free(o);
	connected(c, &m, qsp_ipc_take(msg, 0));
	ask(c);
}

/* --- others come ---------------------------------------------------------------------------- */

/* Somebody has come to a socket that listens. */
static void
on_accepted(struct qsp_net_conn *c, struct qsp_bytes body, struct qsp_ipc_message *msg)
{
	static const char *const types[] = { "forwarded-tcpip", "forwarded-streamlocal@openssh.com",
					     "auth-agent@openssh.com" };
	struct qsp_reader r = qsp_reader_of(body);
	uint8_t type = qsp_reader_u8(&r);
	struct qsp_bytes open = qsp_reader_vec16(&r);
	struct qsp_net_forward *fw;
	int fd;

	if (qsp_reader_done(&r) || type >= sizeof(types) / sizeof(types[0]) ||
	    (fd = qsp_ipc_take(msg, 0)) < 0 || (fw = add(c, fd)) == NULL)
		return;
	if (qsp_mux_open(mux_of(c), types[type], open, fw, &fw->channel)) {
		qsp_relay_free(fw->relay);
		on_gone(fw);
	}
}

bool
qsp_net_forward_handle(struct qsp_net_conn *c, struct qsp_ipc_message *m)
{
	struct qsp_bytes body = qsp_bytes(m->data + 1, m->n - 1);

	switch (m->data[0]) {
	case QSP_RPC_CONNECTED: on_connected(c, body, m); return true;
	case QSP_RPC_LISTENING: qsp_net_global_answered(c, body); return true;
	case QSP_RPC_ACCEPTED: on_accepted(c, body, m); return true;
	default: return false;
	}
}

/* --- ends ----------------------------------------------------------------------------------- */

static void
forget_opens(struct qsp_net_conn *c, bool refuse)
{
	struct qsp_net_open **lists[] = { &c->opens_asked, &c->opens_waiting };

	for (size_t i = 0; i < 2; i++) {
		while (*lists[i] != NULL) {
			struct qsp_net_open *o = *lists[i];

			*lists[i] = o->next;
			if (refuse)
				must(c, qsp_mux_refuse(mux_of(c), o->channel, SHORTAGE,
						       "the session has ended"));
			free(o);
		}
	}
	c->opens_end = &c->opens_waiting;
	c->n_opens_asked = 0;
}

void
qsp_net_forward_orphaned(struct qsp_net_conn *c)
{
	forget_opens(c, !c->doomed);
	qsp_net_global_orphaned(c);
}

void
qsp_net_forward_init(struct qsp_net_conn *c)
{
	c->opens_end = &c->opens_waiting;
}

void
qsp_net_forward_end(struct qsp_net_conn *c)
{
	for (struct qsp_net_forward *fw = c->forwards, *next; fw != NULL; fw = next) {
		next = fw->next;
		qsp_relay_free(fw->relay);
		on_gone(fw);
	}
	forget_opens(c, false);
	qsp_net_global_free(c);
}
