/* SPDX-License-Identifier: ISC */
/*
 * qssh-agent from inside: the process with the keys (serve.c), and the one beside it that asks the
 * person and clears up (keeper.c). See docs/agent.md.
 */
#ifndef QSP_CMD_AGENT_H
#define QSP_CMD_AGENT_H

#include "app/agent.h"

#include <limits.h>
#include <sys/types.h>

#define QSP_AGENT_CONNS_MAX 64

struct qsp_agent_socket {
	int fd;
	char dir[PATH_MAX]; /* made by us, or empty */
	char path[PATH_MAX];
};

/* socket.c: a listening socket of mode 0600; path NULL: in a new folder of mode 0700. False with a
 * complaint on stderr. */
bool qsp_agent_socket_open(const char *path, struct qsp_agent_socket *s);
void qsp_agent_socket_remove(const struct qsp_agent_socket *s);

/* keeper.c: starts the process beside; the descriptor to it, or -1. It removes the socket when the
 * caller is gone. */
int qsp_agent_keeper_start(const struct qsp_agent_socket *s);

/* serve.c */
struct qsp_agent_serve {
	int listener, keeper;
	uint32_t lifetime;
	bool debug; /* tell on stderr what is asked */
};
/* Locks the memory, opens the sandbox, then calls ready(arg, NULL); or ready(arg, why) where it cannot
 * be. Serves until SIGTERM, SIGINT or SIGHUP; the exit status. */
int qsp_agent_serve_run(const struct qsp_agent_serve *s, void (*ready)(void *arg, const char *why),
			void *arg);

#endif
