/* SPDX-License-Identifier: ISC */
/* Requests on open files. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/sftp_server_impl.h"
#include "base/text.h"
#include "sys/log.h"

#define BAD_HANDLE EBADF
#define COPY_SIZE (1 << 18)

struct qsp_sftp_attrs
qsp_sftp_server_of_stat(const struct stat *st)
{
	return (struct qsp_sftp_attrs){
		.has = QSP_SFTP_HAS_SIZE | QSP_SFTP_HAS_OWNER | QSP_SFTP_HAS_MODE |
		       QSP_SFTP_HAS_TIMES,
		.size = (uint64_t)st->st_size,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mode = st->st_mode,
		.atime = (uint32_t)st->st_atime,
		.mtime = (uint32_t)st->st_mtime,
	};
}

static int
open_flags(uint32_t f)
{
	bool in = f & QSP_SFTP_F_READ, out = f & QSP_SFTP_F_WRITE;
	int flags = in && out ? O_RDWR : out ? O_WRONLY : O_RDONLY;

	if (f & QSP_SFTP_F_APPEND)
		flags |= O_APPEND;
	if (f & QSP_SFTP_F_CREATE)
		flags |= O_CREAT;
	if (f & QSP_SFTP_F_TRUNCATE)
		flags |= O_TRUNC;
	if (f & QSP_SFTP_F_EXCLUSIVE)
		flags |= O_EXCL;
	return flags | O_CLOEXEC | O_NOCTTY;
}

/* A pipe, whose other end nobody may ever open, must not hold the session up; no more must its reads. */
static int
open_at_once(const char *path, int flags, mode_t mode)
{
	int fd = open(path, flags | O_NONBLOCK, mode);

	if (fd < 0 && errno == EWOULDBLOCK)
		fd = open(path, flags, mode); /* a file with a lease on it, which ends */
	return fd;
}

void
qsp_sftp_server_on_open(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			struct qsp_writer *w)
{
	struct qsp_sftp_path path = qsp_sftp_server_path(r->path);
	mode_t mode = r->attrs.has & QSP_SFTP_HAS_MODE ? r->attrs.mode & 07777 : 0666;
	bool writes = (r->flags & ~(uint32_t)QSP_SFTP_F_READ) != 0;
	int fd;

	if (s->o->read_only && writes) {
		qsp_sftp_server_status(w, r->id, QSP_SFTP_PERMISSION_DENIED);
		return;
	}
	fd = open_at_once(path.s, open_flags(r->flags), mode);
	if (fd < 0) {
		qsp_sftp_server_errno(w, r->id, errno);
		return;
	}
	if (qsp_log_is_on(QSP_LOG_INFO)) {
		char name[QSP_LOG_LINE_MAX];

		qsp_text_printable(r->path, false, name, sizeof(name));
		qsp_log(QSP_LOG_INFO, "open \"%s\" flags %s mode 0%o", name,
			writes ? "WRITE" : "READ", (unsigned)mode);
	}
	qsp_sftp_server_add(s, r, w, fd, NULL);
}

void
qsp_sftp_server_on_close(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			 struct qsp_writer *w)
{
	struct qsp_sftp_open *h = qsp_sftp_server_find(s, r->handle);

	qsp_sftp_server_errno(w, r->id, h ? qsp_sftp_server_close(s, h) : BAD_HANDLE);
}

/* The bytes go from the file into the reply, where they stay. */
void
qsp_sftp_server_on_read(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			struct qsp_writer *w)
{
	struct qsp_sftp_open *h = qsp_sftp_server_file(s, r->handle);
	size_t want = r->length < QSP_SFTP_DATA_MAX ? (size_t)r->length : QSP_SFTP_DATA_MAX;
	size_t before = w->n, start;
	uint8_t *room;
	ssize_t n = -1;

	if (h == NULL) {
		qsp_sftp_server_errno(w, r->id, BAD_HANDLE);
		return;
	}
	start = qsp_sftp_server_begin(w, QSP_SFTP_DATA, r->id);
	qsp_writer_u32(w, 0);
	room = qsp_writer_room(w, want);
	if (room == NULL)
		return;
	errno = EINVAL;
	if (r->offset <= INT64_MAX)
		n = pread(h->fd, room, want, (off_t)r->offset);
	if (n > 0) {
		w->n -= want - (size_t)n;
		qsp_bytes_put32(room - 4, (uint32_t)n);
		qsp_sftp_server_end(w, start);
		h->bytes_read += (uint64_t)n;
		return;
	}
	w->n = before;
	if (n == 0)
		qsp_sftp_server_status(w, r->id, QSP_SFTP_EOF);
	else
		qsp_sftp_server_errno(w, r->id, errno);
}

