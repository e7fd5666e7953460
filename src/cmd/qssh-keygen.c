/* SPDX-License-Identifier: ISC */
/* qssh-keygen: makes keys, shows them, changes their passphrases, and keeps known_hosts. */
#include "cmd/keygen/keygen.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static void
usage(void)
{
	fputs("usage: qssh-keygen [-qv] [-t kyber768 | kyber1024 | dilithium3 | dilithium5]\n"
	      "                   [-f file] [-N new_passphrase] [-C comment]\n"
	      "       qssh-keygen -p [-q] [-f file] [-P old_passphrase] [-N new_passphrase]\n"
	      "       qssh-keygen -y [-f file] [-P passphrase] [-C comment]\n"
	      "       qssh-keygen -l [-v] [-f file]\n"
	      "       qssh-keygen -F hostname [-Hlqv] [-f known_hosts_file]\n"
	      "       qssh-keygen -R hostname [-q] [-f known_hosts_file]\n"
	      "       qssh-keygen -H [-q] [-f known_hosts_file]\n",
	      stderr);
}

/* Types that are named in the protocol but not there yet. */
static bool
is_reserved(const char *name)
{
	static const char *const names[] = { "sphincs", "slh-dsa-sha2-128f", "slh-dsa-shake-256s",
					     "mceliece", "mceliece6688128" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool
set_type(struct qsp_keygen *k, const char *name)
{
	k->type = qsp_key_type_by_name(name);
	if (k->type != 0)
		return true;
	qsp_keygen_fail("%s type %s: use kyber768, kyber1024, dilithium3 or dilithium5",
			is_reserved(name) ? "this version cannot make keys of" : "unknown key",
			name);
	return false;
}

/* Takes a passphrase from the command line and removes it there, for ps shows it. */
static bool
set_passphrase(struct qsp_readpass *p, bool *has, char *arg)
{
	p->n = strlen(arg);
	if (p->n > QSP_READPASS_MAX) {
		qsp_keygen_fail("a passphrase has at most %d bytes", QSP_READPASS_MAX);
		return false;
	}
	memcpy(p->s, arg, p->n + 1);
	qsp_mem_wipe(arg, p->n);
	*has = true;
	return true;
}

struct acts {
	bool list, pub, pass, hash;
	const char *find, *remove;
};

/* 0, or the exit status. */
static int
get_options(int argc, char **argv, struct qsp_keygen *k, struct acts *a)
{
	int c;

	while ((c = getopt(argc, argv, "C:F:f:HlN:P:pqR:t:vy")) != -1) {
		bool ok = true;

		switch (c) {
		case 'C': k->comment = optarg; break;
		case 'F': a->find = optarg; break;
		case 'f': k->file = optarg; break;
		case 'H': a->hash = k->hash = true; break;
		case 'l': a->list = k->fingerprint = true; break;
		case 'N': ok = set_passphrase(&k->new_pass, &k->has_new, optarg); break;
		case 'P': ok = set_passphrase(&k->old_pass, &k->has_old, optarg); break;
		case 'p': a->pass = true; break;
		case 'q': k->quiet = true; break;
		case 'R': a->remove = optarg; break;
		case 't': ok = set_type(k, optarg); break;
		case 'v': k->verbose = true; break;
		case 'y': a->pub = true; break;
		default: usage(); return 1;
		}
		if (!ok)
			return 1;
	}
	if (optind < argc) {
		qsp_keygen_fail("too many arguments: %s", argv[optind]);
		usage();
		return 1;
	}
	/* -l and -H also say how -F prints */
	if (a->pass + a->pub + (a->find != NULL) + (a->remove != NULL) + (!a->find && a->list) +
		    (!a->find && a->hash) >
	    1) {
		qsp_keygen_fail("more than one of -l -y -p -F -R -H: choose one");
		usage();
		return 1;
	}
	return 0;
}

static int
act(struct qsp_keygen *k, const struct acts *a)
{
	if (a->find)
		return qsp_keygen_find_host(k, a->find);
	if (a->remove)
		return qsp_keygen_remove_host(k, a->remove);
	if (a->hash)
		return qsp_keygen_hash_hosts(k);
	if (a->list)
		return qsp_keygen_fingerprint(k);
	if (a->pub)
		return qsp_keygen_public(k);
	if (a->pass)
		return qsp_keygen_passphrase(k);
	return qsp_keygen_create(k);
}

int
main(int argc, char **argv)
{
	struct qsp_keygen k = { .type = QSP_KEY_MLKEM768X25519 };
	struct acts a = { 0 };
	int status;
	qsp_err e;

	prctl(PR_SET_DUMPABLE, 0);
	if ((status = get_options(argc, argv, &k, &a)) == 0) {
		if ((e = qsp_crypto_new(NULL, NULL, &k.cx)) != 0)
			status = qsp_keygen_fail("cannot start %s: %s", qsp_crypto_version(),
						 qsp_err_text(e));
		else
			status = act(&k, &a);
	}
	qsp_crypto_free(k.cx);
	qsp_readpass_wipe(&k.old_pass);
	qsp_readpass_wipe(&k.new_pass);
	if (fflush(stdout) != 0 && status == 0)
		status = qsp_keygen_fail("cannot write to standard output");
	return status;
}
