/* SPDX-License-Identifier: ISC */
/*
 * Agent forwarding: a socket in a folder of the user's own, whose connections become channels to the
 * client's agent. There is one for a login; programs of the channels that asked for it are told where
 * it is, and it goes when the login does.
 */
#include "cmd/qsshd/session_forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Made with the user's rights, and so, as mkdtemp does, open to nobody else. */
static bool
listen_somewhere(struct qsp_session *s)
{
	char folder[] = "/tmp/qssh-XXXXXXXXXX", path[64];

	if (mkdtemp(folder) == NULL)
		return false;
	(void)snprintf(path, sizeof(path), "%s/agent.%ld", folder, (long)getpid());
	s->agent_folder = strdup(folder);
	s->agent_path = strdup(path);
	if (s->agent_folder != NULL && s->agent_path != NULL &&
	    qsp_session_listen_unix(s, QSP_RPC_FORWARD_AGENT, path, false))
		return true;
	(void)rmdir(folder);
	free(s->agent_folder);
	free(s->agent_path);
	s->agent_folder = s->agent_path = NULL;
	return false;
}

bool
qsp_session_agent_want(struct qsp_session *s, struct qsp_session_channel *ch)
{
	if (s->no_agent_forwarding || !s->config.allow_agent_forwarding ||
	    s->config.disable_forwarding || (s->agent_path == NULL && !listen_somewhere(s)))
		return false;
	ch->has_agent = true;
	return true;
}

void
qsp_session_agent_end(struct qsp_session *s)
{
	if (s->agent_folder != NULL)
		(void)rmdir(s->agent_folder);
	free(s->agent_folder);
	free(s->agent_path);
	s->agent_folder = s->agent_path = NULL;
}
