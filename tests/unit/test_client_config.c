/* SPDX-License-Identifier: ISC */
/*
 * A client's configuration: which value wins, whom Host and Match speak of, what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/client_agent.h"
#include "app/client_config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char err[QSP_CONFLINE_ERROR_MAX];
static const struct qsp_client_scope scope = {
	.original = "web1", .local_user = "me", .home = "/nonexistent", .system_dir = "/nonexistent"
};

/* Takes a text as the user's file. */
static qsp_err
take(struct qsp_client_config *c, const char *text)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	qsp_err e;

	assert_non_null(f);
	e = qsp_client_config_stream(c, &scope, f, "config", true, 0, err);
	fclose(f);
	return e;
}

static void
accept_text(struct qsp_client_config *c, const char *text)
{
	qsp_client_config_init(c);
	if (take(c, text) != 0)
		fail_msg("%s", err);
}

static void
refuse_text(const char *text, const char *message)
{
	struct qsp_client_config c;

	qsp_client_config_init(&c);
	assert_int_equal(take(&c, text), QSP_E_INPUT);
	assert_string_equal(err, message);
	qsp_client_config_wipe(&c);
}

static void
test_first_value_wins(void **state)
{
	struct qsp_client_config c;

	(void)state;
	qsp_client_config_init(&c);
	assert_int_equal(qsp_client_config_option(&c, "Port=1", err), 0);
	assert_int_equal(qsp_client_config_option(&c, "identityfile a", err), 0);
	assert_int_equal(take(&c, "Port 2\nUser u\nUser v\nIdentityFile b\nIdentityFile \"c d\"\n"),
			 0);
	assert_int_equal(c.port, 1);
	assert_string_equal(c.user, "u");
	assert_int_equal(c.identity_files.n, 3);
	assert_string_equal(c.identity_files.v[0], "a");
	assert_string_equal(c.identity_files.v[2], "c d");
	qsp_client_config_wipe(&c);
}

static void
test_host(void **state)
{
	struct qsp_client_config c;

	(void)state;
	accept_text(&c, "Host db* !web*\n Port 1\n"
			"Host !web1 *\n Port 2\n"
			"Host other WEB?\n Port 3\n"
			"Host *\n Port 4\n User all\n");
	assert_int_equal(c.port, 3);
	assert_string_equal(c.user, "all");
	qsp_client_config_wipe(&c);
}

static void
test_match(void **state)
{
	struct qsp_client_config c;

	(void)state;
	accept_text(&c, "HostName web1.example\n"
			"Match host web1\n Port 1\n"
			"Match originalhost db,web1 !user root\n Port 2\n"
			"Match localuser you\n User a\n"
			"Match host *.example localuser me\n User b\n"
			"Match all\n User c\n ConnectTimeout 1m30\n");
	assert_int_equal(c.port, 2);
	assert_string_equal(c.user, "b");
	assert_int_equal(c.connect_timeout, 90);
	qsp_client_config_wipe(&c);
	refuse_text("Match exec true\n",
		    "config line 1: Match exec: not a criterion of this version");
	refuse_text("Match host\n", "config line 1: Match host: missing pattern");
}

static void
test_refused(void **state)
{
	(void)state;
	refuse_text("\nPort 0\n", "config line 2: Port: unsupported value \"0\"");
	refuse_text("Port 1 2\n", "config line 1: Port: more than one argument");
	refuse_text("Port\n", "config line 1: Port: missing argument");
	refuse_text("BatchMode maybe\n", "config line 1: BatchMode: unsupported value \"maybe\"");
	refuse_text("Nonsense yes\n", "config line 1: Bad configuration option: Nonsense");
	refuse_text("ForwardX11 yes\n",
		    "config line 1: ForwardX11: an OpenSSH option that this version of qssh "
		    "does not have");
	refuse_text("Host db\n Tunnel yes\n", /* found even where it does not count */
		    "config line 2: Tunnel: an OpenSSH option that this version of qssh does "
		    "not have");
	refuse_text("Ciphers aes256-gcm,rot13\n",
		    "config line 1: Ciphers: not a list of ciphers (see qssh -Q aead)");
	refuse_text("SetEnv =x\n", "config line 1: SetEnv: NAME=VALUE is wanted");
	refuse_text("User \"x\n", "config line 1: quote without an end");
}

