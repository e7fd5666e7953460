/* SPDX-License-Identifier: ISC */
/*
 * qsshd-pam: Pluggable Authentication Modules, apart from all that holds keys. qsshd-auth starts one for
 * each login that is tried,
 *
 *	qsshd-pam talk			the conversation goes over descriptor 3 (rpc.h)
 *
 * One that has said yes waits, with its handle, and stands around the session of the login then: modules find what
 * they learned from the user, set limits and open what is theirs. For a further session of the connection, after
 * the first has ended, there is another, with a handle that knows nothing:
 *
 *	qsshd-pam session SERVICE USER ADDRESS QSSHD-SESSION
 */
#include <security/pam_appl.h>
#include <security/pam_ext.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "cmd/qsshd/rpc.h"
#include "proto/msg.h"
#include "sys/ipc.h"
#include "sys/sandbox.h"
#include "sys/spawn.h"

#define TALK_FD 3
#define TEXT_MAX 4096

struct talk {
	struct qsp_rpc_talk q;
	char service[QSP_RPC_SERVICE_MAX];
	char user[QSP_USER_MAX + 1], address[QSP_RPC_ADDRESS_MAX];
	char password[QSP_RPC_PASSWORD_MAX + 1];
	char text[TEXT_MAX]; /* said by modules, not shown yet */
};

static struct qsp_ipc_message message;

static bool
copy(struct qsp_bytes b, char *to, size_t cap)
{
	if (b.n >= cap || (b.n > 0 && memchr(b.p, 0, b.n) != NULL))
		return false;
	if (b.n > 0)
		memcpy(to, b.p, b.n);
	to[b.n] = 0;
	return true;
}

/* --- the conversation ----------------------------------------------------------------------- */

static void
note(struct talk *t, const char *text)
{
	size_t n = strlen(t->text);

	(void)snprintf(t->text + n, sizeof(t->text) - n, "%s%s", n ? "\n" : "", text ? text : "");
}

/* Asks the client, after what modules have said; the replies are in `message`. */
static bool
ask(struct talk *t, struct qsp_prompt *p, struct qsp_reply *r)
{
	uint8_t buf[16384];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_TALK_PROMPT);
	struct qsp_reader reader;

	p->instruction = qsp_bytes_str(t->text);
	qsp_msg_put_prompt(&w, p);
	if (qsp_writer_done(&w) || qsp_ipc_send_wait(TALK_FD, qsp_writer_bytes(&w), NULL, 0) ||
	    qsp_ipc_recv_wait(TALK_FD, &message))
		return false;
	qsp_ipc_drop(&message);
	t->text[0] = 0;
	reader = qsp_reader_of(qsp_bytes(message.data + 1, message.n - 1));
	qsp_rpc_read_reply(&reader, r);
	return message.data[0] == QSP_RPC_TALK_REPLY && qsp_reader_done(&reader) == 0 &&
	       r->n == p->n;
}

/*
 * What a module gets to see, in malloc(3)'s memory. Of one who cannot get in it is as long as what was
 * said, and nobody's password: a right one could be told by how soon the modules are done.
 */
static char *
answer_of(const struct talk *t, struct qsp_bytes said)
{
	char *s = said.n <= QSP_RPC_PASSWORD_MAX ? malloc(said.n + 1) : NULL;

	if (s != NULL && !copy(said, s, said.n + 1)) {
		free(s);
		return NULL;
	}
	if (s != NULL && t->q.hopeless)
		memset(s, '\b', said.n);
	return s;
}

static bool
is_question(const struct pam_message *m)
{
	return m->msg_style == PAM_PROMPT_ECHO_OFF || m->msg_style == PAM_PROMPT_ECHO_ON;
}

