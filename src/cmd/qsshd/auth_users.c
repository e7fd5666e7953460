/* SPDX-License-Identifier: ISC */
/*
 * Whether a user may log in at all, by whatever means: the account, its shell, and the Allow and
 * Deny lists, in sshd's order. Without root only the server's own user is there.
 */
#include "cmd/qsshd/auth.h"

#include <arpa/inet.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/confvalue.h"
#include "base/text.h"
#include "sys/log.h"

#define GROUPS_MAX 1024
#define SECONDS_A_DAY 86400

/* address within net/bits */
static bool
in_network(const char *address, const char *pattern)
{
	unsigned char a[16], b[16];
	char net[64];
	const char *slash = strchr(pattern, '/');
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	uint64_t bits;
	size_t whole;

	if (slash == NULL || (size_t)(slash - pattern) >= sizeof(net))
		return false;
	memcpy(net, pattern, (size_t)(slash - pattern));
	net[slash - pattern] = 0;
	if (inet_pton(family, address, a) != 1 || inet_pton(family, net, b) != 1 ||
	    qsp_confvalue_number(slash + 1, 0, family == AF_INET6 ? 128 : 32, &bits))
		return false;
	whole = bits / 8;
	return memcmp(a, b, whole) == 0 &&
	       (bits % 8 == 0 || (a[whole] ^ b[whole]) >> (8 - bits % 8) == 0);
}

/* USER or USER@HOST, patterns both; HOST is an address or a network. */
static bool
user_matches(const char *pattern, const char *user, const char *address)
{
	const char *at = strrchr(pattern, '@');
	char name[QSP_USER_MAX + 1];

	if (at == NULL)
		return fnmatch(pattern, user, 0) == 0;
	if ((size_t)(at - pattern) >= sizeof(name))
		return false;
	memcpy(name, pattern, (size_t)(at - pattern));
	name[at - pattern] = 0;
	return fnmatch(name, user, 0) == 0 &&
	       (fnmatch(at + 1, address, 0) == 0 || in_network(address, at + 1));
}

static bool
any_user(const struct qsp_qsshd_list *l, const char *user, const char *address)
{
	for (size_t i = 0; i < l->n; i++) {
		if (user_matches(l->v[i], user, address))
			return true;
	}
	return false;
}

static bool
any_group(const struct qsp_qsshd_list *l, const struct passwd *pw)
{
	gid_t groups[GROUPS_MAX];
	int n = GROUPS_MAX;

	if (l->n == 0)
		return false;
	if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0)
		n = GROUPS_MAX;
	for (int i = 0; i < n; i++) {
		const struct group *g = getgrgid(groups[i]);

		for (size_t k = 0; g != NULL && k < l->n; k++) {
			if (fnmatch(l->v[k], g->gr_name, 0) == 0)
				return true;
		}
	}
	return false;
}

/* NULL, or why the lists keep the user out. */
static const char *
lists_refuse(const struct qsp_qsshd_config *c, const struct passwd *pw, const char *address)
{
	if (any_user(&c->deny_users, pw->pw_name, address))
		return "listed in DenyUsers";
	if (c->allow_users.n > 0 && !any_user(&c->allow_users, pw->pw_name, address))
		return "not listed in AllowUsers";
	if (any_group(&c->deny_groups, pw))
		return "a group is listed in DenyGroups";
	if (c->allow_groups.n > 0 && !any_group(&c->allow_groups, pw))
		return "none of user's groups are listed in AllowGroups";
	return NULL;
}

static const char *
shell_refuses(const char *shell)
{
	struct stat st;

	if (stat(shell, &st) != 0)
		return "shell does not exist";
	if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0)
		return "shell is not executable";
	return NULL;
}

/* Only root can read what shadow(5) says. */
static const char *
account_refuses(const char *name)
{
	const struct spwd *sp = getspnam(name);
	long today = (long)(time(NULL) / SECONDS_A_DAY);

	if (sp == NULL)
		return NULL;
	if (sp->sp_pwdp != NULL && sp->sp_pwdp[0] == '!')
		return "account is locked";
	if (sp->sp_expire > 0 && today > sp->sp_expire)
		return "account has expired";
	return NULL;
}

static bool
fill(struct qsp_auth_user *u, const struct passwd *pw)
{
	const char *shell = pw->pw_shell && *pw->pw_shell ? pw->pw_shell : "/bin/sh";

	u->uid = pw->pw_uid;
	u->gid = pw->pw_gid;
	return snprintf(u->name, sizeof(u->name), "%s", pw->pw_name) < (int)sizeof(u->name) &&
	       snprintf(u->home, sizeof(u->home), "%s", pw->pw_dir) < (int)sizeof(u->home) &&
	       snprintf(u->shell, sizeof(u->shell), "%s", shell) < (int)sizeof(u->shell);
}

bool
qsp_auth_users_find(struct qsp_auth *a, const struct qsp_rpc_auth *q, const char *name,
		    struct qsp_auth_user *u, bool *known)
{
	char address[QSP_RPC_ADDRESS_MAX], shown[QSP_USER_MAX + 1];
	const struct passwd *pw = getpwnam(name);
	const char *why = NULL;

	qsp_text_printable(q->address, false, address, sizeof(address));
	qsp_text_printable(q->user, false, shown, sizeof(shown));
	*known = pw != NULL && fill(u, pw);
	if (!*known) {
		qsp_log(QSP_LOG_INFO, "Invalid user %s from %s port %u", shown, address, q->port);
		return false;
	}
	if (!a->is_root && u->uid != geteuid())
		why = "this server runs without root, for its own user only";
	else if ((why = shell_refuses(u->shell)) == NULL && a->is_root)
		why = account_refuses(u->name);
	if (why == NULL) {
		pw = getpwnam(name); /* its memory may have been used since */
		why = pw ? lists_refuse(&a->config, pw, address) : "account is gone";
	}
	if (why != NULL)
		qsp_log(QSP_LOG_INFO, "User %s from %s not allowed because %s", shown, address,
			why);
	return why == NULL;
}
