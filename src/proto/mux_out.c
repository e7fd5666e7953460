/* SPDX-License-Identifier: ISC */
/* Calls to messages of RFC 4254 [P7], and the windows. */
#include "proto/mux.h"
#include "proto/mux_zip.h"

#define DATA_HEAD 13     /* u32 length, u8 type, u32 channel, u32 data length */
#define EXTENDED_HEAD 17 /* and u32 code */
#define CHUNK_MAX ((size_t)128 * 1024)
#define FAST_MS 200
#define PIECE_MIN (32u * 1024)

/* `u32 recipient`, and room for more. */
static struct qsp_writer
fixed_for(const struct qsp_mux_channel *ch, uint8_t *buf, size_t cap)
{
	struct qsp_writer w = qsp_writer_of(buf, cap);

	qsp_writer_u32(&w, ch->remote);
	return w;
}

static qsp_err
say_short(struct qsp_mux *m, const struct qsp_mux_channel *ch, uint8_t type)
{
	uint8_t buf[4];
	struct qsp_writer w = fixed_for(ch, buf, sizeof(buf));

	return qsp_mux_say(m, type, qsp_writer_bytes(&w), QSP_BYTES_NONE);
}

/* A channel that still takes messages from us. */
static struct qsp_mux_channel *
open_channel(const struct qsp_mux *m, uint32_t channel)
{
	struct qsp_mux_channel *ch = qsp_mux_find(m, channel, QSP_MUX_UP);

	return ch && !ch->close_sent ? ch : NULL;
}

qsp_err
qsp_mux_open(struct qsp_mux *m, const char *type, struct qsp_bytes body, void *user,
	     uint32_t *channel)
{
	struct qsp_mux_channel *ch = qsp_mux_take(m, qsp_bytes_str(type), channel);
	uint8_t buf[4 + 64 + 12];
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	qsp_err e;

	if (!ch)
		return QSP_E_ROOM;
	qsp_writer_vec32(&w, qsp_bytes_str(type));
	qsp_writer_u32(&w, *channel);
	qsp_writer_u32(&w, ch->may_come);
	qsp_writer_u32(&w, QSP_MUX_PACKET_MAX);
	if ((e = qsp_writer_done(&w)) == 0)
		e = qsp_mux_say(m, QSP_MUX_CHANNEL_OPEN, qsp_writer_bytes(&w), body);
	if (e) {
		qsp_mux_release(m, *channel);
		return e;
	}
	ch->state = QSP_MUX_ASKED;
	ch->user = user;
	return QSP_OK;
}

qsp_err
qsp_mux_accept(struct qsp_mux *m, uint32_t channel, void *user)
{
	struct qsp_mux_channel *ch = qsp_mux_find(m, channel, QSP_MUX_OFFERED);
	uint8_t buf[16];
	struct qsp_writer w;
	qsp_err e;

	if (!ch)
		return QSP_E_STATE;
	w = fixed_for(ch, buf, sizeof(buf));
	qsp_writer_u32(&w, channel);
	qsp_writer_u32(&w, ch->may_come);
	qsp_writer_u32(&w, QSP_MUX_PACKET_MAX);
	e = qsp_mux_say(m, QSP_MUX_CHANNEL_OPEN_CONFIRMATION, qsp_writer_bytes(&w), QSP_BYTES_NONE);
	if (!e) {
		ch->state = QSP_MUX_UP;
		ch->user = user;
	}
	return e;
}

qsp_err
qsp_mux_refuse(struct qsp_mux *m, uint32_t channel, uint32_t code, const char *text)
{
	struct qsp_mux_channel *ch = qsp_mux_find(m, channel, QSP_MUX_OFFERED);
	uint8_t buf[12 + 256 + 4];
	struct qsp_writer w;
	qsp_err e;

	if (!ch)
		return QSP_E_STATE;
	w = fixed_for(ch, buf, sizeof(buf));
	qsp_writer_u32(&w, code);
	qsp_writer_vec32(&w, qsp_bytes_str(text));
	qsp_writer_u32(&w, 0); /* no language tag */
	if ((e = qsp_writer_done(&w)) != 0)
		return e;
	qsp_mux_release(m, channel);
	return qsp_mux_say(m, QSP_MUX_CHANNEL_OPEN_FAILURE, qsp_writer_bytes(&w), QSP_BYTES_NONE);
}

qsp_err
qsp_mux_request(struct qsp_mux *m, uint32_t channel, const char *name, bool want_reply,
		struct qsp_bytes body)
{
	struct qsp_mux_channel *ch = open_channel(m, channel);
	uint8_t buf[4 + 4 + 64 + 1];
	struct qsp_writer w;
	qsp_err e;

