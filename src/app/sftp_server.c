/* SPDX-License-Identifier: ISC */
/*
 * The server's loop: what has come is answered in order, then the answers go out. It blocks in reading and
 * in writing, as a program on pipes may: a client that asks without end and never reads waits for itself.
 */
#include "app/sftp_server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <syslog.h>
#include <unistd.h>

#include "app/sftp_server_impl.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/log.h"

#define IN_SIZE (1 << 20)
#define OUT_SIZE (1 << 20)
#define OUT_FULL (QSP_SFTP_PACKET_MAX) /* with this much the answers go out */
#define FDS_SPARE 16                   /* descriptors that are no handles */

enum effect { READS, WRITES };

static const struct handler {
	qsp_sftp_server_fn *on;
	unsigned kind;
	enum effect effect;
} handlers[] = {
	{ qsp_sftp_server_on_open, QSP_SFTP_OPEN, READS }, /* looks at its flags itself */
	{ qsp_sftp_server_on_close, QSP_SFTP_CLOSE, READS },
	{ qsp_sftp_server_on_read, QSP_SFTP_READ, READS },
	{ qsp_sftp_server_on_write, QSP_SFTP_WRITE, WRITES },
	{ qsp_sftp_server_on_stat, QSP_SFTP_LSTAT, READS },
	{ qsp_sftp_server_on_fstat, QSP_SFTP_FSTAT, READS },
	{ qsp_sftp_server_on_setstat, QSP_SFTP_SETSTAT, WRITES },
	{ qsp_sftp_server_on_fsetstat, QSP_SFTP_FSETSTAT, WRITES },
	{ qsp_sftp_server_on_opendir, QSP_SFTP_OPENDIR, READS },
	{ qsp_sftp_server_on_readdir, QSP_SFTP_READDIR, READS },
	{ qsp_sftp_server_on_remove, QSP_SFTP_REMOVE, WRITES },
	{ qsp_sftp_server_on_mkdir, QSP_SFTP_MKDIR, WRITES },
	{ qsp_sftp_server_on_remove, QSP_SFTP_RMDIR, WRITES },
	{ qsp_sftp_server_on_realpath, QSP_SFTP_REALPATH, READS },
	{ qsp_sftp_server_on_stat, QSP_SFTP_STAT, READS },
	{ qsp_sftp_server_on_rename, QSP_SFTP_RENAME, WRITES },
	{ qsp_sftp_server_on_readlink, QSP_SFTP_READLINK, READS },
	{ qsp_sftp_server_on_link, QSP_SFTP_SYMLINK, WRITES },
	{ qsp_sftp_server_on_rename, QSP_SFTP_POSIX_RENAME, WRITES },
	{ qsp_sftp_server_on_statvfs, QSP_SFTP_STATVFS, READS },
	{ qsp_sftp_server_on_statvfs, QSP_SFTP_FSTATVFS, READS },
	{ qsp_sftp_server_on_link, QSP_SFTP_HARDLINK, WRITES },
	{ qsp_sftp_server_on_fsync, QSP_SFTP_FSYNC, READS },
	{ qsp_sftp_server_on_setstat, QSP_SFTP_LSETSTAT, WRITES },
	{ qsp_sftp_server_on_limits, QSP_SFTP_LIMITS, READS },
	{ qsp_sftp_server_on_expand, QSP_SFTP_EXPAND_PATH, READS },
	{ qsp_sftp_server_on_copy, QSP_SFTP_COPY_DATA, WRITES },
	{ qsp_sftp_server_on_names, QSP_SFTP_USERS_GROUPS, READS },
	{ qsp_sftp_server_on_seek, QSP_SFTP_SEEK_DATA, READS },
};
#define HANDLERS (sizeof(handlers) / sizeof(handlers[0]))

/* --- replies -------------------------------------------------------------------------------- */

size_t
qsp_sftp_server_begin(struct qsp_writer *w, uint8_t type, uint32_t id)
{
	size_t start = w->n;

	qsp_writer_u32(w, 0);
	qsp_writer_u8(w, type);
	qsp_writer_u32(w, id);
	return start;
}

void
qsp_sftp_server_end(struct qsp_writer *w, size_t start)
{
	if (!w->failed)
		qsp_bytes_put32(w->p + start, (uint32_t)(w->n - start - 4));
}

