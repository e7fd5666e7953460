/* SPDX-License-Identifier: ISC */
/*
 * A connection from accept to its end. Until an M1 was accepted it is quiet: it sits in a bounded
 * table from which chance evicts, and nothing that it does, or does not do, makes any difference on the
 * wire [P4.4]. Then it counts against MaxStartups and LoginGraceTime, until somebody has logged in.
 */
#include "cmd/qsshd/net.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/listen.h"
#include "sys/log.h"

/* How long a peer may stay without a good M1, as the engine's sink [P4.4]. */
#define QUIET_MIN_MS (5 * 60 * 1000u)
#define QUIET_SPAN_MS (55 * 60 * 1000u)
/* And while the process is draining. */
#define HURRY_MIN_MS 5000u
#define HURRY_SPAN_MS 10000u

static void on_grace(uv_timer_t *t);

struct qsp_net_conn *
qsp_net_conn_find(struct qsp_net_worker *w, uint64_t id)
{
	size_t place = (uint32_t)id;
	struct qsp_net_conn *c = place < w->n_places ? w->conn[place] : NULL;

	return c != NULL && c->id == id ? c : NULL;
}

/* A number for c: its place in the table, under a generation of its own. */
static bool
take_place(struct qsp_net_conn *c)
{
	struct qsp_net_worker *w = c->w;
	struct qsp_net_conn **more;
	size_t i = 0, n;

	while (i < w->n_places && w->conn[i] != NULL)
		i++;
	if (i == w->n_places) {
		n = w->n_places ? 2 * w->n_places : 64;
		more = realloc(w->conn, n * sizeof(struct qsp_net_conn *));
		if (more == NULL)
			return false;
		memset(more + w->n_places, 0, (n - w->n_places) * sizeof(struct qsp_net_conn *));
		w->conn = more;
		w->n_places = n;
	}
	w->conn[i] = c;
	w->n_conns++;
	c->id = ++w->generation << 32 | i;
	return true;
}

static void
leave_quiet(struct qsp_net_conn *c)
{
	struct qsp_net_worker *w = c->w;
	struct qsp_net_conn *last = w->quiet[--w->n_quiet];

	w->quiet[c->quiet] = last;
	last->quiet = c->quiet;
}

/* Leaves the state it is in. */
static void
set_state(struct qsp_net_conn *c, enum qsp_net_state state)
{
	if (c->state == QSP_NET_QUIET)
		leave_quiet(c);
	if (c->state == QSP_NET_STARTUP)
		atomic_fetch_sub(&c->w->net->startups, 1);
	c->state = state;
	if (state == QSP_NET_STARTUP)
		atomic_fetch_add(&c->w->net->startups, 1);
}

static void
on_timer_closed(uv_handle_t *h)
{
	free(h->data);
}

void
qsp_net_conn_drop(struct qsp_net_conn *c)
{
	struct qsp_net_worker *w = c->w;

	c->doomed = true;
	qsp_net_detach_unlist(c);
	set_state(c, QSP_NET_OVER);
	qsp_net_link_forget(c);
	while (c->channels != NULL)
		qsp_net_channel_free(c->channels);
	qsp_net_forward_end(c);
	qsp_net_session_end(c);
	qsp_drive_free(c->drive);
	w->conn[(uint32_t)c->id] = NULL;
	w->n_conns--;
	uv_close((uv_handle_t *)&c->grace, on_timer_closed);
	qsp_net_worker_check(w);
}

void
qsp_net_conn_close(struct qsp_net_conn *c, enum qsp_reason reason, const char *text)
{
	if (!c->doomed)
		qsp_drive_close(c->drive, reason, text, QSP_NET_LINGER_MS);
	c->doomed = true;
}

void
qsp_net_conn_wait(struct qsp_net_conn *c, uint64_t ms)
{
	(void)uv_timer_start(&c->grace, on_grace, ms, 0);
}

void
qsp_net_conn_hurry(struct qsp_net_conn *c)
{
	if (c->sunk)
		qsp_net_conn_drop(c);
	else
		(void)uv_timer_start(&c->grace, on_grace,
				     HURRY_MIN_MS + qsp_net_random() % HURRY_SPAN_MS, 0);
}

/* --- questions ------------------------------------------------------------------------------ */

