/* SPDX-License-Identifier: ISC */
/* Logging in at qsshd: what its processes say of it, and the order of AuthenticationMethods. */
#include "cmd/qsshd/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOM 16384

/* --- messages ------------------------------------------------------------------------------- */

typedef qsp_err (*get)(struct qsp_bytes in, void *m);

static qsp_err
get_auth(struct qsp_bytes in, void *m)
{
	return qsp_rpc_get_auth(in, m);
}

static qsp_err
get_answer(struct qsp_bytes in, void *m)
{
	return qsp_rpc_get_auth_answer(in, m);
}

static qsp_err
get_talk(struct qsp_bytes in, void *m)
{
	return qsp_rpc_get_talk(in, m);
}

/* Reads as it was written, and neither shorter nor longer. */
static void
reads_whole(get g, struct qsp_writer *w, void *m)
{
	struct qsp_bytes all = qsp_writer_bytes(w);
	uint8_t *copy = malloc(all.n + 1);

	assert_int_equal(qsp_writer_done(w), 0);
	assert_non_null(copy);
	for (size_t n = 0; n < all.n; n++) {
		uint8_t *cut = malloc(n ? n : 1); /* so that a sanitizer sees a read past its end */

		assert_non_null(cut);
		memcpy(cut, all.p, n);
		assert_int_not_equal(g(qsp_bytes(cut, n), m), 0);
		free(cut);
	}
	memcpy(copy, all.p, all.n);
	copy[all.n] = 0;
	assert_int_not_equal(g(qsp_bytes(copy, all.n + 1), m), 0);
	free(copy);
	assert_int_equal(g(all, m), 0);
}

static void
replies(void **state)
{
	static uint8_t buf[ROOM];
	static const char longest[QSP_RPC_PASSWORD_MAX + 1];
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	struct qsp_rpc_auth m = { .conn = 7, .method = QSP_METHOD_INTERACTIVE, .has_reply = true },
			    got;

	(void)state;
	m.user = qsp_bytes_str("eve");
	m.reply.n = QSP_PROMPTS_MAX;
	for (size_t i = 0; i < m.reply.n; i++)
		m.reply.text[i] = qsp_bytes(longest, i * 128);
	qsp_rpc_put_auth(&w, &m);
	reads_whole(get_auth, &w, &got);
	assert_true(got.has_reply);
	assert_int_equal(got.reply.n, QSP_PROMPTS_MAX);
	assert_int_equal(got.reply.text[7].n, 7 * 128);

	m.reply.text[0] = qsp_bytes(longest, sizeof(longest));
	w = qsp_writer_of(buf, sizeof(buf));
	qsp_rpc_put_auth(&w, &m);
	assert_int_equal(qsp_writer_done(&w), 0);
	assert_int_not_equal(qsp_rpc_get_auth(qsp_writer_bytes(&w), &got), 0);
}

static void
prompts(void **state)
{
	static uint8_t buf[ROOM];
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	struct qsp_rpc_auth_answer m = { .conn = 7, .verdict = QSP_AUTH_PROMPT }, got;

	(void)state;
	m.prompt.instruction = qsp_bytes_str("Welcome.");
	m.prompt.n = 2;
	m.prompt.text[0] = qsp_bytes_str("Password: ");
	m.prompt.text[1] = qsp_bytes_str("Code: ");
	m.prompt.echo[1] = true;
	qsp_rpc_put_auth_answer(&w, &m);
	reads_whole(get_answer, &w, &got);
	assert_int_equal(got.prompt.n, 2);
	assert_false(got.prompt.echo[0]);
	assert_true(got.prompt.echo[1]);
	assert_true(qsp_bytes_equal(got.prompt.instruction, m.prompt.instruction));
	buf[w.n - 3] = 2; /* neither with echo nor without */
	assert_int_not_equal(qsp_rpc_get_auth_answer(qsp_writer_bytes(&w), &got), 0);
	buf[w.n - 3] = 1;
	assert_int_equal(qsp_rpc_get_auth_answer(qsp_writer_bytes(&w), &got), 0);
}

