/* SPDX-License-Identifier: ISC */
/* known_hosts: what it says of a host, and that rewriting loses nothing [P3, P4.6]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "trust/known_hosts.h"
#include "trust/pubkey.h"

#define SECRET "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static struct qsp_key_public a768, b768, a1024, sig65;
static char a[QSP_PUBKEY_LINE_MAX], b[QSP_PUBKEY_LINE_MAX], big[QSP_PUBKEY_LINE_MAX],
	sig[QSP_PUBKEY_LINE_MAX];

static struct qsp_bytes
name(const char *s)
{
	return qsp_bytes_str(s);
}

/* Text of a format; the caller frees. */
static char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *
text_of(const char *format, ...)
{
	char *text;
	va_list ap;

	va_start(ap, format);
	assert_true(vasprintf(&text, format, ap) >= 0);
	va_end(ap);
	return text;
}

static void
test_name(void **state)
{
	char out[QSP_KNOWN_HOSTS_NAME_MAX], host[300];

	(void)state;
	assert_int_equal(qsp_known_hosts_name("Example.ORG", QSP_DEFAULT_PORT, out), 0);
	assert_string_equal(out, "example.org");
	assert_int_equal(qsp_known_hosts_name("::1", 22, out), 0);
	assert_string_equal(out, "[::1]:22");
	memset(host, 'h', sizeof(host));
	host[255] = '\0';
	assert_int_equal(qsp_known_hosts_name(host, 65535, out), 0);
	host[255] = 'h';
	host[256] = '\0';
	assert_int_equal(qsp_known_hosts_name(host, 65535, out), QSP_E_INPUT);
	assert_int_equal(qsp_known_hosts_name("", 22, out), QSP_E_INPUT);
	assert_int_equal(qsp_known_hosts_name("a b", 22, out), QSP_E_INPUT);
	assert_int_equal(qsp_known_hosts_name("a,b", 22, out), QSP_E_INPUT);
	assert_int_equal(qsp_known_hosts_name("a*", 22, out), QSP_E_INPUT);
	assert_int_equal(qsp_known_hosts_name("#a", 8022, out), QSP_E_INPUT);
	assert_int_equal(qsp_known_hosts_name("@a", 8022, out), QSP_E_INPUT);
	assert_int_equal(qsp_known_hosts_name("|a", 8022, out), QSP_E_INPUT);
	assert_int_equal(qsp_known_hosts_name("a\nb", 8022, out), QSP_E_INPUT);
}

/* Does the only line of a file with these hosts speak of n? */
static bool
speaks(const char *hosts, const char *n)
{
	char *text = text_of("%s %s\n", hosts, a);
	struct qsp_known_hosts_walk w = { .left = qsp_bytes_str(text) };
	struct qsp_known_hosts_match m;
	qsp_err e = qsp_known_hosts_find(cx, &w, name(n), &m);

	free(text);
	assert_true(e == 0 || e == QSP_E_NOTFOUND);
	return e == 0;
}

static void
test_patterns(void **state)
{
	char hashed[QSP_KNOWN_HOSTS_HASHED_MAX];

	(void)state;
	assert_true(speaks("h", "h"));
	assert_true(speaks("H.Example", "h.example"));
	assert_false(speaks("h", "hh"));
	assert_false(speaks("hh", "h"));
	assert_true(speaks("x,h,y", "h"));
	assert_true(speaks("*", "anything"));
	assert_true(speaks("*", "[h]:22"));
	assert_true(speaks("*.example", "a.b.example"));
	assert_false(speaks("*.example", "example"));
	assert_true(speaks("h?", "h1"));
	assert_false(speaks("h?", "h"));
	assert_true(speaks("*a*b*", "xxaxxbxx"));
	assert_false(speaks("*a*b*c", "xxaxxbxx"));
	assert_false(speaks("h,,x,", "")); /* an empty entry is no name */
	assert_true(speaks("h,!,x,", "x"));
	assert_false(speaks("*.example,!bad.example", "bad.example"));
	assert_true(speaks("!bad.example,*.example", "good.example"));
	assert_false(speaks("!bad.example", "good.example"));
	assert_false(speaks("[h]:22", "h"));
	assert_true(speaks("[h]:22", "[h]:22"));
	assert_true(speaks("[h]:*", "[h]:22"));
	assert_int_equal(qsp_known_hosts_hash_name(cx, name("h"), hashed), 0);
	assert_true(strncmp(hashed, "|2|", 3) == 0);
	assert_true(speaks(hashed, "h"));
	assert_false(speaks(hashed, "i"));
}

