/* SPDX-License-Identifier: ISC */
/*
 * The listening sockets stay with qsshd for as long as the configuration wants them: a connection that comes
 * while qsshd-net is being replaced waits in the kernel's queue.
 */
#include "cmd/qsshd/server.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/confvalue.h"
#include "sys/log.h"

static void
failed(const char *address, uint16_t port, const char *why)
{
	qsp_log(QSP_LOG_ERROR, "Bind to port %u on %s failed: %s.", port, address, why);
}

static bool
have(struct qsp_server *s, const char *spec)
{
	bool found = false;

	for (size_t i = 0; i < s->n_listeners; i++) {
		if (strcmp(s->listener[i].spec, spec) == 0)
			found = s->listener[i].wanted = true;
	}
	return found;
}

/* host NULL: every address */
static void
bind_one(struct qsp_server *s, const char *host, uint16_t port)
{
	struct qsp_listen found[8];
	struct qsp_listen_request rq = { host, port, 0, s->n_workers, failed };
	char spec[sizeof(s->listener[0].spec)];
	size_t n = 0;

	(void)snprintf(spec, sizeof(spec), "%s %u", host ? host : "*", port);
	if (have(s, spec) || qsp_listen_bind(&rq, found, 8, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		struct qsp_server_listener *l = &s->listener[s->n_listeners];

		if (s->n_listeners == QSP_SERVER_LISTENERS_MAX) {
			qsp_listen_close(&found[i]);
			continue;
		}
		(void)snprintf(l->spec, sizeof(l->spec), "%s", spec);
		l->wanted = true;
		l->l = found[i];
		s->n_listeners++;
	}
}

static uint16_t
port_of(const char *digits)
{
	return (uint16_t)strtoul(digits, NULL, 10);
}

bool
qsp_server_bind(struct qsp_server *s, const struct qsp_qsshd_config *c)
{
	size_t wanted = 0;

	for (size_t i = 0; i < s->n_listeners; i++)
		s->listener[i].wanted = s->listener[i].spec[0] == 0; /* systemd's stay */
	if (s->n_listeners > 0 && s->listener[0].spec[0] == 0)
		return true;
	for (size_t i = 0; i < c->listen.n; i++) {
		char copy[QSP_CONFLINE_MAX], *host;
		int port = -1;

		(void)snprintf(copy, sizeof(copy), "%s", c->listen.v[i]);
		if (qsp_confvalue_host_port(copy, &host, &port))
			continue;
		if (strcmp(host, "*") == 0)
			host = NULL;
		for (size_t k = 0; port < 0 && k < c->port.n; k++)
			bind_one(s, host, port_of(c->port.v[k]));
		if (port >= 0)
			bind_one(s, host, (uint16_t)port);
	}
	for (size_t k = 0; c->listen.n == 0 && k < c->port.n; k++)
		bind_one(s, NULL, port_of(c->port.v[k]));
	for (size_t i = 0; i < s->n_listeners; i++)
		wanted += s->listener[i].wanted;
	if (wanted == 0)
		qsp_log(QSP_LOG_FATAL, "Cannot bind any address.");
	return wanted > 0;
}

void
qsp_server_adopt(struct qsp_server *s, int n)
{
	for (int i = 0; i < n && s->n_listeners < QSP_SERVER_LISTENERS_MAX; i++) {
		struct qsp_server_listener *l = &s->listener[s->n_listeners];

		if (qsp_listen_adopt(3 + i, &l->l)) {
			qsp_log(QSP_LOG_ERROR, "descriptor %d from systemd does not listen", 3 + i);
			continue;
		}
		(void)fcntl(3 + i, F_SETFL, O_NONBLOCK);
		l->spec[0] = 0;
		l->wanted = true;
		s->n_listeners++;
	}
}

void
qsp_server_drop_unwanted(struct qsp_server *s)
{
	for (size_t i = s->n_listeners; i-- > 0;) {
		if (s->listener[i].wanted)
			continue;
		qsp_listen_close(&s->listener[i].l);
		memmove(&s->listener[i], &s->listener[i + 1],
			(s->n_listeners - i - 1) * sizeof(s->listener[0]));
		s->n_listeners--;
	}
}

void
qsp_server_announce(const struct qsp_server *s)
{
	for (size_t i = 0; i < s->n_listeners; i++) {
		if (s->listener[i].wanted)
			qsp_log(QSP_LOG_INFO, "Server listening on %s port %u.",
				s->listener[i].l.address, s->listener[i].l.port);
	}
}
