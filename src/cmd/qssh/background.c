/* SPDX-License-Identifier: ISC */
/*
 * Going on without a terminal: a child takes over the loop and all descriptors, in a session of its
 * own, and the parent, whom the shell waits for, ends.
 */
#include "cmd/qssh/qssh.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/tty.h"

/* Diagnostics stay only where somebody asked to see what happens. */
static void
leave_std(const struct qsp_qssh *q)
{
	bool loud = q->cfg.log_level >= QSP_LOG_DEBUG1 && !q->opt.log_file;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	if (!loud)
		(void)dup2(null, STDERR_FILENO);
	close(null);
}

pid_t
qsp_qssh_background_fork(struct qsp_qssh *q, bool stay)
{
	pid_t pid;

	qsp_qssh_say(QSP_LOG_DEBUG1, "forking to background");
	qsp_drive_pool_rest(q->pool); /* its thread would be the parent's alone */
	pid = fork();
	if (pid < 0) {
		(void)!qsp_drive_pool_go_on(q->pool);
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: fork: %s", strerror(errno));
		return -1;
	}
	if (pid > 0) {
		if (!stay)
			_exit(0); /* all that is to be tidied is the child's */
		return pid;
	}
	(void)setsid();
	qsp_qssh_wake_fork(q);
	if (uv_loop_fork(&q->loop) != 0 || qsp_drive_pool_go_on(q->pool) != 0)
		_exit(QSP_QSSH_FAILED);
	leave_std(q);
	return 0;
}

void
qsp_qssh_background_go(struct qsp_qssh *q)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setsid();
	if (null >= 0) {
		(void)dup2(null, STDERR_FILENO);
		if (q->std[2] > STDERR_FILENO) /* a copy */
			(void)dup3(null, q->std[2], O_CLOEXEC);
		close(null);
	}
	qsp_qssh_proxy_release(q);
}

void
qsp_qssh_background_linger(struct qsp_qssh *q)
{
	if (!q->pool || qsp_drive_pool_lingering(q->pool) == 0)
		return;
	qsp_drive_pool_rest(q->pool);
	if (fork() != 0)
		return; /* here it ends, with the pool */
	(void)setsid();
	(void)!chdir("/");
	qsp_drive_pool_linger_alone(q->pool);
	_exit(0);
}
