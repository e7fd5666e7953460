/* SPDX-License-Identifier: ISC */
/* What the paths of the command line stand for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/qscp/qscp.h"

bool
qsp_qscp_source_stat(struct qsp_qscp *q, struct qsp_qscp_conn *c, const char *path,
		     struct qsp_sftp_attrs *out, struct qsp_qscp_answer *a)
{
	struct qsp_sftp_request r = { .kind = QSP_SFTP_STAT, .path = qsp_bytes_str(path) };
	struct stat st;

	if (c != NULL) {
		bool ok = qsp_qscp_call(q, c, &r, a);

		*out = a->r.attrs;
		return ok;
	}
	if (stat(path, &st) != 0)
		return false;
	*out = (struct qsp_sftp_attrs){ .has = QSP_SFTP_HAS_SIZE | QSP_SFTP_HAS_MODE |
					       QSP_SFTP_HAS_TIMES,
					.size = (uint64_t)st.st_size,
					.mode = st.st_mode,
					.atime = (uint32_t)st.st_atime,
					.mtime = (uint32_t)st.st_mtime };
	return true;
}

static char *
place_of(struct qsp_bytes folder, const char *rest)
{
	char *name = qsp_qscp_say_memory(strndup(folder.n ? (const char *)folder.p : "", folder.n));
	char *out = qsp_qscp_place_join(name, rest + strspn(rest, "/"));

	free(name);
	return out;
}

char *
qsp_qscp_source_expand(struct qsp_qscp *q, struct qsp_qscp_conn *c, const char *path)
{
	size_t home = strcspn(path, "/");
	struct qsp_sftp_request r = { .kind = QSP_SFTP_EXPAND_PATH, .path = qsp_bytes(path, home) };
	struct qsp_qscp_answer a;
	struct qsp_sftp_name n;
	char *out = NULL;

	if (*path == 0)
		return qsp_qscp_say_memory(strdup("."));
	if (*path != '~')
		return qsp_qscp_say_memory(strdup(path));
	while (!c->c.ready && c->c.broken == NULL)
		qsp_qscp_step(q);
	if (c->c.broken != NULL) {
		qsp_qscp_say_reply(q, c, path, NULL);
		return NULL;
	}
	if (!c->c.has[QSP_SFTP_EXPAND_PATH]) {
		/* a session begins in the home folder */
		if (strcmp(path, "~") == 0 || strcmp(path, "~/") == 0)
			return qsp_qscp_say_memory(strdup("."));
		if (path[1] == '/')
			return qsp_qscp_say_memory(strdup(path + 2));
		qsp_qscp_say(q, c, path, "this server cannot say where a user's home is");
		return NULL;
	}
	if (qsp_qscp_call(q, c, &r, &a) && a.r.type == QSP_SFTP_NAME &&
	    qsp_sftp_get_name(&a.r, &n) == 0)
		/* what follows the home is ours to say: it names the file here */
		out = place_of(n.name, path + home);
	else
		qsp_qscp_say_reply(q, c, path, a.lost ? NULL : &a.r);
	qsp_qscp_call_free(&a);
	return out;
}

/* --- patterns ------------------------------------------------------------------------------- */

struct place {
	struct qsp_qscp *q;
	struct qsp_qscp_conn *c;
};

static bool
list(void *arg, const char *folder, struct qsp_sftp_names *out)
{
	struct place *p = arg;

	return qsp_qscp_walk_names(p->q, p->c, folder, out);
}

static bool
exists(void *arg, const char *path)
{
	struct place *p = arg;
	struct qsp_sftp_request r = { .kind = QSP_SFTP_LSTAT, .path = qsp_bytes_str(path) };
	struct qsp_qscp_answer a;
	bool ok = qsp_qscp_call(p->q, p->c, &r, &a);

	qsp_qscp_call_free(&a);
	return ok;
}

/* A home as such is called here what it is called there; but a name that hides, or is none, might be meant to
 * take the place of something. */
static bool
add_home(struct qsp_qscp *q, struct qsp_qscp_conn *c, const char *path, const char *full,
	 struct qsp_sftp_names *out)
{
	const char *base = qsp_qscp_place_base(full);

	if (*base == 0 || *base == '.') {
		qsp_qscp_say(q, c, path, "is a home without a name of its own: say its path");
		return false;
	}
	return qsp_sftp_names_add(out, full);
}

bool
qsp_qscp_source_paths(struct qsp_qscp *q, struct qsp_qscp_conn *c, const char *path,
		      struct qsp_sftp_names *out)
{
	struct place p = { q, c };
	struct qsp_sftp_glob g = { list, exists, &p };
	char *full = c ? qsp_qscp_source_expand(q, c, path) : NULL;
	bool ok = true;

	if (c != NULL && full == NULL)
		return false;
	if (c == NULL) {
		ok = qsp_sftp_names_add(out, path);
	} else if (*path == '~' && path[strcspn(path, "/")] == 0 && strcmp(full, ".") != 0) {
		ok = add_home(q, c, path, full, out);
		free(full);
		return ok;
	} else if (!qsp_sftp_glob_is(full) || exists(&p, full)) {
		ok = qsp_sftp_names_add(out, full); /* a name that is there means itself */
	} else {
		ok = qsp_sftp_glob(&g, full, out);
		if (ok && out->n == 0 && c->c.broken == NULL)
			qsp_qscp_say(q, c, path, "No such file or directory");
	}
	if (!ok)
		qsp_qscp_say(q, c, path, "too many names");
	free(full);
	return ok && out->n > 0;
}
