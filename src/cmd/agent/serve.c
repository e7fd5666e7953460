/* SPDX-License-Identifier: ISC */
/*
 * The process with the keys: one loop over poll(2). Requests are read into locked memory, one from
 * each connection at a time; everything is bounded by tables.
 */
#include "cmd/agent/agent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/clock.h"
#include "sys/lockmem.h"
#include "sys/sandbox.h"
#include "sys/wake.h"

#define LIFETIME_CLOCK CLOCK_BOOTTIME /* lifetimes run on while the machine sleeps */
#define IN_MAX (4 + QSP_AGENT_REQUEST_MAX)
#define OUT_MAX 8192 /* any answer but a list, which holds no secret */
#define LIST_MAX (4 + QSP_AGENT_ANSWER_MAX)

/* Nobody may see these; one mapping. */
struct locked {
	struct qsp_agent_seeds seeds;
	uint8_t in[QSP_AGENT_CONNS_MAX][IN_MAX];
	uint8_t out[QSP_AGENT_CONNS_MAX][OUT_MAX];
};

enum { READING, WANTS_ASKING, IS_ASKED, LATE, WRITING };

struct conn {
	int fd; /* -1: free */
	int state;
	uint8_t *in, *out; /* in locked memory */
	uint8_t *list;     /* on the heap, while it is the answer */
	size_t in_n, out_n, out_at;
	qsp_time late;
	char *question;
	struct qsp_agent_peer peer;
};

struct server {
	const struct qsp_agent_serve *opt;
	struct locked *locked;
	struct qsp_crypto *cx;
	struct qsp_agent *agent;
	uid_t uid;
	int keeper;          /* -1: gone, and nobody can be asked */
	int wake;            /* the machine has slept: what ppoll waits for does not count that */
	struct conn *asking; /* whose question is with the keeper */
	bool stale;          /* who asked it has gone; its answer is for nobody */
	struct conn conn[QSP_AGENT_CONNS_MAX];
};

static volatile sig_atomic_t ended;

static void
on_end(int sig)
{
	ended = sig;
}

/* --- one connection -------------------------------------------------------------------------- */

static void
forget_answer(struct conn *c)
{
	free(c->list);
	c->list = NULL;
	qsp_mem_wipe(c->out, OUT_MAX);
	c->out_n = c->out_at = 0;
}

static void
end(struct server *s, struct conn *c)
{
	if (s->asking == c) {
		s->asking = NULL;
		s->stale = true;
	}
	close(c->fd);
	c->fd = -1;
	forget_answer(c);
	free(c->question);
	c->question = NULL;
	qsp_mem_wipe(c->in, IN_MAX);
}

static size_t
request_len(const struct conn *c)
{
	return c->in_n < 4 ? 0 : qsp_bytes_get32(c->in);
}

/* The request is done with; what came behind it moves up. */
static void
next_request(struct conn *c)
{
	size_t used = 4 + request_len(c);

	memmove(c->in, c->in + used, c->in_n - used);
	c->in_n -= used;
	qsp_mem_wipe(c->in + c->in_n, IN_MAX - c->in_n);
}

static void
tell(const struct server *s, const struct conn *c, const char *what)
{
	if (s->opt->debug)
		fprintf(stderr, "qssh-agent: process %d%s: request %u: %s\n", c->peer.pid,
			c->peer.forwarded ? " (forwarded)" : "", c->in[4], what ? what : "done");
}

/* Where the answer to the request in front goes. */
static struct qsp_writer
writer_of(struct conn *c)
{
	if (c->in[4] != QSP_AGENT_REQUEST_IDENTITIES)
		return qsp_writer_of(c->out, OUT_MAX);
	c->list = malloc(LIST_MAX);
	return qsp_writer_of(c->list, c->list ? LIST_MAX : 0);
}

/* Answers the request in front; false where the connection cannot go on. */
static bool
answer(struct server *s, struct conn *c, bool allowed)
{
	struct qsp_agent_call call = { .now = qsp_clock_ms(LIFETIME_CLOCK),
				       .request = { c->in + 4, request_len(c) },
				       .allowed = allowed };
	struct qsp_writer w = writer_of(c);

	if (w.cap == 0)
		return false;
	c->state = WRITING;
	switch (qsp_agent_answer(s->agent, &c->peer, &call, &w)) {
	case QSP_AGENT_DONE: break;
	case QSP_AGENT_LATE:
		c->state = LATE;
		c->late = call.late;
		break;
	case QSP_AGENT_ASK:
		c->state = WANTS_ASKING;
		c->question = strdup(call.question);
		tell(s, c, call.what);
		return c->question != NULL;
	}
	tell(s, c, call.what);
	c->out_n = w.n;
	next_request(c);
	return true;
}

