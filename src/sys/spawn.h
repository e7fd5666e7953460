/* SPDX-License-Identifier: ISC */
/*
 * Starting programs: our own, with the descriptors that they expect, and the user's, on a pty or
 * on pipes. A child has default signals, an empty mask and no descriptor that it was not given.
 */
#ifndef QSP_SYS_SPAWN_H
#define QSP_SYS_SPAWN_H

#include <qsp/base.h>

#include <sys/types.h>

#define QSP_SPAWN_FDS_MAX 8
#define QSP_SPAWN_TTY_MAX 64
#define QSP_SPAWN_FIRST_FD 3 /* where fds of a struct qsp_spawn begin in the child */

struct qsp_spawn {
	const char *path;
	char *const *argv;
	char *const *envp;
	int std[3]; /* what become 0, 1 and 2; -1: /dev/null */
	int fd[QSP_SPAWN_FDS_MAX];
	size_t n_fds;
	const char *dir; /* where to begin, or NULL; `fallback` where it cannot be entered */
	const char *fallback;
	bool own_session;          /* setsid */
	bool controlling;          /* std[0] becomes the terminal of the new session */
	int parent_signal;         /* sent to it when its parent dies (PR_SET_PDEATHSIG), or 0 */
	void (*before)(void *arg); /* or NULL: what the child does first, once it stands in dir */
	void *before_arg;
	int (*run)(void *arg); /* or NULL: what the child does in place of path; its exit status */
	void *arg;
};

/* The child's pid, or -1 with errno; a failed exec exits 127 (126 where not executable), saying so
 * on its stderr. */
pid_t qsp_spawn_start(const struct qsp_spawn *s);

/* A pty of the calling user: both ends closed on exec, the master non-blocking; the name of its
 * slave. QSP_E_IO. */
QSP_MUST_USE qsp_err qsp_spawn_pty(int *master, int *slave, char name[QSP_SPAWN_TTY_MAX]);

/* A pipe of which `ours` (0 or 1) is non-blocking, as large as the system lets it be. */
QSP_MUST_USE qsp_err qsp_spawn_pipe(int fd[2], int ours);

/* Sets every signal to its default (but PIPE to be ignored), and unblocks all. */
void qsp_spawn_own_signals(void);

/* The path of our program `name`: beside this one, or in the folder of helpers. QSP_E_NOTFOUND. */
QSP_MUST_USE qsp_err qsp_spawn_find(const char *name, char *out, size_t cap);

/* As many descriptors as the system lets this process have; that number. Children get what it had
 * before: programs that use select(2) break with more. */
unsigned qsp_spawn_more_descriptors(void);

#endif