static void
put_status(struct qsp_writer *w, uint32_t id, uint32_t status, const char *text)
{
	size_t start = qsp_sftp_server_begin(w, QSP_SFTP_STATUS, id);

	qsp_writer_u32(w, status);
	qsp_writer_vec32(w, qsp_bytes_str(text));
	qsp_writer_vec32(w, QSP_BYTES_NONE);
	qsp_sftp_server_end(w, start);
}

void
qsp_sftp_server_status(struct qsp_writer *w, uint32_t id, uint32_t status)
{
	put_status(w, id, status, qsp_sftp_status_text(status));
}

void
qsp_sftp_server_errno(struct qsp_writer *w, uint32_t id, int code)
{
	uint32_t status = qsp_sftp_status_of(code);

	put_status(w, id, status,
		   status == QSP_SFTP_FAILURE ? strerror(code) : qsp_sftp_status_text(status));
}

void
qsp_sftp_server_attrs(struct qsp_writer *w, uint32_t id, const struct stat *st)
{
	struct qsp_sftp_attrs a = qsp_sftp_server_of_stat(st);
	size_t start = qsp_sftp_server_begin(w, QSP_SFTP_ATTRS, id);

	qsp_sftp_put_attrs(w, &a);
	qsp_sftp_server_end(w, start);
}

void
qsp_sftp_server_name(struct qsp_writer *w, uint32_t id, const char *name)
{
	size_t start = qsp_sftp_server_begin(w, QSP_SFTP_NAME, id);

	qsp_writer_u32(w, 1);
	qsp_writer_vec32(w, qsp_bytes_str(name));
	qsp_writer_vec32(w, qsp_bytes_str(name));
	qsp_writer_u32(w, 0); /* no attributes */
	qsp_sftp_server_end(w, start);
}

struct qsp_sftp_path
qsp_sftp_server_path(struct qsp_bytes b)
{
	struct qsp_sftp_path p;

	memcpy(p.s, b.n > 0 ? b.p : (const uint8_t *)".", b.n > 0 ? b.n : 1);
	p.s[b.n > 0 ? b.n : 1] = 0;
	return p;
}

char *
qsp_sftp_server_printable(struct qsp_bytes b)
{
	size_t cap = 4 * b.n + 1;
	char *out = malloc(cap);

	if (out != NULL)
		qsp_text_printable(b, false, out, cap);
	return out;
}

/* --- handles -------------------------------------------------------------------------------- */

struct qsp_sftp_open *
qsp_sftp_server_find(struct qsp_sftp_server *s, struct qsp_bytes handle)
{
	struct qsp_sftp_open *h;
	uint32_t i;

	if (handle.n != 8)
		return NULL;
	i = qsp_bytes_get32(handle.p);
	if (i >= s->cap)
		return NULL;
	h = &s->open[i];
	if (h->serial != qsp_bytes_get32(handle.p + 4) || (h->fd < 0 && h->dir == NULL))
		return NULL;
	return h;
}

struct qsp_sftp_open *
qsp_sftp_server_file(struct qsp_sftp_server *s, struct qsp_bytes handle)
{
	struct qsp_sftp_open *h = qsp_sftp_server_find(s, handle);

	return h != NULL && h->fd >= 0 ? h : NULL;
}

/* A free slot, or NULL; the table grows by doubling. */
static struct qsp_sftp_open *
slot(struct qsp_sftp_server *s)
{
	size_t cap = s->cap ? 2 * s->cap : 16, i = 0;
	struct qsp_sftp_open *more;

	while (i < s->cap && (s->open[i].fd >= 0 || s->open[i].dir != NULL))
		i++;
	if (i < s->cap)
		return &s->open[i];
	if (s->cap >= s->max)
		return NULL;
	cap = cap < s->max ? cap : s->max;
	more = realloc(s->open, cap * sizeof(*more));
	if (more == NULL)
		return NULL;
	for (size_t k = s->cap; k < cap; k++)
		more[k] = (struct qsp_sftp_open){ .fd = -1 };
	s->open = more;
	s->cap = cap;
	return &s->open[i];
}

void
qsp_sftp_server_add(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
		    struct qsp_writer *w, int fd, DIR *dir)
{
	struct qsp_sftp_open *h = slot(s);
	uint8_t name[8];
	size_t start;