static void
refuse(struct server *s, struct conn *c)
{
	struct qsp_writer w = qsp_writer_of(c->out, OUT_MAX);

	qsp_agent_refuse(qsp_bytes(c->in + 4, request_len(c)), &w);
	tell(s, c, "refused by the person, or nobody could be asked");
	c->out_n = w.n;
	c->state = WRITING;
	next_request(c);
}

static bool
take(struct server *s, struct conn *c)
{
	size_t n = request_len(c);

	if (c->in_n < 4)
		return true;
	if (n == 0 || n > QSP_AGENT_REQUEST_MAX)
		return false;
	return c->in_n < 4 + n || answer(s, c, false);
}

static bool
receive(struct server *s, struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_n, IN_MAX - c->in_n, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	c->in_n += (size_t)n;
	return take(s, c);
}

static bool
transmit(struct server *s, struct conn *c)
{
	const uint8_t *from = c->list ? c->list : c->out;
	ssize_t n =
		send(c->fd, from + c->out_at, c->out_n - c->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->out_at += (size_t)n;
	if (c->out_at < c->out_n)
		return true;
	forget_answer(c);
	c->state = READING;
	return take(s, c);
}

/* Only the user and root; SO_PEERCRED is of the moment of connect(2). */
static void
welcome(struct server *s)
{
	int fd = accept4(s->opt->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred who;
	socklen_t len = sizeof(who);
	struct conn *c = NULL;

	if (fd < 0)
		return;
	for (size_t i = 0; i < QSP_AGENT_CONNS_MAX && !c; i++)
		if (s->conn[i].fd < 0)
			c = &s->conn[i];
	if (!c || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0 ||
	    (who.uid != s->uid && who.uid != 0)) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->state = READING;
	c->in_n = 0;
	c->peer = (struct qsp_agent_peer){ .pid = who.pid };
}

/* --- questions to the person ----------------------------------------------------------------- */

static void
ask_next(struct server *s)
{
	for (size_t i = 0; i < QSP_AGENT_CONNS_MAX; i++) {
		struct conn *c = &s->conn[i];

		if (c->fd < 0 || c->state != WANTS_ASKING ||
		    (s->keeper >= 0 && (s->asking || s->stale)))
			continue;
		if (s->keeper >= 0 &&
		    send(s->keeper, c->question, strlen(c->question), MSG_NOSIGNAL) > 0) {
			c->state = IS_ASKED;
			s->asking = c;
		} else {
			refuse(s, c);
		}
		free(c->question);
		c->question = NULL;
	}
}

static void
hear_keeper(struct server *s)
{
	struct conn *c = s->asking;
	char yes = 'n';
	ssize_t n = recv(s->keeper, &yes, 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(s->keeper);
		s->keeper = -1;
	}
	s->asking = NULL;
	s->stale = false;
	if (c && (n != 1 || yes != 'y'))
		refuse(s, c);
	else if (c && !answer(s, c, true))
		end(s, c);
}

/* --- the loop -------------------------------------------------------------------------------- */

static short
events_of(const struct conn *c)
{
	switch (c->state) {
	case READING: return POLLIN;
	case WRITING: return POLLOUT;
	default: return 0; /* its end is seen all the same: POLLHUP */
	}
}

/* Answers whose time has come; how long until the next thing is due. */
static int
pass_time(struct server *s)
{
	qsp_time now = qsp_clock_ms(LIFETIME_CLOCK), next = qsp_agent_expire(s->agent, now);

	for (size_t i = 0; i < QSP_AGENT_CONNS_MAX; i++) {
		struct conn *c = &s->conn[i];

		if (c->fd < 0 || c->state != LATE)
			continue;
		if (c->late <= now)
			c->state = WRITING;
		else if (c->late < next)
			next = c->late;
	}
	if (next == UINT64_MAX)
		return -1;
	return next - now > 1000000 ? 1000000 : (int)(next - now) + 1;
}

static void
serve_conn(struct server *s, struct conn *c, short events)
{
	bool ok = true;

	if (c->state == READING && events & (POLLIN | POLLHUP))
		ok = receive(s, c);
	else if (c->state == WRITING && events & POLLOUT)
		ok = transmit(s, c);
	else if (events & (POLLHUP | POLLERR | POLLNVAL))
		ok = false;
	if (!ok)
		end(s, c);
}

static void
turn(struct server *s, const sigset_t *open)
{
	struct pollfd p[3 + QSP_AGENT_CONNS_MAX];
	int wait = pass_time(s);
	struct timespec ts = { wait / 1000, (long)(wait % 1000) * 1000000 };
	bool full = true;

	for (size_t i = 0; i < QSP_AGENT_CONNS_MAX; i++) {
		const struct conn *c = &s->conn[i];

		p[3 + i] = (struct pollfd){ .fd = c->fd, .events = c->fd < 0 ? 0 : events_of(c) };
		full = full && c->fd >= 0;
	}
	p[0] = (struct pollfd){ .fd = full ? -1 : s->opt->listener, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = s->keeper, .events = POLLIN };
	p[2] = (struct pollfd){ .fd = s->wake, .events = POLLIN };
	if (ppoll(p, 3 + QSP_AGENT_CONNS_MAX, wait < 0 ? NULL : &ts, open) < 0)
		return;
	if (p[2].revents)
		qsp_wake_heard(s->wake);
	if (p[1].revents)
		hear_keeper(s);
	for (size_t i = 0; i < QSP_AGENT_CONNS_MAX; i++)
		if (p[3 + i].revents && s->conn[i].fd == p[3 + i].fd)
			serve_conn(s, &s->conn[i], p[3 + i].revents);
	if (p[0].revents)
		welcome(s);
	ask_next(s);
}

/* Signals end the loop between turns only. */
static void
catch_signals(sigset_t *open)
{
	struct sigaction sa = { .sa_handler = on_end };
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	sigset_t shut;

	sigemptyset(&shut);
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		sigaddset(&shut, signals[i]);
		sigaction(signals[i], &sa, NULL);
	}
	sigprocmask(SIG_BLOCK, &shut, open);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigdelset(open, signals[i]);
}

/* Everything that the sandbox will not allow any more. */
static bool
prepare(struct server *s, char why[QSP_LOCKMEM_ERROR_MAX])
{
	snprintf(why, QSP_LOCKMEM_ERROR_MAX, "cannot start libcrypto, or the sandbox");
	if (qsp_crypto_new(NULL, NULL, &s->cx) != 0)
		return false;
	s->locked = qsp_lockmem_new(sizeof(*s->locked), why);
	if (!s->locked ||
	    qsp_agent_new(s->cx, &s->locked->seeds, s->opt->lifetime, &s->agent) != 0 ||
	    qsp_lockmem_process(why) != 0)
		return false;
	for (size_t i = 0; i < QSP_AGENT_CONNS_MAX; i++) {
		s->conn[i].fd = -1;
		s->conn[i].in = s->locked->in[i];
		s->conn[i].out = s->locked->out[i];
	}
	return qsp_sandbox_enter() == 0;
}

int
qsp_agent_serve_run(const struct qsp_agent_serve *opt, void (*ready)(void *arg, const char *why),
		    void *arg)
{
	struct server *s = calloc(1, sizeof(*s));
	char why[QSP_LOCKMEM_ERROR_MAX] = "out of memory";
	sigset_t open;
	bool ok = false;

	if (s) {
		s->opt = opt;
		s->uid = getuid();
		s->keeper = opt->keeper;
		s->wake = qsp_wake_open();
		catch_signals(&open);
		ok = prepare(s, why);
	}
	ready(arg, ok ? NULL : why);
	while (ok && !ended)
		turn(s, &open);
	if (s) {
		if (s->wake >= 0)
			close(s->wake);
		for (size_t i = 0; ok && i < QSP_AGENT_CONNS_MAX; i++)
			if (s->conn[i].fd >= 0)
				end(s, &s->conn[i]);
		qsp_agent_free(s->agent);
		qsp_lockmem_free(s->locked, sizeof(*s->locked));
		qsp_crypto_free(s->cx);
		free(s);
	}
	return ok ? 0 : 1;
}
