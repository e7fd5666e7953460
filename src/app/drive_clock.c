/* SPDX-License-Identifier: ISC */
/*
 * A wheel of milliseconds, and an epoll that the loop watches, or that is asked at each millisecond
 * where many drives are in it: nobody waits for it then, so that a cell that comes wakes nobody.
 */
#include "app/drive_clock.h"
#include "app/drive_shape.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define WHEEL 256u /* ms; longer than any gap between two slots */
#define MANY 64u   /* drives, from which on what comes is looked for once in a millisecond */
#define EVENTS 128
#define INPUT ((unsigned)(EPOLLIN | EPOLLRDHUP | EPOLLET))
#define ROUNDS 64 /* of EVENTS, in a millisecond */

struct qsp_drive_clock {
	uv_timer_t timer;
	uv_poll_t poll;
	struct qsp_drive *wheel[WHEEL];
	qsp_time done, armed; /* the ms that has been worked off; where the timer stands */
	struct epoll_event *events;
	int n_events, ep, handles;
	size_t n;
};

/* --- the wheel ------------------------------------------------------------------------------ */

static void
unlink_drive(struct qsp_drive *d)
{
	if (!d->clock_prev)
		return;
	*d->clock_prev = d->clock_next;
	if (d->clock_next)
		d->clock_next->clock_prev = d->clock_prev;
	d->clock_prev = NULL;
}

static void
link_drive(struct qsp_drive_clock *c, struct qsp_drive *d)
{
	struct qsp_drive **head = &c->wheel[d->timer_at % WHEEL];

	d->clock_next = *head;
	if (*head)
		(*head)->clock_prev = &d->clock_next;
	*head = d;
	d->clock_prev = head;
}

static void on_timer(uv_timer_t *t);

/* The timer stands at the next ms in which something may be due. */
static void
arm(struct qsp_drive_clock *c)
{
	qsp_time now = uv_now(c->timer.loop), at = c->done + 1;

	if (c->n < MANY)
		while (at < c->done + WHEEL && !c->wheel[at % WHEEL])
			at++;
	if (at == c->armed)
		return;
	c->armed = at;
	/* 0 would come round again before anything is read */
	uv_timer_start(&c->timer, on_timer, at > now ? at - now : 1, 0);
}

/* One bucket of the wheel; in it may be drives of a later round. */
static void
work_off(struct qsp_drive_clock *c, qsp_time ms, qsp_time now)
{
	struct qsp_drive *turn = c->wheel[ms % WHEEL];

	c->wheel[ms % WHEEL] = NULL;
	if (turn)
		turn->clock_prev = &turn;
	while (turn) {
		struct qsp_drive *d = turn;

		unlink_drive(d);
		if (d->timer_at > now)
			link_drive(c, d);
		else
			qsp_drive_wake(d);
	}
}

/* --- what comes ----------------------------------------------------------------------------- */

/* Told once, as long as a drive reads all that there is, or says otherwise. */
static void
drain(struct qsp_drive_clock *c)
{
	struct epoll_event ev[EVENTS];
	int rounds = 0;

	c->events = ev;
	do {
		c->n_events = epoll_wait(c->ep, ev, EVENTS, 0);
		for (int i = 0; i < c->n_events; i++) {
			struct qsp_drive *d = ev[i].data.ptr;

			if (d) { /* as long as it has not left */
				qsp_drive_shape_hide_read(d->fd);
				qsp_drive_run(d, UV_READABLE);
			}
			/* the end may stand behind bytes that were read: it is no news then */
			if (ev[i].data.ptr && (ev[i].events & ~(unsigned)EPOLLIN))
				qsp_drive_clock_again(d);
		}
	} while (c->n_events == EVENTS && ++rounds < ROUNDS);
	c->events = NULL;
	c->n_events = 0;
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	(void)status;
	(void)events;
	drain(h->data);
}

