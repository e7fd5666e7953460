/* SPDX-License-Identifier: ISC */
/* Shaping: which modes a client may ask for [P8], and how fast stealth may be. */
#include "cmd/qsshd/config_keys.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/confvalue.h"
#include "proto/shape.h"

#define WANTED "all, none, or a list of grid, padding, stealth and stealth:CLASS (0 to 5)"

static const struct {
	const char *name;
	int modes;
} words[] = {
	{ "none", 0 },
	{ "all", QSP_SHAPE_ALL },
	{ "grid", 1 << QSP_SHAPE_PLAIN },
	{ "padding", 1 << QSP_SHAPE_PADDED },
	{ "stealth", 1 << QSP_SHAPE_STEALTH },
};

static bool
get_word(const char *s, int *modes, int *ceiling)
{
	uint64_t class;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(s, words[i].name) == 0) {
			*modes |= words[i].modes;
			return true;
		}
	}
	if (strncasecmp(s, "stealth:", 8) != 0 ||
	    qsp_confvalue_number(s + 8, 0, QSP_SHAPE_CLASSES - 1, &class))
		return false;
	*modes |= 1 << QSP_SHAPE_STEALTH;
	*ceiling = (int)class;
	return true;
}

qsp_err
qsp_qsshd_take_shaping(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	int modes = 0, ceiling = QSP_SHAPE_CLASSES - 1;
	char *copy, *at, *word;
	bool ok = true;

	(void)k;
	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	at = copy = strdup(s->l->arg[0]);
	if (copy == NULL)
		return QSP_E_NOMEM;
	while (ok && (word = strsep(&at, ",")) != NULL)
		ok = get_word(word, &modes, &ceiling);
	free(copy);
	if (!ok)
		return qsp_qsshd_bad_value(s, WANTED);
	if (s->c->shaping < 0)
		s->c->shaping_ceiling = ceiling;
	qsp_qsshd_first(&s->c->shaping, modes);
	return 0;
}

void
qsp_qsshd_config_dump_shaping(const struct qsp_qsshd_config *c, FILE *f)
{
	const char *comma = " ";

	fputs("shaping", f);
	for (size_t i = 2; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!(c->shaping & words[i].modes))
			continue;
		fprintf(f, "%s%s", comma, words[i].name);
		if (words[i].modes == 1 << QSP_SHAPE_STEALTH)
			fprintf(f, ":%d", c->shaping_ceiling);
		comma = ",";
	}
	fputs(c->shaping == 0 ? " none\n" : "\n", f);
}
