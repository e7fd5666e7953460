/* SPDX-License-Identifier: ISC */
/* Connections: a qssh each, with SFTP on its standard input and output; and the loop over them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/qscp/qscp.h"
#include "sys/spawn.h"

#define WINDOW_START (4 << 20)
#define CONNS_MAX 64
#define HANDLES_SAFE 64 /* what a server has that does not say */
#define TICK_MS 1000

uint64_t
qsp_qscp_conn_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* --- the transport -------------------------------------------------------------------------- */

/* As a shell would find it; ours stands beside us. */
static bool
find_program(const struct qsp_qscp *q, char *out, size_t cap)
{
	const char *name = q->opt.program ? q->opt.program : "qssh", *path = getenv("PATH");

	if (strchr(name, '/') != NULL)
		return (size_t)snprintf(out, cap, "%s", name) < cap;
	if (q->opt.program == NULL && qsp_spawn_find(name, out, cap) == 0)
		return true;
	while (path != NULL && *path) {
		size_t n = strcspn(path, ":");

		if ((size_t)snprintf(out, cap, "%.*s/%s", (int)n, path, name) < cap &&
		    access(out, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

static bool
spawn(struct qsp_qscp *q, struct qsp_qscp_conn *c, int to[2], int from[2])
{
	static const char *const fixed[] = { "-x", "-oPermitLocalCommand=no",
					     "-oClearAllForwardings=yes", "-oRemoteCommand=none",
					     "-oRequestTTY=no" };
	const char *argv[QSP_QSCP_ARGS_MAX + 24],
		*port = c->port || c->bridge ? c->port : q->opt.port;
	char path[4096];
	struct qsp_spawn s = { .path = path, .envp = environ };
	size_t n = 0;

	if (!find_program(q, path, sizeof(path))) {
		fprintf(stderr, "qscp: %s: no such program\n",
			q->opt.program ? q->opt.program : "qssh");
		return false;
	}
	argv[n++] = path;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		argv[n++] = fixed[i];
	for (size_t i = 0; i < q->opt.n_args; i++)
		argv[n++] = q->opt.args[i];
	if (port != NULL) {
		argv[n++] = "-p";
		argv[n++] = port;
	}
	if (c->user != NULL) {
		argv[n++] = "-l";
		argv[n++] = c->user;
	}
	argv[n++] = "-s";
	argv[n++] = "--";
	argv[n++] = c->bridge ? c->bridge : c->host;
	argv[n++] = "sftp";
	argv[n] = NULL;
	s.argv = (char *const *)(uintptr_t)argv; /* exec's, which does not write to it */
	s.std[0] = to[0];
	s.std[1] = from[1];
	s.std[2] = STDERR_FILENO;
	c->pid = qsp_spawn_start(&s);
	if (c->pid < 0)
		fprintf(stderr, "qscp: cannot start %s: %s\n", path, strerror(errno));
	return c->pid > 0;
}

static bool
start(struct qsp_qscp *q, struct qsp_qscp_conn *c)
{
	int to[2] = { -1, -1 }, from[2] = { -1, -1 };
	bool ok;

	if (qsp_spawn_pipe(to, 1) || qsp_spawn_pipe(from, 0)) {
		fprintf(stderr, "qscp: no pipe: %s\n", strerror(errno));
		return false;
	}
	ok = spawn(q, c, to, from);
	close(to[0]);
	close(from[1]);
	if (ok && qsp_sftp_client_init(&c->c, from[0], to[1], q->queue_max) == 0)
		return true;
	close(to[1]);
	close(from[0]);
	return false;
}

static void
on_limits(void *arg, const struct qsp_sftp_reply *r)
{
	struct qsp_qscp_conn *c = arg;

	c->unwaited--;
	if (r == NULL || r->type != QSP_SFTP_EXTENDED_REPLY)
		return;
	qsp_sftp_client_limits(&c->c, r);
	if (c->c.handles_max > 0)
		c->jobs_max = c->c.handles_max > 4 ? (size_t)c->c.handles_max / 2 : 2;
}

/* Once it has said what it can do. */
static void
ask_limits(struct qsp_qscp_conn *c)
{
	struct qsp_sftp_request r = { .kind = QSP_SFTP_LIMITS };

	if (!c->c.ready || c->asked || c->c.broken != NULL)
		return;
	c->asked = true;
	if (!c->c.has[QSP_SFTP_LIMITS])
		return;
	c->unwaited++;
	qsp_sftp_client_send(&c->c, &r, on_limits, c);
}

/* Those that are there have been let in, and ask the user nothing any more. */
static void
settle(struct qsp_qscp *q)
{
	for (struct qsp_qscp_conn *c = q->conns; c != NULL; c = c->next) {
		while (!c->c.ready && c->c.broken == NULL)
			qsp_qscp_step(q);
	}
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static char *
copy_of(const char *s)
{
	return s ? qsp_qscp_say_memory(strdup(s)) : NULL;
}

struct qsp_qscp_conn *
qsp_qscp_conn_get(struct qsp_qscp *q, const struct qsp_qscp_place *p)
{
	struct qsp_qscp_conn *c = q->conns;

	while (c != NULL && (!same(c->user, p->user) || !same(c->host, p->host) ||
			     !same(c->port, p->port) || !same(c->bridge, p->bridge)))
		c = c->next;
	if (c == NULL) {
		settle(q);
		c = qsp_qscp_say_memory(calloc(1, sizeof(*c)));
		c->user = copy_of(p->user);
		c->host = copy_of(p->host);
		c->port = copy_of(p->port);
		c->bridge = copy_of(p->bridge);
		c->window = WINDOW_START;
		c->jobs_max = HANDLES_SAFE / 2; /* files that are open cost handles over there */
		c->c.in = c->c.out = -1;
		c->c.broken = "not started";
		c->said = true;
		c->next = q->conns;
		q->conns = c;
		if (start(q, c))
			c->said = false;
	}
	if (c->c.broken != NULL) {
		qsp_qscp_say_reply(q, c, "", NULL);
		return NULL;
	}
	return c;
}

void
qsp_qscp_conn_end_all(struct qsp_qscp *q, bool by_force)
{
	while (q->conns != NULL) {
		struct qsp_qscp_conn *c = q->conns;

		q->conns = c->next;
		if (c->pid > 0 && by_force)
			(void)kill(c->pid, SIGTERM);
		qsp_sftp_client_wipe(&c->c);
		while (c->pid > 0 && waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
		free(c->user);
		free(c->host);
		free(c->bridge);
		free(c->port);
		free(c);
	}
}

/* --- the loop ------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
	interrupted = number;
}

void
qsp_qscp_conn_watch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL); /* but while we wait */
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGHUP, &sa, NULL);
}

/* Leaves files without gaps, no program behind, and dies as whoever waits for us expects. */
static void __attribute__((noreturn)) stop(struct qsp_qscp *q)
{
	int number = interrupted;

	for (struct qsp_qscp_job *j = q->jobs; j != NULL; j = j->link)
		qsp_qscp_move_drop(j);
	for (struct qsp_qscp_conn *c = q->conns; c != NULL; c = c->next) {
		if (c->pid > 0 && kill(c->pid, SIGTERM) == 0)
			(void)waitpid(c->pid, NULL, 0);
	}
	if (q->drawn)
		putchar('\n');
	(void)fflush(stdout);
	(void)signal(number, SIG_DFL);
	(void)raise(number);
	qsp_spawn_own_signals(); /* unblocks it */
	_exit(255);
}

static int
patience(const struct qsp_qscp *q)
{
	uint64_t now = qsp_qscp_conn_now();
	int ms = q->meter_on && q->jobs ? TICK_MS : -1;

	if (q->next_ok > now && (ms < 0 || q->next_ok - now < TICK_MS * 1000ull))
		ms = (int)((q->next_ok - now) / 1000) + 1;
	return ms;
}

void
qsp_qscp_step(struct qsp_qscp *q)
{
	struct pollfd p[2 * CONNS_MAX];
	struct qsp_qscp_conn *of[CONNS_MAX];
	struct timespec wait;
	sigset_t none;
	nfds_t n = 0;
	int ms;

	if (interrupted)
		stop(q);
	ms = patience(q);
	wait = (struct timespec){ ms / 1000, ms % 1000 * 1000000L };
	for (struct qsp_qscp_conn *c = q->conns; c != NULL && n < CONNS_MAX; c = c->next) {
		if (c->c.broken != NULL) {
			qsp_sftp_client_break(&c->c, c->c.broken);
			continue;
		}
		qsp_sftp_client_push(&c->c);
		of[n] = c;
		p[2 * n] = (struct pollfd){ .fd = c->c.in, .events = POLLIN };
		p[2 * n + 1] = (struct pollfd){ .fd = -1, .events = POLLOUT };
		if (qsp_sftp_client_queued(&c->c) > 0 || q->more)
			p[2 * n + 1].fd = c->c.out;
		n++;
	}
	sigemptyset(&none);
	if (n > 0 && ppoll(p, 2 * n, ms < 0 ? NULL : &wait, &none) > 0) {
		for (nfds_t i = 0; i < n; i++) {
			if (p[2 * i].revents)
				qsp_sftp_client_pull(&of[i]->c);
			ask_limits(of[i]);
		}
	}
	qsp_qscp_job_pump(q);
}

/* --- one question --------------------------------------------------------------------------- */

static void
keep(struct qsp_bytes *b, uint8_t **at)
{
	if (b->n > 0)
		memcpy(*at, b->p, b->n);
	b->p = *at;
	*at += b->n;
}

static void
on_answer(void *arg, const struct qsp_sftp_reply *r)
{
	struct qsp_qscp_answer *a = arg;
	uint8_t *at;

	a->done = true;
	a->lost = r == NULL;
	if (r == NULL)
		return;
	a->r = *r;
	at = a->copy = qsp_qscp_say_memory(malloc(r->message.n + r->bytes.n + r->names.left.n + 1));
	keep(&a->r.message, &at);
	keep(&a->r.bytes, &at);
	keep(&a->r.names.left, &at);
}

void
qsp_qscp_call_begin(struct qsp_qscp_conn *c, struct qsp_sftp_request *r, struct qsp_qscp_answer *a)
{
	memset(a, 0, sizeof(*a));
	qsp_sftp_client_send(&c->c, r, on_answer, a);
}

bool
qsp_qscp_call_end(struct qsp_qscp *q, struct qsp_qscp_answer *a)
{
	while (!a->done)
		qsp_qscp_step(q);
	return !a->lost && (a->r.type != QSP_SFTP_STATUS || a->r.status == QSP_SFTP_OK);
}

bool
qsp_qscp_call(struct qsp_qscp *q, struct qsp_qscp_conn *c, struct qsp_sftp_request *r,
	      struct qsp_qscp_answer *a)
{
	qsp_qscp_call_begin(c, r, a);
	return qsp_qscp_call_end(q, a);
}

void
qsp_qscp_call_free(struct qsp_qscp_answer *a)
{
	free(a->copy);
	a->copy = NULL;
}

static void
on_closed(void *arg, const struct qsp_sftp_reply *r)
{
	struct qsp_qscp_conn *c = arg;

	(void)r;
	c->unwaited--;
}

void
qsp_qscp_conn_close(struct qsp_qscp_conn *c, struct qsp_bytes handle)
{
	struct qsp_sftp_request r = { .kind = QSP_SFTP_CLOSE, .handle = handle };

	c->unwaited++;
	qsp_sftp_client_send(&c->c, &r, on_closed, c);
}
