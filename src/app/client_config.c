/* SPDX-License-Identifier: ISC */
/*
 * Files of a client's configuration: which lines speak of this host. Lines of a Host or Match that
 * does not hold are still checked, so that a mistake is found before it is needed.
 */
#include "app/client_config.h"

#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file being read. */
struct source {
	struct qsp_client_config *c;
	const struct qsp_client_scope *scope;
	bool user;
	unsigned depth;
	bool outer;  /* the lines around the Include hold */
	bool active; /* these lines hold */
	char *err;
};

/* --- Host and Match ------------------------------------------------------------------------- */

static bool
matches(const char *pattern, const char *s)
{
	return fnmatch(pattern, s, FNM_CASEFOLD | FNM_NOESCAPE) == 0;
}

/* One of the patterns, separated by commas, fits, and none with a ! before it. */
static bool
matches_list(const char *list, const char *s)
{
	bool found = false, denied = false;
	char *copy = strdup(list), *at = copy, *pattern;

	while (copy && (pattern = strsep(&at, ",")) != NULL) {
		bool not = pattern[0] == '!';

		if (*pattern == 0 || !matches(pattern + not, s))
			continue;
		if (not )
			denied = true;
		else
			found = true;
	}
	free(copy);
	return found && !denied;
}

static qsp_err
take_host(struct source *s, const struct qsp_confline *l)
{
	bool found = false, denied = false;

	if (l->n == 0)
		return qsp_confline_say(l, s->err, "Host: missing pattern");
	for (size_t i = 0; i < l->n; i++) {
		bool not = l->arg[i][0] == '!';

		if (!matches(l->arg[i] + not, s->scope->original))
			continue;
		if (not )
			denied = true;
		else
			found = true;
	}
	s->active = s->outer && found && !denied;
	return 0;
}

/* One criterion of Match; *used is how many words it took. */
static qsp_err
take_criterion(struct source *s, const struct qsp_confline *l, size_t i, bool *holds, size_t *used)
{
	const struct qsp_client_config *c = s->c;
	bool not = l->arg[i][0] == '!';
	const char *what = l->arg[i] + not, *value, *of;

	*used = 1;
	if (strcasecmp(what, "all") == 0) {
		if (l->n != 1 || not )
			return qsp_confline_say(l, s->err, "Match all stands alone");
		*holds = true;
		return 0;
	}
	if (strcasecmp(what, "host") == 0)
		of = c->host_name ? c->host_name : s->scope->original;
	else if (strcasecmp(what, "originalhost") == 0)
		of = s->scope->original;
	else if (strcasecmp(what, "user") == 0)
		of = c->user ? c->user : s->scope->local_user;
	else if (strcasecmp(what, "localuser") == 0)
		of = s->scope->local_user;
	else
		return qsp_confline_say(l, s->err, "Match %s: not a criterion of this version",
					l->arg[i]);
	if (i + 1 >= l->n)
		return qsp_confline_say(l, s->err, "Match %s: missing pattern", what);
	value = l->arg[i + 1];
	*used = 2;
	*holds = matches_list(value, of) != not ;
	return 0;
}

static qsp_err
take_match(struct source *s, const struct qsp_confline *l)
{
	bool all = true;

	if (l->n == 0)
		return qsp_confline_say(l, s->err, "Match: missing criterion");
	for (size_t i = 0, used; i < l->n; i += used) {
		bool holds = false;
		qsp_err e = take_criterion(s, l, i, &holds, &used);

		if (e)
			return e;
		all = all && holds;
	}
	s->active = s->outer && all;
	return 0;
}

/* --- Include -------------------------------------------------------------------------------- */

static qsp_err read_file(struct source *s, const char *path);

/* The pattern as a path: ~ and relative names have their places. */
static char *
include_path(const struct source *s, const char *pattern)
{
	char *path = NULL;
	int n;

	if (pattern[0] == '/')
		return strdup(pattern);
	if (pattern[0] == '~' && pattern[1] == '/')
		n = asprintf(&path, "%s%s", s->scope->home, pattern + 1);
	else if (s->user)
		n = asprintf(&path, "%s/.qssh/%s", s->scope->home, pattern);
	else
		n = asprintf(&path, "%s/%s", s->scope->system_dir, pattern);
	return n < 0 ? NULL : path;
}

