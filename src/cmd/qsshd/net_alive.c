/* SPDX-License-Identifier: ISC */
/* ClientAliveInterval: a client of whom nothing comes is asked for a sign of life, ClientAliveCountMax
 * times. */
#include "cmd/qsshd/net.h"

#include "sys/log.h"

static void
on_alive(uv_timer_t *t)
{
	struct qsp_net_conn *c = t->data;
	struct qsp_conn *conn = qsp_drive_conn(c->drive);
	struct qsp_conn_info info;

	if (c->doomed || c->state != QSP_NET_OPEN)
		return;
	qsp_conn_get_info(conn, &info);
	if (info.cells_received != c->alive_seen)
		c->alive_missed = 0;
	c->alive_seen = info.cells_received;
	if (c->limits.alive_count > 0 && c->alive_missed++ >= c->limits.alive_count) {
		qsp_log(QSP_LOG_INFO, "Timeout, client not responding from user %s %s port %u",
			c->user, c->peer, c->peer_port);
		/* a client that wakes up may resume; only the connection ends */
		if (!c->listed || !qsp_drive_detach(c->drive) || !qsp_net_detach_lost(c))
			qsp_net_conn_close(c, QSP_REASON_IDLE, "no sign of life");
		return;
	}
	(void)!qsp_conn_ping(conn, c->alive_seen); /* one that cannot be asked will be found out */
	qsp_drive_kick(c->drive);
}

void
qsp_net_alive_start(struct qsp_net_conn *c)
{
	uint64_t ms = (uint64_t)c->limits.alive_s * 1000;

	if (ms > 0)
		(void)uv_timer_start(&c->grace, on_alive, ms, ms);
}
