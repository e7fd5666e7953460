/* SPDX-License-Identifier: ISC */
/* Patterns, lists of them, addresses and networks. */
#include "base/pattern.h"

#include "base/text.h"

static uint8_t
folded(uint8_t c, enum qsp_pattern_case how)
{
	return how == QSP_PATTERN_FOLD ? qsp_text_lower(c) : c;
}

/* Only the last * is ever tried again, so the time is bounded by the product of the lengths. */
bool
qsp_pattern_fits(struct qsp_bytes pattern, struct qsp_bytes text, enum qsp_pattern_case how)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.n && (pattern.p[p] == '?' ||
					     folded(pattern.p[p], how) == folded(text.p[t], how))) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

/* Takes the next entry of a list, without its !; false at the end. */
static bool
next_entry(struct qsp_bytes *list, bool *more, struct qsp_bytes *entry, bool *no)
{
	size_t n = 0;

	if (!*more)
		return false;
	while (n < list->n && list->p[n] != ',')
		n++;
	*entry = qsp_bytes(list->p, n);
	*more = n < list->n;
	*list = qsp_bytes_from(*list, *more ? n + 1 : n);
	*no = entry->n > 0 && entry->p[0] == '!';
	if (*no)
		*entry = qsp_bytes_from(*entry, 1);
	return true;
}

enum qsp_pattern_result
qsp_pattern_list(struct qsp_bytes list, struct qsp_bytes text, enum qsp_pattern_case how)
{
	enum qsp_pattern_result result = QSP_PATTERN_NONE;
	struct qsp_bytes entry;
	bool more = true, no;

	while (next_entry(&list, &more, &entry, &no)) {
		if (!qsp_pattern_fits(entry, text, how))
			continue;
		if (no)
			return QSP_PATTERN_EXCLUDED;
		result = QSP_PATTERN_MATCH;
	}
	return result;
}

/* --- addresses ------------------------------------------------------------------------------ */

/* Takes a number of at most max, without a needless zero before it. */
static bool
take_decimal(struct qsp_bytes *s, unsigned max, unsigned *out)
{
	size_t n = 0;

	*out = 0;
	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9' && *out <= max)
		*out = *out * 10 + (unsigned)(s->p[n++] - '0');
	if (n == 0 || *out > max || (n > 1 && s->p[0] == '0'))
		return false;
	*s = qsp_bytes_from(*s, n);
	return true;
}

static bool
parse_v4(struct qsp_bytes s, uint8_t out[4])
{
	for (int i = 0; i < 4; i++) {
		unsigned v;

		if (i > 0) {
			if (s.n == 0 || s.p[0] != '.')
				return false;
			s = qsp_bytes_from(s, 1);
		}
		if (!take_decimal(&s, 255, &v))
			return false;
		out[i] = (uint8_t)v;
	}
	return s.n == 0;
}

/* Groups from the front of s, up to its end or to "::", into out; the bytes written, or -1. */
static int
take_groups(struct qsp_bytes *s, uint8_t out[16])
{
	int n = 0;

	for (;;) {
		unsigned v = 0;
		size_t k = 0;

		while (k < s->n && k < 4 && qsp_text_hex_value(s->p[k]) >= 0)
			v = v << 4 | (unsigned)qsp_text_hex_value(s->p[k++]);
		if (k > 0 && k < s->n && s->p[k] == '.') { /* ends in an IPv4 address */
			if (n > 12 || !parse_v4(*s, out + n))
				return -1;
			*s = qsp_bytes_from(*s, s->n);
			return n + 4;
		}
		if (k == 0 || n > 14)
			return -1;
		out[n++] = (uint8_t)(v >> 8);
		out[n++] = (uint8_t)v;
		*s = qsp_bytes_from(*s, k);
		if (s->n == 0)
			return n;
		if (s->p[0] != ':')
			return -1;
		if (s->n > 1 && s->p[1] == ':')
			return n;
		*s = qsp_bytes_from(*s, 1);
	}
}

