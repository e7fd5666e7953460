/* SPDX-License-Identifier: ISC */
/*
 * One way of a link: packets come in, wait as they would on a wire, and go out in the order in which
 * they came. Time is the caller's, in ns; nothing here makes a system call but for memory.
 *
 * A packet may be lost at once (seeded); it then waits until those before it are on the wire and it
 * has been sent itself at the rate of the wire, or is dropped where what waits for that would be more
 * than the queue holds (tail drop); then it travels for the delay and a part of the jitter. Jitter
 * never reorders.
 */
#ifndef QSP_NETLINK_WAY_H
#define QSP_NETLINK_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAY_PACKET_MAX 65536u

struct way {
	/* what it does; may change at any time */
	uint64_t delay;  /* ns */
	uint64_t jitter; /* ns: each packet is up to this later */
	double loss;     /* 0 to 1 */
	uint64_t rate;   /* bits a second; 0: no limit */
	uint64_t queue;  /* bytes that may wait for the wire, when there is a rate */
	bool cut;        /* nothing passes */
	uint64_t random; /* of the losses and the jitter: way_seed, then the state */
	unsigned stream; /* ways with the same seed and another stream draw otherwise */

	/* what it has done */
	uint64_t packets, bytes; /* that came out */
	uint64_t lost;           /* by `loss` */
	uint64_t full;           /* because the queue was, or the memory */
	uint64_t cut_off;        /* while it was cut */

	/* packets that wait, oldest first, in `memory`; where it has wrapped, the upper part ends
	 * at `end` */
	uint8_t *memory;
	size_t capacity, head, tail, end;
	uint64_t free_at;  /* when the wire has sent what it has */
	uint64_t last_due; /* of the newest packet */
};

/* Memory for packets that wait; false where there is none. Seeded with 0. */
bool way_init(struct way *w, size_t capacity, unsigned stream);
void way_seed(struct way *w, uint64_t seed);
void way_wipe(struct way *w);

/* Room for one packet of up to WAY_PACKET_MAX bytes; NULL: no room, a packet that comes now is for
 * way_refuse. Valid until the next call. */
uint8_t *way_begin(struct way *w);
/* The packet of n bytes that was put there has come. */
void way_commit(struct way *w, size_t n, uint64_t now);
void way_refuse(struct way *w);

/* When the oldest packet goes out; UINT64_MAX: there is none. */
uint64_t way_due(const struct way *w);
/* The oldest packet if it is due, else NULL; way_drop takes it away. */
const uint8_t *way_next(const struct way *w, uint64_t now, size_t *n);
void way_drop(struct way *w, bool out);

/* Cuts the wire or mends it; what travels on a wire that is cut is gone. */
void way_cut(struct way *w, bool cut);

#endif
