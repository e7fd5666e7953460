/* SPDX-License-Identifier: ISC */
/*
 * Small files: read whole, written whole or not at all, and whom they belong to. Nothing is
 * printed: a failure leaves "PATH: reason" in the caller's struct.
 */
#ifndef QSP_SYS_FILE_H
#define QSP_SYS_FILE_H

#include "base/bytes.h"

#include <sys/types.h>

struct qsp_file_error {
	int code;       /* errno, or 0 where none fits */
	char text[768]; /* "PATH: reason"; a long path is cut */
};

/* What fstat says of the file that was read, not of the name that was asked for. */
struct qsp_file_facts {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* Bytes on the heap with a NUL behind them that n does not count. */
struct qsp_file_data {
	uint8_t *p;
	size_t n;
};

/* Wipes and frees; NULL-safe, and harmless twice. */
void qsp_file_data_free(struct qsp_file_data *d);

static inline struct qsp_bytes
qsp_file_bytes(const struct qsp_file_data *d)
{
	return (struct qsp_bytes){ d->p, d->n };
}

/*
 * All of a regular file of at most max bytes. facts may be NULL. QSP_E_NOTFOUND where there is no
 * such file, QSP_E_ROOM where it is larger, QSP_E_IO for everything else; then out is empty.
 */
QSP_MUST_USE qsp_err qsp_file_read(const char *path, size_t max, struct qsp_file_data *out,
				   struct qsp_file_facts *facts, struct qsp_file_error *err);

/* The same of an open descriptor of any kind, read to its end; name stands for the path. */
QSP_MUST_USE qsp_err qsp_file_read_fd(int fd, const char *name, size_t max,
				      struct qsp_file_data *out, struct qsp_file_error *err);

/* A private key's mode: nothing for group and others. */
bool qsp_file_is_private(const struct qsp_file_facts *facts);

/*
 * StrictModes: the file that was read (its facts), and each folder above it up to home (NULL: up to
 * the root), belong to uid or root and are not writable for group or others. QSP_E_POLICY, and
 * the reason in err; QSP_E_IO where a folder cannot be looked at.
 */
QSP_MUST_USE qsp_err qsp_file_strict(const char *path, const struct qsp_file_facts *facts,
				     const char *home, uid_t uid, struct qsp_file_error *err);

/*
 * Creates a file that must not be there yet, symbolic links included, with exactly this mode;
 * its bytes are on the disk on return. QSP_E_IO (code EEXIST); what cannot be written whole is
 * removed again.
 */
QSP_MUST_USE qsp_err qsp_file_create(const char *path, struct qsp_bytes data, mode_t mode,
				     struct qsp_file_error *err);

/*
 * Replaces a file, or creates it: a new file in the same folder takes its name once it is whole on
 * the disk, so that a reader sees the old bytes or the new ones, and a failure (a full disk) leaves
 * the old ones. A symbolic link is followed and stays. Under root the owner of an old file stays.
 */
QSP_MUST_USE qsp_err qsp_file_replace(const char *path, struct qsp_bytes data, mode_t mode,
				      struct qsp_file_error *err);

/*
 * For who reads a file, changes and replaces it: one at a time, by a lock on its folder that ends as the
 * descriptor is closed. -1 where it cannot be had, or not within seconds, for a folder for everybody
 * can be locked by anybody; then one goes without.
 */
int qsp_file_lock(const char *path);

/* Creates a folder, or finds it there. */
QSP_MUST_USE qsp_err qsp_file_make_dir(const char *path, mode_t mode, struct qsp_file_error *err);

/* $HOME, or what the password database says; out holds cap bytes. QSP_E_NOTFOUND, QSP_E_ROOM. */
QSP_MUST_USE qsp_err qsp_file_home(char *out, size_t cap);

#endif