/* One call's questions go as one prompt; what is only said goes with the next. */
static bool
answer_all(struct talk *t, int n, const struct pam_message **msg, struct pam_response *out)
{
	struct qsp_prompt p = { 0 };
	struct qsp_reply r = { 0 };
	size_t k = 0;

	for (int i = 0; i < n; i++) {
		if (!is_question(msg[i])) {
			note(t, msg[i]->msg);
			continue;
		}
		if (p.n == QSP_PROMPTS_MAX || t->q.kind == QSP_RPC_TALK_ACCOUNT ||
		    (t->q.kind == QSP_RPC_TALK_PASSWORD &&
		     msg[i]->msg_style != PAM_PROMPT_ECHO_OFF))
			return false;
		p.text[p.n] = qsp_bytes_str(msg[i]->msg ? msg[i]->msg : "");
		p.echo[p.n++] = msg[i]->msg_style == PAM_PROMPT_ECHO_ON;
	}
	if (p.n > 0 && t->q.kind == QSP_RPC_TALK_INTERACTIVE && !ask(t, &p, &r))
		return false;
	for (int i = 0; i < n; i++) {
		if (!is_question(msg[i]))
			continue;
		out[i].resp =
			answer_of(t, t->q.kind == QSP_RPC_TALK_PASSWORD ? qsp_bytes_str(t->password)
									: r.text[k++]);
		if (out[i].resp == NULL)
			return false;
	}
	return true;
}

static int
converse(int n, const struct pam_message **msg, struct pam_response **resp, void *arg)
{
	struct pam_response *out;
	bool ok;

	*resp = NULL;
	if (n <= 0 || n > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	out = calloc((size_t)n, sizeof(*out));
	if (out == NULL)
		return PAM_BUF_ERR;
	ok = answer_all(arg, n, msg, out);
	qsp_mem_wipe(message.data, message.n);
	if (ok) {
		*resp = out;
		return PAM_SUCCESS;
	}
	for (int i = 0; i < n; i++) {
		if (out[i].resp != NULL)
			qsp_mem_wipe(out[i].resp, strlen(out[i].resp));
		free(out[i].resp);
	}
	free(out);
	return PAM_CONV_ERR;
}

static int
begin(const char *service, const char *user, const char *address, const struct pam_conv *conv,
      pam_handle_t **h)
{
	int r = pam_start(service, user, conv, h);

	if (r == PAM_SUCCESS)
		r = pam_set_item(*h, PAM_RHOST, address);
	if (r == PAM_SUCCESS)
		r = pam_set_item(*h, PAM_TTY, "qssh");
	return r;
}

/* Whether a module made another user of this one, as some do. */
static bool
same_user(pam_handle_t *h, const char *user)
{
	const void *now = NULL;

	return pam_get_item(h, PAM_USER, &now) == PAM_SUCCESS && now != NULL &&
	       strcmp(now, user) == 0;
}

/* As PAM says; *verdict is what comes of it. */
static int
check(pam_handle_t *h, struct talk *t, enum qsp_rpc_talk_verdict *verdict)
{
	int r = PAM_SUCCESS;

	*verdict = QSP_RPC_TALK_NO;
	if (t->q.kind != QSP_RPC_TALK_ACCOUNT)
		r = pam_authenticate(h, PAM_DISALLOW_NULL_AUTHTOK);
	if (r == PAM_SUCCESS && (t->q.hopeless || !same_user(h, t->user)))
		r = PAM_AUTH_ERR;
	if (r != PAM_SUCCESS)
		return r;
	if (t->q.kind == QSP_RPC_TALK_PASSWORD)
		t->text[0] = 0; /* a greeting, and no reason */
	r = pam_acct_mgmt(h, 0);
	*verdict = r == PAM_NEW_AUTHTOK_REQD ? QSP_RPC_TALK_EXPIRED : QSP_RPC_TALK_CLOSED;
	if (r == PAM_NEW_AUTHTOK_REQD && t->q.kind == QSP_RPC_TALK_INTERACTIVE)
		r = pam_chauthtok(h, PAM_CHANGE_EXPIRED_AUTHTOK);
	if (r == PAM_SUCCESS && !same_user(h, t->user))
		r = PAM_USER_UNKNOWN;
	if (r == PAM_SUCCESS)
		*verdict = QSP_RPC_TALK_YES;
	return r;
}

static bool
receive(struct talk *t)
{
	bool ok = qsp_ipc_recv_wait(TALK_FD, &message) == 0 && message.data[0] == QSP_RPC_TALK &&
		  qsp_rpc_get_talk(qsp_bytes(message.data + 1, message.n - 1), &t->q) == 0 &&
		  copy(t->q.service, t->service, sizeof(t->service)) &&
		  copy(t->q.user, t->user, sizeof(t->user)) &&
		  copy(t->q.address, t->address, sizeof(t->address)) &&
		  copy(t->q.password, t->password, sizeof(t->password));

	qsp_mem_wipe(message.data, message.n);
	return ok;
}

/* And why not: to the log PAM's words and the modules', to the user those of the modules where there are any. */
static void
conclude(const struct talk *t, enum qsp_rpc_talk_verdict verdict, const char *words)
{
	uint8_t buf[TEXT_MAX + 512];
	char why[TEXT_MAX + 256];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_TALK_DONE);
	bool said = t->text[0] != 0;

	(void)snprintf(why, sizeof(why), "%s%s%s", said && verdict != QSP_RPC_TALK_NO ? "" : words,
		       said && verdict == QSP_RPC_TALK_NO ? ": " : "", t->text);
	qsp_writer_u8(&w, (uint8_t)verdict);
	qsp_writer_vec16(&w, qsp_bytes_str(why));
	(void)!qsp_ipc_send_wait(TALK_FD, qsp_writer_bytes(&w), NULL, 0);
}

