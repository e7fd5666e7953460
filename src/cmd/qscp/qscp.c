/* SPDX-License-Identifier: ISC */
/*
 * qscp: copies files between this host and others, over qssh and SFTP. Options, then each source to the
 * target.
 */
#include "cmd/qscp/qscp.h"

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/confvalue.h"
#include "sys/spawn.h"
#include "sys/tty.h"

#define FDS_SPARE 64
#define USAGE                                                                                      \
	"usage: qscp [-346ABCpqrTv] [-a|--resume] [-c cipher] [-F config] [-i key] [-J hops]\n"    \
	"            [-l limit] [-o option] [-P port] [-S program] [--stealth[=adaptive]]\n"       \
	"            [--padding=none|burst|max] [--budget=MB/h] source ... target\n"

/* --- options -------------------------------------------------------------------------------- */

static bool
add(struct qsp_qscp *q, const char *arg)
{
	if (q->opt.n_args == QSP_QSCP_ARGS_MAX)
		return false;
	q->opt.args[q->opt.n_args++] = arg;
	return true;
}

/* An option of qssh, passed on as it is. */
static bool
pass(struct qsp_qscp *q, char option, const char *value)
{
	char *text;

	if (asprintf(&text, "-%c%s", option, value ? value : "") < 0)
		return false;
	return add(q, text); /* for the life of the program */
}

static bool
pass_long(struct qsp_qscp *q, const char *name, const char *value)
{
	char *text;

	if (asprintf(&text, value ? "--%s=%s" : "--%s", name, value) < 0)
		return false;
	return add(q, text);
}

static bool
take(struct qsp_qscp *q, int option, const char *value)
{
	uint64_t n;

	switch (option) {
	case '3': q->opt.via_here = true; return true;
	case 'T': return true; /* names are always literal */
	case 's': return true; /* and SFTP is what it speaks */
	case 'p': q->opt.preserve = true; return true;
	case 'q': q->opt.quiet = true; return pass(q, 'q', NULL);
	case 'r': q->opt.recurse = true; return true;
	case 'a': q->opt.resume = true; return true;
	case 'B': return add(q, "-oBatchMode=yes");
	case 'v': q->opt.verbose = true; return pass(q, 'v', NULL);
	case '4':
	case '6':
	case 'A':
	case 'C': return pass(q, (char)option, NULL);
	case 'c':
	case 'F':
	case 'i':
	case 'J':
	case 'o': return pass(q, (char)option, value);
	case 'P': q->opt.port = value; return qsp_confvalue_number(value, 1, 65535, &n) == 0;
	case 'S': q->opt.program = value; return *value != 0;
	case 'l':
		if (qsp_confvalue_number(value, 1, 1u << 30, &n))
			return false;
		q->opt.limit = n * 1024 / 8; /* from kbit/s */
		return true;
	default: return false;
	}
}

enum { LONG = 256 };
static const struct option longs[] = {
	{ "resume", no_argument, NULL, 'a' },
	{ "stealth", optional_argument, NULL, LONG },
	{ "padding", required_argument, NULL, LONG },
	{ "budget", required_argument, NULL, LONG },
	{ NULL, 0, NULL, 0 },
};

/* The words that are no options follow from argv[*first] on. */
static bool
read_options(struct qsp_qscp *q, int argc, char **argv, int *first)
{
	int c, which = 0;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+346ABCTapqrsvc:F:i:J:l:o:P:S:", longs, &which)) !=
	       -1) {
		if (c == '?' && optopt > 0 && optopt < LONG)
			fprintf(stderr, "qscp: unknown option, or one without its value: -%c\n",
				optopt);
		else if (c == '?')
			fprintf(stderr, "qscp: unknown option, or one without its value: %s\n",
				argv[optind - 1]);
		if (c == '?')
			return false;
		if (c == LONG && !pass_long(q, longs[which].name, optarg))
			return false;
		if (c == LONG)
			continue;
		if (!take(q, c, optarg)) {
			fprintf(stderr, "qscp: -%c: bad value%s%s\n", c, optarg ? " " : "",
				optarg ? optarg : "");
			return false;
		}
	}
	*first = optind;
	return argc - optind >= 2;
}

/* --- one source ----------------------------------------------------------------------------- */

struct target {
	struct qsp_qscp_conn *c; /* NULL: here */
	char *path;
	struct qsp_sftp_attrs attrs;
	bool is_folder, is_there;
};

static void
copy_path(struct qsp_qscp *q, struct qsp_qscp_conn *from, const char *path, const struct target *t)
{
	struct qsp_qscp_copy c = { .from = from, .to = t->c, .src = path };
	struct qsp_qscp_answer a = { 0 };
	char *dst = qsp_qscp_place_join(t->path, t->is_folder ? qsp_qscp_place_base(path) : "");

	c.dst = dst;
	c.there = t->is_there && !t->is_folder ? &t->attrs : NULL;
	if (qsp_qscp_source_stat(q, from, path, &c.attrs, &a))
		qsp_qscp_walk(q, &c, 0);
	else if (from != NULL)
		qsp_qscp_say_reply(q, from, path, a.lost ? NULL : &a.r);
	else
		qsp_qscp_say(q, NULL, path, strerror(errno));
	qsp_qscp_call_free(&a);
	free(dst);
}

