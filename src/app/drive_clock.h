/* SPDX-License-Identifier: ISC */
/*
 * What wakes the stealth connections of a pool: one timer and one descriptor for all of them. Each
 * has something to do at every slot and at every cell that comes; with thousands of them a wake-up
 * of the loop for each would cost more than what is done then. Where they are many, what has come is
 * looked for once in a millisecond. Part of a drive, seen by drive*.c alone.
 */
#ifndef QSP_APP_DRIVE_CLOCK_H
#define QSP_APP_DRIVE_CLOCK_H

#include "app/drive_impl.h"

/* Before a sandbox is closed. QSP_E_NOMEM, QSP_E_IO. */
QSP_MUST_USE qsp_err qsp_drive_clock_new(struct qsp_drive_pool *p);
/* After its drives have left; the last of it goes in the loop's next turn. */
void qsp_drive_clock_free(struct qsp_drive_pool *p);

/* d->fd is watched for input here from now on, and d->timer stands still. QSP_E_IO: all is as it was. */
QSP_MUST_USE qsp_err qsp_drive_clock_join(struct qsp_drive *d);
/* Neither watched nor woken any more. */
void qsp_drive_clock_leave(struct qsp_drive *d);
/* UV_READABLE, told when more has come; or 0: nothing that comes wakes d. */
void qsp_drive_clock_watch(struct qsp_drive *d, int events);
/* d has left something unread: it is told again. */
void qsp_drive_clock_again(struct qsp_drive *d);
/* qsp_drive_wake is called at this ms of the loop's time, or soon after. */
void qsp_drive_clock_set(struct qsp_drive *d, qsp_time at);

#endif
