/* SPDX-License-Identifier: ISC */
/*
 * Small operations on borrowed bytes. Nothing here owns or allocates.
 */
#ifndef QSP_BASE_BYTES_H
#define QSP_BASE_BYTES_H

#include <qsp/base.h>
#include <string.h>

/* The bytes of an array, of a C string, of nothing. */
#define QSP_BYTES_OF(array) ((struct qsp_bytes){ (const uint8_t *)(array), sizeof(array) })
#define QSP_BYTES_NONE ((struct qsp_bytes){ NULL, 0 })

static inline struct qsp_bytes
qsp_bytes(const void *p, size_t n)
{
	return (struct qsp_bytes){ p, n };
}

static inline struct qsp_bytes
qsp_bytes_str(const char *s)
{
	return (struct qsp_bytes){ (const uint8_t *)s, strlen(s) };
}

/* Equality of public bytes; for secrets see ct.h. */
static inline bool
qsp_bytes_equal(struct qsp_bytes a, struct qsp_bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
qsp_bytes_is(struct qsp_bytes a, const char *s)
{
	return qsp_bytes_equal(a, qsp_bytes_str(s));
}

/* What follows the first n bytes; n <= a.n. */
static inline struct qsp_bytes
qsp_bytes_from(struct qsp_bytes a, size_t n)
{
	return (struct qsp_bytes){ n > 0 ? a.p + n : a.p, a.n - n }; /* a.p may be NULL */
}

static inline void
qsp_bytes_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void
qsp_bytes_put32(uint8_t *p, uint32_t v)
{
	qsp_bytes_put16(p, (uint16_t)(v >> 16));
	qsp_bytes_put16(p + 2, (uint16_t)v);
}

static inline void
qsp_bytes_put64(uint8_t *p, uint64_t v)
{
	qsp_bytes_put32(p, (uint32_t)(v >> 32));
	qsp_bytes_put32(p + 4, (uint32_t)v);
}

static inline uint16_t
qsp_bytes_get16(const uint8_t *p)
{
	return (uint16_t)((uint16_t)p[0] << 8 | p[1]);
}

static inline uint32_t
qsp_bytes_get32(const uint8_t *p)
{
	return (uint32_t)qsp_bytes_get16(p) << 16 | qsp_bytes_get16(p + 2);
}

static inline uint64_t
qsp_bytes_get64(const uint8_t *p)
{
	return (uint64_t)qsp_bytes_get32(p) << 32 | qsp_bytes_get32(p + 4);
}

#endif
