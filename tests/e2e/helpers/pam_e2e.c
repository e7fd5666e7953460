/* SPDX-License-Identifier: ISC */
/*
 * A PAM module for the scenarios, told by its arguments what to do, and telling in a file what it saw:
 *
 *	file=PATH	where it writes a line for each call
 *	password=TEXT	is asked for without echo, after a greeting
 *	code=TEXT	is asked for next, with echo, in a question of its own
 *	account=WORD	expired: may not log in; new: the password has to be changed
 *	session=no	no session can be opened
 *	hang		never comes back
 *	remember	tells at the session's begin what was answered at the login, by way of the handle
 *	many		asks more at once than a prompt of ours holds
 */
#include <security/pam_modules.h>

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY 9

/* A descriptor that a session part keeps, as modules do that tell somebody how long the session lasts. */
static int kept = -1;

struct call {
	pam_handle_t *h;
	int argc;
	const char **argv;
};

static const char *
option(const struct call *c, const char *name)
{
	size_t n = strlen(name);

	for (int i = 0; i < c->argc; i++) {
		if (strncmp(c->argv[i], name, n) == 0 && c->argv[i][n] == '=')
			return c->argv[i] + n + 1;
		if (strcmp(c->argv[i], name) == 0)
			return "";
	}
	return NULL;
}

static int
is(const struct call *c, const char *name, const char *value)
{
	const char *v = option(c, name);

	return v != NULL && strcmp(v, value) == 0;
}

static const char *
item(const struct call *c, int what)
{
	const void *v = NULL;

	return pam_get_item(c->h, what, &v) == PAM_SUCCESS && v != NULL ? v : "";
}

/* "WHAT USER ADDRESS MORE" */
static void
tell(const struct call *c, const char *what, const char *more)
{
	const char *path = option(c, "file");
	FILE *f = path ? fopen(path, "ae") : NULL;

	if (f == NULL)
		return;
	fprintf(f, "%s %s %s %s\n", what, item(c, PAM_USER), item(c, PAM_RHOST), more);
	fclose(f);
}

/* The answer to the last of n messages of these styles; NULL where there is none. */
static char *
converse(const struct call *c, int n, const struct pam_message *m)
{
	const struct pam_message *list[MANY];
	struct pam_response *r = NULL;
	const void *v = NULL;
	const struct pam_conv *conv;
	char *s;

	for (int i = 0; i < n; i++)
		list[i] = &m[i];
	if (pam_get_item(c->h, PAM_CONV, &v) != PAM_SUCCESS || v == NULL)
		return NULL;
	conv = v;
	if (conv->conv(n, list, &r, conv->appdata_ptr) != PAM_SUCCESS || r == NULL)
		return NULL;
	s = r[n - 1].resp;
	for (int i = 0; i < n - 1; i++)
		free(r[i].resp);
	free(r);
	return s;
}

static void
forget(pam_handle_t *h, void *data, int status)
{
	(void)h;
	(void)status;
	free(data);
}

static int
ask(const struct call *c, int style, const char *question, const char *wanted)
{
	struct pam_message m[MANY] = { { PAM_TEXT_INFO, "Welcome to the machine." },
				       { style, question } };
	int n = 2, r = PAM_AUTH_ERR;
	char *s;

	if (option(c, "many")) {
		for (n = 0; n < MANY; n++)
			m[n] = (struct pam_message){ style, question };
	}
	s = converse(c, n, m);
	tell(c, question, s == NULL ? "unanswered" : strcmp(s, wanted) == 0 ? "right" : "wrong");
	if (s != NULL && strcmp(s, wanted) == 0)
		r = PAM_SUCCESS;
	if (option(c, "remember") && s != NULL &&
	    pam_set_data(c->h, "e2e", strdup(s), forget) != PAM_SUCCESS)
		r = PAM_BUF_ERR;
	free(s);
	return r;
}

int
pam_sm_authenticate(pam_handle_t *h, int flags, int argc, const char **argv)
{
	const struct call c = { h, argc, argv };
	const char *password = option(&c, "password"), *code = option(&c, "code");
	int r = PAM_SUCCESS;

	(void)flags;
	if (option(&c, "hang")) {
		tell(&c, "hang", "");
		for (;;)
			(void)pause();
	}
	if (password)
		r = ask(&c, PAM_PROMPT_ECHO_OFF, "Password: ", password);
	if (r == PAM_SUCCESS && code)
		r = ask(&c, PAM_PROMPT_ECHO_ON, "Code: ", code);
	return r;
}

int
pam_sm_setcred(pam_handle_t *h, int flags, int argc, const char **argv)
{
	const struct call c = { h, argc, argv };

	tell(&c, "cred", (unsigned)flags & PAM_DELETE_CRED ? "delete" : "establish");
	return PAM_SUCCESS;
}

int
pam_sm_acct_mgmt(pam_handle_t *h, int flags, int argc, const char **argv)
{
	const struct call c = { h, argc, argv };

	(void)flags;
	tell(&c, "account", "");
	return is(&c, "account", "expired") ? PAM_ACCT_EXPIRED
	       : is(&c, "account", "new")   ? PAM_NEW_AUTHTOK_REQD
					    : PAM_SUCCESS;
}

int
pam_sm_chauthtok(pam_handle_t *h, int flags, int argc, const char **argv)
{
	const struct call c = { h, argc, argv };
	const struct pam_message m = { PAM_PROMPT_ECHO_OFF, "New password: " };
	char *s;

	if (flags & PAM_PRELIM_CHECK)
		return PAM_SUCCESS;
	s = converse(&c, 1, &m);
	tell(&c, "changed", s ? s : "");
	if (s == NULL)
		return PAM_AUTHTOK_ERR;
	free(s);
	return PAM_SUCCESS;
}

int
pam_sm_open_session(pam_handle_t *h, int flags, int argc, const char **argv)
{
	const struct call c = { h, argc, argv };
	const void *learned = NULL;
	char groups[16];

	(void)flags;
	(void)snprintf(groups, sizeof(groups), "%d", getgroups(0, NULL));
	tell(&c, "open", groups);
	if (option(&c, "remember"))
		kept = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (option(&c, "remember") && pam_get_data(h, "e2e", &learned) == PAM_SUCCESS &&
	    learned != NULL)
		tell(&c, "remembered", learned);
	if (is(&c, "session", "no"))
		return PAM_SESSION_ERR;
	(void)pam_putenv(h, "LD_PRELOAD=/from/pam");
	return pam_putenv(h, "E2E_PAM=two words");
}

int
pam_sm_close_session(pam_handle_t *h, int flags, int argc, const char **argv)
{
	const struct call c = { h, argc, argv };

	(void)flags;
	if (option(&c, "remember"))
		tell(&c, "descriptor", fcntl(kept, F_GETFD) >= 0 ? "kept" : "lost");
	tell(&c, "close", "");
	return PAM_SUCCESS;
}
