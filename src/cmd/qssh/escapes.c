/* SPDX-License-Identifier: ISC */
/*
 * Escapes of the terminal: the escape character counts only behind a newline.
 */
#include "cmd/qssh/qssh.h"

#define CTRL_Z 26

static void
help(struct qsp_qssh_session *s)
{
	char c = (char)s->escapes.c;

	qsp_qssh_session_say(
		s, QSP_LOG_FATAL,
		"%c?\nSupported escape sequences:\n"
		" %c.   - terminate connection\n"
		" %cI   - connection information\n"
		" %cR   - request rekey\n"
		" %cV/v - decrease/increase verbosity (LogLevel)\n"
		" %c^Z  - suspend qssh\n"
		" %cC   - open a command line, to forward ports\n"
		" %c#   - list what uses the connection\n"
		" %c&   - background qssh (when waiting for connections to terminate)\n"
		" %c?   - this message\n"
		" %c%c   - send the escape character by typing it twice\n"
		"(Note that escapes are only recognized immediately after newline.)",
		c, c, c, c, c, c, c, c, c, c, c, c);
}

static void
info(struct qsp_qssh_session *s)
{
	static const char *const classes[] = { "first contact (N)", "secret of the host (S)",
					       "pre-shared key (Q)" };
	struct qsp_qssh *q = s->q;
	char shape[QSP_QSSH_SHAPE_TEXT_MAX];
	struct qsp_conn_info i;

	qsp_qssh_shape_info(q, shape);
	qsp_conn_get_info(qsp_qssh_contact_conn(q), &i);
	qsp_qssh_session_say(s, QSP_LOG_FATAL,
			     "%cI\n"
			     " host       %s port %u, as %s\n"
			     " key        %s\n"
			     " cipher     %s, %s\n"
			     " handshake  layout %s, %s\n"
			     " session    %016llx, epoch %u\n"
			     " rekeys     %llu plain, %llu with fresh KEM keys\n"
			     " sent       %llu %s\n"
			     " received   %llu %s\n"
			     " shaping    %s%s",
			     s->escapes.c, q->name, (unsigned)q->port, q->user,
			     qsp_key_type_name(i.kem), qsp_client_aead_name(i.aead),
			     i.wire == QSP_WIRE_CELLS ? "cells" : "frames",
			     i.layout == 2 ? "K (known host)" : "T (first contact)",
			     i.ok_class <= QSP_OK_PSK ? classes[i.ok_class] : "?",
			     (unsigned long long)i.session_id, (unsigned)i.epoch,
			     (unsigned long long)i.plain_rekeys, (unsigned long long)i.kem_rekeys,
			     (unsigned long long)i.cells_sent,
			     i.wire == QSP_WIRE_CELLS ? "cells of 768 bytes" : "frames",
			     (unsigned long long)i.cells_received,
			     i.wire == QSP_WIRE_CELLS ? "cells of 768 bytes" : "frames", shape,
			     q->resume.active ? "\n connection lost, trying again" : "");
}

static void
louder(struct qsp_qssh_session *s, int by)
{
	int level = (int)qsp_qssh_say_level() + by;

	if (level < QSP_LOG_QUIET || level > QSP_LOG_DEBUG3)
		return;
	qsp_qssh_say_set_level((enum qsp_log_level)level);
	qsp_qssh_session_say(s, QSP_LOG_FATAL, "%c%c [LogLevel %s]", s->escapes.c,
			     by < 0 ? 'V' : 'v', qsp_log_level_name((enum qsp_log_level)level));
}

static bool
not_here(struct qsp_qssh_session *s, const char *what)
{
	qsp_qssh_session_say(s, QSP_LOG_FATAL, "%c%s escape not available to multiplexed sessions",
			     s->escapes.c, what);
	return true;
}

static void
open_command(struct qsp_qssh_session *s)
{
	if (s != s->q->session) { /* only who holds the connection may */
		(void)not_here(s, "C");
		return;
	}
	if (s->q->cfg.escape_commandline == QSP_CLIENT_YES)
		qsp_qssh_command_begin(s);
	else
		qsp_qssh_session_say(s, QSP_LOG_FATAL, "commandline disabled");
}

/* The character behind the escape character; false where it means nothing. */
static bool
act(struct qsp_qssh_session *s, uint8_t c)
{
	switch (c) {
	case '.':
		qsp_qssh_session_say(s, QSP_LOG_FATAL, "%c.", s->escapes.c);
		s->ops->leave(s);
		return true;
	case '?': help(s); return true;
	case 'I': info(s); return true;
	case 'R':
		if (s->q->resume.active)
			qsp_qssh_session_say(s, QSP_LOG_FATAL, "[the connection is lost]");
		else if (qsp_conn_rekey(qsp_qssh_contact_conn(s->q), QSP_REKEY_KEM) != 0)
			qsp_qssh_session_say(s, QSP_LOG_FATAL, "[a rekey is under way]");
		qsp_qssh_contact_kick(s->q);
		return true;
	case 'V': louder(s, -1); return true;
	case 'v': louder(s, 1); return true;
	case CTRL_Z:
		qsp_qssh_session_say(s, QSP_LOG_FATAL, "%c^Z [suspend qssh]", s->escapes.c);
		s->ops->suspend(s);
		return true;
	case '&':
		if (!s->ops->background)
			return not_here(s, "&");
		qsp_qssh_session_say(s, QSP_LOG_FATAL, "%c& [backgrounded]", s->escapes.c);
		s->ops->background(s);
		return true;
	case 'C': open_command(s); return true;
	case '#':
		qsp_qssh_session_say(s, QSP_LOG_FATAL, "%c#", s->escapes.c);
		qsp_qssh_channel_list(s);
		qsp_qssh_forward_list(s);
		return true;
	default: return false;
	}
}

size_t
qsp_qssh_escapes_take(struct qsp_qssh_session *s, const uint8_t *in, size_t n, uint8_t *out)
{
	struct qsp_qssh_escapes *x = &s->escapes;
	uint8_t escape = (uint8_t)x->c;
	size_t len = 0;

	for (size_t i = 0; i < n && !s->pump.input_eof; i++) {
		if (s->command.open) {
			qsp_qssh_command_take(s, in[i]);
			continue; /* at the beginning of a line, as before */
		}
		if (x->escaped) {
			x->escaped = false;
			if (in[i] == escape) {
				out[len++] = escape;
				x->in_line = true;
				continue;
			}
			if (act(s, in[i]))
				continue; /* still at the beginning of a line */
			out[len++] = escape;
		} else if (!x->in_line && in[i] == escape) {
			x->escaped = true;
			continue;
		}
		x->in_line = in[i] != '\r' && in[i] != '\n';
		out[len++] = in[i];
	}
	return len;
}
