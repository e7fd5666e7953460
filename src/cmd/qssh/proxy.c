/* SPDX-License-Identifier: ISC */
/*
 * A connection through a program: the command of ProxyCommand, run by the user's shell, or for
 * ProxyJump another qssh with -W, which runs without one. The program has one end of a pair of
 * sockets as its standard input and output. It sees what a wire would: cells. Where the end of stealth
 * goes on behind us [P8.9] so does the program, until its input ends.
 */
#include "cmd/qssh/qssh.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/client_jump.h"
#include "sys/spawn.h"

#define ARGS_MAX 20

static bool
is_set(const char *s)
{
	return s && strcasecmp(s, "none") != 0;
}

bool
qsp_qssh_proxy_is_wanted(const struct qsp_qssh *q)
{
	return is_set(q->cfg.proxy_command) || is_set(q->cfg.proxy_jump);
}

static bool
is_jump(const struct qsp_qssh *q)
{
	return !is_set(q->cfg.proxy_command);
}

/* Somebody may read what is written there to its end, and so wait for every process that has it. */
static bool
is_awaited(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

static int
start(struct qsp_qssh *q, const char *path, char *const argv[])
{
	struct qsp_spawn s = { .path = path, .argv = argv, .envp = environ };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: no pair of sockets: %s", strerror(errno));
		return -1;
	}
	s.std[0] = s.std[1] = pair[1];
	s.std[2] = STDERR_FILENO;
	if (qsp_qssh_control_is_wanted(q) && q->cfg.log_level < QSP_LOG_DEBUG1 &&
	    q->cfg.control_persist != QSP_CLIENT_NO_PERSIST)
		s.std[2] = -1; /* it may outlive whoever reads ours */
	q->proxy_lingering = qsp_drive_pool_lingering(q->pool);
	q->proxy_may_stay = is_jump(q) || s.std[2] < 0 || !is_awaited(s.std[2]);
	q->proxy = qsp_spawn_start(&s);
	close(pair[1]);
	if (q->proxy < 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0) {
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: %s: %s", path, strerror(errno));
		close(pair[0]);
		return -1;
	}
	return pair[0];
}

/* --- commands of the configuration ----------------------------------------------------------- */

/* Does the token stand in the command, and the name for it before the shell? */
static bool
uses(const char *command, char token)
{
	for (const char *p = strchr(command, '%'); p && p[1]; p = strchr(p + 2, '%'))
		if (p[1] == token)
			return true;
	return false;
}

static bool
is_safe(const struct qsp_qssh *q, const char *command)
{
	return (!uses(command, 'n') || qsp_client_jump_is_plain(q->opt.host)) &&
	       (!uses(command, 'h') || qsp_client_jump_is_plain(q->host)) &&
	       (!uses(command, 'k') || q->cfg.host_key_alias ||
		qsp_client_jump_is_plain(q->host)) &&
	       (!uses(command, 'r') || qsp_client_jump_is_plain(q->user));
}

/* The line that the user's shell runs; NULL, and said why, where it must not. */
static char *
expand_command(const struct qsp_qssh *q, const char *keyword, const char *command)
{
	char *line = qsp_client_expand(command, &q->tokens, false);

	if (line && is_safe(q, command))
		return line;
	qsp_qssh_say(QSP_LOG_ERROR, "qssh: %s: %s", keyword,
		     line ? "a name has characters that mean something to a shell"
			  : "unknown token");
	free(line);
	return NULL;
}

static const char *
user_shell(void)
{
	const char *shell = getenv("SHELL");

	return shell && *shell ? shell : "/bin/sh";
}

