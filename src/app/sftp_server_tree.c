/* SPDX-License-Identifier: ISC */
/* Requests on names. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/sftp_server_impl.h"
#include "base/text.h"
#include "sys/log.h"

#define NAMES_MAX 128          /* of one reply of READDIR */
#define NAMES_BYTES_MAX 131072 /* the same */

static void
note(const struct qsp_sftp_request *r)
{
	char path[QSP_LOG_LINE_MAX / 3], target[QSP_LOG_LINE_MAX / 3];

	if (!qsp_log_is_on(QSP_LOG_INFO))
		return;
	qsp_text_printable(r->path, false, path, sizeof(path));
	qsp_text_printable(r->target, false, target, sizeof(target));
	qsp_log(QSP_LOG_INFO, "%s name \"%s\"%s%s%s", qsp_sftp_kind_name(r->kind), path,
		*target ? " \"" : "", target, *target ? "\"" : "");
}

void
qsp_sftp_server_on_stat(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			struct qsp_writer *w)
{
	struct qsp_sftp_path path = qsp_sftp_server_path(r->path);
	struct stat st;
	int rc = r->kind == QSP_SFTP_LSTAT ? lstat(path.s, &st) : stat(path.s, &st);

	(void)s;
	if (rc != 0)
		qsp_sftp_server_errno(w, r->id, errno);
	else
		qsp_sftp_server_attrs(w, r->id, &st);
}

void
qsp_sftp_server_on_setstat(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			   struct qsp_writer *w)
{
	struct qsp_sftp_path path = qsp_sftp_server_path(r->path);
	const struct qsp_sftp_attrs *a = &r->attrs;
	struct timespec t[2] = { { .tv_sec = a->atime }, { .tv_sec = a->mtime } };
	int how = r->kind == QSP_SFTP_LSETSTAT ? AT_SYMLINK_NOFOLLOW : 0, code = 0;

	(void)s;
	note(r);
	if ((a->has & QSP_SFTP_HAS_SIZE) && how)
		code = EINVAL;
	else if ((a->has & QSP_SFTP_HAS_SIZE) && a->size > INT64_MAX)
		code = EFBIG;
	else if ((a->has & QSP_SFTP_HAS_SIZE) && truncate(path.s, (off_t)a->size) != 0)
		code = errno;
	if ((a->has & QSP_SFTP_HAS_MODE) && fchmodat(AT_FDCWD, path.s, a->mode & 07777, how) != 0)
		code = errno;
	if ((a->has & QSP_SFTP_HAS_TIMES) && utimensat(AT_FDCWD, path.s, t, how) != 0)
		code = errno;
	if ((a->has & QSP_SFTP_HAS_OWNER) && fchownat(AT_FDCWD, path.s, a->uid, a->gid, how) != 0)
		code = errno;
	qsp_sftp_server_errno(w, r->id, code);
}

/* --- folders -------------------------------------------------------------------------------- */

void
qsp_sftp_server_on_opendir(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			   struct qsp_writer *w)
{
	struct qsp_sftp_path path = qsp_sftp_server_path(r->path);
	DIR *d = opendir(path.s);

	if (d == NULL) {
		qsp_sftp_server_errno(w, r->id, errno);
		return;
	}
	note(r);
	qsp_sftp_server_add(s, r, w, -1, d);
}

