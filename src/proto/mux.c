/* SPDX-License-Identifier: ISC */
/* The table of channels and the output stream [P7]. */
#include "proto/mux.h"
#include "proto/mux_zip.h"

#define SLOTS_FIRST 2
#define SHARE 16 /* a window begins with at most this part of what is left of the budget */

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
	qsp_mux_zip_free(m);
	qsp_mem_free(m->channels);
	qsp_spool_free(&m->out);
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
	qsp_mux_zip_release(m, &m->channels[channel]);
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
	return qsp_spool_waiting(&m->out) >= m->limits.output_max;
}

void
qsp_mux_set_user(struct qsp_mux *m, uint32_t channel, void *user)
{
	if (channel < m->n_slots && m->channels[channel].state != QSP_MUX_FREE)
		m->channels[channel].user = user;
}

qsp_err
qsp_mux_say(struct qsp_mux *m, uint8_t type, struct qsp_bytes fixed, struct qsp_bytes tail)
{
	size_t n = 1 + fixed.n + tail.n;
	struct qsp_writer w;
	uint8_t *p;

	if (n > QSP_MUX_MESSAGE_MAX)
		return QSP_E_INPUT;
	if ((p = qsp_spool_append(&m->out, 4 + n)) == NULL)
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
	return qsp_spool_next(&m->out);
}

size_t
qsp_mux_waiting(const struct qsp_mux *m)
{
	return qsp_spool_waiting(&m->out);
}

size_t
qsp_mux_backlog(const struct qsp_mux *m)
{
	return qsp_spool_fresh(&m->out);
}

void
qsp_mux_sent(struct qsp_mux *m, size_t n)
{
	qsp_spool_sent(&m->out, n);
}

bool
qsp_mux_tidy(struct qsp_mux *m)
{
	qsp_mux_zip_tidy(m);
	return qsp_spool_tidy(&m->out);
}

void
qsp_mux_retain(struct qsp_mux *m)
{
	m->out.retains = true;
}

void
qsp_mux_acknowledged(struct qsp_mux *m, uint64_t total)
{
	qsp_spool_acknowledged(&m->out, total);
}

void
qsp_mux_rewind(struct qsp_mux *m, uint64_t total)
{
	qsp_spool_rewind(&m->out, total);
}
