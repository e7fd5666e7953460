/* SPDX-License-Identifier: ISC */
/* The names of a user's groups, as the system's databases have them. */
#ifndef QSP_SYS_GROUPS_H
#define QSP_SYS_GROUPS_H

#include <qsp/base.h>

#include <sys/types.h>

struct qsp_groups {
	size_t n;
	char **name;
};

/* Those of a user whose own group is gid. A name that is no user's has none, after the same search. */
QSP_MUST_USE qsp_err qsp_groups_get(const char *user, gid_t gid, struct qsp_groups *out);
void qsp_groups_free(struct qsp_groups *g);

/* Whether one of them fits the list of patterns, and none an entry with a ! before it. */
bool qsp_groups_fit(const struct qsp_groups *g, const char *list);

#endif