static void
test_find(void **state)
{
	char *text = text_of("# a comment\n\n"
			     "h,i %s k=" SECRET " x=y the comment\n"
			     "nonsense\n"
			     "@revoked * %s\n"
			     "h kyber768 AAAA\n"
			     "  j\t%s",
			     a, b, big);
	struct qsp_known_hosts_walk w = { .left = qsp_bytes_str(text) };
	struct qsp_known_hosts_match m;

	(void)state;
	assert_int_equal(qsp_known_hosts_find(cx, &w, name("h"), &m), 0);
	assert_int_equal(m.line, 3);
	assert_true(m.has_secret && !m.revoked);
	assert_int_equal(m.secret[0], 0xff);
	assert_int_equal(m.secret[31], 0);
	assert_memory_equal(&m.key, &a768, sizeof(a768));
	assert_int_equal(qsp_known_hosts_find(cx, &w, name("h"), &m), QSP_E_INPUT);
	assert_int_equal(w.number, 4);
	assert_non_null(w.wrong);
	assert_false(m.has_secret);
	assert_int_equal(qsp_known_hosts_find(cx, &w, name("h"), &m), 0);
	assert_int_equal(m.line, 5);
	assert_true(m.revoked && !m.has_secret);
	assert_int_equal(qsp_known_hosts_find(cx, &w, name("h"), &m), QSP_E_INPUT);
	assert_int_equal(w.number, 6);
	assert_int_equal(qsp_known_hosts_find(cx, &w, name("h"), &m), QSP_E_NOTFOUND);
	assert_int_equal(qsp_known_hosts_find(cx, &w, name("h"), &m), QSP_E_NOTFOUND);
	w = (struct qsp_known_hosts_walk){ .left = qsp_bytes_str(text) };
	while (qsp_known_hosts_find(cx, &w, name("j"), &m) != 0 || m.revoked)
		;
	assert_int_equal(m.line, 7);
	free(text);
}

static const char *
wrong_of(const char *line)
{
	struct qsp_known_hosts_walk w = { .left = qsp_bytes_str(line) };
	struct qsp_known_hosts_line l;

	assert_true(qsp_known_hosts_next(&w, &l));
	assert_ptr_equal(l.wrong, w.wrong);
	assert_true(l.is_entry == !l.wrong);
	return l.wrong;
}

static void
test_malformed(void **state)
{
	static const char *const bad[] = {
		"h",
		"h kyber768",
		"h ssh-ed25519 AAAA",
		"@revoked",
		"@revoked h",
		"@cert-authority h kyber768 AAAA",
		"|1|x|y kyber768 AAAA",
		"|2|x kyber768 AAAA",
		"|2|AAAA|AAAA kyber768 AAAA",
		"h kyber768 AAAA k=",
		"h kyber768 AAAA k=00",
		"h kyber768 AAAA k=zz" SECRET,
		"h kyber768 AAAA k=" SECRET "00",
		"h kyber768 AAAA k=" SECRET " k=" SECRET,
		"h kyber768 AAAA x=1 k=nonsense",
	};
	struct qsp_known_hosts_walk w;
	struct qsp_known_hosts_line l;
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!wrong_of(bad[i]))
			fail_msg("taken: %s", bad[i]);
	assert_null(wrong_of("h kyber768 AAAA"));
	assert_null(wrong_of("h kyber768 AAAA a comment with k=nothing"));
	text = malloc(40001);
	memset(text, 'x', 40000);
	text[40000] = '\0';
	assert_string_equal(wrong_of(text), "too long");
	free(text);
	w = (struct qsp_known_hosts_walk){ .left = qsp_bytes("\0\0\n\0", 4) };
	assert_true(qsp_known_hosts_next(&w, &l) && l.wrong);
	assert_true(qsp_known_hosts_next(&w, &l) && l.wrong);
	assert_false(qsp_known_hosts_next(&w, &l));
}

static void
check(const char *text, const char *n, const struct qsp_key_public *key,
      enum qsp_known_hosts_verdict want, unsigned line)
{
	struct qsp_known_hosts_match m;
	enum qsp_known_hosts_verdict v;

	assert_int_equal(qsp_known_hosts_check(cx, qsp_bytes_str(text), name(n), key, &v, &m), 0);
	assert_int_equal(v, want);
	assert_int_equal(m.line, line);
}

