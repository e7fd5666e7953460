/* SPDX-License-Identifier: ISC */
/*
 * Folders, depth first; files become jobs. Links are followed, as scp does. The names that a server tells
 * are checked before they become paths here: no name leads out of the folder that it is listed in.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/qscp/qscp.h"

#define AHEAD 3 /* READDIRs at a time */

/* --- folders over there or here ------------------------------------------------------------- */

static void
set_here(struct qsp_qscp *q, struct qsp_qscp_folder *f, uint32_t has)
{
	struct timespec t[2] = { { .tv_sec = f->attrs.atime }, { .tv_sec = f->attrs.mtime } };

	if ((has & QSP_SFTP_HAS_TIMES) && utimensat(AT_FDCWD, f->path, t, 0) != 0)
		qsp_qscp_say(q, NULL, f->path, strerror(errno));
	if ((has & QSP_SFTP_HAS_MODE) && chmod(f->path, f->attrs.mode & QSP_QSCP_MODES) != 0)
		qsp_qscp_say(q, NULL, f->path, strerror(errno));
}

struct late {
	struct qsp_qscp *q;
	struct qsp_qscp_conn *to;
	char *path;
};

static void
on_set(void *arg, const struct qsp_sftp_reply *r)
{
	struct late *l = arg;

	if (r == NULL || r->status != QSP_SFTP_OK)
		qsp_qscp_say_reply(l->q, l->to, l->path, r);
	free(l->path);
	free(l);
}

/* Its mode and times, now that nothing more is written into it. */
static void
settle(struct qsp_qscp *q, struct qsp_qscp_folder *f)
{
	struct qsp_sftp_request r = { .kind = QSP_SFTP_SETSTAT, .path = qsp_bytes_str(f->path) };
	uint32_t has = f->attrs.has & (QSP_SFTP_HAS_MODE | QSP_SFTP_HAS_TIMES);
	struct late *l;

	if (!q->opt.preserve) {
		if (!f->made || (f->attrs.mode & 0700) == 0700)
			return; /* the umask has had its say */
		f->attrs.mode &= 0777;
		has &= QSP_SFTP_HAS_MODE;
	}
	if (f->to == NULL) {
		set_here(q, f, has);
		return;
	}
	if (has == 0 || f->to->c.broken != NULL)
		return;
	r.attrs = f->attrs;
	r.attrs.has = has;
	r.attrs.mode &= QSP_QSCP_MODES;
	l = qsp_qscp_say_memory(malloc(sizeof(*l)));
	*l = (struct late){ q, f->to, qsp_qscp_say_memory(strdup(f->path)) };
	qsp_sftp_client_send(&f->to->c, &r, on_set, l);
}

void
qsp_qscp_walk_unref(struct qsp_qscp *q, struct qsp_qscp_folder *f)
{
	while (f != NULL && --f->refs == 0) {
		struct qsp_qscp_folder *parent = f->parent;

		settle(q, f);
		free(f->path);
		free(f);
		f = parent;
	}
}

/* Makes it, or finds it there. */
static bool
make(struct qsp_qscp *q, const struct qsp_qscp_copy *c, bool *made)
{
	mode_t mode = (c->attrs.has & QSP_SFTP_HAS_MODE ? c->attrs.mode & 0777 : 0777) | 0700;
	struct qsp_sftp_request r = { .kind = QSP_SFTP_MKDIR,
				      .path = qsp_bytes_str(c->dst),
				      .attrs = { .has = QSP_SFTP_HAS_MODE, .mode = mode } };
	struct qsp_qscp_answer a = { 0 }, b = { 0 };
	struct qsp_sftp_attrs there;
	bool found;
	int code = 0;

	*made = c->to == NULL ? mkdir(c->dst, mode) == 0 : qsp_qscp_call(q, c->to, &r, &a);
	if (!*made)
		code = errno;
	found = !*made && qsp_qscp_source_stat(q, c->to, c->dst, &there, &b);
	if (*made || (found && S_ISDIR(there.mode))) {
		qsp_qscp_call_free(&a);
		qsp_qscp_call_free(&b);
		return true;
	}
	if (found)
		qsp_qscp_say(q, c->to, c->dst, "is there, and is not a directory");
	else if (c->to != NULL)
		qsp_qscp_say_reply(q, c->to, c->dst, a.lost ? NULL : &a.r);
	else
		qsp_qscp_say(q, NULL, c->dst, strerror(code));
	qsp_qscp_call_free(&a);
	qsp_qscp_call_free(&b);
	return false;
}

