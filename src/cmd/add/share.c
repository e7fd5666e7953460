/* SPDX-License-Identifier: ISC */
/* What the acts of qssh-add share. */
#include "cmd/add/add.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sys/askpass.h"

void
qsp_add_say(const struct qsp_add *a, const char *fmt, ...)
{
	va_list ap;

	if (a->quiet)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int
qsp_add_fail(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

qsp_err
qsp_add_ask(const char *question, struct qsp_readpass *out)
{
	qsp_err e;

	if (isatty(STDIN_FILENO) || !qsp_askpass_is_set())
		return qsp_readpass_ask(question, out);
	e = qsp_askpass_ask(question, out->s, sizeof(out->s));
	out->n = strlen(out->s);
	return e;
}

int
qsp_add_agent_failed(qsp_err e, const char *what)
{
	if (e == QSP_E_POLICY)
		return qsp_add_fail("%s: agent refused operation", what);
	return qsp_add_fail("%s: communication with agent failed", what);
}
