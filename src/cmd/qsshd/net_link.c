/* SPDX-License-Identifier: ISC */
/*
 * Questions to qsshd-auth. At most QSP_NET_INFLIGHT_MAX wait for an answer, the others wait their turn here.
 * A question is put together only when it is sent, from what the engine still wants; so when qsshd-auth
 * dies and is started again, all that was open is simply asked again.
 */
#include "cmd/qsshd/net.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/log.h"

#define QUESTION_MAX 16384

static bool
put_decaps(struct qsp_net_conn *c, struct qsp_writer *w)
{
	struct qsp_decaps_question q;
	struct qsp_rpc_decaps m = { .conn = c->id };

	if (qsp_conn_decaps_question(qsp_drive_conn(c->drive), &q))
		return false;
	m.all_keys = q.all_keys;
	m.key = (uint8_t)q.key;
	m.has_point = q.point != NULL;
	if (q.point != NULL)
		memcpy(m.point, q.point, sizeof(m.point));
	m.ct = q.ct;
	qsp_writer_u8(w, QSP_RPC_DECAPS);
	qsp_rpc_put_decaps(w, &m);
	return true;
}

/* An answer that is too long is a wrong one. */
static void
take_reply(struct qsp_reply *to, const struct qsp_reply *from)
{
	*to = *from;
	for (size_t i = 0; i < to->n; i++) {
		if (to->text[i].n > QSP_RPC_PASSWORD_MAX)
			to->text[i] = QSP_BYTES_NONE;
	}
}

static bool
put_auth(struct qsp_net_conn *c, struct qsp_writer *w)
{
	struct qsp_auth_question q;
	struct qsp_rpc_auth m = { .conn = c->id };
	struct qsp_conn_info info;

	if (qsp_conn_auth_question(qsp_drive_conn(c->drive), &q))
		return false;
	m.user = q.user;
	m.method = (uint8_t)q.method;
	m.key_type = q.key_type;
	memcpy(m.key_id, q.key_id, sizeof(m.key_id));
	if (q.has_key)
		m.key = qsp_bytes(q.key.blob, q.key.len);
	if (q.password.n <= QSP_RPC_PASSWORD_MAX) /* a longer one is wrong, as an empty one is */
		m.password = q.password;
	m.address = qsp_bytes_str(c->peer);
	m.port = c->peer_port;
	m.own = qsp_bytes_str(c->own);
	m.own_port = c->own_port;
	qsp_conn_get_info(qsp_drive_conn(c->drive), &info);
	m.kem = info.kem;
	m.has_proof = q.has_proof;
	m.ck = q.ck;
	m.h = q.h;
	m.proof = q.proof;
	m.has_reply = q.has_reply;
	if (q.has_reply)
		take_reply(&m.reply, &q.reply);
	qsp_writer_u8(w, QSP_RPC_AUTH);
	qsp_rpc_put_auth(w, &m);
	return true;
}

static bool
put_resume(struct qsp_net_conn *c, struct qsp_writer *w)
{
	struct qsp_net_conn *s = qsp_net_conn_find(c->w, c->resumes);
	struct qsp_rpc_auth m = { .conn = c->id };

	if (s == NULL)
		return false;
	m.user = qsp_bytes_str(s->user);
	m.method = s->method;
	m.key_type = s->key_type;
	memcpy(m.key_id, s->key_id, sizeof(m.key_id));
	m.address = qsp_bytes_str(c->peer);
	m.port = c->peer_port;
	m.own = qsp_bytes_str(c->own);
	m.own_port = c->own_port;
	qsp_writer_u8(w, QSP_RPC_RESUME);
	qsp_rpc_put_auth(w, &m);
	return true;
}

static bool
put_question(struct qsp_net_conn *c, struct qsp_writer *w)
{
	switch (c->asking) {
	case QSP_NET_ASKING_AUTH: return put_auth(c, w);
	case QSP_NET_ASKING_RESUME: return put_resume(c, w);
	default: return put_decaps(c, w);
	}
}

