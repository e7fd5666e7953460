/* SPDX-License-Identifier: ISC */
/* Keywords of forwarding: their values, and how they are written. */
#include "cmd/qsshd/config_keys.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/confvalue.h"

struct word {
	const char *name;
	int value;
};

/* The first name of a value is the one that is written. */
static const struct word ways[] = {
	{ "no", 0 },
	{ "local", QSP_FORWARD_LOCAL },
	{ "remote", QSP_FORWARD_REMOTE },
	{ "yes", QSP_FORWARD_LOCAL | QSP_FORWARD_REMOTE },
	{ "all", QSP_FORWARD_LOCAL | QSP_FORWARD_REMOTE },
	{ NULL, 0 },
};
static const struct word gateways[] = {
	{ "no", QSP_GATEWAY_NO },
	{ "yes", QSP_GATEWAY_YES },
	{ "clientspecified", QSP_GATEWAY_CLIENT },
	{ NULL, 0 },
};

static qsp_err
take_one_of(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k,
	    const struct word *words, const char *wanted)
{
	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	for (; words->name != NULL; words++) {
		if (strcasecmp(s->l->arg[0], words->name) != 0)
			continue;
		qsp_qsshd_first(qsp_qsshd_number_of(s, k), words->value);
		return 0;
	}
	return qsp_qsshd_bad_value(s, wanted);
}

qsp_err
qsp_qsshd_take_forwarding(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	return take_one_of(s, k, ways, "yes, no, all, local or remote");
}

qsp_err
qsp_qsshd_take_gateway(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	return take_one_of(s, k, gateways, "yes, no or clientspecified");
}

qsp_err
qsp_qsshd_take_mask(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	unsigned long v;
	char *end;

	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	v = strtoul(s->l->arg[0], &end, 8);
	if (*end != 0 || s->l->arg[0][0] == '-' || v > 0777)
		return qsp_qsshd_bad_value(s, "an octal mask, such as 0177");
	qsp_qsshd_first(qsp_qsshd_number_of(s, k), (int)v);
	return 0;
}

/* HOST:PORT, [HOST]:PORT, or, for PermitListen, PORT; PORT may be *. */
static bool
is_permit(const char *arg, bool host_too)
{
	const char *colon = strrchr(arg, ':'), *port = colon != NULL ? colon + 1 : arg;
	uint64_t v;

	if (colon == NULL ? host_too : colon == arg)
		return false;
	if (colon != NULL && *arg != '[' && memchr(arg, ':', (size_t)(colon - arg)) != NULL)
		return false;
	if (*arg == '[' && (colon == NULL || colon - arg < 3 || colon[-1] != ']'))
		return false;
	return strcmp(port, "*") == 0 || qsp_confvalue_number(port, 1, UINT16_MAX, &v) == 0;
}

static qsp_err
take_permits(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k, bool host_too)
{
	bool alone = s->l->n == 1 && (strcasecmp(s->l->arg[0], "any") == 0 ||
				      strcasecmp(s->l->arg[0], "none") == 0);

	for (size_t i = 0; i < s->l->n && !alone; i++) {
		if (!is_permit(s->l->arg[i], host_too))
			return QSP_QSSHD_BAD(s, "%s: \"%s\" is not %s, any or none", k->name,
					     s->l->arg[i], host_too ? "HOST:PORT" : "[HOST:]PORT");
	}
	return qsp_qsshd_take_first_words(s, k);
}

qsp_err
qsp_qsshd_take_permit_open(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	return take_permits(s, k, true);
}

qsp_err
qsp_qsshd_take_permit_listen(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	return take_permits(s, k, false);
}

static const char *
name_of(const struct word *words, int value)
{
	while (words->value != value)
		words++;
	return words->name;
}

static void
put_permits(FILE *f, const char *name, const struct qsp_qsshd_list *l)
{
	fputs(name, f);
	if (l->n == 0)
		fputs(" any", f);
	for (size_t i = 0; i < l->n; i++)
		qsp_qsshd_config_put_word(f, l->v[i]);
	putc('\n', f);
}

void
qsp_qsshd_config_dump_forward(const struct qsp_qsshd_config *c, FILE *f)
{
	fprintf(f, "allowagentforwarding %s\n", c->allow_agent_forwarding ? "yes" : "no");
	fprintf(f, "allowtcpforwarding %s\n", name_of(ways, c->allow_tcp_forwarding));
	fprintf(f, "allowstreamlocalforwarding %s\n", name_of(ways, c->allow_stream_forwarding));
	fprintf(f, "gatewayports %s\n", name_of(gateways, c->gateway_ports));
	fprintf(f, "disableforwarding %s\n", c->disable_forwarding ? "yes" : "no");
	fprintf(f, "streamlocalbindmask 0%03o\n", (unsigned)c->stream_bind_mask);
	fprintf(f, "streamlocalbindunlink %s\n", c->stream_bind_unlink ? "yes" : "no");
	put_permits(f, "permitopen", &c->permit_open);
	put_permits(f, "permitlisten", &c->permit_listen);
}
