/* SPDX-License-Identifier: ISC */
/*
 * Messages of the agent protocol (RFC 9987, docs/agent.md), both ways: bytes to structs and back.
 * What a struct holds after parsing borrows from the bytes.
 */
#ifndef QSP_APP_AGENT_MSG_H
#define QSP_APP_AGENT_MSG_H

#include "base/reader.h"
#include "base/writer.h"

#include <qsp/key.h>

#define QSP_AGENT_REQUEST_MAX 16384      /* type and contents */
#define QSP_AGENT_ANSWER_MAX (256 << 10) /* the same */
#define QSP_AGENT_COMMENT_MAX 255        /* bytes that are kept */
#define QSP_AGENT_HOST_MAX 255

enum qsp_agent_type {
	QSP_AGENT_FAILURE = 5,
	QSP_AGENT_SUCCESS = 6,
	QSP_AGENT_REQUEST_IDENTITIES = 11,
	QSP_AGENT_IDENTITIES_ANSWER = 12,
	QSP_AGENT_SIGN_REQUEST = 13,
	QSP_AGENT_SIGN_RESPONSE = 14,
	QSP_AGENT_ADD_IDENTITY = 17,
	QSP_AGENT_REMOVE_IDENTITY = 18,
	QSP_AGENT_REMOVE_ALL = 19,
	QSP_AGENT_LOCK = 22,
	QSP_AGENT_UNLOCK = 23,
	QSP_AGENT_ADD_CONSTRAINED = 25,
	QSP_AGENT_EXTENSION = 27,
	QSP_AGENT_EXTENSION_FAILURE = 28,
	QSP_AGENT_EXTENSION_RESPONSE = 29,
};

enum qsp_agent_ext {
	QSP_AGENT_EXT_UNKNOWN,
	QSP_AGENT_EXT_QUERY,
	QSP_AGENT_EXT_KEM_MIX,
	QSP_AGENT_EXT_FORWARDED,
};
/* NULL for UNKNOWN. */
const char *qsp_agent_msg_ext_name(enum qsp_agent_ext ext);

struct qsp_agent_msg {
	uint8_t type;
	struct qsp_bytes key;           /* SIGN, REMOVE: blob of [P1.1] */
	struct qsp_bytes data;          /* SIGN: what to sign; LOCK, UNLOCK: the passphrase */
	uint32_t flags;                 /* SIGN */
	uint8_t key_type;               /* ADD: and the seed, whose length fits it */
	struct qsp_bytes seed, comment; /* ADD */
	uint32_t lifetime;              /* ADD: seconds; 0: none */
	bool confirm;                   /* ADD */
	enum qsp_agent_ext ext;         /* EXTENSION, and what it holds: */
	uint8_t suite;                  /* KEM_MIX */
	struct qsp_bytes key_id, ck, point, ct; /* KEM_MIX */
	struct qsp_bytes host;                  /* FORWARDED */
};

/* A request without its length. QSP_E_INPUT where it is malformed, QSP_E_UNSUPPORTED for a type or
 * constraint that is not known; an extension that is not known parses as UNKNOWN. */
QSP_MUST_USE qsp_err qsp_agent_msg_get(struct qsp_bytes in, struct qsp_agent_msg *m);
/* Writes it with its length. */
void qsp_agent_msg_put(struct qsp_writer *w, const struct qsp_agent_msg *m);

/* The length and type of a message, whose contents the caller writes next; end fills the length. */
void qsp_agent_msg_begin(struct qsp_writer *w, enum qsp_agent_type type);
void qsp_agent_msg_end(struct qsp_writer *w);
/* A key blob as this protocol has it: string name, string blob of [P1.1]. */
void qsp_agent_msg_put_key(struct qsp_writer *w, const struct qsp_key_public *key);
void qsp_agent_msg_put_signature(struct qsp_writer *w, uint8_t type, struct qsp_bytes signature);

/* What comes back, without its length. Identities of types that are not known are passed over. */
struct qsp_agent_identity {
	struct qsp_bytes blob, comment;
};
struct qsp_agent_list {
	struct qsp_reader r;
	uint32_t left;
};
QSP_MUST_USE qsp_err qsp_agent_msg_get_list(struct qsp_bytes in, struct qsp_agent_list *l);
/* False at the end, and where the rest is malformed. */
bool qsp_agent_msg_next(struct qsp_agent_list *l, struct qsp_agent_identity *out);
/* The signature of a SIGN_RESPONSE; ck of a KEM_MIX. QSP_E_INPUT for any other answer. */
QSP_MUST_USE qsp_err qsp_agent_msg_get_signature(struct qsp_bytes in, struct qsp_bytes *out);
QSP_MUST_USE qsp_err qsp_agent_msg_get_mixed(struct qsp_bytes in, struct qsp_bytes *out);

#endif
