/* SPDX-License-Identifier: ISC */
/*
 * Who has data for a connection whose output is full. When it has room again each is served once in
 * turn, so that nobody fills the room that others wait for. Whoever has more waits again, at the end.
 */
#ifndef QSP_APP_TURNS_H
#define QSP_APP_TURNS_H

#include <qsp/channel.h>

struct qsp_turn {
	struct qsp_turn *next, **prev;     /* prev NULL: does not wait */
	void (*serve)(struct qsp_turn *t); /* set by the owner; the rest is zero to begin with */
	bool shut;                         /* waits for the peer's window, not here */
};

/* Zero to begin with. */
struct qsp_turns {
	struct qsp_turn *first, **end;
	const struct qsp_turn *served; /* its turn has come, and it has not read yet */
};

/*
 * Room for t to read into, as qsp_mux_data_begin gives it: less where others wait, none where they were
 * first. NULL: t->serve is called when there may be room, at the latest once the owner has told
 * qsp_turns_window that the peer's window has opened.
 */
uint8_t *qsp_turns_begin(struct qsp_turns *q, struct qsp_turn *t, struct qsp_mux *m,
			 uint32_t channel, uint32_t code, size_t *room);
void qsp_turns_window(struct qsp_turns *q, struct qsp_turn *t, const struct qsp_mux *m);
/* t wants no more. */
void qsp_turns_leave(struct qsp_turns *q, struct qsp_turn *t);
/* The output has room: as long as that is so. A turn may leave, or free itself, while it is served. */
void qsp_turns_serve(struct qsp_turns *q, const struct qsp_mux *m);

#endif