void
qsp_qssh_proxy_run(char *line)
{
	char name[] = "sh", c[] = "-c";
	char *const argv[] = { name, c, line, NULL };
	struct qsp_spawn s = {
		.path = user_shell(), .argv = argv, .envp = environ, .std = { 0, 1, 2 }
	};
	pid_t pid = qsp_spawn_start(&s);

	if (pid < 0)
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: local command: %s", strerror(errno));
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void
qsp_qssh_proxy_local_command(struct qsp_qssh *q)
{
	char *line = expand_command(q, "LocalCommand", q->cfg.local_command);

	if (!line)
		return;
	qsp_qssh_say(QSP_LOG_DEBUG1, "Executing local command: %s", line);
	qsp_qssh_proxy_run(line);
	free(line);
}

/* --- ProxyCommand ---------------------------------------------------------------------------- */

static int
start_command(struct qsp_qssh *q)
{
	char *line = expand_command(q, "ProxyCommand", q->cfg.proxy_command), *command = NULL;
	int fd = -1;

	if (!line)
		return -1;
	/* exec: no shell stays between, and a signal to our child is one to the program */
	if (asprintf(&command, "exec %s", line) >= 0) {
		char name[] = "sh", c[] = "-c";
		char *const argv[] = { name, c, command, NULL };

		qsp_qssh_say(QSP_LOG_DEBUG1, "Executing proxy command: %s", command);
		fd = start(q, user_shell(), argv);
		free(command);
	}
	free(line);
	return fd;
}

/* --- ProxyJump ------------------------------------------------------------------------------- */

struct words {
	char *v[ARGS_MAX];
	size_t n;
	bool failed;
};

static void
add(struct words *w, const char *a, const char *b)
{
	char *word = NULL;

	if (w->n + 1 >= ARGS_MAX || asprintf(&word, "%s%s", a, b) < 0) {
		w->failed = true;
		return;
	}
	w->v[w->n++] = word;
}

static bool
loops(const struct qsp_qssh *q, const struct qsp_client_jump *j)
{
	return !j->before && strcmp(j->destination, q->opt.host) == 0 &&
	       (!j->port || j->port == q->port) && (!j->user || strcmp(j->user, q->user) == 0);
}

/* qssh -W '[host]:port' to the last hop, by way of the others. */
static void
jump_words(struct qsp_qssh *q, const struct qsp_client_jump *j, struct words *w)
{
	static const char *const loud[] = { "-v", "-vv", "-vvv" };
	int level = (int)q->cfg.log_level - QSP_LOG_DEBUG1;
	char number[8], *target = NULL;

	add(w, "qssh", "");
	if (q->opt.config_file)
		add(w, "-F", q->opt.config_file);
	if (level >= 0)
		add(w, loud[level > 2 ? 2 : level], "");
	if (q->cfg.log_level == QSP_LOG_QUIET)
		add(w, "-q", "");
	if (j->user)
		add(w, "-l", j->user);
	snprintf(number, sizeof(number), "%u", (unsigned)j->port);
	if (j->port)
		add(w, "-p", number);
	if (j->before)
		add(w, "-J", j->before);
	if (asprintf(&target, "-W[%s]:%u", q->host, (unsigned)q->port) < 0)
		target = NULL;
	if (target)
		add(w, target, "");
	free(target);
	add(w, "--", "");
	add(w, j->destination, "");
}

static int
start_jump(struct qsp_qssh *q)
{
	struct words w = { .failed = false };
	struct qsp_client_jump j;
	int fd = -1;

	if (qsp_client_jump_last(q->cfg.proxy_jump, &j) != 0) {
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: bad jump hosts: %s", q->cfg.proxy_jump);
		return -1;
	}
	if (loops(q, &j)) {
		qsp_qssh_say(QSP_LOG_ERROR, "jumphost loop via %s", j.destination);
	} else {
		jump_words(q, &j, &w);
		qsp_qssh_say(QSP_LOG_DEBUG1, "Jumping by way of %s", q->cfg.proxy_jump);
		if (!w.failed)
			fd = start(q, "/proc/self/exe", w.v);
	}
	for (size_t i = 0; i < w.n; i++)
		free(w.v[i]);
	qsp_client_jump_wipe(&j);
	return fd;
}

int
qsp_qssh_proxy_start(struct qsp_qssh *q)
{
	return is_jump(q) ? start_jump(q) : start_command(q);
}

void
qsp_qssh_proxy_release(struct qsp_qssh *q)
{
	if (q->proxy > 0 && is_jump(q))
		kill(q->proxy, QSP_QSSH_RELEASE);
}

void
qsp_qssh_proxy_end(struct qsp_qssh *q)
{
	if (q->proxy <= 0)
		return;
	if (q->proxy_may_stay && qsp_drive_pool_lingering(q->pool) > q->proxy_lingering)
		qsp_qssh_proxy_release(q);
	else
		kill(q->proxy, SIGHUP);
	(void)waitpid(q->proxy, NULL, WNOHANG);
	q->proxy = 0;
}
