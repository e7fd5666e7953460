/* SPDX-License-Identifier: ISC */
/* Output that can be sent again [P4.7]. */
#include "proto/spool.h"

#include "base/bytes.h"
#include "base/mem.h"

#define SMALL 1024u
#define PIECE (256u * 1024) /* of bulk */
#define SPARES 24u          /* what a fast network has on its way */
#define BULK 65536u         /* passed since it was empty */

static void
let_go(struct qsp_spool_piece *p)
{
	qsp_mem_wipe_free(p, sizeof(*p) + p->most); /* plaintext was in it */
}

static void
empty(struct qsp_spool_piece *p)
{
	p->most = p->end > p->most ? p->end : p->most;
	p->end = 0;
}

static void
let_spares_go(struct qsp_spool *s)
{
	while (s->spare) {
		struct qsp_spool_piece *p = s->spare;

		s->spare = p->next;
		s->spares--;
		let_go(p);
	}
}

void
qsp_spool_free(struct qsp_spool *s)
{
	while (s->first) {
		struct qsp_spool_piece *p = s->first;

		s->first = p->next;
		empty(p);
		let_go(p);
	}
	let_spares_go(s);
	*s = (struct qsp_spool){ 0 };
}

/* Chatter gets small pieces, bulk large ones. */
static struct qsp_spool_piece *
piece(struct qsp_spool *s, size_t n)
{
	size_t cap = s->passed >= BULK ? PIECE : SMALL;
	struct qsp_spool_piece *p = s->spare;

	if (p && p->cap >= n) {
		s->spare = p->next;
		s->spares--;
		p->next = NULL;
		return p;
	}
	while (cap < n)
		cap *= 2;
	if ((p = qsp_mem_alloc(sizeof(*p) + cap)) != NULL)
		p->cap = cap;
	return p;
}

uint8_t *
qsp_spool_append(struct qsp_spool *s, size_t n)
{
	struct qsp_spool_piece *p = s->last;

	if (!p || p->cap - p->end < n) {
		if ((p = piece(s, n)) == NULL)
			return NULL;
		if (s->last)
			s->last->next = p;
		else
			s->first = p;
		s->last = p;
		if (!s->at)
			s->at = p;
	}
	p->end += n;
	s->total += n;
	s->passed += n;
	return p->p + p->end - n;
}

/* The first piece has no use any more: the next bytes may have it. */
static void
retire_first(struct qsp_spool *s)
{
	struct qsp_spool_piece *p = s->first;

	empty(p);
	s->first = p->next;
	s->start = 0;
	if (!s->first)
		s->last = NULL;
	if (s->at == p) {
		s->at = s->first;
		s->offset = 0;
	}
	if (s->spares >= SPARES || p->cap < PIECE) {
		let_go(p);
		return;
	}
	p->next = s->spare;
	s->spare = p;
	s->spares++;
}

/* Empty. After bulk there may be more at once: memory stays, until somebody tidies. After chatter it
 * goes, but for a small piece. */
static void
rest(struct qsp_spool *s)
{
	bool bulk = s->passed >= BULK;

	s->passed = 0;
	if (!bulk)
		let_spares_go(s);
	if (s->first && !s->first->next && (bulk || s->first->cap <= SMALL)) {
		empty(s->first);
		s->at = s->first;
		s->start = s->offset = 0;
		return;
	}
	while (s->first)
		retire_first(s);
	if (!bulk)
		let_spares_go(s);
}

bool
qsp_spool_tidy(struct qsp_spool *s)
{
	bool empty_now = s->acked == s->total;

	while (empty_now && s->first)
		retire_first(s);
	let_spares_go(s);
	return empty_now;
}

void
qsp_spool_shorten(struct qsp_spool *s, size_t n)
{
	s->last->end -= n;
	s->total -= n;
	s->passed -= n;
	if (s->acked == s->total)
		rest(s);
}

struct qsp_bytes
qsp_spool_next(const struct qsp_spool *s)
{
	const struct qsp_spool_piece *p = s->at;
	size_t from = s->offset;

	if (p && from == p->end && p->next) {
		p = p->next;
		from = 0;
	}
	return p ? qsp_bytes(p->p + from, p->end - from) : QSP_BYTES_NONE;
}

void
qsp_spool_sent(struct qsp_spool *s, size_t n)
{
	if (n == 0)
		return;
	if (s->offset == s->at->end) {
		s->at = s->at->next;
		s->offset = 0;
	}
	s->offset += n;
	s->sent += n;
	s->peak = s->sent > s->peak ? s->sent : s->peak;
	if (!s->retains)
		qsp_spool_acknowledged(s, s->sent);
}

void
qsp_spool_acknowledged(struct qsp_spool *s, uint64_t total)
{
	if (total > s->sent || total <= s->acked)
		return;
	while (s->acked < total) {
		size_t here = s->first->end - s->start;

		if (here > total - s->acked) {
			s->start += (size_t)(total - s->acked);
			s->acked = total;
		} else {
			s->acked += here;
			s->start += here;
			if (s->first->next)
				retire_first(s);
		}
	}
	if (s->acked == s->total)
		rest(s);
}

void
qsp_spool_rewind(struct qsp_spool *s, uint64_t total)
{
	qsp_spool_acknowledged(s, total);
	if (total != s->acked)
		return;
	s->at = s->first;
	s->offset = s->start;
	s->sent = s->acked;
}
