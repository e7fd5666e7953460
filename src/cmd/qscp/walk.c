/* SPDX-License-Identifier: ISC */
/*
 * Folders, here depth first, over there in the order in which they are found; files become jobs. Links are followed, as scp does. The names that a server tells
 * are checked before they become paths here: no name leads out of the folder that it is listed in.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/qscp/qscp.h"

#define AHEAD 3  /* READDIRs at a time, of a folder */
#define LISTS 16 /* folders at a time */
#define LINKS 64 /* links of a folder at a time */

/* --- what is in them ------------------------------------------------------------------------ */

/* One entry, and what it is: NULL where that is to be looked up, here. */
static void
enter(struct qsp_qscp *q, const struct qsp_qscp_copy *in, const char *name,
      const struct qsp_sftp_attrs *known, int depth)
{
	char *src = qsp_qscp_place_join(in->src, name);
	char *dst = qsp_qscp_place_join(in->dst, name);
	struct qsp_qscp_copy c = { in->from, in->to, src, dst, { 0 }, in->folder, NULL };

	if (known != NULL)
		c.attrs = *known;
	if (known != NULL || qsp_qscp_source_stat(q, NULL, src, &c.attrs, NULL))
		qsp_qscp_walk(q, &c, depth);
	else
		qsp_qscp_say(q, NULL, src, strerror(errno));
	free(src);
	free(dst);
}

static void
list_here(struct qsp_qscp *q, const struct qsp_qscp_copy *c, int depth)
{
	DIR *d = opendir(c->src);
	const struct dirent *e;

	if (d == NULL) {
		qsp_qscp_say(q, NULL, c->src, strerror(errno));
		return;
	}
	while ((errno = 0, e = readdir(d)) != NULL) {
		if (qsp_sftp_glob_safe(e->d_name))
			enter(q, c, e->d_name, NULL, depth);
	}
	if (errno != 0)
		qsp_qscp_say(q, NULL, c->src, strerror(errno));
	closedir(d);
}

typedef void entry_fn(void *arg, const char *name, const struct qsp_sftp_attrs *attrs);

/* The entries of one reply. False where the server has said what cannot be. */
static bool
take_names(struct qsp_qscp *q, struct qsp_qscp_conn *c, const char *path, struct qsp_sftp_reply *r,
	   entry_fn *fn, void *arg)
{
	struct qsp_sftp_name n;
	qsp_err e;

	while ((e = qsp_sftp_get_name(r, &n)) == 0) {
		char *name = qsp_qscp_say_memory(
			strndup(n.name.n > 0 ? (const char *)n.name.p : "", n.name.n));

		if (strlen(name) == n.name.n && qsp_sftp_glob_safe(name)) {
			fn(arg, name, &n.attrs);
		} else if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			char *full = qsp_qscp_place_join(path, "");

			qsp_qscp_say(q, c, full,
				     "the server lists a name that no file in a folder can have");
			free(full);
		}
		free(name);
	}
	if (e == QSP_E_INPUT)
		qsp_sftp_client_break(&c->c, "the server sent a malformed list of names");
	return e == QSP_E_NOTFOUND;
}

/* For patterns. */
static void
on_name(void *arg, const char *name, const struct qsp_sftp_attrs *attrs)
{
	(void)attrs;
	(void)qsp_sftp_names_add(arg, name);
}

/* --- lists of a server ---------------------------------------------------------------------- */

/* An entry of which the list did not say what it is; most are symbolic links. */
struct link {
	struct link *next;
	char *name;
	struct qsp_qscp_answer a;
};

/* A folder whose entries are asked for. Several are at a time, in the order in which they were found, so that
 * a long way is not gone back and forth for each. */
struct qsp_qscp_list {
	struct qsp_qscp_list *next;
	struct qsp_qscp_copy c; /* its paths are owned */
	int depth;              /* of its entries */
	bool begun, over;
	struct link *links, **links_last; /* what is asked about, first come first */
	size_t n_links;
	struct qsp_qscp_answer open, names[AHEAD];
	size_t at, waiting;
};

