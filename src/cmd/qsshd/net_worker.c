/* SPDX-License-Identifier: ISC */
/*
 * A worker: one thread, one loop, its own listening sockets and its own link to qsshd-auth. The main
 * thread speaks to it through a list of orders and a wake-up.
 */
#include "cmd/qsshd/net.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/log.h"

#define ACCEPTS 32 /* connections a turn */

static void
on_readable(uv_poll_t *h, int status, int events)
{
	struct qsp_net_listener *l = h->data;
	struct qsp_net_worker *w = l->w;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			qsp_net_conn_accept(w, fd);
		} else if ((errno == EMFILE || errno == ENFILE) && qsp_drive_pool_shed(w->pool)) {
			continue;
		} else if ((errno == EMFILE || errno == ENFILE) && w->n_quiet > 0) {
			qsp_net_conn_drop(w->quiet[qsp_net_random() % w->n_quiet]);
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

void
qsp_net_worker_listen(struct qsp_net_worker *w)
{
	if (w->listening || !w->going || w->config == NULL || w->stopping)
		return;
	w->listening = true;
	for (size_t i = 0; i < w->n_listeners; i++)
		(void)uv_poll_start(&w->listener[i].poll, UV_READABLE, on_readable);
	qsp_net_ready(w->net);
}

static void
add_listener(struct qsp_net_worker *w, int fd)
{
	struct qsp_net_listener *l = &w->listener[w->n_listeners];

	if (w->n_listeners == QSP_NET_LISTENERS_MAX || uv_poll_init(&w->loop, &l->poll, fd) != 0) {
		close(fd);
		return;
	}
	l->w = w;
	l->fd = fd;
	l->poll.data = l;
	w->n_listeners++;
}

static void
stop_listening(struct qsp_net_worker *w)
{
	for (size_t i = 0; i < w->n_listeners; i++) {
		uv_close((uv_handle_t *)&w->listener[i].poll, NULL);
		close(w->listener[i].fd);
	}
	w->n_listeners = 0;
	w->stopping = true;
	qsp_net_worker_check(w);
}

static void
close_all(struct qsp_net_worker *w)
{
	for (size_t i = 0; i < w->n_places; i++) {
		struct qsp_net_conn *c = w->conn[i];

		if (c == NULL)
			continue;
		if (c->state == QSP_NET_QUIET)
			qsp_net_conn_drop(c);
		else
			qsp_net_conn_close(c, QSP_REASON_NORMAL, "the server is going down");
	}
}

/* Who is logged in, or about to, stays; nobody waits for strangers. */
static void
close_strangers(struct qsp_net_worker *w)
{
	for (size_t i = 0; i < w->n_places; i++) {
		if (w->conn[i] != NULL && w->conn[i]->state == QSP_NET_QUIET)
			qsp_net_conn_hurry(w->conn[i]);
		else if (w->conn[i] != NULL && qsp_net_detach_is(w->conn[i]))
			qsp_net_detach_end(w->conn[i], "the configuration was reloaded");
	}
}

void
qsp_net_worker_check(struct qsp_net_worker *w)
{
	if (w->stopping && w->n_conns == 0 &&
	    (w->hurried || qsp_drive_pool_lingering(w->pool) == 0))
		uv_stop(&w->loop);
}

/* The last of those whose end was covered has gone. */
static void
on_calm(void *arg)
{
	qsp_net_worker_check(arg);
}

static void
obey(struct qsp_net_worker *w, const struct qsp_net_order *o)
{
	struct qsp_net_conn *c;

	switch (o->type) {
	case QSP_RPC_LISTENER: add_listener(w, o->fd); break;
	case QSP_RPC_LINK: qsp_net_link_set(w, o->fd); break;
	case QSP_RPC_GO:
		w->going = true;
		qsp_net_worker_listen(w);
		break;
	case QSP_RPC_DRAIN:
		close_strangers(w);
		stop_listening(w);
		qsp_log(QSP_LOG_DEBUG1, "Worker %u listens no more", w->index);
		qsp_net_drained(w->net);
		break;
	case QSP_NET_LEAVE:
		if ((c = qsp_net_conn_find(w, o->conn)) != NULL)
			qsp_net_resume_move(c);
		break;
	case QSP_NET_MOVE: qsp_net_conn_adopt(w, o->visitor); break;
	case QSP_NET_END:
		c = qsp_net_conn_find(w, o->conn);
		if (c != NULL && qsp_net_detach_is(c))
			qsp_net_detach_end(c, "too many are detached");
		break;
	case QSP_RPC_STOP:
		w->hurried = true;
		close_all(w);
		stop_listening(w);
		break;
	default: break;
	}
}

static void
on_wake(uv_async_t *h)
{
	struct qsp_net_worker *w = h->data;
	struct qsp_net_order *list;

	pthread_mutex_lock(&w->net->lock);
	list = w->orders;
	w->orders = NULL;
	w->orders_end = &w->orders;
	pthread_mutex_unlock(&w->net->lock);
	while (list != NULL) {
		struct qsp_net_order *o = list;

		list = o->next;
		obey(w, o);
		free(o);
	}
}

bool
qsp_net_worker_tell(struct qsp_net_worker *w, const struct qsp_net_order *order)
{
	struct qsp_net_order *o = malloc(sizeof(*o));

	if (o == NULL)
		return false;
	*o = *order;
	o->next = NULL;
	pthread_mutex_lock(&w->net->lock);
	*w->orders_end = o;
	w->orders_end = &o->next;
	pthread_mutex_unlock(&w->net->lock);
	(void)uv_async_send(&w->wake);
	return true;
}

void
qsp_net_worker_order(struct qsp_net_worker *w, uint8_t type, int fd)
{
	if (!qsp_net_worker_tell(w, &(struct qsp_net_order){ .type = type, .fd = fd }) && fd >= 0)
		close(fd);
}

qsp_err
qsp_net_worker_new(struct qsp_net *n, unsigned index, struct qsp_net_worker **out)
{
	struct qsp_net_worker *w = calloc(1, sizeof(*w));
	qsp_err e = QSP_E_NOMEM;

	*out = NULL;
	if (w == NULL)
		return QSP_E_NOMEM;
	w->net = n;
	w->index = index;
	w->link = -1;
	w->orders_end = &w->orders;
	w->waiting_end = &w->waiting;
	w->message = malloc(sizeof(*w->message));
	if (w->message == NULL)
		goto out;
	if (uv_loop_init(&w->loop) != 0)
		goto out;
	if (uv_async_init(&w->loop, &w->wake, on_wake) != 0 ||
	    (e = qsp_drive_pool_new(&w->loop, n->cx, &w->pool)) != 0 ||
	    ((n->config.shaping & 1 << QSP_SHAPE_STEALTH) &&
	     (e = qsp_drive_pool_pace(w->pool)) != 0)) {
		(void)uv_loop_close(&w->loop);
		goto out;
	}
	w->wake.data = w;
	qsp_drive_pool_on_calm(w->pool, on_calm, w);
	qsp_drive_pool_linger_max(w->pool, n->lingering_max / n->n_workers);
	*out = w;
	return 0;
out:
	free(w->message);
	free(w);
	return e;
}

void
qsp_net_worker_run(struct qsp_net_worker *w)
{
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	qsp_net_link_drop(w);
	uv_close((uv_handle_t *)&w->wake, NULL);
	qsp_drive_pool_free(w->pool);
	w->pool = NULL;
	(void)uv_run(&w->loop, UV_RUN_DEFAULT); /* what was closed says so */
}

void
qsp_net_worker_free(struct qsp_net_worker *w)
{
	if (w == NULL)
		return;
	(void)uv_loop_close(&w->loop);
	qsp_net_config_free(w->config);
	free(w->message);
	free(w->conn);
	free(w);
}
