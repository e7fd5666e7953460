/* SPDX-License-Identifier: ISC */
/*
 * Jobs: one file each. Many are open at once, so that small files do not wait for each other's answers;
 * the first in the list has the first claim on what may be in flight. Callbacks change a job, the
 * pump alone frees it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/qscp/qscp.h"

#define SPARSE_MIN (4u << 20) /* of a server's file: below this it is not worth a question */

void
qsp_qscp_job_fail(struct qsp_qscp_job *j, bool at_source, const struct qsp_sftp_reply *r,
		  const char *why)
{
	struct qsp_qscp_conn *at = at_source ? j->from : j->to;
	const char *path = at_source ? j->src : j->dst;

	if (j->failed)
		return;
	j->failed = true;
	if (!at_source && qsp_qscp_folder_explains(j->folder, r))
		return; /* that its folder could not be made was said */
	if (why != NULL)
		qsp_qscp_say(j->q, at, path, why);
	else
		qsp_qscp_say_reply(j->q, at, path, r);
}

static bool
is_good(struct qsp_qscp_job *j, bool at_source, const struct qsp_sftp_reply *r)
{
	j->ops--;
	if (r != NULL && (r->type != QSP_SFTP_STATUS || r->status == QSP_SFTP_OK))
		return true;
	if (r == NULL)
		j->lost = true;
	qsp_qscp_job_fail(j, at_source, r, NULL);
	return false;
}

/* --- the destination ------------------------------------------------------------------------ */

static void
on_out_stat(void *arg, const struct qsp_sftp_reply *r)
{
	struct qsp_qscp_job *j = arg;

	if (!is_good(j, false, r))
		return;
	/* holes are for regular files: what a device holds already would show through */
	if (!(r->attrs.has & QSP_SFTP_HAS_MODE) || !S_ISREG(r->attrs.mode))
		j->sparse_in = false;
	j->there = r->attrs.has & QSP_SFTP_HAS_SIZE ? r->attrs.size : 0;
	j->state = QSP_QSCP_COPYING;
}

static void
on_out_open(void *arg, const struct qsp_sftp_reply *r)
{
	struct qsp_qscp_job *j = arg;
	struct qsp_sftp_request stat = { .kind = QSP_SFTP_FSTAT };

	if (!is_good(j, false, r))
		return;
	memcpy(j->out_handle, r->bytes.p, r->bytes.n);
	j->out_len = r->bytes.n;
	j->sparse_in = j->sparse_in && !j->in_place;
	if (!j->sparse_in && !j->held) {
		j->state = QSP_QSCP_COPYING;
		return;
	}
	stat.handle = qsp_bytes(j->out_handle, j->out_len);
	j->ops++;
	qsp_sftp_client_send(&j->to->c, &stat, on_out_stat, j);
}

/*
 * What is there may be the source itself, by way of a shared folder, a link, or a server on this host: cut
 * off, it would be lost. A file of the same size and time is written in place, therefore.
 */
static bool
may_be_source(const struct qsp_qscp_job *j, const struct qsp_sftp_attrs *there)
{
	const uint32_t all = QSP_SFTP_HAS_SIZE | QSP_SFTP_HAS_MODE | QSP_SFTP_HAS_TIMES;

	return (j->attrs.has & there->has & all) == all && S_ISREG(there->mode) &&
	       there->size > 0 && there->size == j->attrs.size && there->mtime == j->attrs.mtime;
}

