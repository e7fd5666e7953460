/* SPDX-License-Identifier: ISC */
/*
 * The log of a program: to syslog, to stderr (which may be a file), or through a descriptor to a
 * process that does one of the two. Levels as sshd's. Thread-safe; a line is one write.
 */
#ifndef QSP_SYS_LOG_H
#define QSP_SYS_LOG_H

#include <qsp/base.h>

enum qsp_log_level {
	QSP_LOG_QUIET,
	QSP_LOG_FATAL,
	QSP_LOG_ERROR,
	QSP_LOG_INFO,
	QSP_LOG_VERBOSE,
	QSP_LOG_DEBUG1,
	QSP_LOG_DEBUG2,
	QSP_LOG_DEBUG3,
};

#define QSP_LOG_LINE_MAX 1024 /* longer ones are cut */

/* Name of a level ("DEBUG" and "DEBUG1" are one), of a syslog facility ("AUTH"); false if unknown. */
bool qsp_log_level_by_name(const char *name, enum qsp_log_level *out);
const char *qsp_log_level_name(enum qsp_log_level level);
bool qsp_log_facility_by_name(const char *name, int *out);
const char *qsp_log_facility_name(int facility);

/* Where lines go from here on; stderr at first. `program` is static. */
void qsp_log_to_stderr(const char *program);
void qsp_log_to_syslog(const char *program, int facility);
/* Through an ipc socket, to whoever calls qsp_log_relay there. Never waits: a full socket drops. */
void qsp_log_to_relay(int fd);
void qsp_log_set_level(enum qsp_log_level level);
bool qsp_log_is_on(enum qsp_log_level level);

/* One line, made printable; its end is added. */
void qsp_log(enum qsp_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Takes what waits in the other end of a relay, so many lines at most: somebody may never cease to write.
 * False once its writers are gone. */
#define QSP_LOG_RELAYED_MAX 64
bool qsp_log_relay(int fd);

/*
 * A bucket of lines: `burst` at once, then one each `every_ms`. qsp_log_limit_pass says whether a line
 * may go out now, and how many were held back before it. Not thread-safe.
 */
struct qsp_log_limit {
	unsigned burst, every_ms;
	unsigned left, held;
	qsp_time since;
};
bool qsp_log_limit_pass(struct qsp_log_limit *l, qsp_time mono, unsigned *held);

#endif
