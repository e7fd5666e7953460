/* SPDX-License-Identifier: ISC */
/* The file of a server's obfuscation secrets [P4.6]. */
#include "trust/secrets.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/writer.h"
#include "trust/line.h"

static const char *const ages[] = {
	[QSP_SECRET_CURRENT] = "current",
	[QSP_SECRET_PREVIOUS] = "previous",
	[QSP_SECRET_RETIRED] = "retired",
};

void
qsp_secrets_wipe(struct qsp_secrets *s)
{
	qsp_mem_wipe(s, sizeof(*s));
}

/* --- days ----------------------------------------------------------------------------------- */

/* Of the Gregorian calendar, in years that begin in March, so that leap days come last. */
static uint32_t
day_of(uint32_t year, uint32_t month, uint32_t day)
{
	uint32_t y = month <= 2 ? year - 1 : year;
	uint32_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return 365 * y + y / 4 - y / 100 + y / 400 + in_year - 719468;
}

void
qsp_secrets_date(uint32_t day, char out[QSP_SECRETS_DATE_MAX])
{
	static const uint32_t unit[] = { 1000, 100, 10, 1 };
	uint32_t year = day / 366 + 1970, month = 12, left;

	while (year < 9999 && day_of(year + 1, 1, 1) <= day)
		year++;
	while (day_of(year, month, 1) > day)
		month--;
	left = day - day_of(year, month, 1) + 1;
	for (size_t i = 0; i < 4; i++)
		out[i] = (char)('0' + year / unit[i] % 10);
	out[4] = out[7] = '-';
	out[5] = (char)('0' + month / 10);
	out[6] = (char)('0' + month % 10);
	out[8] = (char)('0' + left / 10);
	out[9] = (char)('0' + left % 10);
	out[10] = '\0';
}

/* A date is one where it is written back as the same: so there is no 31st of June. */
static qsp_err
get_date(struct qsp_bytes s, uint32_t *day)
{
	char back[QSP_SECRETS_DATE_MAX];
	uint32_t year, month, in_month;

	if (s.n != QSP_SECRETS_DATE_MAX - 1 ||
	    qsp_line_number(qsp_bytes(s.p, 4), 9999, &year) != 0 || year < 1970 ||
	    qsp_line_number(qsp_bytes(s.p + 5, 2), 12, &month) != 0 || month == 0 ||
	    qsp_line_number(qsp_bytes(s.p + 8, 2), 31, &in_month) != 0 || in_month == 0)
		return QSP_E_INPUT;
	*day = day_of(year, month, in_month);
	if (*day > QSP_SECRETS_DAY_MAX)
		return QSP_E_INPUT;
	qsp_secrets_date(*day, back);
	return qsp_bytes_is(s, back) ? QSP_OK : QSP_E_INPUT;
}

/* --- text ----------------------------------------------------------------------------------- */

/* NULL, or what is wrong. */
static const char *
get_line(struct qsp_bytes line, struct qsp_secrets *s)
{
	struct qsp_bytes age = qsp_line_word(&line), date = qsp_line_word(&line),
			 hex = qsp_line_word(&line);
	struct qsp_secrets_one *one = &s->one[s->n];
	int which = QSP_SECRET_CURRENT;

	if (age.n == 0 || age.p[0] == '#')
		return NULL;
	if (s->n == QSP_SECRET_MAX)
		return "too many secrets: remove the oldest";
	while (which <= QSP_SECRET_RETIRED && !qsp_bytes_is(age, ages[which]))
		which++;
	if (which > QSP_SECRET_RETIRED)
		return "no age (current, previous, retired)";
	if (get_date(date, &one->day) != 0)
		return "no date (YYYY-MM-DD)";
	if (hex.n == 0 || qsp_text_unhex((const char *)hex.p, hex.n, one->key, QSP_OK_LEN) != 0)
		return "not 32 bytes of hex";
	if (qsp_line_trim(line).n > 0)
		return "more than three words";
	one->age = (enum qsp_secret_age)which;
	s->n++;
	return NULL;
}

