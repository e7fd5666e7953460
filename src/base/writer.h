/* SPDX-License-Identifier: ISC */
/*
 * A sticky writer into the caller's buffer: after the first put that does not fit nothing more is
 * written, and qsp_writer_done reports it once.
 */
#ifndef QSP_BASE_WRITER_H
#define QSP_BASE_WRITER_H

#include "base/bytes.h"

struct qsp_writer {
	uint8_t *p;
	size_t n; /* written */
	size_t cap;
	bool failed;
};

struct qsp_writer qsp_writer_of(uint8_t *out, size_t cap);

void qsp_writer_u8(struct qsp_writer *w, uint8_t v);
void qsp_writer_u16(struct qsp_writer *w, uint16_t v);
void qsp_writer_u24(struct qsp_writer *w, uint32_t v);
void qsp_writer_u32(struct qsp_writer *w, uint32_t v);
void qsp_writer_u64(struct qsp_writer *w, uint64_t v);
void qsp_writer_put(struct qsp_writer *w, struct qsp_bytes b);
/* b behind a length of 2, 3 or 4 bytes; fails where the length does not hold it. */
void qsp_writer_vec16(struct qsp_writer *w, struct qsp_bytes b);
void qsp_writer_vec24(struct qsp_writer *w, struct qsp_bytes b);
void qsp_writer_vec32(struct qsp_writer *w, struct qsp_bytes b);
void qsp_writer_zero(struct qsp_writer *w, size_t n);

/* Room for n bytes that the caller fills, or NULL. */
uint8_t *qsp_writer_room(struct qsp_writer *w, size_t n);

/* What has been written so far. */
struct qsp_bytes qsp_writer_bytes(const struct qsp_writer *w);

/* 0, or QSP_E_ROOM where something did not fit. */
QSP_MUST_USE qsp_err qsp_writer_done(const struct qsp_writer *w);

#endif
