/* SPDX-License-Identifier: ISC */
/*
 * Lingering: nobody opens what is written, and what comes is read and dropped. It ends at its time,
 * or with the peer, whichever is first, or by chance where there are too many.
 */
#include "app/drive_linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/drive_shape.h"
#include "base/mem.h"
#include "crypto/rand.h"

#define READS 4 /* a turn */

struct qsp_drive_linger {
	struct qsp_drive_pool *pool;
	struct qsp_drive_linger *next, **prev;
	struct qsp_drive_shaper *shaper;
	uv_poll_t poll;
	uv_timer_t timer;
	int fd, handles;
};

static void turn(struct qsp_drive_linger *l);

/* --- its end -------------------------------------------------------------------------------- */

static void
on_closed(uv_handle_t *h)
{
	struct qsp_drive_linger *l = h->data;

	if (--l->handles == 0)
		free(l);
}

/* Out of the loop; the socket and the shaper stay. */
static void
withdraw(struct qsp_drive_linger *l)
{
	struct qsp_drive_pool *p = l->pool;

	*l->prev = l->next;
	if (l->next)
		l->next->prev = l->prev;
	p->n_lingering--;
	uv_close((uv_handle_t *)&l->poll, on_closed);
	uv_close((uv_handle_t *)&l->timer, on_closed);
}

static void
end(struct qsp_drive_linger *l)
{
	struct qsp_drive_pool *p = l->pool;

	withdraw(l);
	qsp_drive_shaper_free(l->shaper, p);
	close(l->fd);
	if (p->n_lingering == 0 && p->calm)
		p->calm(p->calm_arg);
}

void
qsp_drive_linger_end_all(struct qsp_drive_pool *p)
{
	p->calm = NULL;
	while (p->lingering)
		end(p->lingering);
}

bool
qsp_drive_pool_shed(struct qsp_drive_pool *p)
{
	struct qsp_drive_linger *l = p->lingering;
	uint8_t b[4] = { 0 };

	if (!l)
		return false;
	(void)!qsp_rand_bytes(l->shaper->s.cx, b, sizeof(b)); /* without chance it is the first */
	for (uint64_t i = qsp_bytes_get32(b) % p->n_lingering; i > 0 && l->next; i--)
		l = l->next;
	end(l);
	return true;
}

/* --- its life ------------------------------------------------------------------------------- */

static qsp_err
seal(void *arg, uint8_t *buf, size_t size, uint64_t *data)
{
	struct qsp_drive_linger *l = arg;

	(void)data;
	return qsp_rand_bytes(l->shaper->s.cx, buf, size);
}

/* False once the peer has ended. */
static bool
drain(struct qsp_drive_linger *l)
{
	qsp_drive_shape_hide_read(l->fd);
	for (int i = 0; i < READS; i++) {
		ssize_t n = recv(l->fd, l->pool->in, QSP_DRIVE_IN_CAP, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n <= 0)
			return false;
	}
	return true;
}

static void
on_timer(uv_timer_t *h)
{
	turn(h->data);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	(void)status;
	(void)events;
	turn(h->data);
}

static void
turn(struct qsp_drive_linger *l)
{
	struct qsp_drive_shaper *h = l->shaper;
	uint64_t now;
	qsp_err e = QSP_OK;

	if (!drain(l)) {
		end(l);
		return;
	}
	(void)qsp_drive_shape_slot(h, l->pool, 0, seal, l, &e);
	now = qsp_drive_shape_clock();
	if (e || now >= h->linger_until || (qsp_pacer_is_done(&h->pace) && h->pace.err)) {
		end(l);
		return;
	}
	uv_update_time(l->pool->loop);
	/* at least 1: a timer of 0 would come round before anything is read */
	uv_timer_start(&l->timer, on_timer, h->wake > now ? (h->wake - now + 999) / 1000 : 1, 0);
}

/* --- its beginning -------------------------------------------------------------------------- */

static bool
begin(struct qsp_drive_pool *p, int fd, struct qsp_drive_shaper *h)
{
	struct qsp_drive_linger *l = calloc(1, sizeof(*l));

	if (!l || uv_poll_init(p->loop, &l->poll, fd) != 0) {
		free(l);
		return false;
	}
	if (p->n_lingering >= p->lingering_max)
		(void)qsp_drive_pool_shed(p);
	l->pool = p;
	l->shaper = h;
	l->fd = fd;
	l->handles = 2;
	uv_timer_init(p->loop, &l->timer);
	l->poll.data = l->timer.data = l;
	l->prev = &p->lingering;
	l->next = p->lingering;
	if (l->next)
		l->next->prev = &l->next;
	p->lingering = l;
	p->n_lingering++;
	uv_poll_start(&l->poll, UV_READABLE, on_poll);
	uv_timer_start(&l->timer, on_timer, 1, 0);
	return true;
}

void
qsp_drive_linger_begin(struct qsp_drive *d)
{
	struct qsp_drive_shaper *h = d->shaper;

	if (h->linger_until == 0 && qsp_drive_shape_linger(h, qsp_drive_shape_clock()) != 0)
		return;
	qsp_drive_line_unwatch(d);
	if (!begin(d->pool, d->fd, h))
		return;
	d->fd = -1;
	d->shaper = NULL;
}

size_t
qsp_drive_pool_lingering(const struct qsp_drive_pool *p)
{
	return p->n_lingering;
}

void
qsp_drive_pool_linger_max(struct qsp_drive_pool *p, size_t max)
{
	p->lingering_max = max > 0 ? max : 1;
}

void
qsp_drive_pool_on_calm(struct qsp_drive_pool *p, void (*calm)(void *arg), void *arg)
{
	p->calm = calm;
	p->calm_arg = arg;
}

/* --- alone ---------------------------------------------------------------------------------- */

static bool
lingers_on(const struct qsp_drive_pool *p, int fd)
{
	for (const struct qsp_drive_linger *l = p->lingering; l; l = l->next)
		if (l->fd == fd)
			return true;
	return false;
}

/* Every descriptor but those of the sockets; the standard ones lead nowhere. */
static void
close_others(const struct qsp_drive_pool *p)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), last = STDERR_FILENO;

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
	for (const struct qsp_drive_linger *l = p->lingering; l; l = l->next)
		last = l->fd > last ? l->fd : last;
	for (int fd = STDERR_FILENO + 1; fd < last; fd++)
		if (!lingers_on(p, fd))
			close(fd);
	(void)close_range((unsigned)last + 1, ~0u, 0);
}

void
qsp_drive_pool_linger_alone(struct qsp_drive_pool *old)
{
	struct qsp_drive_pool *p = NULL;
	uv_loop_t loop;

	if (!old->lingering)
		return;
	close_others(old);
	if (uv_loop_init(&loop) != 0 ||
	    qsp_drive_pool_new(&loop, old->lingering->shaper->s.cx, &p) != 0 ||
	    qsp_drive_pool_pace(p) != 0)
		return;
	for (struct qsp_drive_linger *l = old->lingering; l; l = l->next) {
		qsp_pacer_cancel(old->pacer,
				 &l->shaper->pace); /* what was due goes in the next slot */
		(void)begin(p, l->fd, l->shaper);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
}
