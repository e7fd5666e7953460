/* SPDX-License-Identifier: ISC */
/*
 * After the connection was lost [P4.7]: another one, at once and then with growing pauses, until it
 * has resumed the session, or somebody says no, or it has taken too long. Channels and terminal
 * know nothing of it: what is typed waits, and ~. works.
 *
 * Names are looked up and addresses tried in a thread, which sends the socket through a pipe, so
 * that nothing here waits for a network that is not there.
 */
#include "cmd/qssh/qssh.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/connect.h"

#define CONNECT_MS 10000
#define ANSWER_MS 10000 /* for the whole handshake */
#define PAUSE_FIRST_MS 500
#define PAUSE_MAX_MS 5000
#define REFUSED_MS 10000 /* a host that refuses so long has no server any more */

/* What the thread needs; its own. */
struct qsp_qssh_search {
	char *host, *bind_address;
	uint16_t port;
	int family, out;
};

/* What it found. */
struct found {
	int fd;
	bool refused;
	char why[QSP_CONNECT_ERROR_MAX]; /* there is none */
};
_Static_assert(sizeof(struct found) <= PIPE_BUF, "written at once");

static void on_timer(uv_timer_t *h);

static uint64_t
jitter(uint64_t ms)
{
	uint32_t r = 0;

	(void)!getrandom(&r, sizeof(r), GRND_NONBLOCK);
	return ms - ms / 4 + r % (ms / 2 + 1);
}

static void
give_up(struct qsp_qssh *q, const char *why)
{
	q->resume.why = why;
	qsp_drive_close(q->drive, QSP_REASON_NORMAL, "", 0);
}

static void
try_after(struct qsp_qssh *q, uint64_t ms)
{
	uint64_t passed = uv_now(&q->loop) - q->resume.since;

	if (passed >= (uint64_t)q->cfg.resume_timeout * 1000) {
		give_up(q, "it took longer than ResumeTimeout");
		return;
	}
	uv_timer_start(&q->resume.timer, on_timer, ms, 0);
}

static void
try_later(struct qsp_qssh *q)
{
	uint64_t pause = q->resume.pause;

	q->resume.pause = 2 * pause < PAUSE_MAX_MS ? 2 * pause : PAUSE_MAX_MS;
	try_after(q, jitter(pause));
}

/* --- a socket ------------------------------------------------------------------------------- */

static void
search_free(struct qsp_qssh_search *s)
{
	free(s->host);
	free(s->bind_address);
	if (s->out >= 0)
		close(s->out);
	free(s);
}

static void *
search(void *arg)
{
	struct qsp_qssh_search *s = arg;
	struct qsp_connect c = { .host = s->host,
				 .port = s->port,
				 .family = s->family,
				 .bind_address = s->bind_address,
				 .timeout_ms = CONNECT_MS };
	struct found f = { .fd = -1 };

	if (qsp_connect_tcp(&c, &f.fd, f.why) != 0) {
		f.fd = -1;
		f.refused = errno == ECONNREFUSED;
	}
	if (write(s->out, &f, sizeof(f)) != (ssize_t)sizeof(f) && f.fd >= 0)
		close(f.fd); /* nobody waits for it any more */
	search_free(s);
	return NULL;
}

static void
on_closed(uv_handle_t *h)
{
	free(h);
}

static void
stop_search(struct qsp_qssh *q)
{
	if (!q->resume.poll)
		return;
	uv_close((uv_handle_t *)q->resume.poll, on_closed);
	q->resume.poll = NULL;
	close(q->resume.in);
}

