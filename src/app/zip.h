/* SPDX-License-Identifier: ISC */
/* zstd as a codec of channels [P7.1]. */
#ifndef QSP_APP_ZIP_H
#define QSP_APP_ZIP_H

#include <qsp/channel.h>

#define QSP_ZIP_REQUEST "zstd@qsp" /* the global request that asks for it */

/* NULL where it was built without libzstd. */
const struct qsp_mux_codec *qsp_zip_codec(void);

#endif
