/* SPDX-License-Identifier: ISC */
/*
 * Terminals of sessions: opened here, as root, so that they are given to the user as sshd gives them, and
 * written into the records of logins. Each session has a socket for this; when that closes, however the
 * session ended, its records end. A session that asks for anything else is not heard.
 *
 * Should this process be killed, the next one finds the records of sessions that still run, and those
 * that nobody has ended.
 */
#include "cmd/qsshd/auth.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/log.h"
#include "sys/loginrec.h"
#include "sys/spawn.h"

#define TTYS_MAX 1000 /* of a session; MaxSessions has no more */
#define MESSAGES 16   /* of a session, a turn: others wait behind it */

struct tty {
	struct tty *next;
	char name[QSP_SPAWN_TTY_MAX];
	pid_t pid; /* that the record names; 0: there is none yet */
};

struct desk {
	struct qsp_auth_watch watch;
	uid_t uid;
	gid_t gid;
	char user[QSP_USER_MAX + 1], address[QSP_RPC_ADDRESS_MAX];
	struct tty *ttys;
	size_t n;
};

static void
end_tty(struct desk *d, struct tty **p)
{
	struct tty *t = *p;

	if (t->pid > 0)
		qsp_loginrec_end(t->name, t->pid);
	*p = t->next;
	d->n--;
	free(t);
}

static void
end_desk(struct qsp_auth_watch *w)
{
	struct desk *d = (struct desk *)(void *)w;

	while (d->ttys != NULL)
		end_tty(d, &d->ttys);
	close(w->fd);
	free(d);
}

static struct tty **
tty_by_name(struct desk *d, struct qsp_bytes name)
{
	struct tty **p = &d->ttys;

	while (*p != NULL && !qsp_bytes_is(name, (*p)->name))
		p = &(*p)->next;
	return p;
}

/* The user's, and group tty may write to it [tty(4)]; without such a group everybody may, as ever. */
static bool
give(const struct desk *d, int slave)
{
	const struct group *g = getgrnam("tty");

	return fchown(slave, d->uid, g ? g->gr_gid : d->gid) == 0 &&
	       fchmod(slave, g ? 0620 : 0622) == 0;
}

static struct tty *
open_tty(struct desk *d, int fd[2])
{
	struct tty *t = d->n < TTYS_MAX ? calloc(1, sizeof(*t)) : NULL;

	if (t == NULL || qsp_spawn_pty(&fd[0], &fd[1], t->name) != 0) {
		free(t);
		return NULL;
	}
	if (!give(d, fd[1])) {
		qsp_log(QSP_LOG_ERROR, "%s cannot be given to %s: %s", t->name, d->user,
			strerror(errno));
		close(fd[0]);
		close(fd[1]);
		free(t);
		return NULL;
	}
	t->next = d->ttys;
	d->ttys = t;
	d->n++;
	return t;
}

static void
on_open(struct desk *d)
{
	char host[QSP_LOGINREC_HOST_MAX] = "";
	struct qsp_rpc_tty m = { .ok = false };
	uint8_t buf[sizeof(host) + QSP_SPAWN_TTY_MAX + 32];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_TTY);
	int fd[2] = { -1, -1 };
	int64_t last = 0;
	const struct tty *t = open_tty(d, fd);

	if (t != NULL) {
		m.ok = true;
		m.name = qsp_bytes_str(t->name);
		if (qsp_loginrec_last(d->uid, &last, host)) {
			m.last = (uint64_t)last;
			m.last_host = qsp_bytes_str(host);
		}
	}
	qsp_rpc_put_tty(&w, &m);
	(void)!qsp_ipc_send(d->watch.fd, qsp_writer_bytes(&w), fd, m.ok ? 2 : 0);
	if (m.ok) {
		close(fd[0]);
		close(fd[1]);
	}
}

static void
on_used(struct desk *d, struct qsp_bytes body)
{
	struct qsp_reader r = qsp_reader_of(body);
	uint32_t pid = qsp_reader_u32(&r);
	struct tty *t = *tty_by_name(d, qsp_reader_rest(&r));

	if (qsp_reader_done(&r) || t == NULL || t->pid != 0 || pid == 0 || pid > INT32_MAX)
		return;
	t->pid = (pid_t)pid;
	qsp_loginrec_begin(&(struct qsp_loginrec){ .tty = t->name,
						   .user = d->user,
						   .host = d->address,
						   .uid = d->uid,
						   .pid = t->pid });
}

