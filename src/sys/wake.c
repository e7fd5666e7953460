/* SPDX-License-Identifier: ISC */
/* The kernel cancels timers of the real-time clock when that jumps, as it does when a machine wakes. */
#include "sys/wake.h"

#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define FAR 4000000000 /* s since 1970 */

static uint64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

qsp_time
qsp_wake_slept(void)
{
	uint64_t all = read_clock(CLOCK_BOOTTIME), awake = read_clock(CLOCK_MONOTONIC);

	return all > awake ? (all - awake) / 1000000 : 0;
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
