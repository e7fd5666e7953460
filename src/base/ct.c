/* SPDX-License-Identifier: ISC */
/* Constant-time comparison: all bytes are looked at, whatever they hold. */
#include "base/ct.h"

/* Hides a value from the optimiser, so that it cannot turn the loop into an early exit. */
static inline uint8_t
opaque(uint8_t v)
{
	__asm__("" : "+r"(v));
	return v;
}

bool
qsp_ct_equal(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < n; i++)
		diff = opaque((uint8_t)(diff | (x[i] ^ y[i])));
	return diff == 0;
}

bool
qsp_ct_is_zero(const void *p, size_t n)
{
	const uint8_t *x = p;
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any = opaque((uint8_t)(any | x[i]));
	return any == 0;
}
