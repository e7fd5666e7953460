/* SPDX-License-Identifier: ISC */
/*
 * A sticky parser of wire bytes [P1]: after the first short read every further read gives zeros
 * or empty bytes, and qsp_reader_done reports it once. What it returns borrows from the input.
 */
#ifndef QSP_BASE_READER_H
#define QSP_BASE_READER_H

#include "base/bytes.h"

struct qsp_reader {
	struct qsp_bytes left;
	bool failed;
};

struct qsp_reader qsp_reader_of(struct qsp_bytes in);

uint8_t qsp_reader_u8(struct qsp_reader *r);
bool qsp_reader_bool(struct qsp_reader *r); /* what is neither 0 nor 1 fails */
uint16_t qsp_reader_u16(struct qsp_reader *r);
uint32_t qsp_reader_u24(struct qsp_reader *r);
uint32_t qsp_reader_u32(struct qsp_reader *r);
uint64_t qsp_reader_u64(struct qsp_reader *r);

/* The next n bytes; a vector behind a length of 2 (`string` of P1), 3 or 4 bytes (RFC 4251). */
struct qsp_bytes qsp_reader_take(struct qsp_reader *r, size_t n);
struct qsp_bytes qsp_reader_vec16(struct qsp_reader *r);
struct qsp_bytes qsp_reader_vec24(struct qsp_reader *r);
struct qsp_bytes qsp_reader_vec32(struct qsp_reader *r);

/* Copies the next n bytes, or zeros. */
void qsp_reader_copy(struct qsp_reader *r, uint8_t *out, size_t n);

/* All that is left. */
struct qsp_bytes qsp_reader_rest(struct qsp_reader *r);

/* 0, or QSP_E_INPUT after a short read or where bytes are left over. */
QSP_MUST_USE qsp_err qsp_reader_done(const struct qsp_reader *r);

#endif
