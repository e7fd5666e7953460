/* SPDX-License-Identifier: ISC */
/*
 * qsshd-session: becomes the user, then serves the requests of one connection's channels. The socket
 * to qsshd-net is its life: when that closes, terminals hang up and children hear SIGHUP.
 */
#include "cmd/qsshd/session_forward.h"

#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/qsshd/chroot.h"
#include "sys/sandbox.h"

#define CONFIG_FD 4
#define DESK_FD 5

/* --- channels ------------------------------------------------------------------------------- */

static struct qsp_session_channel *
find(struct qsp_session *s, uint32_t id)
{
	struct qsp_session_channel *ch = s->channels;

	while (ch != NULL && (ch->id != id || ch->closed))
		ch = ch->next;
	return ch;
}

/* A channel comes to be with the first request for it. */
static struct qsp_session_channel *
find_or_make(struct qsp_session *s, uint32_t id)
{
	struct qsp_session_channel *ch = find(s, id);

	if (ch != NULL || s->n_channels == QSP_SESSION_CHANNELS_MAX)
		return ch;
	ch = calloc(1, sizeof(*ch));
	if (ch == NULL)
		return NULL;
	ch->id = id;
	ch->master = ch->slave = -1;
	ch->next = s->channels;
	s->channels = ch;
	s->n_channels++;
	return ch;
}

/* Frees what is closed and has no child. */
static void
sweep(struct qsp_session *s)
{
	struct qsp_session_channel **p = &s->channels;

	while (*p != NULL) {
		struct qsp_session_channel *ch = *p;

		if (!ch->closed || ch->pid != 0) {
			p = &ch->next;
			continue;
		}
		*p = ch->next;
		s->n_channels--;
		qsp_session_child_release(ch);
		qsp_session_env_free(&ch->env);
		free(ch);
	}
}

/* --- messages ------------------------------------------------------------------------------- */

static void
tell(unsigned type, uint32_t channel, bool ok, const int *fds, size_t n_fds)
{
	uint8_t buf[8];
	struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), type);

	qsp_writer_u32(&w, channel);
	qsp_writer_u8(&w, ok);
	(void)!qsp_ipc_send_wait(QSP_SESSION_FD, qsp_writer_bytes(&w), fds, n_fds);
}

static void
on_pty(struct qsp_session *s, struct qsp_bytes body)
{
	struct qsp_session_channel *ch;
	struct qsp_rpc_pty m;
	bool ok;

	if (qsp_rpc_get_pty(body, &m))
		return;
	ch = find_or_make(s, m.channel);
	ok = ch != NULL && qsp_session_child_pty(s, ch, &m);
	if (m.want)
		tell(QSP_RPC_REPLY, m.channel, ok, NULL, 0);
}

static void
on_env(struct qsp_session *s, struct qsp_bytes body)
{
	struct qsp_reader r = qsp_reader_of(body);
	uint32_t id = qsp_reader_u32(&r);
	bool want = qsp_reader_u8(&r), ok;
	struct qsp_bytes name = qsp_reader_vec32(&r), value = qsp_reader_vec32(&r);
	struct qsp_session_channel *ch;

	if (qsp_reader_done(&r))
		return;
	ch = find_or_make(s, id);
	ok = ch != NULL && qsp_session_env_accept(s, ch, name, value);
	if (want)
		tell(QSP_RPC_REPLY, id, ok, NULL, 0);
}

static void
on_agent(struct qsp_session *s, struct qsp_bytes body)
{
	struct qsp_reader r = qsp_reader_of(body);
	uint32_t id = qsp_reader_u32(&r);
	bool want = qsp_reader_u8(&r), ok;
	struct qsp_session_channel *ch;

	if (qsp_reader_done(&r))
		return;
	ch = find_or_make(s, id);
	ok = ch != NULL && qsp_session_agent_want(s, ch);
	if (want)
		tell(QSP_RPC_REPLY, id, ok, NULL, 0);
}

