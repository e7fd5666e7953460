/* SPDX-License-Identifier: ISC */
/* Clocks and samples. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t
read_clock(clockid_t id)
{
	struct timespec t;

	bench_need(clock_gettime(id, &t) == 0, "clock_gettime");
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t
bench_wall_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t
bench_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void
bench_sample(const char *series, double value)
{
	printf("%s %.9g\n", series, value);
	fflush(stdout);
}

void
bench_need(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "bench: failed: %s\n", what);
	exit(1);
}
