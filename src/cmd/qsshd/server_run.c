/* SPDX-License-Identifier: ISC */
/*
 * Supervision. A child that dies is started again, later and later if it keeps dying; one that dies before
 * the server ever was ready ends it, and a new generation that cannot become ready leaves the old one
 * in place.
 */
#include "cmd/qsshd/server.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/sdnotify.h"

#define STOP_MS 5000   /* for an orderly end */
#define LIVED_MS 10000 /* a child that lived so long has not failed at its start */
#define RESTART_MS 50  /* doubled at each failure in a row */
#define RESTART_MAX_MS 30000
#define DRAIN_MS 30000 /* for the old generation to accept no more */
#define GENERATIONS_MAX 64
#define READS 16      /* messages of a child, a turn */
#define LAST_WORDS 16 /* turns of the log's relay: more than its socket holds */

/* --- generations ---------------------------------------------------------------------------- */

static struct qsp_server_generation *
new_generation(struct qsp_server *s)
{
	struct qsp_server_generation *g = calloc(1, sizeof(*g));
	char err[QSP_CONFLINE_ERROR_MAX];

	if (g == NULL)
		return NULL;
	g->auth.control = g->net.control = -1;
	if (!qsp_server_config(s->options, &g->config, err)) {
		qsp_log(QSP_LOG_ERROR, "%s", err);
		free(g);
		return NULL;
	}
	return g;
}

static void
free_generation(struct qsp_server_generation *g)
{
	qsp_server_forget(&g->auth);
	qsp_server_forget(&g->net);
	qsp_qsshd_config_free(&g->config);
	free(g);
}

static void
kill_child(struct qsp_server_child *c)
{
	if (c->pid > 0)
		(void)kill(c->pid, SIGKILL);
}

static void
keep_old(const struct qsp_server *s)
{
	if (s->announced)
		qsp_log(QSP_LOG_ERROR, "the new configuration cannot be used; the old one stays");
}

/* The new generation does not come about. */
static void
abandon(struct qsp_server *s)
{
	struct qsp_server_generation *g = s->coming;

	s->coming = NULL;
	keep_old(s);
	kill_child(&g->auth);
	kill_child(&g->net);
	if (s->current != NULL)
		(void)qsp_server_bind(s, &s->current->config);
	qsp_server_drop_unwanted(s);
	free_generation(g);
}

static void
drain(struct qsp_server_generation *g)
{
	g->draining = true;
	g->auth.restart_at = g->net.restart_at = 0;
	qsp_server_tell(&g->net, QSP_RPC_DRAIN);
	qsp_server_tell(&g->auth, QSP_RPC_DRAIN);
}

/* Who reads of it, or waits for it, meets nobody who still lives by the old configuration. */
static void
announce(struct qsp_server *s)
{
	static const char ready = 0;
	struct qsp_server_generation *g = s->current;

	if (g == NULL || g->announced || s->stopping ||
	    (g->next != NULL && g->next->net.pid != 0 && !g->next->drained &&
	     qsp_clock_ms(CLOCK_MONOTONIC) < g->announce_at))
		return;
	g->announced = true;
	qsp_server_announce(s);
	qsp_sdnotify_send("READY=1\nSTATUS=Listening");
	if (s->parent >= 0) {
		(void)!write(s->parent, &ready, 1);
		close(s->parent);
		s->parent = -1;
	}
	s->announced = true;
}

/* Listening for the first time, or under a new configuration. */
static void
take_over(struct qsp_server *s)
{
	struct qsp_server_generation *g = s->coming;

	s->coming = NULL;
	if (s->current != NULL) {
		drain(s->current);
		if (strcmp(s->current->config.pid_file.v[0], g->config.pid_file.v[0]) != 0)
			qsp_server_remove_pid(&s->current->config);
	}
	g->next = s->current;
	s->current = g;
	g->was_ready = true;
	qsp_server_drop_unwanted(s);
	qsp_server_log(s, &g->config);
	qsp_server_write_pid(&g->config);
	g->announce_at = qsp_clock_ms(CLOCK_MONOTONIC) + DRAIN_MS;
	announce(s);
}

static void
begin(struct qsp_server *s)
{
	struct qsp_server_generation *g = new_generation(s);

	if (g == NULL) {
		s->failed = !s->announced;
		keep_old(s);
		return;
	}
	s->coming = g;
	if (!qsp_server_bind(s, &g->config) || !qsp_server_start_auth(s, g)) {
		s->failed = !s->announced;
		abandon(s);
	}
}

