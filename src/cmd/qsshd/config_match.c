/* SPDX-License-Identifier: ISC */
/*
 * Match blocks. While the configuration is read their lines are checked and kept as text, without
 * Includes: a block within another has the criteria of both. For a login the text is read once more, and
 * what the blocks that hold say first wins over what stands outside all of them, as in sshd.
 */
#include "cmd/qsshd/config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/confvalue.h"
#include "base/bytes.h"
#include "base/pattern.h"
#include "sys/groups.h"

#define MATCH_TEXT_MAX (256u << 10)

enum subject { USER, GROUP, HOST, ADDRESS, LOCAL_ADDRESS, LOCAL_PORT, SUBJECTS };

static const char *const names[SUBJECTS] = {
	[USER] = "User",
	[GROUP] = "Group",
	[HOST] = "Host",
	[ADDRESS] = "Address",
	[LOCAL_ADDRESS] = "LocalAddress",
	[LOCAL_PORT] = "LocalPort",
};

/* The criterion at argument i; SUBJECTS where there is none of this name. *values is its argument, and
 * *used the number of words: "User x" are two, "User=x" is one. */
static enum subject
criterion(const struct qsp_confline *l, size_t i, const char **values, size_t *used)
{
	size_t n = strcspn(l->arg[i], "=");
	enum subject s = 0;

	while (s < SUBJECTS && (strlen(names[s]) != n || strncasecmp(names[s], l->arg[i], n) != 0))
		s++;
	*used = l->arg[i][n] == '=' ? 1 : 2;
	if (*used == 1)
		*values = l->arg[i] + n + 1;
	else
		*values = i + 1 < l->n ? l->arg[i + 1] : NULL;
	return s;
}

/* --- while reading -------------------------------------------------------------------------- */

static bool
ports_are_numbers(const char *list)
{
	char copy[QSP_CONFLINE_MAX], *at = copy, *one;
	uint64_t v;

	(void)snprintf(copy, sizeof(copy), "%s", list);
	while ((one = strsep(&at, ",")) != NULL) {
		if (qsp_confvalue_number(one, 1, UINT16_MAX, &v))
			return false;
	}
	return true;
}

static qsp_err
check_criterion(const struct qsp_confline *l, size_t i, size_t *used, char *err)
{
	const char *values;
	enum subject s = criterion(l, i, &values, used);

	if (s == SUBJECTS)
		return qsp_confline_say(l, err, "Match: \"%s\" is not a criterion here", l->arg[i]);
	if (values == NULL || *values == 0)
		return qsp_confline_say(l, err, "Match %s needs a pattern", names[s]);
	if ((s == ADDRESS || s == LOCAL_ADDRESS) &&
	    qsp_pattern_address_list(qsp_bytes_str(values), qsp_bytes_str("")) == QSP_PATTERN_BAD)
		return qsp_confline_say(l, err, "Match %s: \"%s\" is not a list of addresses",
					names[s], values);
	if (s == LOCAL_PORT && !ports_are_numbers(values))
		return qsp_confline_say(l, err, "Match LocalPort: \"%s\" is not a list of ports",
					values);
	return 0;
}

qsp_err
qsp_qsshd_match_check(const struct qsp_confline *l, char **criteria,
		      char err[QSP_CONFLINE_ERROR_MAX])
{
	bool all = l->n == 1 && strcasecmp(l->arg[0], "all") == 0;
	size_t size;
	FILE *f;
	qsp_err e = 0;

	*criteria = NULL;
	if (l->n == 0)
		return qsp_confline_say(l, err, "Match needs a criterion");
	for (size_t i = 0, used; !all && i < l->n; i += used) {
		if (strcasecmp(l->arg[i], "all") == 0)
			return qsp_confline_say(l, err, "Match all stands alone");
		if (check_criterion(l, i, &used, err))
			return QSP_E_INPUT;
	}
	f = open_memstream(criteria, &size);
	if (f == NULL)
		return QSP_E_NOMEM;
	for (size_t i = 0; !all && i < l->n; i++)
		qsp_qsshd_config_put_word(f, l->arg[i]);
	if (ferror(f))
		e = QSP_E_NOMEM;
	if (fclose(f) != 0 || e) {
		free(*criteria);
		*criteria = NULL;
		return QSP_E_NOMEM;
	}
	return 0;
}

qsp_err
qsp_qsshd_match_add(struct qsp_qsshd_config *c, const char *criteria, const struct qsp_confline *l)
{
	const char *old = c->match ? c->match : "";
	char *text;
	int n;

	if (*criteria == 0)
		criteria = " all";
	n = asprintf(&text, "%smatch%s\n%s %s\n", old, criteria, l->keyword, l->rest);
	if (n < 0)
		return QSP_E_NOMEM;
	if ((size_t)n > MATCH_TEXT_MAX) {
		free(text);
		return QSP_E_ROOM;
	}
	free(c->match);
	c->match = text;
	return 0;
}

/* --- for a login ---------------------------------------------------------------------------- */

static bool
fits(const char *list, const char *text, enum qsp_pattern_case how)
{
	return text != NULL &&
	       qsp_pattern_list(qsp_bytes_str(list), qsp_bytes_str(text), how) == QSP_PATTERN_MATCH;
}

static bool
fits_address(const char *list, const char *address)
{
	return address != NULL &&
	       qsp_pattern_address_list(qsp_bytes_str(list), qsp_bytes_str(address)) ==
		       QSP_PATTERN_MATCH;
}

