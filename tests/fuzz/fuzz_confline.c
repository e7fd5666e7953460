/* SPDX-License-Identifier: ISC */
/* The tokenizer of configuration files: every word is a string within the line's own memory. */
#include "app/confline.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
inside(const struct qsp_confline *l, const char *s)
{
	const char *end = l->text + sizeof(l->text);

	if (s < l->text || s >= end || strnlen(s, (size_t)(end - s)) == (size_t)(end - s))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct qsp_confline l;
	const char *why;

	qsp_confline_init(&l, "fuzz");
	while (len > 0) {
		const uint8_t *nl = memchr(data, '\n', len);
		size_t n = nl ? (size_t)(nl - data) + 1 : len;

		if (qsp_confline_parse(&l, (struct qsp_bytes){ data, n }, &why) == 0 &&
		    l.keyword != NULL) {
			inside(&l, l.keyword);
			inside(&l, l.rest);
			for (size_t i = 0; i < l.n; i++)
				inside(&l, l.arg[i]);
		}
		data += n;
		len -= n;
	}
	return 0;
}