static void
on_found(uv_poll_t *h, int status, int events)
{
	struct qsp_qssh *q = h->data;
	struct found f = { .fd = -1 };
	uint64_t now = uv_now(&q->loop);

	(void)status;
	(void)events;
	if (read(q->resume.in, &f, sizeof(f)) != (ssize_t)sizeof(f))
		f.fd = -1;
	stop_search(q);
	if (f.fd >= 0) {
		q->resume.refused = 0;
		qsp_connect_notice(f.fd);
		qsp_qssh_resume_call(q, f.fd);
		return;
	}
	qsp_qssh_say(QSP_LOG_DEBUG1, "Reconnecting: %s", f.why);
	if (!f.refused)
		q->resume.refused = 0;
	else if (q->resume.refused == 0)
		q->resume.refused = now;
	else if (now - q->resume.refused >= REFUSED_MS) {
		give_up(q, "the host refuses the connection");
		return;
	}
	try_later(q);
}

static char *
copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static bool
start_search(struct qsp_qssh *q)
{
	struct qsp_qssh_search *s = calloc(1, sizeof(*s));
	uv_poll_t *poll = malloc(sizeof(*poll));
	sigset_t all, before;
	pthread_t thread;
	int ends[2];
	bool ok;

	if (!s || !poll || pipe2(ends, O_CLOEXEC) != 0) {
		free(s);
		free(poll);
		return false;
	}
	*s = (struct qsp_qssh_search){ .host = copy(q->host),
				       .bind_address = copy(q->cfg.bind_address),
				       .port = q->port,
				       .family = q->cfg.address_family,
				       .out = ends[1] };
	if (!s->host || uv_poll_init(&q->loop, poll, ends[0]) != 0) {
		close(ends[0]);
		search_free(s);
		free(poll);
		return false;
	}
	poll->data = q;
	q->resume.in = ends[0];
	q->resume.poll = poll;
	uv_poll_start(poll, UV_READABLE, on_found);
	sigfillset(&all); /* signals are for the loop's thread */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ok = pthread_create(&thread, NULL, search, s) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ok) {
		pthread_detach(thread);
		return true;
	}
	search_free(s);
	stop_search(q);
	return false;
}

/* --- the connection ------------------------------------------------------------------------- */

/* Whom to call: the host as it proved to be, under the latest secret that it gave. */
static struct qsp_peer
peer_of(struct qsp_qssh *q, struct qsp_conn *lost)
{
	struct qsp_peer p = { .ok_class = q->call.ok_class };

	if (qsp_conn_host_key(lost, &q->resume.host_key) == 0) {
		p.host_key = &q->resume.host_key;
		p.kem = q->resume.host_key.blob[0];
	}
	if (qsp_conn_server_secret(lost, p.secret))
		p.ok_class = QSP_OK_SECRET;
	else if (p.ok_class == QSP_OK_SECRET)
		memcpy(p.secret, q->contact.secret, QSP_OK_LEN);
	return p;
}

void
qsp_qssh_resume_call(struct qsp_qssh *q, int fd)
{
	struct qsp_peer peer = peer_of(q, qsp_drive_conn(q->drive));
	struct qsp_drive_line line = { .fd = fd };
	qsp_err e;

	uv_update_time(&q->loop);
	e = peer.host_key ? qsp_conn_new_client(q->qsp, qsp_drive_pool_worker(q->pool), &peer,
						qsp_drive_now(&q->loop), &line.conn)
			  : QSP_E_STATE;
	qsp_mem_wipe(&peer, sizeof(peer));
	if (!e)
		e = qsp_qssh_shape_begin(q, line.conn);
	if (!e)
		e = qsp_drive_attach(q->drive, &line);
	if (e) {
		qsp_drive_line_free(&line);
		try_later(q);
		return;
	}
	q->resume.asked = false;
	uv_timer_start(&q->resume.timer, on_timer, ANSWER_MS, 0);
}

/* The pause is over; or the answer did not come. */
static void
on_timer(uv_timer_t *h)
{
	struct qsp_qssh *q = h->data;
	int fd;

	if (q->leaving || q->resume.why)
		return;
	if (!qsp_drive_is_detached(q->drive)) {
		qsp_qssh_say(QSP_LOG_DEBUG1, "Reconnecting: no answer");
		if (qsp_drive_detach(q->drive))
			try_later(q);
		return;
	}
	if (!qsp_qssh_proxy_is_wanted(q)) {
		if (!start_search(q))
			try_later(q);
		return;
	}
	qsp_qssh_proxy_end(q);
	fd = qsp_qssh_proxy_start(q);
	if (fd >= 0)
		qsp_qssh_resume_call(q, fd);
	else
		try_later(q);
}

