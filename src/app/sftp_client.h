/* SPDX-License-Identifier: ISC */
/*
 * The client's side of SFTP on two descriptors: many requests at once, each answered by a callback. It
 * does not loop: its owner polls. What the server says is checked against what was asked; a reply
 * that does not fit ends the connection.
 */
#ifndef QSP_APP_SFTP_CLIENT_H
#define QSP_APP_SFTP_CLIENT_H

#include "app/sftp.h"

#define QSP_SFTP_CLIENT_SLOTS 2048 /* requests without an answer */

/* r is NULL where the connection broke before the answer; it borrows, for the time of the call. */
typedef void qsp_sftp_client_fn(void *arg, const struct qsp_sftp_reply *r);

struct qsp_sftp_client_slot {
	qsp_sftp_client_fn *fn; /* NULL: free */
	void *arg;
	uint32_t id;
	unsigned kind;
	uint64_t length; /* of READ: asked for */
	uint32_t next_free;
};

struct qsp_sftp_client {
	int in, out;                  /* non-blocking */
	bool ready;                   /* the server has said its version */
	const char *broken;           /* why nothing goes any more, or NULL */
	bool has[QSP_SFTP_KINDS_END]; /* extensions that the server announced */
	size_t read_max, write_max;   /* bytes of one request */
	uint64_t handles_max;         /* 0: not said */
	size_t pending;
	struct qsp_sftp_client_slot *slot;
	uint32_t free, generation;
	uint8_t *ibuf, *obuf;
	size_t ibegin, iend, obegin, oend, ocap;
};

/* Sends INIT. The descriptors are made non-blocking and belong to c from here on. Up to queue_max bytes may
 * be queued besides what qsp_sftp_client_room allows. QSP_E_NOMEM. */
QSP_MUST_USE qsp_err qsp_sftp_client_init(struct qsp_sftp_client *c, int in, int out,
					  size_t queue_max);
/* Closes and frees; callbacks that still wait are called first. */
void qsp_sftp_client_wipe(struct qsp_sftp_client *c);

/* Whether one more request may be sent now, of up to QSP_SFTP_DATA_MAX bytes of data. */
bool qsp_sftp_client_room(const struct qsp_sftp_client *c);
/*
 * Queues a request; its id is chosen here. fn is called later, or at once with NULL where the connection is
 * broken, or breaks because there was no room: ask first, but for a few small ones.
 */
void qsp_sftp_client_send(struct qsp_sftp_client *c, struct qsp_sftp_request *r,
			  qsp_sftp_client_fn *fn, void *arg);
/* The same for a WRITE of r->data.n bytes that are in their place already: the one that
 * qsp_sftp_client_place, called right before, gave for handles of this length. */
uint8_t *qsp_sftp_client_place(struct qsp_sftp_client *c, size_t handle_len);
void qsp_sftp_client_write(struct qsp_sftp_client *c, struct qsp_sftp_request *r,
			   qsp_sftp_client_fn *fn, void *arg);

size_t qsp_sftp_client_queued(const struct qsp_sftp_client *c);
/* Writes what the transport takes, reads what is there and calls back. */
void qsp_sftp_client_push(struct qsp_sftp_client *c);
void qsp_sftp_client_pull(struct qsp_sftp_client *c);
/* Ends it: why is static. Everybody who waits is told. */
void qsp_sftp_client_break(struct qsp_sftp_client *c, const char *why);

/* The answer of LIMITS. */
void qsp_sftp_client_limits(struct qsp_sftp_client *c, const struct qsp_sftp_reply *r);

#endif
