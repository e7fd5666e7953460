/* SPDX-License-Identifier: ISC */
/*
 * Comparisons whose time depends on lengths alone, for secrets and authenticators.
 */
#ifndef QSP_BASE_CT_H
#define QSP_BASE_CT_H

#include "base/bytes.h"

/* True where both hold the same n bytes. */
bool qsp_ct_equal(const void *a, const void *b, size_t n);

/* True where all n bytes are zero. */
bool qsp_ct_is_zero(const void *p, size_t n);

#endif
