/* SPDX-License-Identifier: ISC */
/*
 * Channels over the Data stream [P7]: the messages of RFC 4254, each behind its u32 length, as a
 * machine of its own between qsp_conn and the application. It moves no bytes by itself and knows
 * no time but what it is told.
 *
 * Reading: give it what qsp_conn_recv returned as data, and take events until there are none.
 * Writing: calls append to an output stream, which qsp_mux_output shows and qsp_mux_sent takes
 * from. Channels are named by our number.
 */
#ifndef QSP_CHANNEL_H
#define QSP_CHANNEL_H

#include <qsp/base.h>

QSP_BEGIN_C

#define QSP_MUX_MESSAGE_MAX (256 * 1024 + 64) /* [P7] */
#define QSP_MUX_PACKET_MAX (256 * 1024)       /* data in one message */
#define QSP_MUX_WINDOW_MIN 4096
#define QSP_MUX_STDERR 1u /* extended data code, RFC 4254, 5.2 */

struct qsp_mux;

struct qsp_mux_limits {
	unsigned max_channels; /* open at a time */
	uint32_t window;       /* first window of a channel of type "session", bytes */
	uint32_t window_other; /* of any other type: of forwards there may be thousands */
	uint32_t window_max;   /* to which a window grows with the measured rate */
	/* All windows together: near it they begin smaller (QSP_MUX_WINDOW_MIN at least), grow no more,
	 * and those over their share shrink. */
	size_t window_total;
	size_t output_max; /* data calls give no room while this much or more waits to be sent */
};
/* 10 channels, 2 MiB and 64 KiB growing to 16 MiB, 64 MiB together, 256 KiB waiting. */
QSP_API struct qsp_mux_limits qsp_mux_limits_default(void);

QSP_API QSP_MUST_USE qsp_err qsp_mux_new(const struct qsp_mux_limits *limits, struct qsp_mux **out);
QSP_API void qsp_mux_free(struct qsp_mux *m);

enum qsp_mux_event_type {
	QSP_MUX_NONE,        /* the input is used up */
	QSP_MUX_OPEN,        /* the peer opens a channel: name = its type, body = what follows the
	                       * packet size. Answer with qsp_mux_accept or qsp_mux_refuse */
	QSP_MUX_OPENED,      /* ours was accepted; body */
	QSP_MUX_OPEN_FAILED, /* ours was not: code, body = the peer's text; the channel is gone */
	QSP_MUX_DATA,        /* body = a piece of data, code = 0, or QSP_MUX_STDERR. Counts against
	                       * our window until qsp_mux_consumed */
	QSP_MUX_WINDOW,      /* the peer takes more data on this channel */
	QSP_MUX_EOF,         /* no more data from the peer */
	QSP_MUX_CLOSE,   /* the peer closed; once qsp_mux_close was called too the number is free */
	QSP_MUX_REQUEST, /* name, want_reply, body: answered in order with qsp_mux_reply */
	QSP_MUX_REPLY,   /* success or failure of our oldest unanswered request there */
	QSP_MUX_GLOBAL,  /* a global request: name, want_reply, body */
	QSP_MUX_GLOBAL_REPLY, /* success or failure of our oldest unanswered global request; body */
};

struct qsp_mux_event {
	enum qsp_mux_event_type type;
	uint32_t channel;
	void *user; /* what qsp_mux_set_user said of the channel */
	struct qsp_bytes name;
	struct qsp_bytes body; /* borrowed until the next call */
	uint32_t code;
	bool want_reply;
	bool success;
};

/*
 * Takes the next event from the front of *data; QSP_MUX_NONE once all of it is taken. QSP_E_PROTOCOL
 * where the peer broke RFC 4254 or P7: then the connection must be closed.
 */
QSP_API QSP_MUST_USE qsp_err qsp_mux_event(struct qsp_mux *m, struct qsp_bytes *data,
					   struct qsp_mux_event *ev);

/* body is appended to the open message as it is (RFC 4254, 7.2 for direct-tcpip). */
QSP_API QSP_MUST_USE qsp_err qsp_mux_open(struct qsp_mux *m, const char *type,
					  struct qsp_bytes body, void *user, uint32_t *channel);
QSP_API QSP_MUST_USE qsp_err qsp_mux_accept(struct qsp_mux *m, uint32_t channel, void *user);
/* code of RFC 4254, 5.1: 1 prohibited, 2 connect failed, 3 unknown type, 4 shortage. */
QSP_API QSP_MUST_USE qsp_err qsp_mux_refuse(struct qsp_mux *m, uint32_t channel, uint32_t code,
					    const char *text);
QSP_API void qsp_mux_set_user(struct qsp_mux *m, uint32_t channel, void *user);

