/* SPDX-License-Identifier: ISC */
/*
 * qsshd-auth: reads the keys, then answers questions, one after the other. It ends when qsshd says so,
 * or is gone.
 */
#include "cmd/qsshd/auth.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/qsshd/child.h"
#include "sys/log.h"
#include "sys/sandbox.h"

#define REFRESH_MS (60 * 60 * 1000)

/* --- questions ------------------------------------------------------------------------------ */

static void
on_decaps(struct qsp_auth *a, int link, struct qsp_bytes body)
{
	struct qsp_rpc_decaps m;
	struct qsp_rpc_decaps_answer answer = { 0 };
	struct qsp_decaps_question q = { 0 };
	uint8_t buf[512];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_DECAPS_ANSWER);

	if (qsp_rpc_get_decaps(body, &m) != 0)
		return;
	q.all_keys = m.all_keys;
	q.key = m.key;
	q.point = m.has_point ? m.point : NULL;
	q.ct = m.ct;
	answer.conn = m.conn;
	answer.ok = qsp_key_answer(a->key, a->n_keys, &q, &answer.answer) == 0;
	qsp_rpc_put_decaps_answer(&w, &answer);
	if (qsp_writer_done(&w) == 0)
		(void)!qsp_ipc_send(link, qsp_writer_bytes(&w), NULL, 0);
	qsp_mem_wipe(buf, sizeof(buf));
	qsp_mem_wipe(&answer, sizeof(answer));
}

static void
handle(struct qsp_auth *a, int link, struct qsp_ipc_message *m)
{
	struct qsp_bytes body = qsp_bytes(m->data + 1, m->n - 1);
	struct qsp_rpc_ends ends;
	struct qsp_rpc_auth question;

	switch (m->data[0]) {
	case QSP_RPC_DECAPS: on_decaps(a, link, body); break;
	case QSP_RPC_AUTH:
		if (qsp_rpc_get_auth(body, &question) == 0)
			qsp_auth_decide(a, link, &question);
		break;
	case QSP_RPC_RESUME:
		if (qsp_rpc_get_auth(body, &question) == 0)
			qsp_auth_decide_resume(a, link, &question);
		break;
	case QSP_RPC_SESSION:
		if (qsp_rpc_get_ends(body, &ends) == 0)
			qsp_auth_login_start(a, link, &ends);
		break;
	case QSP_RPC_GONE:
		if (qsp_rpc_get_ends(body, &ends) == 0)
			qsp_auth_login_forget(a, link, ends.conn);
		break;
	default: break;
	}
	qsp_mem_wipe(m->data, m->n); /* a password may have been in it */
}

/* --- links ---------------------------------------------------------------------------------- */

static bool
say_hello(struct qsp_auth *a, int link)
{
	static uint8_t buf[QSP_HOST_KEY_MAX * (QSP_KEY_BLOB_MAX + 2) + 1024];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_HELLO);
	struct qsp_rpc_hello m = { .n_keys = a->n_keys, .n_secrets = a->n_secrets };
	bool ok;

	for (size_t i = 0; i < a->n_keys; i++) {
		const struct qsp_key_public *key = qsp_key_get_public(a->key[i]);

		m.key[i] = qsp_bytes(key->blob, key->len);
	}
	memcpy(m.secret, a->secret, sizeof(m.secret));
	qsp_rpc_put_hello(&w, &m);
	ok = qsp_writer_done(&w) == 0 && qsp_ipc_send(link, qsp_writer_bytes(&w), NULL, 0) == 0;
	qsp_mem_wipe(buf, sizeof(buf));
	qsp_mem_wipe(&m, sizeof(m));
	return ok;
}

static void
add_link(struct qsp_auth *a, int fd)
{
	if (fd < 0)
		return;
	if (a->n_links == QSP_AUTH_LINKS_MAX || !say_hello(a, fd)) {
		close(fd);
		return;
	}
	a->link[a->n_links++] = fd;
}

static void
drop_link(struct qsp_auth *a, size_t i)
{
	qsp_auth_login_forget_link(a, a->link[i]);
	close(a->link[i]);
	a->link[i] = a->link[--a->n_links];
}