	if (h == NULL) {
		if (dir != NULL)
			closedir(dir);
		else
			close(fd);
		qsp_sftp_server_errno(w, r->id, EMFILE);
		return;
	}
	*h = (struct qsp_sftp_open){ .fd = fd, .dir = dir, .serial = ++s->serial };
	h->append = (r->flags & QSP_SFTP_F_APPEND) != 0;
	h->path = qsp_log_is_on(QSP_LOG_INFO) ? qsp_sftp_server_printable(r->path) : NULL;
	qsp_bytes_put32(name, (uint32_t)(h - s->open));
	qsp_bytes_put32(name + 4, h->serial);
	start = qsp_sftp_server_begin(w, QSP_SFTP_HANDLE, r->id);
	qsp_writer_vec32(w, QSP_BYTES_OF(name));
	qsp_sftp_server_end(w, start);
}

int
qsp_sftp_server_close(struct qsp_sftp_server *s, struct qsp_sftp_open *h)
{
	int code = 0;

	(void)s;
	if (h->dir != NULL)
		code = closedir(h->dir) == 0 ? 0 : errno;
	else if (close(h->fd) != 0)
		code = errno;
	if (h->fd >= 0)
		qsp_log(QSP_LOG_INFO, "close \"%s\" bytes read %llu written %llu",
			h->path ? h->path : "?", (unsigned long long)h->bytes_read,
			(unsigned long long)h->bytes_written);
	free(h->path);
	h->path = NULL;
	h->dir = NULL;
	h->fd = -1;
	return code;
}

/* --- requests ------------------------------------------------------------------------------- */

void
qsp_sftp_server_do(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
		   struct qsp_writer *w)
{
	size_t start = w->n;

	for (size_t i = 0; i < HANDLERS; i++) {
		const struct handler *h = &handlers[i];

		if (h->kind != r->kind)
			continue;
		if (s->o->refused[r->kind] || (s->o->read_only && h->effect == WRITES)) {
			qsp_log(QSP_LOG_VERBOSE, "Refusing %s request",
				qsp_sftp_kind_name(r->kind));
			qsp_sftp_server_status(w, r->id, QSP_SFTP_PERMISSION_DENIED);
			return;
		}
		h->on(s, r, w);
		if (w->failed) { /* a reply that does not fit */
			w->failed = false;
			w->n = start;
			qsp_sftp_server_status(w, r->id, QSP_SFTP_FAILURE);
		}
		return;
	}
	qsp_sftp_server_status(w, r->id, QSP_SFTP_UNSUPPORTED);
}

static void
greet(struct qsp_sftp_server *s, struct qsp_writer *w)
{
	size_t start = w->n;

	qsp_writer_u32(w, 0);
	qsp_writer_u8(w, QSP_SFTP_VERSION_REPLY);
	qsp_writer_u32(w, QSP_SFTP_VERSION);
	for (size_t i = 0; i < HANDLERS; i++) {
		const struct handler *h = &handlers[i];
		const char *version = qsp_sftp_extension_version(h->kind);

		if (version == NULL || s->o->refused[h->kind] ||
		    (s->o->read_only && h->effect == WRITES))
			continue;
		qsp_writer_vec32(w, qsp_bytes_str(qsp_sftp_kind_name(h->kind)));
		qsp_writer_vec32(w, qsp_bytes_str(version));
	}
	qsp_sftp_server_end(w, start);
}

qsp_err
qsp_sftp_server_packet(struct qsp_sftp_server *s, struct qsp_bytes packet, struct qsp_writer *w)
{
	struct qsp_sftp_request r;
	bool init = packet.n > 0 && packet.p[0] == QSP_SFTP_INIT;
	qsp_err e;

	if (init != !s->begun || (init && packet.n < 5))
		return QSP_E_INPUT;
	if (init) {
		s->begun = true;
		greet(s, w);
		return 0;
	}
	e = qsp_sftp_get_request(packet, &r);
	if (e)
		qsp_sftp_server_status(w, r.id,
				       e == QSP_E_UNSUPPORTED ? QSP_SFTP_UNSUPPORTED
							      : QSP_SFTP_BAD_MESSAGE);
	else
		qsp_sftp_server_do(s, &r, w);
	return 0;
}

/* --- life ----------------------------------------------------------------------------------- */

