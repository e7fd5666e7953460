/* SPDX-License-Identifier: ISC */
/*
 * The process beside the agent: it holds no key, so it may start programs and name files. Over a
 * socket of whole messages it gets questions, and says yes ('y') or no ('n'); its end is the agent's.
 */
#include "cmd/agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/askpass.h"

#define KEEPER_FD 3

static void
keep(int fd, const struct qsp_agent_socket *s)
{
	char question[QSP_AGENT_QUESTION_MAX + 1];
	ssize_t n;

	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	while ((n = recv(fd, question, sizeof(question) - 1, 0)) != 0) {
		char answer = 'n';

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		question[n] = 0;
		if (qsp_askpass_confirm(question))
			answer = 'y';
		(void)!send(fd, &answer, 1, MSG_NOSIGNAL);
	}
	qsp_agent_socket_remove(s);
	_exit(0);
}

int
qsp_agent_keeper_start(const struct qsp_agent_socket *s)
{
	int fd[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		/* what ends the agent must not end this one first */
		static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

		for (size_t i = 0; i < 3; i++)
			signal(signals[i], SIG_IGN);
		/* whoever waits for the end of a descriptor waits for the agent alone */
		if (dup2(fd[1], KEEPER_FD) < 0 || close_range(KEEPER_FD + 1, ~0u, 0) != 0)
			_exit(1);
		keep(KEEPER_FD, s);
	}
	close(fd[1]);
	if (pid > 0)
		return fd[0];
	close(fd[0]);
	return -1;
}
