/* SPDX-License-Identifier: ISC */
/*
 * Plain with a grid, and padded: the loop's timer says when the next write may be, and the write is
 * made as any other, with Noise behind the data. Stealth: a slot is sealed shortly before its
 * deadline and handed to the pacer, which is the only one to write then.
 */
#include "app/drive_shape.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "crypto/rand.h"

#define LEAD_US                                                                                    \
	2000u /* a slot is sealed so long before it leaves; timers of the loop count in ms */
#define MS 1000u
#define SECOND 1000000u
#define LINGER_MEAN_S 60u /* [P8.9] */
#define LINGER_MOST_S 300u

uint64_t
qsp_drive_shape_clock(void)
{
	return qsp_pacer_clock() / 1000;
}

static uint64_t
cells_of(size_t bytes)
{
	return (bytes + QSP_CELL_LEN - 1) / QSP_CELL_LEN;
}

/* Cells that wait to leave: what the engine has to say counts as one. */
static uint64_t
waiting(const struct qsp_drive *d)
{
	unsigned w = qsp_conn_wants(d->conn);
	uint64_t cells = w & QSP_WANT_OUTPUT ? 1 : 0;

	if (d->state == QSP_DRIVE_RUNNING && (w & QSP_CAN_SEND))
		cells += (qsp_mux_waiting(d->mux) + QSP_DRIVE_CELL_ROOM - 1) / QSP_DRIVE_CELL_ROOM;
	return cells;
}

/* --- following ------------------------------------------------------------------------------ */

static bool
is_stealth(const struct qsp_drive_shaper *h)
{
	return h->s.p.mode == QSP_SHAPE_STEALTH && h->s.cx != NULL;
}

bool
qsp_drive_shape_is_stealth(const struct qsp_drive *d)
{
	return d->shaper != NULL && is_stealth(d->shaper);
}

/* The buffer of a slot, and the bound above which the socket takes no other one [P8.7]. */
static bool
prepare_slots(struct qsp_drive *d, uint32_t cells)
{
	struct qsp_drive_shaper *h = d->shaper;
	int lowat = (int)(cells * QSP_CELL_LEN);
	size_t cap = (size_t)cells * QSP_CELL_LEN;
	uint8_t *slot;

	if (!qsp_pacer_is_done(&h->pace))
		return false; /* the bytes are in use: next time */
	if (qsp_drive_pool_pace(d->pool) != 0)
		return false;
	if (cap > h->cap) {
		slot = realloc(h->slot, cap);
		if (!slot)
			return false;
		h->slot = slot;
		h->cap = cap;
	}
	h->pace.fd = d->fd;
	/* refused by what is not TCP: then nothing is skipped */
	(void)setsockopt(d->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat));
	return true;
}

void
qsp_drive_shape_follow(struct qsp_drive *d)
{
	struct qsp_shape_params p;
	uint32_t changes;

	if (!qsp_shape_conn_now(d->conn, &p, &changes) ||
	    (d->shaper && d->shaper->changes == changes))
		return;
	if (!d->shaper)
		d->shaper = qsp_mem_alloc(sizeof(*d->shaper));
	if (!d->shaper) {
		qsp_drive_finish(d, QSP_E_NOMEM);
		return;
	}
	if (p.mode == QSP_SHAPE_STEALTH && !prepare_slots(d, qsp_shape_classes[p.class].cells)) {
		if (!d->shaper->slot)
			qsp_drive_finish(d, QSP_E_NOMEM);
		return;
	}
	d->shaper->changes = changes;
	d->shaper->wake = 0;
	if (qsp_shape_conn_begin(d->conn, &d->shaper->s, qsp_drive_shape_clock()) != 0)
		qsp_drive_finish(d, QSP_E_RNG);
}

bool
qsp_drive_get_shape(const struct qsp_drive *d, struct qsp_drive_shape *out)
{
	if (!d->shaper)
		return false;
	out->now = d->shaper->s.p;
	out->counts = d->shaper->s.counts;
	return true;
}

/* --- plain and padded ----------------------------------------------------------------------- */

bool
qsp_drive_shape_may_write(struct qsp_drive *d)
{
	struct qsp_drive_shaper *h = d->shaper;
	struct qsp_shape_slot slot;
	uint64_t now = qsp_drive_shape_clock();

	if (!h || d->state != QSP_DRIVE_RUNNING)
		return true;
	if (qsp_shape_next(&h->s, now, waiting(d), &slot) != 0) {
		qsp_drive_finish(d, QSP_E_RNG);
		return true;
	}
	h->fill = slot.cells;
	h->wake = slot.at > now ? slot.at : 0; /* due: what comes next is asked when it was made */
	return slot.at <= now;
}

