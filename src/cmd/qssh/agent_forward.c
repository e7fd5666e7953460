/* SPDX-License-Identifier: ISC */
/*
 * Agent forwarding: a channel that the server opens, joined to a connection to the agent. The first word
 * on that connection is ours, forwarded@qsp with the host's name (docs/agent.md): from then on it can
 * list keys and use them, and nothing else. Only when the agent has answered does the server's side
 * get to speak.
 */
#include "cmd/qssh/forward.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/agent_msg.h"
#include "app/client_agent.h"
#include "app/dial.h"
#include "cmd/qssh/qssh.h"

#define PROHIBITED 1 /* RFC 4254, 5.1 */
#define CONNECT_FAILED 2
#define SHORTAGE 4
#define OFFERS_MAX 32  /* that wait for the agent, which has 64 places in all */
#define ANSWER_MAX 256 /* of what the agent says to forwarded@qsp */

/* A channel that waits for the agent. */
struct qsp_qssh_agent_offer {
	struct qsp_qssh *q;
	struct qsp_qssh_agent_offer *next, **prev;
	uint32_t channel;
	struct qsp_dial *dial;
	uv_poll_t poll;
	int fd; /* -1: not connected */
	bool polled;
	uint8_t answer[4 + ANSWER_MAX]; /* as far as it has come */
	size_t n;
};

static char *
agent_path(const struct qsp_qssh *q)
{
	return qsp_client_agent_forward_path(q->cfg.forward_agent, q->cfg.identity_agent,
					     &q->tokens);
}

bool
qsp_qssh_agent_may_forward(struct qsp_qssh *q)
{
	char *path = agent_path(q);
	bool is_there = path && access(path, F_OK) == 0;

	if (path && !is_there)
		qsp_qssh_say(QSP_LOG_DEBUG1, "no agent to forward at %s", path);
	free(path);
	if (is_there && q->distrusted) {
		qsp_qssh_say(QSP_LOG_ERROR, "Agent forwarding is disabled to avoid "
					    "man-in-the-middle attacks.");
		return false;
	}
	return is_there;
}

/* --- one of them ----------------------------------------------------------------------------- */

static void
on_poll_closed(uv_handle_t *h)
{
	free(h->data);
}

/* Takes its descriptor, if there is one. */
static int
release(struct qsp_qssh_agent_offer *o)
{
	int fd = o->fd;

	*o->prev = o->next;
	if (o->next)
		o->next->prev = o->prev;
	qsp_dial_cancel(o->dial);
	if (!o->polled) {
		free(o);
		return fd;
	}
	uv_poll_stop(&o->poll);
	uv_close((uv_handle_t *)&o->poll, on_poll_closed);
	return fd;
}

static void
refuse(struct qsp_qssh_agent_offer *o, const char *why)
{
	const struct qsp_mux_event ev = { .channel = o->channel };
	struct qsp_qssh *q = o->q;
	int fd = release(o);

	if (fd >= 0)
		close(fd);
	qsp_qssh_say(QSP_LOG_ERROR, "qssh: the agent cannot be forwarded: %s", why);
	qsp_qssh_channel_refuse(q, &ev, CONNECT_FAILED, "no agent");
}

/* An agent of ssh does not know the word, and will do for the host what it does for us. */
static void
take_answer(struct qsp_qssh_agent_offer *o, uint8_t type)
{
	struct qsp_qssh *q = o->q;
	uint32_t channel = o->channel;

	if (type != QSP_AGENT_SUCCESS && !q->agent_told_unbound) {
		q->agent_told_unbound = true;
		qsp_qssh_say(
			QSP_LOG_VERBOSE,
			"The agent does not know forwarded@qsp: programs on %s can also add and "
			"remove its keys.",
			q->name);
	}
	qsp_qssh_tunnel_accept(q, channel, release(o), "the agent");
}

/* How long the answer is, as far as is known; 0: no agent's. */
static size_t
answer_len(const struct qsp_qssh_agent_offer *o)
{
	uint32_t len;

	if (o->n < 4)
		return 4;
	len = qsp_bytes_get32(o->answer);
	return len == 0 || len > ANSWER_MAX ? 0 : 4 + len;
}

