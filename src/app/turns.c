/* SPDX-License-Identifier: ISC */
/* A queue of those who wait for room. Whoever waits for its peer's window stands outside of it. */
#include "app/turns.h"

#define HELPING (16 * 1024) /* a read where others wait */

/* Who waits already keeps its place. */
static void
wait(struct qsp_turns *q, struct qsp_turn *t)
{
	if (t->prev)
		return;
	if (!q->first)
		q->end = &q->first;
	t->next = NULL;
	t->prev = q->end;
	*q->end = t;
	q->end = &t->next;
}

void
qsp_turns_leave(struct qsp_turns *q, struct qsp_turn *t)
{
	if (q->served == t)
		q->served = NULL;
	if (!t->prev)
		return;
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	else
		q->end = t->prev;
	t->prev = NULL;
}

void
qsp_turns_serve(struct qsp_turns *q, const struct qsp_mux *m)
{
	while (q->first && !qsp_mux_is_full(m)) {
		struct qsp_turn *t = q->first;

		qsp_turns_leave(q, t);
		q->served = t;
		t->serve(t);
	}
	q->served = NULL;
}

uint8_t *
qsp_turns_begin(struct qsp_turns *q, struct qsp_turn *t, struct qsp_mux *m, uint32_t channel,
		uint32_t code, size_t *room)
{
	bool others = q->first != NULL, turn = q->served == t;
	uint8_t *p;

	*room = 0;
	q->served = NULL;
	if (others && !turn) {
		wait(q, t);
		return NULL;
	}
	p = qsp_mux_data_begin(m, channel, code, room);
	if (!p && qsp_mux_is_full(m))
		wait(q, t);
	else
		t->shut = !p;
	if (others && *room > HELPING)
		*room = HELPING;
	return p;
}

void
qsp_turns_window(struct qsp_turns *q, struct qsp_turn *t, const struct qsp_mux *m)
{
	if (!t->shut)
		return;
	t->shut = false;
	if (q->first || qsp_mux_is_full(m)) {
		wait(q, t);
		return;
	}
	t->serve(t);
}