static bool
is_known(const struct qsp_qsshd_who *w, enum subject s)
{
	switch (s) {
	case USER: return w->user != NULL;
	case GROUP: return w->groups != NULL;
	case HOST: return w->host != NULL;
	case ADDRESS: return w->address != NULL;
	case LOCAL_ADDRESS: return w->local_address != NULL;
	default: return w->local_port != 0;
	}
}

static bool
criterion_holds(const struct qsp_qsshd_who *w, enum subject s, const char *values)
{
	char port[8];

	switch (s) {
	case USER: return fits(values, w->user, QSP_PATTERN_EXACT);
	case GROUP: return w->groups != NULL && qsp_groups_fit(w->groups, values);
	case HOST: return fits(values, w->host, QSP_PATTERN_FOLD);
	case ADDRESS: return fits_address(values, w->address);
	case LOCAL_ADDRESS: return fits_address(values, w->local_address);
	case LOCAL_PORT:
		(void)snprintf(port, sizeof(port), "%u", w->local_port & UINT16_MAX);
		return w->local_port != 0 && fits(values, port, QSP_PATTERN_EXACT);
	default: return false;
	}
}

/* What a walk through the blocks does: with the lines of those that hold for who. */
struct walk {
	const struct qsp_qsshd_who *who; /* NULL: all criteria hold */
	bool anybody;                    /* criteria of the user count as holding */
	qsp_err (*line)(struct walk *w, const struct qsp_confline *l);
	char *err;
	void *out;
};

static qsp_err
block_holds(struct walk *w, const struct qsp_confline *l, bool *holds)
{
	*holds = true;
	if (strcasecmp(l->arg[0], "all") == 0)
		return 0;
	for (size_t i = 0, used; i < l->n; i += used) {
		const char *values;
		enum subject s = criterion(l, i, &values, &used);

		if (values == NULL)
			return QSP_E_INPUT;
		if (w->who == NULL)
			continue;
		if (w->who->complain && !is_known(w->who, s))
			return qsp_confline_say(
				l, w->err,
				"'Match %s' in the configuration, but nothing of it "
				"in the test specification -C",
				names[s]);
		if (w->anybody && (s == USER || s == GROUP))
			continue;
		*holds = *holds && criterion_holds(w->who, s, values);
	}
	return 0;
}

static qsp_err
walk(const struct qsp_qsshd_config *c, struct walk *w)
{
	const char *p = c->match ? c->match : "", *why;
	struct qsp_confline *l;
	bool holds = false;
	qsp_err e = 0;

	if (*p == 0)
		return 0;
	l = malloc(sizeof(*l));
	if (l == NULL)
		return QSP_E_NOMEM;
	qsp_confline_init(l, "Match");
	for (; e == 0 && *p; p += strcspn(p, "\n"), p += *p == '\n') {
		e = qsp_confline_parse(l, qsp_bytes(p, strcspn(p, "\n")), &why);
		if (e == 0 && qsp_confline_is(l, "match"))
			e = block_holds(w, l, &holds);
		else if (e == 0 && holds)
			e = w->line(w, l);
	}
	free(l);
	return e;
}

static qsp_err
set_line(struct walk *w, const struct qsp_confline *l)
{
	return qsp_qsshd_config_set(&(struct qsp_qsshd_setter){ w->out, l, w->err, true });
}

qsp_err
qsp_qsshd_match_apply(const struct qsp_qsshd_config *c, const struct qsp_qsshd_who *who,
		      struct qsp_qsshd_config *out, char err[QSP_CONFLINE_ERROR_MAX])
{
	struct walk w = { .who = who, .line = set_line, .err = err, .out = out };
	qsp_err e;

	(void)snprintf(err, QSP_CONFLINE_ERROR_MAX, "Match: no memory");
	qsp_qsshd_config_init(out);
	e = walk(c, &w);
	if (e == 0)
		e = qsp_qsshd_config_inherit(out, c);
	if (e)
		qsp_qsshd_config_free(out);
	return e;
}

/* --- for strangers -------------------------------------------------------------------------- */

static void
take_offer(struct qsp_qsshd_offer *o, const struct qsp_qsshd_config *c)
{
	bool complete;

	o->pubkey |= c->pubkey > 0;
	o->password |= c->password > 0;
	o->interactive |= c->interactive > 0;
	o->first |= qsp_qsshd_ways_next(c, NULL, 0, &complete);
	if (c->max_auth_tries > o->max_auth_tries)
		o->max_auth_tries = c->max_auth_tries;
}

static qsp_err
offer_line(struct walk *w, const struct qsp_confline *l)
{
	struct qsp_qsshd_config c;
	qsp_err e;

	qsp_qsshd_config_init(&c);
	e = qsp_qsshd_config_set(&(struct qsp_qsshd_setter){ &c, l, w->err, true });
	if (e == 0)
		take_offer(w->out, &c);
	qsp_qsshd_config_free(&c);
	return e;
}

qsp_err
qsp_qsshd_match_offer(const struct qsp_qsshd_config *c, const struct qsp_qsshd_who *who,
		      struct qsp_qsshd_offer *out)
{
	char err[QSP_CONFLINE_ERROR_MAX];
	struct walk w = { .who = who, .anybody = true, .line = offer_line, .err = err, .out = out };

	memset(out, 0, sizeof(*out));
	take_offer(out, c);
	return walk(c, &w);
}
