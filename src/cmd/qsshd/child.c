/* SPDX-License-Identifier: ISC */
/* The children of qsshd that live as long as it does. */
#include "cmd/qsshd/child.h"

#include <signal.h>
#include <stdlib.h>

#include "cmd/qsshd/rpc.h"
#include "sys/log.h"
#include "sys/spawn.h"

static const char *program;

void
qsp_child_die(const char *why)
{
	qsp_log(QSP_LOG_FATAL, "%s: %s", program, why);
	exit(1);
}

void
qsp_child_begin(const char *name, int argc, char **argv, struct qsp_qsshd_config *c)
{
	char err[QSP_CONFLINE_ERROR_MAX];

	program = name;
	if (argc != 2)
		qsp_child_die("is started by qsshd");
	qsp_spawn_own_signals();
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN); /* qsshd says when */
	(void)signal(SIGHUP, SIG_IGN);
	if (argv[1][0] == 'r')
		qsp_log_to_relay(QSP_RPC_LOG_FD);
	if (qsp_qsshd_config_receive(c, QSP_RPC_CONFIG_FD, err))
		qsp_child_die(err);
	qsp_log_set_level((enum qsp_log_level)c->log_level);
}
