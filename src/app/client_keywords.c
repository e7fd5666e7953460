/* SPDX-License-Identifier: ISC */
/*
 * The keywords of a client's configuration, parsed, filled in and printed from one table. What
 * ssh_config has and QSP lacks stands in a second one: there a value that asks for nothing
 * (`ForwardAgent no`) is fine, and any other is an error that says so, never silence.
 */
#include "app/client_agent.h"
#include "app/client_table.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/client_forward.h"
#include "app/client_jump.h"

static int *
int_at(struct qsp_client_config *c, size_t at)
{
	return (int *)(void *)((char *)c + at);
}

static char **
text_at(struct qsp_client_config *c, size_t at)
{
	return (char **)(void *)((char *)c + at);
}

static struct qsp_client_list *
list_at(struct qsp_client_config *c, size_t at)
{
	return (struct qsp_client_list *)(void *)((char *)c + at);
}

static bool
is_number(enum qsp_client_kind kind)
{
	return kind == QSP_CLIENT_CHOICE || kind == QSP_CLIENT_NUMBER || kind == QSP_CLIENT_TIME ||
	       kind == QSP_CLIENT_PERSIST || kind == QSP_CLIENT_ESCAPE ||
	       kind == QSP_CLIENT_OCTAL || kind == QSP_CLIENT_GRID;
}

static bool
is_list(enum qsp_client_kind kind)
{
	return kind == QSP_CLIENT_LIST_SET || kind == QSP_CLIENT_LIST_ADD ||
	       kind == QSP_CLIENT_FORWARDS;
}

void
qsp_client_config_init(struct qsp_client_config *c)
{
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < qsp_client_table_n; i++)
		if (is_number(qsp_client_table[i].kind))
			*int_at(c, qsp_client_table[i].at) = QSP_CLIENT_UNSET;
}

void
qsp_client_config_wipe(struct qsp_client_config *c)
{
	for (size_t i = 0; i < qsp_client_table_n; i++) {
		const struct qsp_client_keyword *k = &qsp_client_table[i];

		if (is_list(k->kind))
			for (size_t j = 0; j < list_at(c, k->at)->n; j++)
				free(list_at(c, k->at)->v[j]);
		else if (!is_number(k->kind))
			free(*text_at(c, k->at));
	}
	qsp_client_config_init(c);
}

/* --- values --------------------------------------------------------------------------------- */

static bool
get_choice(const struct qsp_client_keyword *k, const char *s, int *v)
{
	for (const struct qsp_client_choice *o = k->choices; o->name; o++) {
		if (strcasecmp(o->name, s) == 0) {
			*v = o->value;
			return true;
		}
	}
	return false;
}

static bool
get_number(const char *s, long min, long max, int *v)
{
	char *end;
	long n;

	if (!isdigit((unsigned char)s[0]))
		return false;
	n = strtol(s, &end, 10);
	if (*end || n < min || n > max)
		return false;
	*v = (int)n;
	return true;
}

static bool
get_time(const char *s, long max, int *v)
{
	long sum = 0;

	if (strcasecmp(s, "none") == 0) {
		*v = 0;
		return true;
	}
	if (!isdigit((unsigned char)s[0]))
		return false;
	while (*s) {
		char *end;
		long n = strtol(s, &end, 10), unit = 1;

		if (end == s || n < 0 || n > max)
			return false;
		switch (tolower((unsigned char)*end)) {
		case 0: break;
		case 's': end++; break;
		case 'm':
			unit = 60;
			end++;
			break;
		case 'h':
			unit = 3600;
			end++;
			break;
		case 'd':
			unit = 86400;
			end++;
			break;
		case 'w':
			unit = 604800;
			end++;
			break;
		default: return false;
		}
		sum += n * unit;
		if (sum > max)
			return false;
		s = end;
	}
	*v = (int)sum;
	return true;
}

/* no, yes (without end), or a time. */
static bool
get_persist(const char *s, long max, int *v)
{
	if (strcasecmp(s, "no") == 0 || strcasecmp(s, "false") == 0)
		*v = QSP_CLIENT_NO_PERSIST;
	else if (strcasecmp(s, "yes") == 0 || strcasecmp(s, "true") == 0)
		*v = 0;
	else
		return strcasecmp(s, "none") != 0 && get_time(s, max, v);
	return true;
}