static void
on_start(struct qsp_session *s, struct qsp_bytes body)
{
	struct qsp_reader r = qsp_reader_of(body);
	uint32_t id = qsp_reader_u32(&r);
	bool want = qsp_reader_u8(&r);
	uint8_t kind = qsp_reader_u8(&r);
	struct qsp_bytes command = qsp_reader_vec32(&r);
	struct qsp_session_channel *ch;
	int fds[3] = { -1, -1, -1 };
	size_t n = 0;

	if (qsp_reader_done(&r) || kind > QSP_RPC_SUBSYSTEM)
		return;
	ch = find_or_make(s, id);
	if (ch != NULL)
		n = qsp_session_child_start(s, ch, (enum qsp_rpc_kind)kind, command, fds);
	tell(QSP_RPC_STARTED, id, n > 0, fds, n);
	if (want)
		tell(QSP_RPC_REPLY, id, n > 0, NULL, 0);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static void
on_window(struct qsp_session *s, struct qsp_bytes body)
{
	struct qsp_reader r = qsp_reader_of(body);
	struct qsp_session_channel *ch = find(s, qsp_reader_u32(&r));
	uint32_t size[4];

	for (int i = 0; i < 4; i++)
		size[i] = qsp_reader_u32(&r);
	if (qsp_reader_done(&r) == 0 && ch != NULL)
		qsp_session_child_window(ch, size);
}

static void
on_signal(struct qsp_session *s, struct qsp_bytes body)
{
	struct qsp_reader r = qsp_reader_of(body);
	struct qsp_session_channel *ch = find(s, qsp_reader_u32(&r));
	struct qsp_bytes name = qsp_reader_vec32(&r);

	/* a forced command may be another user's: it is not signalled, as by sshd */
	if (qsp_reader_done(&r) == 0 && ch != NULL && s->command == NULL &&
	    strcasecmp(s->config.force_command.v[0], "none") == 0)
		(void)qsp_session_child_signal(ch, name);
}

static void
on_close(struct qsp_session *s, struct qsp_bytes body)
{
	struct qsp_reader r = qsp_reader_of(body);
	struct qsp_session_channel *ch = find(s, qsp_reader_u32(&r));

	if (qsp_reader_done(&r) || ch == NULL)
		return;
	ch->closed = true;
	qsp_session_tty_gone(s, ch);
	qsp_session_child_release(ch); /* hangs up a terminal */
}

static void
handle(struct qsp_session *s, struct qsp_ipc_message *m)
{
	struct qsp_bytes body = qsp_bytes(m->data + 1, m->n - 1);

	switch (m->data[0]) {
	case QSP_RPC_PTY: on_pty(s, body); break;
	case QSP_RPC_ENV: on_env(s, body); break;
	case QSP_RPC_AGENT: on_agent(s, body); break;
	case QSP_RPC_START: on_start(s, body); break;
	case QSP_RPC_WINDOW: on_window(s, body); break;
	case QSP_RPC_SIGNAL: on_signal(s, body); break;
	case QSP_RPC_CLOSE: on_close(s, body); break;
	default: (void)qsp_session_forward_handle(s, m->data[0], body); break;
	}
	sweep(s);
}

static void
reap(struct qsp_session *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct qsp_session_channel *ch = s->channels;
		struct qsp_rpc_exit m = { 0 };
		uint8_t buf[64];
		struct qsp_writer w = qsp_rpc_begin(buf, sizeof(buf), QSP_RPC_EXIT);

		while (ch != NULL && ch->pid != pid)
			ch = ch->next;
		if (ch == NULL)
			continue;
		ch->pid = 0;
		qsp_session_tty_gone(s, ch);
		m.channel = ch->id;
		qsp_session_child_exit(&m, status);
		qsp_rpc_put_exit(&w, &m);
		if (!ch->closed)
			(void)!qsp_ipc_send_wait(QSP_SESSION_FD, qsp_writer_bytes(&w), NULL, 0);
	}
	sweep(s);
}

static void
end(struct qsp_session *s)
{
	for (struct qsp_session_channel *ch = s->channels; ch != NULL; ch = ch->next) {
		if (ch->pid > 0) {
			/* a stopped one hears it too */
			(void)killpg(ch->pid, SIGHUP);
			(void)killpg(ch->pid, SIGCONT);
		}
		qsp_session_child_release(ch);
	}
	qsp_session_forward_end(s);
}

static void
run(struct qsp_session *s, int signals)
{
	static struct qsp_ipc_message m;
	struct pollfd p[2 + QSP_SESSION_POLLS_MAX] = { { .fd = QSP_SESSION_FD, .events = POLLIN },
						       { .fd = signals, .events = POLLIN } };
	struct signalfd_siginfo info;

	for (;;) {
		int timeout_ms = -1;
		size_t n = qsp_session_forward_poll(s, p + 2, &timeout_ms);
		qsp_err e = 0;

		if (poll(p, 2 + n, timeout_ms) < 0)
			continue;
		qsp_session_forward_run(s, p + 2, n);
		if (p[1].revents && read(signals, &info, sizeof(info)) == sizeof(info)) {
			if (info.ssi_signo != SIGCHLD)
				return;
			reap(s);
		}
		while (p[0].revents && (e = qsp_ipc_recv(QSP_SESSION_FD, &m)) == 0) {
			qsp_ipc_drop(&m);
			handle(s, &m);
		}
		if (e && e != QSP_E_ROOM)
			return;
	}
}