/* The answer and no byte more, for what follows is the server's. */
static void
on_readable(uv_poll_t *h, int status, int events)
{
	struct qsp_qssh_agent_offer *o = h->data;
	size_t len;
	ssize_t n;

	(void)events;
	while (status == 0 && (len = answer_len(o)) > o->n) {
		n = recv(o->fd, o->answer + o->n, len - o->n, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			status = UV_EOF;
		else
			o->n += (size_t)n;
	}
	if (status < 0)
		refuse(o, "it closed the connection");
	else if (answer_len(o) == 0)
		refuse(o, "what it answers is no agent's");
	else
		take_answer(o, o->answer[4]);
}

static bool
say_forwarded(const struct qsp_qssh_agent_offer *o)
{
	size_t n = strlen(o->q->host);
	struct qsp_agent_msg m = {
		.type = QSP_AGENT_EXTENSION,
		.ext = QSP_AGENT_EXT_FORWARDED,
		.host = qsp_bytes(o->q->host, n < QSP_AGENT_HOST_MAX ? n : QSP_AGENT_HOST_MAX)
	};
	uint8_t room[QSP_AGENT_HOST_MAX + 64];
	struct qsp_writer w = qsp_writer_of(room, sizeof(room));

	qsp_agent_msg_put(&w, &m);
	return qsp_writer_done(&w) == 0 &&
	       send(o->fd, room, w.n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)w.n;
}

static void
on_dialled(void *arg, int fd, const char *why)
{
	struct qsp_qssh_agent_offer *o = arg;

	o->dial = NULL;
	o->fd = fd;
	if (fd < 0) {
		refuse(o, why);
		return;
	}
	o->polled = uv_poll_init(&o->q->loop, &o->poll, fd) == 0;
	o->poll.data = o;
	if (!o->polled || !say_forwarded(o) || uv_poll_start(&o->poll, UV_READABLE, on_readable))
		refuse(o, "it does not take what is said to it");
}

/* --- what comes ------------------------------------------------------------------------------ */

void
qsp_qssh_agent_offered(struct qsp_qssh *q, const struct qsp_mux_event *ev)
{
	struct qsp_qssh_agent_offer *o = NULL;
	struct qsp_dial *d;
	char *path;

	if (!q->agent_asked || q->distrusted) {
		qsp_qssh_say(QSP_LOG_ERROR,
			     "Warning: %s asks for the agent, which is not forwarded to it.\n"
			     "Warning: a server does so only with bad intentions.",
			     q->name);
		qsp_qssh_channel_refuse(q, ev, PROHIBITED, "not forwarded");
		return;
	}
	if (qsp_qssh_agent_offers(q) >= OFFERS_MAX) {
		qsp_qssh_channel_refuse(q, ev, SHORTAGE, "the agent is busy");
		return;
	}
	path = agent_path(q);
	o = path ? calloc(1, sizeof(*o)) : NULL;
	if (!o) {
		free(path);
		qsp_qssh_channel_refuse(q, ev, CONNECT_FAILED, "no agent");
		return;
	}
	o->q = q;
	o->channel = ev->channel;
	o->fd = -1;
	o->next = q->agent_offers;
	if (o->next)
		o->next->prev = &o->next;
	o->prev = &q->agent_offers;
	q->agent_offers = o;
	d = qsp_dial_start(&q->loop, NULL, 0, path, on_dialled, o);
	if (d)
		o->dial = d;
	free(path);
}

size_t
qsp_qssh_agent_offers(const struct qsp_qssh *q)
{
	size_t n = 0;

	for (const struct qsp_qssh_agent_offer *o = q->agent_offers; o; o = o->next)
		n++;
	return n;
}

void
qsp_qssh_agent_offers_end(struct qsp_qssh *q)
{
	struct qsp_qssh_agent_offer *next;

	for (struct qsp_qssh_agent_offer *o = q->agent_offers; o; o = next) {
		int fd;

		next = o->next;
		fd = release(o);
		if (fd >= 0)
			close(fd);
	}
}
