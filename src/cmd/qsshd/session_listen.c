/* SPDX-License-Identifier: ISC */
/*
 * Sockets that listen for the client: what is accepted goes to qsshd-net with the body of the channel that
 * it opens for it. A unix socket's name goes with its listener.
 */
#include "cmd/qsshd/session_forward.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "sys/bind.h"
#include "sys/clock.h"
#include "sys/listen.h"

#define ACCEPTS 32    /* a turn */
#define PAUSE_MS 1000 /* where descriptors have run out */

struct qsp_session_listener {
	struct qsp_session_listener *next;
	enum qsp_rpc_forward type;
	int fd;
	char *host;    /* as it was asked for; or the path */
	uint16_t port; /* that it got */
	struct qsp_bind_name name;
	uint64_t pause; /* until then nothing is accepted, or 0 */
	bool polled;
};

static bool
add(struct qsp_session *s, const struct qsp_session_listener *like, const char *host)
{
	struct qsp_session_listener *l =
		s->n_listeners < QSP_SESSION_LISTENERS_MAX ? malloc(sizeof(*l)) : NULL;

	if (l != NULL) {
		*l = *like;
		l->host = strdup(host);
	}
	if (l == NULL || l->host == NULL) {
		free(l);
		close(like->fd);
		errno = ENOMEM;
		return false;
	}
	l->next = s->listeners;
	s->listeners = l;
	s->n_listeners++;
	return true;
}

static void
drop(struct qsp_session *s, struct qsp_session_listener **p)
{
	struct qsp_session_listener *l = *p;

	*p = l->next;
	s->n_listeners--;
	if (l->type != QSP_RPC_FORWARD_TCP)
		qsp_bind_unlink(l->host, &l->name);
	close(l->fd);
	free(l->host);
	free(l);
}

bool
qsp_session_listen_unix(struct qsp_session *s, enum qsp_rpc_forward type, const char *path,
			bool replace)
{
	struct qsp_session_listener l = { .type = type };

	return qsp_bind_unix(path, (unsigned)s->config.stream_bind_mask, replace, &l.fd, &l.name) ==
		       0 &&
	       add(s, &l, path);
}

/*
 * RFC 4254, 7.1, under GatewayPorts as sshd has it: "no" keeps to loopback, "yes" takes every address,
 * "clientspecified" the client's. NULL: loopback of both families; "": every address.
 */
static const char *
bind_host(const struct qsp_session *s, const char *host)
{
	bool loopback = strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0;

	if (s->config.gateway_ports == QSP_GATEWAY_NO)
		return loopback ? host : NULL;
	if (s->config.gateway_ports == QSP_GATEWAY_YES || *host == 0 || strcmp(host, "*") == 0)
		return "";
	return strcmp(host, "localhost") == 0 ? NULL : host;
}

/* Names are resolved here and now: what one can bind to is local. */
static bool
listen_tcp(struct qsp_session *s, const char *host, uint16_t *port)
{
	struct qsp_bind b = { .host = bind_host(s, host), .port = *port };
	int fd[QSP_BIND_MAX];
	bool any = false;
	size_t n;

	if (qsp_bind_tcp(&b, fd, &n, port))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct qsp_session_listener l = { .type = QSP_RPC_FORWARD_TCP,
						  .fd = fd[i],
						  .port = *port };

		any = add(s, &l, host) || any;
	}
	return any;
}

static void
tell(uint32_t id, bool ok, uint16_t port)
{
	uint8_t buf[16];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_LISTENING);

	qsp_writer_u32(&w, id);
	qsp_writer_u8(&w, ok);
	qsp_writer_u16(&w, port);
	(void)!qsp_ipc_send_wait(QSP_SESSION_FD, qsp_writer_bytes(&w), NULL, 0);
}

static void
host_of(const struct qsp_rpc_target *t, char host[QSP_RPC_HOST_MAX])
{
	if (t->host.n > 0)
		memcpy(host, t->host.p, t->host.n);
	host[t->host.n] = 0;
}

