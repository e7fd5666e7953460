/* SPDX-License-Identifier: ISC */
/*
 * The keywords: a table from a name to what takes its arguments. A keyword of OpenSSH that is not
 * honoured here is refused by name, never ignored: whoever wrote it counts on it.
 */
#include "cmd/qsshd/config.h"

#include <qsp/conn.h>

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "app/confvalue.h"
#include "app/sftp_server.h"
#include "base/bytes.h"
#include "crypto/aead.h"

#define STARTUPS_MAX 100000

struct keyword {
	const char *name;
	qsp_err (*take)(const struct qsp_qsshd_setter *s, const struct keyword *k);
	size_t offset; /* of the field of struct qsp_qsshd_config */
	uint64_t min, max;
};

static int *
number_of(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	return (int *)(void *)((char *)s->c + k->offset);
}

static struct qsp_qsshd_list *
list_of(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	return (struct qsp_qsshd_list *)(void *)((char *)s->c + k->offset);
}

#define BAD(s, ...) qsp_confline_say((s)->l, (s)->err, __VA_ARGS__)

static qsp_err
one_argument(const struct qsp_qsshd_setter *s)
{
	if (s->l->n == 0 || *s->l->arg[0] == 0)
		return BAD(s, "%s needs a value", s->l->keyword);
	if (s->l->n > 1)
		return BAD(s, "%s: one value only, not \"%s\"", s->l->keyword, s->l->arg[1]);
	return 0;
}

static qsp_err
bad_value(const struct qsp_qsshd_setter *s, const char *wanted)
{
	return BAD(s, "%s: \"%s\" is not %s", s->l->keyword, s->l->arg[0], wanted);
}

static void
first(int *field, int value)
{
	if (*field < 0)
		*field = value;
}

/* --- kinds of value ------------------------------------------------------------------------- */

static qsp_err
take_bool(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	bool v;

	if (one_argument(s))
		return QSP_E_INPUT;
	if (qsp_confvalue_bool(s->l->arg[0], &v))
		return bad_value(s, "yes or no");
	first(number_of(s, k), v);
	return 0;
}

static qsp_err
take_number(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	uint64_t v;

	if (one_argument(s))
		return QSP_E_INPUT;
	if (qsp_confvalue_number(s->l->arg[0], k->min, k->max, &v))
		return BAD(s, "%s: \"%s\" is not a number from %llu to %llu", s->l->keyword,
			   s->l->arg[0], (unsigned long long)k->min, (unsigned long long)k->max);
	first(number_of(s, k), (int)v);
	return 0;
}

static qsp_err
take_seconds(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	uint64_t v;

	if (one_argument(s))
		return QSP_E_INPUT;
	if (qsp_confvalue_seconds(s->l->arg[0], &v))
		return bad_value(s, "a time, such as 90, 2m or 1h30m");
	first(number_of(s, k), (int)v);
	return 0;
}

/* Every argument is added to the list. */
static qsp_err
take_words(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	if (s->l->n == 0)
		return BAD(s, "%s needs a value", s->l->keyword);
	for (size_t i = 0; i < s->l->n; i++) {
		if (*s->l->arg[i] == 0)
			return BAD(s, "%s: empty value", s->l->keyword);
		if (!qsp_qsshd_list_add(list_of(s, k), s->l->arg[i]))
			return BAD(s, "%s: too many values", s->l->keyword);
	}
	return 0;
}

/* One argument, the first that is given. */
static qsp_err
take_word(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	if (one_argument(s))
		return QSP_E_INPUT;
	return list_of(s, k)->n > 0 ? 0 : take_words(s, k);
}

/* Words, and only the first line of them. */
static qsp_err
take_first_words(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	if (list_of(s, k)->n > 0 && s->l->n > 0)
		return 0;
	return take_words(s, k);
}

/* --- single keywords ------------------------------------------------------------------------ */

static qsp_err
take_port(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	uint64_t v;

	if (one_argument(s))
		return QSP_E_INPUT;
	if (qsp_confvalue_number(s->l->arg[0], 0, UINT16_MAX, &v))
		return bad_value(s, "a port number");
	if (s->c->port_fixed)
		return 0;
	if (list_of(s, k)->n == QSP_CONFIG_PORTS_MAX)
		return BAD(s, "Port: too many ports");
	return take_words(s, k);
}

static qsp_err
take_listen(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	char copy[QSP_CONFLINE_MAX], *host;
	int port = -1;

	if (one_argument(s))
		return QSP_E_INPUT;
	(void)snprintf(copy, sizeof(copy), "%s", s->l->arg[0]);
	if (qsp_confvalue_host_port(copy, &host, &port))
		return bad_value(s, "host, host:port or [host]:port");
	return take_words(s, k);
}

static qsp_err
take_host_key(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	if (one_argument(s))
		return QSP_E_INPUT;
	if (s->l->arg[0][0] != '/')
		return bad_value(s, "an absolute path");
	if (list_of(s, k)->n == QSP_HOST_KEY_MAX)
		return BAD(s, "HostKey: more than %d keys", QSP_HOST_KEY_MAX);
	return take_words(s, k);
}

