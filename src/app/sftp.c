/* SPDX-License-Identifier: ISC */
/*
 * Requests are a table: a kind, its name, and its fields as letters. Reader and writer walk the same
 * letters, so that they cannot disagree.
 */
#include "app/sftp.h"

#include <errno.h>
#include <string.h>

#define EXTENDED_PAIRS_MAX 64

/*
 * p path, t target, h handle, H second handle, o offset, O second offset, l length (64 bits),
 * n length (32 bits), f flags, a attributes, d data, D second data
 */
static const struct kind {
	unsigned kind;
	const char *name, *fields, *version; /* version: of an extension */
} kinds[] = {
	{ QSP_SFTP_OPEN, "open", "pfa", NULL },
	{ QSP_SFTP_CLOSE, "close", "h", NULL },
	{ QSP_SFTP_READ, "read", "hon", NULL },
	{ QSP_SFTP_WRITE, "write", "hod", NULL },
	{ QSP_SFTP_LSTAT, "lstat", "p", NULL },
	{ QSP_SFTP_FSTAT, "fstat", "h", NULL },
	{ QSP_SFTP_SETSTAT, "setstat", "pa", NULL },
	{ QSP_SFTP_FSETSTAT, "fsetstat", "ha", NULL },
	{ QSP_SFTP_OPENDIR, "opendir", "p", NULL },
	{ QSP_SFTP_READDIR, "readdir", "h", NULL },
	{ QSP_SFTP_REMOVE, "remove", "p", NULL },
	{ QSP_SFTP_MKDIR, "mkdir", "pa", NULL },
	{ QSP_SFTP_RMDIR, "rmdir", "p", NULL },
	{ QSP_SFTP_REALPATH, "realpath", "p", NULL },
	{ QSP_SFTP_STAT, "stat", "p", NULL },
	{ QSP_SFTP_RENAME, "rename", "pt", NULL },
	{ QSP_SFTP_READLINK, "readlink", "p", NULL },
	{ QSP_SFTP_SYMLINK, "symlink", "tp", NULL }, /* OpenSSH's order, not the draft's */
	{ QSP_SFTP_POSIX_RENAME, "posix-rename@openssh.com", "pt", "1" },
	{ QSP_SFTP_STATVFS, "statvfs@openssh.com", "p", "2" },
	{ QSP_SFTP_FSTATVFS, "fstatvfs@openssh.com", "h", "2" },
	{ QSP_SFTP_HARDLINK, "hardlink@openssh.com", "pt", "1" },
	{ QSP_SFTP_FSYNC, "fsync@openssh.com", "h", "1" },
	{ QSP_SFTP_LSETSTAT, "lsetstat@openssh.com", "pa", "1" },
	{ QSP_SFTP_LIMITS, "limits@openssh.com", "", "1" },
	{ QSP_SFTP_EXPAND_PATH, "expand-path@openssh.com", "p", "1" },
	{ QSP_SFTP_COPY_DATA, "copy-data", "holHO", "1" },
	{ QSP_SFTP_USERS_GROUPS, "users-groups-by-id@openssh.com", "dD", "1" },
	{ QSP_SFTP_SEEK_DATA, "seek-data@qsp", "ho", "1" },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *
find(unsigned number)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (kinds[i].kind == number)
			return &kinds[i];
	}
	return NULL;
}

const char *
qsp_sftp_kind_name(unsigned kind)
{
	const struct kind *k = find(kind);

	return k ? k->name : NULL;
}

const char *
qsp_sftp_extension_version(unsigned kind)
{
	const struct kind *k = find(kind);

	return k ? k->version : NULL;
}

bool
qsp_sftp_kind_by_name(const char *name, unsigned *kind)
{
	size_t n = strlen(name);

	for (size_t i = 0; n > 0 && i < KINDS; i++) {
		const char *full = kinds[i].name;

		if (strncmp(full, name, n) == 0 && (full[n] == 0 || full[n] == '@')) {
			*kind = kinds[i].kind;
			return true;
		}
	}
	return false;
}

/* --- attributes ----------------------------------------------------------------------------- */

