/* SPDX-License-Identifier: ISC */
/* qssh-keyscan: looks at servers as a stranger would, and prints their host keys for known_hosts. */
#include "cmd/keyscan/keyscan.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/confvalue.h"
#include "base/mem.h"

#define TIMEOUT_MS 5000

static bool
usage(void)
{
	fputs("usage: qssh-keyscan [-46bHqv] [-f file] [-K known_hosts] [-O wire=cell|frame]\n"
	      "                    [-p port] [-T timeout] [-t type] [host | addrlist namelist]\n",
	      stderr);
	return false;
}

/* A list of types of host keys: hybrid ones, for only those prove a host. */
static bool
take_types(struct qsp_keyscan *k, char *list)
{
	char *save = NULL;

	k->n_types = 0;
	for (char *s = strtok_r(list, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		uint8_t type = qsp_key_type_by_name(s);

		if (type == 0 || !qsp_key_type_is_kem(type)) {
			qsp_keyscan_say("%s: hosts have keys of type kyber768 and kyber1024", s);
			return false;
		}
		if (k->n_types > 0 && k->types[0] == type)
			continue;
		k->types[k->n_types++] = type;
		if (k->n_types == QSP_KEYSCAN_TYPES_MAX)
			break;
	}
	return k->n_types > 0 || usage();
}

static bool
take_timeout(struct qsp_keyscan *k, const char *s)
{
	uint64_t seconds;

	if (qsp_confvalue_seconds(s, &seconds) != 0 || seconds == 0) {
		qsp_keyscan_say("Bad timeout '%s'", s);
		return false;
	}
	k->timeout_ms = seconds * 1000;
	return true;
}

static bool
take_port(struct qsp_keyscan *k, const char *s)
{
	uint64_t port;

	if (qsp_confvalue_number(s, 1, UINT16_MAX, &port) != 0) {
		qsp_keyscan_say("Bad port '%s'", s);
		return false;
	}
	k->port = (uint16_t)port;
	return true;
}

static bool
take_option(struct qsp_keyscan *k, const char *s)
{
	if (strcasecmp(s, "wire=frame") == 0)
		qsp_config_set_wire(k->qsp, QSP_WIRE_FRAMES);
	else if (strcasecmp(s, "wire=cell") != 0) {
		qsp_keyscan_say("-O %s: wire=cell or wire=frame is wanted", s);
		return false;
	}
	return true;
}

/* What the user's known_hosts has; there need not be one unless it was named. */
static bool
read_known_hosts(struct qsp_keyscan *k, const char *path)
{
	char home[3900], own[4096];
	struct qsp_file_error err;
	qsp_err e;

	if (path && strcmp(path, "none") == 0)
		return true;
	if (!path) {
		if (qsp_file_home(home, sizeof(home)) != 0)
			return true;
		snprintf(own, sizeof(own), "%s/.qssh/known_hosts", home);
	}
	e = qsp_file_read(path ? path : own, QSP_KNOWN_HOSTS_MAX, &k->known, NULL, &err);
	if (e && (path || e != QSP_E_NOTFOUND))
		qsp_keyscan_say("%s", err.text);
	return !e || (!path && e == QSP_E_NOTFOUND);
}

#define FILES_MAX 16

static bool
get_options(struct qsp_keyscan *k, int argc, char **argv)
{
	const char *files[FILES_MAX], *known = NULL;
	size_t n_files = 0;
	bool ok = true;
	int c;

	while (ok && (c = getopt(argc, argv, "46bf:HK:O:p:qT:t:v")) != -1) {
		switch (c) {
		case '4': k->family = AF_INET; break;
		case '6': k->family = AF_INET6; break;
		case 'b': k->bridges = true; break;
		case 'f':
			if (n_files == FILES_MAX)
				return usage();
			files[n_files++] = optarg;
			break;
		case 'H': k->hash = true; break;
		case 'K': known = optarg; break;
		case 'O': ok = take_option(k, optarg); break;
		case 'p': ok = take_port(k, optarg); break;
		case 'q': k->quiet = true; break;
		case 'T': ok = take_timeout(k, optarg); break;
		case 't': ok = take_types(k, optarg); break;
		case 'v': k->verbose = true; break;
		default: return usage();
		}
	}
	if (ok && optind == argc && n_files == 0)
		return usage();
	ok = ok && read_known_hosts(k, known);
	for (size_t i = 0; ok && i < n_files; i++)
		ok = qsp_keyscan_add_file(k, files[i]);
	for (int i = optind; ok && i < argc; i++)
		ok = qsp_keyscan_add(k, argv[i]);
	return ok;
}

static int
scan(struct qsp_keyscan *k)
{
	if (qsp_drive_pool_new(&k->loop, k->cx, &k->pool) != 0) {
		qsp_keyscan_say("out of memory");
		return 1;
	}
	qsp_keyscan_say(
		"what follows is not authenticated: whoever sits between here and a host can "
		"show a key of their own.\nCompare the fingerprint (SHA3:..) with what the "
		"host's owner says before you rely on it.");
	qsp_keyscan_call(k);
	uv_run(&k->loop, UV_RUN_DEFAULT);
	if (k->told_secret)
		qsp_keyscan_say(
			"there are obfuscation secrets (k=..) in it: keep it from strangers.");
	qsp_drive_pool_free(k->pool);
	uv_run(&k->loop, UV_RUN_DEFAULT);
	if (fflush(stdout) != 0) {
		qsp_keyscan_say("cannot write to standard output");
		return 1;
	}
	return k->found > 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct qsp_keyscan k = { .port = QSP_DEFAULT_PORT,
				 .family = AF_UNSPEC,
				 .timeout_ms = TIMEOUT_MS,
				 .types = { QSP_KEY_MLKEM768X25519 },
				 .n_types = 1 };
	int status = 1;

	prctl(PR_SET_DUMPABLE, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	if (qsp_crypto_new(NULL, NULL, &k.cx) != 0 || qsp_config_new(k.cx, &k.qsp) != 0 ||
	    uv_loop_init(&k.loop) != 0) {
		qsp_keyscan_say("cannot start %s", qsp_crypto_version());
	} else {
		if (get_options(&k, argc, argv))
			status = scan(&k);
		uv_loop_close(&k.loop);
	}
	qsp_keyscan_free_list(&k);
	qsp_file_data_free(&k.known);
	qsp_config_free(k.qsp);
	qsp_crypto_free(k.cx);
	return status;
}