/* --- start ---------------------------------------------------------------------------------- */

static bool
read_config(struct qsp_session *s)
{
	char err[QSP_CONFLINE_ERROR_MAX];

	return qsp_qsshd_config_receive(&s->config, CONFIG_FD, err) == 0;
}

static char *
text_of(struct qsp_bytes b)
{
	return strndup(b.n > 0 ? (const char *)b.p : "", b.n);
}

/* While it is root; what is wrong with the folder the log of qsshd-auth has said. */
static bool
change_root(struct qsp_session *s)
{
	struct qsp_chroot who = { .user = s->user, .home = s->home, .uid = s->uid };
	char path[QSP_CHROOT_PATH_MAX], err[QSP_CHROOT_ERROR_MAX];

	if (!qsp_chroot_path(&s->config, &who, path, err))
		return false;
	return path[0] == 0 || (qsp_session_begin_look(s) && qsp_chroot_enter(path, err));
}

/* Root's power is given up before anything of the user's is touched. */
static bool
become(const struct qsp_rpc_login *m, const char *user)
{
	if (geteuid() != 0)
		return m->uid == geteuid();
	if ((!m->has_groups && initgroups(user, m->gid) != 0) ||
	    setresgid(m->gid, m->gid, m->gid) != 0 || setresuid(m->uid, m->uid, m->uid) != 0)
		return false;
	if (m->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
		return false;
	return getuid() == m->uid && geteuid() == m->uid && getgid() == m->gid &&
	       getegid() == m->gid;
}

static bool
take_list(const struct qsp_rpc_list *from, struct qsp_qsshd_list *to)
{
	for (size_t i = 0; i < from->n; i++) {
		char *s = text_of(from->v[i]);
		bool ok = s != NULL && qsp_qsshd_list_add(to, s);

		free(s);
		if (!ok)
			return false;
	}
	return true;
}

static bool
log_in(struct qsp_session *s)
{
	static struct qsp_ipc_message m;
	struct qsp_rpc_login l;
	const struct qsp_rpc_ends *e = &l.ends;

	if (qsp_ipc_recv_wait(QSP_SESSION_FD, &m) || m.data[0] != QSP_RPC_LOGIN ||
	    qsp_rpc_get_login(qsp_bytes(m.data + 1, m.n - 1), &l))
		return false;
	qsp_ipc_drop(&m);
	s->user = text_of(l.user);
	s->home = text_of(l.home);
	s->shell = text_of(l.shell);
	s->command = l.has_command ? text_of(l.command) : NULL;
	s->no_pty = l.forbidden & QSP_RPC_NO_PTY;
	s->no_port_forwarding = l.forbidden & QSP_RPC_NO_PORT_FORWARDING;
	s->no_agent_forwarding = l.forbidden & QSP_RPC_NO_AGENT_FORWARDING;
	s->no_user_rc = l.forbidden & QSP_RPC_NO_USER_RC;
	if (!take_list(&l.permit_open, &s->permit_open) ||
	    !take_list(&l.permit_listen, &s->permit_listen) ||
	    !take_list(&l.environment, &s->environment))
		return false;
	s->desk = l.has_desk ? DESK_FD : -1;
	s->uid = l.uid;
	if (asprintf(&s->client, "%.*s %u %u", (int)e->peer.n, e->peer.p, e->peer_port,
		     e->own_port) < 0 ||
	    asprintf(&s->connection, "%.*s %u %.*s %u", (int)e->peer.n, e->peer.p, e->peer_port,
		     (int)e->own.n, e->own.p, e->own_port) < 0)
		return false;
	return s->user && s->home && s->shell && (s->command || !l.has_command) && change_root(s) &&
	       become(&l, s->user);
}

int
main(void)
{
	static struct qsp_session s;
	sigset_t set;
	int signals;

	qsp_spawn_own_signals();
	qsp_sandbox_hide(false);
	s.resolver = -1;
	(void)qsp_spawn_more_descriptors();
	(void)umask(022);
	if (!read_config(&s) || !log_in(&s))
		return 1;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		return 1;
	run(&s, signals);
	end(&s);
	return 0;
}
