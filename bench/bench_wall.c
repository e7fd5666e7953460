/* SPDX-License-Identifier: ISC */
/*
 * How long shell commands take, in turn:
 *
 *   wall [cold] ROUNDS FILE SERIES COMMAND [SERIES COMMAND]...
 *   wall stamp FILE
 *
 * Each round runs each command once, A B A B, so that what else the machine does meets them alike.
 * Samples are seconds. A round before the first is not counted, or with `cold` not run. A command that
 * somewhere runs the second form is timed from that moment on: so a remote command leaves out the
 * login before it.
 */
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int
stamp(const char *file)
{
	FILE *f = fopen(file, "w");

	bench_need(f && fprintf(f, "%" PRIu64 "\n", bench_wall_ns()) > 0 && fclose(f) == 0, file);
	return 0;
}

/* The time in the file, or `from` where there is no file. */
static uint64_t
stamped(const char *file, uint64_t from)
{
	FILE *f = fopen(file, "r");

	if (!f)
		return from;
	bench_need(fscanf(f, "%" SCNu64, &from) == 1, file);
	fclose(f);
	return from;
}

static double
seconds(const char *command, const char *file)
{
	uint64_t from = bench_wall_ns(), to;
	pid_t pid = fork();
	int status = 0;

	bench_need(pid >= 0, "fork");
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	bench_need(waitpid(pid, &status, 0) == pid && status == 0, command);
	to = bench_wall_ns();
	from = stamped(file, from);
	unlink(file);
	return (double)(to - from) / 1e9;
}

int
main(int argc, char **argv)
{
	int rounds, first = -1;

	if (argc == 3 && strcmp(argv[1], "stamp") == 0)
		return stamp(argv[2]);
	if (argc > 1 && strcmp(argv[1], "cold") == 0) {
		first = 0;
		argv++;
		argc--;
	}
	rounds = argc > 1 ? atoi(argv[1]) : 0;
	bench_need(rounds > 0 && argc > 3 && argc % 2 == 1,
		   "usage: wall [cold] ROUNDS FILE SERIES COMMAND ...");
	unlink(argv[2]);
	for (int r = first; r < rounds; r++) {
		for (int i = 3; i < argc; i += 2) {
			double s = seconds(argv[i + 1], argv[2]);

			if (r >= 0)
				bench_sample(argv[i], s);
		}
	}
	return 0;
}
