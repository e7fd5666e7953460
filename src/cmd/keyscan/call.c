/* SPDX-License-Identifier: ISC */
/*
 * One look at one server: its addresses in turn, then a handshake of layout T [P4] in the class that
 * its secret allows, up to the point where the server has proven that it holds its key and waits
 * for a login. There the call ends.
 */
#include "cmd/keyscan/keyscan.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define LEAVE_MS 500

struct call {
	struct qsp_keyscan *k;
	const struct qsp_keyscan_target *t;
	uint8_t kem;
	uv_getaddrinfo_t resolve;
	uv_connect_t connect;
	uv_tcp_t tcp;
	uv_timer_t timer;
	struct addrinfo *list, *at;
	int fd;     /* connected, or -1 */
	int result; /* of the last address */
	struct qsp_drive *drive;
	struct qsp_key_public key;
	bool has_key, proven, told;
};

static void connect_next(struct call *c);

/* --- the end -------------------------------------------------------------------------------- */

/* Says why there is no key, once. */
static void __attribute__((format(printf, 2, 3))) tell(struct call *c, const char *fmt, ...)
{
	char why[600];
	va_list ap;

	if (c->told || c->proven)
		return;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	c->told = true;
	qsp_keyscan_say("%s port %u: %s", c->t->at.host, (unsigned)c->t->at.port, why);
}

static void
on_timer_closed(uv_handle_t *h)
{
	struct call *c = h->data;
	struct qsp_keyscan *k = c->k;

	if (c->proven) {
		k->found++;
		qsp_keyscan_print(k, c->t, &c->key);
	}
	uv_freeaddrinfo(c->list);
	qsp_mem_free(c);
	k->running--;
	qsp_keyscan_call(k);
}

