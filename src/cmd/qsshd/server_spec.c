/* SPDX-License-Identifier: ISC */
/* -C user=U,host=H,addr=A,laddr=L,lport=P: the effective configuration of such a login, for -T. */
#include "cmd/qsshd/server.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "app/confvalue.h"

/* One NAME=VALUE; the value stays where it is. */
static bool
take_one(struct qsp_qsshd_who *w, const char *pair)
{
	const struct {
		const char *name;
		const char **value;
	} texts[] = { { "user=", &w->user },
		      { "host=", &w->host },
		      { "addr=", &w->address },
		      { "laddr=", &w->local_address } };
	uint64_t port;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t n = strlen(texts[i].name);

		if (strncmp(pair, texts[i].name, n) == 0) {
			*texts[i].value = pair + n;
			return true;
		}
	}
	if (strncmp(pair, "lport=", 6) != 0 || qsp_confvalue_number(pair + 6, 1, UINT16_MAX, &port))
		return false;
	w->local_port = (unsigned)port;
	return true;
}

bool
qsp_server_take_spec(struct qsp_server_spec *s, const char *text)
{
	size_t room = sizeof(s->text) - s->used;
	int n = snprintf(s->text + s->used, room, "%s", text);
	char *at = s->text + s->used, *one;

	if (n < 0 || (size_t)n + 1 > room) {
		fprintf(stderr, "qsshd: -C: too long\n");
		return false;
	}
	s->used += (size_t)n + 1;
	s->given = s->who.complain = true;
	while ((one = strsep(&at, ",")) != NULL) {
		if (!take_one(&s->who, one)) {
			fprintf(stderr,
				"qsshd: -C: \"%s\" is not user=, host=, addr=, laddr= or lport=\n",
				one);
			return false;
		}
	}
	return true;
}

bool
qsp_server_dump(const struct qsp_server_spec *s, const struct qsp_qsshd_config *c,
		char err[QSP_CONFLINE_ERROR_MAX])
{
	const struct passwd *pw = s->who.user ? getpwnam(s->who.user) : NULL;
	struct qsp_qsshd_who who = s->who;
	struct qsp_groups groups = { 0 };
	struct qsp_qsshd_config effective;
	bool ok = true;

	if (pw != NULL)
		ok = qsp_groups_get(pw->pw_name, pw->pw_gid, &groups) == 0;
	if (who.user != NULL)
		who.groups = &groups; /* somebody who is not there is in none */
	if (!ok)
		(void)snprintf(err, QSP_CONFLINE_ERROR_MAX, "no memory");
	ok = ok && qsp_qsshd_match_apply(c, &who, &effective, err) == 0;
	if (ok) {
		qsp_qsshd_config_dump(&effective, stdout);
		qsp_qsshd_config_free(&effective);
	}
	qsp_groups_free(&groups);
	return ok;
}
