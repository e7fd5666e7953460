/* SPDX-License-Identifier: ISC */
/*
 * The tokenizer of configuration files: one pass over a line that copies words, unquoted, behind
 * one another into the line's own memory. It allocates nothing, and a line that is too long, has
 * too many words, an open quote or a NUL is refused, never cut short.
 */
#include "app/confline.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

void
qsp_confline_init(struct qsp_confline *l, const char *file)
{
	memset(l, 0, sizeof(*l));
	l->file = file;
	l->rest = "";
}

/* Copies one word from p to *to, without its quotes; NULL for an open quote. */
static const char *
take_word(const char *p, const char *end, char **to)
{
	char quote = 0, *out = *to;

	for (; p < end; p++) {
		if (!quote && is_space(*p))
			break;
		if (*p == '\\' && p + 1 < end &&
		    (p[1] == '"' || p[1] == '\'' || p[1] == '\\' || (!quote && p[1] == ' ')))
			*out++ = *++p;
		else if (!quote && (*p == '"' || *p == '\''))
			quote = *p;
		else if (quote && *p == quote)
			quote = 0;
		else
			*out++ = *p;
	}
	*out++ = 0;
	*to = out;
	return quote ? NULL : p;
}

static const char *
skip_space(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

/* The keyword ends at white space, at '=' or at a quote; one '=' may follow it. */
static const char *
take_keyword(const char *p, const char *end, char **to)
{
	size_t n = 0;

	while (p + n < end && !is_space(p[n]) && p[n] != '=' && p[n] != '"' && p[n] != '\'')
		n++;
	memcpy(*to, p, n);
	(*to)[n] = 0;
	*to += n + 1;
	p = skip_space(p + n, end);
	if (p < end && *p == '=')
		p = skip_space(p + 1, end);
	return p;
}

qsp_err
qsp_confline_parse(struct qsp_confline *l, struct qsp_bytes line, const char **why)
{
	/* text: the rest of the line, then the words, which are never longer than the line */
	char *to = l->text + QSP_CONFLINE_MAX, *keyword;
	const char *p, *end;

	l->keyword = NULL;
	l->n = 0;
	l->rest = "";
	*why = NULL;
	while (line.n > 0 && is_space((char)line.p[line.n - 1]))
		line.n--;
	if (line.n >= QSP_CONFLINE_MAX - 1) {
		*why = "line too long";
		return QSP_E_INPUT;
	}
	if (line.n > 0 && memchr(line.p, 0, line.n) != NULL) {
		*why = "NUL byte in the line";
		return QSP_E_INPUT;
	}
	if (line.n > 0)
		memcpy(l->text, line.p, line.n);
	l->text[line.n] = 0;
	end = l->text + line.n;
	p = skip_space(l->text, end);
	if (p == end || *p == '#')
		return 0;
	keyword = to;
	p = take_keyword(p, end, &to);
	l->rest = p;
	if (*keyword == 0) {
		*why = "no keyword";
		return QSP_E_INPUT;
	}
	l->keyword = keyword;
	for (; p < end && *p != '#'; p = skip_space(p, end)) {
		if (l->n == QSP_CONFLINE_ARGS_MAX) {
			*why = "too many arguments";
			return QSP_E_INPUT;
		}
		l->arg[l->n++] = to;
		p = take_word(p, end, &to);
		if (p == NULL) {
			*why = "quote without an end";
			return QSP_E_INPUT;
		}
	}
	return 0;
}

qsp_err
qsp_confline_next(struct qsp_confline *l, FILE *f, bool *end, char err[QSP_CONFLINE_ERROR_MAX])
{
	char line[QSP_CONFLINE_MAX];
	const char *why = NULL;
	size_t n;
	int c;

	*end = false;
	do {
		l->number++;
		for (n = 0; (c = getc(f)) != EOF && c != '\n';) {
			if (n == sizeof(line))
				return qsp_confline_say(l, err, "line too long");
			line[n++] = (char)c;
		}
		if (ferror(f))
			return qsp_confline_say(l, err, "cannot be read");
		if (c == EOF && n == 0) {
			*end = true;
			return 0;
		}
		if (qsp_confline_parse(l, (struct qsp_bytes){ (const uint8_t *)line, n }, &why))
			return qsp_confline_say(l, err, "%s", why);
	} while (l->keyword == NULL);
	return 0;
}

bool
qsp_confline_is(const struct qsp_confline *l, const char *name)
{
	return l->keyword != NULL && strcasecmp(l->keyword, name) == 0;
}

qsp_err
qsp_confline_say(const struct qsp_confline *l, char err[QSP_CONFLINE_ERROR_MAX], const char *fmt,
		 ...)
{
	va_list ap;
	int n;

	if (l->number)
		n = snprintf(err, QSP_CONFLINE_ERROR_MAX, "%s line %u: ", l->file, l->number);
	else
		n = snprintf(err, QSP_CONFLINE_ERROR_MAX, "%s: ", l->file);
	if (n < 0 || n >= QSP_CONFLINE_ERROR_MAX)
		return QSP_E_INPUT;
	va_start(ap, fmt);
	(void)vsnprintf(err + n, QSP_CONFLINE_ERROR_MAX - (size_t)n, fmt, ap);
	va_end(ap);
	return QSP_E_INPUT;
}
