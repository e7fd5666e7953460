/* SPDX-License-Identifier: ISC */
/*
 * What the server's processes say to each other: the first byte says which message the others are. What
 * reads is written again as the same bytes, and has no field beyond what came.
 */
#include "cmd/qsshd/rpc.h"

#include <stdlib.h>

#include "fuzz/input.h"
#include "proto/msg.h"

union message {
	struct qsp_rpc_hello hello;
	struct qsp_rpc_decaps decaps;
	struct qsp_rpc_decaps_answer decaps_answer;
	struct qsp_rpc_auth auth;
	struct qsp_rpc_auth_answer auth_answer;
	struct qsp_rpc_ends ends;
	struct qsp_rpc_login login;
	struct qsp_rpc_talk talk;
	struct qsp_rpc_tty tty;
	struct qsp_rpc_pty pty;
	struct qsp_rpc_exit exit;
	struct qsp_rpc_target target;
	struct qsp_rpc_connected connected;
	struct qsp_prompt prompt;
	struct qsp_reply reply;
};

static qsp_err
get_prompt(struct qsp_bytes in, struct qsp_prompt *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	qsp_msg_read_prompt(&r, m);
	must(m->n <= QSP_PROMPTS_MAX);
	return qsp_reader_done(&r);
}

static qsp_err
get_reply(struct qsp_bytes in, struct qsp_reply *m)
{
	struct qsp_reader r = qsp_reader_of(in);

	qsp_rpc_read_reply(&r, m);
	must(m->n <= QSP_PROMPTS_MAX);
	return qsp_reader_done(&r);
}

/* clang-format off */
#define GET_PUT(type, name) \
	case type: \
		if (qsp_rpc_get_##name(in, &m->name) != 0) \
			return false; \
		qsp_rpc_put_##name(w, &m->name); \
		return true
/* clang-format on */

/* Reads and writes again; false where it is no such message. */
static bool
copy(uint8_t type, struct qsp_bytes in, union message *m, struct qsp_writer *w)
{
	switch (type) {
		GET_PUT(QSP_RPC_HELLO, hello);
		GET_PUT(QSP_RPC_DECAPS, decaps);
		GET_PUT(QSP_RPC_DECAPS_ANSWER, decaps_answer);
		GET_PUT(QSP_RPC_AUTH, auth);
		GET_PUT(QSP_RPC_AUTH_ANSWER, auth_answer);
		GET_PUT(QSP_RPC_SESSION, ends);
		GET_PUT(QSP_RPC_LOGIN, login);
		GET_PUT(QSP_RPC_TALK, talk);
		GET_PUT(QSP_RPC_TTY, tty);
		GET_PUT(QSP_RPC_PTY, pty);
		GET_PUT(QSP_RPC_EXIT, exit);
		GET_PUT(QSP_RPC_CONNECT, target);
		GET_PUT(QSP_RPC_CONNECTED, connected);
	case QSP_RPC_TALK_PROMPT:
		if (get_prompt(in, &m->prompt) != 0)
			return false;
		qsp_msg_put_prompt(w, &m->prompt);
		return true;
	case QSP_RPC_TALK_REPLY:
		if (get_reply(in, &m->reply) != 0)
			return false;
		qsp_msg_put_reply(w, &m->reply);
		return true;
	default: return false;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t out[1 << 16];
	struct qsp_writer w = qsp_writer_of(out, sizeof(out));
	union message *m = calloc(1, sizeof(*m));

	must(m != NULL);
	if (n > 0 && n < sizeof(out) && copy(data[0], qsp_bytes(data + 1, n - 1), m, &w))
		must(qsp_writer_done(&w) == 0 &&
		     qsp_bytes_equal(qsp_writer_bytes(&w), qsp_bytes(data + 1, n - 1)));
	free(m);
	return 0;
}