void
qsp_sftp_get_attrs(struct qsp_reader *r, struct qsp_sftp_attrs *a)
{
	uint32_t has = qsp_reader_u32(r);

	*a = (struct qsp_sftp_attrs){ .has = has & (QSP_SFTP_HAS_SIZE | QSP_SFTP_HAS_OWNER |
						    QSP_SFTP_HAS_MODE | QSP_SFTP_HAS_TIMES) };
	if (has & QSP_SFTP_HAS_SIZE)
		a->size = qsp_reader_u64(r);
	if (has & QSP_SFTP_HAS_OWNER) {
		a->uid = qsp_reader_u32(r);
		a->gid = qsp_reader_u32(r);
	}
	if (has & QSP_SFTP_HAS_MODE)
		a->mode = qsp_reader_u32(r);
	if (has & QSP_SFTP_HAS_TIMES) {
		a->atime = qsp_reader_u32(r);
		a->mtime = qsp_reader_u32(r);
	}
	if (has & QSP_SFTP_HAS_EXTENDED) {
		uint32_t n = qsp_reader_u32(r);

		if (n > EXTENDED_PAIRS_MAX)
			r->failed = true;
		for (uint32_t i = 0; i < n && !r->failed; i++) {
			(void)qsp_reader_vec32(r);
			(void)qsp_reader_vec32(r);
		}
	}
}

void
qsp_sftp_put_attrs(struct qsp_writer *w, const struct qsp_sftp_attrs *a)
{
	qsp_writer_u32(w, a->has);
	if (a->has & QSP_SFTP_HAS_SIZE)
		qsp_writer_u64(w, a->size);
	if (a->has & QSP_SFTP_HAS_OWNER) {
		qsp_writer_u32(w, a->uid);
		qsp_writer_u32(w, a->gid);
	}
	if (a->has & QSP_SFTP_HAS_MODE)
		qsp_writer_u32(w, a->mode);
	if (a->has & QSP_SFTP_HAS_TIMES) {
		qsp_writer_u32(w, a->atime);
		qsp_writer_u32(w, a->mtime);
	}
}

/* --- requests ------------------------------------------------------------------------------- */

static struct qsp_bytes
get_path(struct qsp_reader *r)
{
	struct qsp_bytes b = qsp_reader_vec32(r);

	if (b.n >= QSP_SFTP_PATH_MAX || (b.n > 0 && memchr(b.p, 0, b.n) != NULL))
		r->failed = true;
	return b;
}

static void
get_field(struct qsp_reader *in, char field, struct qsp_sftp_request *r)
{
	switch (field) {
	case 'p': r->path = get_path(in); break;
	case 't': r->target = get_path(in); break;
	case 'h': r->handle = qsp_reader_vec32(in); break;
	case 'H': r->handle2 = qsp_reader_vec32(in); break;
	case 'o': r->offset = qsp_reader_u64(in); break;
	case 'O': r->offset2 = qsp_reader_u64(in); break;
	case 'l': r->length = qsp_reader_u64(in); break;
	case 'n': r->length = qsp_reader_u32(in); break;
	case 'f': r->flags = qsp_reader_u32(in); break;
	case 'a': qsp_sftp_get_attrs(in, &r->attrs); break;
	case 'd': r->data = qsp_reader_vec32(in); break;
	default: r->data2 = qsp_reader_vec32(in); break;
	}
}

static void
put_field(struct qsp_writer *w, char field, const struct qsp_sftp_request *r)
{
	switch (field) {
	case 'p': qsp_writer_vec32(w, r->path); break;
	case 't': qsp_writer_vec32(w, r->target); break;
	case 'h': qsp_writer_vec32(w, r->handle); break;
	case 'H': qsp_writer_vec32(w, r->handle2); break;
	case 'o': qsp_writer_u64(w, r->offset); break;
	case 'O': qsp_writer_u64(w, r->offset2); break;
	case 'l': qsp_writer_u64(w, r->length); break;
	case 'n': qsp_writer_u32(w, (uint32_t)r->length); break;
	case 'f': qsp_writer_u32(w, r->flags); break;
	case 'a': qsp_sftp_put_attrs(w, &r->attrs); break;
	case 'd':
		qsp_writer_u32(w, (uint32_t)r->data.n);
		if (r->data.p != NULL)
			qsp_writer_put(w, r->data);
		break;
	default: qsp_writer_vec32(w, r->data2); break;
	}
}

qsp_err
qsp_sftp_get_request(struct qsp_bytes packet, struct qsp_sftp_request *r)
{
	struct qsp_reader in = qsp_reader_of(packet);
	const struct kind *k = NULL;
	struct qsp_bytes name;
	uint8_t type = qsp_reader_u8(&in);

	memset(r, 0, sizeof(*r));
	r->id = qsp_reader_u32(&in);
	if (type == QSP_SFTP_EXTENDED) {
		name = qsp_reader_vec32(&in);
		for (size_t i = 0; i < KINDS && k == NULL; i++) {
			if (kinds[i].version != NULL && qsp_bytes_is(name, kinds[i].name))
				k = &kinds[i];
		}
	} else {
		k = find(type);
	}
	if (in.failed)
		return QSP_E_INPUT;
	if (k == NULL)
		return QSP_E_UNSUPPORTED;
	r->kind = k->kind;
	for (const char *f = k->fields; *f; f++)
		get_field(&in, *f, r);
	if (r->handle.n > QSP_SFTP_HANDLE_MAX || r->handle2.n > QSP_SFTP_HANDLE_MAX)
		return QSP_E_INPUT;
	return qsp_reader_done(&in);
}

