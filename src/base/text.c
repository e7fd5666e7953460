/* SPDX-License-Identifier: ISC */
/* Letters, hex, base64 (RFC 4648, section 4) and printable text. */
#include "base/text.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

uint8_t
qsp_text_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

void
qsp_text_hex(struct qsp_bytes in, char *out)
{
	for (size_t i = 0; i < in.n; i++) {
		*out++ = hex_digits[in.p[i] >> 4];
		*out++ = hex_digits[in.p[i] & 15];
	}
	*out = '\0';
}

int
qsp_text_hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = qsp_text_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

qsp_err
qsp_text_unhex(const char *s, size_t s_len, uint8_t *out, size_t n)
{
	if (s_len != 2 * n)
		return QSP_E_INPUT;
	for (size_t i = 0; i < n; i++) {
		int high = qsp_text_hex_value((uint8_t)s[2 * i]);
		int low = qsp_text_hex_value((uint8_t)s[2 * i + 1]);

		if (high < 0 || low < 0)
			return QSP_E_INPUT;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return QSP_OK;
}

void
qsp_text_base64(struct qsp_bytes in, bool pad, char *out)
{
	for (size_t i = 0; i < in.n; i += 3) {
		size_t have = in.n - i < 3 ? in.n - i : 3;
		uint32_t v = (uint32_t)in.p[i] << 16;

		if (have > 1)
			v |= (uint32_t)in.p[i + 1] << 8;
		if (have > 2)
			v |= in.p[i + 2];
		for (size_t k = 0; k < 4; k++) {
			if (k <= have)
				*out++ = base64_digits[v >> (18 - 6 * k) & 63];
			else if (pad)
				*out++ = '=';
		}
	}
	*out = '\0';
}

static int
base64_value(uint8_t c)
{
	const char *at = c ? strchr(base64_digits, c) : NULL;

	return at ? (int)(at - base64_digits) : -1;
}

qsp_err
qsp_text_unbase64(struct qsp_bytes in, uint8_t *out, size_t *n)
{
	size_t room = *n, used = 0;
	uint32_t acc = 0;
	unsigned bits = 0;

	*n = 0;
	if (in.n % 4 == 0)
		for (int k = 0; k < 2 && in.n > 0 && in.p[in.n - 1] == '='; k++)
			in.n--;
	if (in.n % 4 == 1)
		return QSP_E_INPUT;
	for (size_t i = 0; i < in.n; i++) {
		int v = base64_value(in.p[i]);

		if (v < 0)
			return QSP_E_INPUT;
		acc = acc << 6 | (uint32_t)v;
		bits += 6;
		if (bits < 8)
			continue;
		if (used == room)
			return QSP_E_ROOM;
		bits -= 8;
		out[used++] = (uint8_t)(acc >> bits);
		acc &= (1u << bits) - 1;
	}
	if (acc != 0)
		return QSP_E_INPUT;
	*n = used;
	return QSP_OK;
}

void
qsp_text_printable(struct qsp_bytes in, bool keep_lines, char *out, size_t cap)
{
	size_t used = 0;

	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];
		bool plain = (c >= 0x20 && c < 0x7f && c != '\\') ||
			     (keep_lines && (c == '\n' || c == '\t'));

		if (used + (plain ? 1 : 4) >= cap)
			break;
		if (plain) {
			out[used++] = (char)c;
		} else {
			out[used++] = '\\';
			out[used++] = 'x';
			out[used++] = hex_digits[c >> 4];
			out[used++] = hex_digits[c & 15];
		}
	}
	out[used] = '\0';
}
