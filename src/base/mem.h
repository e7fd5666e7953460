/* SPDX-License-Identifier: ISC */
/*
 * Memory: zeroed allocation, and secrets that wipe themselves.
 */
#ifndef QSP_BASE_MEM_H
#define QSP_BASE_MEM_H

#include <qsp/base.h>

/* n zeroed bytes, or NULL. Freed with qsp_mem_free, or qsp_mem_wipe_free where they held a secret. */
void *qsp_mem_alloc(size_t n) __attribute__((malloc));
void qsp_mem_free(void *p);
void qsp_mem_wipe_free(void *p, size_t n);

/* A copy of b, or NULL; for b.n == 0 a valid pointer. */
uint8_t *qsp_mem_copy(struct qsp_bytes b);

/* Overwrites with zeros, whatever the optimiser thinks of it. */
void qsp_mem_wipe(void *p, size_t n);

/* A local variable that is set in full before it is read, and is spared the zeros that
 * -ftrivial-auto-var-init would put there first: for large ones on short paths. */
#if __has_attribute(uninitialized)
#define QSP_UNSET __attribute__((uninitialized))
#else
#define QSP_UNSET
#endif

/*
 * A secret is a struct with a type of its own per role, declared with QSP_SECRET, so that two of
 * them cannot be swapped. QSP_WIPED(qsp_ck) ck = {{0}}; wipes ck on every way out of the scope.
 */
#define QSP_SECRET(tag, len)                                                                       \
	struct tag {                                                                               \
		uint8_t b[len];                                                                    \
	};                                                                                         \
	static inline void tag##_wipe(struct tag *s)                                               \
	{                                                                                          \
		qsp_mem_wipe(s, sizeof(*s));                                                       \
	}                                                                                          \
	struct tag
#define QSP_WIPED(tag) __attribute__((cleanup(tag##_wipe))) struct tag

#endif
