/* SPDX-License-Identifier: ISC */
/*
 * What was granted to whom, and the sessions. A session is a process of its own, started as root where
 * we are root, that becomes the user before anything else; qsshd-net gets the other end of its socket.
 */
#include "cmd/qsshd/auth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/qsshd/chroot.h"
#include "sys/log.h"
#include "sys/spawn.h"

/* names, paths, and the options of a key, which stand on one line of its file */
#define LOGIN_MAX (8192 + 16384)

static struct qsp_auth_grant **
find(struct qsp_auth *a, int link, uint64_t conn)
{
	for (size_t i = 0; i < a->n_grants; i++) {
		if (a->grant[i]->link == link && a->grant[i]->conn == conn)
			return &a->grant[i];
	}
	return NULL;
}

struct qsp_auth_grant *
qsp_auth_login_find(struct qsp_auth *a, int link, uint64_t conn)
{
	struct qsp_auth_grant **g = find(a, link, conn);

	return g ? *g : NULL;
}

void
qsp_auth_login_retract(struct qsp_auth *a, struct qsp_auth_grant *g)
{
	g->granted = false;
	qsp_auth_talk_let_go(&g->pam);
	qsp_auth_attempt_free(a, g->attempt);
	g->attempt = NULL;
	qsp_auth_limits_free(&g->limits);
	free(g->config);
	g->config = NULL;
}

static void
drop(struct qsp_auth *a, struct qsp_auth_grant **g)
{
	qsp_auth_login_retract(a, *g);
	qsp_auth_ways_reset(&(*g)->ways);
	qsp_mem_wipe_free(*g, sizeof(**g));
	*g = a->grant[--a->n_grants];
}

struct qsp_auth_grant *
qsp_auth_login_record(struct qsp_auth *a, int link, uint64_t conn)
{
	struct qsp_auth_grant *g = qsp_auth_login_find(a, link, conn), **more;
	size_t cap;

	if (g != NULL)
		return g;
	if (a->n_grants == a->cap_grants) {
		cap = a->cap_grants ? 2 * a->cap_grants : 64;
		if (cap > QSP_AUTH_GRANTS_MAX)
			return NULL;
		more = realloc(a->grant, cap * sizeof(struct qsp_auth_grant *));
		if (more == NULL)
			return NULL;
		a->grant = more;
		a->cap_grants = cap;
	}
	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return NULL;
	g->link = link;
	g->conn = conn;
	a->grant[a->n_grants++] = g;
	return g;
}

void
qsp_auth_login_forget(struct qsp_auth *a, int link, uint64_t conn)
{
	struct qsp_auth_grant **g = find(a, link, conn);

	if (g != NULL)
		drop(a, g);
}

void
qsp_auth_login_forget_link(struct qsp_auth *a, int link)
{
	for (size_t i = a->n_grants; i-- > 0;) {
		if (a->grant[i]->link == link)
			drop(a, &a->grant[i]);
	}
}

/* --- sessions ------------------------------------------------------------------------------- */

static void
put_list(struct qsp_rpc_list *out, const struct qsp_qsshd_list *l)
{
	for (size_t i = 0; i < l->n && out->n < QSP_RPC_LIST_MAX; i++)
		out->v[out->n++] = qsp_bytes_str(l->v[i]);
}

static bool
send_login(int fd, const struct qsp_auth_grant *g, const struct qsp_rpc_login *more)
{
	uint8_t buf[LOGIN_MAX];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_LOGIN);
	struct qsp_rpc_login m = *more;

	m.uid = g->user.uid;
	m.gid = g->user.gid;
	m.user = qsp_bytes_str(g->user.name);
	m.home = qsp_bytes_str(g->user.home);
	m.shell = qsp_bytes_str(g->user.shell);
	m.has_command = g->limits.command != NULL;
	m.command = qsp_bytes_str(g->limits.command ? g->limits.command : "");
	m.forbidden = g->limits.forbidden;
	put_list(&m.permit_open, &g->limits.permit_open);
	put_list(&m.permit_listen, &g->limits.permit_listen);
	put_list(&m.environment, &g->limits.environment);
	qsp_rpc_put_login(&w, &m);
	return qsp_writer_done(&w) == 0 && qsp_ipc_send(fd, qsp_writer_bytes(&w), NULL, 0) == 0;
}

/* Only root can open sessions of PAM's. */
static bool
is_around(const struct qsp_auth *a)
{
	return a->config.use_pam && a->is_root;
}

