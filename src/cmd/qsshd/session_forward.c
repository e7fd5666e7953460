/* SPDX-License-Identifier: ISC */
/* What qsshd-net asks of forwarding, and the poll that all of it shares. */
#include "cmd/qsshd/session_forward.h"

#include "base/bytes.h"

static void
refuse(const struct qsp_rpc_target *t, bool listening)
{
	struct qsp_rpc_connected m = { .channel = t->id,
				       .reason = QSP_FORWARD_PROHIBITED,
				       .text = qsp_bytes_str("open failed") };
	uint8_t buf[64];
	struct qsp_writer w =
		qsp_rpc_begin(buf, sizeof(buf), listening ? QSP_RPC_LISTENING : QSP_RPC_CONNECTED);

	if (listening) {
		qsp_writer_u32(&w, t->id);
		qsp_writer_u8(&w, false);
		qsp_writer_u16(&w, 0);
	} else {
		qsp_rpc_put_connected(&w, &m);
	}
	(void)!qsp_ipc_send_wait(QSP_SESSION_FD, qsp_writer_bytes(&w), NULL, 0);
}

bool
qsp_session_forward_handle(struct qsp_session *s, uint8_t type, struct qsp_bytes body)
{
	struct qsp_rpc_target t;

	if (type != QSP_RPC_CONNECT && type != QSP_RPC_LISTEN && type != QSP_RPC_UNLISTEN)
		return false;
	if (qsp_rpc_get_target(body, &t))
		return true;
	if (type == QSP_RPC_CONNECT && qsp_session_permit_connect(s, &t))
		qsp_session_connect_start(s, &t);
	else if (type == QSP_RPC_LISTEN && qsp_session_permit_listen(s, &t))
		qsp_session_listen_on(s, &t);
	else if (type == QSP_RPC_UNLISTEN)
		qsp_session_listen_off(s, &t);
	else
		refuse(&t, type == QSP_RPC_LISTEN);
	return true;
}

/* Listeners first: _run counts on it. */
size_t
qsp_session_forward_poll(struct qsp_session *s, struct pollfd *p, int *timeout_ms)
{
	size_t n = qsp_session_listen_poll(s, p, timeout_ms);

	return n + qsp_session_connect_poll(s, p + n, timeout_ms);
}

void
qsp_session_forward_run(struct qsp_session *s, const struct pollfd *p, size_t n)
{
	qsp_session_listen_run(s, p, n);
	qsp_session_connect_run(s);
}

void
qsp_session_forward_end(struct qsp_session *s)
{
	qsp_session_listen_end(s);
	qsp_session_agent_end(s);
}
