/* SPDX-License-Identifier: ISC */
/*
 * Shaping of what a drive sends [P8]: when its writes happen, and how much Noise they have. Part of
 * a drive, seen by drive*.c alone; the face of it is in drive.h.
 */
#ifndef QSP_APP_DRIVE_SHAPE_H
#define QSP_APP_DRIVE_SHAPE_H

#include "app/drive_impl.h"
#include "proto/shape_conn.h"
#include "sys/pacer.h"

struct qsp_drive_shaper {
	uint32_t changes; /* how far s has followed the connection */
	uint64_t fill;    /* cells that the write under way must have; 0: what there is */
	uint64_t wake;    /* us; when there is something to do */
	struct qsp_shape s;
	/* stealth */
	struct qsp_pace pace;
	uint8_t *slot; /* sealed, and not all taken by the socket: [at, n) */
	size_t at, n, cap;
	uint64_t linger_until; /* us; 0: CLOSE has not left */
};

/* Fills buf[0..size) with a slot's cells; *data of them have something in them. */
typedef qsp_err qsp_drive_seal(void *arg, uint8_t *buf, size_t size, uint64_t *data);
/*
 * Stealth: the next slot, if its time is near, `waiting` cells being there for it. Nothing more is
 * to be done before h->wake. False where it was not near, or nobody takes the slots any more
 * (h->pace.err), or at an error.
 */
bool qsp_drive_shape_slot(struct qsp_drive_shaper *h, struct qsp_drive_pool *p, uint64_t waiting,
			  qsp_drive_seal *seal, void *arg, qsp_err *e);
/* For how long the slots go on [P8.9]: from now, in h->linger_until. */
QSP_MUST_USE qsp_err qsp_drive_shape_linger(struct qsp_drive_shaper *h, uint64_t now);
uint64_t qsp_drive_shape_clock(void); /* us */

/* Takes up what the two ends have agreed on. */
void qsp_drive_shape_follow(struct qsp_drive *d);
/* In stealth the slots write, and nothing else does. */
bool qsp_drive_shape_is_stealth(const struct qsp_drive *d);
/* Prepares the next slot, if it is near. */
void qsp_drive_shape_slots(struct qsp_drive *d);
/* Else: may a write be made now? */
bool qsp_drive_shape_may_write(struct qsp_drive *d);
/* It may, even where there is nothing to say: it is Noise's turn. */
bool qsp_drive_shape_is_due(const struct qsp_drive *d);
/* Fills buf, of which [0, n) holds data, as the write needs it; returns the new n, and counts. */
size_t qsp_drive_shape_fill(struct qsp_drive *d, uint8_t *buf, size_t n, size_t cap);
/* So many bytes of the peer's came in, so many of them data. */
void qsp_drive_shape_got(struct qsp_drive *d, size_t bytes, size_t data);
/* Stealth, before what has come is read: that it was is not to be seen on the wire. */
void qsp_drive_shape_hide_read(int fd);
/* The mono ms at which there is something to do, or UINT64_MAX. */
qsp_time qsp_drive_shape_deadline(const struct qsp_drive *d);
/* Stealth: CLOSE has left, or come. */
bool qsp_drive_shape_has_closed(const struct qsp_drive *d);
/* Nothing more will be written. */
void qsp_drive_shape_free(struct qsp_drive *d);
void qsp_drive_shaper_free(struct qsp_drive_shaper *h, struct qsp_drive_pool *p);

#endif
