/* SPDX-License-Identifier: ISC */
/*
 * What the files behind <qsp/channel.h> share: the table of channels, the parser's place in the
 * Data stream, the output stream.
 */
#ifndef QSP_PROTO_MUX_H
#define QSP_PROTO_MUX_H

#include "base/mem.h"
#include "base/reader.h"
#include "base/writer.h"
#include "proto/spool.h"

#include <qsp/channel.h>

/* Messages of RFC 4254. */
enum qsp_mux_message {
	QSP_MUX_GLOBAL_REQUEST = 80,
	QSP_MUX_REQUEST_SUCCESS = 81,
	QSP_MUX_REQUEST_FAILURE = 82,
	QSP_MUX_CHANNEL_OPEN = 90,
	QSP_MUX_CHANNEL_OPEN_CONFIRMATION = 91,
	QSP_MUX_CHANNEL_OPEN_FAILURE = 92,
	QSP_MUX_CHANNEL_WINDOW_ADJUST = 93,
	QSP_MUX_CHANNEL_DATA = 94,
	QSP_MUX_CHANNEL_EXTENDED_DATA = 95,
	QSP_MUX_CHANNEL_EOF = 96,
	QSP_MUX_CHANNEL_CLOSE = 97,
	QSP_MUX_CHANNEL_REQUEST = 98,
	QSP_MUX_CHANNEL_SUCCESS = 99,
	QSP_MUX_CHANNEL_FAILURE = 100,
	QSP_MUX_CHANNEL_PACKED = 192, /* [P7.1] */
};

enum qsp_mux_channel_state {
	QSP_MUX_FREE = 0,
	QSP_MUX_ASKED,   /* we sent OPEN */
	QSP_MUX_OFFERED, /* the peer sent OPEN */
	QSP_MUX_UP,
};

#define QSP_MUX_CHUNK_MIN (16u * 1024) /* room for one read, at first */

struct qsp_mux_channel {
	uint8_t state;
	bool eof_sent, eof_got, close_sent, close_got;
	uint32_t remote;             /* the peer's number */
	uint32_t may_send, packet;   /* the peer's window and packet size */
	uint32_t may_come;           /* what is left of our window */
	uint32_t window;             /* our window as it was last granted in full */
	uint32_t consumed;           /* not yet granted again */
	uint32_t to_answer, to_come; /* requests that want a reply: the peer's, ours */
	qsp_time granted;            /* when the window was last granted */
	void *zip_out, *zip_in;      /* streams of the codec, from their first use on */
	uint32_t zip_skip;           /* so many messages of ours go as they are */
	void *user;
};

struct qsp_mux {
	struct qsp_mux_limits limits;
	struct qsp_mux_channel *channels;
	unsigned n_slots, n_used;
	uint32_t free;  /* the first free number, chained through `remote`; n_slots: none */
	size_t windows; /* of all channels, together */
	uint32_t globals_to_answer, globals_to_come;
	struct qsp_spool out;
	/* between data_begin and data_commit */
	uint32_t begun_channel, begun_code;
	uint8_t *begun;
	size_t begun_room, begun_most;
	bool begun_zip;
	size_t chunk; /* room for one read: grows while reads fill it, so that chatter stays small */
	/* the parser: head of a message, then a rest in pieces */
	uint8_t head[17];
	size_t head_have;
	size_t left; /* bytes of data still to come, where a data message is being read */
	uint32_t channel, code;
	bool in_data, discard;
	uint8_t *body; /* another message that did not come whole */
	size_t body_len, body_have, body_cap;
	/* mux_zip.c */
	const struct qsp_mux_codec *codec; /* NULL: not agreed on */
	bool zips;
	unsigned n_zip_out, n_zip_in;
	uint8_t *plain, *expanded; /* to be compressed; of the last event */
	size_t plain_cap, expanded_cap;
};

/* The channel of our number that has got to `state`, or NULL. */
struct qsp_mux_channel *qsp_mux_find(const struct qsp_mux *m, uint32_t channel,
				     enum qsp_mux_channel_state state);
/* A free slot with the first window of its type, or NULL where the limit is reached or memory is not
 * there. */
struct qsp_mux_channel *qsp_mux_take(struct qsp_mux *m, struct qsp_bytes type, uint32_t *channel);
/* Frees the number once both sides have closed. */
void qsp_mux_release(struct qsp_mux *m, uint32_t channel);

/* One message from parts: `u32 length || u8 type || fixed || tail`. */
QSP_MUST_USE qsp_err qsp_mux_say(struct qsp_mux *m, uint8_t type, struct qsp_bytes fixed,
				 struct qsp_bytes tail);

#endif
