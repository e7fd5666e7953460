/* SPDX-License-Identifier: ISC */
/*
 * Obfuscation secrets [P4.6], in the file HOSTKEY.secret beside the first host key, one a line:
 *
 *	current|previous|retired YYYY-MM-DD HEX
 *
 * Exactly one is current: it is announced to clients. To rotate, an administrator turns current into
 * previous, adds a line, and sends SIGHUP. The file is made at the first start.
 */
#include "cmd/qsshd/auth.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"
#include "crypto/rand.h"
#include "sys/file.h"
#include "sys/log.h"

#define FILE_MAX 4096
#define HEX_LEN (2 * QSP_OK_LEN)

static const char *const ages[] = {
	[QSP_SECRET_CURRENT] = "current",
	[QSP_SECRET_PREVIOUS] = "previous",
	[QSP_SECRET_RETIRED] = "retired",
};

static bool
make(struct qsp_auth *a, const char *path)
{
	uint8_t secret[QSP_OK_LEN];
	char hex[HEX_LEN + 1], text[160], date[16];
	struct qsp_file_error err;
	time_t now = time(NULL);
	struct tm tm;
	int n;
	bool ok;

	if (qsp_rand_bytes(a->cx, secret, sizeof(secret)) || gmtime_r(&now, &tm) == NULL ||
	    strftime(date, sizeof(date), "%Y-%m-%d", &tm) == 0)
		return false;
	qsp_text_hex(QSP_BYTES_OF(secret), hex);
	n = snprintf(text, sizeof(text), "current %s %s\n", date, hex);
	ok = qsp_file_create(path, qsp_bytes(text, (size_t)n), 0600, &err) == 0;
	if (ok) {
		a->secret[0].age = QSP_SECRET_CURRENT;
		memcpy(a->secret[0].key, secret, sizeof(secret));
		a->n_secrets = 1;
		qsp_log(QSP_LOG_INFO, "Obfuscation secret made: %s", path);
	} else {
		qsp_log(QSP_LOG_FATAL, "Obfuscation secret %s", err.text);
	}
	qsp_mem_wipe(secret, sizeof(secret));
	qsp_mem_wipe(hex, sizeof(hex));
	qsp_mem_wipe(text, sizeof(text));
	return ok;
}

static bool
is_date(const char *s)
{
	static const char form[] = "dddd-dd-dd";

	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != '-')
			return false;
	}
	return s[sizeof(form) - 1] == 0;
}

/* One line, cut into words; NULL, or what is wrong. */
static const char *
take_line(struct qsp_auth *a, char *line)
{
	char *save = NULL, *age, *date, *hex;
	struct qsp_rpc_secret *s;
	uint8_t which = 0;

	age = strtok_r(line, " \t\r", &save);
	if (age == NULL || *age == '#')
		return NULL;
	date = strtok_r(NULL, " \t\r", &save);
	hex = strtok_r(NULL, " \t\r", &save);
	while (which <= QSP_SECRET_RETIRED && strcmp(age, ages[which]) != 0)
		which++;
	if (which > QSP_SECRET_RETIRED)
		return "no age (current, previous, retired)";
	if (date == NULL || !is_date(date))
		return "no date (YYYY-MM-DD)";
	if (a->n_secrets == QSP_RPC_SECRETS_MAX)
		return "too many secrets";
	s = &a->secret[a->n_secrets];
	if (hex == NULL || qsp_text_unhex(hex, strlen(hex), s->key, QSP_OK_LEN))
		return "not 32 bytes of hex";
	s->age = which;
	a->n_secrets++;
	return NULL;
}

static bool
parse(struct qsp_auth *a, const char *path, char *text)
{
	unsigned current = 0, number = 0;
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n")) != NULL) {
		const char *why = take_line(a, line);

		number++;
		if (why != NULL) {
			qsp_log(QSP_LOG_FATAL, "%s line %u: %s", path, number, why);
			return false;
		}
	}
	for (size_t i = 0; i < a->n_secrets; i++)
		current += a->secret[i].age == QSP_SECRET_CURRENT;
	if (current != 1)
		qsp_log(QSP_LOG_FATAL, "%s: %u secrets are current, it must be one", path, current);
	return current == 1;
}

bool
qsp_auth_secret_load(struct qsp_auth *a)
{
	char path[QSP_AUTH_PATH_MAX];
	struct qsp_file_data data = { 0 };
	struct qsp_file_facts facts;
	struct qsp_file_error err;
	bool ok = false;
	qsp_err e;

	if (snprintf(path, sizeof(path), "%s.secret", a->config.host_key.v[0]) >= (int)sizeof(path))
		return false;
	e = qsp_file_read(path, FILE_MAX, &data, &facts, &err);
	if (e == QSP_E_NOTFOUND)
		return make(a, path);
	if (e)
		qsp_log(QSP_LOG_FATAL, "Obfuscation secret %s", err.text);
	else if (!qsp_file_is_private(&facts))
		qsp_log(QSP_LOG_FATAL, "%s: permissions %04o are too open", path,
			(unsigned)facts.mode & 07777u);
	else
		ok = parse(a, path, (char *)data.p);
	qsp_file_data_free(&data);
	return ok;
}