/* --- what is in them ------------------------------------------------------------------------ */

/* One entry; attrs may say that it is a link, or nothing. */
static void
enter(struct qsp_qscp *q, const struct qsp_qscp_copy *in, const char *name,
      const struct qsp_sftp_attrs *known, int depth)
{
	char *src = qsp_qscp_place_join(in->src, name);
	char *dst = qsp_qscp_place_join(in->dst, name);
	struct qsp_qscp_copy c = { in->from, in->to, src, dst, { 0 }, in->folder, NULL };
	struct qsp_qscp_answer a = { 0 };

	if (known != NULL && (known->has & QSP_SFTP_HAS_MODE) && (known->has & QSP_SFTP_HAS_SIZE) &&
	    !S_ISLNK(known->mode)) {
		c.attrs = *known;
		qsp_qscp_walk(q, &c, depth);
	} else if (qsp_qscp_source_stat(q, in->from, src, &c.attrs, &a)) {
		qsp_qscp_walk(q, &c, depth);
	} else if (in->from != NULL) {
		qsp_qscp_say_reply(q, in->from, src, a.lost ? NULL : &a.r);
	} else {
		qsp_qscp_say(q, NULL, src, strerror(errno));
	}
	qsp_qscp_call_free(&a);
	free(src);
	free(dst);
}

static void
list_here(struct qsp_qscp *q, const struct qsp_qscp_copy *c, int depth)
{
	DIR *d = opendir(c->src);
	const struct dirent *e;

	if (d == NULL) {
		qsp_qscp_say(q, NULL, c->src, strerror(errno));
		return;
	}
	while ((errno = 0, e = readdir(d)) != NULL) {
		if (qsp_sftp_glob_safe(e->d_name))
			enter(q, c, e->d_name, NULL, depth);
	}
	if (errno != 0)
		qsp_qscp_say(q, NULL, c->src, strerror(errno));
	closedir(d);
}

typedef void entry_fn(void *arg, const char *name, const struct qsp_sftp_attrs *attrs);

/* The entries of one reply. False where the server has said what cannot be. */
static bool
take_names(struct qsp_qscp *q, struct qsp_qscp_conn *c, const char *path, struct qsp_sftp_reply *r,
	   entry_fn *fn, void *arg)
{
	struct qsp_sftp_name n;
	qsp_err e;

	while ((e = qsp_sftp_get_name(r, &n)) == 0) {
		char *name = qsp_qscp_say_memory(
			strndup(n.name.n > 0 ? (const char *)n.name.p : "", n.name.n));

		if (strlen(name) == n.name.n && qsp_sftp_glob_safe(name)) {
			fn(arg, name, &n.attrs);
		} else if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			char *full = qsp_qscp_place_join(path, "");

			qsp_qscp_say(q, c, full,
				     "the server lists a name that no file in a folder can have");
			free(full);
		}
		free(name);
	}
	if (e == QSP_E_INPUT)
		qsp_sftp_client_break(&c->c, "the server sent a malformed list of names");
	return e == QSP_E_NOTFOUND;
}

/* For patterns. */
static void
on_name(void *arg, const char *name, const struct qsp_sftp_attrs *attrs)
{
	(void)attrs;
	(void)qsp_sftp_names_add(arg, name);
}

