/* SPDX-License-Identifier: ISC */
/*
 * Is this the right host? What is known of it, the question to the person, and what is learned.
 */
#include "cmd/qssh/qssh.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ct.h"
#include "base/mem.h"
#include "sys/ask.h"

void
qsp_qssh_host_type(uint8_t type, char out[64])
{
	const char *name = qsp_key_type_name(type);
	size_t n = 0;

	for (; name && name[n] && n < 63; n++)
		out[n] = (char)toupper((unsigned char)name[n]);
	out[n] = 0;
}

static const char *
where(struct qsp_qssh *q)
{
	return q->key_name;
}

/* The first call: as the host is known, or by its bridge line, or as a stranger. */
void
qsp_qssh_host_look_up(struct qsp_qssh *q)
{
	const struct qsp_bridge *b = &q->opt.bridge;

	q->has_contact = qsp_qssh_hostfile_contact(q);
	if (q->opt.is_bridge) {
		/* its secret is newer than what is remembered; a key that it does not name is not asked */
		q->call.ok_class = QSP_OK_SECRET;
		q->call.known =
			q->has_contact && memcmp(q->contact.key.id, b->id, QSP_KEY_ID_LEN) == 0;
		memcpy(q->contact.secret, b->secret, QSP_OK_LEN);
		return;
	}
	q->call.known = q->has_contact;
	q->call.ok_class =
		q->has_contact && q->contact.has_secret ? QSP_OK_SECRET : QSP_OK_FIRST_CONTACT;
}

/* --- warnings ------------------------------------------------------------------------------- */

#define BAR "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"

static void
warn_changed(struct qsp_qssh *q, const struct qsp_key_public *key, const char *path, unsigned line)
{
	char type[64], print[QSP_KEY_PRINT_MAX];

	qsp_qssh_host_type(key->blob[0], type);
	qsp_key_print(key->id, print);
	qsp_qssh_say(QSP_LOG_ERROR,
		     BAR "\n"
			 "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n" BAR "\n"
			 "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\n"
			 "Someone could be eavesdropping on you right now "
			 "(man-in-the-middle attack)!\n"
			 "It is also possible that a host key has just been changed.\n"
			 "The fingerprint for the %s key sent by the remote host is\n%s.\n"
			 "Please contact your system administrator.\n"
			 "Offending key in %s:%u\n"
			 "  remove with:\n"
			 "  qssh-keygen -f '%s' -R '%s'",
		     type, print, path, line, path, where(q));
}

static bool
refuse_revoked(const struct qsp_key_public *key, const char *path, unsigned line)
{
	char type[64];

	qsp_qssh_host_type(key->blob[0], type);
	qsp_qssh_say(QSP_LOG_ERROR,
		     BAR
		     "\n"
		     "@       WARNING: REVOKED HOST KEY DETECTED!               @\n" BAR "\n"
		     "The %s host key is marked as revoked in %s:%u.\n"
		     "This could mean that a stolen key is being used to impersonate this host.\n"
		     "Host key verification failed.",
		     type, path ? path : "known_hosts", line);
	return false;
}

static bool
refuse(const char *why)
{
	if (why)
		qsp_qssh_say(QSP_LOG_ERROR, "%s", why);
	qsp_qssh_say(QSP_LOG_ERROR, "Host key verification failed.");
	return false;
}

/* --- the question --------------------------------------------------------------------------- */

#define TRIES 10 /* a program that answers for the person may say the same for ever */

/* Yes (or print, where that is given) is yes; no, nothing and the end of input are no. */
static bool
agrees(const char *question, const char *again, const char *print)
{
	char answer[256];

	for (int i = 0; i < TRIES; i++, question = again) {
		const char *word = answer;

		if (qsp_ask(question, true, answer, sizeof(answer)) == QSP_E_IO)
			return false;
		word += strspn(word, " \t");
		answer[(size_t)(word - answer) + strcspn(word, " \t")] = 0;
		if (strcasecmp(word, "yes") == 0 || (print && strcmp(word, print) == 0))
			return true;
		if (word[0] == 0 || strcasecmp(word, "no") == 0)
			return false;
	}
	return false;
}

/* Asks until the answer is yes, no, or the fingerprint. */
static bool
ask(struct qsp_qssh *q, const struct qsp_key_public *key)
{
	char type[64], print[QSP_KEY_PRINT_MAX];

	qsp_qssh_host_type(key->blob[0], type);
	qsp_key_print(key->id, print);
	qsp_qssh_say(QSP_LOG_ERROR,
		     "The authenticity of host '%s' can't be established.\n"
		     "%s key fingerprint is %s.\n"
		     "This key is not known by any other names.",
		     where(q), type, print);
	return agrees("Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
		      "Please type 'yes', 'no' or the fingerprint: ", print) ||
	       refuse(NULL);
}

