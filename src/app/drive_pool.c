/* SPDX-License-Identifier: ISC */
/*
 * What the drives of a loop share: one worker, one buffer each way, and the list of drives that
 * were kicked. A kick runs nothing by itself; the list is worked off before the loop waits. So the
 * buffers are in use by one drive at a time, and whoever kicks finds its own state unchanged.
 */
#include "app/drive_clock.h"
#include "app/drive_impl.h"
#include "app/drive_linger.h"
#include "app/drive_shape.h"

#include <stdlib.h>

#include "base/mem.h"

_Static_assert(QSP_DRIVE_IN_CAP >= QSP_RECV_MIN_FRAMES + 128 * 1024, "a unit and a large read");

void
qsp_drive_pool_remove(struct qsp_drive *d)
{
	if (!d->prev)
		return;
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	d->prev = NULL;
}

void
qsp_drive_pool_add(struct qsp_drive *d)
{
	struct qsp_drive_pool *p = d->pool;

	if (d->prev || d->freed || d->state == QSP_DRIVE_OVER)
		return;
	d->next = p->kicked;
	if (d->next)
		d->next->prev = &d->next;
	p->kicked = d;
	d->prev = &p->kicked;
}

static void
on_idle(uv_idle_t *h)
{
	(void)h;
}

static void
on_prepare(uv_prepare_t *h)
{
	struct qsp_drive_pool *p = h->data;
	struct qsp_drive *turn = p->kicked; /* drives kicked from here on wait for the next turn */

	p->kicked = NULL;
	if (turn)
		turn->prev = &turn;
	while (turn) {
		struct qsp_drive *d = turn;

		qsp_drive_pool_remove(d);
		qsp_drive_run(d, 0);
	}
	if (p->kicked)
		uv_idle_start(&p->idle, on_idle);
	else
		uv_idle_stop(&p->idle);
}

static void
on_closed(uv_handle_t *h)
{
	struct qsp_drive_pool *p = h->data;

	if (--p->handles == 0)
		qsp_mem_free(p);
}

qsp_err
qsp_drive_pool_new(uv_loop_t *loop, const struct qsp_crypto *cx, struct qsp_drive_pool **out)
{
	struct qsp_drive_pool *p = qsp_mem_alloc(sizeof(*p));
	qsp_err e = QSP_E_NOMEM;

	if (!p)
		return QSP_E_NOMEM;
	p->loop = loop;
	p->lingering_max = QSP_DRIVE_LINGERING_MAX;
	p->in = qsp_mem_alloc(QSP_DRIVE_IN_CAP);
	p->out = qsp_mem_alloc(QSP_DRIVE_OUT_CAP);
	if (!p->in || !p->out || (e = qsp_worker_new(cx, &p->worker)) != 0) {
		qsp_mem_free(p->in);
		qsp_mem_free(p->out);
		qsp_mem_free(p);
		return e;
	}
	uv_prepare_init(loop, &p->prepare);
	uv_idle_init(loop, &p->idle);
	p->prepare.data = p->idle.data = p;
	qsp_drive_tidy_init(p);
	p->handles = 3;
	uv_prepare_start(&p->prepare, on_prepare);
	uv_unref((uv_handle_t *)&p->prepare);
	*out = p;
	return 0;
}

void
qsp_drive_pool_free(struct qsp_drive_pool *p)
{
	if (!p)
		return;
	qsp_drive_linger_end_all(p);
	qsp_drive_clock_free(p);
	qsp_pacer_free(p->pacer);
	qsp_worker_free(p->worker);
	qsp_mem_wipe_free(p->in, QSP_DRIVE_IN_CAP); /* plaintext has been here */
	qsp_mem_free(p->out);
	uv_close((uv_handle_t *)&p->prepare, on_closed);
	uv_close((uv_handle_t *)&p->idle, on_closed);
	uv_close((uv_handle_t *)&p->tidying, on_closed);
}

qsp_err
qsp_drive_pool_pace(struct qsp_drive_pool *p)
{
	qsp_err e = p->clock ? QSP_OK : qsp_drive_clock_new(p);

	return e || p->pacer ? e : qsp_pacer_new(&p->pacer);
}

void
qsp_drive_pool_rest(struct qsp_drive_pool *p)
{
	if (p->pacer)
		qsp_pacer_rest(p->pacer);
}

qsp_err
qsp_drive_pool_go_on(struct qsp_drive_pool *p)
{
	return p->pacer ? qsp_pacer_go_on(p->pacer) : QSP_OK;
}

struct qsp_worker *
qsp_drive_pool_worker(struct qsp_drive_pool *p)
{
	return p->worker;
}
