/* SPDX-License-Identifier: ISC */
/* Numbers are read digit by digit: strtoul would take signs, spaces and what overflows. */
#include "app/confvalue.h"

#include <string.h>
#include <strings.h>

#define YEAR_S (366u * 24 * 3600)

qsp_err
qsp_confvalue_bool(const char *s, bool *out)
{
	bool yes = strcasecmp(s, "yes") == 0 || strcasecmp(s, "true") == 0;

	if (!yes && strcasecmp(s, "no") != 0 && strcasecmp(s, "false") != 0)
		return QSP_E_INPUT;
	*out = yes;
	return 0;
}

/* Digits at *s, at least one; *s is moved behind them. */
static qsp_err
take_number(const char **s, uint64_t max, uint64_t *out)
{
	const char *p = *s;
	uint64_t v = 0;

	if (*p < '0' || *p > '9')
		return QSP_E_INPUT;
	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (digit > max || v > (max - digit) / 10)
			return QSP_E_INPUT;
		v = v * 10 + digit;
	}
	*s = p;
	*out = v;
	return 0;
}

qsp_err
qsp_confvalue_number(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v;

	if (take_number(&s, max, &v) || *s || v < min)
		return QSP_E_INPUT;
	*out = v;
	return 0;
}

static uint64_t
seconds_of(char unit)
{
	switch (unit) {
	case 0:
	case 's':
	case 'S': return 1;
	case 'm':
	case 'M': return 60;
	case 'h':
	case 'H': return 3600;
	case 'd':
	case 'D': return 24 * 3600;
	case 'w':
	case 'W': return 7 * 24 * 3600;
	default: return 0;
	}
}

qsp_err
qsp_confvalue_seconds(const char *s, uint64_t *out)
{
	uint64_t total = 0;

	do {
		uint64_t v, unit;

		if (take_number(&s, YEAR_S, &v) || (unit = seconds_of(*s)) == 0)
			return QSP_E_INPUT;
		total += v * unit;
		if (total > YEAR_S)
			return QSP_E_INPUT;
		if (*s)
			s++;
	} while (*s);
	*out = total;
	return 0;
}

qsp_err
qsp_confvalue_size(const char *s, uint64_t *out)
{
	unsigned shift = 0;
	uint64_t v;

	if (take_number(&s, UINT64_MAX >> 1, &v))
		return QSP_E_INPUT;
	switch (*s) {
	case 'k':
	case 'K': shift = 10; break;
	case 'm':
	case 'M': shift = 20; break;
	case 'g':
	case 'G': shift = 30; break;
	default: break;
	}
	if (shift)
		s++;
	if (*s || v > (UINT64_MAX >> 1) >> shift)
		return QSP_E_INPUT;
	*out = v << shift;
	return 0;
}

qsp_err
qsp_confvalue_host_port(char *s, char **host, int *port)
{
	char *colon = NULL, *end;
	uint64_t v;

	if (*s == '[') {
		end = strchr(s, ']');
		if (end == NULL || (end[1] != 0 && end[1] != ':'))
			return QSP_E_INPUT;
		colon = end[1] ? end + 1 : NULL;
		*end = 0;
		s++;
	} else {
		colon = strchr(s, ':');
		if (colon != NULL && strchr(colon + 1, ':') != NULL)
			colon = NULL; /* a bare IPv6 address */
	}
	if (colon != NULL) {
		*colon = 0;
		if (qsp_confvalue_number(colon + 1, 0, UINT16_MAX, &v))
			return QSP_E_INPUT;
		*port = (int)v;
	}
	if (*s == 0)
		return QSP_E_INPUT;
	*host = s;
	return 0;
}
