/* SPDX-License-Identifier: ISC */
/*
 * Sessions that outlive their connections [P4.7]. One whose connection was lost goes on without:
 * its children run, what they say waits, bounded by the windows and by what the drive keeps. It
 * ends when nobody resumes it in time, or when too many wait: the oldest first.
 *
 * All workers share one list of who has which session, so that a connection that resumes one finds
 * its way there from wherever it was accepted.
 */
#include "cmd/qsshd/net.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sys/clock.h"
#include "sys/log.h"

static struct qsp_net_entry **
place_of(struct qsp_net *n, uint64_t session)
{
	struct qsp_net_entry **p = &n->entries[session % QSP_NET_ENTRIES];

	while (*p != NULL && (*p)->session != session)
		p = &(*p)->next;
	return p;
}

static bool
session_of(struct qsp_net_conn *c, uint64_t *session)
{
	struct qsp_ticket t;
	bool has = qsp_conn_ticket(qsp_drive_conn(c->drive), false, &t) == 0;

	*session = t.session;
	qsp_mem_wipe(&t, sizeof(t));
	return has;
}

void
qsp_net_detach_list(struct qsp_net_conn *c)
{
	struct qsp_net *n = c->w->net;
	size_t user_n = strlen(c->user) + 1;
	struct qsp_net_entry *e = malloc(sizeof(*e) + user_n), **p;
	uint64_t session;

	if (e == NULL || !session_of(c, &session)) {
		free(e);
		return;
	}
	e->next = NULL;
	e->session = session;
	e->conn = c->id;
	e->worker = c->w->index;
	e->detached = 0;
	memcpy(e->user, c->user, user_n);
	pthread_mutex_lock(&n->lock);
	p = place_of(n, session);
	if (*p == NULL) {
		*p = e;
		e = NULL;
		c->listed = true;
		c->session_id = session;
	}
	pthread_mutex_unlock(&n->lock);
	free(e);
}

void
qsp_net_detach_unlist(struct qsp_net_conn *c)
{
	struct qsp_net *n = c->w->net;
	struct qsp_net_entry **p, *e;

	if (!c->listed)
		return;
	c->listed = false;
	pthread_mutex_lock(&n->lock);
	p = place_of(n, c->session_id);
	e = *p;
	if (e != NULL)
		*p = e->next;
	pthread_mutex_unlock(&n->lock);
	free(e);
}

bool
qsp_net_detach_find(struct qsp_net *n, uint64_t session, unsigned *worker, uint64_t *conn)
{
	struct qsp_net_entry *e;

	pthread_mutex_lock(&n->lock);
	e = *place_of(n, session);
	if (e != NULL) {
		*worker = e->worker;
		*conn = e->conn;
	}
	pthread_mutex_unlock(&n->lock);
	return e != NULL;
}

/* The oldest of those that are detached: of this user where there are more than his share, else of
 * all where they are too many. Under the lock. */
static const struct qsp_net_entry *
surplus(const struct qsp_net *n, const char *user)
{
	const struct qsp_net_entry *oldest = NULL, *own = NULL;
	int all = 0, his = 0;

	for (size_t i = 0; i < QSP_NET_ENTRIES; i++) {
		for (const struct qsp_net_entry *e = n->entries[i]; e != NULL; e = e->next) {
			if (e->detached == 0)
				continue;
			all++;
			if (oldest == NULL || e->detached < oldest->detached)
				oldest = e;
			if (strcmp(e->user, user) != 0)
				continue;
			his++;
			if (own == NULL || e->detached < own->detached)
				own = e;
		}
	}
	if (his > n->config.detached_each)
		return own;
	return all > n->config.detached_total ? oldest : NULL;
}

static void
mark(struct qsp_net_conn *c, qsp_time detached)
{
	struct qsp_net *n = c->w->net;
	struct qsp_net_order order = { .type = QSP_NET_END, .fd = -1 };
	const struct qsp_net_entry *victim = NULL;
	struct qsp_net_worker *where = NULL;
	struct qsp_net_entry *e;

	pthread_mutex_lock(&n->lock);
	e = *place_of(n, c->session_id);
	if (e != NULL)
		e->detached = detached;
	if (detached)
		victim = surplus(n, c->user);
	if (victim != NULL) {
		order.conn = victim->conn;
		where = n->worker[victim->worker];
	}
	pthread_mutex_unlock(&n->lock);
	if (where != NULL)
		(void)qsp_net_worker_tell(where, &order);
}

bool
qsp_net_detach_is(const struct qsp_net_conn *c)
{
	return c->state == QSP_NET_OPEN && qsp_drive_is_detached(c->drive);
}

bool
qsp_net_detach_lost(struct qsp_net_conn *c)
{
	uint64_t ms = (uint64_t)c->w->net->config.resume_s * 1000;

	if (!c->listed || c->doomed || c->state != QSP_NET_OPEN ||
	    atomic_load(&c->w->net->draining))
		return false;
	qsp_log(QSP_LOG_INFO, "Detached user %s %s port %u: the connection was lost", c->user,
		c->peer, c->peer_port);
	qsp_net_conn_wait(c, ms);
	mark(c, qsp_clock_ms(CLOCK_MONOTONIC) + 1); /* one clock for all workers; 0: attached */
	return true;
}

void
qsp_net_detach_resumed(struct qsp_net_conn *c)
{
	uv_timer_stop(&c->grace);
	qsp_net_alive_start(c);
	mark(c, 0);
	qsp_log(QSP_LOG_INFO, "Resumed user %s from %s port %u", c->user, c->peer, c->peer_port);
}

void
qsp_net_detach_end(struct qsp_net_conn *c, const char *why)
{
	qsp_log(QSP_LOG_INFO, "Detached session of user %s ended: %s", c->user, why);
	qsp_net_conn_close(c, QSP_REASON_IDLE, "");
}
