/* SPDX-License-Identifier: ISC */
/* Deadlines and sizes of writes [P8]. */
#include "proto/shape.h"

#include "crypto/rand.h"

#define MS 1000u
#define SECOND 1000000u
#define GRID_BULK 4u             /* more cells than these at once are no keystroke */
#define COVER_LEAST SECOND       /* of the grid, after the last cell with data */
#define COVER_SPAN (2 * SECOND)  /* and up to so much more */
#define COVER_ANSWER (200u * MS) /* and after a cell of the peer's, whatever was in it */
#define BURST_GAP (50u * MS)     /* quiet for so long, a burst is over */
#define MAX_GRID (20u * MS)      /* padding "max" begins a burst on a grid of this */
#define MAX_LEAST 64u            /* and fills it at least to so many cells */
#define DWELL_LEAST (10u * SECOND)
#define DWELL_SPAN (20u * SECOND)
#define HOUR 3600u

/* T = 100, 25, 6.25, 1.56, 0.39, 0.098 ms a cell; the fast ones in slots that a timer can keep. */
const struct qsp_shape_class qsp_shape_classes[QSP_SHAPE_CLASSES] = {
	{ 100 * MS, 1 }, { 25 * MS, 1 }, { 6250, 1 }, { 6250, 4 }, { 6250, 16 }, { 6250, 64 },
};

uint64_t
qsp_shape_class_hourly(uint8_t class)
{
	const struct qsp_shape_class *c = &qsp_shape_classes[class];

	return 2ull * QSP_CELL_LEN * c->cells * HOUR * SECOND / c->slot_us;
}

uint8_t
qsp_shape_class_within(uint64_t hourly)
{
	uint8_t class = QSP_SHAPE_CLASSES - 1;

	while (class > 0 && qsp_shape_class_hourly(class) > hourly)
		class --;
	return class;
}

/* --- random gaps ---------------------------------------------------------------------------- */

/* From a store of its own: a call of the source costs more than all else that a slot needs. */
static qsp_err
draw(struct qsp_shape *s, uint8_t *out, size_t n)
{
	qsp_err e = QSP_OK;

	if (s->n_drawn < n) {
		e = qsp_rand_bytes(s->cx, s->drawn, sizeof(s->drawn));
		s->n_drawn = e ? 0 : sizeof(s->drawn);
	}
	if (e) {
		memset(out, 0, n);
		return e;
	}
	s->n_drawn -= n;
	memcpy(out, s->drawn + s->n_drawn, n);
	return QSP_OK;
}

/* Bates-4: the mean of four uniforms, on 0.25 T to 1.75 T [P8.6]. */
static qsp_err
draw_gap(struct qsp_shape *s, uint64_t mean, uint64_t *gap)
{
	uint8_t b[16];
	uint64_t sum = 0;
	qsp_err e = draw(s, b, sizeof(b));

	for (size_t i = 0; i < 4; i++)
		sum += qsp_bytes_get32(b + 4 * i);
	/* sum / 2^34 is the mean of the four, in [0, 1) */
	*gap = mean / 4 + ((mean + mean / 2) * (sum >> 8) >> 26);
	return e;
}

static qsp_err
draw_below(struct qsp_shape *s, uint64_t span, uint64_t *out)
{
	uint8_t b[4];
	qsp_err e = draw(s, b, sizeof(b));

	*out = span * qsp_bytes_get32(b) >> 32;
	return e;
}

/* --- begin ---------------------------------------------------------------------------------- */

static qsp_err
begin_dwell(struct qsp_shape *s, uint64_t now)
{
	uint64_t more;
	qsp_err e = draw_below(s, DWELL_SPAN, &more);

	s->dwell_end = now + DWELL_LEAST + more;
	s->dwell_sent = s->dwell_data = s->dwell_got = s->dwell_got_data = 0;
	return e;
}

qsp_err
qsp_shape_begin(struct qsp_shape *s, const struct qsp_crypto *cx, const struct qsp_shape_params *p,
		bool leads, uint64_t now)
{
	uint64_t gap;
	qsp_err e;

	s->cx = cx;
	s->p = *p;
	s->leads = leads;
	s->waiting_since = QSP_SHAPE_NEVER;
	s->cover_until = s->burst_cells = s->burst_last = 0;
	s->next = QSP_SHAPE_NEVER;
	s->dwell_end = QSP_SHAPE_NEVER;
	s->n_drawn = 0;
	if (p->mode != QSP_SHAPE_STEALTH)
		return QSP_OK;
	if ((e = draw_gap(s, qsp_shape_classes[p->class].slot_us, &gap)) != 0)
		return e;
	s->next = now + gap;
	return leads && !p->strict ? begin_dwell(s, now) : QSP_OK;
}

