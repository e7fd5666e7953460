/* SPDX-License-Identifier: ISC */
/* The fuzzer's bytes as a source of choices: after the last one it gives zeros. */
#ifndef QSP_TESTS_INPUT_H
#define QSP_TESTS_INPUT_H

#include "base/bytes.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct input {
	const uint8_t *p;
	size_t n;
};

static inline uint8_t
input_u8(struct input *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

static inline uint16_t
input_u16(struct input *in)
{
	uint16_t high = input_u8(in);

	return (uint16_t)(high << 8 | input_u8(in));
}

/* At most n bytes, fewer at the end. */
static inline struct qsp_bytes
input_take(struct input *in, size_t n)
{
	struct qsp_bytes b = { in->p, n < in->n ? n : in->n };

	in->p += b.n;
	in->n -= b.n;
	return b;
}

/* The bug that a target looks for. */
static inline void
must(bool holds)
{
	if (!holds)
		abort();
}

#endif
