/* SPDX-License-Identifier: ISC */
/*
 * Conversations with PAM: a process for each, so that modules that take their time hold up nobody, and
 * none runs where the host keys are.
 */
#include "cmd/qsshd/auth.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "proto/msg.h"
#include "sys/log.h"
#include "sys/spawn.h"

struct qsp_auth_talk {
	struct qsp_auth_watch watch;
	pid_t pid;
	qsp_auth_heard heard; /* NULL: nobody listens any more */
	void *arg;
};

static void
end(struct qsp_auth_watch *w)
{
	close(w->fd); /* which the process takes for its end */
	free(w);
}

/* The end of it: what is heard last. */
static void
conclude(struct qsp_auth *a, struct qsp_auth_talk *t, enum qsp_rpc_talk_verdict verdict,
	 struct qsp_bytes why)
{
	struct qsp_auth_word word = { .verdict = verdict, .why = why };
	qsp_auth_heard heard = t->heard;

	t->heard = NULL;
	if (heard != NULL)
		heard(a, t->arg, &word);
}

static bool
on_done(struct qsp_auth *a, struct qsp_auth_talk *t, struct qsp_bytes body)
{
	struct qsp_reader r = qsp_reader_of(body);
	uint8_t verdict = qsp_reader_u8(&r);
	struct qsp_bytes why = qsp_reader_vec16(&r);

	if (qsp_reader_done(&r) != 0 || verdict > QSP_RPC_TALK_EXPIRED)
		verdict = QSP_RPC_TALK_NO;
	conclude(a, t, verdict, why);
	return false;
}

static bool
on_message(struct qsp_auth *a, struct qsp_auth_watch *w)
{
	static struct qsp_ipc_message m;
	struct qsp_auth_talk *t = (struct qsp_auth_talk *)(void *)w;
	struct qsp_auth_word word = { 0 };
	struct qsp_prompt prompt = { 0 };
	struct qsp_reader r;
	qsp_err e = qsp_ipc_recv(w->fd, &m);

	if (e == QSP_E_ROOM)
		return true;
	if (e || t->heard == NULL) {
		conclude(a, t, QSP_RPC_TALK_NO, qsp_bytes_str("qsshd-pam has ended"));
		return false;
	}
	qsp_ipc_drop(&m);
	r = qsp_reader_of(qsp_bytes(m.data + 1, m.n - 1));
	if (m.data[0] == QSP_RPC_TALK_DONE)
		return on_done(a, t, qsp_bytes(m.data + 1, m.n - 1));
	qsp_msg_read_prompt(&r, &prompt);
	if (m.data[0] != QSP_RPC_TALK_PROMPT || qsp_reader_done(&r)) {
		conclude(a, t, QSP_RPC_TALK_NO, qsp_bytes_str("qsshd-pam talks nonsense"));
		return false;
	}
	word.prompt = &prompt;
	t->heard(a, t->arg, &word);
	return true;
}

static pid_t
spawn(struct qsp_auth *a, int fd)
{
	static char *const envp[] = { NULL };
	char path[QSP_AUTH_PATH_MAX], name[] = "qsshd-pam", talk[] = "talk";
	char *const argv[] = { name, talk, NULL };
	struct qsp_spawn s = { .path = path,
			       .argv = argv,
			       .envp = envp,
			       .std = { -1, -1, -1 },
			       .fd = { fd },
			       .n_fds = 1,
			       .own_session = true };
	pid_t pid;

	if (a->n_talkers == QSP_AUTH_TALKS_MAX ||
	    qsp_spawn_find("qsshd-pam", path, sizeof(path)) != 0)
		return -1;
	pid = qsp_spawn_start(&s);
	if (pid > 0)
		a->talker[a->n_talkers++] = pid;
	return pid;
}

static pid_t *
find(struct qsp_auth *a, pid_t pid)
{
	for (size_t i = 0; i < a->n_talkers; i++) {
		if (a->talker[i] == pid)
			return &a->talker[i];
	}
	return NULL;
}

bool
qsp_auth_talk_reaped(struct qsp_auth *a, pid_t pid)
{
	pid_t *p = find(a, pid);

	if (p != NULL)
		*p = a->talker[--a->n_talkers];
	return p != NULL;
}

struct qsp_auth_talk *
qsp_auth_talk_start(struct qsp_auth *a, const struct qsp_rpc_talk *q, qsp_auth_heard heard,
		    void *arg)
{
	struct qsp_auth_talk *t = calloc(1, sizeof(*t));
	uint8_t buf[2048];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_TALK);
	int fd[2];
	bool ok;

	if (t == NULL || qsp_ipc_pair(fd)) {
		free(t);
		return NULL;
	}
	qsp_rpc_put_talk(&w, q);
	t->watch = (struct qsp_auth_watch){ fd[0], on_message, end };
	ok = qsp_writer_done(&w) == 0 && qsp_ipc_send(fd[0], qsp_writer_bytes(&w), NULL, 0) == 0 &&
	     (t->pid = spawn(a, fd[1])) > 0 && qsp_auth_watch(a, &t->watch);
	qsp_mem_wipe(buf, sizeof(buf));
	close(fd[1]);
	if (!ok) {
		qsp_log(QSP_LOG_ERROR, "cannot start qsshd-pam: %s",
			a->n_talkers == QSP_AUTH_TALKS_MAX ? "too many are running"
							   : "is it installed?");
		close(fd[0]);
		free(t);
		return NULL;
	}
	t->heard = heard;
	t->arg = arg;
	return t;
}

void
qsp_auth_talk_reply(struct qsp_auth_talk *t, const struct qsp_reply *r)
{
	uint8_t buf[QSP_PROMPTS_MAX * (QSP_RPC_PASSWORD_MAX + 2) + 16];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_TALK_REPLY);

	qsp_msg_put_reply(&w, r);
	if (qsp_writer_done(&w) || qsp_ipc_send(t->watch.fd, qsp_writer_bytes(&w), NULL, 0))
		(void)shutdown(t->watch.fd, SHUT_RDWR); /* it will be heard of as ended */
	qsp_mem_wipe(buf, sizeof(buf));
}

void
qsp_auth_talk_cancel(struct qsp_auth *a, struct qsp_auth_talk *t)
{
	t->heard = NULL;
	(void)shutdown(t->watch.fd, SHUT_RDWR); /* the watch ends with it */
	if (find(a, t->pid) != NULL)
		(void)kill(t->pid, SIGTERM); /* a module may be waiting for something else */
}

/* --- after a yes ---------------------------------------------------------------------------- */

void
qsp_auth_talk_keep(struct qsp_auth *a, const struct qsp_auth_talk *t, struct qsp_auth_kept *out)
{
	int fd = fcntl(t->watch.fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return;
	*out = (struct qsp_auth_kept){ fd, t->pid };
	(void)qsp_auth_talk_reaped(a, t->pid); /* it is none of those who are tried */
}

void
qsp_auth_talk_let_go(struct qsp_auth_kept *k)
{
	if (k->fd > 0)
		close(k->fd); /* which the process takes for its end */
	*k = (struct qsp_auth_kept){ 0 };
}

pid_t
qsp_auth_talk_session(struct qsp_auth_kept *k, const int *fds, size_t n)
{
	static const uint8_t message = QSP_RPC_TALK_SESSION;
	pid_t pid = -1;

	if (k->fd > 0 && qsp_ipc_send(k->fd, qsp_bytes(&message, 1), fds, n) == 0)
		pid = k->pid;
	qsp_auth_talk_let_go(k);
	return pid;
}
