/* SPDX-License-Identifier: ISC */
/*
 * How long shell commands take, in turn: wall ROUNDS SERIES COMMAND [SERIES COMMAND]...
 * Each round runs each command once, A B A B, so that what else the machine does meets them alike.
 * Samples are seconds. A round before the first is not counted.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static double
seconds(const char *command)
{
	uint64_t from = bench_wall_ns();
	pid_t pid = fork();
	int status = 0;

	bench_need(pid >= 0, "fork");
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	bench_need(waitpid(pid, &status, 0) == pid && status == 0, command);
	return (double)(bench_wall_ns() - from) / 1e9;
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 0;

	bench_need(rounds > 0 && argc % 2 == 0, "usage: wall ROUNDS SERIES COMMAND ...");
	for (int r = -1; r < rounds; r++) {
		for (int i = 2; i < argc; i += 2) {
			double s = seconds(argv[i + 1]);

			if (r >= 0)
				bench_sample(argv[i], s);
		}
	}
	return 0;
}