/* M1 was accepted: from here on it is a client, not a stranger. */
static void
begin_startup(struct qsp_net_conn *c)
{
	const struct qsp_qsshd_config *cfg = &c->w->net->config;

	if (atomic_load(&c->w->net->startups) >= cfg->startups_full) {
		qsp_log(QSP_LOG_INFO, "drop connection from %s port %u: past MaxStartups", c->peer,
			c->peer_port);
		qsp_net_conn_close(c, QSP_REASON_POLICY, "too many logins at once");
	}
	set_state(c, QSP_NET_STARTUP);
	uv_timer_stop(&c->grace);
	if (cfg->grace_s > 0)
		(void)uv_timer_start(&c->grace, on_grace, (uint64_t)cfg->grace_s * 1000, 0);
}

static bool
has_m2(struct qsp_net_conn *c)
{
	struct qsp_conn_info info;

	qsp_conn_get_info(qsp_drive_conn(c->drive), &info);
	return info.session_id != 0;
}

/* [P4.4] The cause, where the mark fitted; the peer learns nothing. */
static void
log_refused(struct qsp_net_conn *c)
{
	const char *why = qsp_conn_why(qsp_drive_conn(c->drive));
	struct qsp_net *n = c->w->net;
	unsigned held = 0;
	bool pass;

	if (*why == 0) {
		qsp_log(QSP_LOG_DEBUG1, "no mark from %s port %u", c->peer, c->peer_port);
		return;
	}
	pthread_mutex_lock(&n->lock);
	pass = qsp_log_limit_pass(&n->refused, uv_now(&c->w->loop) + 1, &held);
	pthread_mutex_unlock(&n->lock);
	if (!pass)
		return;
	qsp_log(QSP_LOG_INFO, "Refused %s port %u: %s", c->peer, c->peer_port, why);
	if (held)
		qsp_log(QSP_LOG_INFO, "%u further refusals were not logged", held);
}

static void
opened(struct qsp_net_conn *c)
{
	char print[QSP_KEY_PRINT_MAX];

	set_state(c, QSP_NET_OPEN);
	uv_timer_stop(&c->grace);
	qsp_net_detach_list(c);
	qsp_net_alive_start(c);
	if (c->method == QSP_METHOD_PASSWORD || c->method == QSP_METHOD_INTERACTIVE) {
		qsp_log(QSP_LOG_INFO, "Accepted %s for %s from %s port %u",
			c->method == QSP_METHOD_PASSWORD ? "password"
			: c->w->net->config.use_pam > 0  ? "keyboard-interactive/pam"
							 : "keyboard-interactive",
			c->user, c->peer, c->peer_port);
		return;
	}
	qsp_key_print(c->key_id, print);
	qsp_log(QSP_LOG_INFO, "Accepted publickey for %s from %s port %u: %s %s", c->user, c->peer,
		c->peer_port, qsp_key_type_name(c->key_type), print);
}

static void
ask_auth(struct qsp_net_conn *c)
{
	struct qsp_auth_question q;

	if (qsp_conn_auth_question(qsp_drive_conn(c->drive), &q) == 0 &&
	    q.method == QSP_METHOD_RESUME)
		qsp_net_resume_asked(c);
	else
		qsp_net_link_ask(c, QSP_NET_ASKING_AUTH);
}

static void
on_wants(void *arg, unsigned wants)
{
	struct qsp_net_conn *c = arg;

	if (c->doomed)
		return;
	if ((wants & QSP_IS_SINK) && !c->sunk) {
		c->sunk = true;
		uv_timer_stop(&c->grace); /* the engine's deadline counts now */
		log_refused(c);
		if (atomic_load(&c->w->net->draining))
			qsp_net_conn_drop(c);
		return;
	}
	if (c->state == QSP_NET_QUIET && has_m2(c))
		begin_startup(c);
	if (wants & QSP_WANT_DECAPS)
		qsp_net_link_ask(c, QSP_NET_ASKING_DECAPS);
	else if (wants & QSP_WANT_AUTH)
		ask_auth(c);
	else if ((wants & QSP_IS_OPEN) && c->state != QSP_NET_OPEN)
		opened(c);
}

