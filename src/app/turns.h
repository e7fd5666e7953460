/* SPDX-License-Identifier: ISC */
/*
 * Who has data for a connection whose output is full. When it has room again each is served once in
 * turn, so that nobody fills the room that others wait for. Whoever has more waits again, at the end.
 */
#ifndef QSP_APP_TURNS_H
#define QSP_APP_TURNS_H

#include <qsp/channel.h>

struct qsp_turn {
	struct qsp_turn *next, **prev; /* prev NULL: does not wait */
	void (*serve)(struct qsp_turn *t);
};

struct qsp_turns {
	struct qsp_turn *first, **end;
};

void qsp_turns_init(struct qsp_turns *q);
/* Waits, at the end; who waits already keeps its place. */
void qsp_turns_wait(struct qsp_turns *q, struct qsp_turn *t);
void qsp_turns_leave(struct qsp_turns *q, struct qsp_turn *t);
/* The output has room: as long as that is so. A turn may leave, or free itself, while it is served. */
void qsp_turns_serve(struct qsp_turns *q, const struct qsp_mux *m);

static inline bool
qsp_turns_waits(const struct qsp_turn *t)
{
	return t->prev != NULL;
}

#endif