static void
open_out_here(struct qsp_qscp_job *j)
{
	mode_t mode = (j->attrs.has & QSP_SFTP_HAS_MODE ? j->attrs.mode & 0777 : 0666) | S_IWUSR;
	int flags = O_CREAT | O_CLOEXEC | O_NOCTTY | (j->q->opt.resume ? O_RDWR : O_WRONLY);
	struct qsp_sftp_attrs there;
	struct stat st;

	j->in_place = !j->q->opt.resume && qsp_qscp_source_stat(j->q, NULL, j->dst, &there, NULL) &&
		      may_be_source(j, &there);
	if (!j->q->opt.resume && !j->in_place)
		flags |= O_TRUNC;
	j->out = open(j->dst, flags, mode);
	if (j->out < 0) {
		qsp_qscp_job_fail(j, false, NULL, strerror(errno));
		return;
	}
	j->sparse_out = fstat(j->out, &st) == 0 && S_ISREG(st.st_mode);
	j->there = j->sparse_out ? (uint64_t)st.st_size : 0;
	j->sparse_out = j->sparse_out && !j->in_place;
	j->sparse_in = j->sparse_out && !j->unknown_end && j->from != NULL &&
		       j->from->c.has[QSP_SFTP_SEEK_DATA] && j->end >= SPARSE_MIN;
	j->state = QSP_QSCP_COPYING;
}

static void
send_open(struct qsp_qscp_job *j, uint32_t flags, qsp_sftp_client_fn *fn)
{
	struct qsp_sftp_request r = {
		.kind = QSP_SFTP_OPEN,
		.path = qsp_bytes_str(j->dst),
		.flags = QSP_SFTP_F_WRITE | QSP_SFTP_F_CREATE | flags,
		.attrs = { .has = QSP_SFTP_HAS_MODE,
			   .mode = j->attrs.has & QSP_SFTP_HAS_MODE ? j->attrs.mode & 0777 : 0666 },
	};

	j->ops++;
	qsp_sftp_client_send(&j->to->c, &r, fn, j);
}

/* It is no new file, and what it is is known. */
static void
open_old(struct qsp_qscp_job *j)
{
	if (j->looked && j->refused && !j->failed)
		send_open(j, j->in_place ? 0 : QSP_SFTP_F_TRUNCATE, on_out_open);
}

static void
on_looked(void *arg, const struct qsp_sftp_reply *r)
{
	struct qsp_qscp_job *j = arg;

	j->ops--;
	j->looked = true;
	j->in_place = r != NULL && r->type == QSP_SFTP_ATTRS && may_be_source(j, &r->attrs);
	open_old(j);
}

static void
on_out_new(void *arg, const struct qsp_sftp_reply *r)
{
	struct qsp_qscp_job *j = arg;

	if (r == NULL || r->type != QSP_SFTP_STATUS || r->status == QSP_SFTP_NO_SUCH_FILE) {
		j->in_place = false;
		on_out_open(j, r);
		return;
	}
	j->ops--;
	j->refused = true;
	open_old(j);
}

/* Where there may be a file already, it is looked at while it is asked for as a new one. */
static void
open_out(struct qsp_qscp_job *j)
{
	struct qsp_sftp_request r = { .kind = QSP_SFTP_STAT, .path = qsp_bytes_str(j->dst) };

	if (j->to == NULL) {
		open_out_here(j);
	} else if (j->q->opt.resume) {
		send_open(j, QSP_SFTP_F_READ, on_out_open);
	} else if (j->refused) {
		open_old(j);
	} else if (j->folder != NULL && j->folder->made) {
		send_open(j, QSP_SFTP_F_TRUNCATE, on_out_open);
	} else {
		j->ops++;
		qsp_sftp_client_send(&j->to->c, &r, on_looked, j);
		send_open(j, QSP_SFTP_F_EXCLUSIVE, on_out_new);
	}
}

/* --- the source ----------------------------------------------------------------------------- */

static void
on_in_open(void *arg, const struct qsp_sftp_reply *r)
{
	struct qsp_qscp_job *j = arg;

	if (!is_good(j, true, r))
		return;
	memcpy(j->in_handle, r->bytes.p, r->bytes.n);
	j->in_len = r->bytes.n;
	open_out(j);
}

