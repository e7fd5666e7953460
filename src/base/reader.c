/* SPDX-License-Identifier: ISC */
/* The sticky parser [P1]: one place that moves the cursor, one place that can fail. */
#include "base/reader.h"

struct qsp_reader
qsp_reader_of(struct qsp_bytes in)
{
	return (struct qsp_reader){ .left = in };
}

struct qsp_bytes
qsp_reader_take(struct qsp_reader *r, size_t n)
{
	struct qsp_bytes got = { r->left.p, n };

	if (r->failed || n > r->left.n) {
		r->failed = true;
		return QSP_BYTES_NONE;
	}
	if (n > 0)
		r->left = qsp_bytes_from(r->left, n);
	return got;
}

static uint64_t
integer(struct qsp_reader *r, size_t n)
{
	struct qsp_bytes b = qsp_reader_take(r, n);
	uint64_t v = 0;

	for (size_t i = 0; i < b.n; i++)
		v = v << 8 | b.p[i];
	return v;
}

uint8_t
qsp_reader_u8(struct qsp_reader *r)
{
	return (uint8_t)integer(r, 1);
}

bool
qsp_reader_bool(struct qsp_reader *r)
{
	uint8_t v = qsp_reader_u8(r);

	r->failed |= v > 1;
	return v == 1;
}

uint16_t
qsp_reader_u16(struct qsp_reader *r)
{
	return (uint16_t)integer(r, 2);
}

uint32_t
qsp_reader_u24(struct qsp_reader *r)
{
	return (uint32_t)integer(r, 3);
}

uint32_t
qsp_reader_u32(struct qsp_reader *r)
{
	return (uint32_t)integer(r, 4);
}

uint64_t
qsp_reader_u64(struct qsp_reader *r)
{
	return integer(r, 8);
}

struct qsp_bytes
qsp_reader_vec16(struct qsp_reader *r)
{
	return qsp_reader_take(r, qsp_reader_u16(r));
}

struct qsp_bytes
qsp_reader_vec24(struct qsp_reader *r)
{
	return qsp_reader_take(r, qsp_reader_u24(r));
}

struct qsp_bytes
qsp_reader_vec32(struct qsp_reader *r)
{
	return qsp_reader_take(r, qsp_reader_u32(r));
}

void
qsp_reader_copy(struct qsp_reader *r, uint8_t *out, size_t n)
{
	struct qsp_bytes b = qsp_reader_take(r, n);

	memset(out, 0, n);
	if (b.n > 0)
		memcpy(out, b.p, b.n);
}

struct qsp_bytes
qsp_reader_rest(struct qsp_reader *r)
{
	return qsp_reader_take(r, r->left.n);
}

qsp_err
qsp_reader_done(const struct qsp_reader *r)
{
	return r->failed || r->left.n != 0 ? QSP_E_INPUT : QSP_OK;
}
