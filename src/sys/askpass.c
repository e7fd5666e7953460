/* SPDX-License-Identifier: ISC */
/* The child's standard output is a pipe; everything else it has from us. */
#include "sys/askpass.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/spawn.h"

static const char *
variable(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static const char *
program(void)
{
	const char *p = variable("QSSH_ASKPASS");

	if (!p)
		p = variable("SSH_ASKPASS");
	return p ? p : "ssh-askpass";
}

bool
qsp_askpass_is_set(void)
{
	bool display = variable("DISPLAY") || variable("WAYLAND_DISPLAY");

	return variable("QSSH_ASKPASS") || (display && variable("SSH_ASKPASS"));
}

static void
become(const char *question, bool confirm, int out)
{
	qsp_spawn_own_signals();
	if (dup2(out, STDOUT_FILENO) < 0)
		_exit(126);
	if (confirm)
		setenv("SSH_ASKPASS_PROMPT", "confirm", 1);
	else
		unsetenv("SSH_ASKPASS_PROMPT");
	execlp(program(), program(), question, (char *)NULL);
	_exit(127);
}

/* All of it up to the end, cut where it does not fit. */
static qsp_err
read_all(int fd, char *out, size_t cap)
{
	size_t n = 0;
	qsp_err e = QSP_OK;
	ssize_t got;
	char c;

	while ((got = read(fd, &c, 1)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return QSP_E_IO;
		if (n + 1 < cap)
			out[n++] = c;
		else
			e = QSP_E_ROOM;
	}
	qsp_mem_wipe(&c, 1);
	out[n] = 0;
	out[strcspn(out, "\r\n")] = 0;
	return e;
}

static qsp_err
run(const char *question, bool confirm, char *out, size_t cap)
{
	int fd[2], status = -1;
	qsp_err e = QSP_E_IO;
	pid_t pid;

	memset(out, 0, cap);
	if (pipe2(fd, O_CLOEXEC) != 0)
		return QSP_E_IO;
	if ((pid = fork()) == 0)
		become(question, confirm, fd[1]);
	close(fd[1]);
	if (pid > 0)
		e = read_all(fd[0], out, cap);
	close(fd[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!e && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		e = QSP_E_IO;
	if (e)
		qsp_mem_wipe(out, cap);
	return e;
}

qsp_err
qsp_askpass_ask(const char *question, char *out, size_t cap)
{
	return run(question, false, out, cap);
}

bool
qsp_askpass_confirm(const char *question)
{
	char out[64];

	return run(question, true, out, sizeof(out)) == 0 &&
	       (out[0] == 0 || strcasecmp(out, "yes") == 0);
}