static bool
get_octal(const char *s, long max, int *v)
{
	char *end;
	long n = strtol(s, &end, 8);

	*v = (int)n;
	return isdigit((unsigned char)s[0]) && *end == 0 && n <= max;
}

/* One character, ^X, or none. */
static bool
get_escape(const char *s, int *v)
{
	if (strcasecmp(s, "none") == 0)
		*v = QSP_CLIENT_NO_ESCAPE;
	else if (s[0] == '^' && s[1] >= 64 && s[1] < 127 && !s[2])
		*v = s[1] & 31;
	else if (s[0] && !s[1])
		*v = (unsigned char)s[0];
	else
		return false;
	return true;
}

/* yes, no, or interval:MS. */
static bool
get_grid(const struct qsp_client_keyword *k, const char *s, int *v)
{
	if (strcasecmp(s, "yes") == 0)
		*v = k->fallback;
	else if (strcasecmp(s, "no") == 0)
		*v = 0;
	else
		return strncasecmp(s, "interval:", 9) == 0 && get_number(s + 9, k->min, k->max, v);
	return true;
}

static qsp_err
take_number(const struct qsp_client_keyword *k, const struct qsp_confline *l, int *v, char *err)
{
	bool ok = false;

	switch (k->kind) {
	case QSP_CLIENT_CHOICE: ok = get_choice(k, l->arg[0], v); break;
	case QSP_CLIENT_OCTAL: ok = get_octal(l->arg[0], k->max, v); break;
	case QSP_CLIENT_NUMBER: ok = get_number(l->arg[0], k->min, k->max, v); break;
	case QSP_CLIENT_TIME: ok = get_time(l->arg[0], k->max, v); break;
	case QSP_CLIENT_PERSIST: ok = get_persist(l->arg[0], k->max, v); break;
	case QSP_CLIENT_GRID: ok = get_grid(k, l->arg[0], v); break;
	default: ok = get_escape(l->arg[0], v); break;
	}
	if (!ok)
		return qsp_confline_say(l, err, "%s: unsupported value \"%s\"", k->name, l->arg[0]);
	return 0;
}

static qsp_err
take_list(const struct qsp_client_keyword *k, const struct qsp_confline *l,
	  struct qsp_client_list *list, char *err)
{
	char *copy;

	if (k->kind == QSP_CLIENT_LIST_SET && list->n)
		return 0;
	for (size_t i = 0; i < l->n; i++) {
		if (list->n == QSP_CLIENT_LIST_MAX)
			return qsp_confline_say(l, err, "%s: more than %d", k->name,
						QSP_CLIENT_LIST_MAX);
		copy = strdup(l->arg[i]);
		if (!copy)
			return QSP_E_NOMEM;
		list->v[list->n++] = copy;
	}
	return 0;
}

/* "FROM TO" of the configuration, or "FROM:TO" of the command line, is kept as the latter. */
static qsp_err
take_forward(const struct qsp_client_keyword *k, const struct qsp_confline *l, bool active,
	     struct qsp_client_list *list, char *err)
{
	struct qsp_client_forward f;
	char *spec = NULL;
	qsp_err e;

	if (l->n > 2)
		return qsp_confline_say(l, err, "%s: more than two arguments", k->name);
	if (l->n < 2)
		spec = strdup(l->arg[0]);
	else if (asprintf(&spec, "%s:%s", l->arg[0], l->arg[1]) < 0)
		spec = NULL;
	if (spec == NULL)
		return QSP_E_NOMEM;
	if ((e = qsp_client_forward_parse((char)k->min, spec, &f)) == QSP_E_INPUT)
		e = qsp_confline_say(l, err, "%s: bad forwarding specification \"%s\"", k->name,
				     l->rest);
	else if (!e && active && list->n == QSP_CLIENT_LIST_MAX)
		e = qsp_confline_say(l, err, "%s: more than %d", k->name, QSP_CLIENT_LIST_MAX);
	if (!e)
		qsp_client_forward_wipe(&f);
	if (!e && active) {
		list->v[list->n++] = spec;
		spec = NULL;
	}
	free(spec);
	return e;
}

