/* SPDX-License-Identifier: ISC */
/* The configuration as the command line and the files say it, where the log goes, the pid file. */
#include "cmd/qsshd/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "sys/file.h"

bool
qsp_server_config(const struct qsp_server_options *o, struct qsp_qsshd_config *c,
		  char err[QSP_CONFLINE_ERROR_MAX])
{
	qsp_err e = 0;

	qsp_qsshd_config_init(c);
	for (size_t i = 0; e == 0 && i < o->lines.n; i++)
		e = qsp_qsshd_config_option(c, o->lines.v[i], err);
	c->port_fixed = c->port.n > 0;
	if (e == 0) {
		e = qsp_qsshd_config_read(c, o->config, err);
		if (e == QSP_E_NOTFOUND && !o->config_given)
			e = 0; /* a server without a file has the defaults */
	}
	if (e == 0 && (e = qsp_qsshd_config_finish(c, &o->owner)) != 0)
		(void)snprintf(err, QSP_CONFLINE_ERROR_MAX, "%s", qsp_err_text(e));
	if (e)
		qsp_qsshd_config_free(c);
	return e == 0;
}

void
qsp_server_log(const struct qsp_server *s, const struct qsp_qsshd_config *c)
{
	qsp_log_set_level((enum qsp_log_level)c->log_level);
	if (!s->options->to_stderr)
		qsp_log_to_syslog("qsshd", c->facility);
}

static const char *
pid_path(const struct qsp_qsshd_config *c)
{
	return strcasecmp(c->pid_file.v[0], "none") == 0 ? NULL : c->pid_file.v[0];
}

void
qsp_server_write_pid(const struct qsp_qsshd_config *c)
{
	const char *path = pid_path(c);
	struct qsp_file_error err;
	char text[24];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (path != NULL && qsp_file_replace(path, qsp_bytes(text, (size_t)n), 0644, &err))
		qsp_log(QSP_LOG_ERROR, "Couldn't create pid file %s", err.text);
}

void
qsp_server_remove_pid(const struct qsp_qsshd_config *c)
{
	const char *path = pid_path(c);

	if (path != NULL && unlink(path) != 0 && errno != ENOENT)
		qsp_log(QSP_LOG_ERROR, "cannot remove %s: %s", path, strerror(errno));
}
