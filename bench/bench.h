/* SPDX-License-Identifier: ISC */
/*
 * What the measuring programs share: clocks, and samples on standard output, one a line:
 *
 *   SERIES VALUE
 *
 * bench/table.awk makes rows of them, as bench/rows says. Where something that is measured fails,
 * the program ends: a number would mean nothing.
 */
#ifndef QSP_BENCH_H
#define QSP_BENCH_H

#include <stdbool.h>
#include <stdint.h>

/* Of a monotonic clock, and of the CPU time of this thread; ns. */
uint64_t bench_wall_ns(void);
uint64_t bench_cpu_ns(void);

void bench_sample(const char *series, double value);

/* Ends the program with a message where something does not hold. */
void bench_need(bool holds, const char *what);

#endif
