/* SPDX-License-Identifier: ISC */
/*
 * A session's plan as requests on its channel (RFC 4254, 6): a terminal, the environment, and the
 * program.
 */
#include "cmd/qssh/qssh.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/writer.h"

static void
ask(struct qsp_qssh_session *s, const char *name, bool want_reply, const struct qsp_writer *w)
{
	if (qsp_writer_done(w) == 0)
		qsp_qssh_channel_request(&s->ch, name, want_reply, qsp_writer_bytes(w));
}

static void
ask_pty(struct qsp_qssh_session *s)
{
	const struct qsp_client_plan *plan = &s->plan;
	uint8_t room[QSP_CLIENT_MODES_MAX + 512];
	struct qsp_writer w = qsp_writer_of(room, sizeof(room));

	qsp_writer_vec32(&w, qsp_bytes_str(plan->term));
	qsp_writer_u32(&w, plan->size.columns);
	qsp_writer_u32(&w, plan->size.rows);
	qsp_writer_u32(&w, plan->size.width_px);
	qsp_writer_u32(&w, plan->size.height_px);
	qsp_writer_vec32(&w, qsp_bytes(plan->modes, plan->n_modes));
	ask(s, "pty-req", true, &w);
}

static void
ask_env(struct qsp_qssh_session *s, const char *text)
{
	size_t n = strcspn(text, "=");
	uint8_t room[8192 + 8];
	struct qsp_writer w = qsp_writer_of(room, sizeof(room));

	if (text[n] != '=')
		return;
	qsp_writer_vec32(&w, qsp_bytes(text, n));
	qsp_writer_vec32(&w, qsp_bytes_str(text + n + 1));
	ask(s, "env", false, &w);
}

static void
ask_program(struct qsp_qssh_session *s)
{
	static const char *const names[] = { "shell", "exec", "subsystem" };
	const char *command = s->plan.command ? s->plan.command : "";
	size_t cap = strlen(command) + 4;
	uint8_t *room = malloc(cap);
	struct qsp_writer w = qsp_writer_of(room, room ? cap : 0);

	if (s->plan.what != QSP_CLIENT_SHELL)
		qsp_writer_vec32(&w, qsp_bytes_str(command));
	ask(s, names[s->plan.what], true, &w);
	free(room);
}

void
qsp_qssh_request_all(struct qsp_qssh_session *s)
{
	s->replies = 1;
	if (s->plan.tty) {
		s->replies++;
		ask_pty(s);
	}
	if (s->plan.agent && qsp_qssh_agent_may_forward(s->q)) {
		s->q->agent_asked = true;
		qsp_qssh_channel_request(&s->ch, "auth-agent-req@openssh.com", false,
					 QSP_BYTES_NONE);
	}
	for (size_t i = 0; i < s->plan.n_env; i++)
		ask_env(s, s->plan.env[i]);
	ask_program(s);
}