QSP_API QSP_MUST_USE qsp_err qsp_mux_request(struct qsp_mux *m, uint32_t channel, const char *name,
					     bool want_reply, struct qsp_bytes body);
QSP_API QSP_MUST_USE qsp_err qsp_mux_reply(struct qsp_mux *m, uint32_t channel, bool success);
QSP_API QSP_MUST_USE qsp_err qsp_mux_global(struct qsp_mux *m, const char *name, bool want_reply,
					    struct qsp_bytes body);
QSP_API QSP_MUST_USE qsp_err qsp_mux_global_reply(struct qsp_mux *m, bool success,
						  struct qsp_bytes body);

/*
 * Room for data in the output stream, to be read into directly: up to *room bytes at the returned
 * place, limited by the peer's window and what already waits; NULL and 0 where there is none (the
 * event QSP_MUX_WINDOW, or an emptier output, changes that: qsp_mux_is_full tells which). commit
 * says how much was put there, 0 included; no other call on m may stand between the two. code 0, or
 * QSP_MUX_STDERR.
 */
QSP_API uint8_t *qsp_mux_data_begin(struct qsp_mux *m, uint32_t channel, uint32_t code,
				    size_t *room);
QSP_API void qsp_mux_data_commit(struct qsp_mux *m, size_t n);
/* The same by copy; *used tells how much found room. */
QSP_API QSP_MUST_USE qsp_err qsp_mux_data(struct qsp_mux *m, uint32_t channel, uint32_t code,
					  struct qsp_bytes data, size_t *used);
QSP_API QSP_MUST_USE qsp_err qsp_mux_eof(struct qsp_mux *m, uint32_t channel);
QSP_API QSP_MUST_USE qsp_err qsp_mux_close(struct qsp_mux *m, uint32_t channel);

/* n bytes of received data have left our buffers: the window opens again, and grows where the peer
 * used it up within 200 ms and hardly any of it still waits in our buffers. */
QSP_API QSP_MUST_USE qsp_err qsp_mux_consumed(struct qsp_mux *m, qsp_time now, uint32_t channel,
					      size_t n);

/* The output stream; taken from its front. */
QSP_API struct qsp_bytes qsp_mux_output(const struct qsp_mux *m);
QSP_API void qsp_mux_sent(struct qsp_mux *m, size_t n);
/* How much of it there is in all; qsp_mux_output shows what lies together. */
QSP_API size_t qsp_mux_waiting(const struct qsp_mux *m);
/* Of that what was never sent before: what a rewind brings back is bounded already. */
QSP_API size_t qsp_mux_backlog(const struct qsp_mux *m);
/* The output has no room for data, whatever the windows say. */
QSP_API bool qsp_mux_is_full(const struct qsp_mux *m);
/* Bulk leaves memory behind, for more of it: it goes. False where more will be left, once what was
 * sent is acknowledged. */
QSP_API bool qsp_mux_tidy(struct qsp_mux *m);
/*
 * In a resumable session [P4.7] what was sent is kept until it is acknowledged: retain before the
 * first byte is sent; then tell what qsp_conn_progress says was acknowledged, and once a new
 * connection can send, rewind to it: the output begins there anew. Totals count from the first byte.
 */
QSP_API void qsp_mux_retain(struct qsp_mux *m);
QSP_API void qsp_mux_acknowledged(struct qsp_mux *m, uint64_t total);
QSP_API void qsp_mux_rewind(struct qsp_mux *m, uint64_t total);
/*
 * Data may be compressed [P7.1] where the two ends have agreed on it: the one who asks understands it
 * from then on, and compresses once the peer has said yes; the other one does both as it says so. A
 * codec keeps a stream for each channel and direction. pack flushes: what it gave (0: it failed) is
 * unpacked, there, to exactly the same bytes. It outlives m.
 */
struct qsp_mux_codec {
	void *(*new_out)(void), *(*new_in)(void); /* NULL: out of memory */
	void (*free_out)(void *z), (*free_in)(void *z);
	size_t (*bound)(size_t n); /* room that pack needs */
	size_t (*pack)(void *z, struct qsp_bytes in, uint8_t *out, size_t cap);
	/* false where that gives not exactly n bytes */
	bool (*unpack)(void *z, struct qsp_bytes in, uint8_t *out, size_t n);
};
QSP_API void qsp_mux_understand(struct qsp_mux *m, const struct qsp_mux_codec *codec);
QSP_API void qsp_mux_compress(struct qsp_mux *m);
/* Channels in use. */
QSP_API unsigned qsp_mux_channels(const struct qsp_mux *m);

QSP_END_C
#endif