struct qsp_sftp_server *
qsp_sftp_server_new(const struct qsp_sftp_server_options *o)
{
	struct qsp_sftp_server *s = qsp_mem_alloc(sizeof(*s));
	struct rlimit limit;

	if (s == NULL)
		return NULL;
	s->o = o;
	s->max = 64;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > FDS_SPARE + s->max)
		s->max = limit.rlim_cur - FDS_SPARE < QSP_SFTP_HANDLES_MAX
				 ? (size_t)limit.rlim_cur - FDS_SPARE
				 : QSP_SFTP_HANDLES_MAX;
	return s;
}

void
qsp_sftp_server_free(struct qsp_sftp_server *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->cap; i++) {
		if (s->open[i].fd >= 0 || s->open[i].dir != NULL)
			(void)qsp_sftp_server_close(s, &s->open[i]);
	}
	free(s->open);
	qsp_mem_free(s);
}

static bool
flush(int fd, struct qsp_writer *w)
{
	size_t done = 0;

	while (done < w->n) {
		ssize_t n = write(fd, w->p + done, w->n - done);
		struct pollfd p = { .fd = fd, .events = POLLOUT };

		if (n >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			(void)poll(&p, 1, -1);
		else if (errno != EINTR)
			return false;
	}
	w->n = 0;
	return true;
}

/* All whole packets of in[0..*n); what is left of it moves to the front. */
static bool
answer(struct qsp_sftp_server *s, uint8_t *in, size_t *n, int out, struct qsp_writer *w)
{
	size_t at = 0;

	while (*n - at >= 4) {
		uint32_t len = qsp_bytes_get32(in + at);

		if (len < 1 || len > QSP_SFTP_PACKET_MAX) {
			qsp_log(QSP_LOG_ERROR, "a packet of %u bytes", (unsigned)len);
			return false;
		}
		if (*n - at - 4 < len)
			break;
		if (qsp_sftp_server_packet(s, qsp_bytes(in + at + 4, len), w)) {
			qsp_log(QSP_LOG_ERROR, "a packet of type %u out of place", in[at + 4]);
			return false;
		}
		at += 4 + (size_t)len;
		if (w->n >= OUT_FULL && !flush(out, w))
			return false;
	}
	memmove(in, in + at, *n - at);
	*n -= at;
	return flush(out, w);
}

static int
serve(struct qsp_sftp_server *s, int in, int out)
{
	uint8_t *buf = malloc(IN_SIZE), *reply = malloc(OUT_SIZE);
	struct qsp_writer w = qsp_writer_of(reply, OUT_SIZE);
	size_t have = 0;
	int status = buf && reply ? 0 : 1;

	while (status == 0) {
		ssize_t n = read(in, buf + have, IN_SIZE - have);
		struct pollfd p = { .fd = in, .events = POLLIN };

		if (n == 0)
			break;
		if (n > 0) {
			have += (size_t)n;
			status = answer(s, buf, &have, out, &w) ? 0 : 1;
		} else if (errno == EAGAIN) {
			(void)poll(&p, 1, -1);
		} else if (errno != EINTR) {
			status = 1;
		}
	}
	free(buf);
	free(reply);
	return status;
}

int
qsp_sftp_server_run(const struct qsp_sftp_server_options *o, int in, int out)
{
	struct qsp_sftp_server *s;
	int status;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a file over the limit is an error of that file */
	qsp_log_set_level(o->log_level < 0 ? QSP_LOG_ERROR : (enum qsp_log_level)o->log_level);
	if (o->log_stderr)
		qsp_log_to_stderr("internal-sftp");
	else
		qsp_log_to_syslog("internal-sftp",
				  o->log_facility < 0 ? LOG_AUTH : o->log_facility);
	if (o->umask >= 0)
		(void)umask((mode_t)o->umask);
	if (o->dir[0] != 0 && chdir(o->dir) != 0)
		qsp_log(QSP_LOG_ERROR, "chdir to \"%s\" failed: %s", o->dir, strerror(errno));
	s = qsp_sftp_server_new(o);
	if (s == NULL)
		return 1;
	qsp_log(QSP_LOG_INFO, "session opened for local user %s", o->user ? o->user : "?");
	status = serve(s, in, out);
	qsp_sftp_server_free(s);
	qsp_log(QSP_LOG_INFO, "session closed for local user %s", o->user ? o->user : "?");
	return status;
}
