/* SPDX-License-Identifier: ISC */
/* Keys that an agent keeps: which there are, and their answers to the connection's questions. */
#include "cmd/qssh/qssh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/agent_client.h"
#include "app/client_agent.h"
#include "base/text.h"
#include "sys/askpass.h"
#include "sys/tty.h"

static void
lost(struct qsp_qssh *q, qsp_err e)
{
	qsp_qssh_say(QSP_LOG_INFO, "qssh: the agent does not answer: %s", qsp_err_text(e));
	qsp_qssh_agent_close(q);
}

/* Connects once; NULL where there is no agent. */
static struct qsp_agent_client *
agent_of(struct qsp_qssh *q)
{
	char *path;
	qsp_err e;

	if (q->agent_tried)
		return q->agent;
	q->agent_tried = true;
	path = qsp_client_agent_path(q->cfg.identity_agent, &q->tokens);
	if (!path)
		return NULL;
	if ((e = qsp_agent_client_open(path, &q->agent)) != 0)
		qsp_qssh_say(q->cfg.identity_agent ? QSP_LOG_ERROR : QSP_LOG_DEBUG1,
			     "agent at %s: %s", path,
			     e == QSP_E_IO ? strerror(errno) : qsp_err_text(e));
	free(path);
	return q->agent;
}

void
qsp_qssh_agent_close(struct qsp_qssh *q)
{
	qsp_agent_client_close(q->agent);
	q->agent = NULL;
	q->agent_tried = false;
}

size_t
qsp_qssh_agent_list(struct qsp_qssh *q, struct qsp_qssh_identity *out, size_t cap)
{
	struct qsp_agent_msg m = { .type = QSP_AGENT_REQUEST_IDENTITIES };
	struct qsp_agent_identity id;
	struct qsp_agent_list list;
	struct qsp_bytes answer;
	size_t n = 0;
	qsp_err e;

	if (!agent_of(q))
		return 0;
	if ((e = qsp_agent_client_ask(q->agent, &m, &answer)) != 0 ||
	    (e = qsp_agent_msg_get_list(answer, &list)) != 0) {
		lost(q, e);
		return 0;
	}
	while (n < cap && qsp_agent_msg_next(&list, &id)) {
		char comment[QSP_AGENT_COMMENT_MAX + 1];

		memset(&out[n], 0, sizeof(out[n]));
		if (qsp_key_public_parse(q->cx, id.blob, &out[n].pub) != 0)
			continue;
		qsp_text_printable(id.comment, false, comment, sizeof(comment));
		out[n].in_agent = true;
		if ((out[n].path = strdup(comment)) != NULL)
			n++;
	}
	return n;
}

/* The agent's answer, or why there is none. */
static bool
ask(struct qsp_qssh *q, const struct qsp_agent_msg *m, struct qsp_bytes *answer)
{
	qsp_err e = q->agent ? qsp_agent_client_ask(q->agent, m, answer) : QSP_E_IO;

	if (!e)
		return true;
	lost(q, e);
	return false;
}

static void
refused(const struct qsp_qssh_identity *id)
{
	qsp_qssh_say(QSP_LOG_ERROR, "qssh: %s: agent refused operation", id->path);
}

void
qsp_qssh_agent_mix(struct qsp_qssh *q, const struct qsp_qssh_identity *id)
{
	struct qsp_conn *c = qsp_qssh_contact_conn(q);
	struct qsp_agent_msg m = { .type = QSP_AGENT_EXTENSION,
				   .ext = QSP_AGENT_EXT_KEM_MIX,
				   .key_id = QSP_BYTES_OF(id->pub.id) };
	struct qsp_decaps_question question;
	struct qsp_bytes answer, ck;
	bool ok = qsp_conn_decaps_question(c, &question) == 0 &&
		  qsp_conn_mix_question(c, &m.suite, &m.ck) == 0;

	if (ok) {
		m.point = qsp_bytes(question.point, 32);
		m.ct = question.ct;
		ok = ask(q, &m, &answer);
		if (ok && (qsp_agent_msg_get_mixed(answer, &ck) != 0 || ck.n != m.ck.n)) {
			refused(id);
			ok = false;
		}
	}
	if (ok)
		(void)!qsp_conn_mix(c, ck); /* its error is the connection's */
	else
		(void)!qsp_conn_decaps(c, NULL);
}

void
qsp_qssh_agent_sign(struct qsp_qssh *q, const struct qsp_qssh_identity *id)
{
	struct qsp_conn *c = qsp_qssh_contact_conn(q);
	struct qsp_agent_msg m = { .type = QSP_AGENT_SIGN_REQUEST,
				   .key = { id->pub.blob, id->pub.len },
				   .data = qsp_conn_sign_input(c) };
	struct qsp_bytes answer, sig = QSP_BYTES_NONE;

	if (ask(q, &m, &answer) && qsp_agent_msg_get_signature(answer, &sig) != 0) {
		refused(id);
		sig = QSP_BYTES_NONE; /* an empty one ends the attempt */
	}
	if (qsp_conn_sign(c, sig) == QSP_E_STATE && sig.n > 0)
		(void)!qsp_conn_sign(c, QSP_BYTES_NONE); /* of a wrong length */
}

/* --- AddKeysToAgent -------------------------------------------------------------------------- */

static bool
person_agrees(struct qsp_qssh *q, const struct qsp_qssh_identity *id)
{
	char question[800], print[QSP_KEY_PRINT_MAX], answer[16] = "";

	qsp_key_print(id->pub.id, print);
	if (q->cfg.batch_mode == QSP_CLIENT_YES)
		return false;
	if (qsp_askpass_is_set()) {
		snprintf(question, sizeof(question), "Add key %.500s (%s) to agent?", id->path,
			 print);
		return qsp_askpass_confirm(question);
	}
	snprintf(question, sizeof(question), "Add key %.500s (%s) to agent (yes/no)? ", id->path,
		 print);
	return q->can_ask && qsp_tty_ask(question, true, answer, sizeof(answer)) == 0 &&
	       strcasecmp(answer, "yes") == 0;
}

void
qsp_qssh_agent_keep(struct qsp_qssh *q, const struct qsp_qssh_identity *id)
{
	struct qsp_client_agent_add want;
	struct qsp_agent_client_add how = { .comment = qsp_bytes_str(id->path) };
	qsp_err e;

	if (qsp_client_agent_get_add(q->cfg.add_keys, &want) != 0 || !want.add || !agent_of(q) ||
	    (want.ask && !person_agrees(q, id)))
		return;
	how.lifetime = want.lifetime;
	how.confirm = want.confirm;
	e = qsp_agent_client_add(q->agent, id->key, &how);
	qsp_qssh_say(e ? QSP_LOG_INFO : QSP_LOG_DEBUG1, "%s to agent: %s",
		     e ? "could not add identity" : "identity added", id->path);
}