qsp_err
qsp_secrets_get(struct qsp_bytes text, struct qsp_secrets *out, unsigned *line, const char **wrong)
{
	struct qsp_bytes one;
	unsigned current = 0;

	memset(out, 0, sizeof(*out));
	*line = 0;
	*wrong = NULL;
	while (!*wrong && qsp_line_next(&text, &one)) {
		++*line;
		*wrong = get_line(one, out);
	}
	for (size_t i = 0; i < out->n; i++)
		current += out->one[i].age == QSP_SECRET_CURRENT;
	if (!*wrong && current != 1) {
		*line = 0;
		*wrong = current ? "more than one secret is current" : "no secret is current";
	}
	if (*wrong)
		qsp_secrets_wipe(out);
	return *wrong ? QSP_E_INPUT : QSP_OK;
}

qsp_err
qsp_secrets_put(const struct qsp_secrets *s, char out[QSP_SECRETS_TEXT_MAX])
{
	struct qsp_writer w = qsp_writer_of((uint8_t *)out, QSP_SECRETS_TEXT_MAX);
	char date[QSP_SECRETS_DATE_MAX], hex[2 * QSP_OK_LEN + 1];

	for (size_t i = 0; i < s->n; i++) {
		qsp_secrets_date(s->one[i].day, date);
		qsp_text_hex(qsp_bytes(s->one[i].key, QSP_OK_LEN), hex);
		qsp_writer_put(&w, qsp_bytes_str(ages[s->one[i].age]));
		qsp_writer_u8(&w, ' ');
		qsp_writer_put(&w, qsp_bytes_str(date));
		qsp_writer_u8(&w, ' ');
		qsp_writer_put(&w, qsp_bytes_str(hex));
		qsp_writer_u8(&w, '\n');
	}
	qsp_writer_u8(&w, 0);
	qsp_mem_wipe(hex, sizeof(hex));
	return qsp_writer_done(&w);
}

/* --- time ----------------------------------------------------------------------------------- */

/* Retired goes before previous, then the older before the younger; the current one never. */
static bool
goes_first(const struct qsp_secrets_one *a, const struct qsp_secrets_one *b)
{
	return a->age != b->age ? a->age > b->age : a->day < b->day;
}

void
qsp_secrets_rotate(struct qsp_secrets *s, const uint8_t fresh[static QSP_OK_LEN], uint32_t day)
{
	size_t oldest = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->one[i].age == QSP_SECRET_CURRENT) {
			s->one[i].age = QSP_SECRET_PREVIOUS;
			s->one[i].day = day;
		}
		if (goes_first(&s->one[i], &s->one[oldest]))
			oldest = i;
	}
	if (s->n == QSP_SECRET_MAX) {
		s->n--;
		memmove(&s->one[oldest], &s->one[oldest + 1], (s->n - oldest) * sizeof(s->one[0]));
	}
	s->one[s->n].age = QSP_SECRET_CURRENT;
	s->one[s->n].day = day;
	memcpy(s->one[s->n].key, fresh, QSP_OK_LEN);
	s->n++;
}

enum qsp_secret_age
qsp_secrets_age(const struct qsp_secrets_one *one, uint32_t day, uint32_t overlap_days)
{
	if (one->age == QSP_SECRET_PREVIOUS && day > one->day && day - one->day >= overlap_days)
		return QSP_SECRET_RETIRED;
	if (one->age == QSP_SECRET_PREVIOUS && overlap_days == 0)
		return QSP_SECRET_RETIRED;
	return one->age;
}

const struct qsp_secrets_one *
qsp_secrets_current(const struct qsp_secrets *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->one[i].age == QSP_SECRET_CURRENT)
			return &s->one[i];
	return NULL;
}
