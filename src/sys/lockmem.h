/* SPDX-License-Identifier: ISC */
/*
 * Memory for secrets that outlive a moment: never in swap, never in a core dump, gone in a child.
 */
#ifndef QSP_SYS_LOCKMEM_H
#define QSP_SYS_LOCKMEM_H

#include <qsp/base.h>

#define QSP_LOCKMEM_ERROR_MAX 256

/*
 * For a process that keeps keys: no core dump, no ptrace by the same user, and every writable page
 * that it has locked and left out of dumps, with room for the heap and the stack to grow; pieces
 * of 64 KiB and more, which are mapped by themselves later, are not. Call it once all libraries are up. QSP_E_IO where the system's limits do not allow it; err says what to do.
 */
QSP_MUST_USE qsp_err qsp_lockmem_process(char err[QSP_LOCKMEM_ERROR_MAX]);

/* n zeroed bytes, locked, left out of dumps, empty in a child; NULL and err where that cannot be. */
void *qsp_lockmem_new(size_t n, char err[QSP_LOCKMEM_ERROR_MAX]);
/* Wipes and gives them back; NULL is fine. */
void qsp_lockmem_free(void *p, size_t n);

/* Overwrites the stack below the caller, where the computation before may have left secrets. */
void qsp_lockmem_scrub(void);

#endif
