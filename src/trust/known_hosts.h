/* SPDX-License-Identifier: ISC */
/*
 * known_hosts: the keys of hosts that were seen before, and the obfuscation secrets that they sent
 * [P3, P4.6]. One line a key, as OpenSSH has it:
 *
 *	[@revoked ]host[,host..] keytype base64 [k=HEX][ other=..][ comment]
 *
 * A host is a name or address in lower case, [name]:port where the port is not the default one,
 * a pattern with * and ?, a !pattern that the line must not speak of, or, alone in its line, a
 * hashed name |2|salt|hash: base64 of 32 bytes of salt and of HMAC-SHA-256(salt, name). k is the
 * secret: a host whose entry has one is contacted with layout K in class S, and nothing below.
 *
 * All of it is text in, text out. A malformed line is reported by number and kept as it is.
 */
#ifndef QSP_TRUST_KNOWN_HOSTS_H
#define QSP_TRUST_KNOWN_HOSTS_H

#include "base/bytes.h"

#include <qsp/config.h>
#include <qsp/key.h>

/* Where qsshd listens and qssh connects when nobody says otherwise. */
#define QSP_DEFAULT_PORT 8022

#define QSP_KNOWN_HOSTS_MAX (8u << 20) /* bytes of a file worth reading */
#define QSP_KNOWN_HOSTS_NAME_MAX 272   /* a name with brackets and port, and a NUL */
#define QSP_KNOWN_HOSTS_HASHED_MAX 96  /* a hashed name, and a NUL */

/*
 * The name under which host and port are kept: host, or [host]:port, in lower case. QSP_E_INPUT for
 * a host that is empty, too long, or has characters that mean something in a line.
 */
QSP_MUST_USE qsp_err qsp_known_hosts_name(const char *host, uint16_t port,
					  char out[QSP_KNOWN_HOSTS_NAME_MAX]);

/* A hashed form of a name, with fresh salt. */
QSP_MUST_USE qsp_err qsp_known_hosts_hash_name(const struct qsp_crypto *cx, struct qsp_bytes name,
					       char out[QSP_KNOWN_HOSTS_HASHED_MAX]);

/* --- reading --------------------------------------------------------------------------- */

/* A line; what is borrowed belongs to the text. */
struct qsp_known_hosts_line {
	unsigned number;        /* from 1 */
	struct qsp_bytes whole; /* without the newline */
	bool is_entry;          /* false: blank, a comment, or malformed */
	const char *wrong;      /* malformed: why; static */

	/* of an entry */
	bool revoked, hashed;
	struct qsp_bytes hosts, type, base64;
	struct qsp_bytes secret; /* the HEX of k=, or none */
	struct qsp_bytes comment;
};

/* Goes through a text from { text, 0 }. */
struct qsp_known_hosts_walk {
	struct qsp_bytes left;
	unsigned number;   /* of the last line */
	const char *wrong; /* of the last line, where it was malformed */
};

/* The next line of any kind; false at the end. */
bool qsp_known_hosts_next(struct qsp_known_hosts_walk *w, struct qsp_known_hosts_line *line);

/* Whether an entry speaks of a name (qsp_known_hosts_name); false too where libcrypto fails. */
bool qsp_known_hosts_matches(const struct qsp_crypto *cx, const struct qsp_known_hosts_line *entry,
			     struct qsp_bytes name);

/* What an entry says. It holds a secret: wipe it. */
struct qsp_known_hosts_match {
	unsigned line;
	bool revoked;
	bool has_secret;
	uint8_t secret[QSP_OK_LEN];
	struct qsp_key_public key;
};
void qsp_known_hosts_match_wipe(struct qsp_known_hosts_match *m);

/*
 * The next entry that speaks of name. QSP_E_NOTFOUND at the end; QSP_E_INPUT for a malformed line on
 * the way: w->number and w->wrong say which and why, and the next call goes on behind it.
 */
