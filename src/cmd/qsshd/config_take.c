/* SPDX-License-Identifier: ISC */
/* Keywords whose arguments are of a kind of their own. */
#include "cmd/qsshd/config_keys.h"

#include <qsp/conn.h>

#include <string.h>
#include <strings.h>

#include "app/confvalue.h"
#include "app/sftp_server.h"
#include "base/bytes.h"
#include "crypto/aead.h"

#define DETACHED_MAX 10000
#define STARTUPS_MAX 100000
#define SERVICE_MAX 64

qsp_err
qsp_qsshd_take_port(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	uint64_t v;

	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	if (qsp_confvalue_number(s->l->arg[0], 0, UINT16_MAX, &v))
		return qsp_qsshd_bad_value(s, "a port number");
	if (s->c->port_fixed)
		return 0;
	if (qsp_qsshd_list_of(s, k)->n == QSP_CONFIG_PORTS_MAX)
		return QSP_QSSHD_BAD(s, "Port: too many ports");
	return qsp_qsshd_take_words(s, k);
}

qsp_err
qsp_qsshd_take_listen(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	char copy[QSP_CONFLINE_MAX], *host;
	int port = -1;

	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	(void)snprintf(copy, sizeof(copy), "%s", s->l->arg[0]);
	if (qsp_confvalue_host_port(copy, &host, &port))
		return qsp_qsshd_bad_value(s, "host, host:port or [host]:port");
	return qsp_qsshd_take_words(s, k);
}

qsp_err
qsp_qsshd_take_host_key(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	if (s->l->arg[0][0] != '/')
		return qsp_qsshd_bad_value(s, "an absolute path");
	if (qsp_qsshd_list_of(s, k)->n == QSP_HOST_KEY_MAX)
		return QSP_QSSHD_BAD(s, "HostKey: more than %d keys", QSP_HOST_KEY_MAX);
	return qsp_qsshd_take_words(s, k);
}

qsp_err
qsp_qsshd_take_subsystem(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	const char *rest = s->l->rest, *why;
	size_t n;

	(void)k;
	if (s->l->n < 2)
		return QSP_QSSHD_BAD(s, "Subsystem needs a name and a command");
	for (size_t i = 0; i < s->c->subsystem.n; i++) {
		if (strcmp(s->c->subsystem.v[i], s->l->arg[0]) != 0)
			continue;
		return s->in_match ? 0
				   : QSP_QSSHD_BAD(s, "Subsystem \"%s\" is there already",
						   s->l->arg[0]);
	}
	n = strlen(s->l->arg[0]);
	if (strncmp(rest, s->l->arg[0], n) != 0 || (rest[n] != ' ' && rest[n] != '\t'))
		return QSP_QSSHD_BAD(s, "Subsystem: write the name without quotes");
	rest += n + strspn(rest + n, " \t");
	if (qsp_sftp_server_is(rest) &&
	    !qsp_sftp_server_parse(&(struct qsp_sftp_server_options){ .user = "", .home = "" },
				   rest, &why))
		return QSP_QSSHD_BAD(s, "Subsystem %s: internal-sftp: %s", s->l->arg[0], why);
	if (!qsp_qsshd_list_add(&s->c->subsystem, s->l->arg[0]) ||
	    !qsp_qsshd_list_add(&s->c->subsystem_command, rest))
		return QSP_QSSHD_BAD(s, "Subsystem: too many");
	return 0;
}

qsp_err
qsp_qsshd_take_chroot(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	const char *v;

	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	v = s->l->arg[0];
	if (v[0] != '/' && v[0] != '%' && strcasecmp(v, "none") != 0)
		return qsp_qsshd_bad_value(s, "an absolute path or none");
	return qsp_qsshd_take_word(s, k);
}

qsp_err
qsp_qsshd_take_ways(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	for (size_t i = 0; i < s->l->n; i++) {
		if (!qsp_qsshd_ways_check(s->l->arg[i]) ||
		    (s->l->n > 1 && strcasecmp(s->l->arg[i], "any") == 0))
			return QSP_QSSHD_BAD(
				s,
				"AuthenticationMethods: \"%s\" is not a list of "
				"publickey, password, keyboard-interactive; or any alone",
				s->l->arg[i]);
	}
	return qsp_qsshd_take_first_words(s, k);
}

