/* SPDX-License-Identifier: ISC */
/* The pacer: no write before its deadline, each in its order, and what a socket does not take is said. */
#include "sys/pacer.h"

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MS 1000000ull
#define N 64
#define NOBODY 65534

static void
pair_of(int fd[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
}

static void
wait_done(const struct qsp_pace *w)
{
	while (!qsp_pacer_is_done(w))
		assert_true(poll(NULL, 0, 1) >= 0);
}

/* Handed over in any order, written in the order of their deadlines and not before. */
static void
in_order(void **state)
{
	struct qsp_pacer *p;
	struct qsp_pace w[N] = { 0 };
	uint8_t text[N];
	uint64_t begun = qsp_pacer_clock();
	int fd[2];

	(void)state;
	pair_of(fd);
	assert_int_equal(qsp_pacer_new(&p), 0);
	qsp_pacer_rest(p); /* all are handed over before the first is due, however long it takes */
	for (unsigned i = 0; i < N; i++) {
		unsigned k = i * 37 % N;

		text[k] = (uint8_t)k;
		w[k].fd = fd[0];
		w[k].p = text + k;
		w[k].n = 1;
		w[k].at = begun + 50 * MS + k * MS;
		assert_int_equal(qsp_pacer_add(p, &w[k]), 0);
		assert_int_equal(qsp_pacer_add(p, &w[k]), QSP_E_STATE);
	}
	assert_int_equal(qsp_pacer_go_on(p), 0);
	for (unsigned i = 0; i < N; i++) {
		struct pollfd q = { .fd = fd[1], .events = POLLIN };
		uint8_t c;

		assert_int_equal(poll(&q, 1, 250000), 1);
		assert_int_equal(read(fd[1], &c, 1), 1);
		assert_int_equal(c, i);
		assert_true(qsp_pacer_clock() >= w[i].at);
		wait_done(&w[i]);
		assert_int_equal(w[i].sent, 1);
	}
	qsp_pacer_free(p);
	close(fd[0]);
	close(fd[1]);
}

/* A cancelled one is not written; those around it are. */
static void
cancelled(void **state)
{
	struct qsp_pacer *p;
	struct qsp_pace w[9] = { 0 };
	uint64_t begun = qsp_pacer_clock();
	uint8_t got[9];
	int fd[2];

	(void)state;
	pair_of(fd);
	assert_int_equal(qsp_pacer_new(&p), 0);
	qsp_pacer_rest(p);
	for (unsigned i = 0; i < 9; i++) {
		w[i].fd = fd[0];
		w[i].p = (const uint8_t *)"abcdefghi" + i;
		w[i].n = 1;
		w[i].at = begun + (i % 3 ? 100 : 3600000) * MS + i;
		assert_int_equal(qsp_pacer_add(p, &w[i]), 0);
	}
	qsp_pacer_cancel(p, &w[4]);
	qsp_pacer_cancel(p, &w[4]);
	assert_true(qsp_pacer_is_done(&w[4]));
	assert_int_equal(qsp_pacer_go_on(p), 0);
	for (unsigned i = 0; i < 9; i += 3)
		qsp_pacer_cancel(p, &w[i]);
	for (unsigned i = 0; i < 9; i++)
		wait_done(&w[i]);
	assert_int_equal(read(fd[1], got, sizeof(got)), 5);
	assert_memory_equal(got, "bcfhi", 5);
	qsp_pacer_free(p);
	close(fd[0]);
	close(fd[1]);
}

/* What is due before all that the thread waits for does not wait for that. */
static void
sooner(void **state)
{
	struct qsp_pacer *p;
	struct qsp_pace w[2] = { 0 };
	uint8_t c;
	int fd[2];

	(void)state;
	pair_of(fd);
	assert_int_equal(qsp_pacer_new(&p), 0);
	for (unsigned i = 0; i < 2; i++) {
		w[i].fd = fd[0];
		w[i].p = (const uint8_t *)"lf" + i;
		w[i].n = 1;
		w[i].at = qsp_pacer_clock() + (i ? 0 : 3600000 * MS);
		assert_int_equal(qsp_pacer_add(p, &w[i]), 0);
	}
	wait_done(&w[1]);
	assert_int_equal(read(fd[1], &c, 1), 1);
	assert_int_equal(c, 'f');
	qsp_pacer_cancel(p, &w[0]);
	assert_int_equal(read(fd[1], &c, 1), -1);
	qsp_pacer_free(p);
	close(fd[0]);
	close(fd[1]);
}

/* A full socket takes nothing or a part; one without a reader is an error. */
static void
not_taken(void **state)
{
	static uint8_t text[1 << 20];
	struct qsp_pacer *p;
	struct qsp_pace w = { 0 };
	int fd[2];

	(void)state;
	pair_of(fd);
	assert_int_equal(qsp_pacer_new(&p), 0);
	w.fd = fd[0];
	w.p = text;
	w.n = sizeof(text);
	w.at = qsp_pacer_clock();
	assert_int_equal(qsp_pacer_add(p, &w), 0);
	wait_done(&w);
	assert_true(w.sent < sizeof(text) && w.err == 0);
	while (w.sent > 0) {
		assert_int_equal(qsp_pacer_add(p, &w), 0);
		wait_done(&w);
	}
	assert_int_equal(w.err, 0);
	close(fd[1]);
	assert_int_equal(qsp_pacer_add(p, &w), 0);
	wait_done(&w);
	assert_true(w.sent == 0 && w.err != 0);
	qsp_pacer_free(p);
	close(fd[0]);
}

static unsigned
threads_in_real_time(void)
{
	struct dirent *d;
	DIR *dir = opendir("/proc/self/task");
	unsigned n = 0;

	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL) {
		pid_t task = (pid_t)strtol(d->d_name, NULL, 10);

		n += task > 0 && sched_getscheduler(task) == SCHED_RR;
	}
	closedir(dir);
	return n;
}