void
qsp_sftp_put_request(struct qsp_writer *w, const struct qsp_sftp_request *r)
{
	const struct kind *k = find(r->kind);
	uint8_t *length = qsp_writer_room(w, 4);
	size_t start = w->n;

	if (k == NULL || length == NULL) {
		w->failed = true;
		return;
	}
	qsp_writer_u8(w, k->version ? QSP_SFTP_EXTENDED : (uint8_t)k->kind);
	qsp_writer_u32(w, r->id);
	if (k->version != NULL)
		qsp_writer_vec32(w, qsp_bytes_str(k->name));
	for (const char *f = k->fields; *f; f++)
		put_field(w, *f, r);
	qsp_bytes_put32(length, (uint32_t)(w->n - start + (r->data.p == NULL ? r->data.n : 0)));
}

/* --- replies -------------------------------------------------------------------------------- */

qsp_err
qsp_sftp_get_reply(struct qsp_bytes packet, struct qsp_sftp_reply *r)
{
	struct qsp_reader in = qsp_reader_of(packet);

	memset(r, 0, sizeof(*r));
	r->type = qsp_reader_u8(&in);
	r->id = qsp_reader_u32(&in);
	switch (r->type) {
	case QSP_SFTP_STATUS:
		r->status = qsp_reader_u32(&in);
		if (in.left.n == 0) /* some servers leave the text out */
			break;
		r->message = qsp_reader_vec32(&in);
		if (in.left.n > 0)
			(void)qsp_reader_vec32(&in); /* the language */
		break;
	case QSP_SFTP_HANDLE:
		r->bytes = qsp_reader_vec32(&in);
		if (r->bytes.n == 0 || r->bytes.n > QSP_SFTP_HANDLE_MAX)
			return QSP_E_INPUT;
		break;
	case QSP_SFTP_DATA: r->bytes = qsp_reader_vec32(&in); break;
	case QSP_SFTP_NAME:
		r->count = qsp_reader_u32(&in);
		r->names = qsp_reader_of(qsp_reader_rest(&in));
		break;
	case QSP_SFTP_ATTRS: qsp_sftp_get_attrs(&in, &r->attrs); break;
	case QSP_SFTP_EXTENDED_REPLY: r->bytes = qsp_reader_rest(&in); break;
	default: return QSP_E_UNSUPPORTED;
	}
	return qsp_reader_done(&in);
}

qsp_err
qsp_sftp_get_name(struct qsp_sftp_reply *r, struct qsp_sftp_name *out)
{
	if (r->count == 0)
		return r->names.left.n == 0 ? QSP_E_NOTFOUND : QSP_E_INPUT;
	r->count--;
	out->name = qsp_reader_vec32(&r->names);
	out->longname = qsp_reader_vec32(&r->names);
	qsp_sftp_get_attrs(&r->names, &out->attrs);
	return r->names.failed ? QSP_E_INPUT : 0;
}

/* --- status --------------------------------------------------------------------------------- */

const char *
qsp_sftp_status_text(uint32_t status)
{
	static const char *const text[] = {
		"Success",           "End of file",     "No such file",
		"Permission denied", "Failure",         "Bad message",
		"No connection",     "Connection lost", "Operation unsupported"
	};

	return status < sizeof(text) / sizeof(text[0]) ? text[status] : "Unknown error";
}

uint32_t
qsp_sftp_status_of(int code)
{
	switch (code) {
	case 0: return QSP_SFTP_OK;
	case ENOENT:
	case ENOTDIR:
	case EBADF:
	case ELOOP: return QSP_SFTP_NO_SUCH_FILE;
	case EPERM:
	case EACCES:
	case EFAULT: return QSP_SFTP_PERMISSION_DENIED;
	case ENAMETOOLONG:
	case EINVAL: return QSP_SFTP_BAD_MESSAGE;
	case ENOSYS: return QSP_SFTP_UNSUPPORTED;
	default: return QSP_SFTP_FAILURE;
	}
}
