/* SPDX-License-Identifier: ISC */
/*
 * authorized_keys, read. The names of options are a table; what a later version honours loses its
 * REFUSED there, and nothing else changes.
 */
#include "trust/authorized.h"

#include "base/mem.h"
#include "trust/line.h"
#include "trust/pubkey.h"

enum kind {
	SET,   /* a flag becomes true */
	CLEAR, /* a flag becomes false */
	VALUE, /* one value, once */
	LIST,  /* a value more */
	RESTRICT,
};

#define REFUSED 1u

#define AT(field) offsetof(struct qsp_authorized_options, field)
static const struct option {
	const char *name;
	enum kind kind;
	unsigned flags;
	size_t at;
	const char *(*check)(struct qsp_bytes value); /* NULL: any value */
} options[] = {
	{ "agent-forwarding", CLEAR, 0, AT(no_agent_forwarding), NULL },
	{ "cert-authority", SET, REFUSED, AT(cert_authority), NULL },
	{ "command", VALUE, 0, AT(command), NULL },
	{ "environment", LIST, 0, AT(environment), qsp_authorized_check_environment },
	{ "expiry-time", VALUE, 0, AT(expiry_time), NULL },
	{ "from", VALUE, 0, AT(from), NULL },
	{ "no-agent-forwarding", SET, 0, AT(no_agent_forwarding), NULL },
	{ "no-port-forwarding", SET, 0, AT(no_port_forwarding), NULL },
	{ "no-pty", SET, 0, AT(no_pty), NULL },
	{ "no-user-rc", SET, 0, AT(no_user_rc), NULL },
	{ "no-X11-forwarding", SET, 0, AT(no_x11_forwarding), NULL },
	{ "permitlisten", LIST, 0, AT(permit_listen), qsp_authorized_check_listen },
	{ "permitopen", LIST, 0, AT(permit_open), qsp_authorized_check_open },
	{ "port-forwarding", CLEAR, 0, AT(no_port_forwarding), NULL },
	{ "principals", VALUE, REFUSED, AT(principals), NULL },
	{ "pty", CLEAR, 0, AT(no_pty), NULL },
	{ "restrict", RESTRICT, 0, 0, NULL },
	{ "tunnel", VALUE, REFUSED, AT(tunnel), NULL },
	{ "user-rc", CLEAR, 0, AT(no_user_rc), NULL },
	{ "verify-required", SET, REFUSED, AT(verify_required), NULL },
	{ "X11-forwarding", CLEAR, 0, AT(no_x11_forwarding), NULL },
};

static const struct option *
option_by_name(struct qsp_bytes name)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (qsp_line_same(name, qsp_bytes_str(options[i].name)))
			return &options[i];
	return NULL;
}

/* Takes name or name="value" from the front of *s; has_value tells which. */
static const char *
take_option(struct qsp_bytes *s, struct qsp_bytes *name, struct qsp_bytes *value, bool *has_value)
{
	size_t i = 0;

	while (i < s->n && !qsp_line_is_space(s->p[i]) && !strchr(",=\"", s->p[i]))
		i++;
	*name = qsp_bytes(s->p, i);
	*s = qsp_bytes_from(*s, i);
	*has_value = s->n > 0 && s->p[0] == '=';
	if (i == 0)
		return "an option without a name";
	if (!*has_value)
		return NULL;
	if (s->n < 2 || s->p[1] != '"')
		return "the value of an option is not in quotes";
	*s = qsp_bytes_from(*s, 2);
	for (i = 0; i < s->n && s->p[i] != '"'; i++)
		if (s->p[i] == '\\' && i + 1 < s->n && s->p[i + 1] == '"')
			i++;
	if (i >= s->n)
		return "a quote is not closed";
	*value = qsp_bytes(s->p, i);
	*s = qsp_bytes_from(*s, i + 1);
	return i > QSP_AUTHORIZED_VALUE_MAX ? "the value of an option is too long" : NULL;
}

static const char *
set_option(struct qsp_authorized_options *o, const struct option *opt, struct qsp_bytes value)
{
	uint8_t *at = (uint8_t *)o + opt->at;
	struct qsp_authorized_list list;
	struct qsp_bytes old;
	bool flag = opt->kind == SET;

	switch (opt->kind) {
	case SET:
	case CLEAR: memcpy(at, &flag, sizeof(flag)); break;
	case RESTRICT:
		o->no_pty = o->no_port_forwarding = o->no_agent_forwarding = true;
		o->no_x11_forwarding = o->no_user_rc = true;
		break;
	case VALUE:
		memcpy(&old, at, sizeof(old));
		if (old.p)
			return "an option is there twice";
		memcpy(at, &value, sizeof(value));
		break;
	case LIST:
		memcpy(&list, at, sizeof(list));
		if (list.n == QSP_AUTHORIZED_LIST_MAX)
			return "an option is there too often";
		list.value[list.n++] = value;
		memcpy(at, &list, sizeof(list));
		break;
	}
	return NULL;
}

