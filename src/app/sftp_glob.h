/* SPDX-License-Identifier: ISC */
/* Patterns of names on a server, matched here: no shell over there sees them. */
#ifndef QSP_APP_SFTP_GLOB_H
#define QSP_APP_SFTP_GLOB_H

#include <qsp/base.h>

#define QSP_SFTP_GLOB_MAX 1000000 /* names */

/* A growing list of strings; owned. */
struct qsp_sftp_names {
	char **v;
	size_t n, cap;
};

bool qsp_sftp_names_add(struct qsp_sftp_names *l, const char *name);
void qsp_sftp_names_free(struct qsp_sftp_names *l);

struct qsp_sftp_glob {
	/* Adds the names in a folder; false where it cannot be read, which is no match. */
	bool (*list)(void *arg, const char *folder, struct qsp_sftp_names *out);
	bool (*exists)(void *arg, const char *path);
	void *arg;
};

/* Whether *, ?, [ or a backslash is in it. */
bool qsp_sftp_glob_is(const char *pattern);
/* Whether a folder may hold such a name: not empty, no slash, not . or .. */
bool qsp_sftp_glob_safe(const char *name);
/* Adds all that fits, sorted within each folder. Names that begin with a dot must be asked for. False
 * without memory, or past QSP_SFTP_GLOB_MAX. */
bool qsp_sftp_glob(const struct qsp_sftp_glob *g, const char *pattern, struct qsp_sftp_names *out);

#endif
