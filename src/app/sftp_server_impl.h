/* SPDX-License-Identifier: ISC */
/* Inside the SFTP server: its handles, and a handler for each kind of request. */
#ifndef QSP_APP_SFTP_SERVER_IMPL_H
#define QSP_APP_SFTP_SERVER_IMPL_H

#include <dirent.h>
#include <sys/stat.h>

#include "app/sftp_server.h"

#define QSP_SFTP_HANDLES_MAX 4096
#define QSP_SFTP_NAMES_CACHED 16

struct qsp_sftp_open {
	int fd; /* -1: free, or a folder */
	DIR *dir;
	uint32_t serial; /* a handle that was closed does not come back */
	bool append;
	char *path; /* for the log */
	uint64_t bytes_read, bytes_written;
};

/* Names of users or groups that were looked up. */
struct qsp_sftp_cache {
	struct {
		bool set;
		uint32_t id;
		char name[33];
	} e[QSP_SFTP_NAMES_CACHED];
};

struct qsp_sftp_server {
	const struct qsp_sftp_server_options *o;
	bool begun;
	struct qsp_sftp_open *open; /* cap of them */
	size_t cap, max;
	uint32_t serial;
	struct qsp_sftp_cache users, groups;
};

/* A request's path as a string. */
struct qsp_sftp_path {
	char s[QSP_SFTP_PATH_MAX];
};
struct qsp_sftp_path qsp_sftp_server_path(struct qsp_bytes b);
/* For the log: what the caller frees, or NULL. */
char *qsp_sftp_server_printable(struct qsp_bytes b);

/* Replies. begin gives the place of the length, which end fills in. */
size_t qsp_sftp_server_begin(struct qsp_writer *w, uint8_t type, uint32_t id);
void qsp_sftp_server_end(struct qsp_writer *w, size_t start);
void qsp_sftp_server_status(struct qsp_writer *w, uint32_t id, uint32_t status);
/* The status of an errno (0: OK); a failure says in its text which. */
void qsp_sftp_server_errno(struct qsp_writer *w, uint32_t id, int code);
void qsp_sftp_server_attrs(struct qsp_writer *w, uint32_t id, const struct stat *st);
void qsp_sftp_server_name(struct qsp_writer *w, uint32_t id, const char *name);

struct qsp_sftp_attrs qsp_sftp_server_of_stat(const struct stat *st);
/* Opens a slot and replies with its handle; takes fd or dir, and closes it where it cannot. */
void qsp_sftp_server_add(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			 struct qsp_writer *w, int fd, DIR *dir);
/* NULL for a handle that is not there, or not of this kind. */
struct qsp_sftp_open *qsp_sftp_server_file(struct qsp_sftp_server *s, struct qsp_bytes handle);
struct qsp_sftp_open *qsp_sftp_server_find(struct qsp_sftp_server *s, struct qsp_bytes handle);
/* 0 or an errno. */
int qsp_sftp_server_close(struct qsp_sftp_server *s, struct qsp_sftp_open *h);

/* As `ls -l` prints a file. */
void qsp_sftp_server_longname(struct qsp_sftp_server *s, const char *name, const struct stat *st,
			      char *out, size_t cap);
/* The name of an id, or "" where it has none. */
const char *qsp_sftp_server_user(struct qsp_sftp_server *s, uint32_t id);
const char *qsp_sftp_server_group(struct qsp_sftp_server *s, uint32_t id);

typedef void qsp_sftp_server_fn(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
				struct qsp_writer *w);
/* sftp_server_file.c */
qsp_sftp_server_fn qsp_sftp_server_on_open, qsp_sftp_server_on_close, qsp_sftp_server_on_read,
	qsp_sftp_server_on_write, qsp_sftp_server_on_fstat, qsp_sftp_server_on_fsetstat,
	qsp_sftp_server_on_fsync, qsp_sftp_server_on_copy, qsp_sftp_server_on_seek;
/* sftp_server_tree.c */
qsp_sftp_server_fn qsp_sftp_server_on_stat, qsp_sftp_server_on_setstat, qsp_sftp_server_on_opendir,
	qsp_sftp_server_on_readdir, qsp_sftp_server_on_remove, qsp_sftp_server_on_mkdir,
	qsp_sftp_server_on_rename, qsp_sftp_server_on_link, qsp_sftp_server_on_readlink,
	qsp_sftp_server_on_realpath;
/* sftp_server_extra.c */
qsp_sftp_server_fn qsp_sftp_server_on_statvfs, qsp_sftp_server_on_limits, qsp_sftp_server_on_expand,
	qsp_sftp_server_on_names;

#endif
