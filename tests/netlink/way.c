/* SPDX-License-Identifier: ISC */
#include "way.h"

#include <string.h>
#include <sys/mman.h>

#define SECOND 1000000000ull

struct slot {
	uint64_t due;
	uint64_t n;
	uint8_t packet[];
};

#define SLOT_MAX (sizeof(struct slot) + WAY_PACKET_MAX)

bool
way_init(struct way *w, size_t capacity, unsigned stream)
{
	memset(w, 0, sizeof(*w));
	w->stream = stream;
	way_seed(w, 0);
	/* pages that are never touched cost nothing */
	w->memory = mmap(NULL, capacity, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (w->memory == MAP_FAILED)
		w->memory = NULL;
	w->capacity = capacity;
	w->end = capacity;
	return w->memory != NULL;
}

void
way_wipe(struct way *w)
{
	if (w->memory)
		munmap(w->memory, w->capacity);
	memset(w, 0, sizeof(*w));
}

void
way_seed(struct way *w, uint64_t seed)
{
	w->random = (seed * 16 + w->stream % 16 + 1) * 0x9e3779b97f4a7c15u;
	if (w->random == 0) /* it would stay 0 */
		w->random = 1;
}

/* xorshift64* */
static uint64_t
draw(struct way *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return w->random * 0x2545f4914f6cdd1du;
}

/* In [0, 1). */
static double
uniform(struct way *w)
{
	return (double)(draw(w) >> 11) / 9007199254740992.0;
}

static struct slot *
slot_at(const struct way *w, size_t at)
{
	return (struct slot *)(void *)(w->memory + at);
}

static bool
empty(const struct way *w)
{
	return w->head == w->tail && w->end == w->capacity;
}

uint8_t *
way_begin(struct way *w)
{
	if (empty(w))
		w->head = w->tail = 0;
	if (w->tail >= w->head && w->end == w->capacity) {
		if (w->capacity - w->tail >= SLOT_MAX)
			return slot_at(w, w->tail)->packet;
		if (w->head <= SLOT_MAX)
			return NULL;
		w->end = w->tail;
		w->tail = 0;
	}
	/* strictly less: full must not look like empty */
	return w->head - w->tail > SLOT_MAX ? slot_at(w, w->tail)->packet : NULL;
}

void
way_commit(struct way *w, size_t n, uint64_t now)
{
	struct slot *s = slot_at(w, w->tail);
	uint64_t sent = now;

	if (w->cut) {
		w->cut_off++;
		return;
	}
	if (w->loss > 0 && uniform(w) < w->loss) {
		w->lost++;
		return;
	}
	if (w->rate > 0) {
		uint64_t from = w->free_at > now ? w->free_at : now;
		double waits = (double)(from - now) * (double)w->rate / (8.0 * SECOND);

		if (from > now && waits + (double)n > (double)w->queue) {
			w->full++;
			return;
		}
		sent = w->free_at = from + (uint64_t)((double)n * 8.0 * SECOND / (double)w->rate);
	}
	s->n = n;
	s->due = sent + w->delay;
	if (w->jitter > 0)
		s->due += (uint64_t)(uniform(w) * (double)w->jitter);
	if (s->due < w->last_due)
		s->due = w->last_due;
	w->last_due = s->due;
	w->tail += (sizeof(*s) + n + 7) & ~(size_t)7;
}

void
way_refuse(struct way *w)
{
	w->full++;
}

uint64_t
way_due(const struct way *w)
{
	return empty(w) ? UINT64_MAX : slot_at(w, w->head)->due;
}

const uint8_t *
way_next(const struct way *w, uint64_t now, size_t *n)
{
	uint64_t due = way_due(w);

	if (due == UINT64_MAX || due > now)
		return NULL;
	*n = slot_at(w, w->head)->n;
	return slot_at(w, w->head)->packet;
}

void
way_drop(struct way *w, bool out)
{
	const struct slot *s = slot_at(w, w->head);

	if (out) {
		w->packets++;
		w->bytes += s->n;
	}
	w->head += (sizeof(*s) + s->n + 7) & ~(size_t)7;
	if (w->end != w->capacity && w->head == w->end) {
		w->head = 0;
		w->end = w->capacity;
	}
}

void
way_cut(struct way *w, bool cut)
{
	w->cut = cut;
	while (cut && !empty(w)) {
		way_drop(w, false);
		w->cut_off++;
	}
}