/* What is wrong with the arguments, or NULL. */
static const char *
wrong_with(const struct qsp_client_keyword *k, const struct qsp_confline *l)
{
	struct qsp_client_agent_add add;
	uint8_t ids[6];
	size_t n;

	if (l->n == 0)
		return "missing argument";
	if (!is_list(k->kind) && k->kind != QSP_CLIENT_REST && l->n > 1)
		return "more than one argument";
	if (k->at == offsetof(struct qsp_client_config, set_env))
		for (size_t i = 0; i < l->n; i++)
			if (!strchr(l->arg[i], '=') || l->arg[i][0] == '=')
				return "NAME=VALUE is wanted";
	if (k->at == offsetof(struct qsp_client_config, permit_remote_open))
		for (size_t i = 0; i < l->n; i++)
			if (qsp_client_forward_check_permit(l->arg[i]))
				return qsp_client_forward_check_permit(l->arg[i]);
	if (k->at == offsetof(struct qsp_client_config, add_keys) &&
	    qsp_client_agent_get_add(l->rest, &add) != 0)
		return "yes, no, ask, confirm or a time is wanted";
	if (k->kind == QSP_CLIENT_CIPHERS && qsp_client_aeads(l->arg[0], ids, &n))
		return "not a list of ciphers (see qssh -Q aead)";
	if (k->kind == QSP_CLIENT_JUMP && !qsp_client_jump_is_good(l->arg[0]))
		return "not a list of [user@]host[:port]";
	return NULL;
}

/* ProxyCommand and ProxyJump are one question: the first answer to either counts. */
static bool
is_settled(struct qsp_client_config *c, const struct qsp_client_keyword *k)
{
	if (k->at == offsetof(struct qsp_client_config, proxy_command) ||
	    k->at == offsetof(struct qsp_client_config, proxy_jump))
		return c->proxy_command || c->proxy_jump;
	return *text_at(c, k->at) != NULL;
}

static qsp_err
take_keyword(struct qsp_client_config *c, const struct qsp_client_keyword *k,
	     const struct qsp_confline *l, bool active, char *err)
{
	const char *wrong = wrong_with(k, l);

	if (wrong)
		return qsp_confline_say(l, err, "%s: %s", k->name, wrong);
	if (is_number(k->kind)) {
		int v = 0;
		qsp_err e = take_number(k, l, &v, err);

		if (!e && active && *int_at(c, k->at) == QSP_CLIENT_UNSET)
			*int_at(c, k->at) = v;
		return e;
	}
	if (k->kind == QSP_CLIENT_FORWARDS)
		return take_forward(k, l, active, list_at(c, k->at), err);
	if (!active)
		return 0;
	if (is_list(k->kind))
		return take_list(k, l, list_at(c, k->at), err);
	if (!is_settled(c, k)) {
		*text_at(c, k->at) = strdup(k->kind == QSP_CLIENT_REST ? l->rest : l->arg[0]);
		if (!*text_at(c, k->at))
			return QSP_E_NOMEM;
	}
	return 0;
}

/* --- words in lists ------------------------------------------------------------------------- */

static bool
has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	if (strcmp(words, "*") == 0)
		return true;
	for (const char *p = words; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		if (len == n && strncasecmp(p, word, n) == 0)
			return true;
		p += len;
	}
	return false;
}

static bool
is_ignored(const struct qsp_client_config *c, const char *keyword)
{
	char *copy = c->ignore_unknown ? strdup(c->ignore_unknown) : NULL, *at = copy, *pattern;
	bool found = false;

	while (copy && (pattern = strsep(&at, ",")) != NULL)
		if (fnmatch(pattern, keyword, FNM_CASEFOLD) == 0)
			found = true;
	free(copy);
	return found;
}

qsp_err
qsp_client_keywords_take(struct qsp_client_config *c, const struct qsp_confline *l, bool active,
			 char err[QSP_CONFLINE_ERROR_MAX])
{
	for (size_t i = 0; i < qsp_client_table_n; i++)
		if (qsp_confline_is(l, qsp_client_table[i].name))
			return take_keyword(c, &qsp_client_table[i], l, active, err);
	if (is_ignored(c, l->keyword))
		return 0;
	for (size_t i = 0; i < qsp_client_table_lacking_n; i++) {
		if (!qsp_confline_is(l, qsp_client_table_lacking[i].name))
			continue;
		if (l->n == 1 && has_word(qsp_client_table_lacking[i].harmless, l->arg[0]))
			return 0;
		return qsp_confline_say(
			l, err, "%s: an OpenSSH option that this version of qssh does not have",
			qsp_client_table_lacking[i].name);
	}
	return qsp_confline_say(l, err, "Bad configuration option: %s", l->keyword);
}

