/* SPDX-License-Identifier: ISC */
/* The kernel cancels timers of the real-time clock when that jumps, as it does when a machine wakes. */
#include "sys/wake.h"

#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "sys/clock.h"

#define FAR 4000000000 /* s since 1970 */

qsp_time
qsp_wake_slept(void)
{
	uint64_t all = qsp_clock_ns(CLOCK_BOOTTIME), awake = qsp_clock_ns(CLOCK_MONOTONIC);

	return all > awake ? (all - awake) / 1000000 : 0;
}

qsp_time
qsp_wake_nap(qsp_time *known, qsp_time slept)
{
	qsp_time nap = slept > *known ? slept - *known : 0;

	*known += nap;
	return nap;
}

int
qsp_wake_open(void)
{
	const struct itimerspec far = { .it_value.tv_sec = FAR };
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0 &&
	    timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void
qsp_wake_heard(int fd)
{
	uint64_t times;

	(void)!read(fd, &times, sizeof(times)); /* ECANCELED */
}
