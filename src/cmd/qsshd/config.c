/* SPDX-License-Identifier: ISC */
/*
 * Reading the configuration: files and their Includes, options of the command line, defaults. What
 * a keyword means is in config_keys.c.
 */
#include "cmd/qsshd/config.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "proto/shape.h"

#define INCLUDE_DEPTH 16

/* A file being read, and the blocks that it stands in. */
struct reading {
	struct qsp_qsshd_config *c;
	const char *outer; /* criteria of the Match block around its Include, or NULL */
	char *criteria;    /* of the block that the lines stand in, or NULL: in none; owned */
	int depth;
	char *err;
};

static qsp_err read_path(const struct reading *outer, const char *path);

/* The folder that relative names in an Include begin at is that of the file. */
static qsp_err
include_pattern(struct reading *r, const struct qsp_confline *l, const char *pattern)
{
	const char *slash = strrchr(l->file, '/');
	char path[4096];
	qsp_err e = 0;
	glob_t g;
	int n, rc;

	if (pattern[0] == '/' || slash == NULL)
		n = snprintf(path, sizeof(path), "%s", pattern);
	else
		n = snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - l->file), l->file,
			     pattern);
	if (n < 0 || (size_t)n >= sizeof(path))
		return qsp_confline_say(l, r->err, "Include: path too long");
	rc = glob(path, 0, NULL, &g);
	if (rc == GLOB_NOMATCH)
		return 0; /* as sshd: a pattern without a file is no error */
	if (rc != 0)
		return qsp_confline_say(l, r->err, "Include: cannot look for %s", path);
	for (size_t i = 0; e == 0 && i < g.gl_pathc; i++)
		e = read_path(r, g.gl_pathv[i]);
	globfree(&g);
	if (e == QSP_E_NOTFOUND || e == QSP_E_IO) {
		/* the file of the Include is there: only a part of it must never count for all */
		(void)snprintf(path, sizeof(path), "%s", r->err);
		return qsp_confline_say(l, r->err, "Include: %s", path);
	}
	return e;
}

static qsp_err
take_include(struct reading *r, const struct qsp_confline *l)
{
	qsp_err e = 0;

	if (l->n == 0)
		return qsp_confline_say(l, r->err, "Include needs a file name");
	if (r->depth == INCLUDE_DEPTH)
		return qsp_confline_say(l, r->err, "Include goes too deep");
	for (size_t i = 0; e == 0 && i < l->n; i++)
		e = include_pattern(r, l, l->arg[i]);
	return e;
}

/* From here to the next one, or the end of the file, lines are for those whom all of this fits. */
static qsp_err
take_match(struct reading *r, const struct qsp_confline *l)
{
	char *own, *both;
	qsp_err e = qsp_qsshd_match_check(l, &own, r->err);

	if (e)
		return e;
	if (asprintf(&both, "%s%s", r->outer ? r->outer : "", own) < 0)
		both = NULL;
	free(own);
	free(r->criteria);
	r->criteria = both;
	return both != NULL ? 0 : QSP_E_NOMEM;
}

/* A line of a block is tried out, and kept for the logins. */
static qsp_err
take_conditional(struct reading *r, const struct qsp_confline *l)
{
	struct qsp_qsshd_config trial;
	qsp_err e;

	e = qsp_qsshd_match_add(r->c, r->criteria, l);
	if (e)
		return qsp_confline_say(l, r->err, "Match: too much of it");
	qsp_qsshd_config_init(&trial);
	e = qsp_qsshd_config_set(&(struct qsp_qsshd_setter){ &trial, l, r->err, true });
	qsp_qsshd_config_free(&trial);
	return e;
}

static qsp_err
take_line(struct reading *r, const struct qsp_confline *l)
{
	if (qsp_confline_is(l, "Include"))
		return take_include(r, l);
	if (qsp_confline_is(l, "Match"))
		return take_match(r, l);
	if (r->criteria != NULL)
		return take_conditional(r, l);
	return qsp_qsshd_config_set(&(struct qsp_qsshd_setter){ r->c, l, r->err, false });
}

static qsp_err
read_lines(struct reading *r, FILE *f, const char *name)
{
	struct qsp_confline l;
	bool end;
	qsp_err e;

	if (r->outer != NULL && (r->criteria = strdup(r->outer)) == NULL)
		return QSP_E_NOMEM;
	qsp_confline_init(&l, name);
	while ((e = qsp_confline_next(&l, f, &end, r->err)) == 0 && !end) {
		if ((e = take_line(r, &l)) != 0)
			break;
	}
	free(r->criteria);
	return e;
}

static qsp_err
read_path(const struct reading *outer, const char *path)
{
	struct reading r = { outer->c, outer->criteria, NULL, outer->depth + 1, outer->err };
	FILE *f = fopen(path, "re");
	qsp_err e;

	if (f == NULL) {
		(void)snprintf(r.err, QSP_CONFLINE_ERROR_MAX, "%s: %s", path, strerror(errno));
		return errno == ENOENT ? QSP_E_NOTFOUND : QSP_E_IO;
	}
	e = read_lines(&r, f, path);
	fclose(f);
	return e;
}

qsp_err
qsp_qsshd_config_read(struct qsp_qsshd_config *c, const char *path,
		      char err[QSP_CONFLINE_ERROR_MAX])
{
	return read_path(&(struct reading){ c, NULL, NULL, -1, err }, path);
}

qsp_err
qsp_qsshd_config_stream(struct qsp_qsshd_config *c, FILE *f, char err[QSP_CONFLINE_ERROR_MAX])
{
	struct reading r = { c, NULL, NULL, INCLUDE_DEPTH, err };

	return read_lines(&r, f, "configuration");
}