qsp_err
qsp_client_config_fill(struct qsp_client_config *c)
{
	for (size_t i = 0; i < qsp_client_table_n; i++) {
		const struct qsp_client_keyword *k = &qsp_client_table[i];
		struct qsp_client_list *list = list_at(c, k->at);

		if (is_number(k->kind)) {
			if (*int_at(c, k->at) == QSP_CLIENT_UNSET)
				*int_at(c, k->at) = k->fallback;
		} else if (!k->text) {
			continue;
		} else if (!is_list(k->kind)) {
			if (!*text_at(c, k->at) && !(*text_at(c, k->at) = strdup(k->text)))
				return QSP_E_NOMEM;
		} else if (list->n == 0) {
			for (const char *p = k->text; *p; p += strspn(p, " ")) {
				size_t n = strcspn(p, " ");

				if (!(list->v[list->n] = strndup(p, n)))
					return QSP_E_NOMEM;
				list->n++;
				p += n;
			}
		}
	}
	return 0;
}

static void
print_number(const struct qsp_client_keyword *k, int v, FILE *out)
{
	if (k->kind == QSP_CLIENT_CHOICE) {
		for (const struct qsp_client_choice *o = k->choices; o->name; o++) {
			if (o->value == v) {
				fprintf(out, " %s\n", o->name);
				return;
			}
		}
	}
	if (k->kind == QSP_CLIENT_GRID && v != 0 && v != k->fallback)
		fprintf(out, " interval:%d\n", v);
	else if (k->kind == QSP_CLIENT_GRID)
		fprintf(out, v ? " yes\n" : " no\n");
	else if (k->kind == QSP_CLIENT_PERSIST && v <= 0)
		fprintf(out, v < 0 ? " no\n" : " yes\n");
	else if (k->kind == QSP_CLIENT_OCTAL)
		fprintf(out, " 0%o\n", (unsigned)v);
	else if (k->kind != QSP_CLIENT_ESCAPE)
		fprintf(out, " %d\n", v);
	else if (v == QSP_CLIENT_NO_ESCAPE)
		fprintf(out, " none\n");
	else
		fprintf(out, v < 32 ? " ^%c\n" : " %c\n", v < 32 ? v + 64 : v);
}

static void
print_forwards(const char *name, char kind, const struct qsp_client_list *list, FILE *out)
{
	for (size_t i = 0; i < list->n; i++) {
		char text[2 * QSP_CLIENT_FORWARD_TEXT_MAX];
		struct qsp_client_forward f;

		if (qsp_client_forward_parse(kind, list->v[i], &f))
			continue;
		qsp_client_forward_print(&f, text, sizeof(text));
		fprintf(out, "%s %s\n", name, text);
		qsp_client_forward_wipe(&f);
	}
}

void
qsp_client_keywords_print(const struct qsp_client_config *c, FILE *out)
{
	struct qsp_client_config copy = *c; /* what it points to stays c's */

	for (size_t i = 0; i < qsp_client_table_n; i++) {
		const struct qsp_client_keyword *k = &qsp_client_table[i];
		const struct qsp_client_list *list = list_at(&copy, k->at);
		char name[64];
		size_t n = 0;

		for (; k->name[n] && n + 1 < sizeof(name); n++)
			name[n] = (char)tolower((unsigned char)k->name[n]);
		name[n] = 0;
		if (is_number(k->kind)) {
			fprintf(out, "%s", name);
			print_number(k, *int_at(&copy, k->at), out);
		} else if (k->kind == QSP_CLIENT_FORWARDS) {
			print_forwards(name, (char)k->min, list, out);
		} else if (k->kind == QSP_CLIENT_LIST_ADD) {
			for (size_t j = 0; j < list->n; j++)
				fprintf(out, "%s %s\n", name, list->v[j]);
		} else if (k->kind == QSP_CLIENT_LIST_SET) {
			fprintf(out, "%s", name);
			for (size_t j = 0; j < list->n; j++)
				fprintf(out, " %s", list->v[j]);
			fprintf(out, "\n");
		} else if (*text_at(&copy, k->at)) {
			fprintf(out, "%s %s\n", name, *text_at(&copy, k->at));
		}
	}
}