/* --- plain ---------------------------------------------------------------------------------- */

/*
 * [P8.4] Keystrokes, and answers of their size, leave on a grid, and Noise goes on when they have stopped.
 * A larger amount needs no cover, and no delay.
 */
static qsp_err
next_plain(struct qsp_shape *s, uint64_t now, uint64_t waiting, struct qsp_shape_slot *out)
{
	uint64_t grid = (uint64_t)s->p.grid_ms * MS, first;
	qsp_err e = QSP_OK;

	if (grid == 0 || waiting > GRID_BULK) {
		s->next = QSP_SHAPE_NEVER;
		*out = (struct qsp_shape_slot){ waiting ? now : QSP_SHAPE_NEVER, 0 };
		return QSP_OK;
	}
	if (waiting == 0 && s->next >= s->cover_until)
		s->next = QSP_SHAPE_NEVER;
	if (s->next == QSP_SHAPE_NEVER && (waiting > 0 || now < s->cover_until)) {
		e = draw_below(s, grid, &first);
		s->next = now + first;
	}
	out->at = s->next;
	out->cells = s->next == QSP_SHAPE_NEVER ? 0 : (uint32_t)(waiting > 1 ? waiting : 1);
	return e;
}

static qsp_err
sent_plain(struct qsp_shape *s, uint64_t now, uint64_t data)
{
	uint64_t more, gap;
	qsp_err e;

	if (s->p.grid_ms == 0 || data > GRID_BULK) {
		s->cover_until = 0;
		return QSP_OK;
	}
	if (data > 0) {
		if ((e = draw_below(s, COVER_SPAN, &more)) != 0)
			return e;
		s->cover_until = now + COVER_LEAST + more;
	}
	if ((e = draw_gap(s, (uint64_t)s->p.grid_ms * MS, &gap)) != 0)
		return e;
	s->next = now + gap;
	return QSP_OK;
}

/* --- padded --------------------------------------------------------------------------------- */

/* To how many cells a burst of n is filled [P8.5]: a power of two, or for `max` of four, 64 at least. */
static uint64_t
filled(uint8_t padding, uint64_t n)
{
	uint64_t to = padding == QSP_SHAPE_MAX ? MAX_LEAST : 1;

	while (to < n)
		to *= padding == QSP_SHAPE_MAX ? 4 : 2;
	return to;
}

static qsp_err
next_padded(struct qsp_shape *s, uint64_t now, uint64_t waiting, struct qsp_shape_slot *out)
{
	uint64_t first, fill;
	qsp_err e = QSP_OK;

	*out = (struct qsp_shape_slot){ QSP_SHAPE_NEVER, 0 };
	if (waiting > 0 && (s->burst_cells > 0 || s->p.padding == QSP_SHAPE_BURST)) {
		s->next = out->at = now;
		return QSP_OK;
	}
	if (waiting > 0) {
		if (s->next == QSP_SHAPE_NEVER) {
			e = draw_below(s, MAX_GRID, &first);
			s->next = now + first;
		}
		out->at = s->next;
		return e;
	}
	if (s->burst_cells == 0)
		return QSP_OK;
	fill = filled(s->p.padding, s->burst_cells) - s->burst_cells;
	if (fill == 0 && now >= s->burst_last + BURST_GAP) {
		s->burst_cells = 0;
		s->next = QSP_SHAPE_NEVER;
		return QSP_OK;
	}
	out->at = s->burst_last + BURST_GAP;
	out->cells = (uint32_t)(fill < UINT32_MAX ? fill : UINT32_MAX);
	return QSP_OK;
}

static void
sent_padded(struct qsp_shape *s, uint64_t now, uint64_t data, uint64_t noise)
{
	s->burst_cells += data + noise;
	if (data > 0) {
		s->burst_last = now;
	} else if (s->burst_cells == filled(s->p.padding, s->burst_cells)) {
		s->burst_cells = 0;
		s->next = QSP_SHAPE_NEVER;
	}
}

