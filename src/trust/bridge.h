/* SPDX-License-Identifier: ISC */
/*
 * Bridge lines [P3]: where a server is, its id and an obfuscation secret of it, in one line that a
 * person can hand on: qsp://host:port?id=<SID hex>&k=<hex>.
 */
#ifndef QSP_TRUST_BRIDGE_H
#define QSP_TRUST_BRIDGE_H

#include <qsp/config.h>
#include <qsp/key.h>

#define QSP_BRIDGE_HOST_MAX 255
#define QSP_BRIDGE_LINE_MAX 512 /* with a NUL */

struct qsp_bridge {
	char host[QSP_BRIDGE_HOST_MAX + 1]; /* a name or address, IPv6 without brackets */
	uint16_t port;
	uint8_t id[QSP_KEY_ID_LEN]; /* SID */
	uint8_t secret[QSP_OK_LEN]; /* OK of class S */
};

/*
 * Parses a line; white space around it is skipped. id and k come in either order, each once; hex
 * of either case; without :port it is the default port. QSP_E_INPUT, and then out is zeroed, and wrong,
 * which may be NULL, says what is wrong (static).
 */
QSP_MUST_USE qsp_err qsp_bridge_get(struct qsp_bytes line, struct qsp_bridge *out,
				    const char **wrong);

/* The line of a bridge, NUL-terminated. QSP_E_INPUT for a host that no line can hold. */
QSP_MUST_USE qsp_err qsp_bridge_put(const struct qsp_bridge *b, char out[QSP_BRIDGE_LINE_MAX]);

void qsp_bridge_wipe(struct qsp_bridge *b);

#endif
