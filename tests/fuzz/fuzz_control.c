/* SPDX-License-Identifier: ISC */
/*
 * Messages on the socket of a shared connection, from any bytes: what is accepted is written back
 * as the same bytes.
 */
#include "app/client_control.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct qsp_client_control m;

	if (qsp_client_control_get((struct qsp_bytes){ data, n }, &m) == 0) {
		size_t len = n + 1;
		uint8_t *out = malloc(len);

		if (!out || qsp_client_control_put(&m, out, &len) != 0 || len != n ||
		    memcmp(out, data, n) != 0)
			abort();
		free(out);
		qsp_client_control_wipe(&m);
	} else if (m.plan.command || m.plan.term || m.plan.env) {
		abort();
	}
	return 0;
}