/* Asks for what can be asked for now. */
static void
ask_ahead(struct qsp_qscp_list *l)
{
	struct qsp_sftp_request r = { .kind = QSP_SFTP_OPENDIR, .path = qsp_bytes_str(l->c.src) };

	if (!l->begun) {
		qsp_qscp_call_begin(l->c.from, &r, &l->open);
		l->begun = true;
		return;
	}
	if (!l->open.done || l->open.lost || l->open.r.type != QSP_SFTP_HANDLE)
		return;
	r.kind = QSP_SFTP_READDIR;
	r.handle = l->open.r.bytes;
	while (!l->over && l->waiting < AHEAD)
		qsp_qscp_call_begin(l->c.from, &r, &l->names[(l->at + l->waiting++) % AHEAD]);
}

static void
ask_about(struct qsp_qscp_list *l, const char *name)
{
	char *src = qsp_qscp_place_join(l->c.src, name);
	struct qsp_sftp_request r = { .kind = QSP_SFTP_STAT, .path = qsp_bytes_str(src) };
	struct link *k = qsp_qscp_say_memory(calloc(1, sizeof(*k)));

	k->name = qsp_qscp_say_memory(strdup(name));
	qsp_qscp_call_begin(l->c.from, &r, &k->a);
	if (l->links == NULL)
		l->links_last = &l->links;
	*l->links_last = k;
	l->links_last = &k->next;
	l->n_links++;
	free(src);
}

/* All that was asked about. */
static void
enter_links(struct qsp_qscp *q, struct qsp_qscp_list *l)
{
	while (l->links != NULL) {
		struct link *k = l->links;

		if (qsp_qscp_call_end(q, &k->a)) {
			enter(q, &l->c, k->name, &k->a.r.attrs, l->depth);
		} else {
			char *src = qsp_qscp_place_join(l->c.src, k->name);

			qsp_qscp_say_reply(q, l->c.from, src, k->a.lost ? NULL : &k->a.r);
			free(src);
		}
		l->links = k->next;
		l->n_links--;
		qsp_qscp_call_free(&k->a);
		free(k->name);
		free(k);
	}
}

/* For one answer of l, the lists behind it going on meanwhile. */
static bool
wait_for(struct qsp_qscp *q, struct qsp_qscp_list *l, struct qsp_qscp_answer *a)
{
	size_t most = l->c.from->jobs_max / 2 < LISTS ? l->c.from->jobs_max / 2 : LISTS;

	for (;;) {
		struct qsp_qscp_list *other = q->lists;

		ask_ahead(l);
		for (size_t i = 0; i < most && other != NULL; i++, other = other->next)
			ask_ahead(other);
		if (a->done)
			return qsp_qscp_call_end(q, a);
		qsp_qscp_step(q);
	}
}

/* All entries. */
static bool
take_list(struct qsp_qscp *q, struct qsp_qscp_list *l, entry_fn *fn, void *arg)
{
	struct qsp_qscp_conn *c = l->c.from;
	bool ok;

	ask_ahead(l);
	ok = wait_for(q, l, &l->open);
	l->over = !ok;
	if (!ok && (l->open.lost || fn != on_name)) /* a pattern just does not fit there */
		qsp_qscp_say_reply(q, c, l->c.src, l->open.lost ? NULL : &l->open.r);
	while (!l->over || l->waiting > 0) {
		struct qsp_qscp_answer *next = &l->names[l->at % AHEAD];

		ask_ahead(l);
		if (!wait_for(q, l, next)) {
			if (!l->over && (next->lost || next->r.status != QSP_SFTP_EOF)) {
				qsp_qscp_say_reply(q, c, l->c.src, next->lost ? NULL : &next->r);
				ok = false;
			}
			l->over = true;
		} else if (next->r.count == 0) {
			l->over = true; /* some servers end so */
		} else if (!take_names(q, c, l->c.src, &next->r, fn, arg)) {
			ok = false;
			l->over = true;
		}
		qsp_qscp_call_free(next);
		l->at++;
		l->waiting--;
		enter_links(q, l);
	}
	if (l->open.r.bytes.n > 0 && c->c.broken == NULL)
		qsp_qscp_conn_close(c, l->open.r.bytes);
	qsp_qscp_call_free(&l->open);
	return ok;
}

