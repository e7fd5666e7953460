/* SPDX-License-Identifier: ISC */
/*
 * A random source for tests (qsp_random_fn): the same bytes for the same seed, fit for statistics
 * and for nothing else, and a failure at the n-th draw on request.
 */
#ifndef QSP_TESTS_SEEDED_H
#define QSP_TESTS_SEEDED_H

#include <qsp/base.h>

struct seeded {
	uint64_t state;
	uint64_t draws;   /* calls so far */
	uint64_t fail_at; /* the call that fails, from 1; 0: none */
};

/* splitmix64 (Steele, Lea and Flood 2014), a byte at a time from the low end. */
static inline qsp_err
seeded_random(void *arg, uint8_t *out, size_t n)
{
	struct seeded *s = arg;

	if (++s->draws == s->fail_at)
		return QSP_E_RNG;
	for (size_t i = 0; i < n; i += 8) {
		uint64_t z = s->state += UINT64_C(0x9e3779b97f4a7c15);

		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		z ^= z >> 31;
		for (size_t k = i; k < n && k < i + 8; k++, z >>= 8)
			out[k] = (uint8_t)z;
	}
	return QSP_OK;
}

#endif