/* By the process that has let the user in, where it waits for that; else by another. */
static pid_t
spawn_session(const struct qsp_auth *a, struct qsp_auth_grant *g, int fd, int desk)
{
	static char *const envp[] = { NULL };
	char session[QSP_AUTH_PATH_MAX], pam[QSP_AUTH_PATH_MAX];
	char *const plain[] = { (char[]){ "qsshd-session" }, NULL };
	char *const around[] = { (char[]){ "qsshd-pam" },
				 (char[]){ "session" },
				 a->config.pam_service.v[0],
				 (char *)(uintptr_t)g->user.name,
				 (char *)(uintptr_t)g->address,
				 session,
				 NULL };
	bool with_pam = is_around(a);
	struct qsp_spawn s = { .path = with_pam ? pam : session,
			       .argv = with_pam ? around : plain,
			       .envp = envp,
			       .std = { -1, -1, -1 },
			       .fd = { fd, qsp_qsshd_config_text_fd(g->config), desk },
			       .n_fds = desk >= 0 ? 3 : 2,
			       .own_session = true };
	pid_t pid = -1;

	if (s.fd[1] >= 0 && g->pam.fd > 0)
		pid = qsp_auth_talk_session(&g->pam, s.fd, s.n_fds);
	if (pid < 0 && s.fd[1] >= 0 &&
	    qsp_spawn_find("qsshd-session", session, sizeof(session)) == 0 &&
	    (!with_pam || qsp_spawn_find("qsshd-pam", pam, sizeof(pam)) == 0))
		pid = qsp_spawn_start(&s);
	if (s.fd[1] >= 0)
		close(s.fd[1]);
	return pid;
}

/* The session does it; what is wrong is said here, where there is a log. */
static bool
chroot_is_good(struct qsp_auth *a, const struct qsp_auth_grant *g)
{
	struct qsp_chroot who = { g->user.name, g->user.home, g->user.uid };
	char path[QSP_CHROOT_PATH_MAX], err[QSP_CHROOT_ERROR_MAX] = "";
	struct qsp_qsshd_config c;
	bool ok;

	ok = qsp_qsshd_config_receive(&c, qsp_qsshd_config_text_fd(g->config), err) == 0 &&
	     qsp_chroot_path(&c, &who, path, err) && (path[0] == 0 || qsp_chroot_check(path, err));
	qsp_qsshd_config_free(&c);
	if (ok && (path[0] == 0 || a->is_root))
		return true;
	if (ok)
		(void)snprintf(err, sizeof(err), "the server does not run as root");
	qsp_log(QSP_LOG_ERROR, "no session for user %s: %s", g->user.name, err);
	return false;
}

/* What the user will be told, with the reason where the administrator looks. */
static void
log_obstacles(const struct qsp_auth_grant *g)
{
	struct stat st;

	if (stat(g->user.home, &st) != 0)
		qsp_log(QSP_LOG_INFO, "User %s: home directory %s: %s", g->user.name, g->user.home,
			strerror(errno));
	if (g->user.uid != 0 && stat("/etc/nologin", &st) == 0)
		qsp_log(QSP_LOG_INFO, "User %s not allowed because /etc/nologin exists",
			g->user.name);
}

/* The grant's session; its other end, or -1. */
static int
start(struct qsp_auth *a, struct qsp_auth_grant *g, const struct qsp_rpc_ends *ends)
{
	struct qsp_rpc_login more = { .has_groups = is_around(a), .ends = *ends };
	int fd[2], desk;

	if (g->session != 0 || !chroot_is_good(a, g) || qsp_ipc_pair(fd))
		return -1;
	desk = qsp_auth_tty_desk(a, g);
	more.has_desk = desk >= 0;
	if (send_login(fd[1], g, &more))
		g->session = spawn_session(a, g, fd[0], desk);
	if (desk >= 0)
		close(desk); /* and where there is no session, this ends it */
	close(fd[0]);
	if (g->session <= 0) {
		qsp_log(QSP_LOG_ERROR, "cannot start a session for user %s: %s", g->user.name,
			strerror(errno));
		g->session = 0;
		close(fd[1]);
		return -1;
	}
	qsp_log(QSP_LOG_VERBOSE, "Starting session for %s from %s port %u: process %ld",
		g->user.name, g->address, g->port, (long)g->session);
	log_obstacles(g);
	return fd[1];
}

void
qsp_auth_login_start(struct qsp_auth *a, int link, const struct qsp_rpc_ends *ends)
{
	struct qsp_auth_grant **g = find(a, link, ends->conn);
	uint8_t buf[16];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_SESSION_ANSWER);
	int fd = -1;

	if (g != NULL && (*g)->granted)
		fd = start(a, *g, ends);
	else
		qsp_log(QSP_LOG_ERROR, "a session was asked for by a connection without a login");
	qsp_writer_u64(&w, ends->conn);
	(void)!qsp_ipc_send(link, qsp_writer_bytes(&w), &fd, fd >= 0 ? 1 : 0);
	if (fd >= 0)
		close(fd);
}

void
qsp_auth_login_reap(struct qsp_auth *a)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (qsp_auth_talk_reaped(a, pid))
			continue;
		if (WIFEXITED(status) && WEXITSTATUS(status) == QSP_RPC_PAM_NO_SESSION)
			qsp_log(QSP_LOG_ERROR,
				"PAM opened no session in process %ld: its modules "
				"say why in their own log",
				(long)pid);
		else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			qsp_log(QSP_LOG_INFO, "session process %ld ended with %s %d", (long)pid,
				WIFEXITED(status) ? "status" : "signal",
				WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		for (size_t i = 0; i < a->n_grants; i++) {
			if (a->grant[i]->session == pid)
				a->grant[i]->session = 0;
		}
	}
}
