/* SPDX-License-Identifier: ISC */
/*
 * Passwords, through shadow(5) and crypt(3). For somebody who does not exist, or has no password, one is
 * hashed too, at the cost that the first account with a password has, so that the time tells little.
 */
#include "cmd/qsshd/auth.h"

#include <crypt.h>
#include <pwd.h>
#include <shadow.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/ct.h"
#include "base/mem.h"

#define DEFAULT_SETTING "$6$nobodyshash$"
#define SECONDS_A_DAY 86400

/* Of a hash, and not of a locked account ("!...", "*"). */
static bool
is_setting(const char *s)
{
	return s != NULL && s[0] == '$' && strlen(s) < CRYPT_OUTPUT_SIZE;
}

static const char *
nobodys_setting(void)
{
	static char setting[CRYPT_OUTPUT_SIZE];
	const struct spwd *sp;

	if (setting[0] != 0)
		return setting;
	memcpy(setting, DEFAULT_SETTING, sizeof(DEFAULT_SETTING));
	setspent();
	while ((sp = getspent()) != NULL) {
		if (is_setting(sp->sp_pwdp)) {
			memcpy(setting, sp->sp_pwdp, strlen(sp->sp_pwdp) + 1);
			break;
		}
	}
	endspent();
	return setting;
}

/* The stored hash, or NULL where none can be asked for. */
static const char *
stored_hash(const struct qsp_auth_user *u)
{
	const struct spwd *sp;
	const struct passwd *pw;
	long today = (long)(time(NULL) / SECONDS_A_DAY);

	if (u == NULL || geteuid() != 0)
		return NULL;
	sp = getspnam(u->name);
	if (sp != NULL) {
		/* as sshd without PAM: nobody changes an expired password through us */
		if (sp->sp_lstchg == 0 ||
		    (sp->sp_max >= 0 && sp->sp_lstchg > 0 && today > sp->sp_lstchg + sp->sp_max))
			return NULL;
		return sp->sp_pwdp;
	}
	pw = getpwnam(u->name);
	return pw ? pw->pw_passwd : NULL;
}

bool
qsp_auth_password(const struct qsp_auth_user *u, struct qsp_bytes password)
{
	static struct crypt_data data; /* 32 KiB */
	char text[QSP_RPC_PASSWORD_MAX + 1];
	const char *nobodys = nobodys_setting(), *stored = stored_hash(u), *got;
	bool has = stored != NULL && *stored != 0, ok = false;

	if (password.n >= sizeof(text) ||
	    (password.n > 0 && memchr(password.p, 0, password.n) != NULL))
		return false;
	if (password.n > 0)
		memcpy(text, password.p, password.n);
	text[password.n] = 0;
	got = crypt_r(text, has ? stored : nobodys, &data);
	if (got == NULL || got[0] == '*') { /* a locked account's: that was too soon */
		has = false;
		got = crypt_r(text, nobodys, &data);
	}
	if (got != NULL && has && password.n > 0 && got[0] != '*')
		ok = strlen(got) == strlen(stored) && qsp_ct_equal(got, stored, strlen(got));
	qsp_mem_wipe(text, sizeof(text));
	qsp_mem_wipe(&data, sizeof(data));
	return ok;
}
