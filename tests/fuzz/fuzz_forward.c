/* SPDX-License-Identifier: ISC */
/* Specifications of forwards: the first byte is the kind; what is taken is printed and taken again. */
#include "app/client_forward.h"

#include <stdio.h>
#include <string.h>

#include "input.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char spec[2 * QSP_CLIENT_FORWARD_TEXT_MAX], text[4 * QSP_CLIENT_FORWARD_TEXT_MAX];
	struct qsp_client_forward f;

	if (len < 1 || len > sizeof(spec) || (data[0] != 'L' && data[0] != 'R' && data[0] != 'D'))
		return 0;
	memcpy(spec, data + 1, len - 1);
	spec[len - 1] = 0;
	if (!qsp_client_forward_check_permit(spec))
		must(!qsp_client_forward_permits("none", spec, 1));
	(void)qsp_client_forward_permits(spec, "localhost", 80);
	if (qsp_client_forward_parse((char)data[0], spec, &f) != 0) {
		must(!f.listen_host && !f.listen_path && !f.host && !f.path);
		return 0;
	}
	must(!f.host || !f.path);
	must(data[0] != 'D' || (!f.host && !f.path));
	must(data[0] != 'L' || f.host || f.path);
	must(!f.host || f.port != 0);
	must(f.listen_path || f.listen_port || data[0] == 'R');
	qsp_client_forward_print(&f, text, sizeof(text));
	must(strlen(text) + 1 < sizeof(text));
	qsp_client_forward_wipe(&f);
	return 0;
}
