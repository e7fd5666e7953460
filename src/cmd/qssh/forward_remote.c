/* SPDX-License-Identifier: ISC */
/* Listening at the server: RFC 4254, 7.1, and OpenSSH's PROTOCOL, 2.4, for sockets with a path. */
#include "cmd/qssh/forward.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/reader.h"
#include "base/text.h"
#include "base/writer.h"
#include "cmd/qssh/qssh.h"

#define PROHIBITED 1

/* The address that the server is asked to bind. */
static const char *
bind_host(const struct qsp_client_forward *spec)
{
	return spec->listen_host ? spec->listen_host : "localhost";
}

qsp_err
qsp_qssh_remote_ask(struct qsp_qssh_forward *f, bool cancel, qsp_qssh_reply *reply, void *arg)
{
	const struct qsp_client_forward *spec = &f->spec;
	uint8_t buf[QSP_CLIENT_FORWARD_TEXT_MAX + 16];
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	const char *name = cancel ? "cancel-tcpip-forward" : "tcpip-forward";
	qsp_err e;

	if (spec->listen_path) {
		name = cancel ? "cancel-streamlocal-forward@openssh.com"
			      : "streamlocal-forward@openssh.com";
		qsp_writer_vec32(&w, qsp_bytes_str(spec->listen_path));
	} else {
		qsp_writer_vec32(&w, qsp_bytes_str(bind_host(spec)));
		qsp_writer_u32(&w, cancel ? f->port : spec->listen_port);
	}
	e = qsp_writer_done(&w);
	return e ? e : qsp_qssh_channel_global(f->q, name, qsp_writer_bytes(&w), reply, arg);
}

void
qsp_qssh_remote_target(const struct qsp_client_forward *spec, char *out, size_t cap)
{
	if (spec->path)
		snprintf(out, cap, "%s", spec->path);
	else
		snprintf(out, cap, "%s:%u", spec->host ? spec->host : "socks",
			 (unsigned)spec->port);
}

/* --- what comes ------------------------------------------------------------------------------ */

static bool
is_meant(const struct qsp_qssh_forward *f, bool is_path, struct qsp_bytes host, uint32_t port)
{
	if (f->spec.kind != 'R' || f->asked || is_path != (f->spec.listen_path != NULL))
		return false;
	if (is_path)
		return qsp_bytes_is(host, f->spec.listen_path);
	return port == f->port && qsp_bytes_is(host, bind_host(&f->spec));
}

void
qsp_qssh_remote_offer(struct qsp_qssh *q, const struct qsp_mux_event *ev)
{
	bool is_path = !qsp_bytes_is(ev->name, "forwarded-tcpip");
	struct qsp_reader r = qsp_reader_of(ev->body);
	struct qsp_bytes host = qsp_reader_vec32(&r), from;
	uint32_t port = is_path ? 0 : qsp_reader_u32(&r), from_port = 0;
	struct qsp_qssh_forward *f = q->forwards.all;
	char whom[100];

	from = qsp_reader_vec32(&r); /* of a path: reserved */
	if (!is_path)
		from_port = qsp_reader_u32(&r);
	while (f && !is_meant(f, is_path, host, port))
		f = f->next;
	if (qsp_reader_done(&r) || !f) {
		qsp_qssh_channel_refuse(q, ev, PROHIBITED, "not asked for");
		return;
	}
	qsp_text_printable(from, false, whom, sizeof(whom));
	qsp_qssh_say(QSP_LOG_DEBUG1, "forwarded connection from %s port %u",
		     is_path ? "a socket" : whom, (unsigned)from_port);
	qsp_qssh_tunnel_offered(q, ev->channel, &f->spec);
}
