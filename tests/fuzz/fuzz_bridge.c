/* SPDX-License-Identifier: ISC */
/* Bridge lines: what is read can be written, and reads as the same. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "trust/bridge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char line[QSP_BRIDGE_LINE_MAX];
	struct qsp_bridge b, back;

	if (qsp_bridge_get(qsp_bytes(data, len), &b, NULL) != 0) {
		if (b.port != 0 || b.host[0] != '\0')
			abort();
		return 0;
	}
	if (qsp_bridge_put(&b, line) != 0 ||
	    qsp_bridge_get(qsp_bytes_str(line), &back, NULL) != 0 ||
	    memcmp(&b, &back, sizeof(b)) != 0)
		abort();
	return 0;
}