QSP_MUST_USE qsp_err qsp_known_hosts_find(const struct qsp_crypto *cx,
					  struct qsp_known_hosts_walk *w, struct qsp_bytes name,
					  struct qsp_known_hosts_match *m);

/*
 * The entry with which to contact a host: one with a hybrid key that is not revoked, one with a
 * secret before one without, then the stronger key, then the earlier line. QSP_E_NOTFOUND: none,
 * so it is a first contact. Malformed lines are passed over.
 */
QSP_MUST_USE qsp_err qsp_known_hosts_contact(const struct qsp_crypto *cx, struct qsp_bytes text,
					     struct qsp_bytes name,
					     struct qsp_known_hosts_match *m);

enum qsp_known_hosts_verdict {
	QSP_KNOWN_HOSTS_NEW,     /* no entry speaks of this host */
	QSP_KNOWN_HOSTS_SAME,    /* this key is known; m is its entry */
	QSP_KNOWN_HOSTS_CHANGED, /* other keys are known, this one is not; m is the first of them */
	QSP_KNOWN_HOSTS_REVOKED, /* this key must not be accepted; m is the @revoked line */
};

/* What is known of a key that a host showed. m is wiped where no entry is named. */
QSP_MUST_USE qsp_err qsp_known_hosts_check(const struct qsp_crypto *cx, struct qsp_bytes text,
					   struct qsp_bytes name, const struct qsp_key_public *key,
					   enum qsp_known_hosts_verdict *verdict,
					   struct qsp_known_hosts_match *m);

/* --- rewriting ------------------------------------------------------------------------- */

/* A new text on the heap, and how many lines of the old one are not in it as they were. */
struct qsp_known_hosts_text {
	uint8_t *p;
	size_t n, cap;
	unsigned changed;
};
/* Wipes and frees; harmless twice. */
void qsp_known_hosts_text_free(struct qsp_known_hosts_text *t);

struct qsp_known_hosts_entry {
	const char *name; /* qsp_known_hosts_name's */
	const struct qsp_key_public *key;
	const uint8_t *secret; /* QSP_OK_LEN bytes, or NULL */
	const char *comment;   /* or NULL */
	bool hash;             /* HashKnownHosts */
};

/* Every function makes out from text, or leaves it empty on error: QSP_E_NOMEM, QSP_E_CRYPTO. */

/* With one entry more at the end. QSP_E_INPUT for a comment or name that makes no line. */
QSP_MUST_USE qsp_err qsp_known_hosts_add(const struct qsp_crypto *cx, struct qsp_bytes text,
					 const struct qsp_known_hosts_entry *entry,
					 struct qsp_known_hosts_text *out);

/* With this secret in every entry of name and key that is not revoked. QSP_E_NOTFOUND: no entry. */
QSP_MUST_USE qsp_err qsp_known_hosts_set_secret(const struct qsp_crypto *cx, struct qsp_bytes text,
						struct qsp_bytes name,
						const struct qsp_key_public *key,
						const uint8_t secret[static QSP_OK_LEN],
						struct qsp_known_hosts_text *out);

/* Without the entries that speak of name, @revoked lines apart. QSP_E_NOTFOUND: none did. */
QSP_MUST_USE qsp_err qsp_known_hosts_remove(const struct qsp_crypto *cx, struct qsp_bytes text,
					    struct qsp_bytes name,
					    struct qsp_known_hosts_text *out);

/*
 * With every name hashed, a line for each; lines with patterns, @revoked ones and those already
 * hashed stay.
 */
QSP_MUST_USE qsp_err qsp_known_hosts_hash(const struct qsp_crypto *cx, struct qsp_bytes text,
					  struct qsp_known_hosts_text *out);

/* True where hosts has a pattern, which cannot be hashed. */
bool qsp_known_hosts_has_pattern(struct qsp_bytes hosts);

#endif
