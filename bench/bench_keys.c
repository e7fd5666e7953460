/* SPDX-License-Identifier: ISC */
/*
 * How long a key takes from the terminal to the far end and back:
 *
 *   keys ROUNDS KEYS SERIES COMMAND [SERIES COMMAND]...
 *
 * Each command runs on a terminal of its own; it says "ready" when from then on every byte comes back.
 * The keys are typed one by one, with a pause in between, at each command in turn. For each round
 * the samples are SERIES.p50 and SERIES.p99 of its keys, in ms. A round before the first is not counted.
 */
#include "bench.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS 8
#define KEYS 1000
#define PAUSE_NS 2000000
#define PATIENCE_MS 20000

static struct shell {
	const char *series;
	int fd; /* the terminal's other end */
	pid_t pid;
	double took[KEYS];
} shells[COMMANDS];
static int count;

static char
next_byte(const struct shell *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	char c = 0;

	bench_need(poll(&p, 1, PATIENCE_MS) == 1 && read(s->fd, &c, 1) == 1, s->series);
	return c;
}

static void
start(struct shell *s, const char *series, const char *command)
{
	static const char ready[] = "ready\n";
	struct termios t;
	size_t have = 0;

	memset(&t, 0, sizeof(t));
	cfmakeraw(&t);
	t.c_cflag |= CREAD;
	s->series = series;
	s->pid = forkpty(&s->fd, NULL, &t, NULL);
	bench_need(s->pid >= 0, "forkpty");
	if (s->pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	while (have < sizeof(ready) - 1) {
		char c = next_byte(s);

		if (c != '\r')
			have = c == ready[have] ? have + 1 : 0;
	}
}

static double
type_key(const struct shell *s, char key)
{
	uint64_t from = bench_wall_ns();

	bench_need(write(s->fd, &key, 1) == 1, "write");
	bench_need(next_byte(s) == key, s->series);
	return (double)(bench_wall_ns() - from) / 1e6;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
round_of(int keys, bool counts)
{
	static const struct timespec pause = { 0, PAUSE_NS };
	char name[64];

	for (int k = 0; k < keys; k++) {
		for (int i = 0; i < count; i++) {
			nanosleep(&pause, NULL);
			shells[i].took[k] = type_key(&shells[i], (char)('a' + k % 26));
		}
	}
	for (int i = 0; i < count && counts; i++) {
		struct shell *s = &shells[i];

		qsort(s->took, (size_t)keys, sizeof(s->took[0]), compare);
		snprintf(name, sizeof(name), "%s.p50", s->series);
		bench_sample(name, s->took[keys / 2]);
		snprintf(name, sizeof(name), "%s.p99", s->series);
		bench_sample(name, s->took[keys * 99 / 100]);
	}
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 0, keys = argc > 2 ? atoi(argv[2]) : 0;

	bench_need(rounds > 0 && keys > 0 && keys <= KEYS && argc > 4 && argc % 2 == 1 &&
			   argc <= 3 + 2 * COMMANDS,
		   "usage: keys ROUNDS KEYS SERIES COMMAND ...");
	for (int i = 3; i < argc; i += 2)
		start(&shells[count++], argv[i], argv[i + 1]);
	for (int r = -1; r < rounds; r++)
		round_of(keys, r >= 0);
	for (int i = 0; i < count; i++) {
		kill(shells[i].pid, SIGTERM);
		close(shells[i].fd);
		waitpid(shells[i].pid, NULL, 0);
	}
	return 0;
}