/* --- children ------------------------------------------------------------------------------- */

static void
on_message(struct qsp_server *s, struct qsp_server_generation *g, struct qsp_server_child *c,
	   uint8_t type)
{
	if (type == QSP_RPC_READY && c == &g->auth) {
		c->ready = true;
		if (g->net.pid != 0)
			qsp_server_link(s, g);
		else if (!g->draining && !s->stopping)
			(void)qsp_server_start_net(s, g);
	} else if (type == QSP_RPC_READY) {
		c->ready = true;
		if (g == s->coming)
			take_over(s);
	} else if (type == QSP_RPC_DRAIN && c == &g->net) {
		g->drained = true;
	} else if (type == QSP_RPC_STOP && c == &g->net) {
		qsp_server_tell(c, QSP_RPC_STOP); /* nobody is left there */
	}
}

static void
read_child(struct qsp_server *s, struct qsp_server_generation *g, struct qsp_server_child *c)
{
	static struct qsp_ipc_message m;

	/* a few: one that never ceases to speak must not keep us from the others */
	for (int i = 0; i < READS && c->control >= 0 && qsp_ipc_recv(c->control, &m) == 0; i++) {
		qsp_ipc_drop(&m);
		on_message(s, g, c, m.data[0]);
	}
}

static void
plan_restart(struct qsp_server_child *c)
{
	qsp_time now = qsp_clock_ms(CLOCK_MONOTONIC), wait;

	c->failures = now - c->started >= LIVED_MS ? 0 : c->failures + 1;
	wait = (qsp_time)RESTART_MS << (c->failures > 10 ? 10 : c->failures);
	c->restart_at = now + (wait > RESTART_MAX_MS ? RESTART_MAX_MS : wait);
}

static void
on_death(struct qsp_server *s, struct qsp_server_generation *g, struct qsp_server_child *c,
	 int status)
{
	const char *name = c == &g->auth ? "qsshd-auth" : "qsshd-net";

	read_child(s, g, c); /* its last words */
	qsp_server_forget(c);
	if (s->stopping || (g->draining && c == &g->net)) {
		qsp_server_tell(&g->auth, QSP_RPC_STOP);
		return;
	}
	if (g->draining)
		return;
	qsp_log(QSP_LOG_ERROR, "%s ended with %s %d", name, WIFEXITED(status) ? "status" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	if (g == s->coming) {
		s->failed = !s->announced;
		abandon(s);
		return;
	}
	plan_restart(c);
}

static bool
death_in(struct qsp_server *s, struct qsp_server_generation *g, pid_t pid, int status)
{
	if (g == NULL || (g->auth.pid != pid && g->net.pid != pid))
		return false;
	on_death(s, g, g->auth.pid == pid ? &g->auth : &g->net, status);
	return true;
}

/* Generations that are drained and gone. */
static void
free_drained(struct qsp_server_generation **p)
{
	while (*p != NULL) {
		struct qsp_server_generation *g = *p;

		if (g->auth.pid != 0 || g->net.pid != 0) {
			p = &g->next;
			continue;
		}
		*p = g->next;
		free_generation(g);
	}
}

static void
reap(struct qsp_server *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (death_in(s, s->coming, pid, status))
			continue;
		for (struct qsp_server_generation *g = s->current; g != NULL; g = g->next) {
			if (death_in(s, g, pid, status))
				break;
		}
	}
	if (s->current != NULL)
		free_drained(&s->current->next);
}

static void
restart(struct qsp_server *s)
{
	struct qsp_server_generation *g = s->current;
	qsp_time now = qsp_clock_ms(CLOCK_MONOTONIC);

	if (g == NULL || s->stopping)
		return;
	if (g->auth.restart_at != 0 && now >= g->auth.restart_at && !qsp_server_start_auth(s, g))
		plan_restart(&g->auth);
	if (g->net.restart_at != 0 && now >= g->net.restart_at && g->auth.ready &&
	    !qsp_server_start_net(s, g))
		plan_restart(&g->net);
}

/* SIGHUP, now or when it came. */
static void
reload(struct qsp_server *s)
{
	if (!s->again || s->stopping || s->coming != NULL || s->current == NULL ||
	    !s->current->announced)
		return;
	s->again = false;
	qsp_log(QSP_LOG_INFO, "Received SIGHUP; reading the configuration again.");
	begin(s);
}

/* --- the end -------------------------------------------------------------------------------- */