void
qsp_net_conn_decapsulated(struct qsp_net_conn *c, const struct qsp_rpc_decaps_answer *m)
{
	/* an error is the connection's, and the drive sees it there */
	(void)!qsp_conn_decaps(qsp_drive_conn(c->drive), m->ok ? &m->answer : NULL);
	if (c->state == QSP_NET_QUIET && has_m2(c))
		begin_startup(c);
	qsp_drive_kick(c->drive);
}

void
qsp_net_conn_judged(struct qsp_net_conn *c, const struct qsp_rpc_auth_answer *m)
{
	struct qsp_decision d = { .verdict = (enum qsp_verdict)m->verdict,
				  .n_methods = m->n_methods };
	struct qsp_auth_question q;
	struct qsp_key_public key;
	char why[QSP_RPC_WHY_MAX + 1];

	if (qsp_conn_auth_question(qsp_drive_conn(c->drive), &q))
		return;
	if (m->why.n > 0) {
		qsp_text_printable(m->why, false, why, sizeof(why));
		qsp_net_conn_close(c, QSP_REASON_POLICY, why);
		return;
	}
	memcpy(d.methods, m->methods, m->n_methods);
	if (m->key.n > 0 && qsp_key_public_parse(c->w->net->cx, m->key, &key) == 0) {
		d.key = &key;
		c->key_type = key.blob[0];
		memcpy(c->key_id, key.id, sizeof(c->key_id));
	}
	if (d.verdict == QSP_AUTH_ACCEPT &&
	    (q.method == QSP_METHOD_KEM || q.method == QSP_METHOD_SIGNATURE) && d.key == NULL &&
	    !q.has_proof)
		d.verdict = QSP_AUTH_REFUSE;
	c->method = (uint8_t)q.method;
	c->limits = m->limits;
	qsp_text_printable(q.user, false, c->user, sizeof(c->user));
	d.ct = m->ct;
	d.ck = m->ck;
	d.prompt = &m->prompt;
	(void)!qsp_conn_decide(qsp_drive_conn(c->drive), &d);
	qsp_drive_kick(c->drive);
}

/* --- events --------------------------------------------------------------------------------- */

static void
on_event(void *arg, const struct qsp_mux_event *ev)
{
	struct qsp_net_conn *c = arg;

	if (!c->doomed)
		qsp_net_channel_event(c, ev);
}

static void
on_room(void *arg)
{
	struct qsp_net_conn *c = arg;

	if (!c->doomed)
		qsp_turns_serve(&c->turns, qsp_drive_mux(c->drive));
}

static void
log_end(struct qsp_net_conn *c, qsp_err e)
{
	const char *why = qsp_conn_why(qsp_drive_conn(c->drive));

	if (c->state == QSP_NET_OPEN) {
		if (e)
			qsp_log(QSP_LOG_INFO, "Connection to user %s %s port %u ended: %s%s%s",
				c->user, c->peer, c->peer_port, qsp_err_text(e), *why ? ": " : "",
				why);
		qsp_log(QSP_LOG_INFO, "Disconnected from user %s %s port %u", c->user, c->peer,
			c->peer_port);
	} else if (c->state == QSP_NET_STARTUP && e == QSP_E_HANDSHAKE) {
		qsp_log(QSP_LOG_INFO, "Disconnecting user %s %s port %u: %s [preauth]", c->user,
			c->peer, c->peer_port, *why ? why : qsp_err_text(e));
	} else if (c->state == QSP_NET_STARTUP) {
		qsp_log(QSP_LOG_INFO, "Connection closed by %s%s%s%s port %u [preauth]",
			*c->user ? "authenticating user " : "", c->user, *c->user ? " " : "",
			c->peer, c->peer_port);
	} else {
		qsp_log(QSP_LOG_DEBUG1, "Connection closed by %s port %u [quiet]", c->peer,
			c->peer_port);
	}
}

static void
on_closed(void *arg, qsp_err e)
{
	struct qsp_net_conn *c = arg;

	log_end(c, e);
	qsp_net_conn_drop(c);
}

static bool
on_lost(void *arg, qsp_err e)
{
	(void)e;
	return qsp_net_detach_lost(arg);
}

static void
on_grace(uv_timer_t *t)
{
	struct qsp_net_conn *c = t->data;

	if (qsp_net_detach_is(c)) {
		qsp_net_detach_end(c, "nobody resumed it in time");
	} else if (c->state == QSP_NET_QUIET) {
		qsp_net_conn_drop(c);
	} else if (c->state == QSP_NET_STARTUP) {
		qsp_log(QSP_LOG_INFO, "Timeout before authentication for %s port %u", c->peer,
			c->peer_port);
		qsp_net_conn_close(c, QSP_REASON_IDLE, "login took too long");
	}
}

