/* SPDX-License-Identifier: ISC */
/*
 * Global requests of the client: who is to listen for it is qsshd-session's business, compression is
 * granted here, all others are refused. Answers go in the order of the requests, though some are known at once.
 */
#include "cmd/qsshd/net.h"

#include <stdlib.h>

#include "app/zip.h"
#include "base/bytes.h"
#include "proto/shape_conn.h"

#define GLOBALS_MAX 1024 /* that wait for their answers */

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_PENDING };

/* A global request whose answer is owed: they are given in order. */
struct qsp_net_global {
	struct qsp_net_global *next;
	uint32_t id;
	enum answer answer;
	bool tells_port; /* the client asked for any port */
	uint16_t port;
};

static void
flush_globals(struct qsp_net_conn *c)
{
	while (c->globals != NULL && c->globals->answer != ANSWER_PENDING && !c->doomed) {
		struct qsp_net_global *g = c->globals;
		bool ok = g->answer == ANSWER_YES, tell = ok && g->tells_port;
		uint8_t port[4];

		qsp_bytes_put32(port, g->port);
		c->globals = g->next;
		c->n_globals--;
		free(g);
		if (qsp_mux_global_reply(qsp_drive_mux(c->drive), ok,
					 tell ? QSP_BYTES_OF(port) : QSP_BYTES_NONE))
			qsp_net_conn_close(c, QSP_REASON_INTERNAL_ERROR, "internal error");
	}
}

static struct qsp_net_global *
owe(struct qsp_net_conn *c)
{
	struct qsp_net_global *g = c->n_globals < GLOBALS_MAX ? calloc(1, sizeof(*g)) : NULL;
	struct qsp_net_global **end = &c->globals;

	if (g == NULL) {
		qsp_net_conn_close(c, QSP_REASON_POLICY, "too many requests without an answer");
		return NULL;
	}
	while (*end != NULL)
		end = &(*end)->next;
	*end = g;
	c->n_globals++;
	return g;
}

/* The request for the session, or false. */
static bool
put_request(const struct qsp_mux_event *ev, uint32_t id, struct qsp_writer *w, bool *any_port)
{
	static const struct {
		const char *name;
		bool is_path;
		uint8_t type;
	} kinds[] = {
		{ "tcpip-forward", false, QSP_RPC_LISTEN },
		{ "cancel-tcpip-forward", false, QSP_RPC_UNLISTEN },
		{ "streamlocal-forward@openssh.com", true, QSP_RPC_LISTEN },
		{ "cancel-streamlocal-forward@openssh.com", true, QSP_RPC_UNLISTEN },
	};
	struct qsp_reader r = qsp_reader_of(ev->body);
	struct qsp_rpc_target t = { .id = id };
	uint32_t port = 0;
	size_t i = 0;

	while (i < sizeof(kinds) / sizeof(kinds[0]) && !qsp_bytes_is(ev->name, kinds[i].name))
		i++;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		return false;
	t.is_path = kinds[i].is_path;
	t.host = qsp_reader_vec32(&r);
	if (!t.is_path)
		port = qsp_reader_u32(&r);
	t.port = (uint16_t)port;
	if (qsp_reader_done(&r) || port > UINT16_MAX || t.host.n >= QSP_RPC_HOST_MAX ||
	    (t.host.n > 0 && memchr(t.host.p, 0, t.host.n) != NULL))
		return false;
	*any_port = !t.is_path && port == 0;
	qsp_writer_u8(w, kinds[i].type);
	qsp_rpc_put_target(w, &t);
	return qsp_writer_done(w) == 0;
}

/* [P7.1] */
static bool
compresses(struct qsp_net_conn *c)
{
	struct qsp_mux *m = qsp_drive_mux(c->drive);
	struct qsp_shape_params p;
	uint32_t changes;

	(void)qsp_shape_conn_now(qsp_drive_conn(c->drive), &p, &changes);
	if (c->w->net->config.compression <= 0 || qsp_zip_codec() == NULL ||
	    p.mode != QSP_SHAPE_PLAIN)
		return false;
	qsp_mux_understand(m, qsp_zip_codec());
	qsp_mux_compress(m);
	return true;
}

void
qsp_net_global_request(struct qsp_net_conn *c, const struct qsp_mux_event *ev)
{
	uint8_t buf[QSP_RPC_HOST_MAX + 32];
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	uint32_t id = ++c->last_global;
	struct qsp_net_global *g = NULL;
	bool any_port = false, ours = put_request(ev, id, &w, &any_port);

	if (ev->want_reply && (g = owe(c)) == NULL)
		return;
	if (g != NULL) {
		g->id = id;
		g->tells_port = any_port;
		/* keepalive@openssh.com and what is not known: a refusal is an answer too */
		g->answer = ours ? ANSWER_PENDING : ANSWER_NO;
	}
	if (g != NULL && qsp_bytes_is(ev->name, QSP_ZIP_REQUEST) && compresses(c))
		g->answer = ANSWER_YES;
	if (ours && (g != NULL || !any_port)) {
		qsp_net_session_want(c);
		qsp_net_session_send(c, &w);
	}
	flush_globals(c);
}

void
qsp_net_global_answered(struct qsp_net_conn *c, struct qsp_bytes body)
{
	struct qsp_reader r = qsp_reader_of(body);
	uint32_t id = qsp_reader_u32(&r);
	bool ok = qsp_reader_u8(&r) == 1;
	uint16_t port = qsp_reader_u16(&r);

	if (qsp_reader_done(&r))
		return;
	for (struct qsp_net_global *g = c->globals; g != NULL; g = g->next) {
		if (g->id != id || g->answer != ANSWER_PENDING)
			continue;
		g->answer = ok ? ANSWER_YES : ANSWER_NO;
		g->port = port;
	}
	flush_globals(c);
}

void
qsp_net_global_orphaned(struct qsp_net_conn *c)
{
	for (struct qsp_net_global *g = c->globals; g != NULL; g = g->next) {
		if (g->answer == ANSWER_PENDING)
			g->answer = ANSWER_NO;
	}
	flush_globals(c);
}

void
qsp_net_global_free(struct qsp_net_conn *c)
{
	while (c->globals != NULL) {
		struct qsp_net_global *g = c->globals;

		c->globals = g->next;
		free(g);
	}
}