/* Options up to the first space outside quotes. NULL, or what is wrong. */
static const char *
get_options(struct qsp_bytes *rest, struct qsp_authorized_options *o)
{
	for (;;) {
		struct qsp_bytes name, value = { rest->p, 0 };
		const struct option *opt;
		bool has_value;
		const char *wrong = take_option(rest, &name, &value, &has_value);

		if (wrong)
			return wrong;
		opt = option_by_name(name);
		if (o->refused.n == 0 && (!opt || (opt->flags & REFUSED)))
			o->refused = name;
		if (opt) {
			if (has_value != (opt->kind == VALUE || opt->kind == LIST))
				return has_value ? "an option has a value that takes none"
						 : "an option lacks its value";
			if (opt->check && (wrong = opt->check(value)) != NULL)
				return wrong;
			if ((wrong = set_option(o, opt, value)) != NULL)
				return wrong;
		}
		if (rest->n == 0 || qsp_line_is_space(rest->p[0]))
			return NULL;
		if (rest->p[0] != ',')
			return "options are not separated by commas";
		*rest = qsp_bytes_from(*rest, 1);
	}
}

static const char *
get_entry(const struct qsp_crypto *cx, struct qsp_bytes rest, struct qsp_authorized_entry *out,
	  qsp_err *house)
{
	struct qsp_bytes after = rest, type = qsp_line_word(&after);
	const char *wrong;
	qsp_err e;

	/* a line begins with its type, or else with options */
	if (qsp_pubkey_type(type) == 0) {
		if ((wrong = get_options(&rest, &out->options)) != NULL)
			return wrong;
		after = rest;
		type = qsp_line_word(&after);
		if (qsp_pubkey_type(type) == 0)
			return "unknown key type";
	}
	e = qsp_pubkey_decode(cx, type, qsp_line_word(&after), &out->key);
	out->comment = after;
	if (e == 0)
		return NULL;
	if (e != QSP_E_INPUT && e != QSP_E_UNSUPPORTED)
		*house = e;
	return "the base64 is no key of this type";
}

qsp_err
qsp_authorized_next(const struct qsp_crypto *cx, struct qsp_authorized_walk *w,
		    struct qsp_authorized_entry *out)
{
	struct qsp_bytes line;

	while (qsp_line_next(&w->left, &line)) {
		qsp_err house = QSP_OK;

		memset(out, 0, sizeof(*out));
		out->line = ++w->number;
		w->wrong = NULL;
		line = qsp_line_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		w->wrong = line.n > QSP_LINE_MAX ? "too long" : get_entry(cx, line, out, &house);
		if (!w->wrong)
			return QSP_OK;
		memset(&out->options, 0, sizeof(out->options));
		return house ? house : QSP_E_INPUT;
	}
	return QSP_E_NOTFOUND;
}

qsp_err
qsp_authorized_find(const struct qsp_crypto *cx, struct qsp_bytes text,
		    const uint8_t id[static QSP_KEY_ID_LEN],
		    const struct qsp_authorized_login *login, struct qsp_authorized_entry *out,
		    enum qsp_authorized_denial *denial)
{
	struct qsp_authorized_walk w = { .left = text };
	struct qsp_authorized_entry one;
	qsp_err e;

	memset(out, 0, sizeof(*out));
	*denial = QSP_AUTHORIZED_ALLOWED;
	while ((e = qsp_authorized_next(cx, &w, &one)) == 0 || e == QSP_E_INPUT) {
		if (e || memcmp(one.key.id, id, QSP_KEY_ID_LEN) != 0)
			continue;
		*out = one;
		*denial = qsp_authorized_denies(&one.options, login);
		if (*denial == QSP_AUTHORIZED_ALLOWED)
			return QSP_OK;
	}
	return e == QSP_E_NOTFOUND && *denial != QSP_AUTHORIZED_ALLOWED ? QSP_E_POLICY : e;
}

qsp_err
qsp_authorized_unquote(struct qsp_bytes value, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\0')
			return QSP_E_INPUT;
		if (value.p[i] == '\\' && i + 1 < value.n && value.p[i + 1] == '"')
			i++;
		if (n + 1 >= cap)
			return QSP_E_ROOM;
		out[n++] = (char)value.p[i];
	}
	if (n >= cap)
		return QSP_E_ROOM;
	out[n] = '\0';
	return QSP_OK;
}
