/* SPDX-License-Identifier: ISC */
/*
 * A line is formatted into one buffer, stripped of what a terminal or a log reader might obey, and
 * leaves in one write, so that lines of several processes on one descriptor do not mix.
 */
#include "sys/log.h"

#include "base/bytes.h"
#include "base/text.h"
#include "sys/ipc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <unistd.h>

enum sink { TO_STDERR, TO_SYSLOG, TO_RELAY };

/* The log is the one thing that is a process's and not a caller's, like the stderr below it. */
static struct {
	enum sink sink;
	enum qsp_log_level level;
	int fd;
} log_state = { TO_STDERR, QSP_LOG_INFO, STDERR_FILENO };

static const struct {
	const char *name;
	int value;
} levels[] = {
	{ "QUIET", QSP_LOG_QUIET },     { "FATAL", QSP_LOG_FATAL },   { "ERROR", QSP_LOG_ERROR },
	{ "INFO", QSP_LOG_INFO },       { "VERBOSE", QSP_LOG_VERBOSE }, { "DEBUG", QSP_LOG_DEBUG1 },
	{ "DEBUG1", QSP_LOG_DEBUG1 },   { "DEBUG2", QSP_LOG_DEBUG2 }, { "DEBUG3", QSP_LOG_DEBUG3 },
}, facilities[] = {
	{ "DAEMON", LOG_DAEMON }, { "USER", LOG_USER },     { "AUTH", LOG_AUTH },
	{ "AUTHPRIV", LOG_AUTHPRIV }, { "LOCAL0", LOG_LOCAL0 }, { "LOCAL1", LOG_LOCAL1 },
	{ "LOCAL2", LOG_LOCAL2 }, { "LOCAL3", LOG_LOCAL3 }, { "LOCAL4", LOG_LOCAL4 },
	{ "LOCAL5", LOG_LOCAL5 }, { "LOCAL6", LOG_LOCAL6 }, { "LOCAL7", LOG_LOCAL7 },
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

bool
qsp_log_level_by_name(const char *name, enum qsp_log_level *out)
{
	for (size_t i = 0; i < COUNT(levels); i++) {
		if (strcasecmp(name, levels[i].name) == 0) {
			*out = (enum qsp_log_level)levels[i].value;
			return true;
		}
	}
	return false;
}

const char *
qsp_log_level_name(enum qsp_log_level level)
{
	for (size_t i = 0; i < COUNT(levels); i++) {
		if (levels[i].value == (int)level)
			return levels[i].name;
	}
	return "INFO";
}

bool
qsp_log_facility_by_name(const char *name, int *out)
{
	for (size_t i = 0; i < COUNT(facilities); i++) {
		if (strcasecmp(name, facilities[i].name) == 0) {
			*out = facilities[i].value;
			return true;
		}
	}
	return false;
}

const char *
qsp_log_facility_name(int facility)
{
	for (size_t i = 0; i < COUNT(facilities); i++) {
		if (facilities[i].value == facility)
			return facilities[i].name;
	}
	return "AUTH";
}

void
qsp_log_to_stderr(const char *program)
{
	(void)program;
	log_state.sink = TO_STDERR;
}

void
qsp_log_to_syslog(const char *program, int facility)
{
	openlog(program, LOG_PID | LOG_NDELAY, facility);
	log_state.sink = TO_SYSLOG;
}

void
qsp_log_to_relay(int fd)
{
	log_state.sink = TO_RELAY;
	log_state.fd = fd;
}

void
qsp_log_set_level(enum qsp_log_level level)
{
	log_state.level = level;
}

bool
qsp_log_is_on(enum qsp_log_level level)
{
	return level <= log_state.level && level != QSP_LOG_QUIET;
}

static int
priority(enum qsp_log_level level)
{
	switch (level) {
	case QSP_LOG_FATAL: return LOG_CRIT;
	case QSP_LOG_ERROR: return LOG_ERR;
	case QSP_LOG_INFO:
	case QSP_LOG_VERBOSE: return LOG_INFO;
	default: return LOG_DEBUG;
	}
}

/* line[0] is the level, for a relay; the text follows, and one byte after it is free. */
static void
emit(enum qsp_log_level level, char *line, size_t n)
{
	static const char *const prefix[] = { "debug1: ", "debug2: ", "debug3: " };
	char out[QSP_LOG_LINE_MAX + 16];
	int len;

	switch (log_state.sink) {
	case TO_SYSLOG: syslog(priority(level), "%s", line + 1); return;
	case TO_RELAY:
		line[0] = (char)level;
		(void)!qsp_ipc_send(log_state.fd, qsp_bytes(line, n + 1), NULL, 0);
		return;
	case TO_STDERR:
		len = snprintf(out, sizeof(out), "%s%s\n",
			       level >= QSP_LOG_DEBUG1 ? prefix[level - QSP_LOG_DEBUG1] : "",
			       line + 1);
		(void)!write(STDERR_FILENO, out, (size_t)len);
		return;
	}
}

void
qsp_log(enum qsp_log_level level, const char *fmt, ...)
{
	char raw[QSP_LOG_LINE_MAX], line[1 + QSP_LOG_LINE_MAX];
	va_list ap;

	if (!qsp_log_is_on(level))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	qsp_text_printable(qsp_bytes_str(raw), false, line + 1, sizeof(line) - 1);
	emit(level, line, strlen(line + 1));
}

bool
qsp_log_relay(int fd)
{
	static struct qsp_ipc_message m; /* large; the relaying process has one thread */
	qsp_err e = QSP_E_ROOM;

	for (int i = 0; i < QSP_LOG_RELAYED_MAX && (e = qsp_ipc_recv(fd, &m)) == 0; i++) {
		unsigned level = m.data[0];

		qsp_ipc_drop(&m);
		if (level > QSP_LOG_QUIET && level <= QSP_LOG_DEBUG3 && m.n <= QSP_LOG_LINE_MAX)
			qsp_log((enum qsp_log_level)level, "%.*s", (int)(m.n - 1), m.data + 1);
	}
	return e == 0 || e == QSP_E_ROOM || e == QSP_E_INPUT;
}

bool
qsp_log_limit_pass(struct qsp_log_limit *l, qsp_time mono, unsigned *held)
{
	qsp_time earned = l->every_ms ? (mono - l->since) / l->every_ms : l->burst;

	if (l->since == 0 || l->left + earned >= l->burst) {
		l->left = l->burst;
		l->since = mono;
	} else {
		l->left += (unsigned)earned;
		l->since += earned * l->every_ms;
	}
	if (l->left == 0) {
		l->held++;
		return false;
	}
	l->left--;
	*held = l->held;
	l->held = 0;
	return true;
}
