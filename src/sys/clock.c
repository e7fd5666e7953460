/* SPDX-License-Identifier: ISC */
/* The clocks of the system. */
#include "sys/clock.h"

uint64_t
qsp_clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

qsp_time
qsp_clock_ms(clockid_t clock)
{
	return qsp_clock_ns(clock) / 1000000;
}