/* 0 or an errno. */
static int
write_all(const struct qsp_sftp_open *h, struct qsp_bytes data, uint64_t offset)
{
	while (data.n > 0) {
		ssize_t n = h->append ? write(h->fd, data.p, data.n)
				      : pwrite(h->fd, data.p, data.n, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		data = qsp_bytes_from(data, (size_t)n);
		offset += (uint64_t)n;
	}
	return 0;
}

void
qsp_sftp_server_on_write(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			 struct qsp_writer *w)
{
	struct qsp_sftp_open *h = qsp_sftp_server_file(s, r->handle);
	int code = BAD_HANDLE;

	if (h != NULL && r->offset > INT64_MAX - r->data.n)
		code = EFBIG;
	else if (h != NULL)
		code = write_all(h, r->data, r->offset);
	if (code == 0)
		h->bytes_written += r->data.n;
	qsp_sftp_server_errno(w, r->id, code);
}

void
qsp_sftp_server_on_fstat(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			 struct qsp_writer *w)
{
	struct qsp_sftp_open *h = qsp_sftp_server_find(s, r->handle);
	struct stat st;

	if (h == NULL)
		qsp_sftp_server_errno(w, r->id, BAD_HANDLE);
	else if (fstat(h->dir ? dirfd(h->dir) : h->fd, &st) != 0)
		qsp_sftp_server_errno(w, r->id, errno);
	else
		qsp_sftp_server_attrs(w, r->id, &st);
}

static int
set_of_fd(int fd, const struct qsp_sftp_attrs *a)
{
	struct timespec t[2] = { { .tv_sec = a->atime }, { .tv_sec = a->mtime } };
	int code = 0;

	if (a->has & QSP_SFTP_HAS_SIZE)
		code = a->size > INT64_MAX ? EFBIG : ftruncate(fd, (off_t)a->size) ? errno : 0;
	if ((a->has & QSP_SFTP_HAS_MODE) && fchmod(fd, a->mode & 07777) != 0)
		code = errno;
	if ((a->has & QSP_SFTP_HAS_TIMES) && futimens(fd, t) != 0)
		code = errno;
	if ((a->has & QSP_SFTP_HAS_OWNER) && fchown(fd, a->uid, a->gid) != 0)
		code = errno;
	return code;
}

void
qsp_sftp_server_on_fsetstat(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			    struct qsp_writer *w)
{
	struct qsp_sftp_open *h = qsp_sftp_server_find(s, r->handle);
	int code = BAD_HANDLE;

	if (h != NULL)
		code = set_of_fd(h->dir ? dirfd(h->dir) : h->fd, &r->attrs);
	qsp_sftp_server_errno(w, r->id, code);
}

void
qsp_sftp_server_on_fsync(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			 struct qsp_writer *w)
{
	struct qsp_sftp_open *h = qsp_sftp_server_file(s, r->handle);

	qsp_sftp_server_errno(w, r->id, h == NULL ? BAD_HANDLE : fsync(h->fd) ? errno : 0);
}

/* One piece by way of memory, for file systems between which the kernel does not copy. */
static ssize_t
copy_piece(int from, off_t *in, int to, off_t *out, size_t want)
{
	static uint8_t buf[COPY_SIZE];
	ssize_t n = pread(from, buf, want, *in), m;

	if (n <= 0)
		return n;
	m = pwrite(to, buf, (size_t)n, *out);
	if (m > 0) {
		*in += m;
		*out += m;
	}
	return m;
}

/* 0 or an errno; length 0 stands for all. */
static int
copy(int from, uint64_t in_at, int to, uint64_t out_at, uint64_t length)
{
	off_t in = (off_t)in_at, out = (off_t)out_at;
	uint64_t left = length ? length : UINT64_MAX;

	while (left > 0) {
		size_t want = left < COPY_SIZE ? (size_t)left : COPY_SIZE;
		ssize_t n = copy_file_range(from, &in, to, &out, want, 0);

		if (n < 0 &&
		    (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
			n = copy_piece(from, &in, to, &out, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n == 0)
			return length ? EIO : 0;
		left -= (uint64_t)n;
	}
	return 0;
}

/* Two handles of one file, of which a copy would read what it writes, or never come to an end. */
static bool
overlap(const struct qsp_sftp_open *from, const struct qsp_sftp_open *to,
	const struct qsp_sftp_request *r)
{
	uint64_t apart = r->offset < r->offset2 ? r->offset2 - r->offset : r->offset - r->offset2;
	struct stat a, b;

	if (fstat(from->fd, &a) != 0 || fstat(to->fd, &b) != 0)
		return true;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
	       (r->length == 0 || apart < r->length);
}

void
qsp_sftp_server_on_copy(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			struct qsp_writer *w)
{
	struct qsp_sftp_open *from = qsp_sftp_server_file(s, r->handle);
	struct qsp_sftp_open *to = qsp_sftp_server_file(s, r->handle2);
	int code;

	if (from == NULL || to == NULL)
		code = BAD_HANDLE;
	else if (r->offset > INT64_MAX || r->offset2 > INT64_MAX || r->length > INT64_MAX)
		code = EINVAL;
	else if (overlap(from, to, r))
		code = EINVAL;
	else
		code = copy(from->fd, r->offset, to->fd, r->offset2, r->length);
	qsp_sftp_server_errno(w, r->id, code);
}

/* Where data begins at or behind offset, and where it ends; EOF where none does. */
void
qsp_sftp_server_on_seek(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			struct qsp_writer *w)
{
	struct qsp_sftp_open *h = qsp_sftp_server_file(s, r->handle);
	off_t data = -1, hole = -1;
	size_t start;

	errno = h ? EINVAL : BAD_HANDLE;
	if (h != NULL && r->offset <= INT64_MAX)
		data = lseek(h->fd, (off_t)r->offset, SEEK_DATA);
	if (data >= 0)
		hole = lseek(h->fd, data, SEEK_HOLE);
	if (hole < 0) {
		if (errno == ENXIO)
			qsp_sftp_server_status(w, r->id, QSP_SFTP_EOF);
		else
			qsp_sftp_server_errno(w, r->id, errno);
		return;
	}
	start = qsp_sftp_server_begin(w, QSP_SFTP_EXTENDED_REPLY, r->id);
	qsp_writer_u64(w, (uint64_t)data);
	qsp_writer_u64(w, (uint64_t)hole);
	qsp_sftp_server_end(w, start);
}
