/* SPDX-License-Identifier: ISC */
#include "app/sftp_glob.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64 /* components with a pattern or without */

bool
qsp_sftp_names_add(struct qsp_sftp_names *l, const char *name)
{
	size_t cap = l->cap ? 2 * l->cap : 64;
	char **more;

	if (l->n == QSP_SFTP_GLOB_MAX)
		return false;
	if (l->n == l->cap) {
		more = realloc(l->v, cap * sizeof(*more));
		if (more == NULL)
			return false;
		l->v = more;
		l->cap = cap;
	}
	l->v[l->n] = strdup(name);
	return l->v[l->n] != NULL && ++l->n;
}

void
qsp_sftp_names_free(struct qsp_sftp_names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct qsp_sftp_names){ 0 };
}

bool
qsp_sftp_glob_is(const char *pattern)
{
	return strpbrk(pattern, "*?[\\") != NULL;
}

bool
qsp_sftp_glob_safe(const char *name)
{
	return *name != 0 && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool expand(const struct qsp_sftp_glob *g, const char *done, const char *rest, int depth,
		   struct qsp_sftp_names *out);

/* What follows a component that is settled: the end, or more of them. */
static bool
go_on(const struct qsp_sftp_glob *g, const char *done, const char *name, const char *rest,
      int depth, struct qsp_sftp_names *out)
{
	size_t slashes = strspn(rest, "/");
	char *path;
	bool ok;

	if (asprintf(&path, "%s%s%.*s", done, name, slashes ? 1 : 0, rest) < 0)
		return false;
	ok = expand(g, path, rest + slashes, depth + 1, out);
	free(path);
	return ok;
}

static bool
expand_pattern(const struct qsp_sftp_glob *g, const char *done, const char *pattern,
	       const char *rest, int depth, struct qsp_sftp_names *out)
{
	struct qsp_sftp_names in = { 0 };
	bool ok = true;

	if (g->list(g->arg, *done ? done : ".", &in) && in.n > 0) {
		qsort(in.v, in.n, sizeof(*in.v), by_name);
		for (size_t i = 0; ok && i < in.n; i++) {
			if (qsp_sftp_glob_safe(in.v[i]) &&
			    fnmatch(pattern, in.v[i], FNM_PERIOD) == 0)
				ok = go_on(g, done, in.v[i], rest, depth, out);
		}
	}
	qsp_sftp_names_free(&in);
	return ok;
}

/* done: what is settled, its slash included; rest: what is not. */
static bool
expand(const struct qsp_sftp_glob *g, const char *done, const char *rest, int depth,
       struct qsp_sftp_names *out)
{
	size_t n = strcspn(rest, "/");
	char *part;
	bool ok;

	if (*rest == 0)
		return !g->exists(g->arg, done) || qsp_sftp_names_add(out, done);
	if (depth > DEPTH_MAX)
		return false;
	if (n == 0)
		return go_on(g, done, "", rest, depth, out);
	part = strndup(rest, n);
	if (part == NULL)
		return false;
	if (qsp_sftp_glob_is(part))
		ok = expand_pattern(g, done, part, rest + n, depth, out);
	else
		ok = go_on(g, done, part, rest + n, depth, out);
	free(part);
	return ok;
}

bool
qsp_sftp_glob(const struct qsp_sftp_glob *g, const char *pattern, struct qsp_sftp_names *out)
{
	return expand(g, "", pattern, 0, out);
}
