/* SPDX-License-Identifier: ISC */
/*
 * Talking to an agent over its socket: one request, one answer, waiting for it (a person may be asked).
 */
#ifndef QSP_APP_AGENT_CLIENT_H
#define QSP_APP_AGENT_CLIENT_H

#include "app/agent_msg.h"

struct qsp_agent_client;

/* Connects to the socket at path. QSP_E_INPUT for a path that no socket can have, QSP_E_IO (errno),
 * QSP_E_NOMEM. */
QSP_MUST_USE qsp_err qsp_agent_client_open(const char *path, struct qsp_agent_client **out);
/* NULL is fine. */
void qsp_agent_client_close(struct qsp_agent_client *c);

/* Sends m; *answer, type and contents, is never empty and stays until the next call. QSP_E_IO where
 * the agent went away or says more than an answer can hold; then the client is of no more use. */
QSP_MUST_USE qsp_err qsp_agent_client_ask(struct qsp_agent_client *c, const struct qsp_agent_msg *m,
					  struct qsp_bytes *answer);
/* The same where the answer is yes or no: QSP_E_POLICY for no. */
QSP_MUST_USE qsp_err qsp_agent_client_do(struct qsp_agent_client *c, const struct qsp_agent_msg *m);
/* Has key put into the agent, until `lifetime` seconds have gone (0: no end). */
struct qsp_agent_client_add {
	struct qsp_bytes comment;
	uint32_t lifetime;
	bool confirm;
};
QSP_MUST_USE qsp_err qsp_agent_client_add(struct qsp_agent_client *c, const struct qsp_key *key,
					  const struct qsp_agent_client_add *how);

#endif
