/* SPDX-License-Identifier: ISC */
/* authorized_keys: keys are found, and what restricts them is honoured or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "trust/authorized.h"
#include "trust/pubkey.h"

static struct qsp_key_public kem, sig;
static char k[QSP_PUBKEY_LINE_MAX], s[QSP_PUBKEY_LINE_MAX];

/* A login at noon, when it is one o'clock here. */
static struct qsp_authorized_login login = { .local = 20261121130000, .utc = 20261121120000 };
static enum qsp_authorized_denial denial;

static qsp_err
find_in(struct qsp_bytes text, const uint8_t id[QSP_KEY_ID_LEN], struct qsp_authorized_entry *out)
{
	return qsp_authorized_find(cx, text, id, &login, out, &denial);
}

/* Looks for kem in a text of one %s, which becomes its line. */
static qsp_err
find(const char *format, struct qsp_authorized_entry *out)
{
	static char text[65536]; /* outlives the call: out borrows from it */
	const char *at = strstr(format, "%s");

	if (at)
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - format), format, k, at + 2);
	else
		snprintf(text, sizeof(text), "%s", format);
	return find_in(qsp_bytes_str(text), kem.id, out);
}

static void
test_plain(void **state)
{
	struct qsp_authorized_entry e;
	char text[4 * QSP_PUBKEY_LINE_MAX];

	(void)state;
	assert_int_equal(find("%s me@home  again\n", &e), 0);
	assert_int_equal(e.line, 1);
	assert_memory_equal(&e.key, &kem, sizeof(kem));
	assert_true(qsp_bytes_is(e.comment, "me@home  again"));
	assert_false(e.options.no_pty);
	assert_null(e.options.command.p);
	assert_int_equal(find("", &e), QSP_E_NOTFOUND);
	assert_int_equal(find("# %s\n", &e), QSP_E_NOTFOUND);
	assert_int_equal(find("\n# c\n\r\nssh-ed25519 AAAA x\nbroken\n%s", &e), 0);
	assert_int_equal(e.line, 6);
	snprintf(text, sizeof(text), "%s\n%s\n", s, k);
	assert_int_equal(find_in(qsp_bytes_str(text), kem.id, &e), 0);
	assert_int_equal(e.line, 2);
	assert_int_equal(find_in(qsp_bytes_str(text), sig.id, &e), 0);
	assert_int_equal(e.line, 1);
	/* cut anywhere, it is no key */
	for (size_t n = 0; n < strcspn(k, "="); n += 5)
		assert_int_equal(find_in(qsp_bytes(k, n), kem.id, &e), QSP_E_NOTFOUND);
}

static void
test_honoured(void **state)
{
	struct qsp_authorized_entry e;
	char command[64];

	(void)state;
	assert_int_equal(find("no-pty %s", &e), 0);
	assert_true(e.options.no_pty);
	assert_int_equal(find("NO-PTY,no-x11-Forwarding,no-agent-forwarding,no-port-forwarding,"
			      "no-user-rc \t%s",
			      &e),
			 0);
	assert_true(e.options.no_pty && e.options.no_x11_forwarding && e.options.no_user_rc &&
		    e.options.no_agent_forwarding && e.options.no_port_forwarding);
	assert_int_equal(find("restrict %s", &e), 0);
	assert_true(e.options.no_pty && e.options.no_port_forwarding &&
		    e.options.no_agent_forwarding && e.options.no_x11_forwarding);
	assert_int_equal(find("restrict,pty %s", &e), 0);
	assert_false(e.options.no_pty);
	assert_true(e.options.no_port_forwarding);
	assert_int_equal(find("pty,restrict %s", &e), 0);
	assert_true(e.options.no_pty); /* in order, as OpenSSH has it */
	assert_int_equal(find("command=\"echo \\\"a, b\\\" \\\\ #c\",no-pty %s c", &e), 0);
	assert_int_equal(qsp_authorized_unquote(e.options.command, command, sizeof(command)), 0);
	assert_string_equal(command, "echo \"a, b\" \\\\ #c");
	assert_true(qsp_bytes_is(e.comment, "c"));
	/* an empty command is a command */
	assert_int_equal(find("command=\"\" %s", &e), 0);
	assert_non_null(e.options.command.p);
	assert_int_equal(e.options.command.n, 0);
}

static void
refused(const char *line, const char *option)
{
	struct qsp_authorized_entry e;

	if (find(line, &e) != QSP_E_POLICY)
		fail_msg("not refused: %s", line);
	if (!qsp_bytes_is(e.options.refused, option))
		fail_msg("%s: refused %.*s", line, (int)e.options.refused.n,
			 (const char *)e.options.refused.p);
	assert_memory_equal(e.key.id, kem.id, sizeof(kem.id));
}

