/* SPDX-License-Identifier: ISC */
/*
 * fork, then only calls that are safe there: move descriptors, close the others, reset signals,
 * exec. The callers have one thread.
 */
#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define PIPE_SIZE (1 << 20)

static void
default_signals(void)
{
	struct sigaction sa;
	sigset_t none;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &sa, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void
qsp_spawn_own_signals(void)
{
	default_signals();
	(void)signal(SIGPIPE, SIG_IGN);
}

static void
complain(const char *what, const char *path)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "%s %s: %s\n", what, path, strerror(errno));

	if (n > 0)
		(void)!write(STDERR_FILENO, line,
			     (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* Moves the descriptors to 0, 1, 2, 3...: first all out of the way, then each to its place. */
static bool
place_fds(const struct qsp_spawn *s)
{
	int from[3 + QSP_SPAWN_FDS_MAX];
	int n = 3 + (int)s->n_fds;

	for (int i = 0; i < n; i++) {
		int fd = i < 3 ? s->std[i] : s->fd[i - 3];

		if (fd < 0) {
			int null = open("/dev/null", O_RDWR);

			from[i] = null < 0 ? -1 : fcntl(null, F_DUPFD, n);
		} else {
			from[i] = fcntl(fd, F_DUPFD, n);
		}
		if (from[i] < 0)
			return false;
	}
	for (int i = 0; i < n; i++) {
		if (dup2(from[i], i) < 0)
			return false;
	}
	closefrom(n);
	return true;
}

static void
enter_dir(const struct qsp_spawn *s)
{
	if (s->dir == NULL || chdir(s->dir) == 0)
		return;
	complain("Could not chdir to home directory", s->dir);
	if (s->fallback != NULL)
		(void)!chdir(s->fallback);
}

/* The limit on descriptors before qsp_spawn_more_descriptors. */
static struct rlimit descriptors;

unsigned
qsp_spawn_more_descriptors(void)
{
	struct rlimit more;

	if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0)
		return 1024;
	more = descriptors;
	more.rlim_cur = more.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &more) != 0)
		more = descriptors;
	return more.rlim_cur < UINT_MAX ? (unsigned)more.rlim_cur : UINT_MAX;
}

static void __attribute__((noreturn)) child(const struct qsp_spawn *s, pid_t parent)
{
	default_signals();
	if (s->own_session)
		(void)setsid();
	if (s->controlling)
		(void)ioctl(s->std[0], TIOCSCTTY, 0);
	if (!place_fds(s))
		_exit(126);
	if (s->parent_signal) {
		(void)prctl(PR_SET_PDEATHSIG, s->parent_signal);
		if (getppid() != parent)
			_exit(126);
	}
	if (descriptors.rlim_cur != 0)
		(void)setrlimit(RLIMIT_NOFILE, &descriptors);
	enter_dir(s);
	if (s->before != NULL)
		s->before(s->before_arg);
	if (s->run != NULL) {
		environ = (char **)(uintptr_t)s->envp; /* C's, which is never written to */
		_exit(s->run(s->arg));
	}
	execve(s->path, s->argv, s->envp);
	complain("Cannot run", s->path);
	_exit(errno == ENOENT ? 127 : 126);
}

pid_t
qsp_spawn_start(const struct qsp_spawn *s)
{
	pid_t parent = getpid(), pid;

	if (s->n_fds > QSP_SPAWN_FDS_MAX) {
		errno = EINVAL;
		return -1;
	}
	pid = fork();
	if (pid == 0)
		child(s, parent);
	return pid;
}

qsp_err
qsp_spawn_pty(int *master, int *slave, char name[QSP_SPAWN_TTY_MAX])
{
	*slave = -1;
	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (*master < 0)
		return QSP_E_IO;
	if (grantpt(*master) < 0 || unlockpt(*master) < 0 ||
	    ptsname_r(*master, name, QSP_SPAWN_TTY_MAX) != 0 ||
	    (*slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
		close(*master);
		*master = -1;
		return QSP_E_IO;
	}
	return 0;
}

qsp_err
qsp_spawn_pipe(int fd[2], int ours)
{
	if (pipe2(fd, O_CLOEXEC) < 0) {
		fd[0] = fd[1] = -1;
		return QSP_E_IO;
	}
	(void)fcntl(fd[ours], F_SETPIPE_SZ, PIPE_SIZE);
	if (fcntl(fd[ours], F_SETFL, O_NONBLOCK) < 0) {
		close(fd[0]);
		close(fd[1]);
		fd[0] = fd[1] = -1;
		return QSP_E_IO;
	}
	return 0;
}

qsp_err
qsp_spawn_find(const char *name, char *out, size_t cap)
{
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	int len;

	if (n > 0) {
		self[n] = 0;
		slash = strrchr(self, '/');
		if (slash != NULL) {
			*slash = 0;
			len = snprintf(out, cap, "%s/%s", self, name);
			if (len > 0 && (size_t)len < cap && access(out, X_OK) == 0)
				return 0;
		}
	}
	len = snprintf(out, cap, "%s/%s", QSP_LIBEXECDIR, name);
	if (len > 0 && (size_t)len < cap && access(out, X_OK) == 0)
		return 0;
	return QSP_E_NOTFOUND;
}