qsp_err
qsp_qsshd_config_receive(struct qsp_qsshd_config *c, int fd, char err[QSP_CONFLINE_ERROR_MAX])
{
	FILE *f = fdopen(fd, "r");
	qsp_err e;

	qsp_qsshd_config_init(c);
	if (f == NULL) {
		(void)snprintf(err, QSP_CONFLINE_ERROR_MAX, "no configuration");
		return QSP_E_IO;
	}
	e = qsp_qsshd_config_stream(c, f, err);
	fclose(f);
	return e;
}

qsp_err
qsp_qsshd_config_option(struct qsp_qsshd_config *c, const char *line,
			char err[QSP_CONFLINE_ERROR_MAX])
{
	struct qsp_confline l;
	const char *why;

	qsp_confline_init(&l, "command line");
	if (qsp_confline_parse(&l, (struct qsp_bytes){ (const uint8_t *)line, strlen(line) }, &why))
		return qsp_confline_say(&l, err, "%s", why);
	if (l.keyword == NULL)
		return qsp_confline_say(&l, err, "no keyword");
	if (qsp_confline_is(&l, "Match"))
		return qsp_confline_say(&l, err, "Match needs a file");
	return qsp_qsshd_config_set(&(struct qsp_qsshd_setter){ c, &l, err, false });
}

static void
default_number(int *value, int otherwise)
{
	if (*value < 0)
		*value = otherwise;
}

static bool
default_word(struct qsp_qsshd_list *l, const char *word)
{
	return l->n > 0 || qsp_qsshd_list_add(l, word);
}

/* A path below the owner's folder of qsshd. */
static bool
default_path(struct qsp_qsshd_list *l, const struct qsp_qsshd_owner *o, const char *root,
	     const char *own)
{
	char path[4096];
	int n;

	if (o->is_root)
		return default_word(l, root);
	n = snprintf(path, sizeof(path), "%s/.qssh/%s", o->home, own);
	return n > 0 && (size_t)n < sizeof(path) && default_word(l, path);
}

/* sftp is there unless another was named so. */
static bool
default_subsystem(struct qsp_qsshd_config *c)
{
	for (size_t i = 0; i < c->subsystem.n; i++) {
		if (strcmp(c->subsystem.v[i], "sftp") == 0)
			return true;
	}
	return qsp_qsshd_list_add(&c->subsystem, "sftp") &&
	       qsp_qsshd_list_add(&c->subsystem_command, "internal-sftp");
}

qsp_err
qsp_qsshd_config_finish(struct qsp_qsshd_config *c, const struct qsp_qsshd_owner *o)
{
	default_number(&c->strict_modes, true);
	default_number(&c->password, false);
	default_number(&c->pubkey, true);
	default_number(&c->first_contact, true);
	default_number(&c->interactive, false);
	default_number(&c->use_pam, false);
	default_number(&c->permit_tty, true);
	default_number(&c->permit_user_rc, true);
	default_number(&c->print_motd, true);
	default_number(&c->print_last_log, true);
	default_number(&c->alive_s, 0);
	default_number(&c->alive_count, 3);
	default_number(&c->max_auth_tries, 6);
	default_number(&c->max_sessions, 10);
	default_number(&c->workers, 0);
	default_number(&c->startups_begin, 10);
	default_number(&c->startups_rate, 30);
	default_number(&c->startups_full, 100);
	default_number(&c->grace_s, 120);
	default_number(&c->resume_s, 3600);
	default_number(&c->compression, 1);
	default_number(&c->secret_overlap_s, 30 * 24 * 3600);
	default_number(&c->detached_each, 16);
	default_number(&c->detached_total, 256);
	default_number(&c->allow_tcp_forwarding, QSP_FORWARD_LOCAL | QSP_FORWARD_REMOTE);
	default_number(&c->allow_stream_forwarding, QSP_FORWARD_LOCAL | QSP_FORWARD_REMOTE);
	default_number(&c->gateway_ports, QSP_GATEWAY_NO);
	default_number(&c->allow_agent_forwarding, true);
	default_number(&c->disable_forwarding, false);
	default_number(&c->stream_bind_mask, 0177);
	default_number(&c->stream_bind_unlink, false);
	default_number(&c->log_level, QSP_LOG_INFO);
	default_number(&c->wire, QSP_WIRE_CELLS);
	default_number(&c->shaping, QSP_SHAPE_ALL);
	default_number(&c->shaping_ceiling, QSP_SHAPE_CLASSES - 1);
	if (c->facility < 0 && !qsp_log_facility_by_name("AUTH", &c->facility))
		return QSP_E_INPUT;
	if (!c->has_rekey) {
		c->has_rekey = true;
		c->rekey_cells = 1 << 20; /* [P5.1] */
		c->rekey_s = 600;
	}
	if (c->root == QSP_ROOT_UNSET)
		c->root = QSP_ROOT_PROHIBIT_PASSWORD;
	if (c->accept_env.n == 0 && (!qsp_qsshd_list_add(&c->accept_env, "LANG") ||
				     !qsp_qsshd_list_add(&c->accept_env, "LC_*")))
		return QSP_E_NOMEM;
	if (!default_subsystem(c) || !default_word(&c->chroot, "none") ||
	    !default_word(&c->force_command, "none") || !default_word(&c->permit_user_env, "no") ||
	    !default_word(&c->auth_methods, "any") || !default_word(&c->pam_service, "qsshd") ||
	    !default_word(&c->port, "8022") ||
	    !default_word(&c->authorized_keys, ".qssh/authorized_keys") ||
	    !default_path(&c->host_key, o, "/etc/qssh/host_key_kyber768", "host_key_kyber768") ||
	    !default_path(&c->pid_file, o, "/run/qsshd.pid", "qsshd.pid"))
		return QSP_E_NOMEM;
	return 0;
}
