/* SPDX-License-Identifier: ISC */
/* The values of AddKeysToAgent and IdentityAgent, as ssh_config has them. */
#ifndef QSP_APP_CLIENT_AGENT_H
#define QSP_APP_CLIENT_AGENT_H

#include "app/client_config.h"

struct qsp_client_agent_add {
	bool add, ask, confirm;
	uint32_t lifetime; /* seconds; 0: no end */
};
/* yes, no, ask, a time, or confirm with or without one. QSP_E_INPUT. */
QSP_MUST_USE qsp_err qsp_client_agent_get_add(const char *s, struct qsp_client_agent_add *out);

/*
 * The path of the socket that a value names: "$NAME", "SSH_AUTH_SOCK" and "QSSH_AUTH_SOCK" are
 * variables of the environment, everything else a path, with ~ and tokens; NULL is $QSSH_AUTH_SOCK. On
 * the heap; NULL where there is none ("none", a variable that is not set, an unknown token).
 */
char *qsp_client_agent_path(const char *value, const struct qsp_client_tokens *t);
/* The same of the agent to forward: ForwardAgent is no, yes (that of IdentityAgent), or names one. */
char *qsp_client_agent_forward_path(const char *forward, const char *identity_agent,
				    const struct qsp_client_tokens *t);

#endif
