/* SPDX-License-Identifier: ISC */
/*
 * A forwarded connection: a stream socket (TCP or unix, non-blocking) joined to a channel. Bytes are
 * read straight into the output and written straight from the received data; what the socket refuses
 * is kept, bounded by the channel's window, and that channel alone waits. Each direction ends by
 * itself; a socket that fails closes its channel, a channel that closes its socket, once all that
 * came has been written.
 */
#ifndef QSP_APP_RELAY_H
#define QSP_APP_RELAY_H

#include "app/turns.h"

#include <uv.h>

/* All relays of one connection. The owner fills in the first part. */
struct qsp_relays {
	uv_loop_t *loop;
	struct qsp_mux *mux;
	struct qsp_turns *turns;   /* served when the output has room */
	void (*moved)(void *arg);  /* there is output: let it leave */
	void (*gone)(void *arg);   /* a relay has ended; NULL: nobody asks */
	void (*failed)(void *arg); /* out of memory: the connection must end. Called once */
	void *arg;

	struct qsp_relay *first;
	unsigned n;
	bool has_failed;
};

struct qsp_relay;

/* Takes fd, which is left alone until the start. NULL, and fd closed, where it cannot be. */
struct qsp_relay *qsp_relay_new(struct qsp_relays *all, int fd);
/* The channel is open: bytes move. Events of the channel go to qsp_relay_event from here on. */
void qsp_relay_start(struct qsp_relay *r, uint32_t channel);
/* DATA, WINDOW, EOF, CLOSE, REQUEST. The relay is gone once both sides have closed the channel. */
void qsp_relay_event(struct qsp_relay *r, const struct qsp_mux_event *ev);
/* At once, whatever state it is in; its channel is not told. */
void qsp_relay_free(struct qsp_relay *r);
void qsp_relay_free_all(struct qsp_relays *all);

#endif