/* The reason of a refusal, which has to fit into a CLOSE. */
static void
reasons(void **state)
{
	static uint8_t buf[ROOM];
	static const char text[QSP_RPC_WHY_MAX + 1];
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	struct qsp_rpc_auth_answer m = { .conn = 7, .verdict = QSP_AUTH_REFUSE }, got;

	(void)state;
	m.why = qsp_bytes(text, QSP_RPC_WHY_MAX);
	qsp_rpc_put_auth_answer(&w, &m);
	reads_whole(get_answer, &w, &got);
	assert_int_equal(got.why.n, QSP_RPC_WHY_MAX);
	m.why.n++;
	w = qsp_writer_of(buf, sizeof(buf));
	qsp_rpc_put_auth_answer(&w, &m);
	assert_int_equal(qsp_writer_done(&w), 0);
	assert_int_not_equal(qsp_rpc_get_auth_answer(qsp_writer_bytes(&w), &got), 0);
}

static void
talks(void **state)
{
	static uint8_t buf[ROOM];
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	struct qsp_rpc_talk m = { .kind = QSP_RPC_TALK_PASSWORD, .hopeless = true }, got;

	(void)state;
	m.service = qsp_bytes_str("qsshd");
	m.user = qsp_bytes_str("eve");
	m.address = qsp_bytes_str("192.0.2.1");
	m.password = qsp_bytes_str("oak");
	qsp_rpc_put_talk(&w, &m);
	reads_whole(get_talk, &w, &got);
	assert_true(got.hopeless);
	assert_true(qsp_bytes_equal(got.password, m.password));
	assert_true(qsp_bytes_equal(got.service, m.service));
	buf[0] = QSP_RPC_TALK_ACCOUNT + 1;
	assert_int_not_equal(qsp_rpc_get_talk(qsp_writer_bytes(&w), &got), 0);
}

/* --- ways ----------------------------------------------------------------------------------- */

#define PUB (1u << QSP_WAY_PUBLICKEY)
#define PASS (1u << QSP_WAY_PASSWORD)
#define KBD (1u << QSP_WAY_INTERACTIVE)

static const struct {
	const char *lists[3];
	const char *done; /* one letter each */
	unsigned next;
	bool complete;
} rows[] = {
	{ { "any" }, "", PUB | PASS | KBD, false },
	{ { "any" }, "k", PUB | PASS | KBD, true },
	{ { "publickey,password" }, "", PUB, false },
	{ { "publickey,password" }, "k", PASS, false },
	{ { "publickey,password" }, "kp", 0, true },
	{ { "publickey,password" }, "p", 0, false },
	{ { "publickey,password" }, "kk", 0, false },
	{ { "publickey,password" }, "kpp", 0, false },
	{ { "publickey,publickey" }, "k", PUB, false },
	{ { "publickey", "keyboard-interactive,password" }, "", PUB | KBD, false },
	{ { "publickey", "keyboard-interactive,password" }, "i", PASS, false },
	{ { "publickey", "keyboard-interactive,password" }, "k", 0, true },
	{ { "password", "password,publickey" }, "p", PUB, true },
	{ { NULL }, "", 0, false },
	{ { NULL }, "k", 0, false },
};

static void
ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct qsp_qsshd_config c;
		uint8_t done[QSP_WAYS_MAX];
		bool complete = !rows[i].complete;
		size_t n = strlen(rows[i].done);

		qsp_qsshd_config_init(&c);
		c.pubkey = c.password = c.interactive = true;
		for (size_t k = 0; k < 3 && rows[i].lists[k] != NULL; k++) {
			assert_true(qsp_qsshd_ways_check(rows[i].lists[k]));
			assert_true(qsp_qsshd_list_add(&c.auth_methods, rows[i].lists[k]));
		}
		for (size_t k = 0; k < n; k++)
			done[k] = rows[i].done[k] == 'k'   ? QSP_WAY_PUBLICKEY
				  : rows[i].done[k] == 'p' ? QSP_WAY_PASSWORD
							   : QSP_WAY_INTERACTIVE;
		assert_int_equal(qsp_qsshd_ways_next(&c, done, n, &complete), rows[i].next);
		assert_int_equal(complete, rows[i].complete);
		qsp_qsshd_config_free(&c);
	}
}

