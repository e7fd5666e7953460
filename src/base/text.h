/* SPDX-License-Identifier: ISC */
/*
 * ASCII letters, hex and base64 (RFC 4648), and text from strangers made fit to print.
 */
#ifndef QSP_BASE_TEXT_H
#define QSP_BASE_TEXT_H

#include "base/bytes.h"

/* An ASCII letter in lower case; any other byte as it is. */
uint8_t qsp_text_lower(uint8_t c);

/* What a hex digit of either case stands for; -1 where c is none. */
int qsp_text_hex_value(uint8_t c);

/* Lower-case hex and a NUL: out holds 2 n + 1. */
void qsp_text_hex(struct qsp_bytes in, char *out);

/* Hex of either case into exactly n bytes; QSP_E_INPUT for anything else. */
QSP_MUST_USE qsp_err qsp_text_unhex(const char *s, size_t s_len, uint8_t *out, size_t n);

/* Length of the base64 of n bytes, without padding's NUL: padded, or bare. */
#define QSP_TEXT_BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Base64 and a NUL: out holds QSP_TEXT_BASE64_LEN(n) + 1. With pad false no '=' is written. */
void qsp_text_base64(struct qsp_bytes in, bool pad, char *out);

/*
 * Decodes base64, padded or not, strictly: no white space, no stray bits. *n is the room of out on
 * entry and the bytes written on return; QSP_E_INPUT, QSP_E_ROOM.
 */
QSP_MUST_USE qsp_err qsp_text_unbase64(struct qsp_bytes in, uint8_t *out, size_t *n);

/*
 * A peer's text for a terminal or a log: printable ASCII stays, newline and tab stay where
 * keep_lines, everything else becomes `\xNN`. Truncates; always ends in NUL; cap > 0.
 */
void qsp_text_printable(struct qsp_bytes in, bool keep_lines, char *out, size_t cap);

#endif
