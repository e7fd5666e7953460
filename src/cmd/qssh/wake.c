/* SPDX-License-Identifier: ISC */
/*
 * The machine has slept. What is promised in time of the world counts that, and the server may have
 * given the connection up meanwhile, or may wait long before it sends again: it is asked for a sign
 * of life at once.
 */
#include "cmd/qssh/qssh.h"

#include <fcntl.h>
#include <unistd.h>

#include "sys/wake.h"

#define NAP_MS 5000 /* less is borne by what TCP sends again */

static void
on_wake(uv_poll_t *h, int status, int events)
{
	struct qsp_qssh *q = h->data;
	qsp_time nap = qsp_wake_nap(&q->wake.slept, qsp_wake_slept());

	(void)status;
	(void)events;
	qsp_wake_heard(q->wake.fd);
	qsp_qssh_program_slept(q, nap);
	if (nap >= NAP_MS)
		qsp_qssh_alive_now(q);
}

void
qsp_qssh_wake_begin(struct qsp_qssh *q)
{
	q->wake.slept = qsp_wake_slept();
	q->wake.fd = qsp_wake_open();
	if (q->wake.fd < 0)
		return;
	if (uv_poll_init(&q->loop, &q->wake.poll, q->wake.fd) != 0) {
		close(q->wake.fd);
		q->wake.fd = -1;
		return;
	}
	q->wake.poll.data = q;
	uv_poll_start(&q->wake.poll, UV_READABLE, on_wake);
	uv_unref((uv_handle_t *)&q->wake.poll);
}

void
qsp_qssh_wake_fork(struct qsp_qssh *q)
{
	int own = q->wake.fd < 0 ? -1 : qsp_wake_open();

	if (own < 0)
		return;
	(void)dup3(own, q->wake.fd, O_CLOEXEC);
	close(own);
}

void
qsp_qssh_wake_end(struct qsp_qssh *q)
{
	if (q->wake.fd < 0)
		return;
	uv_close((uv_handle_t *)&q->wake.poll, NULL);
	close(q->wake.fd);
	q->wake.fd = -1;
}
