/* SPDX-License-Identifier: ISC */
/*
 * The agent without its sockets: keys, and what it answers to a request (docs/agent.md). Requests
 * are bytes of programs that may be hostile; time comes in; nothing here blocks.
 */
#ifndef QSP_APP_AGENT_H
#define QSP_APP_AGENT_H

#include "app/agent_msg.h"

#define QSP_AGENT_KEYS_MAX 64
#define QSP_AGENT_QUESTION_MAX 1400

struct qsp_agent;

/* A seed's place: memory that the caller keeps out of swap and dumps. */
struct qsp_agent_seeds {
	uint8_t b[QSP_AGENT_KEYS_MAX][QSP_KEY_SEED_MAX];
};

/* lifetime: seconds for keys that come without one, 0: for ever. cx and seeds outlive the agent. */
QSP_MUST_USE qsp_err qsp_agent_new(const struct qsp_crypto *cx, struct qsp_agent_seeds *seeds,
				   uint32_t lifetime, struct qsp_agent **out);
/* Overwrites every seed; NULL is fine. */
void qsp_agent_free(struct qsp_agent *a);

/* Who asks, as one connection. */
struct qsp_agent_peer {
	int pid;                            /* 0: not known */
	bool forwarded;                     /* may only list and use keys */
	char hosts[4 * QSP_AGENT_HOST_MAX]; /* through which, as trusted programs said */
};

enum qsp_agent_verdict {
	QSP_AGENT_DONE, /* the answer is in out */
	QSP_AGENT_ASK, /* the person is to be asked `question`: yes means calling again with `allowed` */
	QSP_AGENT_LATE, /* the answer is in out, and leaves at `late`, not before */
};

struct qsp_agent_call {
	qsp_time now;             /* ms of a clock that also runs while the machine sleeps */
	struct qsp_bytes request; /* type and contents */
	bool allowed;
	/* results */
	qsp_time late;
	char question[QSP_AGENT_QUESTION_MAX];
	const char *what; /* static text for a log: "list", "sign: no such key" */
};

/* Judges one request; out gets a whole answer, or, where it is too small, a failure. */
enum qsp_agent_verdict qsp_agent_answer(struct qsp_agent *a, struct qsp_agent_peer *peer,
					struct qsp_agent_call *call, struct qsp_writer *out);
/* The answer of a refusal, as for a question that was answered with no. */
void qsp_agent_refuse(struct qsp_bytes request, struct qsp_writer *out);

/* Overwrites keys whose time is over; when the next one's is, or UINT64_MAX. */
qsp_time qsp_agent_expire(struct qsp_agent *a, qsp_time now);

#endif
