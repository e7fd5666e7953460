/* SPDX-License-Identifier: ISC */
/* The sticky writer: one place that moves the cursor, one place that can fail. */
#include "base/writer.h"

struct qsp_writer
qsp_writer_of(uint8_t *out, size_t cap)
{
	return (struct qsp_writer){ .p = out, .cap = cap };
}

uint8_t *
qsp_writer_room(struct qsp_writer *w, size_t n)
{
	if (w->failed || n > w->cap - w->n) {
		w->failed = true;
		return NULL;
	}
	w->n += n;
	return w->p + w->n - n;
}

static void
integer(struct qsp_writer *w, uint64_t v, size_t n)
{
	uint8_t *p = qsp_writer_room(w, n);

	for (size_t i = n; p && i-- > 0; v >>= 8)
		p[i] = (uint8_t)v;
}

void
qsp_writer_u8(struct qsp_writer *w, uint8_t v)
{
	integer(w, v, 1);
}

void
qsp_writer_u16(struct qsp_writer *w, uint16_t v)
{
	integer(w, v, 2);
}

void
qsp_writer_u24(struct qsp_writer *w, uint32_t v)
{
	if (v >> 24)
		w->failed = true;
	integer(w, v, 3);
}

void
qsp_writer_u32(struct qsp_writer *w, uint32_t v)
{
	integer(w, v, 4);
}

void
qsp_writer_u64(struct qsp_writer *w, uint64_t v)
{
	integer(w, v, 8);
}

void
qsp_writer_put(struct qsp_writer *w, struct qsp_bytes b)
{
	uint8_t *p = qsp_writer_room(w, b.n);

	if (p && b.n > 0)
		memcpy(p, b.p, b.n);
}

static void
vector(struct qsp_writer *w, struct qsp_bytes b, size_t length_bytes)
{
	if (b.n >> (8 * length_bytes))
		w->failed = true;
	integer(w, b.n, length_bytes);
	qsp_writer_put(w, b);
}

void
qsp_writer_vec16(struct qsp_writer *w, struct qsp_bytes b)
{
	vector(w, b, 2);
}

void
qsp_writer_vec24(struct qsp_writer *w, struct qsp_bytes b)
{
	vector(w, b, 3);
}

void
qsp_writer_vec32(struct qsp_writer *w, struct qsp_bytes b)
{
	vector(w, b, 4);
}

void
qsp_writer_zero(struct qsp_writer *w, size_t n)
{
	uint8_t *p = qsp_writer_room(w, n);

	if (p && n > 0)
		memset(p, 0, n);
}

struct qsp_bytes
qsp_writer_bytes(const struct qsp_writer *w)
{
	return (struct qsp_bytes){ w->p, w->n };
}

qsp_err
qsp_writer_done(const struct qsp_writer *w)
{
	return w->failed ? QSP_E_ROOM : QSP_OK;
}