/* --- around a session ----------------------------------------------------------------------- */

static int
say_nothing(int n, const struct pam_message **msg, struct pam_response **resp, void *arg)
{
	(void)msg;
	(void)arg;
	*resp = n > 0 && n <= PAM_MAX_NUM_MSG ? calloc((size_t)n, sizeof(**resp)) : NULL;
	return *resp != NULL ? PAM_SUCCESS : PAM_CONV_ERR;
}

static int
wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What the modules have set, marked as theirs (QSP_RPC_PAM_ENV); NULL without memory. */
static char **
environment_of(pam_handle_t *h)
{
	char **v = pam_getenvlist(h), *marked;

	for (size_t i = 0; v != NULL && v[i] != NULL; i++) {
		if (asprintf(&marked, QSP_RPC_PAM_ENV "%s", v[i]) < 0)
			return NULL;
		free(v[i]);
		v[i] = marked;
	}
	return v;
}

/* Who ends us means the session: it ends, and the modules hear of it. */
static pid_t around;

static void
on_term(int sig)
{
	if (around > 0)
		(void)kill(around, sig);
}

/* The descriptors of qsshd-session to where it looks for them. */
static bool
place(const struct qsp_ipc_message *m)
{
	int fd[QSP_IPC_FDS_MAX], n = (int)m->n_fds;

	for (int i = 0; i < n; i++) {
		if ((fd[i] = fcntl(m->fd[i], F_DUPFD, TALK_FD + n)) < 0)
			return false;
	}
	for (int i = 0; i < n; i++) {
		if (dup2(fd[i], TALK_FD + i) < 0)
			return false;
	}
	closefrom(TALK_FD + n);
	return true;
}

/* Those of qsshd-session, where they were in place before any module had opened something. */
static bool was_open[QSP_IPC_FDS_MAX];

static void
note_session_fds(void)
{
	for (int i = 0; i < QSP_IPC_FDS_MAX; i++)
		was_open[i] = fcntl(TALK_FD + i, F_GETFD) >= 0;
}

static void
close_session_fds(struct qsp_ipc_message *m)
{
	for (int i = 0; m == NULL && i < QSP_IPC_FDS_MAX; i++) {
		if (was_open[i])
			close(TALK_FD + i);
	}
	if (m != NULL) {
		close(TALK_FD);
		qsp_ipc_drop(m);
	}
}

/* Its exit status; modules' limits and groups are its from the start. m NULL: its descriptors are in place. */
static int
run(pam_handle_t *h, char *program, struct qsp_ipc_message *m)
{
	char *const argv[] = { program, NULL };
	char **envp = environment_of(h);
	pid_t pid = envp != NULL ? fork() : -1;

	around = pid;
	(void)signal(SIGTERM, pid == 0 ? SIG_DFL : on_term);
	if (pid == 0) {
		if (m == NULL || place(m))
			execve(program, argv, envp);
		_exit(127);
	}
	close_session_fds(m); /* they are its life, not ours; what modules have opened stays open */
	return pid > 0 ? wait_for(pid) : 1;
}

