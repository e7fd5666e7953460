/* SPDX-License-Identifier: ISC */
/*
 * Whether a user may log in at all, by whatever means: the account, its shell, and the Allow and
 * Deny lists, in sshd's order. Without root only the server's own user is there.
 */
#include "cmd/qsshd/auth.h"

#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/pattern.h"
#include "base/text.h"
#include "sys/log.h"

#define SECONDS_A_DAY 86400

/* USER or USER@HOST, patterns both; HOST may be a network. */
static bool
user_matches(const char *pattern, const char *user, struct qsp_bytes address)
{
	const char *at = strrchr(pattern, '@');
	struct qsp_bytes name = qsp_bytes(pattern, at ? (size_t)(at - pattern) : strlen(pattern));

	return qsp_pattern_fits(name, qsp_bytes_str(user), QSP_PATTERN_EXACT) &&
	       (at == NULL ||
		qsp_pattern_address_list(qsp_bytes_str(at + 1), address) == QSP_PATTERN_MATCH);
}

static bool
any_user(const struct qsp_qsshd_list *l, const char *user, struct qsp_bytes address)
{
	for (size_t i = 0; i < l->n; i++) {
		if (user_matches(l->v[i], user, address))
			return true;
	}
	return false;
}

static bool
any_group(const struct qsp_qsshd_list *l, const struct qsp_groups *groups)
{
	for (size_t i = 0; i < l->n; i++) {
		if (qsp_groups_fit(groups, l->v[i]))
			return true;
	}
	return false;
}

/* NULL, or why the lists keep the user out. */
static const char *
lists_refuse(const struct qsp_auth_person *p, struct qsp_bytes address)
{
	const struct qsp_qsshd_config *c = &p->config;

	if (any_user(&c->deny_users, p->user.name, address))
		return "listed in DenyUsers";
	if (c->allow_users.n > 0 && !any_user(&c->allow_users, p->user.name, address))
		return "not listed in AllowUsers";
	if (any_group(&c->deny_groups, &p->groups))
		return "a group is listed in DenyGroups";
	if (c->allow_groups.n > 0 && !any_group(&c->allow_groups, &p->groups))
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

/* The groups and the configuration, whether there is such a user or not. */
static bool
configure(struct qsp_auth *a, const struct qsp_rpc_auth *q, struct qsp_auth_person *p)
{
	char address[QSP_RPC_ADDRESS_MAX], own[QSP_RPC_ADDRESS_MAX],
		err[QSP_CONFLINE_ERROR_MAX] = "no memory";
	struct qsp_qsshd_who who = { .user = p->name,
				     .host = address,
				     .address = address,
				     .local_address = own,
				     .local_port = q->own_port,
				     .groups = &p->groups };

	qsp_text_printable(q->address, false, address, sizeof(address));
	qsp_text_printable(q->own, false, own, sizeof(own));
	if (qsp_groups_get(p->name, p->known ? p->user.gid : (gid_t)-1, &p->groups) == 0 &&
	    qsp_qsshd_match_apply(&a->config, &who, &p->config, err) == 0)
		return true;
	qsp_log(QSP_LOG_ERROR, "no configuration for a login from %s: %s", address, err);
	qsp_qsshd_config_init(&p->config); /* allows nothing */
	return false;
}

bool
qsp_auth_users_find(struct qsp_auth *a, const struct qsp_rpc_auth *q, struct qsp_auth_person *p)
{
	char address[QSP_RPC_ADDRESS_MAX], shown[QSP_USER_MAX + 1];
	const struct passwd *pw;
	const char *why = NULL;

	memset(p, 0, sizeof(*p));
	if (q->user.n > 0 && q->user.n < sizeof(p->name) && memchr(q->user.p, 0, q->user.n) == NULL)
		memcpy(p->name, q->user.p, q->user.n);
	pw = getpwnam(p->name);
	p->known = pw != NULL && fill(&p->user, pw);
	qsp_text_printable(q->address, false, address, sizeof(address));
	qsp_text_printable(q->user, false, shown, sizeof(shown));
	if (!configure(a, q, p))
		return false;
	if (!p->known) {
		qsp_log(QSP_LOG_INFO, "Invalid user %s from %s port %u", shown, address, q->port);
		return false;
	}
	if (!a->is_root && p->user.uid != geteuid())
		why = "this server runs without root, for its own user only";
	else if ((why = shell_refuses(p->user.shell)) == NULL && a->is_root && !a->config.use_pam)
		why = account_refuses(p->user.name);
	if (why == NULL)
		why = lists_refuse(p, q->address);
	if (why != NULL)
		qsp_log(QSP_LOG_INFO, "User %s from %s not allowed because %s", shown, address,
			why);
	return why == NULL;
}

void
qsp_auth_users_free(struct qsp_auth_person *p)
{
	qsp_groups_free(&p->groups);
	qsp_qsshd_config_free(&p->config);
}