	if (!ch)
		return QSP_E_STATE;
	w = fixed_for(ch, buf, sizeof(buf));
	qsp_writer_vec32(&w, qsp_bytes_str(name));
	qsp_writer_u8(&w, want_reply);
	if ((e = qsp_writer_done(&w)) == 0)
		e = qsp_mux_say(m, QSP_MUX_CHANNEL_REQUEST, qsp_writer_bytes(&w), body);
	if (!e)
		ch->to_come += want_reply;
	return e;
}

qsp_err
qsp_mux_reply(struct qsp_mux *m, uint32_t channel, bool success)
{
	struct qsp_mux_channel *ch = open_channel(m, channel);

	if (!ch || ch->to_answer == 0)
		return QSP_E_STATE;
	ch->to_answer--;
	return say_short(m, ch, success ? QSP_MUX_CHANNEL_SUCCESS : QSP_MUX_CHANNEL_FAILURE);
}

qsp_err
qsp_mux_global(struct qsp_mux *m, const char *name, bool want_reply, struct qsp_bytes body)
{
	uint8_t buf[4 + 64 + 1];
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	qsp_err e;

	qsp_writer_vec32(&w, qsp_bytes_str(name));
	qsp_writer_u8(&w, want_reply);
	if ((e = qsp_writer_done(&w)) == 0)
		e = qsp_mux_say(m, QSP_MUX_GLOBAL_REQUEST, qsp_writer_bytes(&w), body);
	if (!e)
		m->globals_to_come += want_reply;
	return e;
}

qsp_err
qsp_mux_global_reply(struct qsp_mux *m, bool success, struct qsp_bytes body)
{
	if (m->globals_to_answer == 0)
		return QSP_E_STATE;
	m->globals_to_answer--;
	return qsp_mux_say(m, success ? QSP_MUX_REQUEST_SUCCESS : QSP_MUX_REQUEST_FAILURE,
			   QSP_BYTES_NONE, success ? body : QSP_BYTES_NONE);
}

