/* SPDX-License-Identifier: ISC */
/* How qsshd-auth and qsshd-net begin, and how they end where they cannot go on. */
#ifndef QSP_CMD_QSSHD_CHILD_H
#define QSP_CMD_QSSHD_CHILD_H

#include "cmd/qsshd/config.h"

/*
 * As the program `name`: signals are left to qsshd, the log goes where it says, and c is the
 * configuration that it handed over. First of all.
 */
void qsp_child_begin(const char *name, int argc, char **argv, struct qsp_qsshd_config *c);

/* Logs why, and exits. */
void qsp_child_die(const char *why) __attribute__((noreturn));

#endif
