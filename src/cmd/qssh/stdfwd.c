/* SPDX-License-Identifier: ISC */
/*
 * -W: two descriptors on one connection that the host makes, to host:port or to a socket of its
 * own: standard input and output, or those of a client of a shared connection.
 */
#include "cmd/qssh/qssh.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/client_jump.h"
#include "base/text.h"
#include "base/writer.h"

struct qsp_qssh_stdfwd {
	struct qsp_qssh_channel ch; /* first */
	struct qsp_qssh_pump pump;
	const struct qsp_qssh_stdfwd_ops *ops;
	void *owner;
	char *to;
	int out_fd;
	bool eof_got, failed;
};

/* The end of the output, for whoever reads it: a socket has half-closed before we are gone. */
static void
end_output(struct qsp_qssh_stdfwd *r)
{
	int null;

	qsp_qssh_pump_close_output(&r->pump);
	if (shutdown(r->out_fd, SHUT_WR) == 0)
		return;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, r->out_fd);
		close(null);
	}
}

static void
settle(struct qsp_qssh_stdfwd *r)
{
	if (!qsp_qssh_pump_is_dry(&r->pump))
		return;
	if (r->eof_got) {
		r->eof_got = false;
		end_output(r);
	}
	if (!r->ch.up)
		r->ops->ended(r->owner, r->failed ? QSP_QSSH_FAILED : 0);
}

static void
on_dry(void *arg)
{
	settle(arg);
}

static void
on_broken(void *arg)
{
	struct qsp_qssh_stdfwd *r = arg;

	qsp_qssh_pump_finish(&r->pump);
	qsp_qssh_channel_close(&r->ch);
}

static const struct qsp_qssh_pump_ops pump_ops = { NULL, on_dry, on_broken };

static void
on_event(struct qsp_qssh_channel *ch, const struct qsp_mux_event *ev)
{
	struct qsp_qssh_stdfwd *r = (struct qsp_qssh_stdfwd *)ch;
	char text[256];

	switch (ev->type) {
	case QSP_MUX_OPENED:
		r->ops->started(r->owner);
		qsp_qssh_pump_start(&r->pump, false);
		break;
	case QSP_MUX_OPEN_FAILED:
		qsp_text_printable(ev->body, false, text, sizeof(text));
		r->ops->refused(r->owner, text[0] ? text : "refused by the server");
		r->failed = true;
		settle(r);
		break;
	case QSP_MUX_DATA: qsp_qssh_pump_output(&r->pump, ev->code, ev->body); break;
	case QSP_MUX_EOF:
		r->eof_got = true;
		settle(r);
		break;
	case QSP_MUX_REQUEST:
		if (ev->want_reply)
			qsp_qssh_channel_reply(ch, false);
		break;
	case QSP_MUX_CLOSE: settle(r); break;
	default: break;
	}
}

static void
on_room(struct qsp_qssh_channel *ch)
{
	qsp_qssh_pump_input(&((struct qsp_qssh_stdfwd *)ch)->pump);
}

static void
on_describe(const struct qsp_qssh_channel *ch, char *out, size_t cap)
{
	snprintf(out, cap, "stdio to %s", ((const struct qsp_qssh_stdfwd *)ch)->to);
}

static const struct qsp_qssh_channel_ops channel_ops = { on_event, on_room, on_describe };

/* RFC 4254, 7.2, and OpenSSH's PROTOCOL for sockets of the host. */
static qsp_err
open_channel(struct qsp_qssh *q, struct qsp_qssh_stdfwd *r)
{
	const char *to = r->to, *type = "direct-streamlocal@openssh.com";
	uint8_t room[1024];
	struct qsp_writer w = qsp_writer_of(room, sizeof(room));
	char *host = NULL;
	uint16_t port;
	qsp_err e;

	if (to[0] == '/') {
		qsp_writer_vec32(&w, qsp_bytes_str(to));
		qsp_writer_vec32(&w, QSP_BYTES_NONE);
		qsp_writer_u32(&w, 0);
	} else if ((e = qsp_client_jump_target(to, &host, &port)) == 0) {
		type = "direct-tcpip";
		qsp_writer_vec32(&w, qsp_bytes_str(host));
		qsp_writer_u32(&w, port);
		qsp_writer_vec32(&w, qsp_bytes_str("127.0.0.1"));
		qsp_writer_u32(&w, 65535);
	} else {
		return e;
	}
	free(host);
	e = qsp_writer_done(&w);
	return e ? e : qsp_qssh_channel_open(q, &r->ch, &channel_ops, type, qsp_writer_bytes(&w));
}

qsp_err
qsp_qssh_stdfwd_open(struct qsp_qssh *q, const struct qsp_qssh_stdfwd_ops *ops, void *owner,
		     const char *to, const int fd[3], struct qsp_qssh_stdfwd **out)
{
	const int ends[3] = { fd[0], fd[1], -1 };
	struct qsp_qssh_stdfwd *r = calloc(1, sizeof(*r));
	qsp_err e = QSP_E_NOMEM;

	*out = r;
	if (!r)
		return QSP_E_NOMEM;
	r->ops = ops;
	r->owner = owner;
	r->out_fd = fd[1];
	r->pump.ch = &r->ch;
	r->pump.ops = &pump_ops;
	r->pump.arg = r;
	r->to = strdup(to);
	if (r->to)
		e = qsp_qssh_pump_init(&r->pump, &q->loop, ends);
	return e ? e : open_channel(q, r);
}

struct qsp_qssh_pump *
qsp_qssh_stdfwd_pump(struct qsp_qssh_stdfwd *r)
{
	return &r->pump;
}

void
qsp_qssh_stdfwd_free(struct qsp_qssh_stdfwd *r)
{
	if (!r)
		return;
	qsp_qssh_channel_drop(&r->ch);
	qsp_qssh_pump_stop(&r->pump);
	free(r->to);
	free(r);
}
