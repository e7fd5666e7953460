/* SPDX-License-Identifier: ISC */
/* Requests leave in one buffer that is wiped behind them: they may hold a seed or a passphrase. */
#include "app/agent_client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

struct qsp_agent_client {
	int fd;
	uint8_t request[4 + QSP_AGENT_REQUEST_MAX];
	uint8_t answer[4 + QSP_AGENT_ANSWER_MAX];
};

qsp_err
qsp_agent_client_open(const char *path, struct qsp_agent_client **out)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct qsp_agent_client *c;
	int code;

	*out = NULL;
	if (strlen(path) >= sizeof(sa.sun_path) || !*path)
		return QSP_E_INPUT;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	if ((c = qsp_mem_alloc(sizeof(*c))) == NULL)
		return QSP_E_NOMEM;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)) == 0) {
		*out = c;
		return QSP_OK;
	}
	code = errno;
	qsp_agent_client_close(c);
	errno = code;
	return QSP_E_IO;
}

void
qsp_agent_client_close(struct qsp_agent_client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	qsp_mem_wipe_free(c, sizeof(*c));
}

static bool
send_all(int fd, struct qsp_bytes b)
{
	while (b.n > 0) {
		ssize_t n = send(fd, b.p, b.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		b = qsp_bytes_from(b, (size_t)n);
	}
	return true;
}

static bool
receive_all(int fd, uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t got = recv(fd, p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

qsp_err
qsp_agent_client_ask(struct qsp_agent_client *c, const struct qsp_agent_msg *m,
		     struct qsp_bytes *answer)
{
	struct qsp_writer w = qsp_writer_of(c->request, sizeof(c->request));
	uint32_t n;
	bool sent;

	*answer = QSP_BYTES_NONE;
	qsp_agent_msg_put(&w, m);
	if (qsp_writer_done(&w) != 0) {
		qsp_mem_wipe(c->request, sizeof(c->request));
		return QSP_E_INPUT;
	}
	sent = send_all(c->fd, qsp_writer_bytes(&w));
	qsp_mem_wipe(c->request, w.n);
	if (!sent || !receive_all(c->fd, c->answer, 4))
		return QSP_E_IO;
	n = qsp_bytes_get32(c->answer);
	if (n == 0 || n > QSP_AGENT_ANSWER_MAX || !receive_all(c->fd, c->answer + 4, n))
		return QSP_E_IO;
	*answer = qsp_bytes(c->answer + 4, n);
	return QSP_OK;
}

qsp_err
qsp_agent_client_do(struct qsp_agent_client *c, const struct qsp_agent_msg *m)
{
	struct qsp_bytes answer;
	qsp_err e = qsp_agent_client_ask(c, m, &answer);

	if (e)
		return e;
	return answer.p[0] == QSP_AGENT_SUCCESS ? QSP_OK : QSP_E_POLICY;
}

qsp_err
qsp_agent_client_add(struct qsp_agent_client *c, const struct qsp_key *key,
		     const struct qsp_agent_client_add *how)
{
	uint8_t seed[QSP_KEY_SEED_MAX], type = qsp_key_get_public(key)->blob[0];
	struct qsp_agent_msg m = {
		.type = how->lifetime || how->confirm ? QSP_AGENT_ADD_CONSTRAINED
						      : QSP_AGENT_ADD_IDENTITY,
		.key_type = type,
		.seed = { seed, qsp_key_seed_len(type) },
		.comment = how->comment,
		.lifetime = how->lifetime,
		.confirm = how->confirm,
	};
	qsp_err e;

	qsp_key_get_seed(key, seed);
	e = qsp_agent_client_do(c, &m);
	qsp_mem_wipe(seed, sizeof(seed));
	return e;
}
