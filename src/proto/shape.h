/* SPDX-License-Identifier: ISC */
/*
 * Shaping [P8] as a machine of its own: when the next write of a connection is due, and how many
 * cells it has. It moves nothing, reads no clock, and draws its jitter from the configuration's
 * random source. One for each direction that somebody sends.
 *
 * The caller asks qsp_shape_next whenever something was queued or a deadline has come; at the
 * deadline it writes exactly that many cells, filled up with Noise, and reports what was in them.
 * Times are microseconds of any clock that does not go back.
 */
#ifndef QSP_PROTO_SHAPE_H
#define QSP_PROTO_SHAPE_H

#include "base/bytes.h"
#include "crypto/crypto.h"

#include <qsp/conn.h>

enum qsp_shape_mode {
	QSP_SHAPE_PLAIN = 0,
	QSP_SHAPE_PADDED = 1,
	QSP_SHAPE_STEALTH = 2,
};
#define QSP_SHAPE_ALL                                                                              \
	(1u << QSP_SHAPE_PLAIN | 1u << QSP_SHAPE_PADDED | 1u << QSP_SHAPE_STEALTH) /* a bit each */
enum qsp_shape_padding { QSP_SHAPE_BURST = 1, QSP_SHAPE_MAX = 2 };

#define QSP_SHAPE_CLASSES 6
#define QSP_SHAPE_GRID_MS 20 /* the default; 0 is off, else GRID_LEAST to GRID_MOST */
#define QSP_SHAPE_GRID_LEAST 5
#define QSP_SHAPE_GRID_MOST 100
#define QSP_SHAPE_BODY_MAX 4
#define QSP_SHAPE_NEVER UINT64_MAX
#define QSP_SHAPE_DRAWN 128 /* eight gaps */

/* The body of SHAPE [P5.1, P8]; fields of other modes are zero. */
struct qsp_shape_params {
	uint8_t mode;
	uint8_t grid_ms; /* plain */
	uint8_t padding; /* padded */
	bool strict;     /* stealth: the class never changes */
	uint8_t class;   /* stealth: now, 0 the slowest */
	uint8_t ceiling; /* stealth: it never goes above this one */
};

/* A class of stealth: so many cells in each slot, slots so far apart on average [P8]. */
struct qsp_shape_class {
	uint32_t slot_us;
	uint32_t cells;
};
extern const struct qsp_shape_class qsp_shape_classes[QSP_SHAPE_CLASSES];
/* Bytes an hour of a class, both directions. */
uint64_t qsp_shape_class_hourly(uint8_t class);
/* The fastest class that stays within so many bytes an hour, both directions; the slowest where
 * none does: cover is never dropped. */
uint8_t qsp_shape_class_within(uint64_t hourly);

/* shape_msg.c: the body, at most QSP_SHAPE_BODY_MAX bytes; QSP_E_PROTOCOL for what P8 does not know. */
size_t qsp_shape_put(const struct qsp_shape_params *p, uint8_t out[static QSP_SHAPE_BODY_MAX]);
QSP_MUST_USE qsp_err qsp_shape_get(struct qsp_bytes body, struct qsp_shape_params *p);

bool qsp_shape_same(const struct qsp_shape_params *a, const struct qsp_shape_params *b);

/* What a server allows; its announcement [P4.6]. */
struct qsp_shape_allowed {
	uint8_t modes;   /* bit m: mode m */
	uint8_t ceiling; /* the fastest class */
};
/* The server's answer to what a client asked for: the same where it is allowed, a lower ceiling and
 * class where only that is, else plain without a grid. */
struct qsp_shape_params qsp_shape_answer(const struct qsp_shape_allowed *a,
					 const struct qsp_shape_params *asked);
/*
 * May the client go from `was` to `p`, `ms` after the change before? A server refuses with POLICY
 * what breaks P8: leaving stealth or entering it late, a strict or unbounded change of class,
 * one before its dwell is over.
 */
bool qsp_shape_may_follow(const struct qsp_shape_params *was, const struct qsp_shape_params *p,
			  uint64_t ms);

/* What was sent, for people and for `bench`. */
struct qsp_shape_counts {
	uint64_t data_cells, noise_cells, slots, skipped;
	uint64_t waits, wait_us; /* writes that had waited for their slot, and how long in all */
};

struct qsp_shape {
	const struct qsp_crypto *cx;
	struct qsp_shape_params p;
	bool leads; /* the client: it decides about classes */
	struct qsp_shape_counts counts;
	uint64_t next;          /* deadline of the coming write, or NEVER */
	uint64_t waiting_since; /* NEVER: nothing waits */
	size_t n_drawn;
	/* plain: cover after a keystroke; padded: the burst that is not filled yet */
	uint64_t cover_until, burst_cells, burst_last;
	/* stealth, leader: the dwell */
	uint64_t dwell_end, dwell_sent, dwell_data, dwell_got, dwell_got_data;
	uint8_t drawn[QSP_SHAPE_DRAWN]; /* random bytes for what comes next: the first n_drawn */
};

/* Begins, or goes on under other parameters: counts stay. */
QSP_MUST_USE qsp_err qsp_shape_begin(struct qsp_shape *s, const struct qsp_crypto *cx,
				     const struct qsp_shape_params *p, bool leads, uint64_t now);

struct qsp_shape_slot {
	uint64_t at;    /* when to write, or NEVER: when there is something to send */
	uint32_t cells; /* how many, filled with Noise; 0: just what there is to send */
};
/* The coming write, given that so many cells (rounded up) wait to be sent. */
QSP_MUST_USE qsp_err qsp_shape_next(struct qsp_shape *s, uint64_t now, uint64_t waiting,
				    struct qsp_shape_slot *out);
/* It was made, with so many cells of each kind. */
QSP_MUST_USE qsp_err qsp_shape_sent(struct qsp_shape *s, uint64_t now, uint64_t data,
				    uint64_t noise);
/* It was left out, for data and Noise alike: the link still holds more than a slot [P8]. */
QSP_MUST_USE qsp_err qsp_shape_skip(struct qsp_shape *s, uint64_t now);
/* Cells of the peer came, so many of them with something in them. */
void qsp_shape_got(struct qsp_shape *s, uint64_t now, uint64_t cells, uint64_t data);

/*
 * Leader, stealth: is a dwell over? Then *p is what holds from now on, to be said to the peer where
 * *changed. waiting as in qsp_shape_next. Asked at each slot.
 */
QSP_MUST_USE qsp_err qsp_shape_decide(struct qsp_shape *s, uint64_t now, uint64_t waiting,
				      struct qsp_shape_params *p, bool *changed);

#endif
