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
	struct qsp_shape s;
	uint32_t changes; /* how far s has followed the connection */
	uint64_t fill;    /* cells that the write under way must have; 0: what there is */
	uint64_t wake;    /* us; when there is something to do */
	/* stealth */
	struct qsp_pace pace;
	uint8_t *slot; /* sealed, and not all taken by the socket: [at, n) */
	size_t at, n, cap;
	uint64_t linger_until; /* us; 0: CLOSE has not left */
};

/* Takes up what the two ends have agreed on. */
void qsp_drive_shape_follow(struct qsp_drive *d);
/* In stealth the slots write, and nothing else does. */
bool qsp_drive_shape_is_stealth(const struct qsp_drive *d);
/* Prepares the slots that are near. */
void qsp_drive_shape_slots(struct qsp_drive *d);
/* Else: may a write be made now? */
bool qsp_drive_shape_may_write(struct qsp_drive *d);
/* It may, even where there is nothing to say: it is Noise's turn. */
bool qsp_drive_shape_is_due(const struct qsp_drive *d);
/* Fills buf, of which [0, n) holds data, as the write needs it; returns the new n, and counts. */
size_t qsp_drive_shape_fill(struct qsp_drive *d, uint8_t *buf, size_t n, size_t cap);
/* So many bytes of the peer's came in, so many of them data. */
void qsp_drive_shape_got(struct qsp_drive *d, size_t bytes, size_t data);
/* The mono ms at which there is something to do, or UINT64_MAX. */
qsp_time qsp_drive_shape_deadline(const struct qsp_drive *d);
/* Stealth: CLOSE has left, or come. */
bool qsp_drive_shape_has_closed(const struct qsp_drive *d);
/* Still covering its end [P8.9]. */
bool qsp_drive_shape_lingers(struct qsp_drive *d);
/* Nothing more will be written. */
void qsp_drive_shape_free(struct qsp_drive *d);

#endif
