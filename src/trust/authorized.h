/* SPDX-License-Identifier: ISC */
/*
 * authorized_keys: who may log in as a user, one line a key, as OpenSSH has it:
 *
 *	[options ]type base64[ comment]
 *
 * Options are a list without spaces outside quotes: name, or name="value" with \" for a quote. A key
 * with an option that is not honoured here must not log in, for an option restricts; so such a
 * line is found, refused, and its option named.
 */
#ifndef QSP_TRUST_AUTHORIZED_H
#define QSP_TRUST_AUTHORIZED_H

#include "base/bytes.h"

#include <qsp/key.h>

#define QSP_AUTHORIZED_MAX (4u << 20) /* bytes of a file worth reading */
#define QSP_AUTHORIZED_VALUE_MAX 8192 /* bytes of a value */
#define QSP_AUTHORIZED_LIST_MAX 32    /* options of one name */

/* Values of an option that may come more than once, as they stand between the quotes. */
struct qsp_authorized_list {
	size_t n;
	struct qsp_bytes value[QSP_AUTHORIZED_LIST_MAX];
};

/*
 * Values borrow from the text and stand as between the quotes (p NULL where the option is not
 * there): qsp_authorized_unquote makes text of them.
 */
struct qsp_authorized_options {
	/* honoured by whoever starts the session; restrict sets all of the no_ */
	bool no_pty, no_port_forwarding, no_agent_forwarding, no_user_rc;
	bool no_x11_forwarding;                                /* there is none */
	struct qsp_bytes command;                              /* command= */
	struct qsp_authorized_list permit_open, permit_listen; /* [HOST:]PORT, either may be * */
	struct qsp_authorized_list environment;                /* NAME=value */

	/* honoured by qsp_authorized_denies */
	struct qsp_bytes from;        /* from= */
	struct qsp_bytes expiry_time; /* expiry-time= */

	/* parsed, and refused for now */
	bool cert_authority, verify_required;
	struct qsp_bytes principals; /* principals= */
	struct qsp_bytes tunnel;     /* tunnel= */

	struct qsp_bytes refused; /* the first option that is not honoured; empty where all are */
};

struct qsp_authorized_entry {
	unsigned line; /* from 1 */
	struct qsp_key_public key;
	struct qsp_authorized_options options;
	struct qsp_bytes comment;
};

/* Who asks, and when: YYYYMMDDhhmmss as a number, of the local time and of UTC. */
struct qsp_authorized_login {
	struct qsp_bytes address;
	uint64_t local, utc;
};

enum qsp_authorized_denial {
	QSP_AUTHORIZED_ALLOWED,
	QSP_AUTHORIZED_FROM,    /* from= does not name the address */
	QSP_AUTHORIZED_EXPIRED, /* expiry-time= is over, or is no time */
	QSP_AUTHORIZED_REFUSED, /* an option that is not honoured here */
};

/* What keeps this login out, in the order of the enum's last to first. */
enum qsp_authorized_denial qsp_authorized_denies(const struct qsp_authorized_options *o,
						 const struct qsp_authorized_login *l);

/* Goes through a text from { text, 0 }. */
struct qsp_authorized_walk {
	struct qsp_bytes left;
	unsigned number;   /* of the last line */
	const char *wrong; /* why the last line was malformed; static */
};

/*
 * The next entry, usable or not: look at options.refused. QSP_E_NOTFOUND at the end; QSP_E_INPUT for a
 * malformed line, which w->number and w->wrong name; the next call goes on behind it.
 */
QSP_MUST_USE qsp_err qsp_authorized_next(const struct qsp_crypto *cx, struct qsp_authorized_walk *w,
					 struct qsp_authorized_entry *out);

/*
 * The first line with the key of this id that lets this login in. QSP_E_NOTFOUND where no line has
 * the key; QSP_E_POLICY where every line that has it denies, and then out is the last of them, and
 * *denial (else ALLOWED) says why. Malformed lines are passed over.
 */
QSP_MUST_USE qsp_err qsp_authorized_find(const struct qsp_crypto *cx, struct qsp_bytes text,
					 const uint8_t id[static QSP_KEY_ID_LEN],
					 const struct qsp_authorized_login *login,
					 struct qsp_authorized_entry *out,
					 enum qsp_authorized_denial *denial);

/* Used while reading: NULL, or what is wrong with a value of permitopen=, permitlisten=, environment=. */
const char *qsp_authorized_check_open(struct qsp_bytes value);
const char *qsp_authorized_check_listen(struct qsp_bytes value);
const char *qsp_authorized_check_environment(struct qsp_bytes value);

/* The text of a value, NUL-terminated, in cap bytes. QSP_E_ROOM; QSP_E_INPUT for a NUL in it. */
QSP_MUST_USE qsp_err qsp_authorized_unquote(struct qsp_bytes value, char *out, size_t cap);

#endif
