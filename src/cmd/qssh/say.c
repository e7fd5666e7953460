/* SPDX-License-Identifier: ISC */
/*
 * Diagnostics: to standard error or the file of -E, lines ended as a raw terminal needs it.
 */
#include "cmd/qssh/qssh.h"

#include <stdarg.h>
#include <unistd.h>

static enum qsp_log_level limit = QSP_LOG_INFO;
static FILE *target;

void
qsp_qssh_say_init(enum qsp_log_level level, FILE *to)
{
	limit = level;
	target = to;
}

void
qsp_qssh_say_set_level(enum qsp_log_level level)
{
	limit = level;
}

enum qsp_log_level
qsp_qssh_say_level(void)
{
	return limit;
}

void
qsp_qssh_say(enum qsp_log_level level, const char *fmt, ...)
{
	FILE *f = target ? target : stderr;
	char line[4096];
	va_list ap;
	bool tty;

	if (level > limit)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap); /* first: %m is the caller's */
	va_end(ap);
	tty = f == stderr && isatty(STDERR_FILENO);
	if (level >= QSP_LOG_DEBUG1)
		fprintf(f, "debug%d: ", (int)(level - QSP_LOG_DEBUG1) + 1);
	for (const char *p = line; *p; p++) {
		if (*p == '\n' && tty)
			putc('\r', f);
		putc(*p, f);
	}
	fputs(tty ? "\r\n" : "\n", f);
	fflush(f);
}