bool
qsp_drive_shape_is_due(const struct qsp_drive *d)
{
	return d->shaper && d->state == QSP_DRIVE_RUNNING && d->shaper->fill > 0;
}

/* The time of a write has come, even where nothing is left to be said in it: Noise. */
size_t
qsp_drive_shape_fill(struct qsp_drive *d, uint8_t *buf, size_t n, size_t cap)
{
	struct qsp_drive_shaper *h = d->shaper;
	struct qsp_now now = qsp_drive_now(d->pool->loop);
	size_t data = n;

	if (!h)
		return n;
	while (n / QSP_CELL_LEN < h->fill && cap - n >= QSP_CELL_LEN &&
	       qsp_conn_noise(d->conn, now, buf + n) == 0)
		n += QSP_CELL_LEN;
	if (n == 0 && h->fill > 0)
		(void)!qsp_shape_skip(&h->s, qsp_drive_shape_clock());
	if (n > 0 &&
	    qsp_shape_sent(&h->s, qsp_drive_shape_clock(), cells_of(data), cells_of(n - data)) != 0)
		qsp_drive_finish(d, QSP_E_RNG);
	return n;
}

void
qsp_drive_shape_got(struct qsp_drive *d, size_t bytes, size_t data)
{
	if (d->shaper)
		qsp_shape_got(&d->shaper->s, qsp_drive_shape_clock(), bytes / QSP_CELL_LEN,
			      (data + QSP_DRIVE_CELL_ROOM - 1) / QSP_DRIVE_CELL_ROOM);
}

/* --- stealth -------------------------------------------------------------------------------- */

/* What became of the slot before: false where it is still on its way. */
static bool
collect(struct qsp_drive_shaper *h)
{
	if (!qsp_pacer_is_done(&h->pace))
		return false;
	h->at += h->pace.sent;
	h->pace.sent = 0;
	return true;
}

static qsp_err
hand_over(struct qsp_drive_shaper *h, struct qsp_drive_pool *p, uint64_t at)
{
	h->pace.p = h->slot + h->at;
	h->pace.n = h->n - h->at;
	h->pace.at = at * 1000;
	return qsp_pacer_add(p->pacer, &h->pace);
}

/* Up to what the loop's timers can keep: else what wakes the loop meanwhile would have its slots
 * prepared sooner than who is idle. */
static uint64_t
whole_ms(uint64_t us)
{
	return (us + MS - 1) / MS * MS;
}

/* When a slot is prepared: not before the last one has left. */
static uint64_t
wake_for(const struct qsp_drive_shaper *h, uint64_t slot)
{
	uint64_t left = qsp_pacer_is_done(&h->pace) ? 0 : h->pace.at / 1000 + MS;

	return whole_ms(slot - LEAD_US > left ? slot - LEAD_US : left);
}

bool
qsp_drive_shape_slot(struct qsp_drive_shaper *h, struct qsp_drive_pool *p, uint64_t waiting_cells,
		     qsp_drive_seal *seal, void *arg, qsp_err *e)
{
	uint64_t now = qsp_drive_shape_clock(), data = 0;
	struct qsp_shape_slot slot;
	bool left;

	*e = qsp_shape_next(&h->s, now, waiting_cells, &slot);
	if (*e)
		return false;
	left = collect(h);
	h->wake = wake_for(h, slot.at);
	if (!left || h->pace.err || h->wake > now)
		return false;
	if (h->at < h->n) {
		*e = qsp_shape_skip(&h->s, now);
	} else {
		h->at = 0;
		h->n = (size_t)slot.cells * QSP_CELL_LEN;
		*e = seal(arg, h->slot, h->n, &data);
		/* ahead of its time, or behind it where the machine has stood still */
		if (!*e)
			*e = qsp_shape_sent(&h->s, slot.at > now ? slot.at : now, data,
					    slot.cells - data);
	}
	if (!*e)
		*e = hand_over(h, p, slot.at);
	h->wake = wake_for(h, h->s.next);
	return !*e;
}

/* -ln of a random number in (0, 1], in 1/65536, by halving: what an exponential time is made of. */
static qsp_err
draw_exponential(const struct qsp_crypto *cx, uint64_t *out)
{
	uint8_t b[8];
	uint64_t x, halvings = 0;
	qsp_err e = qsp_rand_bytes(cx, b, sizeof(b));

	x = qsp_bytes_get64(b) | 1;
	while (!(x >> 63)) {
		x <<= 1;
		halvings++;
	}
	/* within a halving the logarithm is taken as straight: at most 6 % off */
	x = (x << 1) >> 48;
	*out = (halvings * 65536 + (65536 - x)) * 45426 / 65536; /* ln 2 = 45426/65536 */
	return e;
}

