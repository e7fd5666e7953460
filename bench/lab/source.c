/* SPDX-License-Identifier: ISC */
/*
 * A sender of known behaviour, by which the laboratory is calibrated:
 *
 *   source sink                            prints a port of 127.0.0.1, and reads what comes there
 *   source run PORT MODE CLASS LOAD MS     one connection, for so long, whose cells leave as MODE says
 *
 * MODE stealth is P8.6 with the machine and the thread that the programs use. constant is what P8
 * forbids: a slot every so many microseconds exactly, and all work done when it has come: whatever the
 * load has written since the last one is read and sealed, and the class's cells of it are sent. off
 * sends data when there is some, and nothing else. LOAD: idle, typing, bulk, or flood.
 */
#include "bench.h"
#include "bench_pair.h"
#include "proto/shape.h"
#include "sys/pacer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define US 1000u
#define SETTLE_US 1000u /* after a deadline, before the thread's verdict is asked for */
#define SAY_MAX (256u << 10)
#define CELLS_MAX 64
#define PEERS_MAX 512

struct source {
	int fd, load;
	bool stealth, off;
	struct pair *p;
	struct qsp_shape shape;
	struct qsp_pacer *pacer;
	struct qsp_pace pace;
	uint8_t cells[CELLS_MAX * QSP_CELL_LEN];
};

static uint64_t
now_us(void)
{
	return qsp_pacer_clock() / US;
}

/* --- what there is to send ------------------------------------------------------------------- */

