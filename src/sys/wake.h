/* SPDX-License-Identifier: ISC */
/*
 * The sleep of the machine (suspend). CLOCK_MONOTONIC, by which loops count and timers fire, stands
 * still meanwhile: whatever is promised in time of the world has to be looked at on waking.
 */
#ifndef QSP_SYS_WAKE_H
#define QSP_SYS_WAKE_H

#include <qsp/base.h>

/* Milliseconds that the machine has slept since it was started. Never more than that; a reading that
 * was interrupted says less, the next one what it left out. */
qsp_time qsp_wake_slept(void);

/* How much more of it there is than was *known, which follows; 0 where a reading says less. */
qsp_time qsp_wake_nap(qsp_time *known, qsp_time slept);

/*
 * A descriptor that becomes readable when the machine has woken, or when somebody has set its clock;
 * the caller's, for close(2). -1: there is none, with errno.
 */
int qsp_wake_open(void);

/* It is readable no more, until the next time. Needs nothing but read(2). */
void qsp_wake_heard(int fd);

#endif