struct entering {
	struct qsp_qscp *q;
	struct qsp_qscp_list *l;
};

static void
on_entry(void *arg, const char *name, const struct qsp_sftp_attrs *attrs)
{
	struct entering *e = arg;

	if ((attrs->has & QSP_SFTP_HAS_MODE) && (attrs->has & QSP_SFTP_HAS_SIZE) &&
	    !S_ISLNK(attrs->mode)) {
		enter(e->q, &e->l->c, name, attrs, e->l->depth);
		return;
	}
	ask_about(e->l, name);
	if (e->l->n_links == LINKS)
		enter_links(e->q, e->l);
}

/* Behind those that are there; who puts the first one takes them all. */
static void
add_list(struct qsp_qscp *q, const struct qsp_qscp_copy *c, int depth)
{
	struct qsp_qscp_list *l = qsp_qscp_say_memory(calloc(1, sizeof(*l))), **p = &q->lists;
	bool first = q->lists == NULL;

	l->c = *c;
	l->c.src = qsp_qscp_say_memory(strdup(c->src));
	l->c.dst = qsp_qscp_say_memory(strdup(c->dst));
	l->depth = depth;
	if (!first)
		p = q->lists_last;
	*p = l;
	q->lists_last = &l->next;
	while (first && (l = q->lists) != NULL) {
		struct entering e = { q, l };

		(void)take_list(q, l, on_entry, &e);
		q->lists = l->next;
		qsp_qscp_folder_unref(l->c.folder);
		free((char *)(uintptr_t)l->c.src);
		free((char *)(uintptr_t)l->c.dst);
		free(l);
	}
}

bool
qsp_qscp_walk_names(struct qsp_qscp *q, struct qsp_qscp_conn *c, const char *path,
		    struct qsp_sftp_names *out)
{
	struct qsp_qscp_list l = { .c = { .from = c, .src = path } };

	return take_list(q, &l, on_name, out);
}

static void
walk_folder(struct qsp_qscp *q, const struct qsp_qscp_copy *c, int depth)
{
	struct qsp_qscp_copy in = *c;

	if (depth > QSP_QSCP_DEPTH_MAX) {
		qsp_qscp_say(q, c->from, c->src, "too many folders in folders, or a loop of links");
		return;
	}
	in.folder = qsp_qscp_folder_new(q, c);
	if (in.folder == NULL)
		return;
	if (c->from != NULL) {
		add_list(q, &in, depth + 1);
		return;
	}
	list_here(q, &in, depth + 1);
	qsp_qscp_folder_unref(in.folder);
}

void
qsp_qscp_walk(struct qsp_qscp *q, const struct qsp_qscp_copy *c, int depth)
{
	mode_t mode = c->attrs.has & QSP_SFTP_HAS_MODE ? c->attrs.mode : S_IFREG;

	if ((c->from && c->from->c.broken) || (c->to && c->to->c.broken))
		return; /* was said */
	if (S_ISDIR(mode) && q->opt.recurse)
		walk_folder(q, c, depth);
	else if (S_ISDIR(mode))
		qsp_qscp_say(q, c->from, c->src, "is a directory, which -r copies");
	else if (S_ISREG(mode) || (mode & S_IFMT) == 0)
		qsp_qscp_job_add(q, c);
	else
		qsp_qscp_say(q, c->from, c->src, "not a regular file");
}
