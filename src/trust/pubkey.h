/* SPDX-License-Identifier: ISC */
/*
 * Public keys as text: `type base64 comment`, in which base64 is the blob of P1.1. Types are
 * written by their canonical names; aliases (kyber768) are read as well.
 */
#ifndef QSP_TRUST_PUBKEY_H
#define QSP_TRUST_PUBKEY_H

#include "crypto/crypto.h"

#define QSP_PUBKEY_COMMENT_MAX 1024
/* Room for a line with the longest key and comment, and a NUL. */
#define QSP_PUBKEY_LINE_MAX 5120

/*
 * Parses one line, without its newline; white space around it is skipped. comment borrows from line
 * and may be NULL. QSP_E_INPUT; QSP_E_UNSUPPORTED for a type that is not known here.
 */
QSP_MUST_USE qsp_err qsp_pubkey_get(const struct qsp_crypto *cx, struct qsp_bytes line,
				    struct qsp_key_public *key, struct qsp_bytes *comment);

/*
 * A line without newline, NUL-terminated; out holds QSP_PUBKEY_LINE_MAX. An empty comment is left
 * out. QSP_E_INPUT for a comment that is too long or has control characters.
 */
QSP_MUST_USE qsp_err qsp_pubkey_put(const struct qsp_key_public *key, struct qsp_bytes comment,
				    char *out);

/* The type that a word names, 0 for none; and a key from its two words. */
uint8_t qsp_pubkey_type(struct qsp_bytes word);
QSP_MUST_USE qsp_err qsp_pubkey_decode(const struct qsp_crypto *cx, struct qsp_bytes type,
				       struct qsp_bytes base64, struct qsp_key_public *key);

/* Bits as ssh-keygen -l shows them, which for these keys is the parameter set: 768, 1024, 65, 87. */
unsigned qsp_pubkey_bits(uint8_t type);

#endif