static bool
parse_v6(struct qsp_bytes s, uint8_t out[16])
{
	uint8_t back[16];
	int front = 0, n = 0;

	memset(out, 0, 16);
	if (s.n < 2)
		return false;
	if (s.p[0] != ':' && (front = take_groups(&s, out)) < 0)
		return false;
	if (s.n == 0)
		return front == 16;
	if (s.n < 2 || s.p[0] != ':' || s.p[1] != ':')
		return false;
	s = qsp_bytes_from(s, 2);
	if (s.n > 0 && ((n = take_groups(&s, back)) < 0 || s.n > 0))
		return false;
	if (front + n > 14)
		return false;
	memcpy(out + 16 - n, back, (size_t)n);
	return true;
}

qsp_err
qsp_pattern_address_parse(struct qsp_bytes text, struct qsp_pattern_address *out)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (parse_v4(text, out->b)) {
		out->n = 4;
		return 0;
	}
	if (!parse_v6(text, out->b))
		return QSP_E_INPUT;
	out->n = 16;
	if (memcmp(out->b, mapped, sizeof(mapped)) == 0) {
		memmove(out->b, out->b + 12, 4);
		out->n = 4;
	}
	return 0;
}

/* Whether a and b agree in the first `bits`. */
static bool
same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	size_t whole = bits / 8;

	return memcmp(a, b, whole) == 0 &&
	       (bits % 8 == 0 || (a[whole] ^ b[whole]) >> (8 - bits % 8) == 0);
}

/* An entry that is an address or a network; NONE also where it is neither, as *is_text says. */
static enum qsp_pattern_result
fits_network(struct qsp_bytes entry, const struct qsp_pattern_address *a, bool *is_text)
{
	struct qsp_pattern_address net;
	struct qsp_bytes digits;
	unsigned bits;
	size_t n = 0;

	while (n < entry.n && entry.p[n] != '/')
		n++;
	*is_text = qsp_pattern_address_parse(qsp_bytes(entry.p, n), &net) != 0;
	if (*is_text)
		return n < entry.n ? QSP_PATTERN_BAD : QSP_PATTERN_NONE;
	bits = (unsigned)net.n * 8;
	digits = qsp_bytes_from(entry, n < entry.n ? n + 1 : n);
	if (n < entry.n && (!take_decimal(&digits, (unsigned)net.n * 8, &bits) || digits.n > 0))
		return QSP_PATTERN_BAD;
	for (unsigned i = bits; i < net.n * 8; i++) {
		if (net.b[i / 8] & 0x80u >> i % 8)
			return QSP_PATTERN_BAD;
	}
	return a->n == net.n && same_prefix(a->b, net.b, bits) ? QSP_PATTERN_MATCH
							       : QSP_PATTERN_NONE;
}

enum qsp_pattern_result
qsp_pattern_address_list(struct qsp_bytes list, struct qsp_bytes address)
{
	enum qsp_pattern_result result = QSP_PATTERN_NONE;
	struct qsp_pattern_address a;
	struct qsp_bytes entry;
	bool more = true, excluded = false, no;
	size_t plain = 0;

	while (plain < address.n && address.p[plain] != '%')
		plain++; /* a zone is not compared */
	if (qsp_pattern_address_parse(qsp_bytes(address.p, plain), &a))
		a.n = 0; /* its text may still fit a pattern */
	while (next_entry(&list, &more, &entry, &no)) {
		bool is_text;
		enum qsp_pattern_result one = fits_network(entry, &a, &is_text);

		if (entry.n == 0 || one == QSP_PATTERN_BAD)
			return QSP_PATTERN_BAD;
		if (is_text && qsp_pattern_fits(entry, address, QSP_PATTERN_FOLD))
			one = QSP_PATTERN_MATCH;
		excluded |= no && one == QSP_PATTERN_MATCH;
		if (!no && one == QSP_PATTERN_MATCH)
			result = one;
	}
	return excluded ? QSP_PATTERN_EXCLUDED : result;
}
