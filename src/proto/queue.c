/* SPDX-License-Identifier: ISC */
/* The list of messages that wait to be sent. */
#include "proto/queue.h"

static struct qsp_outgoing *
outgoing(uint8_t type, size_t cap)
{
	struct qsp_outgoing *o = qsp_mem_alloc(sizeof(*o) + cap);

	if (o) {
		o->type = type;
		o->cap = (uint32_t)cap;
	}
	return o;
}

struct qsp_outgoing *
qsp_queue_new(uint8_t type, uint8_t kind, size_t body_max, struct qsp_writer *w)
{
	struct qsp_outgoing *o = outgoing(type, body_max + QSP_MSG_HEAD_LEN);

	*w = qsp_writer_of(o ? o->data : NULL, o ? o->cap : 0);
	qsp_msg_begin(w, kind);
	return o;
}

qsp_err
qsp_queue_end(struct qsp_outgoing *o, struct qsp_writer *w)
{
	if (!o)
		return QSP_E_NOMEM;
	qsp_msg_end(w, 0);
	o->len = (uint32_t)w->n;
	return qsp_writer_done(w);
}

struct qsp_outgoing *
qsp_queue_new_flight(void)
{
	struct qsp_outgoing *o = outgoing(QSP_TYPE_FLIGHT, QSP_FLIGHT_LEN);

	if (o)
		o->len = QSP_FLIGHT_LEN;
	return o;
}

void
qsp_queue_add(struct qsp_conn *c, struct qsp_outgoing *o, enum qsp_then then)
{
	o->then = (uint8_t)then;
	if (c->out_last)
		c->out_last->next = o;
	else
		c->out = o;
	c->out_last = o;
}

void
qsp_queue_free(struct qsp_outgoing *o)
{
	if (o)
		qsp_mem_wipe_free(o, sizeof(*o) + o->cap);
}

void
qsp_queue_pop(struct qsp_conn *c)
{
	struct qsp_outgoing *o = c->out;

	c->out = o->next;
	if (!c->out)
		c->out_last = NULL;
	qsp_queue_free(o);
}