static void
test_refused(void **state)
{
	struct qsp_authorized_entry e;

	(void)state;
	refused("cert-authority %s", "cert-authority");
	refused("verify-required %s", "verify-required");
	refused("principals=\"a,b\" %s", "principals");
	refused("tunnel=\"0\" %s", "tunnel");
	refused("from-the-future,no-pty %s", "from-the-future");
	refused("from-the-future=\"x y\" %s", "from-the-future");
	assert_int_equal(denial, QSP_AUTHORIZED_REFUSED);
	/* the rest is parsed all the same */
	assert_int_equal(find("permitopen=\"h:1\",tunnel=\"0\",permitopen=\"h:2\" %s", &e),
			 QSP_E_POLICY);
	assert_int_equal(e.options.permit_open.n, 2);
	assert_true(qsp_bytes_is(e.options.permit_open.value[1], "h:2"));
}

static void
test_from(void **state)
{
	static const struct {
		const char *from, *address;
		bool allowed;
	} cases[] = {
		{ "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.2", false },
		{ "10.0.0.0/8", "10.9.8.7", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "192.168.*,!192.168.1.1", "192.168.1.2", true },
		{ "192.168.*,!192.168.1.1", "192.168.1.1", false },
		{ "!192.168.1.0/24,192.168.0.0/16", "192.168.1.9", false },
		{ "!10.0.0.1", "10.0.0.2", false }, /* what only excludes lets nobody in */
		{ "fd00::/8", "fd12::1", true },
		{ "fd00::/8", "fe80::1", false },
		{ "fe80::/10", "fe80::1%eth0", true },
		{ "::1", "0:0:0:0:0:0:0:1", true },
		{ "10.0.0.1", "::ffff:10.0.0.1", true },
		{ "*", "10.0.0.1", true },
		{ "host.example.com", "10.0.0.1", false },
		{ "", "10.0.0.1", false },
		{ "10.0.0.1/8", "10.0.0.1", false }, /* bits behind the prefix: malformed */
		{ "10.0.0.1,", "10.0.0.1", false },
		{ "10.0.0.1/33,*", "10.0.0.1", false },
	};
	struct qsp_authorized_entry e;
	char line[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(line, sizeof(line), "from=\"%s\" %%s", cases[i].from);
		login.address = qsp_bytes_str(cases[i].address);
		if ((find(line, &e) == 0) != cases[i].allowed)
			fail_msg("%s at %s", cases[i].address, cases[i].from);
		assert_int_equal(denial,
				 cases[i].allowed ? QSP_AUTHORIZED_ALLOWED : QSP_AUTHORIZED_FROM);
	}
	login.address = QSP_BYTES_NONE;
	assert_int_equal(find("from=\"*\" %s", &e), 0);
	assert_int_equal(find("from=\"10.0.0.0/8\" %s", &e), QSP_E_POLICY);
}

static void
test_expiry(void **state)
{
	static const struct {
		const char *time;
		bool allowed;
	} cases[] = {
		{ "20261122", true },
		{ "20261121", false },
		{ "202611211301", true },
		{ "202611211300", false },
		{ "20261121130001", true },
		{ "20261121130000", false },
		{ "202611211201Z", true },
		{ "202611211200Z", false },
		{ "20261122Z", true },
		{ "99991231", true },
		{ "20261301", false },
		{ "20270001", false },
		{ "20270100", false },
		{ "20270132", false },
		{ "202701012460", false },
		{ "", false },
		{ "Z", false },
		{ "2027010", false },
		{ "2027010112", false },
		{ "20270101 ", false },
		{ "20270101ZZ", false },
		{ "+2027010", false },
	};
	struct qsp_authorized_entry e;
	char line[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(line, sizeof(line), "expiry-time=\"%s\" %%s", cases[i].time);
		if ((find(line, &e) == 0) != cases[i].allowed)
			fail_msg("expiry-time %s", cases[i].time);
		assert_int_equal(denial, cases[i].allowed ? QSP_AUTHORIZED_ALLOWED
							  : QSP_AUTHORIZED_EXPIRED);
	}
	/* what is refused outright is said first */
	assert_int_equal(find("expiry-time=\"20200101\",tunnel=\"1\" %s", &e), QSP_E_POLICY);
	assert_int_equal(denial, QSP_AUTHORIZED_REFUSED);
}

static void
test_values(void **state)
{
	static const char *const good[] = {
		"permitopen=\"h:1\"",         "permitopen=\"*:65535\"",  "permitopen=\"[::1]:22\"",
		"permitopen=\"h:*\"",         "permitlisten=\"8080\"",   "permitlisten=\"*\"",
		"permitlisten=\"host:8080\"", "permitlisten=\"[::]:1\"", "environment=\"A=\"",
		"environment=\"a_1=x=y z\"",
	};
	static const char *const bad[] = {
		"permitopen=\"h\"",       "permitopen=\"22\"",     "permitopen=\"h:0\"",
		"permitopen=\"h:65536\"", "permitopen=\"::1:22\"", "permitopen=\":22\"",
		"permitopen=\"h:22x\"",   "permitopen=\"\"",       "permitlisten=\"x\"",
		"permitlisten=\":\"",     "environment=\"=x\"",    "environment=\"A\"",
		"environment=\"A B=c\"",  "environment=\"\"",
	};
	struct qsp_authorized_entry e;
	char line[128];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		snprintf(line, sizeof(line), "%s %%s", good[i]);
		if (find(line, &e) != 0)
			fail_msg("not taken: %s", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(line, sizeof(line), "%s %%s", bad[i]);
		if (find(line, &e) != QSP_E_NOTFOUND)
			fail_msg("taken: %s", bad[i]);
	}
	assert_int_equal(find("environment=\"A=b\",environment=\"C=d\" %s", &e), 0);
	assert_int_equal(e.options.environment.n, 2);
}

