/* SPDX-License-Identifier: ISC */
/* Clocks in milliseconds. */
#include "sys/clock.h"

qsp_time
qsp_clock_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (qsp_time)ts.tv_sec * 1000 + (qsp_time)ts.tv_nsec / 1000000;
}
