/* SPDX-License-Identifier: ISC */
/*
 * Messages of a shared connection: there and back, every truncation, one byte too many, and limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/client_config.h"
#include "app/client_control.h"
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

static uint8_t room[QSP_CLIENT_COMMAND_MAX + 65536];

static size_t
put(const struct qsp_client_control *m)
{
	size_t n = sizeof(room);

	assert_int_equal(qsp_client_control_put(m, room, &n), 0);
	return n;
}

/* Whole it is taken; shorter or longer it is not. */
static void
get(size_t n, struct qsp_client_control *out)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(qsp_client_control_get(qsp_bytes(room, i), out), QSP_E_INPUT);
	room[n] = 0;
	assert_int_equal(qsp_client_control_get(qsp_bytes(room, n + 1), out), QSP_E_INPUT);
	assert_int_equal(qsp_client_control_get(qsp_bytes(room, n), out), 0);
}

static void
make_plan(struct qsp_client_plan *p)
{
	memset(p, 0, sizeof(*p));
	p->what = QSP_CLIENT_EXEC;
	p->command = strdup("echo 'a  b'");
	p->agent = true;
	p->tty = true;
	p->term = strdup("xterm-256color");
	p->size = (struct qsp_tty_size){ 80, 24, 640, 480 };
	p->n_modes = 6;
	memcpy(p->modes, "\x35\0\0\0\1\0", 6);
	assert_int_equal(qsp_client_plan_add_env(p, "LANG=C.UTF-8", 12), 0);
	assert_int_equal(qsp_client_plan_add_env(p, "EMPTY=", 6), 0);
}

static void
test_session(void **state)
{
	struct qsp_client_control a = { .type = QSP_CLIENT_CONTROL_SESSION,
					.escape = QSP_CLIENT_NO_ESCAPE,
					.needs = QSP_CLIENT_CONTROL_STRICT,
					.stdin_null = true };
	struct qsp_client_control b;

	(void)state;
	make_plan(&a.plan);
	get(put(&a), &b);
	assert_int_equal(b.escape, QSP_CLIENT_NO_ESCAPE);
	assert_int_equal(b.needs, QSP_CLIENT_CONTROL_STRICT);
	assert_true(b.stdin_null && b.plan.tty && b.plan.agent);
	assert_int_equal(b.plan.what, QSP_CLIENT_EXEC);
	assert_string_equal(b.plan.command, a.plan.command);
	assert_string_equal(b.plan.term, a.plan.term);
	assert_memory_equal(&b.plan.size, &a.plan.size, sizeof(a.plan.size));
	assert_int_equal(b.plan.n_modes, 6);
	assert_memory_equal(b.plan.modes, a.plan.modes, 6);
	assert_int_equal(b.plan.n_env, 2);
	assert_string_equal(b.plan.env[1], "EMPTY=");
	assert_int_equal(qsp_client_control_fds(b.type), 3);
	qsp_client_control_wipe(&a);
	qsp_client_control_wipe(&b);
}

static void
test_others(void **state)
{
	static const struct qsp_client_control all[] = {
		{ .type = QSP_CLIENT_CONTROL_CHECK },
		{ .type = QSP_CLIENT_CONTROL_EXIT },
		{ .type = QSP_CLIENT_CONTROL_STOP },
		{ .type = QSP_CLIENT_CONTROL_STDFWD, .text = { (const uint8_t *)"h:1", 3 } },
		{ .type = QSP_CLIENT_CONTROL_FORWARD,
		  .small = 'L',
		  .text = { (const uint8_t *)"1:h:1", 5 } },
		{ .type = QSP_CLIENT_CONTROL_CANCEL,
		  .small = 'D',
		  .text = { (const uint8_t *)"1080", 4 } },
		{ .type = QSP_CLIENT_CONTROL_SIGNAL, .number = 15 },
		{ .type = QSP_CLIENT_CONTROL_RESIZE, .size = { 1, 2, 3, 4 } },
		{ .type = QSP_CLIENT_CONTROL_OK, .number = 4711 },
		{ .type = QSP_CLIENT_CONTROL_REFUSED, .text = { (const uint8_t *)"no", 2 } },
		{ .type = QSP_CLIENT_CONTROL_STARTED, .small = 1 },
		{ .type = QSP_CLIENT_CONTROL_SAY, .small = 3, .text = { (const uint8_t *)"x", 1 } },
		{ .type = QSP_CLIENT_CONTROL_ENDED, .number = 255 },
		{ .type = QSP_CLIENT_CONTROL_RESUMED },
		{ .type = QSP_CLIENT_CONTROL_SUSPEND },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct qsp_client_control m;

		get(put(&all[i]), &m);
		assert_int_equal(m.type, all[i].type);
		assert_int_equal(m.number, all[i].number);
		assert_int_equal(m.small, all[i].small);
		assert_true(qsp_bytes_equal(m.text, all[i].text));
		assert_memory_equal(&m.size, &all[i].size, sizeof(m.size));
		qsp_client_control_wipe(&m);
	}
}

