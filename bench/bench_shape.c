/* SPDX-License-Identifier: ISC */
/*
 * What cover costs a server: so many logged-in sessions in the slowest class of stealth, all idle,
 * which is to say all sending. Server ends and client ends are two processes, joined by TCP, with
 * the loop, the drive and the pacer that the programs use.
 *
 *   shape SESSIONS SECONDS
 *
 *   shape.sessions   how many one core carries: by the server's CPU time, and by how many of the
 *                    slots it owed it made
 *   shape.asked      how many there were
 */
#include "app/drive.h"
#include "bench.h"
#include "bench_pair.h"
#include "proto/shape_conn.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SETTLE_MS 3000
#define LONGEST_MS 600000             /* of a client; it dies with the server */
#define REPLAY_MS (4ll * 3600 * 1000) /* the cache of a pair is small, and forgets meanwhile */
#define US 1e6

static const struct qsp_shape_params asked = {
	.mode = QSP_SHAPE_STEALTH, .strict = true, .class = 0, .ceiling = 0
};

/* The ends of one process, and where they stood when the watch began. */
struct side {
	uv_loop_t loop;
	uv_timer_t settled, end;
	struct qsp_drive_pool *pool;
	struct qsp_drive **drives;
	size_t n, lost;
	uint64_t slots, wall, cpu;
};

static void
on_event(void *arg, const struct qsp_mux_event *ev)
{
	(void)arg;
	(void)ev;
}

static void
on_wants(void *arg, unsigned wants)
{
	(void)arg;
	(void)wants;
}

static void
on_room(void *arg)
{
	(void)arg;
}

static void
on_closed(void *arg, qsp_err e)
{
	struct side *s = arg;

	if (s->lost++ == 0)
		fprintf(stderr, "bench: a session ended: error %d\n", (int)e);
}

static const struct qsp_drive_ops ops = {
	.wants = on_wants, .event = on_event, .room = on_room, .closed = on_closed
};

/* --- logging in, in memory ------------------------------------------------------------------- */

static void
log_in(struct pair *p, uv_loop_t *loop, struct qsp_conn **client, struct qsp_conn **server)
{
	uint64_t unused = 0;
	qsp_err e;

	uv_update_time(loop);
	p->now.mono = qsp_drive_now(loop).mono;
	p->now.wall += REPLAY_MS;
	p->attempts = 0;
	e = qsp_conn_new_client(p->client.cfg, p->client.worker, &p->peer, p->now, &p->client.conn);
	bench_need(e == 0, "a client");
	e = qsp_conn_new_server(p->server.cfg, p->server.worker, p->now, &p->server.conn);
	bench_need(e == 0 && qsp_shape_conn_ask(p->client.conn, p->now, &asked) == 0, "a server");
	bench_pair_connect(p, &unused, &unused);
	*client = p->client.conn;
	*server = p->server.conn;
	p->client.conn = p->server.conn = NULL;
}

/* --- the two processes ----------------------------------------------------------------------- */

static void
drive(struct side *s, int fd, struct qsp_conn *conn)
{
	int one = 1;

	bench_need(fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "a connection");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	bench_need(qsp_drive_new(s->pool, fd, conn, NULL, &ops, s, &s->drives[s->n]) == 0,
		   "a drive");
	qsp_drive_kick(s->drives[s->n++]);
}

static void
begin(struct side *s, const struct qsp_crypto *cx, size_t n)
{
	bench_need(uv_loop_init(&s->loop) == 0 && qsp_drive_pool_new(&s->loop, cx, &s->pool) == 0 &&
			   uv_timer_init(&s->loop, &s->settled) == 0 &&
			   uv_timer_init(&s->loop, &s->end) == 0 &&
			   (s->drives = calloc(n, sizeof(struct qsp_drive *))) != NULL,
		   "a loop");
	s->settled.data = s->end.data = s;
}

static void
on_left_over(uv_timer_t *t)
{
	uv_stop(t->loop);
}

