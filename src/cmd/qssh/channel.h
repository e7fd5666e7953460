/* SPDX-License-Identifier: ISC */
/*
 * Channels of the connection, as their owners see them: a session, standard input forwarded by
 * -W, a forwarded connection. Each channel's owner embeds a struct qsp_qssh_channel; events of
 * the connection find it, and room in the output goes to those that wait for it in turn.
 *
 * Owners know the connection by these calls alone, never the drive under it.
 */
#ifndef QSP_CMD_QSSH_CHANNEL_H
#define QSP_CMD_QSSH_CHANNEL_H

#include "app/turns.h"

struct qsp_qssh;
struct qsp_qssh_channel;

struct qsp_qssh_channel_ops {
	/*
	 * Something about this channel. With QSP_MUX_OPEN_FAILED and QSP_MUX_CLOSE it is down: CLOSE
	 * has been answered, and the owner may free it, here or later. The end of the connection
	 * comes as QSP_MUX_CLOSE too.
	 */
	void (*event)(struct qsp_qssh_channel *ch, const struct qsp_mux_event *ev);
	/* qsp_qssh_channel_begin gave no room before; now it may. */
	void (*room)(struct qsp_qssh_channel *ch);
	/* What it is, in a line for ~#. */
	void (*describe)(const struct qsp_qssh_channel *ch, char *out, size_t cap);
};

struct qsp_qssh_channel {
	const struct qsp_qssh_channel_ops *ops;
	struct qsp_qssh *q;
	uint32_t id;                           /* our number, while it is up */
	struct qsp_qssh_channel *next, **prev; /* of all that are up */
	struct qsp_turn turn;
	bool up;      /* asked for or open, not closed by the server */
	bool closing; /* we are done with it */
};

/* A reply to a global request; at the end of the connection without one, a failure. */
typedef void qsp_qssh_reply(void *arg, bool success, struct qsp_bytes body);

struct qsp_qssh_global {
	struct qsp_qssh_global *next;
	qsp_qssh_reply *reply;
	void *arg;
};

/* The channels of a connection; all zeros to begin with. */
struct qsp_qssh_channels {
	struct qsp_qssh_channel *all;
	struct qsp_turns turns;                         /* who waits for room in the output */
	struct qsp_qssh_global *globals, **globals_end; /* unanswered, oldest first */
};

/*
 * Asks the server for a channel; QSP_MUX_OPENED or QSP_MUX_OPEN_FAILED follows. ch must stay where
 * it is until it is down or dropped.
 */
QSP_MUST_USE qsp_err qsp_qssh_channel_open(struct qsp_qssh *q, struct qsp_qssh_channel *ch,
					   const struct qsp_qssh_channel_ops *ops, const char *type,
					   struct qsp_bytes body);
/* Takes a channel that the server opens (ev of type QSP_MUX_OPEN). */
QSP_MUST_USE qsp_err qsp_qssh_channel_accept(struct qsp_qssh *q, struct qsp_qssh_channel *ch,
					     const struct qsp_qssh_channel_ops *ops,
					     const struct qsp_mux_event *ev);
/* Refuses it; code as of qsp_mux_refuse. */
void qsp_qssh_channel_refuse(struct qsp_qssh *q, const struct qsp_mux_event *ev, uint32_t code,
			     const char *why);

/*
 * All of the following do nothing on a channel that is down; what fails for want of memory shows
 * at the connection.
 */
void qsp_qssh_channel_request(struct qsp_qssh_channel *ch, const char *name, bool want_reply,
			      struct qsp_bytes body);
void qsp_qssh_channel_reply(struct qsp_qssh_channel *ch, bool success);
void qsp_qssh_channel_eof(struct qsp_qssh_channel *ch);
/* QSP_MUX_CLOSE follows once the server has closed too; no data comes before that. */
void qsp_qssh_channel_close(struct qsp_qssh_channel *ch);
/* Closes it and forgets its owner: no more events, ch may be freed. */
void qsp_qssh_channel_drop(struct qsp_qssh_channel *ch);
/* n bytes of data that came have left our buffers. */
void qsp_qssh_channel_consumed(struct qsp_qssh_channel *ch, size_t n);

/*
 * Room to read data into, up to *room bytes; NULL and 0 where there is none, then ops->room tells
 * when to ask again, each channel in its turn. A commit of what was put there, 0 included, follows
 * at once.
 */
uint8_t *qsp_qssh_channel_begin(struct qsp_qssh_channel *ch, uint32_t code, size_t *room);
void qsp_qssh_channel_commit(struct qsp_qssh_channel *ch, size_t n);

/* A global request; reply NULL: none is wanted. Replies come in the order of the requests. */
QSP_MUST_USE qsp_err qsp_qssh_channel_global(struct qsp_qssh *q, const char *name,
					     struct qsp_bytes body, qsp_qssh_reply *reply,
					     void *arg);

/* Tells the person in front of s what is open (~#). */
struct qsp_qssh_session;
void qsp_qssh_channel_list(struct qsp_qssh_session *s);

/* --- for contact.c --------------------------------------------------------------------------- */

void qsp_qssh_channel_event(struct qsp_qssh *q, const struct qsp_mux_event *ev);
/* The output has room. */
void qsp_qssh_channel_serve(struct qsp_qssh *q);
/* The connection is over: every channel closes, every reply is a failure. */
void qsp_qssh_channel_end(struct qsp_qssh *q);

#endif
