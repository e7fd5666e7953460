/* SPDX-License-Identifier: ISC */
/*
 * The server's side of SOCKS 4, 4a and 5 (RFC 1928, CONNECT without authentication): what a program asks
 * of a dynamic forward. Bytes in, replies out; names are not resolved here.
 */
#ifndef QSP_APP_SOCKS_H
#define QSP_APP_SOCKS_H

#include <qsp/base.h>

#define QSP_SOCKS_MAX 1024 /* no request is longer */
#define QSP_SOCKS_REPLY_MAX 10

enum qsp_socks_step {
	QSP_SOCKS_MORE,  /* the bytes are no whole message: come back with more behind them */
	QSP_SOCKS_SAY,   /* send the reply, and go on */
	QSP_SOCKS_ASKED, /* host and port are known: answer with qsp_socks_answer */
	QSP_SOCKS_BAD,   /* send the reply, if there is one, and close */
};

/* Zero to begin with. */
struct qsp_socks {
	uint8_t version; /* 4 or 5, once known */
	bool greeted;
	char host[256]; /* name or address, printable without spaces */
	uint16_t port;
};

struct qsp_socks_reply {
	size_t n;
	uint8_t b[QSP_SOCKS_REPLY_MAX];
};

/* Takes one message from the front of in; *used: its length, 0 with MORE. */
enum qsp_socks_step qsp_socks_take(struct qsp_socks *s, struct qsp_bytes in, size_t *used,
				   struct qsp_socks_reply *reply);
/* What became of the request. */
void qsp_socks_answer(const struct qsp_socks *s, bool ok, struct qsp_socks_reply *reply);

#endif