static void __attribute__((noreturn))
be_client(const struct qsp_crypto *cx, struct qsp_conn **conns, size_t n, struct sockaddr_in to)
{
	static struct side s;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	begin(&s, cx, n);
	for (size_t i = 0; i < n; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		bench_need(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect");
		drive(&s, fd, conns[i]);
	}
	bench_need(uv_timer_start(&s.end, on_left_over, LONGEST_MS, 0) == 0, "a timer");
	uv_run(&s.loop, UV_RUN_DEFAULT);
	_exit(0);
}

static uint64_t
slots_of(const struct side *s)
{
	struct qsp_drive_shape shape;
	uint64_t slots = 0;

	for (size_t i = 0; i < s->n; i++) {
		bench_need(qsp_drive_get_shape(s->drives[i], &shape) &&
				   shape.now.mode == QSP_SHAPE_STEALTH,
			   "stealth");
		slots += shape.counts.slots - shape.counts.skipped;
	}
	return slots;
}

/* Of all threads. */
static uint64_t
cpu_ns(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1000u;
}

static void
on_settled(uv_timer_t *t)
{
	struct side *s = t->data;

	s->slots = slots_of(s);
	s->wall = bench_wall_ns();
	s->cpu = cpu_ns();
}

static void
on_end(uv_timer_t *t)
{
	struct side *s = t->data;
	double seconds = (double)(bench_wall_ns() - s->wall) / 1e9;
	double cores = (double)(cpu_ns() - s->cpu) / 1e9 / seconds;
	double owed = seconds * (double)s->n * US / qsp_shape_classes[asked.class].slot_us;
	double made = (double)(slots_of(s) - s->slots) / owed;

	bench_need(s->lost == 0, "every session alive");
	fprintf(stderr, "bench: %zu sessions: %.2f cores, %.1f %% of their slots\n", s->n, cores,
		100 * made);
	bench_sample("shape.sessions", (double)s->n * (made < 1 ? made : 1) / cores);
	bench_sample("shape.asked", (double)s->n);
	uv_stop(&s->loop);
}

static void
be_server(const struct qsp_crypto *cx, struct qsp_conn **conns, size_t n, int listener,
	  uint64_t seconds)
{
	static struct side s;

	begin(&s, cx, n);
	for (size_t i = 0; i < n; i++)
		drive(&s, accept4(listener, NULL, NULL, SOCK_CLOEXEC), conns[i]);
	uv_update_time(&s.loop);
	bench_need(uv_timer_start(&s.settled, on_settled, SETTLE_MS, 0) == 0 &&
			   uv_timer_start(&s.end, on_end, SETTLE_MS + 1000 * seconds, 0) == 0,
		   "timers");
	uv_run(&s.loop, UV_RUN_DEFAULT);
}

int
main(int argc, char **argv)
{
	const struct qsp_shape_allowed all = { .modes = 7, .ceiling = 5 };
	size_t n = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	struct qsp_conn **clients = calloc(n, sizeof(*clients));
	struct qsp_conn **servers = calloc(n, sizeof(*servers));
	struct pair *p = bench_pair_new(pair_defaults());
	struct rlimit files;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	bench_need(n > 0 && clients && servers, "usage: shape SESSIONS SECONDS");
	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	bench_need(files.rlim_cur > n + 64, "enough descriptors (ulimit -n)");
	qsp_conn_free(p->client.conn);
	qsp_conn_free(p->server.conn);
	qsp_shape_conn_allow(p->server.cfg, &all);
	for (size_t i = 0; i < n; i++)
		log_in(p, uv_default_loop(), &clients[i], &servers[i]);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bench_need(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
			   listen(fd, 1024) == 0 &&
			   getsockname(fd, (struct sockaddr *)&a, &len) == 0,
		   "listen");
	fflush(stdout);
	if (fork() == 0)
		be_client(p->cx, clients, n, a);
	be_server(p->cx, servers, n, fd, strtoull(argv[2], NULL, 10));
	return 0;
}