qsp_err
qsp_drive_shape_linger(struct qsp_drive_shaper *h, uint64_t now)
{
	uint64_t x;
	qsp_err e = draw_exponential(h->s.cx, &x);

	x = x * LINGER_MEAN_S * SECOND >> 16;
	if (x > (uint64_t)LINGER_MOST_S * SECOND)
		x = (uint64_t)LINGER_MOST_S * SECOND;
	h->linger_until = now + x;
	return e;
}

/* The client alone: another class from the next slot on. */
static void
decide(struct qsp_drive *d)
{
	struct qsp_shape *s = &d->shaper->s;
	struct qsp_shape_params p;
	bool changed = false;

	if (d->state == QSP_DRIVE_RUNNING && s->leads && !s->p.strict &&
	    qsp_shape_decide(s, qsp_drive_shape_clock(), waiting(d), &p, &changed) == 0 && changed)
		(void)!qsp_shape_conn_ask(d->conn, qsp_drive_now(d->pool->loop), &p);
}

struct sealing {
	struct qsp_drive *d;
	qsp_err failed; /* the engine, which shows in nothing that leaves */
};

/* The cells of a slot: what the engine and the channels have, then Noise. */
static qsp_err
seal(void *arg, uint8_t *slot, size_t size, uint64_t *data_cells)
{
	struct sealing *x = arg;
	struct qsp_drive *d = x->d;
	struct qsp_now now = qsp_drive_now(d->pool->loop);
	size_t n = 0;

	decide(d);
	if (!(qsp_conn_wants(d->conn) & QSP_IS_CLOSED)) {
		x->failed = qsp_drive_io_seal(d, slot, size, QSP_CELL_LEN, &n);
		*data_cells = cells_of(n);
		while (n < size && qsp_conn_noise(d->conn, now, slot + n) == 0)
			n += QSP_CELL_LEN;
	}
	return n < size ? qsp_rand_bytes(d->shaper->s.cx, slot + n, size - n) : QSP_OK;
}

/*
 * Linux acknowledges a small segment when it is read, unless the two ends take turns, as it calls that;
 * and when a process reads tells how busy it is. Like this it does so with our next slot, or after
 * 40 ms. Said each time, since the kernel changes its mind at the latter. No matter where it is not TCP.
 */
void
qsp_drive_shape_hide_read(int fd)
{
	const int off = 0;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
}

void
qsp_drive_shape_slots(struct qsp_drive *d)
{
	struct qsp_drive_shaper *h = d->shaper;
	struct sealing x = { .d = d };
	qsp_err e = QSP_OK;

	if (!d->deaf && qsp_drive_shape_slot(h, d->pool, waiting(d), seal, &x, &e) &&
	    h->linger_until == 0 && (qsp_conn_wants(d->conn) & QSP_IS_CLOSED) &&
	    qsp_drive_shape_linger(h, h->pace.at / 1000) != 0)
		d->deaf = true;
	/* in this order: until then err is the thread's */
	if (qsp_pacer_is_done(&h->pace) && h->pace.err) {
		d->deaf = true;
		d->sys_errno = h->pace.err;
	}
	if (e || x.failed)
		qsp_drive_finish(d, e ? e : x.failed);
}

bool
qsp_drive_shape_has_closed(const struct qsp_drive *d)
{
	return d->shaper->linger_until != 0;
}

/* --- both ----------------------------------------------------------------------------------- */

qsp_time
qsp_drive_shape_deadline(const struct qsp_drive *d)
{
	const struct qsp_drive_shaper *h = d->shaper;

	if (!h || h->wake == 0 || h->wake == QSP_SHAPE_NEVER)
		return UINT64_MAX;
	if (!is_stealth(h) && d->state != QSP_DRIVE_RUNNING)
		return UINT64_MAX; /* the end of it is not shaped */
	/* rounded up, or a point of a grid would be looked for before it is there */
	return (h->wake + 999) / 1000;
}

void
qsp_drive_shaper_free(struct qsp_drive_shaper *h, struct qsp_drive_pool *p)
{
	if (!h)
		return;
	if (p->pacer)
		qsp_pacer_cancel(p->pacer, &h->pace);
	free(h->slot);
	qsp_mem_free(h);
}

void
qsp_drive_shape_free(struct qsp_drive *d)
{
	struct qsp_drive_shaper *h = d->shaper;

	d->shaper = NULL;
	qsp_drive_shaper_free(h, d->pool);
}
