/* SPDX-License-Identifier: ISC */
/*
 * Compressed data [P7.1]. A message says how long it will be, and that counts against the window
 * before anything is expanded: what a peer can make us unpack, and keep, is what it could have sent
 * in clear. Each channel and direction is a stream of its own.
 */
#include "proto/mux_zip.h"

#define STREAMS_MAX 16u /* a direction, at a time */
#define SMALL 64u       /* goes as it is */
#define SKIP 15u        /* messages that go as they are after one that did not shrink */

void
qsp_mux_understand(struct qsp_mux *m, const struct qsp_mux_codec *codec)
{
	m->codec = codec;
}

void
qsp_mux_compress(struct qsp_mux *m)
{
	m->zips = m->codec != NULL;
}

/* --- out ------------------------------------------------------------------------------------ */

static bool
make_room(struct qsp_mux *m, size_t n)
{
	if (m->plain_cap >= n)
		return true;
	qsp_mem_wipe_free(m->plain, m->plain_cap);
	m->plain = qsp_mem_alloc(n);
	m->plain_cap = m->plain ? n : 0;
	return m->plain != NULL;
}

bool
qsp_mux_zip_begin(struct qsp_mux *m, struct qsp_mux_channel *ch, size_t n)
{
	if (!m->zips)
		return false;
	if (ch->zip_skip > 0) {
		ch->zip_skip -= ch->zip_skip != UINT32_MAX;
		return false;
	}
	if (!ch->zip_out && m->n_zip_out < STREAMS_MAX &&
	    (ch->zip_out = m->codec->new_out()) != NULL)
		m->n_zip_out++;
	return ch->zip_out && make_room(m, n);
}

size_t
qsp_mux_zip_pack(struct qsp_mux *m, struct qsp_mux_channel *ch, size_t n, uint8_t *out, size_t cap)
{
	size_t packed;

	if (n < SMALL)
		return 0;
	packed = m->codec->pack(ch->zip_out, qsp_bytes(m->plain, n), out, cap);
	if (packed == 0 || packed >= n) /* a stream that failed is not used again */
		ch->zip_skip = packed == 0 ? UINT32_MAX : SKIP;
	return packed;
}

/* --- in ------------------------------------------------------------------------------------- */

static bool
begin_in(struct qsp_mux *m, struct qsp_mux_channel *ch)
{
	if (ch->zip_in)
		return true;
	if (m->n_zip_in >= STREAMS_MAX || (ch->zip_in = m->codec->new_in()) == NULL)
		return false;
	m->n_zip_in++;
	return true;
}

/* What was expanded last may be written over: the event has been seen. */
static uint8_t *
room_for(struct qsp_mux *m, size_t n)
{
	if (m->expanded_cap < n) {
		qsp_mem_wipe_free(m->expanded, m->expanded_cap);
		m->expanded = qsp_mem_alloc(n);
		m->expanded_cap = m->expanded ? n : 0;
	}
	return m->expanded;
}

qsp_err
qsp_mux_zip_on_data(struct qsp_mux *m, struct qsp_reader *r, struct qsp_mux_event *ev)
{
	uint32_t channel = qsp_reader_u32(r), code = qsp_reader_u32(r), n = qsp_reader_u32(r);
	struct qsp_bytes packed = qsp_reader_vec32(r);
	struct qsp_mux_channel *ch = qsp_mux_find(m, channel, QSP_MUX_UP);

	if (qsp_reader_done(r) != 0 || !m->codec || !ch || ch->close_got || ch->eof_got || n == 0 ||
	    n > QSP_MUX_PACKET_MAX || n > ch->may_come)
		return QSP_E_PROTOCOL;
	ch->may_come -= n;
	if (ch->close_sent)
		return QSP_OK;
	if (!begin_in(m, ch))
		return m->n_zip_in >= STREAMS_MAX ? QSP_E_PROTOCOL : QSP_E_NOMEM;
	if (!room_for(m, n))
		return QSP_E_NOMEM;
	if (!m->codec->unpack(ch->zip_in, packed, m->expanded, n))
		return QSP_E_PROTOCOL;
	ev->type = QSP_MUX_DATA;
	ev->channel = channel;
	ev->code = code;
	ev->user = ch->user;
	ev->body = qsp_bytes(m->expanded, n);
	return QSP_OK;
}

/* --- the end -------------------------------------------------------------------------------- */

void
qsp_mux_zip_release(struct qsp_mux *m, struct qsp_mux_channel *ch)
{
	if (ch->zip_out) {
		m->codec->free_out(ch->zip_out);
		m->n_zip_out--;
	}
	if (ch->zip_in) {
		m->codec->free_in(ch->zip_in);
		m->n_zip_in--;
	}
	ch->zip_out = ch->zip_in = NULL;
}

void
qsp_mux_zip_tidy(struct qsp_mux *m)
{
	qsp_mem_wipe_free(m->plain, m->plain_cap);
	qsp_mem_wipe_free(m->expanded, m->expanded_cap);
	m->plain = m->expanded = NULL;
	m->plain_cap = m->expanded_cap = 0;
}

void
qsp_mux_zip_free(struct qsp_mux *m)
{
	for (unsigned i = 0; i < m->n_slots; i++)
		qsp_mux_zip_release(m, &m->channels[i]);
	qsp_mux_zip_tidy(m);
}