/* All entries of a server's folder, some READDIRs ahead. */
static bool
list_there(struct qsp_qscp *q, struct qsp_qscp_conn *c, const char *path, entry_fn *fn, void *arg)
{
	struct qsp_sftp_request r = { .kind = QSP_SFTP_OPENDIR, .path = qsp_bytes_str(path) };
	struct qsp_qscp_answer a[AHEAD], first;
	bool ok = qsp_qscp_call(q, c, &r, &first), more = ok;
	size_t at = 0, waiting = 0;

	if (!ok && (first.lost || fn != on_name)) /* a pattern just does not fit there */
		qsp_qscp_say_reply(q, c, path, first.lost ? NULL : &first.r);
	r.handle = first.r.bytes;
	while (more || waiting > 0) {
		struct qsp_qscp_answer *next = &a[at % AHEAD];

		while (more && waiting < AHEAD) {
			r.kind = QSP_SFTP_READDIR;
			qsp_qscp_call_begin(c, &r, &a[(at + waiting++) % AHEAD]);
		}
		if (!qsp_qscp_call_end(q, next)) {
			if (more && (next->lost || next->r.status != QSP_SFTP_EOF)) {
				qsp_qscp_say_reply(q, c, path, next->lost ? NULL : &next->r);
				ok = false;
			}
			more = false;
		} else if (!take_names(q, c, path, &next->r, fn, arg)) {
			ok = more = false;
		}
		qsp_qscp_call_free(next);
		at++;
		waiting--;
	}
	if (first.r.bytes.n > 0 && c->c.broken == NULL)
		qsp_qscp_conn_close(c, first.r.bytes);
	qsp_qscp_call_free(&first);
	return ok;
}

struct entering {
	struct qsp_qscp *q;
	const struct qsp_qscp_copy *c;
	int depth;
};

static void
on_entry(void *arg, const char *name, const struct qsp_sftp_attrs *attrs)
{
	struct entering *e = arg;

	enter(e->q, e->c, name, attrs, e->depth);
}

bool
qsp_qscp_walk_names(struct qsp_qscp *q, struct qsp_qscp_conn *c, const char *path,
		    struct qsp_sftp_names *out)
{
	return list_there(q, c, path, on_name, out);
}

static void
walk_folder(struct qsp_qscp *q, const struct qsp_qscp_copy *c, int depth)
{
	struct qsp_qscp_folder *f;
	struct qsp_qscp_copy in = *c;
	struct entering e = { q, &in, depth + 1 };
	bool made;

	if (depth > QSP_QSCP_DEPTH_MAX) {
		qsp_qscp_say(q, c->from, c->src, "too many folders in folders, or a loop of links");
		return;
	}
	if (!make(q, c, &made))
		return;
	f = qsp_qscp_say_memory(calloc(1, sizeof(*f)));
	*f = (struct qsp_qscp_folder){ .parent = c->folder,
				       .refs = 1,
				       .to = c->to,
				       .path = qsp_qscp_say_memory(strdup(c->dst)),
				       .attrs = c->attrs,
				       .made = made };
	if (f->parent != NULL)
		f->parent->refs++;
	in.folder = f;
	if (c->from == NULL)
		list_here(q, &in, depth + 1);
	else
		(void)list_there(q, c->from, c->src, on_entry, &e);
	qsp_qscp_walk_unref(q, f);
}

void
qsp_qscp_walk(struct qsp_qscp *q, const struct qsp_qscp_copy *c, int depth)
{
	mode_t mode = c->attrs.has & QSP_SFTP_HAS_MODE ? c->attrs.mode : S_IFREG;

	if ((c->from && c->from->c.broken) || (c->to && c->to->c.broken))
		return; /* was said */
	if (S_ISDIR(mode) && q->opt.recurse)
		walk_folder(q, c, depth);
	else if (S_ISDIR(mode))
		qsp_qscp_say(q, c->from, c->src, "is a directory, which -r copies");
	else if (S_ISREG(mode) || (mode & S_IFMT) == 0)
		qsp_qscp_job_add(q, c);
	else
		qsp_qscp_say(q, c->from, c->src, "not a regular file");
}
