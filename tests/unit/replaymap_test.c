/* SPDX-License-Identifier: ISC */
/* The shared replay cache: new and old entries, expiry, no room, two mappings, a dead owner's lock. */
#include "app/replaymap.h"
#include "base/bytes.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static void
entry_of(uint32_t where, uint32_t what, uint8_t out[QSP_REPLAY_ENTRY_LEN])
{
	memset(out, 0, QSP_REPLAY_ENTRY_LEN);
	qsp_bytes_put32(out, where);
	qsp_bytes_put32(out + 4, what);
}

static struct qsp_replaymap *
map_new(size_t max, int *fd)
{
	struct qsp_replaymap *m;

	assert_int_equal(qsp_replaymap_create(max, 1234, fd), 0);
	assert_int_equal(qsp_replaymap_open(*fd, &m), 0);
	assert_int_equal(qsp_replaymap_started(m), 1234);
	return m;
}

static void
once(void **state)
{
	struct qsp_replaymap *m, *other;
	uint8_t a[QSP_REPLAY_ENTRY_LEN], b[QSP_REPLAY_ENTRY_LEN];
	int fd;

	(void)state;
	m = map_new(1000, &fd);
	assert_int_equal(qsp_replaymap_open(fd, &other), 0);
	entry_of(7, 1, a);
	entry_of(7, 2, b);
	assert_true(qsp_replaymap_enter(m, a, 100, 50));
	assert_false(qsp_replaymap_enter(m, a, 100, 50));
	assert_false(qsp_replaymap_enter(other, a, 100, 100)); /* kept until then, inclusive */
	assert_true(qsp_replaymap_enter(other, b, 100, 50));
	assert_false(qsp_replaymap_enter(m, b, 100, 50));
	assert_true(qsp_replaymap_enter(m, a, 200, 101));
	assert_false(qsp_replaymap_enter(m, a, 200, 150));
	qsp_replaymap_close(m);
	qsp_replaymap_close(other);
	close(fd);
}

static void
full(void **state)
{
	struct qsp_replaymap *m;
	uint8_t e[QSP_REPLAY_ENTRY_LEN];
	uint32_t n = 0;
	int fd;

	(void)state;
	m = map_new(1, &fd);
	for (uint32_t i = 0; i < 1000; i++) { /* all want the same places, around the table's end */
		entry_of(UINT32_MAX - 3, i, e);
		n += qsp_replaymap_enter(m, e, 100, 1);
	}
	assert_in_range(n, 16, 999);
	for (uint32_t i = 0; i < n; i++) { /* nothing was forgotten for it */
		entry_of(UINT32_MAX - 3, i, e);
		assert_false(qsp_replaymap_enter(m, e, 100, 1));
	}
	entry_of(UINT32_MAX - 3, 5000, e);
	assert_false(qsp_replaymap_enter(m, e, 100, 100));
	assert_true(qsp_replaymap_enter(m, e, 300, 101)); /* and time makes room */
	qsp_replaymap_close(m);
	close(fd);
}

static void
killed(void **state)
{
	struct qsp_replaymap *m;
	uint8_t e[QSP_REPLAY_ENTRY_LEN];
	int fd, status;
	pid_t pid;

	(void)state;
	m = map_new(100000, &fd);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) { /* enters until it is killed, most likely within the lock */
		for (uint32_t i = 0;; i++) {
			entry_of(i * 2654435761u, i, e);
			(void)qsp_replaymap_enter(m, e, 100, 1);
		}
	}
	/* until the child has entered its own: then ours of that name is a replay */
	entry_of(3 * 2654435761u, 3, e);
	while (qsp_replaymap_enter(m, e, 0, 1))
		;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	entry_of(1, 99, e);
	assert_true(qsp_replaymap_enter(m, e, 100, 1));
	assert_false(qsp_replaymap_enter(m, e, 100, 1));
	qsp_replaymap_close(m);
	close(fd);
}

static void
foreign(void **state)
{
	struct qsp_replaymap *m;
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	assert_int_equal(qsp_replaymap_open(fileno(f), &m), QSP_E_IO);
	for (int i = 0; i < 10000; i++)
		putc(i, f);
	fflush(f);
	assert_int_equal(qsp_replaymap_open(fileno(f), &m), QSP_E_INPUT);
	assert_null(m);
	qsp_replaymap_close(m);
	fclose(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once),
		cmocka_unit_test(full),
		cmocka_unit_test(killed),
		cmocka_unit_test(foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
