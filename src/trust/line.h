/* SPDX-License-Identifier: ISC */
/*
 * Lines and words, for the text files of this folder.
 */
#ifndef QSP_TRUST_LINE_H
#define QSP_TRUST_LINE_H

#include "base/bytes.h"

/* The longest line that is looked at; a longer one is malformed. */
#define QSP_LINE_MAX 16384

static inline bool
qsp_line_is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next line from *text, without its newline; false at the end. */
bool qsp_line_next(struct qsp_bytes *text, struct qsp_bytes *line);

/* Without white space at both ends. */
struct qsp_bytes qsp_line_trim(struct qsp_bytes b);

/* Takes the next word, with white space around it, from *line; empty at the end. */
struct qsp_bytes qsp_line_word(struct qsp_bytes *line);

/* Takes what stands before the next sep, or all, and the sep. */
struct qsp_bytes qsp_line_part(struct qsp_bytes *list, char sep);

/* ASCII letters compare equal in either case. */
bool qsp_line_same(struct qsp_bytes a, struct qsp_bytes b);

/* True where all of it is printable: no control characters. UTF-8 is. */
bool qsp_line_is_clean(struct qsp_bytes b);

/* Decimal digits and a NUL, somewhere in out; and back, up to max. */
#define QSP_LINE_DECIMAL_MAX 11
char *qsp_line_decimal(uint32_t v, char out[QSP_LINE_DECIMAL_MAX]);
QSP_MUST_USE qsp_err qsp_line_number(struct qsp_bytes s, uint32_t max, uint32_t *v);

#endif
