/* SPDX-License-Identifier: ISC */
/*
 * Patterns as ssh_config and authorized_keys have them: `*` is any text, `?` any character, nothing
 * else is special. A list of them is split at commas, and an entry with a ! before it excludes.
 */
#ifndef QSP_BASE_PATTERN_H
#define QSP_BASE_PATTERN_H

#include "base/bytes.h"

enum qsp_pattern_case {
	QSP_PATTERN_EXACT,
	QSP_PATTERN_FOLD, /* ASCII letters match in either case */
};

enum qsp_pattern_result {
	QSP_PATTERN_BAD,      /* the list is malformed: it must not let anybody in */
	QSP_PATTERN_EXCLUDED, /* an entry with ! fits */
	QSP_PATTERN_NONE,
	QSP_PATTERN_MATCH,
};

bool qsp_pattern_fits(struct qsp_bytes pattern, struct qsp_bytes text, enum qsp_pattern_case how);

/* MATCH, NONE or EXCLUDED; never BAD: an empty entry fits the empty text. */
enum qsp_pattern_result qsp_pattern_list(struct qsp_bytes list, struct qsp_bytes text,
					 enum qsp_pattern_case how);

/* An IPv4 or IPv6 address, in network order; an IPv4 address mapped into IPv6 is an IPv4 one. */
struct qsp_pattern_address {
	size_t n; /* 4 or 16 */
	uint8_t b[16];
};

/* QSP_E_INPUT for anything but one whole address; "%zone" is not part of one. */
QSP_MUST_USE qsp_err qsp_pattern_address_parse(struct qsp_bytes text,
					       struct qsp_pattern_address *out);

/*
 * A list of addresses, networks (10.0.0.0/8, fd00::/8) and patterns over the text of `address`. BAD for
 * a length of prefix that does not fit, for bits of the address behind it, and for an empty entry.
 */
enum qsp_pattern_result qsp_pattern_address_list(struct qsp_bytes list, struct qsp_bytes address);

#endif
