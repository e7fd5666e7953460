/* SPDX-License-Identifier: ISC */
/*
 * An output stream in pieces of memory: appended at its end, sent from its front, and, where it
 * retains, kept until the peer has acknowledged it [P4.7], so that it can be sent once more. Bytes
 * are counted from the first that was ever appended. Nothing is moved: what was put somewhere stays
 * there until it goes.
 */
#ifndef QSP_PROTO_SPOOL_H
#define QSP_PROTO_SPOOL_H

#include <qsp/base.h>

struct qsp_spool_piece {
	struct qsp_spool_piece *next;
	size_t end, cap; /* p[0..end) is in use; of the first one from spool.start on */
	size_t most;     /* that ever was: to be wiped */
	uint8_t p[];
};

struct qsp_spool {
	struct qsp_spool_piece *first, *last; /* oldest, newest */
	struct qsp_spool_piece *at;           /* where sending goes on, NULL: no piece */
	struct qsp_spool_piece *spare;        /* empty ones, for the next bytes */
	size_t start;                         /* in first: what is not acknowledged begins */
	size_t offset;                        /* in at */
	uint64_t acked, sent, total;
	uint64_t peak;   /* of sent */
	uint64_t passed; /* since it was last empty: tells bulk from chatter */
	unsigned spares;
	bool retains;
};

void qsp_spool_free(struct qsp_spool *s);

/* Room for n bytes at the end, which then counts them; NULL when out of memory. */
uint8_t *qsp_spool_append(struct qsp_spool *s, size_t n);
/* Takes back the last n bytes of the latest append. */
void qsp_spool_shorten(struct qsp_spool *s, size_t n);

/* What is to be sent next, as far as it lies in one piece; n = 0: nothing. */
struct qsp_bytes qsp_spool_next(const struct qsp_spool *s);
void qsp_spool_sent(struct qsp_spool *s, size_t n);
/* Bytes up to total have arrived; those that are not sent, or have gone, are no matter. */
void qsp_spool_acknowledged(struct qsp_spool *s, uint64_t total);
/* Memory that waits for more to say goes; false where something is kept. */
bool qsp_spool_tidy(struct qsp_spool *s);
/* Sending goes on at total, which was sent before, and is not acknowledged beyond. */
void qsp_spool_rewind(struct qsp_spool *s, uint64_t total);

/* Room behind the end that needs no new piece. */
static inline size_t
qsp_spool_room(const struct qsp_spool *s)
{
	return s->last ? s->last->cap - s->last->end : 0;
}

/* Not sent yet. */
static inline size_t
qsp_spool_waiting(const struct qsp_spool *s)
{
	return (size_t)(s->total - s->sent);
}

/* Never sent. */
static inline size_t
qsp_spool_fresh(const struct qsp_spool *s)
{
	return (size_t)(s->total - s->peak);
}

/* Sent, and not acknowledged. */
static inline size_t
qsp_spool_kept(const struct qsp_spool *s)
{
	return (size_t)(s->sent - s->acked);
}

#endif
