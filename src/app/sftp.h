/* SPDX-License-Identifier: ISC */
/*
 * SFTP version 3 (draft-ietf-secsh-filexfer-02, with OpenSSH's extensions) as bytes: requests and
 * replies, read and written by both sides. A packet here is what stands behind its length field.
 * Parsers check shape and bounds; what is parsed borrows from the packet.
 */
#ifndef QSP_APP_SFTP_H
#define QSP_APP_SFTP_H

#include "base/reader.h"
#include "base/writer.h"

#define QSP_SFTP_VERSION 3
#define QSP_SFTP_PACKET_MAX (256 * 1024)               /* without its length field */
#define QSP_SFTP_DATA_MAX (QSP_SFTP_PACKET_MAX - 1024) /* of one read or write */
#define QSP_SFTP_DATA_SAFE 32768                       /* what every server takes */
#define QSP_SFTP_HANDLE_MAX 256
#define QSP_SFTP_PATH_MAX 4096 /* with its NUL */

enum qsp_sftp_type {
	QSP_SFTP_INIT = 1,
	QSP_SFTP_VERSION_REPLY = 2,
	QSP_SFTP_OPEN = 3,
	QSP_SFTP_CLOSE,
	QSP_SFTP_READ,
	QSP_SFTP_WRITE,
	QSP_SFTP_LSTAT,
	QSP_SFTP_FSTAT,
	QSP_SFTP_SETSTAT,
	QSP_SFTP_FSETSTAT,
	QSP_SFTP_OPENDIR,
	QSP_SFTP_READDIR,
	QSP_SFTP_REMOVE,
	QSP_SFTP_MKDIR,
	QSP_SFTP_RMDIR,
	QSP_SFTP_REALPATH,
	QSP_SFTP_STAT,
	QSP_SFTP_RENAME,
	QSP_SFTP_READLINK,
	QSP_SFTP_SYMLINK = 20,
	QSP_SFTP_STATUS = 101,
	QSP_SFTP_HANDLE,
	QSP_SFTP_DATA,
	QSP_SFTP_NAME,
	QSP_SFTP_ATTRS = 105,
	QSP_SFTP_EXTENDED = 200,
	QSP_SFTP_EXTENDED_REPLY = 201,
};

/* Extensions get numbers of their own behind the types, so that one table has all requests. */
enum qsp_sftp_extension {
	QSP_SFTP_POSIX_RENAME = 256,
	QSP_SFTP_STATVFS,
	QSP_SFTP_FSTATVFS,
	QSP_SFTP_HARDLINK,
	QSP_SFTP_FSYNC,
	QSP_SFTP_LSETSTAT,
	QSP_SFTP_LIMITS,
	QSP_SFTP_EXPAND_PATH,
	QSP_SFTP_COPY_DATA,
	QSP_SFTP_USERS_GROUPS,
	QSP_SFTP_SEEK_DATA, /* ours: where the next data of a sparse file is */
	QSP_SFTP_KINDS_END,
};

enum qsp_sftp_status {
	QSP_SFTP_OK,
	QSP_SFTP_EOF,
	QSP_SFTP_NO_SUCH_FILE,
	QSP_SFTP_PERMISSION_DENIED,
	QSP_SFTP_FAILURE,
	QSP_SFTP_BAD_MESSAGE,
	QSP_SFTP_NO_CONNECTION,
	QSP_SFTP_CONNECTION_LOST,
	QSP_SFTP_UNSUPPORTED = 8,
};

enum { /* of OPEN */
       QSP_SFTP_F_READ = 1,
       QSP_SFTP_F_WRITE = 2,
       QSP_SFTP_F_APPEND = 4,
       QSP_SFTP_F_CREATE = 8,
       QSP_SFTP_F_TRUNCATE = 16,
       QSP_SFTP_F_EXCLUSIVE = 32,
};

enum { /* of attributes: which are there */
       QSP_SFTP_HAS_SIZE = 1,
       QSP_SFTP_HAS_OWNER = 2,
       QSP_SFTP_HAS_MODE = 4,
       QSP_SFTP_HAS_TIMES = 8,
};
#define QSP_SFTP_HAS_EXTENDED 0x80000000u

struct qsp_sftp_attrs {
	uint32_t has;
	uint64_t size;
	uint32_t uid, gid;
	uint32_t mode; /* as st_mode, kind of file included */
	uint32_t atime, mtime;
};

/* A request; which fields count depends on its kind (the table in sftp.c). */
struct qsp_sftp_request {
	unsigned kind; /* enum qsp_sftp_type or enum qsp_sftp_extension */
	uint32_t id;
	struct qsp_bytes path;   /* what is acted on; of RENAME the old name, of SYMLINK the link */
	struct qsp_bytes target; /* the new name; of SYMLINK what the link says */
	struct qsp_bytes handle, handle2;
	uint64_t offset, offset2, length;
	uint32_t flags; /* QSP_SFTP_F_ */
	struct qsp_bytes data, data2;
	struct qsp_sftp_attrs attrs;
};

/*
 * QSP_E_UNSUPPORTED for a type or extension that is not known, QSP_E_INPUT for a malformed body; then id
 * is set where the packet has one. Paths hold no NUL and are shorter than QSP_SFTP_PATH_MAX.
 */
QSP_MUST_USE qsp_err qsp_sftp_get_request(struct qsp_bytes packet, struct qsp_sftp_request *r);
/* The packet with its length in front. Of a WRITE with data.p NULL the data.n bytes are left out: the
 * caller appends them. */
void qsp_sftp_put_request(struct qsp_writer *w, const struct qsp_sftp_request *r);

/* "open", "posix-rename@openssh.com"; NULL for what is none. */
const char *qsp_sftp_kind_name(unsigned kind);
/* As -p and -P of sftp-server name it: "open", "posix-rename"; false where nothing is meant. */
bool qsp_sftp_kind_by_name(const char *name, unsigned *kind);
/* The version that an extension is announced with; NULL where kind is no extension. */
const char *qsp_sftp_extension_version(unsigned kind);

struct qsp_sftp_reply {
	uint8_t type;
	uint32_t id;
	uint32_t status;          /* STATUS */
	struct qsp_bytes message; /* STATUS: not checked, not printable */
	struct qsp_bytes bytes;   /* HANDLE, DATA; EXTENDED_REPLY: its body */
	uint32_t count;           /* NAME */
	struct qsp_reader names;  /* NAME: for qsp_sftp_get_name */
	struct qsp_sftp_attrs attrs;
};

struct qsp_sftp_name {
	struct qsp_bytes name, longname;
	struct qsp_sftp_attrs attrs;
};

QSP_MUST_USE qsp_err qsp_sftp_get_reply(struct qsp_bytes packet, struct qsp_sftp_reply *r);
/* The next of r->count names. QSP_E_INPUT where it is cut off, QSP_E_NOTFOUND at the end. */
QSP_MUST_USE qsp_err qsp_sftp_get_name(struct qsp_sftp_reply *r, struct qsp_sftp_name *out);

/* Attributes: reading skips what version 3 does not have names for. */
void qsp_sftp_get_attrs(struct qsp_reader *r, struct qsp_sftp_attrs *a);
void qsp_sftp_put_attrs(struct qsp_writer *w, const struct qsp_sftp_attrs *a);

/* "No such file": what a status means. */
const char *qsp_sftp_status_text(uint32_t status);
/* The status that an errno becomes. */
uint32_t qsp_sftp_status_of(int code);

#endif
