/* SPDX-License-Identifier: ISC */
/*
 * Obfuscation secrets [P4.6], in the file HOSTKEY.secret beside the first host key (trust/secrets.h).
 * The file is made at the first start; `qsshd -R` rotates it. Read again at SIGHUP, with everything
 * else; the end of an overlap is noticed here.
 */
#include "cmd/qsshd/auth.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "crypto/rand.h"
#include "sys/file.h"
#include "sys/log.h"

#define DAY_S (24 * 60 * 60)

static uint32_t
today(void)
{
	return (uint32_t)(time(NULL) / DAY_S);
}

static bool
make(struct qsp_auth *a, const char *path)
{
	uint8_t fresh[QSP_OK_LEN];
	char text[QSP_SECRETS_TEXT_MAX];
	struct qsp_file_error err = { .text = "none could be made" };
	bool ok = qsp_rand_bytes(a->cx, fresh, sizeof(fresh)) == 0;

	if (ok) {
		qsp_secrets_rotate(&a->secrets, fresh, today());
		ok = qsp_secrets_put(&a->secrets, text) == 0 &&
		     qsp_file_create(path, qsp_bytes_str(text), 0600, &err) == 0;
	}
	if (ok)
		qsp_log(QSP_LOG_INFO, "Obfuscation secret made: %s", path);
	else
		qsp_log(QSP_LOG_FATAL, "Obfuscation secret %s", err.text);
	qsp_mem_wipe(fresh, sizeof(fresh));
	qsp_mem_wipe(text, sizeof(text));
	return ok;
}

static bool
parse(struct qsp_auth *a, const char *path, struct qsp_bytes text)
{
	const char *wrong;
	unsigned line;

	if (qsp_secrets_get(text, &a->secrets, &line, &wrong) == 0)
		return true;
	if (line > 0)
		qsp_log(QSP_LOG_FATAL, "%s line %u: %s", path, line, wrong);
	else
		qsp_log(QSP_LOG_FATAL, "%s: %s", path, wrong);
	return false;
}

bool
qsp_auth_secret_refresh(struct qsp_auth *a)
{
	uint32_t day = today(),
		 overlap = ((uint32_t)a->config.secret_overlap_s + DAY_S - 1) / DAY_S;
	bool changed = a->n_secrets != a->secrets.n;

	a->n_secrets = a->secrets.n;
	for (size_t i = 0; i < a->n_secrets; i++) {
		enum qsp_secret_age age = qsp_secrets_age(&a->secrets.one[i], day, overlap);

		changed |= a->secret[i].age != age;
		a->secret[i].age = (uint8_t)age;
		memcpy(a->secret[i].key, a->secrets.one[i].key, QSP_OK_LEN);
	}
	return changed;
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
	e = qsp_file_read(path, QSP_SECRETS_FILE_MAX, &data, &facts, &err);
	if (e == QSP_E_NOTFOUND)
		ok = make(a, path);
	else if (e)
		qsp_log(QSP_LOG_FATAL, "Obfuscation secret %s", err.text);
	else if (!qsp_file_is_private(&facts))
		qsp_log(QSP_LOG_FATAL, "%s: permissions %04o are too open", path,
			(unsigned)facts.mode & 07777u);
	else
		ok = parse(a, path, qsp_file_bytes(&data));
	qsp_file_data_free(&data);
	if (ok)
		(void)qsp_auth_secret_refresh(a);
	return ok;
}
