/* SPDX-License-Identifier: ISC */
/* authorized_keys: a walk ends, and a key with an option that is not honoured is never found. */
#include <stdlib.h>
#include <string.h>

#include "trust/authorized.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
inside(struct qsp_bytes text, struct qsp_bytes value)
{
	char out[QSP_AUTHORIZED_VALUE_MAX + 1];
	qsp_err e;

	if (!value.p)
		return;
	must(value.p >= text.p && value.p + value.n <= text.p + text.n);
	must(value.n <= QSP_AUTHORIZED_VALUE_MAX);
	e = qsp_authorized_unquote(value, out, sizeof(out));
	must(e == 0 || e == QSP_E_INPUT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct qsp_crypto *cx;
	struct qsp_bytes text = { data, len };
	struct qsp_authorized_walk w = { .left = text };
	const struct qsp_authorized_login login = { .address = { (const uint8_t *)"10.0.0.1", 8 },
						    .local = 20261121130000,
						    .utc = 20261121120000 };
	struct qsp_authorized_entry entry, found;
	enum qsp_authorized_denial denial;
	qsp_err e, f;

	if (!cx)
		must(qsp_crypto_new(NULL, NULL, &cx) == 0);
	while ((e = qsp_authorized_next(cx, &w, &entry)) != QSP_E_NOTFOUND) {
		must(e == 0 || (e == QSP_E_INPUT && w.wrong));
		if (e)
			continue;
		inside(text, entry.options.command);
		inside(text, entry.options.from);
		for (size_t i = 0; i < entry.options.permit_open.n; i++)
			inside(text, entry.options.permit_open.value[i]);
		f = qsp_authorized_find(cx, text, entry.key.id, &login, &found, &denial);
		must(f == 0 || f == QSP_E_POLICY);
		must((f == 0) == (denial == QSP_AUTHORIZED_ALLOWED));
		must(qsp_authorized_denies(&found.options, &login) == denial);
		must(f == 0 || qsp_authorized_denies(&entry.options, &login) != 0);
	}
	return 0;
}