static bool
decide_new(struct qsp_qssh *q, const struct qsp_key_public *key)
{
	char type[64], line[512];

	qsp_qssh_host_type(key->blob[0], type);
	switch (q->cfg.strict) {
	case QSP_CLIENT_YES:
		snprintf(line, sizeof(line),
			 "No %s host key is known for %s and you have requested strict checking.",
			 type, where(q));
		return refuse(line);
	case QSP_CLIENT_ASK:
		if (q->cfg.batch_mode == QSP_CLIENT_YES || !qsp_ask_possible())
			return refuse(NULL);
		if (!ask(q, key))
			return false;
		break;
	default: break;
	}
	q->add_host = true;
	return true;
}

static bool
decide_changed(struct qsp_qssh *q, const struct qsp_key_public *key, const char *path,
	       unsigned line)
{
	char text[512];

	warn_changed(q, key, path, line);
	if (q->cfg.strict != QSP_CLIENT_NO) {
		snprintf(text, sizeof(text),
			 "Host key for %s has changed and you have requested strict checking.",
			 where(q));
		return refuse(text);
	}
	qsp_qssh_say(QSP_LOG_ERROR, "Password authentication is disabled to avoid "
				    "man-in-the-middle attacks.");
	q->distrusted = true;
	return true;
}

bool
qsp_qssh_host_decide(struct qsp_qssh *q, const struct qsp_key_public *key)
{
	struct qsp_known_hosts_match m;
	char *path = NULL, print[QSP_KEY_PRINT_MAX];
	enum qsp_known_hosts_verdict v = qsp_qssh_hostfile_check(q, key, &path, &m);
	bool trusted = false;

	qsp_key_print(key->id, print);
	qsp_qssh_say(QSP_LOG_DEBUG1, "Server host key: %s %s", qsp_key_type_name(key->blob[0]),
		     print);
	if (v == QSP_KNOWN_HOSTS_REVOKED) {
		trusted = refuse_revoked(key, path, m.line);
	} else if (q->opt.is_bridge && memcmp(key->id, q->opt.bridge.id, QSP_KEY_ID_LEN) != 0) {
		trusted = refuse("The host's key is not the one that the bridge line names.");
	} else if (v == QSP_KNOWN_HOSTS_SAME) {
		trusted = true;
	} else if (v == QSP_KNOWN_HOSTS_CHANGED) {
		trusted = decide_changed(q, key, path, m.line);
	} else if (q->opt.is_bridge) {
		q->add_host = true; /* whoever gave the line vouched for the key */
		trusted = true;
	} else {
		trusted = decide_new(q, key);
	}
	qsp_known_hosts_match_wipe(&m);
	free(path);
	return trusted;
}

/* Called where the key is proven: the engine asks for a login only then. */
void
qsp_qssh_host_learn(struct qsp_qssh *q)
{
	const struct qsp_conn *c = qsp_qssh_contact_conn(q);
	struct qsp_key_public *key;
	uint8_t secret[QSP_OK_LEN];

	if (q->distrusted || !(key = qsp_mem_alloc(sizeof(*key))))
		return;
	if (qsp_conn_host_key(c, key) == 0) {
		if (q->add_host)
			qsp_qssh_hostfile_add(q, key);
		q->add_host = false;
		if (!q->secret_stored && qsp_conn_server_secret(c, secret)) {
			bool same = q->has_contact && q->contact.has_secret && !q->opt.is_bridge &&
				    qsp_ct_equal(q->contact.secret, secret, QSP_OK_LEN);

			q->secret_stored = true;
			if (!same)
				qsp_qssh_hostfile_secret(q, key, secret);
			qsp_mem_wipe(secret, sizeof(secret));
		}
	}
	qsp_mem_free(key);
}

bool
qsp_qssh_host_look_again(struct qsp_qssh *q)
{
	const char *question = "Look at the host with a first-contact handshake, as a stranger "
			       "would? (yes/no) ";

	if (q->cfg.first_contact == QSP_CLIENT_YES)
		return true;
	if (q->cfg.first_contact == QSP_CLIENT_NO || q->cfg.batch_mode == QSP_CLIENT_YES ||
	    !qsp_ask_possible())
		return false;
	return agrees(question, question, NULL);
}