/* A few messages of one link, so that none waits behind another; false once it is gone. */
static bool
serve_link(struct qsp_auth *a, int link, struct qsp_ipc_message *m)
{
	for (int i = 0; i < 16; i++) {
		qsp_err e = qsp_ipc_recv(link, m);

		if (e == QSP_E_ROOM)
			return true;
		if (e)
			return false;
		qsp_ipc_drop(m);
		handle(a, link, m);
	}
	return true;
}

/* False once it is time to go. */
static bool
serve_control(struct qsp_auth *a, struct qsp_ipc_message *m)
{
	qsp_err e;

	while ((e = qsp_ipc_recv(QSP_RPC_CONTROL_FD, m)) == 0) {
		uint8_t type = m->data[0];

		if (type == QSP_RPC_LINK)
			add_link(a, qsp_ipc_take(m, 0));
		qsp_ipc_drop(m);
		if (type == QSP_RPC_STOP)
			return false;
		a->draining |= type == QSP_RPC_DRAIN;
	}
	return e == QSP_E_ROOM;
}

/* The overlap of a rotated secret ends with a day. */
static void
refresh_secrets(struct qsp_auth *a)
{
	if (!qsp_auth_secret_refresh(a))
		return;
	qsp_log(QSP_LOG_INFO, "The overlap of an obfuscation secret is over: it is retired");
	for (size_t i = a->n_links; i-- > 0;) {
		if (!say_hello(a, a->link[i]))
			drop_link(a, i);
	}
}

static void
run(struct qsp_auth *a, int signals)
{
	static struct qsp_ipc_message m;
	struct signalfd_siginfo info;

	for (;;) {
		size_t n = a->n_links, watches = a->n_watches;
		struct pollfd *p = qsp_auth_watch_poll(a, n + 2);

		if (p == NULL)
			qsp_child_die("no memory");
		if (a->draining && n == 0)
			return;
		p[0] = (struct pollfd){ .fd = QSP_RPC_CONTROL_FD, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = signals, .events = POLLIN };
		for (size_t i = 0; i < n; i++)
			p[2 + i] = (struct pollfd){ .fd = a->link[i], .events = POLLIN };
		if (poll(p, n + 2 + watches, REFRESH_MS) < 0)
			continue;
		refresh_secrets(a);
		if (a->n_links != n)
			continue;
		qsp_auth_watch_serve(a, p + n + 2, watches);
		if (p[1].revents) {
			(void)!read(signals, &info, sizeof(info));
			qsp_auth_login_reap(a);
		}
		for (size_t i = n; i-- > 0;) { /* from the end: dropping moves the last one */
			if (p[2 + i].revents && !serve_link(a, a->link[i], &m))
				drop_link(a, i);
		}
		if (p[0].revents && !serve_control(a, &m))
			return;
	}
}

/* --- start ---------------------------------------------------------------------------------- */

static int
watch_children(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
main(int argc, char **argv)
{
	static const uint8_t ready = QSP_RPC_READY;
	static struct qsp_auth a;
	int signals;

	qsp_sandbox_hide(false);
	qsp_child_begin("qsshd-auth", argc, argv, &a.config);
	a.is_root = geteuid() == 0;
	signals = watch_children();
	if (signals < 0)
		qsp_child_die("no signalfd");
	if (!qsp_sandbox_lock_memory())
		qsp_log(QSP_LOG_VERBOSE, "host keys may be swapped out: memory cannot be locked");
	if (qsp_crypto_new(NULL, NULL, &a.cx))
		qsp_child_die("cannot set up cryptography");
	if (!qsp_auth_keys_load(&a) || !qsp_auth_secret_load(&a))
		exit(1);
	qsp_auth_tty_adopt(&a);
	if (qsp_ipc_send(QSP_RPC_CONTROL_FD, qsp_bytes(&ready, 1), NULL, 0) == 0)
		run(&a, signals);
	qsp_auth_watch_end(&a);
	qsp_auth_keys_free(&a);
	qsp_crypto_free(a.cx);
	qsp_qsshd_config_free(&a.config);
	return 0;
}