qsp_err
qsp_qsshd_take_pam(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
#ifndef QSP_HAVE_PAM
	bool v;

	if (s->l->n == 1 && qsp_confvalue_bool(s->l->arg[0], &v) == 0 && v)
		return QSP_QSSHD_BAD(s, "UsePAM: this qsshd was built without PAM");
#endif
	return qsp_qsshd_take_bool(s, k);
}

/* The name of a file in /etc/pam.d. */
qsp_err
qsp_qsshd_take_pam_service(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	const char *v;

	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	v = s->l->arg[0];
	if (*v == 0 || *v == '.' || strchr(v, '/') != NULL || strlen(v) >= SERVICE_MAX)
		return qsp_qsshd_bad_value(s, "the name of a file in /etc/pam.d");
	return qsp_qsshd_take_word(s, k);
}

qsp_err
qsp_qsshd_take_set_env(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	for (size_t i = 0; i < s->l->n; i++) {
		const char *eq = strchr(s->l->arg[i], '=');

		if (eq == NULL || eq == s->l->arg[i])
			return QSP_QSSHD_BAD(s, "SetEnv: \"%s\" is not NAME=value", s->l->arg[i]);
	}
	return qsp_qsshd_take_first_words(s, k);
}

qsp_err
qsp_qsshd_take_root(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
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
	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (strcasecmp(s->l->arg[0], values[i].name) != 0)
			continue;
		if (s->c->root == QSP_ROOT_UNSET)
			s->c->root = values[i].value;
		return 0;
	}
	return qsp_qsshd_bad_value(s, "yes, no, prohibit-password or forced-commands-only");
}

qsp_err
qsp_qsshd_take_log_level(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	enum qsp_log_level v;

	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	if (!qsp_log_level_by_name(s->l->arg[0], &v))
		return qsp_qsshd_bad_value(
			s, "a log level: QUIET FATAL ERROR INFO VERBOSE DEBUG[1-3]");
	qsp_qsshd_first(qsp_qsshd_number_of(s, k), (int)v);
	return 0;
}

qsp_err
qsp_qsshd_take_facility(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	int v;

	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	if (!qsp_log_facility_by_name(s->l->arg[0], &v))
		return qsp_qsshd_bad_value(s, "a syslog facility");
	qsp_qsshd_first(qsp_qsshd_number_of(s, k), v);
	return 0;
}

/* start:rate:full, or one number for all of start and full. */
qsp_err
qsp_qsshd_take_startups(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	char copy[32], *rest = copy, *part[3] = { NULL, NULL, NULL };
	uint64_t begin, rate = 100, full;

	(void)k;
	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	if (snprintf(copy, sizeof(copy), "%s", s->l->arg[0]) >= (int)sizeof(copy))
		return qsp_qsshd_bad_value(s, "start:rate:full");
	for (int i = 0; i < 3 && rest != NULL; i++)
		part[i] = strsep(&rest, ":");
	if (rest != NULL || qsp_confvalue_number(part[0], 1, STARTUPS_MAX, &begin))
		return qsp_qsshd_bad_value(s, "start:rate:full");
	full = begin;
	if (part[1] != NULL && (part[2] == NULL || qsp_confvalue_number(part[1], 1, 100, &rate) ||
				qsp_confvalue_number(part[2], begin, STARTUPS_MAX, &full)))
		return qsp_qsshd_bad_value(s, "start:rate:full");
	if (s->c->startups_begin < 0) {
		s->c->startups_begin = (int)begin;
		s->c->startups_rate = (int)rate;
		s->c->startups_full = (int)full;
	}
	return 0;
}

/* each:total, or one number for both */
/* "delayed", until the user is logged in, is what yes is anyway. */
qsp_err
qsp_qsshd_take_compression(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	if (s->l->n == 1 && strcmp(s->l->arg[0], "delayed") == 0) {
		qsp_qsshd_first(&s->c->compression, 1);
		return 0;
	}
	return qsp_qsshd_take_bool(s, k);
}

