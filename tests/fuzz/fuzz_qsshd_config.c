/* SPDX-License-Identifier: ISC */
/*
 * A server's configuration from any bytes, Match blocks and all: no crash; what is accepted can be
 * applied to a login, and what is printed of it reads back to the same.
 */
#include "cmd/qsshd/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static qsp_err
take(struct qsp_qsshd_config *c, const void *p, size_t n)
{
	char err[QSP_CONFLINE_ERROR_MAX];
	FILE *f = fmemopen((void *)(uintptr_t)p, n, "r");
	qsp_err e;

	if (!f)
		abort();
	qsp_qsshd_config_init(c);
	e = qsp_qsshd_config_stream(c, f, err);
	fclose(f);
	return e;
}

static void
apply(const struct qsp_qsshd_config *c)
{
	static char wheel[] = "wheel";
	static char *const names[] = { wheel };
	const struct qsp_groups groups = { 1, (char **)(uintptr_t)names };
	const struct qsp_qsshd_who who = { "alice", "host",  "10.0.0.1", "10.0.0.2",
					   22,      &groups, false };
	struct qsp_qsshd_config effective;
	struct qsp_qsshd_offer offer;
	char err[QSP_CONFLINE_ERROR_MAX];

	if (qsp_qsshd_match_apply(c, &who, &effective, err) == 0)
		qsp_qsshd_config_free(&effective);
	if (qsp_qsshd_match_offer(c, &who, &offer) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct qsp_qsshd_owner owner = { .is_root = true, .home = "/" };
	struct qsp_qsshd_config c, again;
	char *text, *second;

	if (n > 0 && take(&c, data, n) == 0 && qsp_qsshd_config_finish(&c, &owner) == 0) {
		apply(&c);
		text = qsp_qsshd_config_text(&c);
		if (!text || take(&again, text, strlen(text)) != 0)
			abort();
		second = qsp_qsshd_config_text(&again);
		if (!second || strcmp(text, second) != 0)
			abort();
		free(text);
		free(second);
		qsp_qsshd_config_free(&again);
	}
	if (n > 0)
		qsp_qsshd_config_free(&c);
	return 0;
}