static void
one_in_real_time(int policy, bool permitted)
{
	struct qsp_pacer *p;

	assert_int_equal(qsp_pacer_new(&p), 0);
	qsp_pacer_permit_no_more(policy);
	assert_int_equal(threads_in_real_time(), permitted);
	assert_int_equal(sched_getscheduler(0), policy);
	qsp_pacer_free(p);
}

/* Where the system permits real time its thread has it, and nobody else does; once root is given up, too. */
static void
prompt(void **state)
{
	const struct sched_param least = { .sched_priority = 1 }, none = { .sched_priority = 0 };
	bool permitted = sched_setscheduler(0, SCHED_RR, &least) == 0;
	int status = 0;
	pid_t child;

	(void)state;
	if (permitted)
		assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &none), 0);
	one_in_real_time(SCHED_OTHER, permitted);
	if (geteuid() != 0)
		return; /* nothing to permit with */
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* whoever starts the server may have said how */
		assert_int_equal(sched_setscheduler(0, SCHED_BATCH, &none), 0);
		assert_int_equal(qsp_pacer_permit(), SCHED_BATCH);
		if (setuid(NOBODY) == 0)
			one_in_real_time(SCHED_BATCH, permitted);
		_exit(getuid() == NOBODY ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* At rest nothing is written, what was due is once it goes on; and it can be cancelled meanwhile. */
static void
rested(void **state)
{
	struct qsp_pacer *p;
	struct qsp_pace w[3] = { 0 };
	uint8_t got[4];
	int fd[2];

	(void)state;
	pair_of(fd);
	assert_int_equal(qsp_pacer_new(&p), 0);
	qsp_pacer_rest(p);
	qsp_pacer_rest(p);
	for (unsigned i = 0; i < 3; i++) {
		w[i].fd = fd[0];
		w[i].p = (const uint8_t *)"abc" + i;
		w[i].n = 1;
		w[i].at = qsp_pacer_clock();
		assert_int_equal(qsp_pacer_add(p, &w[i]), 0);
	}
	qsp_pacer_cancel(p, &w[1]);
	assert_int_equal(recv(fd[1], got, sizeof(got), MSG_DONTWAIT), -1);
	assert_false(qsp_pacer_is_done(&w[0]));
	assert_int_equal(qsp_pacer_go_on(p), 0);
	assert_int_equal(qsp_pacer_go_on(p), 0);
	wait_done(&w[0]);
	wait_done(&w[2]);
	assert_int_equal(read(fd[1], got, sizeof(got)), 2);
	assert_memory_equal(got, "ac", 2);
	qsp_pacer_free(p);
	close(fd[0]);
	close(fd[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),  cmocka_unit_test(cancelled),
		cmocka_unit_test(not_taken), cmocka_unit_test(rested),
		cmocka_unit_test(prompt),    cmocka_unit_test(sooner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
