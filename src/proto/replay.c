/* SPDX-License-Identifier: ISC */
/*
 * A replay cache [P4.2]: a hash table with open addressing, sized once. Entries are themselves
 * hashes, so their first bytes serve as the hash. Expired entries stay until the table is full; then
 * one sweep drops them, at most one in a millisecond.
 */
#include "base/ct.h"
#include "base/mem.h"

#include <qsp/config.h>
#include <string.h>

struct entry {
	uint8_t b[QSP_REPLAY_ENTRY_LEN];
	qsp_time until; /* 0: empty */
};

struct qsp_replay {
	struct entry *slots;
	size_t n_slots, max, used;
	qsp_time swept; /* wall time of the last sweep */
};

qsp_err
qsp_replay_new(size_t max, struct qsp_replay **out)
{
	struct qsp_replay *r = qsp_mem_alloc(sizeof(*r));

	*out = NULL;
	if (!r)
		return QSP_E_NOMEM;
	r->max = max > 0 ? max : 1;
	r->n_slots = r->max + r->max / 2 + 1;
	if ((r->slots = qsp_mem_alloc(r->n_slots * sizeof(*r->slots))) == NULL) {
		qsp_mem_free(r);
		return QSP_E_NOMEM;
	}
	*out = r;
	return QSP_OK;
}

void
qsp_replay_free(struct qsp_replay *r)
{
	if (!r)
		return;
	qsp_mem_free(r->slots);
	qsp_mem_free(r);
}

static struct entry *
find(const struct qsp_replay *r, const uint8_t b[QSP_REPLAY_ENTRY_LEN])
{
	uint64_t hash;
	size_t i;

	memcpy(&hash, b, sizeof(hash));
	i = hash % r->n_slots;
	while (r->slots[i].until != 0 && !qsp_ct_equal(r->slots[i].b, b, QSP_REPLAY_ENTRY_LEN))
		i = i + 1 == r->n_slots ? 0 : i + 1;
	return &r->slots[i];
}

/* A new table holds what has not expired: taking entries out of this one would break its chains. */
static void
sweep(struct qsp_replay *r, qsp_time now)
{
	struct entry *old = r->slots, *fresh = qsp_mem_alloc(r->n_slots * sizeof(*fresh));

	r->swept = now;
	if (!fresh)
		return;
	r->slots = fresh;
	r->used = 0;
	for (size_t i = 0; i < r->n_slots; i++) {
		if (old[i].until <= now)
			continue;
		*find(r, old[i].b) = old[i];
		r->used++;
	}
	qsp_mem_free(old);
}

bool
qsp_replay_enter(struct qsp_replay *r, const uint8_t entry[QSP_REPLAY_ENTRY_LEN],
		 qsp_time until_wall, qsp_time now_wall)
{
	struct entry *e;

	if (r->used == r->max && r->swept != now_wall)
		sweep(r, now_wall);
	e = find(r, entry);
	if (e->until > now_wall)
		return false;
	if (e->until == 0) {
		if (r->used == r->max)
			return false;
		r->used++;
	}
	memcpy(e->b, entry, QSP_REPLAY_ENTRY_LEN);
	e->until = until_wall;
	return true;
}
