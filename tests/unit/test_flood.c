/* SPDX-License-Identifier: ISC */
/* Processes of qsshd that never cease to speak: who hears them stays at work for the others. And all answers
 * that a link owes at once fit into it, though nobody reads them yet. */
#include "cmd/qsshd/auth.h"
#include "cmd/qsshd/net.h"
#include "sys/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#define FLOOD 150 /* messages: fewer than a socket holds */

static size_t
left_in(int fd)
{
	static struct qsp_ipc_message m;
	size_t n = 0;

	while (qsp_ipc_recv(fd, &m) == 0)
		n++;
	return n;
}

static void
fill(int fd, uint8_t type)
{
	const uint8_t line[] = { type, 'x' };

	for (int i = 0; i < FLOOD; i++)
		assert_int_equal(qsp_ipc_send(fd, QSP_BYTES_OF(line), NULL, 0), 0);
}

static void
log_lines(void **state)
{
	int fd[2];

	(void)state;
	assert_int_equal(qsp_ipc_pair(fd), 0);
	qsp_log_set_level(QSP_LOG_QUIET);
	fill(fd[1], QSP_LOG_INFO);
	assert_true(qsp_log_relay(fd[0]));
	assert_int_equal(left_in(fd[0]), FLOOD - QSP_LOG_RELAYED_MAX);
	close(fd[1]);
	assert_false(qsp_log_relay(fd[0]));
	close(fd[0]);
}

/* A session at qsshd-auth, which must not keep logins waiting. */
static void
session(void **state)
{
	static struct qsp_auth a = { .is_root = true };
	static struct qsp_auth_grant g;
	size_t left;
	int fd;

	(void)state;
	fd = qsp_auth_tty_desk(&a, &g);
	assert_true(fd >= 0);
	fill(fd, QSP_RPC_TTY_GONE);
	assert_int_equal(a.n_watches, 1);
	assert_true(a.watch[0]->ready(&a, a.watch[0]));
	left = left_in(a.watch[0]->fd);
	assert_in_range(left, FLOOD / 2, FLOOD - 1);
	close(fd);
	assert_false(a.watch[0]->ready(&a, a.watch[0]));
	qsp_auth_watch_end(&a);
}

static void
answers(void **state)
{
	static uint8_t answer[QSP_KEY_BLOB_MAX + QSP_KEM_CT_MAX / 2];
	int fd[2];

	(void)state;
	assert_int_equal(qsp_ipc_pair(fd), 0);
	for (int i = 0; i < QSP_NET_INFLIGHT_MAX; i++)
		assert_int_equal(qsp_ipc_send(fd[0], QSP_BYTES_OF(answer), NULL, 0), 0);
	close(fd[0]);
	close(fd[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_lines),
		cmocka_unit_test(session),
		cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
