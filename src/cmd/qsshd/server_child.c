/* SPDX-License-Identifier: ISC */
/*
 * Starting qsshd-auth and qsshd-net, and joining them. A child gets its control socket, the configuration
 * as text, and a socket for its log lines where those do not go to stderr.
 */
#include "cmd/qsshd/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/spawn.h"

void
qsp_server_forget(struct qsp_server_child *c)
{
	if (c->control >= 0)
		close(c->control);
	c->control = -1;
	c->pid = 0;
	c->ready = false;
}

/* To one that has just been started, and has met nobody yet. */
static void
send_control(const struct qsp_server_child *c, uint8_t type, int number, int fd)
{
	uint8_t msg[2] = { type, (uint8_t)number };

	(void)!qsp_ipc_send_wait(c->control, qsp_bytes(msg, number < 0 ? 1 : 2), &fd,
				 fd >= 0 ? 1 : 0);
}

/* To one that runs: nobody here waits for it. One that has not read so much for so long is ended, and takes
 * the usual way of the dead. */
static void
order(struct qsp_server_child *c, uint8_t type, int number, int fd)
{
	uint8_t msg[2] = { type, (uint8_t)number };

	if (c->pid == 0 || c->control < 0 ||
	    qsp_ipc_send(c->control, qsp_bytes(msg, number < 0 ? 1 : 2), &fd, fd >= 0 ? 1 : 0) !=
		    QSP_E_ROOM)
		return;
	qsp_log(QSP_LOG_ERROR, "process %ld does not obey: it is killed", (long)c->pid);
	(void)kill(c->pid, SIGKILL);
	close(c->control);
	c->control = -1;
}

void
qsp_server_tell(struct qsp_server_child *c, enum qsp_rpc_control type)
{
	order(c, (uint8_t)type, -1, -1);
}

static char *const *
child_env(void)
{
	/* what a test or an administrator may mean for all our processes */
	static const char *const names[] = { "QSP_E2E",      "ASAN_OPTIONS", "UBSAN_OPTIONS",
					     "TSAN_OPTIONS", "LSAN_OPTIONS", "TZ" };
	static char *env[sizeof(names) / sizeof(names[0]) + 1];
	size_t n = 0;

	if (env[0] != NULL)
		return env;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v = getenv(names[i]);

		if (v != NULL && asprintf(&env[n], "%s=%s", names[i], v) >= 0)
			n++;
	}
	env[n] = NULL;
	return env;
}

static bool
start(struct qsp_server *s, struct qsp_server_generation *g, struct qsp_server_child *c,
      const char *name)
{
	char path[1024], own[32], how[] = "s";
	char *const argv[] = { own, how, NULL };
	int config = qsp_qsshd_config_fd(&g->config), pair[2] = { -1, -1 };
	struct qsp_spawn sp = { .path = path,
				.argv = argv,
				.envp = child_env(),
				.std = { -1, -1, -1 },
				.own_session = true };

	(void)snprintf(own, sizeof(own), "%s", name);
	c->pid = 0;
	c->control = -1;
	c->ready = false;
	c->started = qsp_clock_ms(CLOCK_MONOTONIC);
	c->restart_at = 0;
	if (config >= 0 && qsp_spawn_find(name, path, sizeof(path)) == 0 &&
	    qsp_ipc_pair(pair) == 0) {
		sp.fd[sp.n_fds++] = pair[1];
		sp.fd[sp.n_fds++] = config;
		sp.fd[sp.n_fds++] = s->relay[1];
		if (c == &g->net)
			sp.fd[sp.n_fds++] = s->replay;
		if (s->relay[1] >= 0)
			how[0] = 'r';
		else
			sp.std[2] = STDERR_FILENO;
		c->pid = qsp_spawn_start(&sp);
	}
	if (c->pid <= 0) {
		qsp_log(QSP_LOG_ERROR, "cannot start %s: %s", name, strerror(errno));
		c->pid = 0;
		if (pair[0] >= 0)
			close(pair[0]);
	} else {
		c->control = pair[0];
	}
	if (pair[1] >= 0)
		close(pair[1]);
	if (config >= 0)
		close(config);
	return c->pid != 0;
}

bool
qsp_server_start_auth(struct qsp_server *s, struct qsp_server_generation *g)
{
	return start(s, g, &g->auth, "qsshd-auth");
}

void
qsp_server_link(struct qsp_server *s, struct qsp_server_generation *g)
{
	for (unsigned i = 0; i < s->n_workers; i++) {
		int pair[2];

		if (qsp_ipc_pair(pair))
			continue;
		qsp_ipc_widen(pair[0]); /* for the answers to all that may be asked at once */
		order(&g->auth, QSP_RPC_LINK, 0, pair[0]);
		order(&g->net, QSP_RPC_LINK, (int)i, pair[1]);
		close(pair[0]);
		close(pair[1]);
	}
}

bool
qsp_server_start_net(struct qsp_server *s, struct qsp_server_generation *g)
{
	if (!start(s, g, &g->net, "qsshd-net"))
		return false;
	send_control(&g->net, QSP_RPC_WORKERS, (int)s->n_workers, -1);
	for (size_t i = 0; i < s->n_listeners; i++) {
		const struct qsp_listen *l = &s->listener[i].l;

		for (unsigned k = 0; s->listener[i].wanted && k < s->n_workers; k++)
			send_control(&g->net, QSP_RPC_LISTENER, (int)k, l->fd[k % l->n]);
	}
	send_control(&g->net, QSP_RPC_GO, -1, -1);
	if (g->auth.ready)
		qsp_server_link(s, g);
	return true;
}