/* --- the face ------------------------------------------------------------------------------- */

qsp_err
qsp_shape_next(struct qsp_shape *s, uint64_t now, uint64_t waiting, struct qsp_shape_slot *out)
{
	if (waiting > 0 && s->waiting_since == QSP_SHAPE_NEVER)
		s->waiting_since = now;
	switch (s->p.mode) {
	case QSP_SHAPE_PLAIN: return next_plain(s, now, waiting, out);
	case QSP_SHAPE_PADDED: return next_padded(s, now, waiting, out);
	default:
		*out = (struct qsp_shape_slot){ s->next, qsp_shape_classes[s->p.class].cells };
		return QSP_OK;
	}
}

/*
 * The next slot counts from this one's deadline, not from when it was met, or lateness would add
 * up to a slower class; but what a stopped clock has missed is not made up for in a burst.
 */
static qsp_err
step_stealth(struct qsp_shape *s, uint64_t now)
{
	uint64_t gap, slot = qsp_shape_classes[s->p.class].slot_us;
	qsp_err e = draw_gap(s, slot, &gap);

	s->next += gap;
	if (s->next + slot < now)
		s->next = now + gap;
	s->counts.slots++;
	return e;
}

qsp_err
qsp_shape_sent(struct qsp_shape *s, uint64_t now, uint64_t data, uint64_t noise)
{
	s->counts.data_cells += data;
	s->counts.noise_cells += noise;
	if (data > 0 && s->waiting_since != QSP_SHAPE_NEVER) {
		s->counts.waits++;
		s->counts.wait_us += now - s->waiting_since;
		s->waiting_since = QSP_SHAPE_NEVER;
	}
	switch (s->p.mode) {
	case QSP_SHAPE_PLAIN: return sent_plain(s, now, data);
	case QSP_SHAPE_PADDED: sent_padded(s, now, data, noise); return QSP_OK;
	default:
		if (s->leads) {
			s->dwell_sent += data + noise;
			s->dwell_data += data;
		}
		return step_stealth(s, now);
	}
}

qsp_err
qsp_shape_skip(struct qsp_shape *s, uint64_t now)
{
	s->counts.skipped++;
	if (s->p.mode == QSP_SHAPE_STEALTH)
		return step_stealth(s, now);
	return s->p.mode == QSP_SHAPE_PLAIN ? sent_plain(s, now, 0) : QSP_OK;
}

void
qsp_shape_got(struct qsp_shape *s, uint64_t now, uint64_t cells, uint64_t data)
{
	if (s->leads) {
		s->dwell_got += cells;
		s->dwell_got_data += data;
	}
	/* what has no echo, a password say, must look like what has one */
	if (s->p.mode == QSP_SHAPE_PLAIN && s->p.grid_ms > 0 && !s->leads && cells > 0 &&
	    cells <= GRID_BULK && s->cover_until < now + COVER_ANSWER)
		s->cover_until = now + COVER_ANSWER;
}

/* Steps up or down that this much use of a direction asks for [P8.8]. */
static int
wish(uint64_t cells, uint64_t data)
{
	if (data * 10 >= cells * 9 && cells > 0)
		return 2;
	if (data * 2 >= cells && cells > 0)
		return 1;
	return cells == 0 || data * 20 < cells ? -1 : 0;
}

qsp_err
qsp_shape_decide(struct qsp_shape *s, uint64_t now, uint64_t waiting, struct qsp_shape_params *p,
		 bool *changed)
{
	int sent, got, class;
	uint64_t second;

	*changed = false;
	*p = s->p;
	if (!s->leads || s->p.mode != QSP_SHAPE_STEALTH || s->p.strict || now < s->dwell_end)
		return QSP_OK;
	second = (uint64_t)qsp_shape_classes[s->p.class].cells * SECOND /
		 qsp_shape_classes[s->p.class].slot_us;
	sent = waiting > second ? 2 : wish(s->dwell_sent, s->dwell_data);
	got = wish(s->dwell_got, s->dwell_got_data);
	class = s->p.class + (sent > got ? sent : got);
	if (class < 0)
		class = 0;
	if (class > s->p.ceiling)
		class = s->p.ceiling;
	p->class = (uint8_t) class;
	*changed = class != s->p.class;
	return begin_dwell(s, now);
}