static void
stop(struct qsp_server *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	s->stop_at = qsp_clock_ms(CLOCK_MONOTONIC) + STOP_MS;
	qsp_sdnotify_send("STOPPING=1");
	if (s->coming != NULL) {
		s->coming->next = s->current;
		s->current = s->coming;
		s->coming = NULL;
	}
	for (struct qsp_server_generation *g = s->current; g != NULL; g = g->next) {
		qsp_server_tell(&g->net, QSP_RPC_STOP);
		if (g->net.pid == 0)
			qsp_server_tell(&g->auth, QSP_RPC_STOP);
	}
}

static bool
is_over(const struct qsp_server *s)
{
	for (const struct qsp_server_generation *g = s->current; g != NULL; g = g->next) {
		if (g->auth.pid != 0 || g->net.pid != 0)
			return false;
	}
	return s->stopping;
}

static void
stop_hard(struct qsp_server *s)
{
	for (struct qsp_server_generation *g = s->current; g != NULL; g = g->next) {
		kill_child(&g->net);
		kill_child(&g->auth);
	}
}

static void
on_signals(struct qsp_server *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP && s->announced) {
			s->again = true;
		} else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
			qsp_log(QSP_LOG_INFO, "Received signal %u; terminating.", info.ssi_signo);
			stop(s);
		}
	}
	reap(s);
}

/* --- the loop ------------------------------------------------------------------------------- */

struct watched {
	struct qsp_server_generation *g;
	struct qsp_server_child *c;
};

static nfds_t
watch(struct qsp_server_generation *g, struct pollfd *p, struct watched *w, nfds_t n)
{
	struct qsp_server_child *const both[] = { &g->auth, &g->net };

	for (int i = 0; i < 2 && n < 2 * GENERATIONS_MAX; i++) {
		if (both[i]->control < 0)
			continue;
		p[n] = (struct pollfd){ .fd = both[i]->control, .events = POLLIN };
		w[n++] = (struct watched){ g, both[i] };
	}
	return n;
}

/* A child's hang-up is no news: its death is told by a signal. */
static int
timeout(const struct qsp_server *s)
{
	const struct qsp_server_generation *g = s->current;
	qsp_time at = s->stopping ? s->stop_at : UINT64_MAX, now = qsp_clock_ms(CLOCK_MONOTONIC);

	if (g != NULL && !s->stopping && g->auth.restart_at != 0)
		at = g->auth.restart_at;
	if (g != NULL && !s->stopping && g->net.restart_at != 0 && g->auth.ready &&
	    g->net.restart_at < at)
		at = g->net.restart_at;
	if (g != NULL && !s->stopping && !g->announced && g->announce_at < at)
		at = g->announce_at;
	if (at == UINT64_MAX)
		return -1;
	return at <= now ? 0 : (int)(at - now);
}

static void
turn(struct qsp_server *s)
{
	struct pollfd p[2 * GENERATIONS_MAX];
	struct watched w[2 * GENERATIONS_MAX];
	nfds_t n = 2;

	p[0] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = s->relay[0], .events = POLLIN };
	if (s->coming != NULL)
		n = watch(s->coming, p, w, n);
	for (struct qsp_server_generation *g = s->current; g != NULL; g = g->next)
		n = watch(g, p, w, n);
	if (poll(p, n, timeout(s)) < 0)
		return;
	for (nfds_t i = 2; i < n; i++) {
		if (p[i].revents & POLLIN)
			read_child(s, w[i].g, w[i].c);
		if ((p[i].revents & (POLLHUP | POLLERR)) && w[i].c->control >= 0) {
			close(w[i].c->control); /* or poll would not wait for the signal */
			w[i].c->control = -1;
		}
	}
	if (p[1].revents)
		(void)qsp_log_relay(s->relay[0]);
	if (p[0].revents)
		on_signals(s);
	restart(s);
	announce(s);
	reload(s);
}

int
qsp_server_run(struct qsp_server *s)
{
	begin(s);
	while (!s->failed && !is_over(s)) {
		turn(s);
		if (s->stopping && qsp_clock_ms(CLOCK_MONOTONIC) >= s->stop_at)
			stop_hard(s);
	}
	for (int i = 0; s->relay[0] >= 0 && i < LAST_WORDS; i++)
		(void)qsp_log_relay(s->relay[0]);
	if (s->announced && s->current != NULL)
		qsp_server_remove_pid(&s->current->config);
	while (s->current != NULL) {
		struct qsp_server_generation *g = s->current;

		s->current = g->next;
		free_generation(g);
	}
	return s->failed ? 1 : 0;
}
