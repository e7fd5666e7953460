/* SPDX-License-Identifier: ISC */
/*
 * What is said on the socket of a shared connection, between its master and those who want to use
 * it. Each message is one packet, `u8 type || body`; the first of a client is a request, and names
 * the version and what it needs of the connection, which no lesser one stands in for (0: nothing, 1, 2:
 * padding, burst or max, 3: stealth, 4: stealth whose class does not follow the use). The master answers
 * it with OK or REFUSED; behind the answer to a FORWARD or CANCEL another request may follow.
 *
 *     CHECK EXIT STOP         u32 version, u8 needs
 *     SESSION                 u32 version, u8 needs, then the plan; three descriptors come with it
 *     STDFWD                  u32 version, u8 needs, string target (of -W); three descriptors
 *     FORWARD CANCEL          u32 version, u8 needs, u8 kind ('L', 'R', 'D'), string specification
 *     SIGNAL                  u32 number
 *     RESIZE                  u32 columns, rows, width, height in pixels
 *     RESUMED                 nothing: after SUSPEND
 *
 *     OK                      u32 number: the master's process, or the port of a FORWARD
 *     REFUSED                 string why
 *     STARTED                 u8 has_tty
 *     SAY                     u8 level, string text
 *     SUSPEND                 nothing: the person in front of it has asked for that
 *     ENDED                   u32 exit status
 *
 * A string is a u32 length and its bytes.
 */
#ifndef QSP_APP_CLIENT_CONTROL_H
#define QSP_APP_CLIENT_CONTROL_H

#include "app/client_plan.h"

#define QSP_CLIENT_CONTROL_VERSION 4
#define QSP_CLIENT_CONTROL_TEXT_MAX 4096

enum qsp_client_control_type {
	QSP_CLIENT_CONTROL_CHECK = 1,
	QSP_CLIENT_CONTROL_EXIT,
	QSP_CLIENT_CONTROL_STOP,
	QSP_CLIENT_CONTROL_SESSION,
	QSP_CLIENT_CONTROL_STDFWD,
	QSP_CLIENT_CONTROL_FORWARD,
	QSP_CLIENT_CONTROL_CANCEL,
	QSP_CLIENT_CONTROL_SIGNAL,
	QSP_CLIENT_CONTROL_RESIZE,
	QSP_CLIENT_CONTROL_RESUMED,
	QSP_CLIENT_CONTROL_OK = 64,
	QSP_CLIENT_CONTROL_REFUSED,
	QSP_CLIENT_CONTROL_STARTED,
	QSP_CLIENT_CONTROL_SAY,
	QSP_CLIENT_CONTROL_SUSPEND,
	QSP_CLIENT_CONTROL_ENDED,
};

enum qsp_client_control_needs {
	QSP_CLIENT_CONTROL_ANY,
	QSP_CLIENT_CONTROL_BURST,
	QSP_CLIENT_CONTROL_MAX,
	QSP_CLIENT_CONTROL_ADAPTIVE,
	QSP_CLIENT_CONTROL_STRICT,
};

struct qsp_client_control {
	enum qsp_client_control_type type;
	uint32_t number;             /* SIGNAL, OK, ENDED */
	uint8_t small;               /* FORWARD, CANCEL: the kind; STARTED; SAY: the level */
	int escape;                  /* SESSION: the escape character, or QSP_CLIENT_NO_ESCAPE */
	uint8_t needs;               /* a request: enum qsp_client_control_needs */
	bool stdin_null;             /* SESSION */
	struct qsp_tty_size size;    /* RESIZE */
	struct qsp_bytes text;       /* STDFWD, FORWARD, CANCEL, REFUSED, SAY; borrowed */
	struct qsp_client_plan plan; /* SESSION; owned after a get */
};

/* Descriptors that come with this type. */
size_t qsp_client_control_fds(enum qsp_client_control_type type);

/* Writes m into out[0..*n); *n is the room on entry, the length on return. QSP_E_ROOM. */
QSP_MUST_USE qsp_err qsp_client_control_put(const struct qsp_client_control *m, uint8_t *out,
					    size_t *n);
/*
 * Reads a message of either side, strictly. QSP_E_INPUT for anything malformed or of another
 * version, and then m->plan holds nothing.
 */
QSP_MUST_USE qsp_err qsp_client_control_get(struct qsp_bytes in, struct qsp_client_control *m);
void qsp_client_control_wipe(struct qsp_client_control *m);

#endif