static void
refuse(struct qsp_client_control *a)
{
	struct qsp_client_control b;

	assert_int_equal(qsp_client_control_get(qsp_bytes(room, put(a)), &b), QSP_E_INPUT);
	assert_null(b.plan.command);
	assert_null(b.plan.env);
	qsp_client_control_wipe(a);
}

/* What a put can be made to write, and a get must not take. */
static void
test_limits(void **state)
{
	struct qsp_client_control a = { .type = QSP_CLIENT_CONTROL_SESSION }, b;
	static const uint8_t nul[] = { 'a', 0, 'b' };
	char *long_text = malloc(QSP_CLIENT_COMMAND_MAX + 2);
	size_t n;

	(void)state;
	assert_non_null(long_text);
	memset(long_text, 'x', QSP_CLIENT_COMMAND_MAX + 1);
	long_text[QSP_CLIENT_COMMAND_MAX + 1] = 0;
	make_plan(&a.plan);
	free(a.plan.command);
	a.plan.command = long_text;
	refuse(&a);
	make_plan(&a.plan);
	a.plan.what = (enum qsp_client_what)3;
	refuse(&a);
	make_plan(&a.plan);
	a.escape = 256;
	refuse(&a);
	a.escape = '~';
	make_plan(&a.plan);
	a.plan.env[0][4] = '_'; /* no '=' */
	refuse(&a);
	a = (struct qsp_client_control){ .type = QSP_CLIENT_CONTROL_SAY, .text = { nul, 3 } };
	refuse(&a);
	a.type = (enum qsp_client_control_type)99;
	refuse(&a);
	/* another version */
	a = (struct qsp_client_control){ .type = QSP_CLIENT_CONTROL_CHECK };
	n = put(&a);
	room[4]++;
	assert_int_equal(qsp_client_control_get(qsp_bytes(room, n), &b), QSP_E_INPUT);
	/* what this version does not know to need */
	a.needs = QSP_CLIENT_CONTROL_STRICT + 1;
	refuse(&a);
	a.needs = QSP_CLIENT_CONTROL_ADAPTIVE;
	/* no room */
	n = 4;
	assert_int_equal(qsp_client_control_put(&a, room, &n), QSP_E_ROOM);
}

/* Too many variables, or one too long, are left out where they are collected. */
static void
test_env(void **state)
{
	static char text[QSP_CLIENT_ENV_LEN_MAX + 2];
	struct qsp_client_plan p = { .n_env = 0 };

	(void)state;
	memset(text, '=', sizeof(text) - 1);
	assert_int_equal(qsp_client_plan_add_env(&p, text, sizeof(text) - 1), 0);
	assert_int_equal(p.n_env, 0);
	for (int i = 0; i < QSP_CLIENT_ENV_MAX + 1; i++)
		assert_int_equal(qsp_client_plan_add_env(&p, "A=B", 3), 0);
	assert_int_equal(p.n_env, QSP_CLIENT_ENV_MAX);
	qsp_client_plan_wipe(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_env),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