static void
test_check(void **state)
{
	char *text = text_of("h %s\nh %s k=" SECRET "\nbroken\n@revoked * %s\ni %s\n", a, a, b, b);

	(void)state;
	check(text, "x", &a768, QSP_KNOWN_HOSTS_NEW, 0);
	check(text, "h", &a768, QSP_KNOWN_HOSTS_SAME, 2); /* the one with the secret */
	check(text, "h", &a1024, QSP_KNOWN_HOSTS_CHANGED, 1);
	/* revoked wins over known, wherever it stands, and over unknown */
	check(text, "h", &b768, QSP_KNOWN_HOSTS_REVOKED, 4);
	check(text, "i", &b768, QSP_KNOWN_HOSTS_REVOKED, 4);
	check(text, "x", &b768, QSP_KNOWN_HOSTS_REVOKED, 4);
	check("", "x", &b768, QSP_KNOWN_HOSTS_NEW, 0);
	free(text);
}

/* Layout K and class S wherever the file allows them [P4]. */
static void
test_contact(void **state)
{
	struct qsp_known_hosts_match m;
	char *text = text_of("h %s\nh %s\nh %s\n"
			     "s %s\ns %s k=" SECRET "\ns %s\n"
			     "r %s k=" SECRET "\n@revoked r %s\nr %s\n"
			     "o %s\n",
			     a, big, b, big, a, big, a, a, b, sig);
	struct qsp_bytes t = qsp_bytes_str(text);

	(void)state;
	assert_int_equal(qsp_known_hosts_contact(cx, t, name("h"), &m), 0);
	assert_int_equal(m.line, 2); /* the stronger */
	assert_int_equal(qsp_known_hosts_contact(cx, t, name("s"), &m), 0);
	assert_int_equal(m.line, 5); /* with the secret */
	assert_true(m.has_secret);
	assert_int_equal(qsp_known_hosts_contact(cx, t, name("r"), &m), 0);
	assert_int_equal(m.line, 9); /* not the revoked */
	assert_int_equal(qsp_known_hosts_contact(cx, t, name("x"), &m), QSP_E_NOTFOUND);
	assert_int_equal(qsp_known_hosts_contact(cx, t, name("o"), &m), QSP_E_NOTFOUND);
	free(text);
}

static void
test_add(void **state)
{
	uint8_t secret[QSP_OK_LEN] = { 1, 2, 3 };
	struct qsp_known_hosts_entry e = { .name = "[h]:22", .key = &a768, .comment = "seen once" };
	struct qsp_known_hosts_text t, u;
	struct qsp_known_hosts_match m;

	(void)state;
	/* behind a last line without its newline, which is kept */
	assert_int_equal(qsp_known_hosts_add(cx, qsp_bytes_str("broken"), &e, &t), 0);
	assert_memory_equal(t.p, "broken\n[h]:22 mlkem768x25519 ", 29);
	assert_memory_equal(t.p + t.n - 11, " seen once\n", 11);
	e.name = "secret.host";
	e.hash = true;
	e.secret = secret;
	assert_int_equal(qsp_known_hosts_add(cx, qsp_bytes(t.p, t.n), &e, &u), 0);
	assert_null(memmem(u.p, u.n, "secret.host", 11));
	assert_int_equal(qsp_known_hosts_contact(cx, qsp_bytes(u.p, u.n), name("secret.host"), &m),
			 0);
	assert_int_equal(m.line, 3);
	assert_memory_equal(m.secret, secret, sizeof(secret));
	assert_int_equal(qsp_known_hosts_contact(cx, qsp_bytes(u.p, u.n), name("[h]:22"), &m), 0);
	assert_int_equal(m.line, 2);
	qsp_known_hosts_text_free(&t);
	qsp_known_hosts_text_free(&u);
	qsp_known_hosts_text_free(&u);
	e.comment = "two\nlines";
	assert_int_equal(qsp_known_hosts_add(cx, QSP_BYTES_NONE, &e, &t), QSP_E_INPUT);
	assert_null(t.p);
	e.comment = NULL;
	e.name = "a b";
	assert_int_equal(qsp_known_hosts_add(cx, QSP_BYTES_NONE, &e, &t), QSP_E_INPUT);
	e.name = "*";
	assert_int_equal(qsp_known_hosts_add(cx, QSP_BYTES_NONE, &e, &t), QSP_E_INPUT);
	e.name = "";
	assert_int_equal(qsp_known_hosts_add(cx, QSP_BYTES_NONE, &e, &t), QSP_E_INPUT);
}

static void
expect_text(struct qsp_known_hosts_text *t, char *want, unsigned changed)
{
	assert_int_equal(t->n, strlen(want));
	assert_memory_equal(t->p, want, t->n);
	assert_int_equal(t->changed, changed);
	qsp_known_hosts_text_free(t);
	free(want);
}

