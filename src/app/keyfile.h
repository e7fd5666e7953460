/* SPDX-License-Identifier: ISC */
/*
 * Keys in files, as every program of a user reads them. Nothing is printed: what is wrong comes as
 * text, of several lines for a private key that others could read.
 */
#ifndef QSP_APP_KEYFILE_H
#define QSP_APP_KEYFILE_H

#include "sys/file.h"
#include "trust/pubkey.h"

#define QSP_KEYFILE_ERROR_MAX 1800

/* The text of a private key that nobody else can read. QSP_E_NOTFOUND where there is no such file,
 * QSP_E_POLICY where others could read it, QSP_E_IO. */
QSP_MUST_USE qsp_err qsp_keyfile_private(const char *path, struct qsp_file_data *out,
					 char err[QSP_KEYFILE_ERROR_MAX]);

/*
 * The public key in a file of one line; comment holds QSP_PUBKEY_COMMENT_MAX + 1 and may be NULL.
 * QSP_E_NOTFOUND where there is no such file, QSP_E_INPUT where it is no public key, QSP_E_IO.
 */
QSP_MUST_USE qsp_err qsp_keyfile_public(const struct qsp_crypto *cx, const char *path,
					struct qsp_key_public *out, char *comment);
/* That beside a private key: path.pub. */
QSP_MUST_USE qsp_err qsp_keyfile_public_of(const struct qsp_crypto *cx, const char *path,
					   struct qsp_key_public *out, char *comment);

#endif
