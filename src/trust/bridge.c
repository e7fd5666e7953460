/* SPDX-License-Identifier: ISC */
/* Bridge lines, qsp://host:port?id=..&k=.. [P3]. */
#include "trust/bridge.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/writer.h"
#include "trust/known_hosts.h"
#include "trust/line.h"

static const char scheme[] = "qsp://";

/* Letters, digits, dot, hyphen, underscore; in an IPv6 address colons, and also %zone. */
static bool
is_host(struct qsp_bytes host, bool v6)
{
	if (host.n == 0 || host.n > QSP_BRIDGE_HOST_MAX)
		return false;
	if (v6 && !memchr(host.p, ':', host.n))
		return false;
	for (size_t i = 0; i < host.n; i++) {
		uint8_t c = qsp_text_lower(host.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '-' &&
		    c != '_' && !(v6 && (c == ':' || c == '%')))
			return false;
	}
	return true;
}

static bool
get_port(struct qsp_bytes s, uint16_t *port)
{
	uint32_t v;

	if (qsp_line_number(s, 65535, &v) != 0 || v == 0)
		return false;
	*port = (uint16_t)v;
	return true;
}

/* Each part says what is wrong with it; NULL: nothing. */
#define BAD_PORT "the port is not a number of 1 to 65535"

/* host, host:port, [v6] or [v6]:port */
static const char *
get_place(struct qsp_bytes s, struct qsp_bridge *b)
{
	bool v6 = s.n > 0 && s.p[0] == '[';
	struct qsp_bytes host;

	b->port = QSP_DEFAULT_PORT;
	if (v6) {
		s = qsp_bytes_from(s, 1);
		if (!memchr(s.p, ']', s.n))
			return "a [ without its ]";
		host = qsp_line_part(&s, ']');
		if (s.n > 0 && s.p[0] != ':')
			return "something other than :port behind the ]";
		if (s.n > 0 && !get_port(qsp_bytes_from(s, 1), &b->port))
			return BAD_PORT;
	} else {
		bool has_port = s.n > 0 && memchr(s.p, ':', s.n);

		host = qsp_line_part(&s, ':');
		if (has_port && !get_port(s, &b->port))
			return BAD_PORT;
	}
	if (!is_host(host, v6))
		return host.n ? "the host has characters that no name or address has" : "no host";
	memcpy(b->host, host.p, host.n);
	b->host[host.n] = '\0';
	return NULL;
}

static const char *
get_parameters(struct qsp_bytes s, struct qsp_bridge *b)
{
	bool has_id = false, has_secret = false;

	if (s.n > 0 && s.p[s.n - 1] == '&')
		return "an & at the end: it was cut off";
	while (s.n > 0) {
		struct qsp_bytes value = qsp_line_part(&s, '&');
		struct qsp_bytes name = qsp_line_part(&value, '=');
		bool is_id = qsp_bytes_is(name, "id");
		bool *has = is_id ? &has_id : &has_secret;

		if (!is_id && !qsp_bytes_is(name, "k"))
			return "a parameter other than id and k";
		if (*has)
			return is_id ? "id stands there twice" : "k stands there twice";
		if (qsp_text_unhex((const char *)value.p, value.n, is_id ? b->id : b->secret, 32) !=
		    0)
			return is_id ? "id is not 64 hexadecimal digits"
				     : "k is not 64 hexadecimal digits";
		*has = true;
	}
	if (!has_id)
		return "no id";
	return has_secret ? NULL : "no k";
}

static const char *
get_line(struct qsp_bytes line, struct qsp_bridge *out)
{
	size_t n = strlen(scheme);
	struct qsp_bytes place;
	const char *wrong;

	line = qsp_line_trim(line);
	if (line.n < n || !qsp_line_same(qsp_bytes(line.p, n), qsp_bytes_str(scheme)))
		return "it does not begin with qsp://";
	if (line.n >= QSP_BRIDGE_LINE_MAX)
		return "it is too long";
	line = qsp_bytes_from(line, n);
	place = qsp_line_part(&line, '?');
	if (place.n > 0 && place.p[place.n - 1] == '/') /* what browsers make of it */
		place.n--;
	wrong = get_place(place, out);
	return wrong ? wrong : get_parameters(line, out);
}

qsp_err
qsp_bridge_get(struct qsp_bytes line, struct qsp_bridge *out, const char **wrong)
{
	const char *why;

	memset(out, 0, sizeof(*out));
	why = get_line(line, out);
	if (why)
		qsp_bridge_wipe(out);
	if (wrong)
		*wrong = why;
	return why ? QSP_E_INPUT : QSP_OK;
}

qsp_err
qsp_bridge_put(const struct qsp_bridge *b, char out[QSP_BRIDGE_LINE_MAX])
{
	struct qsp_bytes host = qsp_bytes_str(b->host);
	bool v6 = memchr(b->host, ':', host.n) != NULL;
	struct qsp_writer w = qsp_writer_of((uint8_t *)out, QSP_BRIDGE_LINE_MAX);
	char hex[2 * QSP_OK_LEN + 1], digits[QSP_LINE_DECIMAL_MAX];

	out[0] = '\0';
	if (!is_host(host, v6) || b->port == 0)
		return QSP_E_INPUT;
	qsp_writer_put(&w, qsp_bytes_str(scheme));
	qsp_writer_put(&w, qsp_bytes_str(v6 ? "[" : ""));
	qsp_writer_put(&w, host);
	qsp_writer_put(&w, qsp_bytes_str(v6 ? "]:" : ":"));
	qsp_writer_put(&w, qsp_bytes_str(qsp_line_decimal(b->port, digits)));
	qsp_writer_put(&w, qsp_bytes_str("?id="));
	qsp_text_hex(qsp_bytes(b->id, sizeof(b->id)), hex);
	qsp_writer_put(&w, qsp_bytes_str(hex));
	qsp_writer_put(&w, qsp_bytes_str("&k="));
	qsp_text_hex(qsp_bytes(b->secret, sizeof(b->secret)), hex);
	qsp_writer_put(&w, qsp_bytes_str(hex));
	qsp_writer_u8(&w, 0);
	qsp_mem_wipe(hex, sizeof(hex));
	return qsp_writer_done(&w);
}

void
qsp_bridge_wipe(struct qsp_bridge *b)
{
	qsp_mem_wipe(b, sizeof(*b));
}
