/* SPDX-License-Identifier: ISC */
/* A queue of those who wait for room. */
#include "app/turns.h"

void
qsp_turns_init(struct qsp_turns *q)
{
	q->first = NULL;
	q->end = &q->first;
}

void
qsp_turns_wait(struct qsp_turns *q, struct qsp_turn *t)
{
	if (qsp_turns_waits(t))
		return;
	t->next = NULL;
	t->prev = q->end;
	*q->end = t;
	q->end = &t->next;
}

void
qsp_turns_leave(struct qsp_turns *q, struct qsp_turn *t)
{
	if (!qsp_turns_waits(t))
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
		t->serve(t);
	}
}
