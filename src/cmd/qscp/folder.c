/* SPDX-License-Identifier: ISC */
/* Folders of the target: they are made, and get their modes and times when all that belongs in them is there. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/qscp/qscp.h"

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
settle(struct qsp_qscp_folder *f)
{
	struct qsp_qscp *q = f->q;
	struct qsp_sftp_request r = { .kind = QSP_SFTP_SETSTAT, .path = qsp_bytes_str(f->path) };
	uint32_t has = f->attrs.has & (QSP_SFTP_HAS_MODE | QSP_SFTP_HAS_TIMES);
	struct late *l;

	if (f->failed)
		return;
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
qsp_qscp_folder_unref(struct qsp_qscp_folder *f)
{
	while (f != NULL && --f->refs == 0) {
		struct qsp_qscp_folder *parent = f->parent;

		settle(f);
		free(f->path);
		free(f);
		f = parent;
	}
}

/* What it is made with: we must be able to write into it. */
static mode_t
mode_of(const struct qsp_sftp_attrs *a)
{
	return (a->has & QSP_SFTP_HAS_MODE ? a->mode & 0777 : 0777) | 0700;
}

/* Makes it, or finds it there. */
static bool
make(struct qsp_qscp *q, const struct qsp_qscp_copy *c, bool *made)
{
	mode_t mode = mode_of(&c->attrs);
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

static void
on_made(void *arg, const struct qsp_sftp_reply *r)
{
	struct qsp_qscp_folder *f = arg;

	f->failed = r == NULL || r->status != QSP_SFTP_OK;
	if (f->failed && !qsp_qscp_folder_explains(f->parent, r))
		qsp_qscp_say_reply(f->q, f->to, f->path, r);
	qsp_qscp_folder_unref(f);
}

/* In a new folder of a server nothing can be in its way: that is not waited for. */
static void
make_later(struct qsp_qscp_folder *f)
{
	struct qsp_sftp_request r = { .kind = QSP_SFTP_MKDIR,
				      .path = qsp_bytes_str(f->path),
				      .attrs = { .has = QSP_SFTP_HAS_MODE,
						 .mode = mode_of(&f->attrs) } };

	while (!qsp_sftp_client_room(&f->to->c) && f->to->c.broken == NULL)
		qsp_qscp_step(f->q);
	f->refs++;
	qsp_sftp_client_send(&f->to->c, &r, on_made, f);
}

bool
qsp_qscp_folder_explains(const struct qsp_qscp_folder *f, const struct qsp_sftp_reply *r)
{
	return f != NULL && f->failed && r != NULL && r->type == QSP_SFTP_STATUS &&
	       r->status == QSP_SFTP_NO_SUCH_FILE;
}

struct qsp_qscp_folder *
qsp_qscp_folder_new(struct qsp_qscp *q, const struct qsp_qscp_copy *c)
{
	bool later = c->to != NULL && c->folder != NULL && c->folder->made, made = later;
	struct qsp_qscp_folder *f;

	if (!later && !make(q, c, &made))
		return NULL;
	f = qsp_qscp_say_memory(calloc(1, sizeof(*f)));
	*f = (struct qsp_qscp_folder){ .q = q,
				       .parent = c->folder,
				       .refs = 1,
				       .to = c->to,
				       .path = qsp_qscp_say_memory(strdup(c->dst)),
				       .attrs = c->attrs,
				       .made = made };
	if (f->parent != NULL)
		f->parent->refs++;
	if (later)
		make_later(f);
	return f;
}