/* A process that writes as the load does, to a pipe; dies with us. */
static int
start_load(const char *load)
{
	static const uint8_t text[16384];
	size_t n = strcmp(load, "typing") == 0  ? 1
		   : strcmp(load, "flood") == 0 ? sizeof(text)
						: 4096;
	int ends[2];

	bench_need(pipe(ends) == 0, "pipe");
	if (fork() > 0) {
		close(ends[1]);
		return ends[0];
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	srand((unsigned)getpid());
	if (strcmp(load, "idle") == 0)
		pause();
	for (;;) {
		if (write(ends[1], text, n) <= 0)
			_exit(0);
		usleep(n == 1 ? 50000 + (unsigned)rand() % 250000 : 1000);
	}
}

static void
take_load(struct source *s)
{
	struct pair_pipe *say = &s->p->client.say;
	uint8_t buf[65536];
	ssize_t n;

	if (say->n >= SAY_MAX || (n = read(s->load, buf, sizeof(buf))) <= 0)
		return;
	pair_put(say, buf, (size_t)n);
}

static void
take_all(struct source *s)
{
	struct pollfd p = { .fd = s->load, .events = POLLIN };

	while (s->p->client.say.n < SAY_MAX && poll(&p, 1, 0) > 0)
		take_load(s);
}

/* Until a time, load is taken as it comes. */
static void
wait_until(struct source *s, uint64_t us)
{
	uint64_t now;

	while ((now = now_us()) < us) {
		bool room = s->p->client.say.n < SAY_MAX;
		struct pollfd p = { .fd = room ? s->load : -1, .events = POLLIN };
		struct timespec t = { .tv_sec = (time_t)((us - now) / 1000000),
				      .tv_nsec = (long)((us - now) % 1000000 * 1000) };

		if (ppoll(&p, 1, &t, NULL) > 0)
			take_load(s);
		if (s->off && s->p->client.say.n > 0)
			return;
	}
}

/* --- cells ----------------------------------------------------------------------------------- */

/* One cell, of data where there is any; true where it is one. */
static bool
seal(struct source *s, uint8_t *out)
{
	struct pair_side *c = &s->p->client;
	size_t used, n;

	s->p->now.mono = now_us() / 1000;
	bench_need(qsp_conn_output(c->conn, s->p->now, (struct qsp_bytes){ c->say.p, c->say.n },
				   &used, out, QSP_CELL_LEN, &n) == 0,
		   "output");
	pair_drop(&c->say, used);
	if (n == 0)
		bench_need(qsp_conn_noise(c->conn, s->p->now, out) == 0, "noise");
	return used > 0;
}

static size_t
seal_slot(struct source *s, size_t cells, uint64_t *data)
{
	*data = 0;
	for (size_t i = 0; i < cells; i++)
		*data += seal(s, s->cells + i * QSP_CELL_LEN);
	return cells * QSP_CELL_LEN;
}

static void
send_now(struct source *s, size_t n)
{
	bench_need(send(s->fd, s->cells, n, MSG_NOSIGNAL) == (ssize_t)n, "send");
}

/* --- modes ----------------------------------------------------------------------------------- */

static void
run_stealth(struct source *s, uint64_t end)
{
	struct qsp_shape_slot slot;
	uint64_t data, queued;

	while (now_us() < end) {
		queued = s->p->client.say.n / QSP_CELL_LEN + (s->p->client.say.n > 0);
		bench_need(qsp_shape_next(&s->shape, now_us(), queued, &slot) == 0, "a slot");
		s->pace.fd = s->fd;
		s->pace.p = s->cells;
		s->pace.n = seal_slot(s, slot.cells, &data);
		s->pace.at = slot.at * US;
		bench_need(qsp_pacer_add(s->pacer, &s->pace) == 0, "the pacer");
		do
			wait_until(s, slot.at += SETTLE_US);
		while (!qsp_pacer_is_done(&s->pace));
		bench_need(s->pace.sent == s->pace.n, "a write in full");
		bench_need(qsp_shape_sent(&s->shape, now_us(), data, slot.cells - data) == 0,
			   "sent");
	}
}

static void
run_constant(struct source *s, unsigned class, uint64_t end)
{
	const struct qsp_shape_class *c = &qsp_shape_classes[class];
	uint64_t data;

	for (uint64_t at = now_us(); at < end; at += c->slot_us) {
		struct timespec ts = { .tv_sec = (time_t)(at / 1000000),
				       .tv_nsec = (long)(at % 1000000 * 1000) };

		(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		take_all(s);
		do
			(void)seal_slot(s, c->cells, &data);
		while (s->p->client.say.n > 0);
		send_now(s, c->cells * QSP_CELL_LEN);
	}
}

static void
run_off(struct source *s, uint64_t end)
{
	while (now_us() < end) {
		wait_until(s, end);
		while (s->p->client.say.n > 0) {
			(void)seal(s, s->cells);
			send_now(s, QSP_CELL_LEN);
		}
	}
}

/* --- connections ----------------------------------------------------------------------------- */

static int
dial(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bench_need(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void
run(uint16_t port, const char *mode, unsigned class, const char *load, uint64_t ms)
{
	static struct source s;
	struct qsp_shape_params params = { .mode = QSP_SHAPE_STEALTH,
					   .strict = true,
					   .class = (uint8_t) class,
					   .ceiling = (uint8_t) class };
	uint64_t unused = 0, end;

	bench_need(class < QSP_SHAPE_CLASSES, "a class");
	s.p = bench_pair_new(pair_defaults());
	bench_pair_connect(s.p, &unused, &unused);
	s.load = start_load(load);
	s.fd = dial(port);
	s.off = strcmp(mode, "off") == 0;
	end = now_us() + ms * 1000;
	if (s.off) {
		run_off(&s, end);
	} else if (strcmp(mode, "constant") == 0) {
		run_constant(&s, class, end);
	} else {
		bench_need(strcmp(mode, "stealth") == 0, "a mode");
		bench_need(qsp_pacer_new(&s.pacer) == 0, "a pacer");
		bench_need(qsp_shape_begin(&s.shape, s.p->cx, &params, true, now_us()) == 0,
			   "a shape");
		run_stealth(&s, end);
		qsp_pacer_free(s.pacer);
	}
	close(s.fd);
	pair_free(s.p);
}

static void __attribute__((noreturn)) sink(void)
{
	static struct pollfd p[PEERS_MAX];
	static uint8_t buf[1 << 16];
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	nfds_t n = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p[0] = (struct pollfd){ .fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN };
	bench_need(bind(p[0].fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
			   listen(p[0].fd, PEERS_MAX) == 0 &&
			   getsockname(p[0].fd, (struct sockaddr *)&a, &len) == 0,
		   "listen");
	printf("%u\n", ntohs(a.sin_port));
	fflush(stdout);
	for (;;) {
		(void)poll(p, n, -1);
		for (nfds_t i = 1; i < n; i++) {
			if (p[i].revents && read(p[i].fd, buf, sizeof(buf)) <= 0) {
				close(p[i].fd);
				p[i--] = p[--n];
			}
		}
		if (p[0].revents && n < PEERS_MAX)
			p[n++] = (struct pollfd){ .fd = accept(p[0].fd, NULL, NULL),
						  .events = POLLIN };
	}
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "sink") == 0)
		sink();
	bench_need(argc == 7 && strcmp(argv[1], "run") == 0,
		   "usage: source sink | run PORT MODE CLASS LOAD MS");
	run((uint16_t)atoi(argv[2]), argv[3], (unsigned)atoi(argv[4]), argv[5],
	    strtoull(argv[6], NULL, 10));
	return 0;
}
