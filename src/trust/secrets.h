/* SPDX-License-Identifier: ISC */
/*
 * The obfuscation secrets of a server [P4.6], as its file has them, one a line:
 *
 *	current|previous|retired YYYY-MM-DD HEX
 *
 * The date is the day since when the secret is what its line says. Exactly one is current: it is
 * announced to clients. Rotation makes it previous, which counts for every layout as long as the
 * overlap lasts; after that it counts as retired, for layout K alone.
 */
#ifndef QSP_TRUST_SECRETS_H
#define QSP_TRUST_SECRETS_H

#include "base/bytes.h"

#include <qsp/config.h>

#define QSP_SECRETS_FILE_MAX 4096
#define QSP_SECRETS_LINE_MAX 96
#define QSP_SECRETS_TEXT_MAX (QSP_SECRET_MAX * QSP_SECRETS_LINE_MAX)
/* Days are counted from 1970-01-01, up to the end of the year 9999. */
#define QSP_SECRETS_DAY_MAX 2932896u
#define QSP_SECRETS_DATE_MAX 11

struct qsp_secrets {
	size_t n;
	struct qsp_secrets_one {
		enum qsp_secret_age age;
		uint32_t day;
		uint8_t key[QSP_OK_LEN];
	} one[QSP_SECRET_MAX];
};
void qsp_secrets_wipe(struct qsp_secrets *s);

/* QSP_E_INPUT, with the line and what is wrong with it (static); line 0: with the file. Empty lines
 * and lines that begin with # are skipped. On error out is wiped. */
QSP_MUST_USE qsp_err qsp_secrets_get(struct qsp_bytes text, struct qsp_secrets *out, unsigned *line,
				     const char **wrong);
/* All of them as text, NUL-terminated. */
QSP_MUST_USE qsp_err qsp_secrets_put(const struct qsp_secrets *s, char out[QSP_SECRETS_TEXT_MAX]);

/* fresh is current from this day on, and what was is previous. The one that is out of use for longest
 * goes where there is no room. */
void qsp_secrets_rotate(struct qsp_secrets *s, const uint8_t fresh[static QSP_OK_LEN],
			uint32_t day);

/* What a secret counts as on a day, where previous ones do for so many days. */
enum qsp_secret_age qsp_secrets_age(const struct qsp_secrets_one *one, uint32_t day,
				    uint32_t overlap_days);
/* The current one, or NULL. */
const struct qsp_secrets_one *qsp_secrets_current(const struct qsp_secrets *s);

/* YYYY-MM-DD and a NUL; day is at most QSP_SECRETS_DAY_MAX. */
void qsp_secrets_date(uint32_t day, char out[QSP_SECRETS_DATE_MAX]);

#endif
