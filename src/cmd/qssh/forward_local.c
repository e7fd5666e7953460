/* SPDX-License-Identifier: ISC */
/* Listening here. Whoever connects to an L goes where it says; to a D, where it asks by SOCKS. */
#include "cmd/qssh/forward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cmd/qssh/qssh.h"

#define ACCEPTS 64
#define PAUSE_MS 1000 /* where descriptors have run out */

struct qsp_qssh_listener {
	struct qsp_qssh_listener *next;
	struct qsp_qssh_forward *f;
	uv_poll_t poll;
	uv_timer_t pause;
	int fd, handles;
};

/* --- accepting ------------------------------------------------------------------------------- */

static void
take(struct qsp_qssh_listener *l, int fd)
{
	const struct qsp_client_forward *spec = &l->f->spec;
	struct qsp_qssh_target to = { spec->host, spec->path, spec->port };

	if (spec->kind == 'D')
		qsp_qssh_socks_begin(l->f->q, fd);
	else
		qsp_qssh_tunnel_open(l->f->q, fd, &to, NULL);
}

static void on_readable(uv_poll_t *h, int status, int events);

static void
on_pause_over(uv_timer_t *h)
{
	struct qsp_qssh_listener *l = h->data;

	uv_poll_start(&l->poll, UV_READABLE, on_readable);
}

static void
on_readable(uv_poll_t *h, int status, int events)
{
	struct qsp_qssh_listener *l = h->data;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = qsp_bind_accept(l->fd);

		if (fd >= 0) {
			take(l, fd);
		} else if (errno != EINTR && errno != ECONNABORTED) {
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				return;
			qsp_qssh_say(QSP_LOG_ERROR, "accept: %s", strerror(errno));
			uv_poll_stop(&l->poll);
			uv_timer_start(&l->pause, on_pause_over, PAUSE_MS, 0);
			return;
		}
	}
}

static void
on_closed(uv_handle_t *h)
{
	struct qsp_qssh_listener *l = h->data;

	if (--l->handles == 0)
		free(l);
}

static bool
add(struct qsp_qssh_forward *f, int fd)
{
	struct qsp_qssh_listener *l = calloc(1, sizeof(*l));

	if (!l || uv_poll_init(&f->q->loop, &l->poll, fd) != 0) {
		free(l);
		close(fd);
		return false;
	}
	l->f = f;
	l->fd = fd;
	l->handles = 2;
	uv_timer_init(&f->q->loop, &l->pause);
	l->poll.data = l->pause.data = l;
	l->next = f->listeners;
	f->listeners = l;
	uv_poll_start(&l->poll, UV_READABLE, on_readable);
	return true;
}

void
qsp_qssh_local_close(struct qsp_qssh_forward *f, bool keep)
{
	if (f->has_name && !keep)
		qsp_bind_unlink(f->spec.listen_path, &f->name);
	f->has_name = false;
	while (f->listeners) {
		struct qsp_qssh_listener *l = f->listeners;

		f->listeners = l->next;
		uv_close((uv_handle_t *)&l->poll, on_closed);
		uv_close((uv_handle_t *)&l->pause, on_closed);
		close(l->fd);
	}
}

/* --- listening ------------------------------------------------------------------------------- */

static void
on_failed(void *arg, const char *address, uint16_t port, const char *why)
{
	(void)arg;
	qsp_qssh_say(QSP_LOG_ERROR, "bind [%s]:%u: %s", address, (unsigned)port, why);
}

/* The address to bind, as ssh takes it. NULL: loopback; "": every one. */
static const char *
bind_host(const struct qsp_qssh_forward *f)
{
	const char *host = f->spec.listen_host;

	if (!host)
		return f->q->cfg.gateway_ports == QSP_CLIENT_YES ? "" : NULL;
	return strcmp(host, "localhost") == 0 ? NULL : host;
}

static bool
listen_tcp(struct qsp_qssh_forward *f)
{
	struct qsp_bind b = { .host = bind_host(f),
			      .port = f->spec.listen_port,
			      .family = f->q->cfg.address_family,
			      .failed = on_failed };
	int fd[QSP_BIND_MAX];
	bool any = false;
	size_t n;

	if (qsp_bind_tcp(&b, fd, &n, &f->port)) {
		qsp_qssh_say(QSP_LOG_ERROR,
			     "channel_setup_fwd_listener_tcpip: cannot listen to port: %u",
			     (unsigned)f->spec.listen_port);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		any = add(f, fd[i]) || any;
	qsp_qssh_say(QSP_LOG_DEBUG1, "Local forwarding listening on %s port %u.",
		     b.host ? (*b.host ? b.host : "*") : "localhost", (unsigned)f->port);
	return any;
}

static bool
listen_unix(struct qsp_qssh_forward *f)
{
	const struct qsp_client_config *cfg = &f->q->cfg;
	int fd;

	if (qsp_bind_unix(f->spec.listen_path, (unsigned)cfg->stream_bind_mask,
			  cfg->stream_bind_unlink == QSP_CLIENT_YES, &fd, &f->name)) {
		qsp_qssh_say(QSP_LOG_ERROR, "unix_listener: cannot bind to path %s: %s",
			     f->spec.listen_path, strerror(errno));
		return false;
	}
	f->has_name = true;
	return add(f, fd);
}

bool
qsp_qssh_local_listen(struct qsp_qssh_forward *f)
{
	return f->spec.listen_path ? listen_unix(f) : listen_tcp(f);
}
