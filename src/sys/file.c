/* SPDX-License-Identifier: ISC */
/*
 * Files are opened first and judged by what is open, so that nobody can swap them in between; they
 * are written beside their place and renamed into it.
 */
#include "sys/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_FIRST 4096
#define LOCK_TRIES 100
#define LOCK_PAUSE_US 50000

/* Of the system's <sys/file.h>, which our sys/file.h hides. */
extern int flock(int fd, int operation);

static qsp_err fail(struct qsp_file_error *err, qsp_err e, int code, const char *path,
		    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Fills err, and is e. */
static qsp_err
fail(struct qsp_file_error *err, qsp_err e, int code, const char *path, const char *format, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	err->code = code;
	snprintf(err->text, sizeof(err->text), "%.*s: %s",
		 (int)(sizeof(err->text) - sizeof(why) - 2), path, why);
	return e;
}

static qsp_err
fail_errno(struct qsp_file_error *err, const char *path)
{
	int code = errno;

	return fail(err, code == ENOENT || code == ENOTDIR ? QSP_E_NOTFOUND : QSP_E_IO, code, path,
		    "%s", strerror(code));
}

static void
close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* --- reading --------------------------------------------------------------------------- */

void
qsp_file_data_free(struct qsp_file_data *d)
{
	if (!d)
		return;
	qsp_mem_wipe_free(d->p, d->p ? d->n + 1 : 0);
	d->p = NULL;
	d->n = 0;
}

/* A copy of d in cap bytes; d is wiped. False where there is no memory. */
static bool
grow(struct qsp_file_data *d, size_t cap)
{
	uint8_t *p = qsp_mem_alloc(cap);

	if (!p)
		return false;
	if (d->n > 0)
		memcpy(p, d->p, d->n);
	qsp_mem_wipe_free(d->p, d->n);
	d->p = p;
	return true;
}

qsp_err
qsp_file_read_fd(int fd, const char *name, size_t max, struct qsp_file_data *out,
		 struct qsp_file_error *err)
{
	struct qsp_file_data d = { NULL, 0 };
	size_t cap = 0;
	qsp_err e = QSP_OK;

	*out = d;
	for (;;) {
		ssize_t got;

		/* one byte more than max shows that there is more, and is the NUL's room */
		if (d.n == cap) {
			cap = cap == 0 ? READ_FIRST : 2 * cap;
			if (cap > max + 1)
				cap = max + 1;
			if (d.n == cap) {
				e = fail(err, QSP_E_ROOM, EFBIG, name, "larger than %zu bytes",
					 max);
				break;
			}
			if (!grow(&d, cap)) {
				e = fail(err, QSP_E_NOMEM, ENOMEM, name, "out of memory");
				break;
			}
		}
		got = read(fd, d.p + d.n, cap - d.n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			e = fail_errno(err, name);
		if (got <= 0)
			break;
		d.n += (size_t)got;
	}
	if (e == QSP_OK && !grow(&d, d.n + 1))
		e = fail(err, QSP_E_NOMEM, ENOMEM, name, "out of memory");
	if (e) {
		qsp_mem_wipe_free(d.p, d.n);
		return e;
	}
	*out = d;
	return QSP_OK;
}

qsp_err
qsp_file_read(const char *path, size_t max, struct qsp_file_data *out, struct qsp_file_facts *facts,
	      struct qsp_file_error *err)
{
	/* not blocking: a fifo in the file's place must not hold us */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	qsp_err e;

	out->p = NULL;
	out->n = 0;
	if (fd < 0 || fstat(fd, &st) != 0)
		e = fail_errno(err, path);
	else if (!S_ISREG(st.st_mode))
		e = fail(err, QSP_E_IO, S_ISDIR(st.st_mode) ? EISDIR : 0, path,
			 S_ISDIR(st.st_mode) ? "is a folder" : "is not a regular file");
	else
		e = qsp_file_read_fd(fd, path, max, out, err);
	if (e == QSP_OK && facts)
		*facts = (struct qsp_file_facts){ st.st_uid, st.st_gid, st.st_mode };
	close_fd(fd);
	return e;
}

/* --- whose it is ----------------------------------------------------------------------- */

bool
qsp_file_is_private(const struct qsp_file_facts *facts)
{
	return (facts->mode & (S_IRWXG | S_IRWXO)) == 0;
}

static qsp_err
check_owner(const char *path, uid_t owner, mode_t mode, uid_t uid, struct qsp_file_error *err)
{
	if (owner != uid && owner != 0)
		return fail(err, QSP_E_POLICY, 0, path, "belongs to user %u, not to %u or root",
			    (unsigned)owner, (unsigned)uid);
	if (mode & (S_IWGRP | S_IWOTH))
		return fail(err, QSP_E_POLICY, 0, path, "can be written by %s (mode %03o)",
			    mode & S_IWOTH ? "others" : "its group", (unsigned)(mode & 0777));
	return QSP_OK;
}

qsp_err
qsp_file_strict(const char *path, const struct qsp_file_facts *facts, const char *home, uid_t uid,
		struct qsp_file_error *err)
{
	char *real = realpath(path, NULL), *real_home = home ? realpath(home, NULL) : NULL;
	struct stat st;
	qsp_err e;

	if (!real) {
		e = fail_errno(err, path);
		goto out;
	}
	if ((e = check_owner(real, facts->uid, facts->mode, uid, err)) != 0)
		goto out;
	for (;;) {
		const char *dir = dirname(real); /* cuts real */

		if (stat(dir, &st) != 0) {
			e = fail_errno(err, dir);
			goto out;
		}
		if ((e = check_owner(dir, st.st_uid, st.st_mode, uid, err)) != 0)
			goto out;
		if ((real_home && strcmp(dir, real_home) == 0) || strcmp(dir, "/") == 0 ||
		    strcmp(dir, ".") == 0)
			break;
	}
out:
	free(real);
	free(real_home);
	return e == QSP_E_NOTFOUND ? QSP_E_IO : e;
}

/* --- writing --------------------------------------------------------------------------- */

/* All of data with this mode, on the disk. */
static qsp_err
write_all(int fd, const char *path, struct qsp_bytes data, mode_t mode, struct qsp_file_error *err)
{
	if (fchmod(fd, mode) != 0)
		return fail_errno(err, path);
	while (data.n > 0) {
		ssize_t put = write(fd, data.p, data.n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return fail_errno(err, path);
		data = qsp_bytes_from(data, (size_t)put);
	}
	return fsync(fd) == 0 ? QSP_OK : fail_errno(err, path);
}

/* Makes a new name in the folder of path last. A file system that cannot does no harm. */
static void
sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0)
		(void)fsync(fd);
	close_fd(fd);
	free(copy);
}

qsp_err
qsp_file_create(const char *path, struct qsp_bytes data, mode_t mode, struct qsp_file_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	qsp_err e;

	if (fd < 0) {
		e = fail_errno(err, path);
		return e == QSP_E_NOTFOUND ? QSP_E_IO : e;
	}
	e = write_all(fd, path, data, mode, err);
	if (close(fd) != 0 && e == QSP_OK)
		e = fail_errno(err, path);
	if (e)
		unlink(path);
	else
		sync_folder(path);
	return e;
}

/* Root writes for somebody else: the file stays theirs. */
static qsp_err
keep_owner(int fd, const char *path, struct qsp_file_error *err)
{
	struct stat st;

	if (geteuid() != 0 || stat(path, &st) != 0 || st.st_uid == 0)
		return QSP_OK;
	return fchown(fd, st.st_uid, st.st_gid) == 0 ? QSP_OK : fail_errno(err, path);
}

static qsp_err
replace(const char *path, struct qsp_bytes data, mode_t mode, struct qsp_file_error *err)
{
	char *temp = NULL;
	int fd = -1;
	qsp_err e;

	if (asprintf(&temp, "%s.XXXXXXXX", path) < 0)
		return fail(err, QSP_E_NOMEM, ENOMEM, path, "out of memory");
	if ((fd = mkostemp(temp, O_CLOEXEC)) < 0) {
		e = fail_errno(err, path);
		goto out;
	}
	if ((e = keep_owner(fd, path, err)) == 0)
		e = write_all(fd, path, data, mode, err);
	if (close(fd) != 0 && e == QSP_OK)
		e = fail_errno(err, path);
	if (e == QSP_OK && rename(temp, path) != 0)
		e = fail_errno(err, path);
	if (e)
		unlink(temp);
	else
		sync_folder(path);
out:
	free(temp);
	return e == QSP_E_NOTFOUND ? QSP_E_IO : e;
}

qsp_err
qsp_file_replace(const char *path, struct qsp_bytes data, mode_t mode, struct qsp_file_error *err)
{
	struct stat st;
	char *real = NULL;
	qsp_err e;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && (real = realpath(path, NULL)) == NULL)
		return fail_errno(err, path);
	e = replace(real ? real : path, data, mode, err);
	free(real);
	return e;
}

int
qsp_file_lock(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	free(copy);
	for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		if (i == LOCK_TRIES || (errno != EWOULDBLOCK && errno != EINTR)) {
			close(fd);
			return -1;
		}
		(void)usleep(LOCK_PAUSE_US);
	}
	return fd;
}

/* --- folders --------------------------------------------------------------------------- */

qsp_err
qsp_file_make_dir(const char *path, mode_t mode, struct qsp_file_error *err)
{
	struct stat st;
	qsp_err e;

	if (mkdir(path, mode) == 0)
		return QSP_OK;
	if (errno == EEXIST && stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? QSP_OK
					   : fail(err, QSP_E_IO, ENOTDIR, path, "is not a folder");
	e = fail_errno(err, path);
	return e == QSP_E_NOTFOUND ? QSP_E_IO : e;
}

qsp_err
qsp_file_home(char *out, size_t cap)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;

	if (!home || *home != '/') {
		pw = getpwuid(geteuid());
		home = pw ? pw->pw_dir : NULL;
	}
	if (!home)
		return QSP_E_NOTFOUND;
	if (strlen(home) >= cap)
		return QSP_E_ROOM;
	memcpy(out, home, strlen(home) + 1);
	return QSP_OK;
}
