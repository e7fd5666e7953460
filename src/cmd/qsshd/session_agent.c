/* SPDX-License-Identifier: ISC */
/*
 * Agent forwarding: a socket in a folder of the user's own, whose connections become channels to the
 * client's agent. There is one for a login; programs of the channels that asked for it are told where
 * it is, and it goes when the login does.
 *
 * A process that is killed leaves its folder. While it lives it has a lock on it, so that the next login of this
 * user that makes one knows, with the user's rights and no others, which of them are nobody's.
 */
#include "cmd/qsshd/session_forward.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PLACE "/tmp"
#define FOLDER "qssh-XXXXXXXXXX" /* that of qssh-agent has a shorter name */
#define SOCKET "agent."
#define LOOKED_AT_MAX 65536

/* flock(2), whose header has the name of one of ours */
static bool
lock(int fd, int how)
{
	return syscall(SYS_flock, fd, how) == 0;
}

/* --- what others left ----------------------------------------------------------------------- */

/* The socket in there, of a process that is no more. */
static bool
find_orphan(int folder, char name[NAME_MAX + 1])
{
	int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *e;
	bool found = false;
	long pid;

	while (d != NULL && !found && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, SOCKET, strlen(SOCKET)) != 0)
			continue;
		pid = strtol(e->d_name + strlen(SOCKET), NULL, 10);
		found = pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
		memcpy(name, e->d_name, strlen(e->d_name) + 1);
	}
	if (d != NULL)
		closedir(d);
	else if (copy >= 0)
		close(copy);
	return found;
}

static void
sweep_one(int place, const char *name)
{
	int fd = openat(place, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char socket[NAME_MAX + 1];
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && lock(fd, LOCK_EX | LOCK_NB) &&
	    find_orphan(fd, socket) && fstatat(fd, socket, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISSOCK(st.st_mode) && unlinkat(fd, socket, 0) == 0)
		(void)unlinkat(place, name, AT_REMOVEDIR);
	close(fd);
}

static void
sweep(void)
{
	DIR *d = opendir(PLACE);
	const struct dirent *e;

	for (int i = 0; d != NULL && i < LOOKED_AT_MAX && (e = readdir(d)) != NULL; i++) {
		if (strlen(e->d_name) == strlen(FOLDER) &&
		    strncmp(e->d_name, FOLDER, strcspn(FOLDER, "X")) == 0)
			sweep_one(dirfd(d), e->d_name);
	}
	if (d != NULL)
		closedir(d);
}

/* --- ours ----------------------------------------------------------------------------------- */

/* Made with the user's rights, and so, as mkdtemp does, open to nobody else. */
static bool
listen_somewhere(struct qsp_session *s)
{
	char folder[] = PLACE "/" FOLDER, path[64];

	sweep();
	if (mkdtemp(folder) == NULL)
		return false;
	(void)snprintf(path, sizeof(path), "%s/" SOCKET "%ld", folder, (long)getpid());
	s->agent_lock = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	s->agent_folder = strdup(folder);
	s->agent_path = strdup(path);
	if (s->agent_folder != NULL && s->agent_path != NULL && s->agent_lock > 0 &&
	    lock(s->agent_lock, LOCK_EX) &&
	    qsp_session_listen_unix(s, QSP_RPC_FORWARD_AGENT, path, false))
		return true;
	(void)rmdir(folder);
	qsp_session_agent_end(s); /* all of it, or nothing */
	return false;
}

bool
qsp_session_agent_want(struct qsp_session *s, struct qsp_session_channel *ch)
{
	if (s->no_agent_forwarding || !s->config.allow_agent_forwarding ||
	    s->config.disable_forwarding || (s->agent_path == NULL && !listen_somewhere(s)))
		return false;
	ch->has_agent = true;
	return true;
}

void
qsp_session_agent_end(struct qsp_session *s)
{
	if (s->agent_folder != NULL)
		(void)rmdir(s->agent_folder);
	if (s->agent_lock > 0)
		close(s->agent_lock);
	s->agent_lock = 0;
	free(s->agent_folder);
	free(s->agent_path);
	s->agent_folder = s->agent_path = NULL;
}
