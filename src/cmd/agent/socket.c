/* SPDX-License-Identifier: ISC */
/* The agent's socket in the file system. */
#include "cmd/agent/agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

/* XDG_RUNTIME_DIR where it is what it should be: a folder of ours, and of nobody else. */
static const char *
base_dir(void)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (dir && *dir == '/' && lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == getuid() && (st.st_mode & 077) == 0)
		return dir;
	dir = getenv("TMPDIR");
	return dir && *dir == '/' ? dir : "/tmp";
}

static bool
make_dir(struct qsp_agent_socket *s)
{
	int n = snprintf(s->dir, sizeof(s->dir), "%s/qssh-XXXXXX", base_dir());

	if (n < 0 || (size_t)n >= sizeof(s->dir) || !mkdtemp(s->dir)) {
		fprintf(stderr, "qssh-agent: mkdtemp: %s: %s\n", s->dir, strerror(errno));
		s->dir[0] = 0;
		return false;
	}
	n = snprintf(s->path, sizeof(s->path), "%s/agent.%ld", s->dir, (long)getpid());
	return n > 0 && (size_t)n < sizeof(s->path);
}

static bool
bind_at(struct qsp_agent_socket *s)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	mode_t before;
	int r;

	if (strlen(s->path) >= sizeof(sa.sun_path)) {
		fprintf(stderr, "qssh-agent: %s: too long for a socket\n", s->path);
		return false;
	}
	memcpy(sa.sun_path, s->path, strlen(s->path) + 1);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	before = umask(0177);
	r = s->fd < 0 ? -1 : bind(s->fd, (struct sockaddr *)&sa, sizeof(sa));
	umask(before);
	if (r == 0 && listen(s->fd, BACKLOG) == 0)
		return true;
	fprintf(stderr, "qssh-agent: %s: %s\n", s->path, strerror(errno));
	if (s->fd >= 0)
		close(s->fd);
	if (r == 0)
		unlink(s->path);
	return false;
}

bool
qsp_agent_socket_open(const char *path, struct qsp_agent_socket *s)
{
	*s = (struct qsp_agent_socket){ .fd = -1 };
	if (path && strlen(path) >= sizeof(s->path)) {
		fprintf(stderr, "qssh-agent: the path of the socket is too long\n");
		return false;
	}
	if (path)
		memcpy(s->path, path, strlen(path) + 1);
	if ((path || make_dir(s)) && bind_at(s))
		return true;
	if (s->dir[0])
		rmdir(s->dir);
	return false;
}

void
qsp_agent_socket_remove(const struct qsp_agent_socket *s)
{
	unlink(s->path);
	if (s->dir[0])
		rmdir(s->dir);
}
