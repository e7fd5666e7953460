/* SPDX-License-Identifier: ISC */
/*
 * Values of configuration keywords, as ssh_config and sshd_config write them. All are strict: the whole
 * word counts, and what does not fit is refused.
 */
#ifndef QSP_APP_CONFVALUE_H
#define QSP_APP_CONFVALUE_H

#include <qsp/base.h>

/* "yes" or "no" ("true", "false" too). */
QSP_MUST_USE qsp_err qsp_confvalue_bool(const char *s, bool *out);
/* A decimal number of min..max. */
QSP_MUST_USE qsp_err qsp_confvalue_number(const char *s, uint64_t min, uint64_t max, uint64_t *out);
/* A time: "90", "90s", "1h30m", units s m h d w; in seconds, at most a year. */
QSP_MUST_USE qsp_err qsp_confvalue_seconds(const char *s, uint64_t *out);
/* A size: "1000", "64K", "1M", "2G", in bytes. */
QSP_MUST_USE qsp_err qsp_confvalue_size(const char *s, uint64_t *out);
/* Cuts "host", "host:port", "[host]:port", "IPv6" in place; *port is left alone where none is there. */
QSP_MUST_USE qsp_err qsp_confvalue_host_port(char *s, char **host, int *port);

#endif
