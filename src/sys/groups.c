/* SPDX-License-Identifier: ISC */
/* getgrouplist, and a name for each number that has one. */
#include "sys/groups.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>

#include "base/pattern.h"

#define GROUPS_MAX 65536

static gid_t *
numbers_of(const char *user, gid_t gid, int *n)
{
	gid_t *list = NULL, *more;

	for (*n = 64; *n <= GROUPS_MAX; *n *= 2) {
		int room = *n;

		more = realloc(list, (size_t)room * sizeof(*list));
		if (more == NULL)
			break;
		list = more;
		if (getgrouplist(user, gid, list, &room) >= 0) {
			*n = room;
			return list;
		}
	}
	free(list);
	return NULL;
}

qsp_err
qsp_groups_get(const char *user, gid_t gid, struct qsp_groups *out)
{
	int n = 0;
	gid_t *list = numbers_of(user, gid, &n);

	out->n = 0;
	out->name = list != NULL ? calloc((size_t)n, sizeof(char *)) : NULL;
	for (int i = 0; out->name != NULL && i < n; i++) {
		const struct group *g = getgrgid(list[i]);

		if (g == NULL)
			continue;
		if ((out->name[out->n] = strdup(g->gr_name)) == NULL) {
			qsp_groups_free(out);
			break;
		}
		out->n++;
	}
	free(list);
	return out->name != NULL ? 0 : QSP_E_NOMEM;
}

void
qsp_groups_free(struct qsp_groups *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->name[i]);
	free(g->name);
	g->name = NULL;
	g->n = 0;
}

bool
qsp_groups_fit(const struct qsp_groups *g, const char *list)
{
	struct qsp_bytes patterns = { (const uint8_t *)list, strlen(list) };
	bool found = false;

	for (size_t i = 0; i < g->n; i++) {
		struct qsp_bytes name = { (const uint8_t *)g->name[i], strlen(g->name[i]) };
		enum qsp_pattern_result r = qsp_pattern_list(patterns, name, QSP_PATTERN_EXACT);

		if (r == QSP_PATTERN_EXCLUDED)
			return false;
		found |= r == QSP_PATTERN_MATCH;
	}
	return found;
}