/* False where the link takes no more now. */
static bool
send_question(struct qsp_net_conn *c)
{
	uint8_t buf[QUESTION_MAX];
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	bool ok = put_question(c, &w);
	qsp_err e = 0;

	if (!ok || qsp_writer_done(&w)) {
		c->asking = QSP_NET_NOTHING; /* it wants nothing any more */
	} else {
		e = qsp_ipc_send(c->w->link, qsp_writer_bytes(&w), NULL, 0);
		if (e == 0) {
			c->sent = true;
			c->w->inflight++;
		}
	}
	qsp_mem_wipe(buf, sizeof(buf));
	return e == 0;
}

static void
send_waiting(struct qsp_net_worker *w)
{
	while (w->waiting != NULL && w->link >= 0 && w->inflight < QSP_NET_INFLIGHT_MAX) {
		struct qsp_net_conn *c = w->waiting;

		if (!send_question(c))
			return;
		w->waiting = c->next_waiting;
		c->next_waiting = NULL;
		if (w->waiting == NULL)
			w->waiting_end = &w->waiting;
	}
}

static void
enqueue(struct qsp_net_conn *c)
{
	struct qsp_net_worker *w = c->w;

	c->next_waiting = NULL;
	*w->waiting_end = c;
	w->waiting_end = &c->next_waiting;
}

void
qsp_net_link_ask(struct qsp_net_conn *c, enum qsp_net_asking what)
{
	if (c->asking != QSP_NET_NOTHING)
		return;
	c->asking = what;
	c->sent = false;
	enqueue(c);
	send_waiting(c->w);
}

void
qsp_net_link_say(struct qsp_net_conn *c, enum qsp_rpc_link type)
{
	uint8_t buf[256];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), type);
	struct qsp_rpc_ends ends = { c->id, qsp_bytes_str(c->peer), qsp_bytes_str(c->own),
				     c->peer_port, c->own_port };

	qsp_rpc_put_ends(&w, &ends);
	if (c->w->link < 0 || qsp_writer_done(&w) ||
	    qsp_ipc_send(c->w->link, qsp_writer_bytes(&w), NULL, 0)) {
		if (type == QSP_RPC_SESSION)
			qsp_net_conn_close(c, QSP_REASON_INTERNAL_ERROR, "try again");
	}
}

void
qsp_net_link_forget(struct qsp_net_conn *c)
{
	struct qsp_net_worker *w = c->w;
	struct qsp_net_conn **p = &w->waiting;

	if (c->asking != QSP_NET_NOTHING && c->sent)
		w->inflight--; /* its answer will find nobody */
	while (*p != NULL && *p != c)
		p = &(*p)->next_waiting;
	if (*p == c) {
		*p = c->next_waiting;
		if (*p == NULL)
			w->waiting_end = p;
	}
	c->asking = QSP_NET_NOTHING;
	qsp_net_link_say(c, QSP_RPC_GONE);
	send_waiting(w);
}

/* --- answers -------------------------------------------------------------------------------- */

static bool
answered(struct qsp_net_conn *c, enum qsp_net_asking what)
{
	if (c == NULL || c->asking != what || !c->sent)
		return false;
	c->asking = QSP_NET_NOTHING;
	c->w->inflight--;
	return true;
}

static void
on_decaps_answer(struct qsp_net_worker *w, struct qsp_bytes body)
{
	struct qsp_rpc_decaps_answer m;
	struct qsp_net_conn *c;

	if (qsp_rpc_get_decaps_answer(body, &m) == 0) {
		c = qsp_net_conn_find(w, m.conn);
		if (answered(c, QSP_NET_ASKING_DECAPS))
			qsp_net_conn_decapsulated(c, &m);
	}
	qsp_mem_wipe(&m, sizeof(m));
}

