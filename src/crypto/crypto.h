/* SPDX-License-Identifier: ISC */
/*
 * The cryptographic context, for those below the public API (its contract: <qsp/key.h>).
 */
#ifndef QSP_CRYPTO_CRYPTO_H
#define QSP_CRYPTO_CRYPTO_H

#include "base/bytes.h"

#include <qsp/key.h>

#endif
