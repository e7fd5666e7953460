/* SPDX-License-Identifier: ISC */
/* The table of channels and the output stream [P7]. */
#include "proto/mux.h"

#define SLOTS_FIRST 8
#define SHARE 16 /* a window begins with at most this part of what is left of the budget */
#define KEEP_MAX                                                                                   \
	(64u * 1024) /* an output buffer over this is let go when chatter leaves it empty */

struct qsp_mux_limits
qsp_mux_limits_default(void)
{
	return (struct qsp_mux_limits){
		.max_channels = 10,
		.window = 2u << 20,
		.window_other = 64u << 10,
		.window_max = 16u << 20,
		.window_total = 64u << 20,
		.output_max = 256u << 10,
	};
}

qsp_err
qsp_mux_new(const struct qsp_mux_limits *limits, struct qsp_mux **out)
{
	struct qsp_mux *m = qsp_mem_alloc(sizeof(*m));

	*out = m;
	if (!m)
		return QSP_E_NOMEM;
	m->limits = *limits;
	m->chunk = QSP_MUX_CHUNK_MIN;
	return QSP_OK;
}

void
qsp_mux_free(struct qsp_mux *m)
{
	if (!m)
		return;
	qsp_mem_free(m->channels);
	qsp_mem_wipe_free(m->out.p, m->out.cap);
	qsp_mem_wipe_free(m->body, m->body_cap);
	qsp_mem_free(m);
}

struct qsp_mux_channel *
qsp_mux_find(const struct qsp_mux *m, uint32_t channel, enum qsp_mux_channel_state state)
{
	if (channel >= m->n_slots || m->channels[channel].state != state)
		return NULL;
	return &m->channels[channel];
}

static bool
grow(struct qsp_mux *m)
{
	unsigned n = m->n_slots > 0 ? 2 * m->n_slots : SLOTS_FIRST;
	struct qsp_mux_channel *bigger;

	if (n > m->limits.max_channels)
		n = m->limits.max_channels;
	if ((bigger = qsp_mem_alloc(n * sizeof(*bigger))) == NULL)
		return false;
	if (m->n_slots > 0)
		memcpy(bigger, m->channels, m->n_slots * sizeof(*bigger));
	for (unsigned i = m->n_slots; i < n; i++)
		bigger[i].remote = i + 1;
	qsp_mem_free(m->channels);
	m->channels = bigger;
	m->free = m->n_slots;
	m->n_slots = n;
	return true;
}

/* The first window of a channel: near the budget's end it is small, but never none. */
static uint32_t
first_window(const struct qsp_mux *m, struct qsp_bytes type)
{
	size_t total = m->limits.window_total;
	size_t most = total > m->windows ? (total - m->windows) / SHARE : 0;
	uint32_t w = qsp_bytes_is(type, "session") ? m->limits.window : m->limits.window_other;

	if (most < QSP_MUX_WINDOW_MIN)
		most = QSP_MUX_WINDOW_MIN;
	return w < most ? w : (uint32_t)most;
}

struct qsp_mux_channel *
qsp_mux_take(struct qsp_mux *m, struct qsp_bytes type, uint32_t *channel)
{
	uint32_t window = first_window(m, type);
	struct qsp_mux_channel *ch;

	if (m->n_used >= m->limits.max_channels || (m->n_used == m->n_slots && !grow(m)))
		return NULL;
	*channel = m->free;
	ch = &m->channels[m->free];
	m->free = ch->remote;
	m->n_used++;
	m->windows += window;
	*ch = (struct qsp_mux_channel){ .may_come = window, .window = window };
	return ch;
}

void
qsp_mux_release(struct qsp_mux *m, uint32_t channel)
{
	m->windows -= m->channels[channel].window;
	m->channels[channel] = (struct qsp_mux_channel){ .state = QSP_MUX_FREE, .remote = m->free };
	m->free = channel;
	m->n_used--;
}

unsigned
qsp_mux_channels(const struct qsp_mux *m)
{
	return m->n_used;
}

bool
qsp_mux_is_full(const struct qsp_mux *m)
{
	return m->out.end - m->out.start >= m->limits.output_max;
}

void
qsp_mux_set_user(struct qsp_mux *m, uint32_t channel, void *user)
{
	if (channel < m->n_slots && m->channels[channel].state != QSP_MUX_FREE)
		m->channels[channel].user = user;
}

uint8_t *
qsp_mux_append(struct qsp_mux *m, size_t n)
{
	struct qsp_mux_output *o = &m->out;
	size_t held = o->end - o->start, cap = o->cap ? o->cap : 1024;
	uint8_t *bigger;

	if (o->cap - o->end < n && o->start > 0) {
		memmove(o->p, o->p + o->start, held);
		o->start = 0;
		o->end = held;
	}
	if (o->cap - o->end < n) {
		while (cap - held < n)
			cap *= 2;
		if ((bigger = qsp_mem_alloc(cap)) == NULL)
			return NULL;
		if (held > 0)
			memcpy(bigger, o->p, held);
		qsp_mem_wipe_free(o->p, o->cap);
		o->p = bigger;
		o->cap = cap;
	}
	o->end += n;
	o->passed += n;
	return o->p + o->end - n;
}

qsp_err
qsp_mux_say(struct qsp_mux *m, uint8_t type, struct qsp_bytes fixed, struct qsp_bytes tail)
{
	size_t n = 1 + fixed.n + tail.n;
	struct qsp_writer w;
	uint8_t *p;

	if (n > QSP_MUX_MESSAGE_MAX)
		return QSP_E_INPUT;
	if ((p = qsp_mux_append(m, 4 + n)) == NULL)
		return QSP_E_NOMEM;
	w = qsp_writer_of(p, 4 + n);
	qsp_writer_u32(&w, (uint32_t)n);
	qsp_writer_u8(&w, type);
	qsp_writer_put(&w, fixed);
	qsp_writer_put(&w, tail);
	return qsp_writer_done(&w);
}

struct qsp_bytes
qsp_mux_output(const struct qsp_mux *m)
{
	return qsp_bytes_from(qsp_bytes(m->out.p, m->out.end), m->out.start);
}

void
qsp_mux_sent(struct qsp_mux *m, size_t n)
{
	struct qsp_mux_output *o = &m->out;

	o->start += n;
	if (o->start < o->end)
		return;
	if (o->cap > KEEP_MAX && o->passed < o->cap / 8) {
		qsp_mem_wipe_free(o->p, o->cap);
		*o = (struct qsp_mux_output){ 0 };
	}
	o->start = o->end = o->passed = 0;
}
