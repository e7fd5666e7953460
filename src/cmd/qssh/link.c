/* SPDX-License-Identifier: ISC */
/*
 * A link (--link): one shaped connection in the background, in which sessions of others start and end
 * without a trace on the wire. It is a master of connection sharing, at a name that every qssh to the
 * same place looks at. When its connection is lost for good, the process begins anew.
 */
#include "cmd/qssh/qssh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/local.h"

#define NAME_DIGITS 16
#define ALIVE_S 15
#define PAUSE_MAX_S 256
#define DOUBLINGS_MAX 8

static bool
is_again(const struct qsp_qssh *q)
{
	return q->opt.link && *q->opt.link;
}

bool
qsp_qssh_link_has_any(const struct qsp_qssh *q)
{
	char *dir = NULL;
	struct stat st;
	bool has = asprintf(&dir, "%s/.qssh/link", q->home) >= 0 && stat(dir, &st) == 0;

	free(dir);
	return has;
}

static void
make_dir(const struct qsp_qssh *q, const char *name)
{
	struct qsp_file_error err;
	char *dir = NULL;

	if (asprintf(&dir, "%s/%s", q->home, name) >= 0)
		(void)!qsp_file_make_dir(dir, 0700,
					 &err); /* what is wrong shows as the socket is made */
	free(dir);
}

char *
qsp_qssh_link_path(struct qsp_qssh *q)
{
	char *path = NULL;

	if (q->opt.link) {
		make_dir(q, ".qssh");
		make_dir(q, ".qssh/link");
	}
	return asprintf(&path, "%s/.qssh/link/%.*s", q->home, NAME_DIGITS, q->name_hash) < 0 ? NULL
											     : path;
}

bool
qsp_qssh_link_settle(struct qsp_qssh *q)
{
	struct qsp_client_config *cfg = &q->cfg;

	if (!q->opt.link)
		return true;
	if (q->opt.command || q->opt.stdfwd || q->opt.control) {
		fputs("qssh: --link: a link runs no command, and forwards no standard input\n",
		      stderr);
		return false;
	}
	cfg->control_master = QSP_CLIENT_YES;
	cfg->control_persist = QSP_CLIENT_NO_PERSIST;
	cfg->session_type = QSP_CLIENT_SESSION_NONE;
	cfg->fork_after = is_again(q) ? QSP_CLIENT_NO : QSP_CLIENT_YES;
	cfg->stdin_null = QSP_CLIENT_YES;
	if (is_again(q))
		cfg->batch_mode = QSP_CLIENT_YES;
	if (cfg->stealth == QSP_CLIENT_UNSET && cfg->padding == QSP_CLIENT_UNSET)
		cfg->stealth = QSP_CLIENT_YES;
	if (cfg->alive_interval == QSP_CLIENT_UNSET)
		cfg->alive_interval = ALIVE_S;
	return true;
}

bool
qsp_qssh_link_is_up(const struct qsp_qssh *q)
{
	struct qsp_bind_name name = { 0, 0 };
	bool is_there = q->control_path && qsp_bind_identify(q->control_path, &name);
	int fd = -1;
	qsp_err e = q->control_path ? qsp_local_connect(q->control_path, &fd) : QSP_E_NOTFOUND;

	if (e == QSP_E_CLOSED && is_there) /* of one that was killed */
		qsp_bind_unlink(q->control_path, &name);
	if (e)
		return false;
	close(fd);
	return true;
}

/* --- again ----------------------------------------------------------------------------------- */

/* Is there a point in trying? What the host has decided it does not decide anew. */
static bool
may_try(const struct qsp_qssh *q)
{
	return q->opt.link && !q->dismissed && (q->established || is_again(q)) &&
	       q->end != QSP_E_AUTH && q->end != QSP_E_TRUST && q->end != QSP_E_POLICY;
}

/* 1 s, 2 s and so on, each anywhere from half to one and a half of it. */
static void
pause_for(unsigned doublings)
{
	uint64_t ms = 1000u << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX);
	uint32_t r = 0;
	struct timespec ts;

	if (ms > PAUSE_MAX_S * 1000u)
		ms = PAUSE_MAX_S * 1000u;
	(void)!getrandom(&r, sizeof(r), 0);
	ms = ms / 2 + r % ms;
	ts = (struct timespec){ (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}

/* The same word; of a bridge line the place alone: its secret is gone from the command line, and what it told is
 * in known_hosts by now. */
static char *
word_of(char *arg)
{
	if (strncmp(arg, "qsp://", 6) == 0)
		memcpy(arg, "ssh", 3);
	return arg;
}

void
qsp_qssh_link_again(struct qsp_qssh *q, char **argv)
{
	unsigned failed =
		q->established ? 0 : (unsigned)strtoul(q->opt.link ? q->opt.link : "", NULL, 10);
	char option[32];
	char **words;
	size_t n = 0, k = 0;

	if (!may_try(q))
		return;
	while (argv[n])
		n++;
	words = calloc(n + 2, sizeof(char *));
	if (!words)
		return;
	words[k++] = argv[0];
	words[k++] = option;
	for (size_t i = 1; i < n; i++)
		if (strcmp(argv[i], "--link") != 0 && strncmp(argv[i], "--link=", 7) != 0)
			words[k++] = word_of(argv[i]);
	snprintf(option, sizeof(option), "--link=%u", failed + 1);
	pause_for(failed);
	execv("/proc/self/exe", words);
	free(words);
}