static bool
on_message(struct qsp_auth *a, struct qsp_auth_watch *w)
{
	static struct qsp_ipc_message m;
	struct desk *d = (struct desk *)(void *)w;
	struct tty **t;
	qsp_err e = 0;

	(void)a;
	for (int i = 0; i < MESSAGES && (e = qsp_ipc_recv(w->fd, &m)) == 0; i++) {
		struct qsp_bytes body = qsp_bytes(m.data + 1, m.n - 1);

		qsp_ipc_drop(&m);
		switch (m.data[0]) {
		case QSP_RPC_TTY: on_open(d); break;
		case QSP_RPC_TTY_USED: on_used(d, body); break;
		case QSP_RPC_TTY_GONE:
			t = tty_by_name(d, body);
			if (*t != NULL)
				end_tty(d, t);
			break;
		default: break;
		}
	}
	return e == 0 || e == QSP_E_ROOM;
}

int
qsp_auth_tty_desk(struct qsp_auth *a, const struct qsp_auth_grant *g)
{
	struct desk *d = a->is_root ? calloc(1, sizeof(*d)) : NULL;
	int fd[2];

	if (d == NULL)
		return -1;
	if (qsp_ipc_pair(fd)) {
		free(d);
		return -1;
	}
	d->watch = (struct qsp_auth_watch){ fd[0], on_message, end_desk };
	d->uid = g->user.uid;
	d->gid = g->user.gid;
	(void)snprintf(d->user, sizeof(d->user), "%s", g->user.name);
	(void)snprintf(d->address, sizeof(d->address), "%s", g->address);
	if (qsp_auth_watch(a, &d->watch))
		return fd[1];
	end_desk(&d->watch);
	close(fd[1]);
	return -1;
}

/* --- records of one who is gone ------------------------------------------------------------- */

#define ORPHANS_MAX 256

struct orphan {
	struct qsp_auth_watch watch; /* of a pidfd: readable at its end */
	char name[QSP_SPAWN_TTY_MAX];
	pid_t pid;
};

static bool
on_orphan(struct qsp_auth *a, struct qsp_auth_watch *w)
{
	(void)a;
	(void)w;
	return false;
}

static void
end_orphan(struct qsp_auth_watch *w)
{
	struct orphan *o = (struct orphan *)(void *)w;

	qsp_loginrec_end(o->name, o->pid);
	close(w->fd);
	free(o);
}

/* Whether a process of this number was started by a qsshd-session. */
static bool
is_ours(pid_t pid)
{
	char path[64], text[512], exe[512];
	ssize_t n;
	long parent = 0;
	const char *p;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	p = fgets(text, sizeof(text), f) != NULL ? strrchr(text, ')') : NULL;
	if (p != NULL && strlen(p) > 4)
		parent = strtol(p + 4, NULL, 10); /* ") S 123 ..." */
	fclose(f);
	(void)snprintf(path, sizeof(path), "/proc/%ld/exe", parent);
	n = parent > 0 ? readlink(path, exe, sizeof(exe) - 1) : -1;
	if (n <= 0)
		return false;
	exe[n] = 0;
	p = strrchr(exe, '/');
	return p != NULL && strncmp(p + 1, "qsshd-session", 13) == 0;
}

struct record {
	char name[QSP_SPAWN_TTY_MAX];
	pid_t pid;
};

struct records {
	size_t n;
	struct record v[ORPHANS_MAX];
};

static void
note(void *arg, const char *tty, pid_t pid)
{
	struct records *all = arg;
	struct record *r = &all->v[all->n];

	if (all->n < ORPHANS_MAX && pid > 0 &&
	    snprintf(r->name, sizeof(r->name), "%s", tty) < (int)sizeof(r->name)) {
		r->pid = pid;
		all->n++;
	}
}

static void
adopt(struct qsp_auth *a, const struct record *r)
{
	int fd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	struct orphan *o;
	struct stat st;

	if (fd < 0) {
		if (errno == ESRCH && stat(r->name, &st) != 0)
			qsp_loginrec_end(r->name,
					 r->pid); /* neither process nor terminal is there */
		return;
	}
	o = is_ours(r->pid) ? calloc(1, sizeof(*o)) : NULL;
	if (o == NULL) {
		close(fd);
		return;
	}
	o->watch = (struct qsp_auth_watch){ fd, on_orphan, end_orphan };
	o->pid = r->pid;
	memcpy(o->name, r->name, sizeof(o->name));
	if (!qsp_auth_watch(a, &o->watch)) {
		close(fd);
		free(o);
	}
}

void
qsp_auth_tty_adopt(struct qsp_auth *a)
{
	static struct records all;

	if (!a->is_root)
		return;
	qsp_loginrec_each(note, &all);
	for (size_t i = 0; i < all.n; i++)
		adopt(a, &all.v[i]);
}