static void
on_auth_answer(struct qsp_net_worker *w, struct qsp_bytes body)
{
	struct qsp_rpc_auth_answer m;
	struct qsp_net_conn *c;

	if (qsp_rpc_get_auth_answer(body, &m) != 0)
		return;
	c = qsp_net_conn_find(w, m.conn);
	if (answered(c, QSP_NET_ASKING_AUTH))
		qsp_net_conn_judged(c, &m);
}

static void
on_resume_answer(struct qsp_net_worker *w, struct qsp_bytes body)
{
	struct qsp_reader r = qsp_reader_of(body);
	struct qsp_net_conn *c = qsp_net_conn_find(w, qsp_reader_u64(&r));
	bool ok = qsp_reader_u8(&r) == 1;

	if (qsp_reader_done(&r) == 0 && answered(c, QSP_NET_ASKING_RESUME))
		qsp_net_resume_judged(c, ok);
}

static void
on_session_answer(struct qsp_net_worker *w, struct qsp_bytes body, struct qsp_ipc_message *m)
{
	struct qsp_reader r = qsp_reader_of(body);
	struct qsp_net_conn *c = qsp_net_conn_find(w, qsp_reader_u64(&r));

	if (qsp_reader_done(&r) == 0 && c != NULL && c->session_asked && !c->doomed)
		qsp_net_session_started(c, qsp_ipc_take(m, 0));
}

static void
handle(struct qsp_net_worker *w, struct qsp_ipc_message *m)
{
	struct qsp_bytes body = qsp_bytes(m->data + 1, m->n - 1);

	switch (m->data[0]) {
	case QSP_RPC_HELLO: qsp_net_hello(w, body); break;
	case QSP_RPC_DECAPS_ANSWER: on_decaps_answer(w, body); break;
	case QSP_RPC_AUTH_ANSWER: on_auth_answer(w, body); break;
	case QSP_RPC_RESUME_ANSWER: on_resume_answer(w, body); break;
	case QSP_RPC_SESSION_ANSWER: on_session_answer(w, body, m); break;
	default: break;
	}
	qsp_mem_wipe(m->data, m->n);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct qsp_net_worker *w = h->data;
	struct qsp_ipc_message *m = w->message;
	qsp_err e;

	(void)status;
	(void)events;
	while ((e = qsp_ipc_recv(w->link, m)) == 0) {
		handle(w, m);
		qsp_ipc_drop(m);
		if (w->link_poll != h)
			return;
	}
	if (e != QSP_E_ROOM) {
		qsp_log(QSP_LOG_VERBOSE, "qsshd-auth is gone");
		qsp_net_link_drop(w);
		return;
	}
	send_waiting(w);
}

static void
on_closed(uv_handle_t *h)
{
	free(h);
}

/* All that was asked and not answered will be asked again. */
void
qsp_net_link_drop(struct qsp_net_worker *w)
{
	if (w->link_poll == NULL)
		return;
	uv_close((uv_handle_t *)w->link_poll, on_closed);
	w->link_poll = NULL;
	close(w->link);
	w->link = -1;
	w->inflight = 0;
	for (size_t i = 0; i < w->n_places; i++) {
		struct qsp_net_conn *c = w->conn[i];

		if (c == NULL)
			continue;
		if (c->asking != QSP_NET_NOTHING && c->sent) {
			c->sent = false;
			enqueue(c);
		}
		/* the next one will not know of its login */
		if (c->session_asked && c->session == NULL)
			qsp_net_conn_close(c, QSP_REASON_INTERNAL_ERROR, "try again");
	}
}

void
qsp_net_link_set(struct qsp_net_worker *w, int fd)
{
	qsp_net_link_drop(w);
	w->link_poll = malloc(sizeof(*w->link_poll));
	if (w->link_poll == NULL || uv_poll_init(&w->loop, w->link_poll, fd) != 0) {
		free(w->link_poll);
		w->link_poll = NULL;
		close(fd);
		return;
	}
	w->link = fd;
	w->link_poll->data = w;
	(void)uv_poll_start(w->link_poll, UV_READABLE, on_poll);
	send_waiting(w);
}