/* The exit status of the session, or QSP_RPC_PAM_NO_SESSION. */
static int
open_session(pam_handle_t *h, const char *user, char *program, struct qsp_ipc_message *m)
{
	const struct passwd *pw = getpwnam(user);
	int status = QSP_RPC_PAM_NO_SESSION, r = PAM_SUCCESS;

	if (pw == NULL || initgroups(user, pw->pw_gid) != 0)
		r = PAM_SESSION_ERR;
	if (r == PAM_SUCCESS)
		r = pam_setcred(h, PAM_ESTABLISH_CRED);
	if (r == PAM_SUCCESS && (r = pam_open_session(h, 0)) != PAM_SUCCESS)
		(void)pam_setcred(h, PAM_DELETE_CRED);
	if (r == PAM_SUCCESS) {
		status = run(h, program, m);
		(void)pam_close_session(h, 0);
		(void)pam_setcred(h, PAM_DELETE_CRED);
	} else {
		pam_syslog(h, LOG_ERR, "no session for %s: %s", user, pam_strerror(h, r));
	}
	return status;
}

static int
session(const char *service, const char *user, const char *address, char *program)
{
	const struct pam_conv conv = { say_nothing, NULL };
	pam_handle_t *h = NULL;
	int status = QSP_RPC_PAM_NO_SESSION, r = begin(service, user, address, &conv, &h);

	if (r == PAM_SUCCESS)
		status = open_session(h, user, program, NULL);
	if (h != NULL)
		(void)pam_end(h, r);
	return status;
}

/* --- one login ------------------------------------------------------------------------------ */

/* Nobody waits for the answers of a session's modules. What was judged is the user whose session it is. */
static int
follow(pam_handle_t *h, const struct talk *t)
{
	static const struct pam_conv quiet = { say_nothing, NULL };
	char program[1024];

	if (geteuid() != 0 || qsp_ipc_recv_wait(TALK_FD, &message) ||
	    message.data[0] != QSP_RPC_TALK_SESSION)
		return 0;
	if (message.n_fds < 2 || pam_set_item(h, PAM_CONV, &quiet) != PAM_SUCCESS ||
	    qsp_spawn_find("qsshd-session", program, sizeof(program)) != 0)
		return QSP_RPC_PAM_NO_SESSION;
	return open_session(h, t->user, program, &message);
}

static int
talk(void)
{
	static struct talk t;
	const struct pam_conv conv = { converse, &t };
	struct qsp_prompt last = { 0 };
	struct qsp_reply nothing;
	enum qsp_rpc_talk_verdict verdict = QSP_RPC_TALK_NO;
	pam_handle_t *h = NULL;
	int r, status = 0;

	if (receive(&t)) {
		r = begin(t.service, t.user, t.address, &conv, &h);
		if (r == PAM_SUCCESS)
			r = check(h, &t, &verdict);
		/* the last words, where the end of the connection does not bring them */
		if (t.q.kind == QSP_RPC_TALK_INTERACTIVE && t.text[0] != 0 &&
		    verdict != QSP_RPC_TALK_CLOSED)
			(void)ask(&t, &last, &nothing);
		conclude(&t, verdict, h != NULL ? pam_strerror(h, r) : "no PAM");
		qsp_mem_wipe(t.password, sizeof(t.password));
		if (verdict == QSP_RPC_TALK_YES)
			status = follow(h, &t);
		if (h != NULL)
			(void)pam_end(h, r);
	}
	qsp_mem_wipe(&t, sizeof(t));
	return status;
}

int
main(int argc, char **argv)
{
	qsp_spawn_own_signals();
	qsp_sandbox_hide(false);
	if (argc == 2 && strcmp(argv[1], "talk") == 0)
		return talk();
	note_session_fds();
	if (argc == 6 && strcmp(argv[1], "session") == 0)
		return session(argv[2], argv[3], argv[4], argv[5]);
	fprintf(stderr, "qsshd-pam is started by qsshd\n");
	return 1;
}