static qsp_err
take_subsystem(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	const char *rest = s->l->rest, *why;
	size_t n;

	(void)k;
	if (s->l->n < 2)
		return BAD(s, "Subsystem needs a name and a command");
	for (size_t i = 0; i < s->c->subsystem.n; i++) {
		if (strcmp(s->c->subsystem.v[i], s->l->arg[0]) == 0)
			return BAD(s, "Subsystem \"%s\" is there already", s->l->arg[0]);
	}
	n = strlen(s->l->arg[0]);
	if (strncmp(rest, s->l->arg[0], n) != 0 || (rest[n] != ' ' && rest[n] != '\t'))
		return BAD(s, "Subsystem: write the name without quotes");
	rest += n + strspn(rest + n, " \t");
	if (qsp_sftp_server_is(rest) &&
	    !qsp_sftp_server_parse(&(struct qsp_sftp_server_options){ .user = "", .home = "" },
				   rest, &why))
		return BAD(s, "Subsystem %s: internal-sftp: %s", s->l->arg[0], why);
	if (!qsp_qsshd_list_add(&s->c->subsystem, s->l->arg[0]) ||
	    !qsp_qsshd_list_add(&s->c->subsystem_command, rest))
		return BAD(s, "Subsystem: too many");
	return 0;
}

static qsp_err
take_chroot(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	const char *v;

	if (one_argument(s))
		return QSP_E_INPUT;
	v = s->l->arg[0];
	if (v[0] != '/' && v[0] != '%' && strcasecmp(v, "none") != 0)
		return bad_value(s, "an absolute path or none");
	return take_word(s, k);
}

static qsp_err
take_root(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	static const struct {
		const char *name;
		int value;
	} values[] = {
		{ "yes", QSP_ROOT_YES },
		{ "no", QSP_ROOT_NO },
		{ "prohibit-password", QSP_ROOT_PROHIBIT_PASSWORD },
		{ "without-password", QSP_ROOT_PROHIBIT_PASSWORD },
		{ "forced-commands-only", QSP_ROOT_FORCED_COMMANDS_ONLY },
	};

	(void)k;
	if (one_argument(s))
		return QSP_E_INPUT;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (strcasecmp(s->l->arg[0], values[i].name) != 0)
			continue;
		if (s->c->root == QSP_ROOT_UNSET)
			s->c->root = values[i].value;
		return 0;
	}
	return bad_value(s, "yes, no, prohibit-password or forced-commands-only");
}

static qsp_err
take_log_level(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	enum qsp_log_level v;

	if (one_argument(s))
		return QSP_E_INPUT;
	if (!qsp_log_level_by_name(s->l->arg[0], &v))
		return bad_value(s, "a log level: QUIET FATAL ERROR INFO VERBOSE DEBUG[1-3]");
	first(number_of(s, k), (int)v);
	return 0;
}

static qsp_err
take_facility(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	int v;

	if (one_argument(s))
		return QSP_E_INPUT;
	if (!qsp_log_facility_by_name(s->l->arg[0], &v))
		return bad_value(s, "a syslog facility");
	first(number_of(s, k), v);
	return 0;
}

/* start:rate:full, or one number for all of start and full. */
static qsp_err
take_startups(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	char copy[32], *rest = copy, *part[3] = { NULL, NULL, NULL };
	uint64_t begin, rate = 100, full;

	(void)k;
	if (one_argument(s))
		return QSP_E_INPUT;
	if (snprintf(copy, sizeof(copy), "%s", s->l->arg[0]) >= (int)sizeof(copy))
		return bad_value(s, "start:rate:full");
	for (int i = 0; i < 3 && rest != NULL; i++)
		part[i] = strsep(&rest, ":");
	if (rest != NULL || qsp_confvalue_number(part[0], 1, STARTUPS_MAX, &begin))
		return bad_value(s, "start:rate:full");
	full = begin;
	if (part[1] != NULL && (part[2] == NULL || qsp_confvalue_number(part[1], 1, 100, &rate) ||
				qsp_confvalue_number(part[2], begin, STARTUPS_MAX, &full)))
		return bad_value(s, "start:rate:full");
	if (s->c->startups_begin < 0) {
		s->c->startups_begin = (int)begin;
		s->c->startups_rate = (int)rate;
		s->c->startups_full = (int)full;
	}
	return 0;
}

