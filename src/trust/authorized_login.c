/* SPDX-License-Identifier: ISC */
/* What the options of an authorized key say of one login, and values that only a session will use. */
#include "trust/authorized.h"

#include "base/pattern.h"

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static uint64_t
number(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v * 10 + (uint64_t)(p[i] - '0');
	return v;
}

/* YYYYMMDD[hhmm[ss]][Z] as YYYYMMDDhhmmss; false for what is no time. */
static bool
parse_time(struct qsp_bytes s, uint64_t *out, bool *utc)
{
	static const uint8_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	uint64_t month, hour = 0, minute = 0, second = 0;

	*utc = s.n > 0 && s.p[s.n - 1] == 'Z';
	if (*utc)
		s.n--;
	if (s.n != 8 && s.n != 12 && s.n != 14)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return false;
	}
	month = number(s.p + 4, 2);
	if (month < 1 || month > 12 || number(s.p + 6, 2) < 1 ||
	    number(s.p + 6, 2) > days[month - 1])
		return false;
	if (s.n >= 12) {
		hour = number(s.p + 8, 2);
		minute = number(s.p + 10, 2);
	}
	if (s.n == 14)
		second = number(s.p + 12, 2);
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	*out = number(s.p, 8) * 1000000 + hour * 10000 + minute * 100 + second;
	return true;
}

static bool
is_over(struct qsp_bytes expiry, const struct qsp_authorized_login *l)
{
	uint64_t at;
	bool utc;

	return !parse_time(expiry, &at, &utc) || (utc ? l->utc : l->local) >= at;
}

enum qsp_authorized_denial
qsp_authorized_denies(const struct qsp_authorized_options *o, const struct qsp_authorized_login *l)
{
	if (o->refused.n > 0)
		return QSP_AUTHORIZED_REFUSED;
	if (o->expiry_time.p && is_over(o->expiry_time, l))
		return QSP_AUTHORIZED_EXPIRED;
	if (o->from.p && qsp_pattern_address_list(o->from, l->address) != QSP_PATTERN_MATCH)
		return QSP_AUTHORIZED_FROM;
	return QSP_AUTHORIZED_ALLOWED;
}

/* --- values --------------------------------------------------------------------------------- */

static bool
is_port(struct qsp_bytes s)
{
	if (qsp_bytes_is(s, "*"))
		return true;
	if (s.n == 0 || s.n > 5)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return false;
	}
	return number(s.p, s.n) >= 1 && number(s.p, s.n) <= UINT16_MAX;
}

/* HOST:PORT or [HOST]:PORT; with `bare` a PORT alone too. */
static bool
is_place(struct qsp_bytes s, bool bare)
{
	size_t n = s.n;
	struct qsp_bytes host;

	while (n > 0 && s.p[n - 1] != ':')
		n--;
	if (n == 0)
		return bare && is_port(s);
	host = qsp_bytes(s.p, n - 1);
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = qsp_bytes(host.p + 1, host.n - 2);
	else if (host.n > 0 && memchr(host.p, ':', host.n) != NULL)
		return false;
	return host.n > 0 && memchr(host.p, '"', host.n) == NULL && is_port(qsp_bytes_from(s, n));
}

const char *
qsp_authorized_check_open(struct qsp_bytes value)
{
	return is_place(value, false) ? NULL : "permitopen is not host:port";
}

const char *
qsp_authorized_check_listen(struct qsp_bytes value)
{
	return is_place(value, true) ? NULL : "permitlisten is not [host:]port";
}

const char *
qsp_authorized_check_environment(struct qsp_bytes value)
{
	size_t n = 0;

	while (n < value.n && (is_digit(value.p[n]) || value.p[n] == '_' ||
			       ((value.p[n] | 0x20) >= 'a' && (value.p[n] | 0x20) <= 'z')))
		n++;
	return n > 0 && n < value.n && value.p[n] == '=' ? NULL : "environment is not NAME=value";
}
