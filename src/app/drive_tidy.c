/* SPDX-License-Identifier: ISC */
/*
 * Memory that a mux keeps for more bulk goes once its drive has sent nothing for a while: an idle
 * session costs little, whatever it has moved before.
 */
#include "app/drive_impl.h"

#define EVERY_MS 2000

static void
on_tidying(uv_timer_t *t)
{
	struct qsp_drive_pool *p = t->data;
	struct qsp_drive *next;

	for (struct qsp_drive *d = p->used; d; d = next) {
		next = d->used_next;
		if (d->sealed == d->sealed_before && qsp_mux_tidy(d->mux))
			qsp_drive_tidy_forget(d);
		d->sealed_before = d->sealed;
	}
	if (!p->used)
		uv_timer_stop(t);
}

void
qsp_drive_tidy_init(struct qsp_drive_pool *p)
{
	uv_timer_init(p->loop, &p->tidying);
	p->tidying.data = p;
	uv_unref((uv_handle_t *)&p->tidying); /* no reason to stay */
}

void
qsp_drive_tidy_later(struct qsp_drive *d, size_t n)
{
	struct qsp_drive_pool *p = d->pool;

	d->sealed += n;
	if (d->used_prev)
		return;
	d->used_prev = &p->used;
	d->used_next = p->used;
	if (d->used_next)
		d->used_next->used_prev = &d->used_next;
	p->used = d;
	if (!uv_is_active((uv_handle_t *)&p->tidying))
		uv_timer_start(&p->tidying, on_tidying, EVERY_MS, EVERY_MS);
}

void
qsp_drive_tidy_forget(struct qsp_drive *d)
{
	if (!d->used_prev)
		return;
	*d->used_prev = d->used_next;
	if (d->used_next)
		d->used_next->used_prev = d->used_prev;
	d->used_prev = NULL;
}
