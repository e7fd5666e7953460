/* SPDX-License-Identifier: ISC */
/*
 * Signs of life: where nothing comes from the server it is asked for one, ServerAliveCountMax
 * times.
 */
#include "cmd/qssh/qssh.h"

#include "base/mem.h"
#include "sys/tty.h"

#define ANSWER_MS 3000

static void
on_alive(uv_timer_t *h)
{
	struct qsp_qssh *q = h->data;
	struct qsp_conn *c = qsp_qssh_contact_conn(q);
	struct qsp_conn_info info;

	if (q->leaving)
		return;
	qsp_conn_get_info(c, &info);
	if (info.cells_received != q->alive_seen)
		q->alive_missed = 0;
	q->alive_seen = info.cells_received;
	if (q->alive_missed++ >= q->cfg.alive_count) {
		q->alive_missed = 0;
		qsp_qssh_say(QSP_LOG_INFO, "Timeout, server %s not responding.", q->name);
		if (qsp_qssh_resume_drop(q))
			return;
		qsp_tty_restore();
		qsp_qssh_contact_leave(q, QSP_QSSH_FAILED);
		return;
	}
	(void)!qsp_conn_ping(c, q->alive_seen);
	qsp_qssh_contact_kick(q);
}

void
qsp_qssh_alive_start(struct qsp_qssh *q)
{
	uint64_t ms = (uint64_t)q->cfg.alive_interval * 1000;

	q->alive.data = q;
	if (ms)
		uv_timer_start(&q->alive, on_alive, ms, ms);
}

static bool
can_resume(struct qsp_qssh *q)
{
	struct qsp_ticket t;
	bool can = q->cfg.resume_timeout > 0 &&
		   qsp_conn_ticket(qsp_qssh_contact_conn(q), false, &t) == 0;

	qsp_mem_wipe(&t, sizeof(t));
	return can;
}

void
qsp_qssh_alive_now(struct qsp_qssh *q)
{
	struct qsp_conn *c = qsp_qssh_contact_conn(q);
	struct qsp_conn_info info;

	if (!q->established || q->leaving || q->resume.active || !can_resume(q))
		return;
	qsp_conn_get_info(c, &info);
	q->alive.data = q;
	q->alive_seen = info.cells_received;
	q->alive_missed = q->cfg.alive_count;
	(void)!qsp_conn_ping(c, q->alive_seen);
	qsp_qssh_contact_kick(q);
	uv_timer_start(&q->alive, on_alive, ANSWER_MS, (uint64_t)q->cfg.alive_interval * 1000);
}