static void
finish(struct call *c)
{
	qsp_drive_free(c->drive);
	c->drive = NULL;
	if (!uv_is_closing((uv_handle_t *)&c->timer))
		uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

/* --- the handshake -------------------------------------------------------------------------- */

static void
take_key(struct call *c)
{
	c->has_key = qsp_conn_host_key(qsp_drive_conn(c->drive), &c->key) == 0;
	if (c->has_key && c->t->has_id && memcmp(c->key.id, c->t->at.id, QSP_KEY_ID_LEN) != 0) {
		tell(c, "its key is not the one that the bridge line names");
		c->has_key = false;
	}
	(void)!qsp_conn_trust(qsp_drive_conn(c->drive), c->has_key);
	qsp_drive_kick(c->drive);
}

static void
on_wants(void *arg, unsigned wants)
{
	struct call *c = arg;

	if (wants & QSP_WANT_TRUST)
		take_key(c);
	if (wants & QSP_WANT_AUTH) { /* FIN_S was right: it holds the key that it showed */
		c->proven = c->has_key;
		uv_timer_stop(&c->timer);
		qsp_drive_close(c->drive, QSP_REASON_NORMAL, "", LEAVE_MS);
	}
}

static void
on_event(void *arg, const struct qsp_mux_event *ev)
{
	(void)arg;
	(void)ev; /* there are no channels before a login */
}

static void
on_room(void *arg)
{
	(void)arg;
}

static void
on_closed(void *arg, qsp_err e)
{
	struct call *c = arg;
	struct qsp_bytes text;
	uint16_t reason;
	bool authenticated;
	char line[300];

	if (qsp_conn_peer_close(qsp_drive_conn(c->drive), &reason, &text, &authenticated)) {
		qsp_text_printable(text, false, line, sizeof(line));
		tell(c, "it closed the connection: %s", line[0] ? line : "no reason given");
	} else {
		tell(c, "%s",
		     e == QSP_E_TRUNCATED ? "connection closed by remote host" : qsp_err_text(e));
	}
	finish(c);
}

static const struct qsp_drive_ops ops = { on_wants, on_event, on_room, on_closed, NULL };

/* Silence has more causes than can be told apart. */
static void
on_silence(uv_timer_t *h)
{
	struct call *c = h->data;

	tell(c,
	     "no answer to the handshake in %u s: it is not a QSP server, or has no key of type "
	     "%s, "
	     "or a clock is off by more than 10 minutes, or %s",
	     (unsigned)(c->k->timeout_ms / 1000), qsp_key_type_name(c->kem),
	     c->t->has_secret ? "the obfuscation secret is no longer valid"
			      : "it does not answer strangers (a bridge line, qsp://.., would do)");
	finish(c);
}

static void
start_handshake(struct call *c)
{
	struct qsp_keyscan *k = c->k;
	struct qsp_peer peer = { .kem = c->kem,
				 .ok_class =
					 c->t->has_secret ? QSP_OK_SECRET : QSP_OK_FIRST_CONTACT };
	struct qsp_mux_limits limits = qsp_mux_limits_default();
	struct qsp_conn *conn = NULL;
	qsp_err e;

	memcpy(peer.secret, c->t->at.secret, sizeof(peer.secret));
	e = qsp_conn_new_client(k->qsp, qsp_drive_pool_worker(k->pool), &peer,
				qsp_drive_now(&k->loop), &conn);
	qsp_mem_wipe(&peer, sizeof(peer));
	if (!e)
		e = qsp_drive_new(k->pool, c->fd, conn, &limits, &ops, c, &c->drive);
	if (e) {
		qsp_conn_free(conn);
		close(c->fd);
		tell(c, "%s", qsp_err_text(e));
		finish(c);
		return;
	}
	uv_timer_start(&c->timer, on_silence, k->timeout_ms, 0);
}

/* --- the connection ------------------------------------------------------------------------- */

static void
on_tcp_closed(uv_handle_t *h)
{
	struct call *c = h->data;

	if (c->fd >= 0) {
		start_handshake(c);
		return;
	}
	c->at = c->at->ai_next;
	connect_next(c);
}

static void
on_connect(uv_connect_t *r, int status)
{
	struct call *c = r->data;
	uv_os_fd_t fd;

	if (uv_is_closing((uv_handle_t *)&c->tcp))
		return; /* the time was up */
	uv_timer_stop(&c->timer);
	c->result = status;
	if (status == 0 && uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
		c->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	uv_close((uv_handle_t *)&c->tcp, on_tcp_closed);
}

static void
on_slow(uv_timer_t *h)
{
	struct call *c = h->data;

	c->result = UV_ETIMEDOUT;
	uv_close((uv_handle_t *)&c->tcp, on_tcp_closed);
}

static void
connect_next(struct call *c)
{
	int e;

	if (!c->at) {
		tell(c, "%s", uv_strerror(c->result));
		finish(c);
		return;
	}
	uv_tcp_init(&c->k->loop, &c->tcp);
	c->tcp.data = c->connect.data = c;
	e = uv_tcp_connect(&c->connect, &c->tcp, c->at->ai_addr, on_connect);
	if (e) {
		c->result = e;
		uv_close((uv_handle_t *)&c->tcp, on_tcp_closed);
		return;
	}
	uv_timer_start(&c->timer, on_slow, c->k->timeout_ms, 0);
}

static void
on_resolved(uv_getaddrinfo_t *r, int status, struct addrinfo *list)
{
	struct call *c = r->data;

	c->list = c->at = list;
	if (status != 0) {
		tell(c, "could not resolve hostname: %s", uv_strerror(status));
		finish(c);
		return;
	}
	c->result = UV_EADDRNOTAVAIL;
	connect_next(c);
}

/* --- all of them ---------------------------------------------------------------------------- */

static bool
start(struct qsp_keyscan *k, const struct qsp_keyscan_target *t, uint8_t kem)
{
	struct addrinfo hints = { .ai_family = k->family, .ai_socktype = SOCK_STREAM };
	struct call *c = qsp_mem_alloc(sizeof(*c));
	char port[8];

	if (!c)
		return false;
	c->k = k;
	c->t = t;
	c->kem = kem;
	c->fd = -1;
	uv_timer_init(&k->loop, &c->timer);
	c->timer.data = c->resolve.data = c;
	k->running++;
	if (k->verbose)
		qsp_keyscan_say("%s port %u: looking for a %s key, class %s", t->at.host,
				(unsigned)t->at.port, qsp_key_type_name(kem),
				t->has_secret ? "S" : "N");
	snprintf(port, sizeof(port), "%u", (unsigned)t->at.port);
	if (uv_getaddrinfo(&k->loop, &c->resolve, on_resolved, t->at.host, port, &hints) != 0) {
		tell(c, "cannot look up its address");
		finish(c);
	}
	return true;
}

void
qsp_keyscan_call(struct qsp_keyscan *k)
{
	while (k->next < k->n * k->n_types && k->running < QSP_KEYSCAN_CALLS_MAX) {
		size_t i = k->next++;

		if (!start(k, &k->targets[i / k->n_types], k->types[i % k->n_types]))
			qsp_keyscan_say("out of memory");
	}
}