void
qsp_session_listen_on(struct qsp_session *s, const struct qsp_rpc_target *t)
{
	char host[QSP_RPC_HOST_MAX];
	uint16_t port = t->port;
	bool ok;

	host_of(t, host);
	if (t->is_path)
		ok = qsp_session_listen_unix(s, QSP_RPC_FORWARD_UNIX, host,
					     s->config.stream_bind_unlink);
	else
		ok = listen_tcp(s, host, &port);
	tell(t->id, ok, port);
}

void
qsp_session_listen_off(struct qsp_session *s, const struct qsp_rpc_target *t)
{
	enum qsp_rpc_forward type = t->is_path ? QSP_RPC_FORWARD_UNIX : QSP_RPC_FORWARD_TCP;
	struct qsp_session_listener **p = &s->listeners;
	char host[QSP_RPC_HOST_MAX];
	bool any = false;

	host_of(t, host);
	while (*p != NULL) {
		if ((*p)->type == type && (*p)->port == t->port && strcmp((*p)->host, host) == 0) {
			drop(s, p);
			any = true;
		} else {
			p = &(*p)->next;
		}
	}
	tell(t->id, any, t->port);
}

/* --- accepting ------------------------------------------------------------------------------ */

/* The channel's open: RFC 4254, 7.2, and OpenSSH's PROTOCOL, 2.4. */
static void
hand_over(const struct qsp_session_listener *l, int fd)
{
	uint8_t body[QSP_RPC_HOST_MAX + 128], buf[sizeof(body) + 8];
	struct qsp_writer b = qsp_writer_of(body, sizeof(body));
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_ACCEPTED);
	char peer[QSP_LISTEN_NAME_MAX];
	uint16_t port;

	if (l->type == QSP_RPC_FORWARD_TCP) {
		qsp_listen_name(fd, true, peer, &port);
		qsp_writer_vec32(&b, qsp_bytes_str(l->host));
		qsp_writer_u32(&b, l->port);
		qsp_writer_vec32(&b, qsp_bytes_str(peer));
		qsp_writer_u32(&b, port);
	} else if (l->type == QSP_RPC_FORWARD_UNIX) {
		qsp_writer_vec32(&b, qsp_bytes_str(l->host));
		qsp_writer_u32(&b, 0); /* reserved */
	}
	qsp_writer_u8(&w, (uint8_t)l->type);
	qsp_writer_vec16(&w, qsp_writer_bytes(&b));
	(void)!qsp_ipc_send_wait(QSP_SESSION_FD, qsp_writer_bytes(&w), &fd, 1);
	close(fd);
}

static void
accept_some(struct qsp_session_listener *l)
{
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = qsp_bind_accept(l->fd);

		if (fd >= 0) {
			hand_over(l, fd);
		} else if (errno != EINTR && errno != ECONNABORTED) {
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				l->pause = qsp_clock_ms(CLOCK_MONOTONIC) + PAUSE_MS;
			return;
		}
	}
}

size_t
qsp_session_listen_poll(struct qsp_session *s, struct pollfd *p, int *timeout_ms)
{
	uint64_t now = s->listeners != NULL ? qsp_clock_ms(CLOCK_MONOTONIC) : 0;
	size_t n = 0;

	for (struct qsp_session_listener *l = s->listeners; l != NULL; l = l->next) {
		if (l->pause > now) {
			if (*timeout_ms < 0 || *timeout_ms > PAUSE_MS)
				*timeout_ms = PAUSE_MS;
			l->polled = false;
			continue;
		}
		l->pause = 0;
		l->polled = true;
		p[n++] = (struct pollfd){ .fd = l->fd, .events = POLLIN };
	}
	return n;
}

void
qsp_session_listen_run(struct qsp_session *s, const struct pollfd *p, size_t n)
{
	size_t i = 0;

	for (struct qsp_session_listener *l = s->listeners; l != NULL && i < n; l = l->next) {
		if (l->polled && p[i++].revents != 0)
			accept_some(l);
	}
}

void
qsp_session_listen_end(struct qsp_session *s)
{
	while (s->listeners != NULL)
		drop(s, &s->listeners);
}
