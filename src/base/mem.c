/* SPDX-License-Identifier: ISC */
/* The only file below sys/ that allocates or wipes directly. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void *
qsp_mem_alloc(size_t n)
{
	return calloc(1, n > 0 ? n : 1);
}

void
qsp_mem_free(void *p)
{
	free(p);
}

void
qsp_mem_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}

void
qsp_mem_wipe_free(void *p, size_t n)
{
	if (p)
		qsp_mem_wipe(p, n);
	free(p);
}

uint8_t *
qsp_mem_copy(struct qsp_bytes b)
{
	uint8_t *p = qsp_mem_alloc(b.n);

	if (p && b.n > 0)
		memcpy(p, b.p, b.n);
	return p;
}