/* --- losing and resuming -------------------------------------------------------------------- */

/* A server that has no room now may have some later; what was damaged on the way may get through. */
static bool
may_try_again(struct qsp_qssh *q, qsp_err e)
{
	struct qsp_bytes text;
	uint16_t reason;
	bool authenticated;

	if (e != QSP_E_CLOSED)
		return true;
	(void)qsp_conn_peer_close(qsp_drive_conn(q->drive), &reason, &text, &authenticated);
	return reason == QSP_REASON_POLICY || reason == QSP_REASON_IDLE ||
	       reason == QSP_REASON_INTERNAL_ERROR || reason == QSP_REASON_AEAD_DECRYPT_FAILED;
}

bool
qsp_qssh_resume_lost(struct qsp_qssh *q, qsp_err e)
{
	bool tty = q->session && q->session->has_tty;

	if (q->leaving || !q->opened || q->cfg.resume_timeout <= 0 || !may_try_again(q, e))
		return false;
	uv_timer_stop(&q->alive);
	if (q->resume.active) {
		try_later(q);
		return !q->resume.why;
	}
	uv_update_time(&q->loop);
	q->resume.active = true;
	q->resume.since = uv_now(&q->loop);
	q->resume.refused = 0;
	q->resume.pause = PAUSE_FIRST_MS;
	qsp_qssh_say(isatty(STDERR_FILENO) ? QSP_LOG_INFO : QSP_LOG_VERBOSE,
		     "%sqssh: connection to %s lost; trying again%s", tty ? "\n" : "", q->name,
		     tty ? " (~. to give up)" : "");
	try_after(q, 0);
	return true;
}

bool
qsp_qssh_resume_drop(struct qsp_qssh *q)
{
	if (q->resume.active) /* the timer of the attempt sees to it */
		return true;
	return qsp_qssh_resume_lost(q, QSP_E_TRUNCATED) && qsp_drive_detach(q->drive);
}

static void
log_in(struct qsp_qssh *q)
{
	struct qsp_conn *lost = qsp_drive_lost(q->drive);
	struct qsp_ticket t = { 0 };
	struct qsp_login l = { .user = qsp_bytes_str(q->user),
			       .method = QSP_METHOD_RESUME,
			       .ticket = &t };

	if (q->resume.asked || !lost || qsp_conn_ticket(lost, false, &t) != 0 ||
	    !qsp_conn_progress(lost, &l.progress) ||
	    qsp_conn_login(qsp_drive_conn(q->drive), &l) != 0)
		give_up(q, "the server does not know it any more, or does not allow it");
	q->resume.asked = true;
	qsp_mem_wipe(&t, sizeof(t));
	qsp_drive_kick(q->drive);
}

void
qsp_qssh_resume_wants(struct qsp_qssh *q, unsigned wants)
{
	uint64_t seconds;

	if (q->resume.why)
		return;
	if (wants & QSP_WANT_AUTH)
		log_in(q);
	if (!(wants & QSP_CAN_SEND))
		return;
	uv_timer_stop(&q->resume.timer);
	q->resume.active = false;
	seconds = (uv_now(&q->loop) - q->resume.since + 500) / 1000;
	qsp_qssh_say(isatty(STDERR_FILENO) ? QSP_LOG_INFO : QSP_LOG_VERBOSE,
		     "qssh: resumed after %llu s", (unsigned long long)seconds);
	qsp_qssh_alive_start(q);
}

void
qsp_qssh_resume_init(struct qsp_qssh *q)
{
	uv_timer_init(&q->loop, &q->resume.timer);
	q->resume.timer.data = q;
}

void
qsp_qssh_resume_end(struct qsp_qssh *q)
{
	stop_search(q);
	uv_close((uv_handle_t *)&q->resume.timer, NULL);
}