void
qsp_sftp_server_on_readdir(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			   struct qsp_writer *w)
{
	struct qsp_sftp_open *h = qsp_sftp_server_find(s, r->handle);
	char longname[1024];
	uint32_t count = 0;
	size_t start = w->n;
	const struct dirent *e;

	if (h == NULL || h->dir == NULL) {
		qsp_sftp_server_errno(w, r->id, EBADF);
		return;
	}
	(void)qsp_sftp_server_begin(w, QSP_SFTP_NAME, r->id);
	qsp_writer_u32(w, 0);
	while (count < NAMES_MAX && w->n - start < NAMES_BYTES_MAX &&
	       (e = readdir(h->dir)) != NULL) {
		struct qsp_sftp_attrs a;
		struct stat st;

		if (fstatat(dirfd(h->dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue; /* it is gone */
		a = qsp_sftp_server_of_stat(&st);
		qsp_sftp_server_longname(s, e->d_name, &st, longname, sizeof(longname));
		qsp_writer_vec32(w, qsp_bytes_str(e->d_name));
		qsp_writer_vec32(w, qsp_bytes_str(longname));
		qsp_sftp_put_attrs(w, &a);
		count++;
	}
	if (count == 0) {
		w->n = start;
		qsp_sftp_server_status(w, r->id, QSP_SFTP_EOF);
		return;
	}
	qsp_sftp_server_end(w, start);
	if (!w->failed)
		qsp_bytes_put32(w->p + start + 9, count);
}

void
qsp_sftp_server_on_mkdir(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			 struct qsp_writer *w)
{
	struct qsp_sftp_path path = qsp_sftp_server_path(r->path);
	mode_t mode = r->attrs.has & QSP_SFTP_HAS_MODE ? r->attrs.mode & 07777 : 0777;

	(void)s;
	note(r);
	qsp_sftp_server_errno(w, r->id, mkdir(path.s, mode) ? errno : 0);
}

void
qsp_sftp_server_on_remove(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			  struct qsp_writer *w)
{
	struct qsp_sftp_path path = qsp_sftp_server_path(r->path);
	int rc = r->kind == QSP_SFTP_RMDIR ? rmdir(path.s) : unlink(path.s);

	(void)s;
	note(r);
	qsp_sftp_server_errno(w, r->id, rc ? errno : 0);
}

/* --- names ---------------------------------------------------------------------------------- */

/* Without taking the place of another file. */
static int
rename_free(const char *from, const char *to)
{
	struct stat st;

	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	/* a file system that cannot promise it */
	if (lstat(from, &st) != 0)
		return errno;
	if (S_ISREG(st.st_mode)) {
		if (link(from, to) == 0)
			return unlink(from) ? errno : 0;
		if (errno != EOPNOTSUPP && errno != EPERM && errno != ENOSYS && errno != EXDEV)
			return errno;
	}
	if (lstat(to, &st) == 0)
		return EEXIST;
	return rename(from, to) ? errno : 0;
}

void
qsp_sftp_server_on_rename(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			  struct qsp_writer *w)
{
	struct qsp_sftp_path from = qsp_sftp_server_path(r->path);
	struct qsp_sftp_path to = qsp_sftp_server_path(r->target);
	int code;

	(void)s;
	note(r);
	if (r->kind == QSP_SFTP_POSIX_RENAME)
		code = rename(from.s, to.s) ? errno : 0;
	else
		code = rename_free(from.s, to.s);
	qsp_sftp_server_errno(w, r->id, code);
}

void
qsp_sftp_server_on_link(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			struct qsp_writer *w)
{
	struct qsp_sftp_path path = qsp_sftp_server_path(r->path);
	struct qsp_sftp_path target = qsp_sftp_server_path(r->target);
	int rc;

	(void)s;
	note(r);
	if (r->kind == QSP_SFTP_SYMLINK)
		rc = symlink(target.s, path.s); /* target: what the link says */
	else
		rc = link(path.s, target.s); /* target: the new name */
	qsp_sftp_server_errno(w, r->id, rc ? errno : 0);
}

void
qsp_sftp_server_on_readlink(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			    struct qsp_writer *w)
{
	struct qsp_sftp_path path = qsp_sftp_server_path(r->path);
	char target[QSP_SFTP_PATH_MAX];
	ssize_t n = readlink(path.s, target, sizeof(target) - 1);

	(void)s;
	if (n < 0) {
		qsp_sftp_server_errno(w, r->id, errno);
		return;
	}
	target[n] = 0;
	qsp_sftp_server_name(w, r->id, target);
}

/* As realpath, but the last name need not be there. */
static int
resolve(char path[static QSP_SFTP_PATH_MAX], char out[static QSP_SFTP_PATH_MAX])
{
	char folder[PATH_MAX];
	const char *last;
	char *slash;
	size_t n = strlen(path);
	int len;

	if (realpath(path, out) != NULL)
		return 0;
	while (n > 1 && path[n - 1] == '/')
		path[--n] = 0;
	slash = strrchr(path, '/');
	last = slash ? slash + 1 : path;
	if (errno != ENOENT || strcmp(last, ".") == 0 || strcmp(last, "..") == 0 || *last == 0)
		return errno;
	if (slash != NULL)
		*slash = 0;
	if (realpath(slash == NULL ? "." : *path ? path : "/", folder) == NULL)
		return errno;
	len = snprintf(out, QSP_SFTP_PATH_MAX, "%s/%s", folder[1] ? folder : "", last);
	return len < QSP_SFTP_PATH_MAX ? 0 : ENAMETOOLONG;
}

void
qsp_sftp_server_on_realpath(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			    struct qsp_writer *w)
{
	struct qsp_sftp_path path = qsp_sftp_server_path(r->path);
	char out[QSP_SFTP_PATH_MAX];
	int code = resolve(path.s, out);

	(void)s;
	if (code != 0)
		qsp_sftp_server_errno(w, r->id, code);
	else
		qsp_sftp_server_name(w, r->id, out);
}
