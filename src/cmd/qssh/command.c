/* SPDX-License-Identifier: ISC */
/*
 * ~C: a line typed at qssh itself, which adds and cancels forwards, or runs a command here. It is put
 * together as it is typed, amid everything else; meanwhile nothing that is typed goes to the host.
 */
#include "cmd/qssh/qssh.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sys/tty.h"

enum { CTRL_C = 3, CTRL_D = 4, CTRL_H = 8, CTRL_U = 21, ESC = 27, DEL = 127 };

static void
say(struct qsp_qssh_session *s, const char *line)
{
	qsp_qssh_session_say(s, QSP_LOG_FATAL, "%s", line);
}

static void
echo(const char *text, size_t n)
{
	(void)fwrite(text, 1, n, stderr);
	(void)fflush(stderr);
}

/* --- what a line does ------------------------------------------------------------------------ */

static const char *const help[] = {
	"Commands:",
	"      -L[bind_address:]port:host:hostport    Request local forward",
	"      -R[bind_address:]port:host:hostport    Request remote forward",
	"      -D[bind_address:]port                  Request dynamic forward",
	"      -KL[bind_address:]port                 Cancel local forward",
	"      -KR[bind_address:]port                 Cancel remote forward",
	"      -KD[bind_address:]port                 Cancel dynamic forward",
};

/* The answer may come when the session has gone. */
static void
on_added(void *arg, bool ok, uint16_t port, const char *why)
{
	struct qsp_qssh *q = arg;

	(void)port;
	if (ok)
		qsp_qssh_say(QSP_LOG_FATAL, "Forwarding port.");
	else if (q->opened && !q->leaving)
		qsp_qssh_say(QSP_LOG_FATAL, "Port forwarding failed: %s", why);
}

static void
on_cancelled(void *arg, bool ok, uint16_t port, const char *why)
{
	struct qsp_qssh *q = arg;

	(void)port;
	if (ok)
		qsp_qssh_say(QSP_LOG_FATAL, "Canceled forwarding.");
	else if (q->opened && !q->leaving)
		qsp_qssh_say(QSP_LOG_FATAL, "Unknown port forwarding: %s", why);
}

/* A program of the person's, on the terminal as it was; Ctrl-C is for it, not for us. The connection rests
 * meanwhile, as it does behind ~^Z. */
static void
run_here(struct qsp_qssh_session *s, char *line)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before[2];

	qsp_tty_restore();
	(void)sigaction(SIGINT, &ignore, &before[0]);
	(void)sigaction(SIGQUIT, &ignore, &before[1]);
	qsp_qssh_proxy_run(line);
	(void)sigaction(SIGINT, &before[0], NULL);
	(void)sigaction(SIGQUIT, &before[1], NULL);
	(void)!qsp_tty_raw(STDIN_FILENO);
	uv_update_time(&s->q->loop);
	qsp_qssh_session_resize(s, qsp_tty_get_size(STDIN_FILENO));
}

static void
show_help(struct qsp_qssh_session *s)
{
	for (size_t i = 0; i < sizeof(help) / sizeof(help[0]); i++)
		say(s, help[i]);
	if (s->q->cfg.permit_local_command == QSP_CLIENT_YES)
		say(s, "      !args                                  Execute local command");
}

static void
run(struct qsp_qssh_session *s, char *line)
{
	struct qsp_qssh_forward_order order = { .done = on_added, .arg = s->q };
	bool cancel;

	line += strspn(line, " \t");
	for (size_t n = strlen(line); n > 0 && isspace((unsigned char)line[n - 1]); n--)
		line[n - 1] = 0;
	if (line[0] == 0)
		return;
	if (line[0] == 'h' || line[0] == 'H' || line[0] == '?') {
		show_help(s);
		return;
	}
	if (line[0] == '!' && s->q->cfg.permit_local_command == QSP_CLIENT_YES) {
		run_here(s, line + 1);
		return;
	}
	line += line[0] == '-';
	cancel = line[0] == 'K' || line[0] == 'k';
	line += cancel;
	order.kind = (char)toupper((unsigned char)line[0]);
	if (order.kind != 'L' && order.kind != 'R' && order.kind != 'D') {
		say(s, "Invalid command.");
		return;
	}
	line++;
	order.spec = line + strspn(line, " \t");
	if (cancel) {
		order.done = on_cancelled;
		qsp_qssh_forward_cancel(s->q, &order);
	} else {
		qsp_qssh_forward_add(s->q, &order);
	}
}

/* --- typing ---------------------------------------------------------------------------------- */

void
qsp_qssh_command_begin(struct qsp_qssh_session *s)
{
	s->command.open = true;
	s->command.n = 0;
	echo("\r\nqssh> ", 8);
}

/* Takes n characters back. */
static void
erase(struct qsp_qssh_command *c, size_t n)
{
	for (; n > 0 && c->n > 0; n--, c->n--)
		echo("\b \b", 3);
}

void
qsp_qssh_command_take(struct qsp_qssh_session *s, uint8_t typed)
{
	struct qsp_qssh_command *c = &s->command;
	const char shown = (char)typed;

	switch (typed) {
	case '\r':
	case '\n':
		c->open = false;
		c->line[c->n] = 0;
		echo("\r\n", 2);
		run(s, c->line);
		break;
	case CTRL_C:
	case CTRL_D:
	case ESC:
		c->open = false;
		echo("\r\n", 2);
		break;
	case CTRL_H:
	case DEL: erase(c, 1); break;
	case CTRL_U: erase(c, c->n); break;
	default:
		if (typed < ' ' || typed > '~' || c->n + 1 >= sizeof(c->line))
			break;
		c->line[c->n++] = shown;
		echo(&shown, 1);
	}
}