static qsp_err
include_pattern(struct source *s, const struct qsp_confline *l, const char *pattern)
{
	struct source inner = *s;
	char *path = include_path(s, pattern);
	glob_t g;
	qsp_err e = 0;
	int r;

	if (!path)
		return QSP_E_NOMEM;
	r = glob(path, 0, NULL, &g);
	free(path);
	if (r == GLOB_NOMATCH)
		return 0;
	if (r != 0)
		return qsp_confline_say(l, s->err, "Include %s: cannot be searched", pattern);
	inner.depth++;
	inner.outer = s->active;
	for (size_t i = 0; i < g.gl_pathc && !e; i++) {
		e = read_file(&inner, g.gl_pathv[i]);
		if (e == QSP_E_NOTFOUND)
			e = 0;
	}
	globfree(&g);
	return e;
}

static qsp_err
take_include(struct source *s, const struct qsp_confline *l)
{
	if (l->n == 0)
		return qsp_confline_say(l, s->err, "Include: missing file name");
	if (s->depth + 1 >= QSP_CLIENT_INCLUDE_MAX)
		return qsp_confline_say(l, s->err, "Include: too many files inside one another");
	for (size_t i = 0; i < l->n; i++) {
		qsp_err e = include_pattern(s, l, l->arg[i]);

		if (e)
			return e;
	}
	return 0;
}

/* --- files ---------------------------------------------------------------------------------- */

static qsp_err
take_line(struct source *s, const struct qsp_confline *l)
{
	if (qsp_confline_is(l, "Host"))
		return take_host(s, l);
	if (qsp_confline_is(l, "Match"))
		return take_match(s, l);
	if (qsp_confline_is(l, "Include"))
		return take_include(s, l);
	return qsp_client_keywords_take(s->c, l, s->active, s->err);
}

static qsp_err
read_stream(struct source *s, FILE *f, const char *name)
{
	struct qsp_confline *l = malloc(sizeof(*l));
	bool end = false;
	qsp_err e = 0;

	if (!l)
		return QSP_E_NOMEM;
	qsp_confline_init(l, name);
	s->active = s->outer;
	while ((e = qsp_confline_next(l, f, &end, s->err)) == 0 && !end) {
		e = take_line(s, l);
		if (e)
			break;
	}
	free(l);
	return e;
}

static qsp_err
read_file(struct source *s, const char *path)
{
	struct stat st;
	FILE *f = fopen(path, "re");
	qsp_err e;

	if (!f && (errno == ENOENT || errno == ENOTDIR))
		return QSP_E_NOTFOUND;
	if (!f || fstat(fileno(f), &st) != 0) {
		snprintf(s->err, QSP_CONFLINE_ERROR_MAX, "%s: %s", path, strerror(errno));
		e = QSP_E_INPUT;
	} else if (s->user && !(s->scope->chosen && s->depth == 0) &&
		   ((st.st_uid != 0 && st.st_uid != getuid()) || (st.st_mode & 022))) {
		/* whoever can write it can have commands run and hosts trusted */
		snprintf(s->err, QSP_CONFLINE_ERROR_MAX, "Bad owner or permissions on %s", path);
		e = QSP_E_INPUT;
	} else {
		e = read_stream(s, f, path);
	}
	if (f)
		fclose(f);
	return e;
}

qsp_err
qsp_client_config_stream(struct qsp_client_config *c, const struct qsp_client_scope *scope, FILE *f,
			 const char *name, bool user, unsigned depth,
			 char err[QSP_CONFLINE_ERROR_MAX])
{
	struct source s = { c, scope, user, depth, true, true, err };

	err[0] = 0;
	return read_stream(&s, f, name);
}

qsp_err
qsp_client_config_file(struct qsp_client_config *c, const struct qsp_client_scope *scope,
		       const char *path, bool user, char err[QSP_CONFLINE_ERROR_MAX])
{
	struct source s = { c, scope, user, 0, true, true, err };

	err[0] = 0;
	return read_file(&s, path);
}

qsp_err
qsp_client_config_option(struct qsp_client_config *c, const char *option,
			 char err[QSP_CONFLINE_ERROR_MAX])
{
	struct qsp_confline *l = malloc(sizeof(*l));
	const char *why;
	qsp_err e;

	err[0] = 0;
	if (!l)
		return QSP_E_NOMEM;
	qsp_confline_init(l, "command-line");
	e = qsp_confline_parse(l, (struct qsp_bytes){ (const uint8_t *)option, strlen(option) },
			       &why);
	if (e)
		e = qsp_confline_say(l, err, "%s: %s", option, why);
	else if (!l->keyword)
		e = qsp_confline_say(l, err, "missing keyword in an option");
	else
		e = qsp_client_keywords_take(c, l, true, err);
	free(l);
	return e;
}