static void
on_timer(uv_timer_t *t)
{
	struct qsp_drive_clock *c = t->data;
	qsp_time now = uv_now(t->loop), at = c->done;

	c->armed = UINT64_MAX;
	if (c->n >= MANY)
		drain(c);
	if (now > at + WHEEL)
		at = now - WHEEL;
	c->done = now;
	while (at < now)
		work_off(c, ++at, now);
	if (c->n > 0)
		arm(c);
}

/* Waits for the epoll, or does not. */
static void
gather(struct qsp_drive_clock *c)
{
	if (c->n == 0 || c->n >= MANY)
		uv_poll_stop(&c->poll);
	else
		uv_poll_start(&c->poll, UV_READABLE, on_poll);
}

/* --- the face ------------------------------------------------------------------------------- */

qsp_err
qsp_drive_clock_join(struct qsp_drive *d)
{
	struct qsp_drive_clock *c = d->pool->clock;
	struct epoll_event ev = { .events = INPUT, .data.ptr = d };

	if (epoll_ctl(c->ep, EPOLL_CTL_ADD, d->fd, &ev) != 0)
		return QSP_E_IO;
	qsp_drive_line_unwatch(d);
	uv_timer_stop(&d->timer);
	d->timer_at = UINT64_MAX;
	d->events = UV_READABLE;
	d->in_clock = true;
	if (c->n++ == 0) {
		c->done = uv_now(d->pool->loop);
		c->armed = UINT64_MAX;
	}
	gather(c);
	return QSP_OK;
}

void
qsp_drive_clock_leave(struct qsp_drive *d)
{
	struct qsp_drive_clock *c = d->pool->clock;

	if (!d->in_clock)
		return;
	qsp_drive_clock_watch(d, 0);
	unlink_drive(d);
	d->timer_at = UINT64_MAX;
	d->in_clock = false;
	for (int i = 0; i < c->n_events; i++)
		if (c->events[i].data.ptr == d)
			c->events[i].data.ptr = NULL;
	if (--c->n == 0)
		uv_timer_stop(&c->timer);
	gather(c);
}

void
qsp_drive_clock_watch(struct qsp_drive *d, int events)
{
	struct epoll_event ev = { .events = INPUT, .data.ptr = d };

	if (events != d->events)
		(void)epoll_ctl(d->pool->clock->ep, events ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, d->fd,
				&ev);
	d->events = events;
}

void
qsp_drive_clock_again(struct qsp_drive *d)
{
	int events = d->events;

	qsp_drive_clock_watch(d, 0);
	qsp_drive_clock_watch(d, events);
}

void
qsp_drive_clock_set(struct qsp_drive *d, qsp_time at)
{
	struct qsp_drive_clock *c = d->pool->clock;

	d->timer_at = at > c->done ? at : c->done + 1;
	unlink_drive(d);
	link_drive(c, d);
	if (d->timer_at < c->armed)
		arm(c);
}

qsp_err
qsp_drive_clock_new(struct qsp_drive_pool *p)
{
	struct qsp_drive_clock *c = calloc(1, sizeof(*c));

	if (!c)
		return QSP_E_NOMEM;
	c->ep = epoll_create1(EPOLL_CLOEXEC);
	if (c->ep < 0 || uv_poll_init(p->loop, &c->poll, c->ep) != 0) {
		if (c->ep >= 0)
			close(c->ep);
		free(c);
		return QSP_E_IO;
	}
	uv_timer_init(p->loop, &c->timer);
	c->poll.data = c->timer.data = c;
	c->handles = 2;
	p->clock = c;
	return QSP_OK;
}

static void
on_closed(uv_handle_t *h)
{
	struct qsp_drive_clock *c = h->data;

	if (--c->handles == 0)
		free(c);
}

void
qsp_drive_clock_free(struct qsp_drive_pool *p)
{
	struct qsp_drive_clock *c = p->clock;

	if (!c)
		return;
	p->clock = NULL;
	uv_close((uv_handle_t *)&c->poll, on_closed);
	uv_close((uv_handle_t *)&c->timer, on_closed);
	close(c->ep);
}
