/* SPDX-License-Identifier: ISC */
/*
 * The machine sleeps, and the clock of loops stands still: what counts the time of the world takes
 * notice. How long it has slept is what this file says; a machine that really does: make suspend.
 */
#include "drive_world.h"
#include "pair.h"
#include "proto/conn.h"
#include "sys/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR_MS 3600000u

static qsp_time slept;

qsp_time __real_qsp_wake_slept(void);
qsp_time __wrap_qsp_wake_slept(void);

qsp_time
__wrap_qsp_wake_slept(void)
{
	return slept;
}

static unsigned
kem_rekeys(struct end *x)
{
	struct qsp_conn_info info;

	qsp_conn_get_info(qsp_drive_conn(x->d), &info);
	return (unsigned)info.kem_rekeys;
}

/* Until the server has all that the client has to send. */
static void
deliver(struct world *w, uint64_t more)
{
	w->client.to_send += more;
	if (w->client.opened)
		world_send_more(&w->client);
	while (w->server.received < w->client.to_send && !w->timed_out && !w->client.closed)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_false(w->timed_out || w->client.closed || w->server.closed);
}

/* [P5.1] Keys that were in memory while the machine slept are as old as they are. */
static void
keys_age(void **state)
{
	struct world *w;
	int fd[2];

	(void)state;
	slept = HOUR_MS; /* before all this: no matter */
	w = world_new(QSP_WIRE_CELLS);
	w->client.stays = w->server.stays = true;
	sockets(fd);
	start_client(w, &w->client, fd[0]);
	start_server(w, &w->server, fd[1]);
	deliver(w, 1000);
	slept += 60000; /* ten minutes is what keys last */
	deliver(w, 1000);
	assert_int_equal(kem_rekeys(&w->server), 0);
	slept += HOUR_MS;
	while (kem_rekeys(&w->client) == 0) /* it is looked at once in a millisecond */
		deliver(w, 1000);
	assert_int_equal(kem_rekeys(&w->server), 1);
	world_free(w);
}

/* [P8.3] The server's machine slept between two classes of a client that was awake: no offence.
 * Where it did not, unit-shape has the offence. */
static void
classes_follow(void **state)
{
	struct qsp_shape_allowed all = { .modes = 7, .ceiling = 5 };
	struct qsp_shape_params asked = { .mode = QSP_SHAPE_STEALTH, .class = 1, .ceiling = 5 };
	struct pair_options o = pair_defaults();
	struct pair *p;
	qsp_err e;

	(void)state;
	p = pair_new(&o, &e);
	assert_non_null(p);
	qsp_shape_conn_allow(p->server.cfg, &all);
	assert_int_equal(qsp_shape_conn_ask(p->client.conn, p->now, &asked), 0);
	pair_run(p);
	assert_true(pair_open(p));
	asked.class = 2;
	p->now.mono += 60000;
	assert_int_equal(qsp_shape_conn_ask(p->client.conn, p->now, &asked), 0);
	p->now.mono -= 57000; /* for the server 3 s have passed, and its machine has slept */
	qsp_conn_slept(p->server.conn, 57000);
	pair_run(p);
	assert_int_equal(p->server.error, 0);
	assert_true(pair_open(p));
	pair_free(p);
}

/* A number of ms, by a process for whom the machine has slept a thousand seconds more; or -1. */
static long
slept_elsewhere(void)
{
	static const char offset[] = "boottime 1000 0\n";
	long ms = -1;
	int fd, out[2];

	if (pipe(out) != 0)
		return -1;
	if (fork() == 0) {
		if (unshare(CLONE_NEWTIME) == 0 &&
		    (fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC)) >= 0 &&
		    write(fd, offset, sizeof(offset) - 1) > 0 && fork() == 0) {
			ms = (long)__real_qsp_wake_slept();
			(void)!write(out[1], &ms, sizeof(ms));
		}
		while (wait(NULL) > 0)
			;
		_exit(0);
	}
	close(out[1]);
	if (read(out[0], &ms, sizeof(ms)) != (ssize_t)sizeof(ms))
		ms = -1;
	close(out[0]);
	while (wait(NULL) > 0)
		;
	return ms;
}

static void
is_counted(void **state)
{
	long here = (long)__real_qsp_wake_slept(), there = slept_elsewhere();

	(void)state;
	if (there < 0)
		skip(); /* no time namespaces, or no right to them */
	assert_in_range((unsigned long)there, (unsigned long)here + 900000,
			(unsigned long)here + 1000001);
}

/* A reading that says less than one before is no sleep, and none is counted twice. */
static void
is_counted_once(void **state)
{
	qsp_time known = 100;

	(void)state;
	assert_int_equal(qsp_wake_nap(&known, 150), 50);
	assert_int_equal(qsp_wake_nap(&known, 149), 0);
	assert_int_equal(qsp_wake_nap(&known, 150), 0);
	assert_int_equal(qsp_wake_nap(&known, 151), 1);
	assert_int_equal(known, 151);
}

/* No news while nothing happens, and reading it does not wait for some. */
static void
is_quiet(void **state)
{
	struct pollfd p = { .fd = qsp_wake_open(), .events = POLLIN };

	(void)state;
	assert_true(p.fd >= 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	qsp_wake_heard(p.fd);
	close(p.fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_age),   cmocka_unit_test(classes_follow),
		cmocka_unit_test(is_counted), cmocka_unit_test(is_counted_once),
		cmocka_unit_test(is_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
