/* SPDX-License-Identifier: ISC */
/*
 * A client's configuration from any bytes: no crash; what is accepted is filled in and printed.
 * No Include is followed: the text counts as the deepest file allowed.
 */
#include "app/client_config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static qsp_err
take(struct qsp_client_config *c, const void *p, size_t n)
{
	const struct qsp_client_scope scope = { .original = "host",
						.local_user = "user",
						.home = "/nonexistent",
						.system_dir = "/nonexistent" };
	char err[QSP_CONFLINE_ERROR_MAX];
	FILE *f = fmemopen((void *)(uintptr_t)p, n, "r");
	qsp_err e;

	if (!f)
		abort();
	e = qsp_client_config_stream(c, &scope, f, "fuzz", true, QSP_CLIENT_INCLUDE_MAX, err);
	fclose(f);
	return e;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct qsp_client_config c;

	qsp_client_config_init(&c);
	if (n > 0 && take(&c, data, n) == 0) {
		FILE *out = fopen("/dev/null", "w");

		if (!out || qsp_client_config_fill(&c) != 0)
			abort();
		qsp_client_keywords_print(&c, out);
		fclose(out);
	}
	qsp_client_config_wipe(&c);
	return 0;
}
