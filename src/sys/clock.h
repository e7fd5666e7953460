/* SPDX-License-Identifier: ISC */
/* The time of day and the time that has passed, for what has no loop to ask. */
#ifndef QSP_SYS_CLOCK_H
#define QSP_SYS_CLOCK_H

#include <qsp/base.h>

#include <time.h>

/* What a clock of clock_gettime(2) says, in milliseconds, and in nanoseconds. */
qsp_time qsp_clock_ms(clockid_t clock);
uint64_t qsp_clock_ns(clockid_t clock);

#endif