static qsp_err
take_ciphers(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	uint8_t ids[sizeof(s->c->aead)] = { 0 };
	size_t n = 0;
	char *save = NULL;

	(void)k;
	if (one_argument(s))
		return QSP_E_INPUT;
	for (char *w = strtok_r(s->l->arg[0], ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		const struct qsp_aead *a = qsp_aead_by_name(qsp_bytes_str(w));

		if (a == NULL)
			return BAD(s, "Ciphers: \"%s\" is not known here", w);
		if (memchr(ids, a->id, n) != NULL || n == sizeof(ids))
			return BAD(s, "Ciphers: \"%s\" stands there twice", w);
		ids[n++] = a->id;
	}
	if (n == 0)
		return BAD(s, "Ciphers: no cipher");
	if (s->c->n_aead == 0) {
		memcpy(s->c->aead, ids, n);
		s->c->n_aead = n;
	}
	return 0;
}

/* "1G 1h": bytes, as OpenSSH; "65536cells 10m"; "default" and "none". */
static qsp_err
take_rekey(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	uint64_t amount = 1 << 20, seconds = 600;
	char *word;
	size_t n;
	bool cells;

	(void)k;
	if (s->l->n < 1 || s->l->n > 2)
		return BAD(s, "RekeyLimit needs an amount and perhaps a time");
	word = s->l->arg[0];
	n = strlen(word);
	cells = n > 5 && strcmp(word + n - 5, "cells") == 0;
	if (cells)
		word[n - 5] = 0;
	if (strcmp(word, "none") == 0 && !cells) {
		amount = 0;
	} else if (strcmp(word, "default") != 0 || cells) {
		if (qsp_confvalue_size(word, &amount))
			return bad_value(s, "an amount: 1G, 65536cells, default or none");
		amount = cells ? amount : amount / QSP_CELL_LEN;
		if (amount < 64 || amount > 1u << 31)
			return BAD(s, "RekeyLimit: from 64 to 2^31 cells of %d bytes",
				   QSP_CELL_LEN);
	}
	if (s->l->n == 2 && strcmp(s->l->arg[1], "none") == 0)
		seconds = 0;
	else if (s->l->n == 2 && (qsp_confvalue_seconds(s->l->arg[1], &seconds) || seconds == 0))
		return BAD(s, "RekeyLimit: \"%s\" is not a time", s->l->arg[1]);
	if (!s->c->has_rekey) {
		s->c->has_rekey = true;
		s->c->rekey_cells = amount;
		s->c->rekey_s = seconds;
	}
	return 0;
}

static qsp_err
take_wire(const struct qsp_qsshd_setter *s, const struct keyword *k)
{
	bool frame;

	if (one_argument(s))
		return QSP_E_INPUT;
	frame = strcasecmp(s->l->arg[0], "frame") == 0;
	if (!frame && strcasecmp(s->l->arg[0], "cell") != 0)
		return bad_value(s, "cell or frame");
	first(number_of(s, k), frame ? QSP_WIRE_FRAMES : QSP_WIRE_CELLS);
	return 0;
}

/* --- the table ------------------------------------------------------------------------------ */

#define AT(field) offsetof(struct qsp_qsshd_config, field)
static const struct keyword keywords[] = {
	{ "AcceptEnv", take_words, AT(accept_env), 0, 0 },
	{ "AllowGroups", take_words, AT(allow_groups), 0, 0 },
	{ "AllowUsers", take_words, AT(allow_users), 0, 0 },
	{ "AuthorizedKeysFile", take_first_words, AT(authorized_keys), 0, 0 },
	{ "ChrootDirectory", take_chroot, AT(chroot), 0, 0 },
	{ "Ciphers", take_ciphers, 0, 0, 0 },
	{ "DenyGroups", take_words, AT(deny_groups), 0, 0 },
	{ "DenyUsers", take_words, AT(deny_users), 0, 0 },
	{ "FirstContact", take_bool, AT(first_contact), 0, 0 },
	{ "HostKey", take_host_key, AT(host_key), 0, 0 },
	{ "ListenAddress", take_listen, AT(listen), 0, 0 },
	{ "LogLevel", take_log_level, AT(log_level), 0, 0 },
	{ "LoginGraceTime", take_seconds, AT(grace_s), 0, 0 },
	{ "MaxAuthTries", take_number, AT(max_auth_tries), 1, 100 },
	{ "MaxSessions", take_number, AT(max_sessions), 0, 1000 },
	{ "MaxStartups", take_startups, 0, 0, 0 },
	{ "PasswordAuthentication", take_bool, AT(password), 0, 0 },
	{ "PermitRootLogin", take_root, 0, 0, 0 },
	{ "PidFile", take_word, AT(pid_file), 0, 0 },
	{ "Port", take_port, AT(port), 0, 0 },
	{ "PubkeyAuthentication", take_bool, AT(pubkey), 0, 0 },
	{ "RekeyLimit", take_rekey, 0, 0, 0 },
	{ "StrictModes", take_bool, AT(strict_modes), 0, 0 },
	{ "Subsystem", take_subsystem, 0, 0, 0 },
	{ "SyslogFacility", take_facility, AT(facility), 0, 0 },
	{ "Wire", take_wire, AT(wire), 0, 0 },
	{ "Workers", take_number, AT(workers), 1, QSP_CONFIG_WORKERS_MAX },
};

qsp_err
qsp_qsshd_config_set(const struct qsp_qsshd_setter *s)
{
	const char *foreign;

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (qsp_confline_is(s->l, keywords[i].name))
			return keywords[i].take(s, &keywords[i]);
	}
	foreign = qsp_qsshd_config_foreign(s->l);
	if (foreign != NULL)
		return BAD(s, "%s is not supported by this version of qsshd", foreign);
	return BAD(s, "unknown keyword %.64s", s->l->keyword);
}
