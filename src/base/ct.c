/* SPDX-License-Identifier: ISC */
/* Constant-time comparison: all bytes are looked at, whatever they hold. */
#include "base/ct.h"

#include <string.h>

/* Hides a value from the optimiser, so that it cannot turn the loop into an early exit. */
static inline uint64_t
opaque(uint64_t v)
{
	__asm__("" : "+r"(v));
	return v;
}

static inline uint64_t
word(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

bool
qsp_ct_equal(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;
	uint64_t diff = 0;
	size_t i = 0;

	for (; n - i >= sizeof(diff); i += sizeof(diff))
		diff = opaque(diff | (word(x + i) ^ word(y + i)));
	for (; i < n; i++)
		diff = opaque(diff | (uint64_t)(x[i] ^ y[i]));
	return diff == 0;
}

bool
qsp_ct_is_zero(const void *p, size_t n)
{
	const uint8_t *x = p;
	uint64_t any = 0;
	size_t i = 0;

	for (; n - i >= sizeof(any); i += sizeof(any))
		any = opaque(any | word(x + i));
	for (; i < n; i++)
		any = opaque(any | x[i]);
	return any == 0;
}
