/* SPDX-License-Identifier: ISC */
/*
 * How long a key waits: two commands that echo bytes, one of them through cover, are asked in turn
 * at random times, and half of an echo is one way.
 *
 *   wait ROUNDS COVERED PLAIN    shell commands, as `qssh host cat`
 *
 *   key.added   ms that the cover adds, one way; key.plain   ms one way without it
 */
#include "bench.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define WARM 20 /* rounds that do not count */

struct echo {
	pid_t pid;
	int to, from;
};

static struct echo
start(const char *command)
{
	int to[2], from[2];
	struct echo e;

	bench_need(pipe(to) == 0 && pipe(from) == 0, "pipe");
	e = (struct echo){ fork(), to[1], from[0] };
	bench_need(e.pid >= 0, "fork");
	if (e.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[0]);
		close(to[1]);
		close(from[0]);
		close(from[1]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	return e;
}

/* ms until a byte has come back. */
static double
ask(const struct echo *e)
{
	struct pollfd p = { .fd = e->from, .events = POLLIN };
	uint64_t from = bench_wall_ns();
	char key = 'k';

	bench_need(write(e->to, &key, 1) == 1, "write");
	bench_need(poll(&p, 1, PATIENCE_MS) == 1 && read(e->from, &key, 1) == 1, "an echo");
	return (double)(bench_wall_ns() - from) / 1e6;
}

static void
end(const struct echo *e)
{
	kill(e->pid, SIGKILL); /* else it would linger, and say so */
	waitpid(e->pid, NULL, 0);
}

int
main(int argc, char **argv)
{
	int rounds = argc == 4 ? atoi(argv[1]) : 0;
	struct echo covered, plain;

	bench_need(rounds > 0, "usage: wait ROUNDS COVERED PLAIN");
	signal(SIGPIPE, SIG_IGN);
	covered = start(argv[2]);
	plain = start(argv[3]);
	srand((unsigned)getpid());
	for (int i = -WARM; i < rounds; i++) {
		double a, b;

		usleep(20000 + (unsigned)rand() % 60000); /* any point of a slot */
		a = ask(&covered);
		usleep(2000);
		b = ask(&plain);
		if (i < 0)
			continue;
		bench_sample("key.added", (a - b) / 2);
		bench_sample("key.plain", b / 2);
	}
	end(&covered);
	end(&plain);
	return 0;
}