static size_t
smallest(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

uint8_t *
qsp_mux_data_begin(struct qsp_mux *m, uint32_t channel, uint32_t code, size_t *room)
{
	struct qsp_mux_channel *ch = open_channel(m, channel);
	size_t left, head = code ? EXTENDED_HEAD : DATA_HEAD, cap;
	bool zip;
	uint8_t *p;

	*room = 0;
	if (!ch || ch->eof_sent || qsp_mux_is_full(m))
		return NULL;
	*room = smallest(ch->may_send, ch->packet, m->chunk);
	*room = *room < m->limits.output_max ? *room : m->limits.output_max;
	if (*room == 0)
		return NULL;
	zip = qsp_mux_zip_begin(m, ch, *room);
	left = qsp_spool_room(&m->out);
	if (!zip && left >= PIECE_MIN && left - head < *room)
		*room = left - head; /* memory is filled before more is taken */
	head = zip ? QSP_MUX_ZIP_HEAD : head;
	cap = zip ? m->codec->bound(*room) : *room;
	if ((p = qsp_spool_append(&m->out, head + cap)) == NULL) {
		*room = 0;
		return NULL;
	}
	m->begun_channel = channel;
	m->begun_code = code;
	m->begun = p;
	m->begun_room = head + cap;
	m->begun_most = *room;
	m->begun_zip = zip;
	return zip ? m->plain : p + head;
}

/* The head of a message with n bytes of data, in packed bytes where that is not 0; how long it is. */
static size_t
put_head(const struct qsp_mux *m, const struct qsp_mux_channel *ch, size_t n, size_t packed)
{
	struct qsp_writer w = qsp_writer_of(m->begun, QSP_MUX_ZIP_HEAD);
	size_t head = packed ? QSP_MUX_ZIP_HEAD : m->begun_code ? EXTENDED_HEAD : DATA_HEAD;

	qsp_writer_u32(&w, (uint32_t)(head - 4 + (packed ? packed : n)));
	qsp_writer_u8(&w, packed          ? QSP_MUX_CHANNEL_PACKED
			  : m->begun_code ? QSP_MUX_CHANNEL_EXTENDED_DATA
					  : QSP_MUX_CHANNEL_DATA);
	qsp_writer_u32(&w, ch->remote);
	if (packed || m->begun_code)
		qsp_writer_u32(&w, m->begun_code);
	qsp_writer_u32(&w, (uint32_t)n);
	if (packed)
		qsp_writer_u32(&w, (uint32_t)packed);
	return head;
}

void
qsp_mux_data_commit(struct qsp_mux *m, size_t n)
{
	struct qsp_mux_channel *ch = &m->channels[m->begun_channel];
	size_t packed = 0, head;

	if (n == 0) {
		qsp_spool_shorten(&m->out, m->begun_room);
		return;
	}
	if (m->begun_zip)
		packed = qsp_mux_zip_pack(m, ch, n, m->begun + QSP_MUX_ZIP_HEAD,
					  m->begun_room - QSP_MUX_ZIP_HEAD);
	head = put_head(m, ch, n, packed);
	if (m->begun_zip && !packed)
		memcpy(m->begun + head, m->plain, n);
	qsp_spool_shorten(&m->out, m->begun_room - head - (packed ? packed : n));
	if (n == m->begun_most && (n == m->chunk || n >= PIECE_MIN) && m->chunk < CHUNK_MAX)
		m->chunk *= 2;
	else if (n < m->chunk / 4 && m->chunk > QSP_MUX_CHUNK_MIN)
		m->chunk /= 2;
	ch->may_send -= (uint32_t)n;
}

qsp_err
qsp_mux_data(struct qsp_mux *m, uint32_t channel, uint32_t code, struct qsp_bytes data,
	     size_t *used)
{
	*used = 0;
	if (!open_channel(m, channel))
		return QSP_E_STATE;
	while (*used < data.n) {
		size_t room, n = data.n - *used;
		uint8_t *p = qsp_mux_data_begin(m, channel, code, &room);

		if (!p)
			break;
		n = n < room ? n : room;
		memcpy(p, data.p + *used, n);
		qsp_mux_data_commit(m, n);
		*used += n;
	}
	return QSP_OK;
}

qsp_err
qsp_mux_eof(struct qsp_mux *m, uint32_t channel)
{
	struct qsp_mux_channel *ch = open_channel(m, channel);

	if (!ch)
		return QSP_E_STATE;
	if (ch->eof_sent)
		return QSP_OK;
	ch->eof_sent = true;
	return say_short(m, ch, QSP_MUX_CHANNEL_EOF);
}

qsp_err
qsp_mux_close(struct qsp_mux *m, uint32_t channel)
{
	struct qsp_mux_channel *ch = open_channel(m, channel);
	qsp_err e;

	if (!ch)
		return QSP_E_STATE;
	e = say_short(m, ch, QSP_MUX_CHANNEL_CLOSE);
	ch->close_sent = true;
	if (ch->close_got)
		qsp_mux_release(m, channel);
	return e;
}

/*
 * The window before the next grant. It doubles where the peer uses it up fast and hardly anything
 * waits for whoever consumes it (a larger window would be a longer queue), as long as a quarter of
 * the budget is left. Where less is left, one over its share gives back half of what it consumed.
 */
static void
resize(struct qsp_mux *m, struct qsp_mux_channel *ch, qsp_time now)
{
	uint32_t waiting = ch->window - ch->may_come - ch->consumed, change;
	size_t most = m->limits.window_total - m->limits.window_total / 4;

	if (m->windows > most) {
		change = ch->consumed / 2;
		if (ch->window > most / m->n_used && ch->window - change >= QSP_MUX_WINDOW_MIN) {
			ch->window -= change;
			m->windows -= change;
		}
		return;
	}
	if (now - ch->granted >= FAST_MS || waiting >= ch->window / 8 ||
	    ch->window >= m->limits.window_max)
		return;
	change = m->limits.window_max - ch->window;
	change = change < ch->window ? change : ch->window;
	if (change > most - m->windows)
		return;
	ch->window += change;
	m->windows += change;
}

qsp_err
qsp_mux_consumed(struct qsp_mux *m, qsp_time now, uint32_t channel, size_t n)
{
	struct qsp_mux_channel *ch = open_channel(m, channel);
	uint32_t grant, waiting;
	uint8_t buf[8];
	struct qsp_writer w;

	if (!ch)
		return QSP_OK;
	if (n > ch->window - ch->may_come - ch->consumed)
		return QSP_E_INPUT;
	ch->consumed += (uint32_t)n;
	if (ch->consumed < ch->window / 2 || ch->eof_got || ch->close_got)
		return QSP_OK;
	waiting = ch->window - ch->may_come - ch->consumed;
	resize(m, ch, now);
	grant = ch->window - ch->may_come - waiting;
	ch->granted = now;
	ch->consumed = 0;
	ch->may_come += grant;
	w = fixed_for(ch, buf, sizeof(buf));
	qsp_writer_u32(&w, grant);
	return qsp_mux_say(m, QSP_MUX_CHANNEL_WINDOW_ADJUST, qsp_writer_bytes(&w), QSP_BYTES_NONE);
}