/* A list that nobody could get through is none. */
static void
ways_off(void **state)
{
	struct qsp_qsshd_config c;
	bool complete;

	(void)state;
	qsp_qsshd_config_init(&c);
	c.pubkey = c.interactive = true;
	c.password = false;
	assert_true(qsp_qsshd_list_add(&c.auth_methods, "publickey,password"));
	assert_int_equal(qsp_qsshd_ways_next(&c, NULL, 0, &complete), 0);
	assert_true(qsp_qsshd_list_add(&c.auth_methods, "keyboard-interactive,publickey"));
	assert_int_equal(qsp_qsshd_ways_next(&c, NULL, 0, &complete), KBD);
	qsp_qsshd_config_free(&c);
}

static void
no_ways(void **state)
{
	static const char *const bad[] = {
		"",
		",",
		"publickey,",
		",publickey",
		"public",
		"publickeys",
		"publickey,,password",
		"publickey,any",
		"hostbased",
		"password,password,password,password,password,password,password,password,password",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(qsp_qsshd_ways_check(bad[i]));
}

/* --- keys ----------------------------------------------------------------------------------- */

static void
by_key(struct qsp_auth_attempt *t, uint8_t id)
{
	memset(&t->limits, 0, sizeof(t->limits));
	memset(t->key.id, id, sizeof(t->key.id));
	t->q.method = QSP_METHOD_KEM;
}

/* publickey,publickey is two keys; what their options say adds up, and does not contradict. */
static void
two_keys(void **state)
{
	static struct qsp_auth_attempt t;
	static struct qsp_auth_grant g;

	(void)state;
	qsp_qsshd_config_init(&t.p.config);
	t.p.config.pubkey = true;
	assert_true(qsp_qsshd_list_add(&t.p.config.auth_methods, "publickey,publickey"));
	by_key(&t, 1);
	t.limits.command = strdup("first");
	t.limits.forbidden = QSP_RPC_NO_PTY;
	assert_true(qsp_auth_ways_may(&g, &t));
	assert_false(qsp_auth_ways_did(&g, &t));
	assert_null(t.limits.command); /* it was taken */

	by_key(&t, 1);
	assert_false(qsp_auth_ways_may(&g, &t));
	by_key(&t, 2);
	t.q.method = QSP_METHOD_PASSWORD;
	assert_false(qsp_auth_ways_may(&g, &t));
	t.q.method = QSP_METHOD_SIGNATURE;
	assert_true(qsp_auth_ways_may(&g, &t));
	t.limits.command = strdup("second");
	assert_false(qsp_auth_ways_may(&g, &t));
	strcpy(t.limits.command, "first");
	t.limits.forbidden = QSP_RPC_NO_USER_RC;
	assert_true(qsp_qsshd_list_add(&t.limits.permit_open, "host:22"));
	assert_true(qsp_auth_ways_may(&g, &t));
	assert_true(qsp_auth_ways_did(&g, &t));
	assert_string_equal(g.ways.limits.command, "first");
	assert_int_equal(g.ways.limits.forbidden, QSP_RPC_NO_PTY | QSP_RPC_NO_USER_RC);
	assert_int_equal(g.ways.limits.permit_open.n, 1);
	qsp_auth_limits_free(&t.limits);
	qsp_auth_ways_reset(&g.ways);
	assert_int_equal(g.ways.n, 0);
	qsp_qsshd_config_free(&t.p.config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies),  cmocka_unit_test(prompts),  cmocka_unit_test(reasons),
		cmocka_unit_test(talks),    cmocka_unit_test(ways),     cmocka_unit_test(no_ways),
		cmocka_unit_test(ways_off), cmocka_unit_test(two_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