/* --- accept --------------------------------------------------------------------------------- */

static const struct qsp_drive_ops ops = {
	.wants = on_wants,
	.event = on_event,
	.room = on_room,
	.closed = on_closed,
	.lost = on_lost,
};

static qsp_err
make_drive(struct qsp_net_conn *c, int fd)
{
	struct qsp_net_worker *w = c->w;
	struct qsp_mux_limits limits = qsp_mux_limits_default();
	struct qsp_conn *conn = NULL;
	qsp_err e;

	limits.max_channels = QSP_NET_SESSIONS_MAX + QSP_NET_FORWARDS_MAX;
	e = qsp_conn_new_server(w->config->engine, qsp_drive_pool_worker(w->pool),
				qsp_drive_now(&w->loop), &conn);
	if (e)
		return e;
	e = qsp_drive_new(w->pool, fd, conn, &limits, &ops, c, &c->drive);
	if (e)
		qsp_conn_free(conn);
	return e;
}

/* A chance that grows from `rate` percent at the beginning to all when full, as sshd's. */
static bool
drop_early(struct qsp_net *n)
{
	const struct qsp_qsshd_config *c = &n->config;
	int now = atomic_load(&n->startups), percent;

	if (now < c->startups_begin)
		return false;
	if (now >= c->startups_full || c->startups_rate == 100)
		return true;
	percent = c->startups_rate + (100 - c->startups_rate) * (now - c->startups_begin) /
					     (c->startups_full - c->startups_begin);
	return (int)(qsp_net_random() % 100) < percent;
}

/* A place in the table and a timer for one that has a drive; false where there is no memory. */
static bool
settle_in(struct qsp_net_conn *c)
{
	if (!take_place(c))
		return false;
	qsp_net_forward_init(c);
	(void)uv_timer_init(&c->w->loop, &c->grace);
	c->grace.data = c;
	return true;
}

void
qsp_net_conn_accept(struct qsp_net_worker *w, int fd)
{
	struct qsp_net_conn *c;

	if (drop_early(w->net)) {
		qsp_log(QSP_LOG_VERBOSE, "drop connection #%d: past MaxStartups",
			atomic_load(&w->net->startups));
		close(fd);
		return;
	}
	if (w->n_quiet == QSP_NET_QUIET_MAX)
		qsp_net_conn_drop(w->quiet[qsp_net_random() % QSP_NET_QUIET_MAX]);
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		close(fd);
		return;
	}
	c->w = w;
	c->outbox_end = &c->outbox;
	qsp_listen_name(fd, true, c->peer, &c->peer_port);
	qsp_listen_name(fd, false, c->own, &c->own_port);
	if (make_drive(c, fd) != 0) {
		close(fd);
		free(c);
		return;
	}
	if (!settle_in(c)) {
		qsp_drive_free(c->drive);
		free(c);
		return;
	}
	(void)uv_timer_start(&c->grace, on_grace, QUIET_MIN_MS + qsp_net_random() % QUIET_SPAN_MS,
			     0);
	c->quiet = w->n_quiet;
	w->quiet[w->n_quiet++] = c;
}

void
qsp_net_conn_adopt(struct qsp_net_worker *w, struct qsp_net_visitor *v)
{
	struct qsp_net_conn *c = calloc(1, sizeof(*c));

	if (c != NULL) {
		c->w = w;
		c->state = QSP_NET_OVER; /* not quiet: it has no place in that table */
		c->outbox_end = &c->outbox;
		c->visits = true;
		memcpy(c->peer, v->peer, sizeof(c->peer));
		memcpy(c->own, v->own, sizeof(c->own));
		c->peer_port = v->peer_port;
		c->own_port = v->own_port;
	}
	if (c == NULL || qsp_drive_new_line(w->pool, &v->line, NULL, &ops, c, &c->drive)) {
		qsp_drive_line_free(&v->line);
		free(c);
	} else if (!settle_in(c)) {
		qsp_drive_free(c->drive);
		free(c);
	} else {
		begin_startup(c);
		qsp_drive_kick(c->drive);
	}
	free(v);
}