qsp_err
qsp_qsshd_take_detached(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	char copy[32], *colon;
	uint64_t each, total;

	(void)k;
	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	if (snprintf(copy, sizeof(copy), "%s", s->l->arg[0]) >= (int)sizeof(copy))
		return qsp_qsshd_bad_value(s, "each:total");
	colon = strchr(copy, ':');
	if (colon != NULL)
		*colon++ = 0;
	if (qsp_confvalue_number(copy, 0, DETACHED_MAX, &each) ||
	    qsp_confvalue_number(colon ? colon : copy, each, DETACHED_MAX, &total))
		return qsp_qsshd_bad_value(s, "each:total");
	if (s->c->detached_each < 0) {
		s->c->detached_each = (int)each;
		s->c->detached_total = (int)total;
	}
	return 0;
}

qsp_err
qsp_qsshd_take_ciphers(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	uint8_t ids[sizeof(s->c->aead)] = { 0 };
	size_t n = 0;
	char *save = NULL;

	(void)k;
	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	for (char *w = strtok_r(s->l->arg[0], ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		const struct qsp_aead *a = qsp_aead_by_name(qsp_bytes_str(w));

		if (a == NULL)
			return QSP_QSSHD_BAD(s, "Ciphers: \"%s\" is not known here", w);
		if (memchr(ids, a->id, n) != NULL || n == sizeof(ids))
			return QSP_QSSHD_BAD(s, "Ciphers: \"%s\" stands there twice", w);
		ids[n++] = a->id;
	}
	if (n == 0)
		return QSP_QSSHD_BAD(s, "Ciphers: no cipher");
	if (s->c->n_aead == 0) {
		memcpy(s->c->aead, ids, n);
		s->c->n_aead = n;
	}
	return 0;
}

/* "1G 1h": bytes, as OpenSSH; "65536cells 10m"; "default" and "none". */
qsp_err
qsp_qsshd_take_rekey(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	uint64_t amount = 1 << 20, seconds = 600;
	char *word;
	size_t n;
	bool cells;

	(void)k;
	if (s->l->n < 1 || s->l->n > 2)
		return QSP_QSSHD_BAD(s, "RekeyLimit needs an amount and perhaps a time");
	word = s->l->arg[0];
	n = strlen(word);
	cells = n > 5 && strcmp(word + n - 5, "cells") == 0;
	if (cells)
		word[n - 5] = 0;
	if (strcmp(word, "none") == 0 && !cells) {
		amount = 0;
	} else if (strcmp(word, "default") != 0 || cells) {
		if (qsp_confvalue_size(word, &amount))
			return qsp_qsshd_bad_value(s, "an amount: 1G, 65536cells, default or none");
		amount = cells ? amount : amount / QSP_CELL_LEN;
		if (amount < 64 || amount > 1u << 31)
			return QSP_QSSHD_BAD(s, "RekeyLimit: from 64 to 2^31 cells of %d bytes",
					     QSP_CELL_LEN);
	}
	if (s->l->n == 2 && strcmp(s->l->arg[1], "none") == 0)
		seconds = 0;
	else if (s->l->n == 2 && (qsp_confvalue_seconds(s->l->arg[1], &seconds) || seconds == 0))
		return QSP_QSSHD_BAD(s, "RekeyLimit: \"%s\" is not a time", s->l->arg[1]);
	if (!s->c->has_rekey) {
		s->c->has_rekey = true;
		s->c->rekey_cells = amount;
		s->c->rekey_s = seconds;
	}
	return 0;
}

qsp_err
qsp_qsshd_take_wire(const struct qsp_qsshd_setter *s, const struct qsp_qsshd_keyword *k)
{
	bool frame;

	if (qsp_qsshd_one_argument(s))
		return QSP_E_INPUT;
	frame = strcasecmp(s->l->arg[0], "frame") == 0;
	if (!frame && strcasecmp(s->l->arg[0], "cell") != 0)
		return qsp_qsshd_bad_value(s, "cell or frame");
	qsp_qsshd_first(qsp_qsshd_number_of(s, k), frame ? QSP_WIRE_FRAMES : QSP_WIRE_CELLS);
	return 0;
}