/* From here to here, as scp: cp does it. */
static void
copy_here(struct qsp_qscp *q, const char *from, const char *to)
{
	const char *argv[8] = { "cp" };
	size_t n = 1;
	int status = 1;
	pid_t pid;

	if (q->opt.recurse)
		argv[n++] = "-r";
	if (q->opt.preserve)
		argv[n++] = "-p";
	argv[n++] = "--";
	argv[n++] = from;
	argv[n++] = to;
	pid = fork();
	if (pid == 0) {
		qsp_spawn_own_signals();
		(void)signal(SIGPIPE, SIG_DFL);
		execvp("cp", (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0 && q->status == 0)
		q->status = 1;
}

static void
copy_source(struct qsp_qscp *q, const char *word, const struct target *t)
{
	struct qsp_qscp_place p;
	struct qsp_qscp_conn *from = NULL;
	struct qsp_sftp_names names = { 0 };

	if (!qsp_qscp_place_parse(word, &p)) {
		q->status = q->status ? q->status : 1;
	} else if (!p.remote && t->c == NULL) {
		copy_here(q, p.path, t->path);
	} else if ((!p.remote || (from = qsp_qscp_conn_get(q, &p)) != NULL) &&
		   qsp_qscp_source_paths(q, from, p.path, &names)) {
		if (names.n > 1 && !t->is_folder)
			qsp_qscp_say(q, t->c, t->path,
				     t->is_there ? "Not a directory" : "No such file or directory");
		for (size_t i = 0; i < names.n && (names.n == 1 || t->is_folder); i++)
			copy_path(q, from, names.v[i], t);
	}
	qsp_sftp_names_free(&names);
	qsp_qscp_place_free(&p);
}

/* --- all of it ------------------------------------------------------------------------------ */

static bool
open_target(struct qsp_qscp *q, const char *word, bool several, struct target *t)
{
	struct qsp_qscp_place p;
	struct qsp_qscp_answer a = { 0 };
	bool ok = qsp_qscp_place_parse(word, &p), there = false;

	if (!ok)
		q->status = 1;
	if (ok && p.remote)
		ok = (t->c = qsp_qscp_conn_get(q, &p)) != NULL;
	if (ok)
		t->path = t->c ? qsp_qscp_source_expand(q, t->c, p.path)
			       : qsp_qscp_say_memory(strdup(p.path));
	ok = ok && t->path != NULL;
	if (ok && t->c != NULL && strcmp(t->path, ".") == 0)
		t->is_folder = there = true; /* where a session begins */
	else if (ok)
		there = qsp_qscp_source_stat(q, t->c, t->path, &t->attrs, &a);
	if (ok && t->c != NULL && t->c->c.broken != NULL) {
		qsp_qscp_say_reply(q, t->c, "", NULL);
		ok = false;
	}
	t->is_folder = t->is_folder || (there && S_ISDIR(t->attrs.mode));
	if (ok && several && !t->is_folder) {
		qsp_qscp_say(q, t->c, t->path,
			     there ? "Not a directory" : "No such file or directory");
		ok = false;
	}
	t->is_there = there;
	qsp_qscp_call_free(&a);
	qsp_qscp_place_free(&p);
	return ok;
}

static void
drain(struct qsp_qscp *q)
{
	bool busy = true;

	while (busy) {
		busy = q->jobs != NULL;
		for (struct qsp_qscp_conn *c = q->conns; c != NULL; c = c->next)
			busy = busy || (c->c.broken == NULL && c->c.pending > c->unwaited);
		if (busy)
			qsp_qscp_step(q);
	}
	/* one that broke with nothing on its way */
	for (struct qsp_qscp_conn *c = q->conns; c != NULL; c = c->next) {
		if (c->c.broken != NULL)
			qsp_qscp_say_reply(q, c, "", NULL);
	}
}

static void
prepare(struct qsp_qscp *q)
{
	struct rlimit limit;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* said as any failure to write */
	qsp_qscp_conn_watch_signals();
	q->last = &q->jobs;
	q->jobs_max = QSP_QSCP_JOBS_MAX;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FDS_SPARE + QSP_QSCP_JOBS_MAX)
		q->jobs_max = limit.rlim_cur > 2 * FDS_SPARE ? limit.rlim_cur - FDS_SPARE : 8;
	q->meter_on = !q->opt.quiet && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) &&
		      tcgetpgrp(STDOUT_FILENO) == getpgrp();
	q->queue_max = QSP_QSCP_RELAY_MAX; /* of which nothing is memory until it is used */
}

int
main(int argc, char **argv)
{
	static struct qsp_qscp q;
	struct target t = { 0 };
	int first = 0;

	(void)setlocale(LC_CTYPE, "");
	if (!read_options(&q, argc, argv, &first)) {
		fputs(USAGE, stderr);
		return 1;
	}
	for (int i = first; i < argc; i++)
		argv[i] = qsp_qscp_place_hide(argv[i]);
	prepare(&q);
	if (open_target(&q, argv[argc - 1], argc - first > 2, &t)) {
		for (int i = first; i < argc - 1; i++)
			copy_source(&q, argv[i], &t);
		drain(&q);
	}
	qsp_qscp_conn_end_all(&q, false);
	free(t.path);
	return q.status;
}
