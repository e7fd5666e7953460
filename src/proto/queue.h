/* SPDX-License-Identifier: ISC */
/*
 * Messages that wait to be sent, in order.
 *
 *	struct qsp_writer w;
 *	struct qsp_outgoing *o = qsp_queue_new(type, kind, room, &w);
 *	... put the body into w (a NULL o made w fail) ...
 *	e = qsp_queue_end(o, &w);                      o->data[0..len) is the whole message now
 *	... mix it ...
 *	qsp_queue_add(c, o, then);                     or qsp_queue_free(o)
 */
#ifndef QSP_PROTO_QUEUE_H
#define QSP_PROTO_QUEUE_H

#include "proto/state.h"

struct qsp_outgoing *qsp_queue_new(uint8_t type, uint8_t kind, size_t body_max,
				   struct qsp_writer *w);
QSP_MUST_USE qsp_err qsp_queue_end(struct qsp_outgoing *o, struct qsp_writer *w);
void qsp_queue_add(struct qsp_conn *c, struct qsp_outgoing *o, enum qsp_then then);
void qsp_queue_free(struct qsp_outgoing *o);

/* A flight of QSP_FLIGHT_LEN bytes without head; NULL when out of memory. */
struct qsp_outgoing *qsp_queue_new_flight(void);

/* Takes the first message off. */
void qsp_queue_pop(struct qsp_conn *c);

static inline struct qsp_bytes
qsp_queue_bytes(const struct qsp_outgoing *o)
{
	return (struct qsp_bytes){ o->data, o->len };
}

#endif
