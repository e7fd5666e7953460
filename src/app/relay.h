/* SPDX-License-Identifier: ISC */
/*
 * A forwarded connection: a stream socket (TCP or unix) joined to a channel. Bytes are read straight
 * into the output and written straight from the received data; what the socket refuses is kept,
 * bounded by the channel's window, and that channel alone waits. Each direction ends by itself; a
 * socket that fails closes its channel, a channel that closes its socket, once all that came has been
 * written.
 *
 * The channel is the owner's: the relay asks for what it needs of it by qsp_relay_ops, the owner tells
 * what comes by the calls below.
 */
#ifndef QSP_APP_RELAY_H
#define QSP_APP_RELAY_H

#include <qsp/base.h>

#include <uv.h>

struct qsp_relay_ops {
	/* Room for a read, as qsp_mux_data_begin; NULL: not now, and qsp_relay_room follows. */
	uint8_t *(*begin)(void *arg, size_t *room);
	void (*commit)(void *arg, size_t n);
	/* n bytes that came have left. */
	void (*consumed)(void *arg, size_t n);
	void (*eof)(void *arg);
	/* The socket is closed, and no more is said on the channel. Called once. */
	void (*close)(void *arg);
	/* The relay has ended: close was called, and qsp_relay_closed. It frees itself. */
	void (*gone)(void *arg);
	/* Memory is not there: the connection must end. */
	void (*failed)(void *arg);
};

struct qsp_relay;

/* Takes fd, which is left alone until the start. NULL, and fd closed, where it cannot be. */
struct qsp_relay *qsp_relay_new(uv_loop_t *loop, int fd, const struct qsp_relay_ops *ops,
				void *arg);
/* The channel is open: bytes move. */
void qsp_relay_start(struct qsp_relay *r);
/* What came on the channel, or there is room again. The relay may be gone afterwards. */
void qsp_relay_data(struct qsp_relay *r, struct qsp_bytes data);
void qsp_relay_eof(struct qsp_relay *r);
void qsp_relay_closed(struct qsp_relay *r);
void qsp_relay_room(struct qsp_relay *r);
/* At once, whatever state it is in; ops are not called any more. */
void qsp_relay_free(struct qsp_relay *r);

#endif