static void
test_harmless_and_unknown(void **state)
{
	struct qsp_client_config c;

	(void)state;
	accept_text(&c, "ForwardAgent no\nForwardX11 no\nClearAllForwardings yes\n"
			"PermitLocalCommand no\nControlPath none\nProxyCommand none\n"
			"IgnoreUnknown Nons*,UseKeychain,ForwardX11\n"
			"Nonsense yes\nusekeychain yes\nForwardX11 yes\nPort 7\n");
	assert_int_equal(c.port, 7);
	qsp_client_config_wipe(&c);
}

static void
test_values(void **state)
{
	struct qsp_client_config c;
	uint8_t ids[6];
	size_t n;

	(void)state;
	accept_text(&c, "EscapeChar ^B\nStrictHostKeyChecking accept-new\nKem kyber1024\n"
			"Wire frame\nRequestTTY force\nServerAliveInterval 2h\n"
			"UserKnownHostsFile a b\nUserKnownHostsFile c\n"
			"RemoteCommand echo \"a b\"  c\nCiphers chacha20-poly1305,aes256-gcm\n");
	assert_int_equal(c.escape_char, 2);
	assert_int_equal(c.strict, QSP_CLIENT_ACCEPT_NEW);
	assert_int_equal(c.kem, QSP_KEY_MLKEM1024X25519);
	assert_int_equal(c.wire, QSP_WIRE_FRAMES);
	assert_int_equal(c.request_tty, QSP_CLIENT_FORCE);
	assert_int_equal(c.alive_interval, 7200);
	assert_int_equal(c.user_known_hosts.n, 2);
	assert_string_equal(c.remote_command, "echo \"a b\"  c");
	assert_int_equal(qsp_client_aeads(c.ciphers, ids, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(ids[0], QSP_CHACHA20_POLY1305);
	assert_int_equal(qsp_client_config_fill(&c), 0);
	assert_int_equal(c.port, 8022);
	assert_int_equal(c.identity_files.n, 3);
	assert_string_equal(c.identity_files.v[2], "~/.qssh/id_dilithium3");
	qsp_client_config_wipe(&c);
	assert_int_equal(qsp_client_aeads("aes256-gcm,aes256-gcm", ids, &n), QSP_E_INPUT);
	assert_int_equal(qsp_client_aeads("", ids, &n), QSP_E_INPUT);
}

/* ProxyCommand and ProxyJump answer one question. */
static void
test_proxy(void **state)
{
	struct qsp_client_config c;

	(void)state;
	accept_text(&c, "ProxyJump a,b@c:22\nProxyCommand nc %h %p\n");
	assert_string_equal(c.proxy_jump, "a,b@c:22");
	assert_null(c.proxy_command);
	qsp_client_config_wipe(&c);
	accept_text(&c, "ProxyCommand  nc -q \"a b\" %h %p # x\nProxyJump hop\n");
	assert_string_equal(c.proxy_command, "nc -q \"a b\" %h %p # x");
	assert_null(c.proxy_jump);
	qsp_client_config_wipe(&c);
	refuse_text("ProxyJump a,,b\n",
		    "config line 1: ProxyJump: not a list of [user@]host[:port]");
}

static void
test_expand(void **state)
{
	const struct qsp_client_tokens t = { .host = "h",
					     .original = "n",
					     .remote_user = "r",
					     .local_user = "u",
					     .home = "/home/u",
					     .hash = "c0ffee",
					     .port = 8022 };
	char *s;

	(void)state;
	s = qsp_client_expand("~/%h-%n-%p-%r-%u-%d%%", &t, true);
	assert_string_equal(s, "/home/u/h-n-8022-r-u-/home/u%");
	free(s);
	s = qsp_client_expand("~x", &t, true);
	assert_string_equal(s, "~x");
	free(s);
	s = qsp_client_expand("%C %k %j.", &t, false);
	assert_string_equal(s, "c0ffee h .");
	free(s);
	assert_int_equal(setenv("QSP_UNIT", "value", 1), 0);
	s = qsp_client_expand("a${QSP_UNIT}b$c", &t, true);
	assert_string_equal(s, "avalueb$c");
	free(s);
	s = qsp_client_expand("${QSP_UNIT}", &t, false);
	assert_string_equal(s, "${QSP_UNIT}");
	free(s);
	assert_null(qsp_client_expand("${QSP_UNIT_NOT_SET}", &t, true));
	assert_null(qsp_client_expand("${}", &t, true));
	assert_null(qsp_client_expand("${QSP_UNIT", &t, true));
	assert_null(qsp_client_expand("%q", &t, false));
	assert_null(qsp_client_expand("%", &t, false));
}

static void
write_file(const char *dir, const char *name, const char *text, mode_t mode)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void
test_include(void **state)
{
	char dir[] = "/tmp/qsp-config.XXXXXX", path[600], qssh[512], command[600];
	struct qsp_client_scope here = scope;
	struct qsp_client_config c;

	(void)state;
	assert_non_null(mkdtemp(dir));
	here.home = dir;
	snprintf(qssh, sizeof(qssh), "%s/.qssh", dir);
	assert_int_equal(mkdir(qssh, 0700), 0);
	write_file(qssh, "a.conf", "Host web1\n User inner\nHost none\n Port 9\n", 0600);
	write_file(qssh, "b.conf", "Port 5\n", 0600);
	write_file(qssh, "loop.conf", "Include loop.conf\n", 0600);
	write_file(qssh, "config",
		   "Host db\n Include b.conf\nHost web*\n Include [a]*.conf\n Port 6\n"
		   "Include missing.conf\n",
		   0600);
	snprintf(path, sizeof(path), "%s/config", qssh);

	qsp_client_config_init(&c);
	assert_int_equal(qsp_client_config_file(&c, &here, path, true, err), 0);
	assert_string_equal(c.user, "inner");
	assert_int_equal(c.port, 6); /* b.conf is for db; behind the Include web* still holds */
	qsp_client_config_wipe(&c);

	snprintf(path, sizeof(path), "%s/loop.conf", qssh);
	assert_int_equal(qsp_client_config_file(&c, &here, path, true, err), QSP_E_INPUT);
	assert_non_null(strstr(err, "too many files inside one another"));
	write_file(qssh, "open.conf", "Port 5\n", 0666);
	snprintf(path, sizeof(path), "%s/open.conf", qssh);
	assert_int_equal(qsp_client_config_file(&c, &here, path, true, err), QSP_E_INPUT);
	assert_non_null(strstr(err, "Bad owner or permissions"));
	snprintf(path, sizeof(path), "%s/no.conf", qssh);
	assert_int_equal(qsp_client_config_file(&c, &here, path, true, err), QSP_E_NOTFOUND);
	qsp_client_config_wipe(&c);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

/* What -G prints is a configuration that says the same. */
static void
test_print(void **state)
{
	struct qsp_client_config a, b;
	char *first = NULL, *second = NULL;
	size_t n, m;
	FILE *out;

	(void)state;
	accept_text(&a, "Port 7\nSendEnv A B*\nEscapeChar none\nUserKnownHostsFile x y\n");
	assert_int_equal(qsp_client_config_fill(&a), 0);
	out = open_memstream(&first, &n);
	qsp_client_keywords_print(&a, out);
	fclose(out);
	assert_non_null(strstr(first, "port 7\n"));
	assert_non_null(strstr(first, "sendenv A\nsendenv B*\n"));
	assert_non_null(strstr(first, "escapechar none\n"));
	accept_text(&b, first);
	out = open_memstream(&second, &m);
	qsp_client_keywords_print(&b, out);
	fclose(out);
	assert_string_equal(first, second);
	free(first);
	free(second);
	qsp_client_config_wipe(&a);
	qsp_client_config_wipe(&b);
}

/* Which agent ForwardAgent and IdentityAgent name. */
static void
test_agent(void **state)
{
	static const struct {
		const char *forward, *identity, *path; /* path NULL: none */
	} cases[] = {
		{ "no", NULL, NULL },
		{ "no", "/mine", NULL },
		{ "yes", NULL, "/ours" },
		{ "yes", "/mine", "/mine" },
		{ "yes", "none", NULL },
		{ "yes", "SSH_AUTH_SOCK", "/theirs" },
		{ "$SSH_AUTH_SOCK", "/mine", "/theirs" },
		{ "$QSP_NO_SUCH", NULL, NULL },
		{ "~/agent.%p", NULL, "/home/me/agent.22" },
		{ "/a/%x", NULL, NULL },
	};
	const struct qsp_client_tokens t = { .home = "/home/me", .host = "h", .port = 22 };

	(void)state;
	setenv("QSSH_AUTH_SOCK", "/ours", 1);
	setenv("SSH_AUTH_SOCK", "/theirs", 1);
	unsetenv("QSP_NO_SUCH");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *path = qsp_client_agent_forward_path(cases[i].forward, cases[i].identity, &t);

		if (cases[i].path)
			assert_string_equal(path, cases[i].path);
		else
			assert_null(path);
		free(path);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_value_wins),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_harmless_and_unknown),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
