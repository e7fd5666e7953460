/* SPDX-License-Identifier: ISC */
/*
 * Names to addresses. The resolver is a child that is forked when the first name comes and answers many
 * at once, a thread each: getaddrinfo cannot be interrupted, and this process, which forks, stays
 * without threads. It ends with its socket.
 */
#include "cmd/qsshd/session_forward.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"

#define STACK (256 * 1024)

/* --- the child ------------------------------------------------------------------------------ */

struct job {
	uint32_t id;
	char host[QSP_RPC_HOST_MAX];
};

static void
answer(const struct job *j, int error, const struct addrinfo *list)
{
	uint8_t buf[16 + QSP_RESOLVE_MAX * (2 + sizeof(struct sockaddr_storage))];
	struct qsp_writer w = qsp_writer_of(buf, sizeof(buf));
	uint8_t n = 0;

	for (const struct addrinfo *ai = list; ai != NULL && n < QSP_RESOLVE_MAX; ai = ai->ai_next)
		n++;
	qsp_writer_u32(&w, j->id);
	qsp_writer_u32(&w, (uint32_t)error);
	qsp_writer_u8(&w, n);
	for (const struct addrinfo *ai = list; n > 0; ai = ai->ai_next, n--)
		qsp_writer_vec16(&w, qsp_bytes(ai->ai_addr, ai->ai_addrlen));
	(void)!qsp_ipc_send_wait(QSP_SPAWN_FIRST_FD, qsp_writer_bytes(&w), NULL, 0);
}

static void *
look_up(void *arg)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	struct job *j = arg;
	int e = getaddrinfo(j->host, NULL, &hints, &list);

	answer(j, e, list);
	if (list != NULL)
		freeaddrinfo(list);
	free(j);
	return NULL;
}

static int
child(void *arg)
{
	static struct qsp_ipc_message m;
	pthread_attr_t attr;
	pthread_t thread;

	(void)arg;
	if (pthread_attr_init(&attr) != 0)
		return 1;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, STACK);
	while (qsp_ipc_recv_wait(QSP_SPAWN_FIRST_FD, &m) == 0) {
		struct job *j =
			m.n > 4 && m.n - 4 < QSP_RPC_HOST_MAX ? calloc(1, sizeof(*j)) : NULL;

		if (j == NULL)
			return 1;
		j->id = qsp_bytes_get32(m.data);
		memcpy(j->host, m.data + 4, m.n - 4);
		if (pthread_create(&thread, &attr, look_up, j) != 0) {
			answer(j, EAI_AGAIN, NULL);
			free(j);
		}
	}
	_exit(0); /* threads may still be looking */
}

/* --- here ----------------------------------------------------------------------------------- */

static bool
start(struct qsp_session *s)
{
	struct qsp_spawn how = { .std = { -1, -1, STDERR_FILENO }, .n_fds = 1, .run = child };
	char *const none[] = { NULL };
	int fd[2];

	if (qsp_ipc_pair(fd) != 0)
		return false;
	how.fd[0] = fd[1];
	how.envp = environ != NULL ? environ : none;
	how.parent_signal = SIGKILL;
	if (qsp_spawn_start(&how) < 0) {
		close(fd[0]);
		fd[0] = -1;
	}
	close(fd[1]);
	s->resolver = fd[0];
	return fd[0] >= 0;
}

bool
qsp_session_resolve_ask(struct qsp_session *s, uint32_t id, const char *host)
{
	uint8_t buf[4 + QSP_RPC_HOST_MAX];
	size_t n = strlen(host);

	if (n == 0 || n >= QSP_RPC_HOST_MAX || (s->resolver < 0 && !start(s)))
		return false;
	qsp_bytes_put32(buf, id);
	memcpy(buf + 4, host, n);
	return qsp_ipc_send(s->resolver, qsp_bytes(buf, 4 + n), NULL, 0) == 0;
}

bool
qsp_session_resolve_take(struct qsp_session *s, struct qsp_resolved *out, bool *lost)
{
	static struct qsp_ipc_message m;
	struct qsp_reader r;
	qsp_err e;

	*lost = false;
	if (s->resolver < 0)
		return false;
	if ((e = qsp_ipc_recv(s->resolver, &m)) != 0) {
		if (e != QSP_E_ROOM) {
			close(s->resolver);
			s->resolver = -1;
			*lost = true;
		}
		return false;
	}
	qsp_ipc_drop(&m);
	r = qsp_reader_of(qsp_bytes(m.data, m.n));
	out->id = qsp_reader_u32(&r);
	out->error = (int)qsp_reader_u32(&r);
	out->n = qsp_reader_u8(&r);
	for (size_t i = 0; i < out->n && i < QSP_RESOLVE_MAX; i++) {
		struct qsp_bytes a = qsp_reader_vec16(&r);

		if (a.n == 0 || a.n > sizeof(out->address[i]))
			r.failed = true;
		if (r.failed)
			break;
		memcpy(&out->address[i], a.p, a.n);
		out->len[i] = (socklen_t)a.n;
	}
	if (qsp_reader_done(&r) || (out->n == 0 && out->error == 0)) {
		out->error = EAI_FAIL;
		out->n = 0;
	}
	return true;
}
