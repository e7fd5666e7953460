/* SPDX-License-Identifier: ISC */
/*
 * What is asked of a session: a terminal with its modes, the environment, and the program.
 */
#ifndef QSP_APP_CLIENT_PLAN_H
#define QSP_APP_CLIENT_PLAN_H

#include <qsp/base.h>

#include "sys/tty.h"

#define QSP_CLIENT_MODES_MAX 512
#define QSP_CLIENT_TERM_MAX 255
#define QSP_CLIENT_ENV_MAX 1024          /* variables */
#define QSP_CLIENT_ENV_LEN_MAX 8192      /* bytes of one, NAME=VALUE */
#define QSP_CLIENT_COMMAND_MAX (1 << 17) /* as much as a system takes for one argument */

enum qsp_client_what { QSP_CLIENT_SHELL, QSP_CLIENT_EXEC, QSP_CLIENT_SUBSYSTEM_NAME };

/* Strings on the heap. */
struct qsp_client_plan {
	enum qsp_client_what what;
	char *command; /* unless SHELL */
	bool agent;    /* forwarded, where that may be */
	bool tty;
	char *term; /* with a tty */
	struct qsp_tty_size size;
	uint8_t modes[QSP_CLIENT_MODES_MAX]; /* RFC 4254, 8 */
	size_t n_modes;
	char **env; /* NAME=VALUE */
	size_t n_env;
};

/* Adds a copy; what is longer than allowed, or one too many, is left out. QSP_E_NOMEM. */
QSP_MUST_USE qsp_err qsp_client_plan_add_env(struct qsp_client_plan *plan, const char *text,
					     size_t n);
void qsp_client_plan_wipe(struct qsp_client_plan *plan);

#endif
