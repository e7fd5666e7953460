/* SPDX-License-Identifier: ISC */
/*
 * How long small requests take through forwarded ports:
 *
 *   requests serve FILE                              answers; writes its port to FILE
 *   requests run ROUNDS EACH SERIES PORT [SERIES PORT]...
 *
 * A request is 64 bytes, its answer 1024. The samples of a round are the medians of EACH requests, in us:
 * SERIES.kept on one connection that stays, SERIES.fresh with a connection of its own, its making and its
 * end included. Ports take turns, with a pause in between. A round before the first is not counted.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST 64
#define ANSWER 1024
#define PORTS 8
#define CLIENTS 64
#define EACH 1000
#define PAUSE_NS 1000000

static struct port {
	const char *series;
	uint16_t number;
	int kept;
	double kept_us[EACH], fresh_us[EACH];
} ports[PORTS];
static int count;

static bool
read_all(int fd, char *p, size_t n)
{
	ssize_t r;

	for (; n > 0; n -= (size_t)r, p += r)
		if ((r = read(fd, p, n)) <= 0)
			return false;
	return true;
}

static void
at_once(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* --- server ---------------------------------------------------------------------------------- */

static int
listener(const char *file)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FILE *f;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bench_need(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
			   listen(fd, 128) == 0 &&
			   getsockname(fd, (struct sockaddr *)&a, &len) == 0,
		   "listen");
	f = fopen(file, "w");
	bench_need(f && fprintf(f, "%u\n", ntohs(a.sin_port)) > 0 && fclose(f) == 0, file);
	return fd;
}

/* One process for all, so that little of what is measured is its own. */
static void __attribute__((noreturn)) serve(const char *file)
{
	static char request[REQUEST], answer[ANSWER];
	struct pollfd p[CLIENTS] = { { .fd = listener(file), .events = POLLIN } };
	nfds_t n = 1;

	for (;;) {
		bench_need(poll(p, n, -1) > 0, "poll");
		for (nfds_t i = n; --i > 0;) {
			if (p[i].revents == 0)
				continue;
			if (read_all(p[i].fd, request, sizeof(request)) &&
			    write(p[i].fd, answer, sizeof(answer)) == sizeof(answer))
				continue;
			close(p[i].fd);
			p[i] = p[--n];
		}
		if (p[0].revents == 0 || n == CLIENTS)
			continue;
		p[n] = (struct pollfd){ .fd = accept4(p[0].fd, NULL, NULL, SOCK_CLOEXEC),
					.events = POLLIN };
		bench_need(p[n].fd >= 0, "accept");
		at_once(p[n++].fd);
	}
}

/* --- requests -------------------------------------------------------------------------------- */

static int
dial(const struct port *p)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(p->number) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bench_need(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0, p->series);
	at_once(fd);
	return fd;
}

static void
ask(const struct port *p, int fd)
{
	static char request[REQUEST], answer[ANSWER];

	bench_need(write(fd, request, sizeof(request)) == sizeof(request) &&
			   read_all(fd, answer, sizeof(answer)),
		   p->series);
}

static double
since(uint64_t from)
{
	return (double)(bench_wall_ns() - from) / 1e3;
}

/* Until what came before has ended everywhere: the end of a connection is work for its forwarder, which
 * the next in turn is not to wait for. */
static uint64_t
settled(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	return bench_wall_ns();
}

static void
both(struct port *p, int k)
{
	uint64_t from = settled();
	int fd;

	ask(p, p->kept);
	p->kept_us[k] = since(from);
	from = settled();
	fd = dial(p);
	ask(p, fd);
	close(fd);
	p->fresh_us[k] = since(from);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
sample(const struct port *p, const char *what, double *us, int each)
{
	char name[64];

	qsort(us, (size_t)each, sizeof(us[0]), compare);
	snprintf(name, sizeof(name), "%s.%s", p->series, what);
	bench_sample(name, us[each / 2]);
}

static void
run(int rounds, int each)
{
	for (int i = 0; i < count; i++)
		ports[i].kept = dial(&ports[i]);
	for (int r = -1; r < rounds; r++) {
		for (int k = 0; k < each; k++)
			for (int i = 0; i < count; i++)
				both(&ports[i], k);
		for (int i = 0; i < count && r >= 0; i++) {
			sample(&ports[i], "kept", ports[i].kept_us, each);
			sample(&ports[i], "fresh", ports[i].fresh_us, each);
		}
	}
}

int
main(int argc, char **argv)
{
	int rounds, each;

	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(argv[2]);
	bench_need(argc > 5 && argc % 2 == 0 && argc <= 4 + 2 * PORTS &&
			   strcmp(argv[1], "run") == 0,
		   "usage: requests serve FILE | run ROUNDS EACH SERIES PORT ...");
	rounds = atoi(argv[2]);
	each = atoi(argv[3]);
	bench_need(rounds > 0 && each > 0 && each <= EACH, "ROUNDS and EACH");
	for (int i = 4; i < argc; i += 2)
		ports[count++] =
			(struct port){ .series = argv[i], .number = (uint16_t)atoi(argv[i + 1]) };
	run(rounds, each);
	return 0;
}