/* One line refuses the key, a later one takes it: it may log in, under the later one's options. */
static void
test_twice(void **state)
{
	struct qsp_authorized_entry e;
	char text[4 * QSP_PUBKEY_LINE_MAX];

	(void)state;
	snprintf(text, sizeof(text), "from=\"x\" %s\nno-pty %s\n%s\n", k, k, k);
	assert_int_equal(find_in(qsp_bytes_str(text), kem.id, &e), 0);
	assert_int_equal(e.line, 2);
	assert_true(e.options.no_pty);
	snprintf(text, sizeof(text), "from=\"x\" %s\nbroken\ntunnel=\"1\" %s\n", k, k);
	assert_int_equal(find_in(qsp_bytes_str(text), kem.id, &e), QSP_E_POLICY);
	assert_int_equal(e.line, 3);
}

static void
test_malformed(void **state)
{
	static const char *const bad[] = {
		"no-pty,%s",
		",no-pty %s",
		"no-pty,,restrict %s",
		"no-pty=\"x\" %s",
		"command %s",
		"command=x %s",
		"command=\"x %s",
		"command=\"x\\\" %s",
		"command=\"x\"y %s",
		"command=\"x\",command=\"y\" %s",
		"from=\"x\",from=\"y\" %s",
		"=\"x\" %s",
		"\"x\" %s",
		"no-pty no-pty %s",
		"no-pty",
		"no-pty ",
		"mlkem768x25519",
		"mlkem768x25519 AAAA",
	};
	struct qsp_authorized_entry e;
	char text[QSP_AUTHORIZED_VALUE_MAX + 64 + QSP_PUBKEY_LINE_MAX], list[4096];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct qsp_authorized_walk w = { .number = 0 };
		const char *at = strstr(bad[i], "%s");

		snprintf(text, sizeof(text), "%.*s%s", at ? (int)(at - bad[i]) : 100, bad[i],
			 at ? k : "");
		w.left = qsp_bytes_str(text);
		if (qsp_authorized_next(cx, &w, &e) != QSP_E_INPUT || !w.wrong || w.number != 1)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(qsp_authorized_next(cx, &w, &e), QSP_E_NOTFOUND);
	}
	snprintf(text, sizeof(text), "command=\"%0*d\" %s", QSP_AUTHORIZED_VALUE_MAX, 0, k);
	assert_int_equal(find_in(qsp_bytes_str(text), kem.id, &e), 0);
	snprintf(text, sizeof(text), "command=\"%0*d\" %s", QSP_AUTHORIZED_VALUE_MAX + 1, 0, k);
	assert_int_equal(find_in(qsp_bytes_str(text), kem.id, &e), QSP_E_NOTFOUND);
	for (int i = 0; i <= QSP_AUTHORIZED_LIST_MAX; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%spermitopen=\"h:%d\"",
				      i ? "," : "", i);
	snprintf(text, sizeof(text), "%s %s", list, k);
	assert_int_equal(find_in(qsp_bytes_str(text), kem.id, &e), QSP_E_NOTFOUND);
}

static void
test_unquote(void **state)
{
	char out[4];

	(void)state;
	assert_int_equal(qsp_authorized_unquote(qsp_bytes_str("a\\\"b"), out, sizeof(out)), 0);
	assert_string_equal(out, "a\"b");
	assert_int_equal(qsp_authorized_unquote(qsp_bytes_str("abcd"), out, sizeof(out)),
			 QSP_E_ROOM);
	assert_int_equal(qsp_authorized_unquote(qsp_bytes("a\0b", 3), out, sizeof(out)),
			 QSP_E_INPUT);
	assert_int_equal(qsp_authorized_unquote(QSP_BYTES_NONE, out, 1), 0);
	assert_string_equal(out, "");
}

static int
setup(void **state)
{
	assert_int_equal(open_crypto(state), 0);
	kem = new_public(QSP_KEY_MLKEM768X25519, 1, k);
	sig = new_public(QSP_KEY_ML_DSA_65, 1, s);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),     cmocka_unit_test(test_honoured),
		cmocka_unit_test(test_refused),   cmocka_unit_test(test_twice),
		cmocka_unit_test(test_malformed), cmocka_unit_test(test_unquote),
		cmocka_unit_test(test_from),      cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, setup, close_crypto);
}