static void
open_in_here(struct qsp_qscp_job *j)
{
	struct stat st;

	j->in = open(j->src, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (j->in < 0 || fstat(j->in, &st) != 0) {
		qsp_qscp_job_fail(j, true, NULL, strerror(errno));
		return;
	}
	if (!S_ISREG(st.st_mode)) {
		qsp_qscp_job_fail(j, true, NULL, "not a regular file");
		return;
	}
	j->end = j->attrs.size = (uint64_t)st.st_size;
	j->sparse_in = (uint64_t)st.st_blocks * 512 < j->end;
	open_out(j);
}

static void
start(struct qsp_qscp_job *j)
{
	struct qsp_sftp_request r = { .kind = QSP_SFTP_OPEN,
				      .path = qsp_bytes_str(j->src),
				      .flags = QSP_SFTP_F_READ };

	j->began = qsp_qscp_conn_now() / 1000;
	j->end = j->attrs.has & QSP_SFTP_HAS_SIZE ? j->attrs.size : 0;
	j->unknown_end = j->end == 0; /* as what is in /proc says */
	if (j->from == NULL) {
		open_in_here(j);
		return;
	}
	j->ops++;
	qsp_sftp_client_send(&j->from->c, &r, on_in_open, j);
}

/* --- the list ------------------------------------------------------------------------------- */

static size_t
jobs_max(const struct qsp_qscp *q, const struct qsp_qscp_conn *from, const struct qsp_qscp_conn *to)
{
	size_t n = q->jobs_max;

	if (from != NULL && from->jobs_max < n)
		n = from->jobs_max;
	return to != NULL && to->jobs_max < n ? to->jobs_max : n;
}

void
qsp_qscp_job_add(struct qsp_qscp *q, const struct qsp_qscp_copy *c)
{
	struct qsp_qscp_job *j;

	while (q->n_jobs >= jobs_max(q, c->from, c->to) ||
	       (c->from && !qsp_sftp_client_room(&c->from->c) && c->from->c.broken == NULL))
		qsp_qscp_step(q);
	j = qsp_qscp_say_memory(calloc(1, sizeof(*j)));
	j->q = q;
	j->from = c->from;
	j->to = c->to;
	j->src = qsp_qscp_say_memory(strdup(c->src));
	j->dst = qsp_qscp_say_memory(strdup(c->dst));
	j->attrs = c->attrs;
	j->in = j->out = -1;
	j->folder = c->folder;
	if (j->folder != NULL)
		j->folder->refs++;
	j->held = q->opt.resume;
	j->looked = j->refused = c->there != NULL;
	j->in_place = c->there != NULL && may_be_source(j, c->there);
	*q->last = j;
	q->last = &j->link;
	q->n_jobs++;
	start(j);
	if (j->failed)
		qsp_qscp_job_pump(q); /* it may wait for nothing that would wake us */
}

static bool
is_broken(const struct qsp_qscp_conn *c)
{
	return c != NULL && c->c.broken != NULL;
}

static void
finish(struct qsp_qscp_job *j)
{
	if (j->failed)
		qsp_qscp_move_drop(j);
	else
		qsp_qscp_say_meter(j->q, j, true);
	if (j->q->metered == j)
		j->q->metered = NULL;
	if (j->folder != NULL)
		qsp_qscp_folder_unref(j->folder);
	free(j->src);
	free(j->dst);
	free(j);
}

void
qsp_qscp_job_pump(struct qsp_qscp *q)
{
	struct qsp_qscp_job **p = &q->jobs;

	q->more = false;
	while (*p != NULL) {
		struct qsp_qscp_job *j = *p;

		if (is_broken(j->from) || is_broken(j->to))
			qsp_qscp_job_fail(j, is_broken(j->from), NULL, NULL);
		if (j->failed)
			j->held = false;
		if (j->held && j->state == QSP_QSCP_COPYING)
			qsp_qscp_resume(j);
		if (j->state == QSP_QSCP_COPYING && !j->held && !j->failed)
			qsp_qscp_move(j);
		if (j->ops > 0 || j->held || (!j->failed && j->state != QSP_QSCP_ENDING)) {
			p = &j->link;
			continue;
		}
		*p = j->link;
		if (q->last == &j->link)
			q->last = p;
		q->n_jobs--;
		finish(j);
	}
	if (q->jobs != NULL)
		qsp_qscp_say_meter(q, q->jobs, false);
}
