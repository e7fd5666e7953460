/* SPDX-License-Identifier: ISC */
/* ControlMaster ask and autoask: whether a client may use the connection, or end it. */
#include "cmd/qssh/qssh.h"

#include <string.h>
#include <unistd.h>

#include "sys/askpass.h"
#include "sys/tty.h"

bool
qsp_qssh_control_allows(struct qsp_qssh *q, const char *what)
{
	bool asks = q->cfg.control_master == QSP_CLIENT_ASK ||
		    q->cfg.control_master == QSP_CLIENT_AUTO_ASK;
	char question[400], answer[16];
	bool yes;

	if (!asks)
		return true;
	snprintf(question, sizeof(question), "%s to %s? (yes/no) ", what, q->name);
	if (qsp_askpass_is_set() || !qsp_tty_can_ask())
		return qsp_askpass_confirm(question);
	yes = qsp_tty_ask(question, true, answer, sizeof(answer)) == 0 &&
	      strcmp(answer, "yes") == 0;
	if (q->session && q->session->has_tty)
		(void)!qsp_tty_raw(STDIN_FILENO);
	uv_update_time(&q->loop);
	return yes;
}
