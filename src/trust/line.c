/* SPDX-License-Identifier: ISC */
/* Lines and words; everything borrows from the text. */
#include "trust/line.h"

#include "base/text.h"

bool
qsp_line_next(struct qsp_bytes *text, struct qsp_bytes *line)
{
	const uint8_t *end;

	if (text->n == 0)
		return false;
	end = memchr(text->p, '\n', text->n);
	*line = qsp_bytes(text->p, end ? (size_t)(end - text->p) : text->n);
	*text = qsp_bytes_from(*text, line->n + (end ? 1 : 0));
	return true;
}

struct qsp_bytes
qsp_line_trim(struct qsp_bytes b)
{
	while (b.n > 0 && qsp_line_is_space(b.p[0]))
		b = qsp_bytes_from(b, 1);
	while (b.n > 0 && qsp_line_is_space(b.p[b.n - 1]))
		b.n--;
	return b;
}

struct qsp_bytes
qsp_line_word(struct qsp_bytes *line)
{
	struct qsp_bytes rest = qsp_line_trim(*line), word = { rest.p, 0 };

	if (rest.n == 0)
		return word;
	while (word.n < rest.n && !qsp_line_is_space(rest.p[word.n]))
		word.n++;
	*line = qsp_line_trim(qsp_bytes_from(rest, word.n));
	return word;
}

struct qsp_bytes
qsp_line_part(struct qsp_bytes *list, char sep)
{
	struct qsp_bytes part = *list;
	const uint8_t *end;

	if (list->n == 0)
		return part;
	if ((end = memchr(list->p, sep, list->n)) != NULL)
		part.n = (size_t)(end - list->p);
	*list = qsp_bytes_from(*list, part.n + (end ? 1 : 0));
	return part;
}

bool
qsp_line_same(struct qsp_bytes a, struct qsp_bytes b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (qsp_text_lower(a.p[i]) != qsp_text_lower(b.p[i]))
			return false;
	return true;
}

bool
qsp_line_is_clean(struct qsp_bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] < 0x20 || b.p[i] == 0x7f)
			return false;
	return true;
}

char *
qsp_line_decimal(uint32_t v, char out[QSP_LINE_DECIMAL_MAX])
{
	size_t i = QSP_LINE_DECIMAL_MAX - 1;

	out[i] = '\0';
	do
		out[--i] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	return &out[i];
}

qsp_err
qsp_line_number(struct qsp_bytes s, uint32_t max, uint32_t *v)
{
	uint64_t sum = 0;

	if (s.n == 0 || s.n > 10)
		return QSP_E_INPUT;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return QSP_E_INPUT;
		sum = 10 * sum + (uint64_t)(s.p[i] - '0');
	}
	if (sum > max)
		return QSP_E_INPUT;
	*v = (uint32_t)sum;
	return QSP_OK;
}