#define NEW "0102030000000000000000000000000000000000000000000000000000000000"

static void
test_set_secret(void **state)
{
	uint8_t secret[QSP_OK_LEN] = { 1, 2, 3 };
	char *text = text_of("# c\r\n h,g  %s  the  comment \r\n"
			     "h %s x=1 k=" SECRET " y=2 z\nh k\n@revoked h %s\nh %s\nx %s",
			     a, a, a, b, a);
	struct qsp_known_hosts_text t;

	(void)state;
	assert_int_equal(
		qsp_known_hosts_set_secret(cx, qsp_bytes_str(text), name("h"), &a768, secret, &t),
		0);
	expect_text(&t,
		    text_of("# c\r\n h,g  %s k=" NEW "  the  comment \r\n"
			    "h %s x=1 k=" NEW " y=2 z\nh k\n@revoked h %s\nh %s\nx %s\n",
			    a, a, a, b, a),
		    2);
	assert_int_equal(
		qsp_known_hosts_set_secret(cx, qsp_bytes_str(text), name("h"), &a1024, secret, &t),
		QSP_E_NOTFOUND);
	assert_null(t.p);
	assert_int_equal(qsp_known_hosts_set_secret(cx, qsp_bytes_str(text), name("nobody"), &a768,
						    secret, &t),
			 QSP_E_NOTFOUND);
	free(text);
}

static void
test_remove(void **state)
{
	char *text = text_of("one\nh %s\n\n@revoked h %s\n*.d,h %s\ni %s\n", a, b, b, a);
	struct qsp_known_hosts_text t;

	(void)state;
	assert_int_equal(qsp_known_hosts_remove(cx, qsp_bytes_str(text), name("h"), &t), 0);
	expect_text(&t, text_of("one\n\n@revoked h %s\ni %s\n", b, a), 2);
	assert_int_equal(qsp_known_hosts_remove(cx, qsp_bytes_str(text), name("j"), &t),
			 QSP_E_NOTFOUND);
	assert_null(t.p);
	free(text);
}

static void
test_hash(void **state)
{
	char hashed[QSP_KNOWN_HOSTS_HASHED_MAX];
	struct qsp_known_hosts_text t, u;
	struct qsp_known_hosts_match m;
	char *text;

	(void)state;
	assert_int_equal(qsp_known_hosts_hash_name(cx, name("old"), hashed), 0);
	text = text_of("broken line\nh,[G]:22 %s k=" SECRET " c\n*.d %s\n@revoked r %s\n%s %s\n", a,
		       a, a, hashed, a);
	assert_int_equal(qsp_known_hosts_hash(cx, qsp_bytes_str(text), &t), 0);
	assert_int_equal(t.changed, 1);
	assert_memory_equal(t.p, "broken line\n|2|", 15);
	assert_int_equal(qsp_known_hosts_contact(cx, qsp_bytes(t.p, t.n), name("h"), &m), 0);
	assert_int_equal(m.line, 2);
	assert_int_equal(qsp_known_hosts_contact(cx, qsp_bytes(t.p, t.n), name("[g]:22"), &m), 0);
	assert_int_equal(m.line, 3);
	assert_true(m.has_secret);
	assert_int_equal(qsp_known_hosts_contact(cx, qsp_bytes(t.p, t.n), name("a.d"), &m), 0);
	assert_int_equal(m.line, 4);
	assert_int_equal(qsp_known_hosts_contact(cx, qsp_bytes(t.p, t.n), name("old"), &m), 0);
	assert_int_equal(m.line, 6);
	/* once more changes nothing */
	assert_int_equal(qsp_known_hosts_hash(cx, qsp_bytes(t.p, t.n), &u), 0);
	assert_int_equal(u.changed, 0);
	assert_int_equal(u.n, t.n);
	assert_memory_equal(u.p, t.p, t.n);
	qsp_known_hosts_text_free(&t);
	qsp_known_hosts_text_free(&u);
	free(text);
}

static int
setup(void **state)
{
	assert_int_equal(open_crypto(state), 0);
	a768 = new_public(QSP_KEY_MLKEM768X25519, 1, a);
	b768 = new_public(QSP_KEY_MLKEM768X25519, 2, b);
	a1024 = new_public(QSP_KEY_MLKEM1024X25519, 1, big);
	sig65 = new_public(QSP_KEY_ML_DSA_65, 1, sig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name),   cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_find),   cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_check),  cmocka_unit_test(test_contact),
		cmocka_unit_test(test_add),    cmocka_unit_test(test_set_secret),
		cmocka_unit_test(test_remove), cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, setup, close_crypto);
}
