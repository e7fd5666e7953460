/* SPDX-License-Identifier: ISC */
/*
 * Terminals come from qsshd-auth, which may write into the records of logins; where it gives none, as
 * without root, the session opens its own.
 */
#include "cmd/qsshd/session.h"

#include <string.h>
#include <unistd.h>

#include "base/text.h"

static bool
take(struct qsp_session_channel *ch, struct qsp_ipc_message *m)
{
	struct qsp_rpc_tty t;

	if (m->data[0] != QSP_RPC_TTY || qsp_rpc_get_tty(qsp_bytes(m->data + 1, m->n - 1), &t) ||
	    !t.ok || m->n_fds != 2 || t.name.n >= sizeof(ch->tty))
		return false;
	ch->master = qsp_ipc_take(m, 0);
	ch->slave = qsp_ipc_take(m, 1);
	qsp_text_printable(t.name, false, ch->tty, sizeof(ch->tty));
	ch->last = t.last;
	qsp_text_printable(t.last_host, false, ch->last_host, sizeof(ch->last_host));
	ch->from_desk = true;
	return true;
}

/* False where nobody answers. */
static bool
ask(const struct qsp_session *s, struct qsp_session_channel *ch, bool *ok)
{
	static const uint8_t want = QSP_RPC_TTY;
	static struct qsp_ipc_message m;

	if (qsp_ipc_send_wait(s->desk, qsp_bytes(&want, 1), NULL, 0) ||
	    qsp_ipc_recv_wait(s->desk, &m))
		return false;
	*ok = take(ch, &m);
	qsp_ipc_drop(&m);
	return true;
}

bool
qsp_session_tty_open(struct qsp_session *s, struct qsp_session_channel *ch)
{
	bool ok = false;

	if (s->desk >= 0 && ask(s, ch, &ok))
		return ok;
	if (s->desk >= 0) { /* qsshd-auth has died since */
		close(s->desk);
		s->desk = -1;
	}
	return qsp_spawn_pty(&ch->master, &ch->slave, ch->tty) == 0;
}

static void
tell(const struct qsp_session *s, const struct qsp_session_channel *ch, struct qsp_writer *w)
{
	qsp_writer_put(w, qsp_bytes_str(ch->tty));
	if (s->desk >= 0 && ch->from_desk && qsp_writer_done(w) == 0)
		(void)!qsp_ipc_send_wait(s->desk, qsp_writer_bytes(w), NULL, 0);
}

void
qsp_session_tty_used(const struct qsp_session *s, const struct qsp_session_channel *ch)
{
	uint8_t buf[QSP_SPAWN_TTY_MAX + 8];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_TTY_USED);

	qsp_writer_u32(&w, (uint32_t)ch->pid);
	tell(s, ch, &w);
}

void
qsp_session_tty_gone(const struct qsp_session *s, struct qsp_session_channel *ch)
{
	uint8_t buf[QSP_SPAWN_TTY_MAX + 8];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_TTY_GONE);

	tell(s, ch, &w);
	ch->from_desk = false;
}
