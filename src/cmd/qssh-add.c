/* SPDX-License-Identifier: ISC */
/* qssh-add: puts keys into the agent, takes them out, shows and locks them. */
#include "cmd/add/add.h"

#include "app/confvalue.h"
#include "sys/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int
usage(void)
{
	fputs("usage: qssh-add [-ckqv] [-t life] [file ...]\n"
	      "       qssh-add -d [-q] [file ...]\n"
	      "       qssh-add -D | -l | -L | -x | -X\n"
	      "       qssh-add -T [-v] pubkey ...\n",
	      stderr);
	return 1;
}

/* 0, or the exit status; *act is 'a' for adding, or the option's letter. */
static int
get_options(int argc, char **argv, struct qsp_add *a, int *act)
{
	uint64_t seconds;
	int c;

	*act = 'a';
	while ((c = getopt(argc, argv, "cdDklLqt:TvxX")) != -1) {
		switch (c) {
		case 'c': a->confirm = true; break;
		case 'k': break; /* plain keys alone: there are no others */
		case 'q': a->quiet = true; break;
		case 'v': a->verbose = true; break;
		case 't':
			if (qsp_confvalue_seconds(optarg, &seconds) != 0)
				return qsp_add_fail("Invalid lifetime: %s", optarg);
			a->lifetime = (uint32_t)seconds;
			break;
		case '?': return usage();
		default:
			if (*act != 'a')
				return usage();
			*act = c;
		}
	}
	if (*act != 'a' && (a->confirm || a->lifetime))
		return usage();
	if (strchr("DlLxX", *act) && optind < argc)
		return usage();
	return *act == 'T' && optind == argc ? usage() : 0;
}

/* The agent of the environment, or the exit status. */
static int
open_agent(struct qsp_add *a)
{
	const char *path = getenv("QSSH_AUTH_SOCK");
	qsp_err e;

	if (!path || !*path) {
		fprintf(stderr, "Could not open a connection to your authentication agent: "
				"QSSH_AUTH_SOCK is not set; start one with: eval `qssh-agent`\n");
		return QSP_ADD_NO_AGENT;
	}
	if ((e = qsp_agent_client_open(path, &a->agent)) == 0)
		return 0;
	fprintf(stderr, "Error connecting to agent: %s: %s\n", path,
		e == QSP_E_IO ? strerror(errno) : qsp_err_text(e));
	return QSP_ADD_NO_AGENT;
}

/* The keys of default names that are there. 1 where one failed, or there is none. */
static int
each_default(struct qsp_add *a, int (*act)(struct qsp_add *a, const char *path))
{
	static const char *const types[] = { "kyber768", "kyber1024", "dilithium3", "dilithium5" };
	char home[PATH_MAX - 64], path[PATH_MAX];
	int status = 0, n = 0;

	if (qsp_file_home(home, sizeof(home)) != 0)
		return qsp_add_fail("No user found: set HOME, or name the file");
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		snprintf(path, sizeof(path), "%s/.qssh/id_%s", home, types[i]);
		if (access(path, F_OK) != 0)
			continue;
		n++;
		status |= act(a, path);
	}
	if (n == 0)
		return qsp_add_fail("No key in %s/.qssh: make one with qssh-keygen", home);
	return status;
}

static int
each(struct qsp_add *a, char **files, int (*act)(struct qsp_add *a, const char *path))
{
	int status = 0;

	if (!*files)
		return each_default(a, act);
	for (; *files; files++)
		status |= act(a, *files);
	return status;
}

static int
run(struct qsp_add *a, int act, char **files)
{
	switch (act) {
	case 'l':
	case 'L': return qsp_add_list(a, act == 'L');
	case 'd': return each(a, files, qsp_add_remove);
	case 'D': return qsp_add_remove_all(a);
	case 'T': return each(a, files, qsp_add_test);
	case 'x':
	case 'X': return qsp_add_lock(a, act == 'x');
	default: return each(a, files, qsp_add_key);
	}
}

int
main(int argc, char **argv)
{
	struct qsp_add a = { 0 };
	int act, status;

	prctl(PR_SET_DUMPABLE, 0);
	if ((status = get_options(argc, argv, &a, &act)) != 0 || (status = open_agent(&a)) != 0)
		return status;
	if (qsp_crypto_new(NULL, NULL, &a.cx) != 0)
		status = qsp_add_fail("cannot start %s", qsp_crypto_version());
	else
		status = run(&a, act, argv + optind);
	qsp_agent_client_close(a.agent);
	qsp_crypto_free(a.cx);
	qsp_readpass_wipe(&a.pass);
	return fflush(stdout) == 0 ? status : 1;
}
