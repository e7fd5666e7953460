/* SPDX-License-Identifier: ISC */
/*
 * qsshd-net: gives up root, starts its workers, shuts the door to the system behind itself, and from
 * then on only hands them what qsshd sends. It ends when qsshd says so, or is gone.
 */
#include "cmd/qsshd/net.h"

#include <pwd.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "cmd/qsshd/child.h"
#include "sys/clock.h"
#include "sys/log.h"
#include "sys/pacer.h"
#include "sys/sandbox.h"
#include "sys/spawn.h"

#define REFUSED_BURST 20
#define REFUSED_EVERY_MS 1000

uint32_t
qsp_net_random(void)
{
	uint32_t v = 0;

	(void)!getrandom(&v, sizeof(v), 0);
	return v;
}

bool
qsp_net_replay(void *arg, const uint8_t entry[QSP_REPLAY_ENTRY_LEN], qsp_time until_wall)
{
	struct qsp_net *n = arg;

	return qsp_replaymap_enter(n->replay, entry, until_wall, qsp_clock_ms(CLOCK_REALTIME));
}

/* Once the last worker has come to it qsshd is told. */
static void
count(struct qsp_net *n, unsigned *workers, uint8_t told)
{
	unsigned k;

	pthread_mutex_lock(&n->lock);
	k = ++*workers;
	pthread_mutex_unlock(&n->lock);
	if (k == n->n_workers)
		(void)!qsp_ipc_send(QSP_RPC_CONTROL_FD, qsp_bytes(&told, 1), NULL, 0);
}

void
qsp_net_ready(struct qsp_net *n)
{
	count(n, &n->n_ready, QSP_RPC_READY);
}

void
qsp_net_drained(struct qsp_net *n)
{
	count(n, &n->n_drained, QSP_RPC_DRAIN);
}

/* --- start ---------------------------------------------------------------------------------- */

/* The policy by which threads are to be scheduled, once the workers have been made; -1: as they are. */
static int
give_up_root(const struct qsp_net *n)
{
	const struct passwd *pw;
	int policy = -1;

	if (geteuid() != 0)
		return policy;
	pw = getpwnam("qsshd");
	if (pw == NULL)
		pw = getpwnam("nobody");
	if (pw == NULL)
		qsp_child_die("there is neither a user qsshd nor a user nobody");
	if (n->config.shaping & 1 << QSP_SHAPE_STEALTH)
		policy = qsp_pacer_permit();
	if (qsp_sandbox_drop_root(pw->pw_uid, pw->pw_gid))
		qsp_child_die("cannot give up root");
	return policy;
}

/* Each forward takes one; the others are for logins and sessions. */
static void
more_descriptors(struct qsp_net *n)
{
	unsigned all = qsp_spawn_more_descriptors();

	n->lingering_max = all / 4 < QSP_DRIVE_LINGERING_MAX ? all / 4 : QSP_DRIVE_LINGERING_MAX;
	n->forwards_max = all > 2 * QSP_NET_SPARE_FDS ? all - QSP_NET_SPARE_FDS : all / 2;
}

/* The start and the end of a worker are counted; the filter comes between. */
static void *
worker_main(void *arg)
{
	struct qsp_net_worker *w = arg;
	struct qsp_net *n = w->net;
	static const uint8_t done = QSP_RPC_STOP;

	pthread_barrier_wait(&n->started_all); /* the system calls of a thread's start are over */
	qsp_net_worker_run(w);
	pthread_mutex_lock(&n->lock);
	if (++n->n_done == n->n_workers)
		(void)!qsp_ipc_send(QSP_RPC_CONTROL_FD, qsp_bytes(&done, 1), NULL, 0);
	pthread_cond_signal(&n->changed);
	pthread_mutex_unlock(&n->lock);
	return NULL;
}

static void
start_workers(struct qsp_net *n, struct qsp_ipc_message *m, int policy)
{
	if (qsp_ipc_recv_wait(QSP_RPC_CONTROL_FD, m) || m->n != 2 ||
	    m->data[0] != QSP_RPC_WORKERS || m->data[1] < 1 || m->data[1] > QSP_CONFIG_WORKERS_MAX)
		qsp_child_die("no word from qsshd");
	n->n_workers = m->data[1];
	for (unsigned i = 0; i < n->n_workers; i++) {
		if (qsp_net_worker_new(n, i, &n->worker[i]))
			qsp_child_die("cannot make a worker");
	}
	if (policy >= 0)
		qsp_pacer_permit_no_more(policy);
	pthread_barrier_init(&n->started_all, NULL, n->n_workers + 1);
	for (unsigned i = 0; i < n->n_workers; i++) {
		if (pthread_create(&n->worker[i]->thread, NULL, worker_main, n->worker[i]) != 0)
			qsp_child_die("cannot start a thread");
	}
}

/* --- orders --------------------------------------------------------------------------------- */

static void
order_all(struct qsp_net *n, uint8_t type)
{
	for (unsigned i = 0; i < n->n_workers; i++)
		qsp_net_worker_order(n->worker[i], type, -1);
}

/* False once it is time to go. */
static bool
obey(struct qsp_net *n, struct qsp_ipc_message *m)
{
	uint8_t type = m->data[0];

	switch (type) {
	case QSP_RPC_LISTENER:
	case QSP_RPC_LINK:
		if (m->n == 2 && m->n_fds == 1 && m->data[1] < n->n_workers)
			qsp_net_worker_order(n->worker[m->data[1]], type, qsp_ipc_take(m, 0));
		return true;
	case QSP_RPC_GO: order_all(n, type); return true;
	case QSP_RPC_DRAIN:
		atomic_store(&n->draining, true);
		order_all(n, type);
		return true;
	default: return false;
	}
}

/* Workers end once their connections have; those that do not are ended by exit. */
static void
wait_for_workers(struct qsp_net *n)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1 + QSP_NET_LINGER_MS / 1000;
	pthread_mutex_lock(&n->lock);
	while (n->n_done < n->n_workers &&
	       pthread_cond_timedwait(&n->changed, &n->lock, &until) == 0)
		;
	pthread_mutex_unlock(&n->lock);
}

static bool
all_done(struct qsp_net *n)
{
	bool done;

	pthread_mutex_lock(&n->lock);
	done = n->n_done == n->n_workers;
	pthread_mutex_unlock(&n->lock);
	return done;
}

static void
run(struct qsp_net *n, struct qsp_ipc_message *m)
{
	while (qsp_ipc_recv_wait(QSP_RPC_CONTROL_FD, m) == 0) {
		bool go_on = obey(n, m);

		qsp_ipc_drop(m);
		if (!go_on)
			break;
	}
	if (!all_done(n))
		order_all(n, QSP_RPC_STOP);
	wait_for_workers(n);
}

int
main(int argc, char **argv)
{
	static struct qsp_ipc_message m;
	static struct qsp_net n;
	int policy;

	qsp_child_begin("qsshd-net", argc, argv, &n.config);
	policy = give_up_root(&n);
	qsp_sandbox_hide(true);
	more_descriptors(&n);
	n.refused = (struct qsp_log_limit){ .burst = REFUSED_BURST, .every_ms = REFUSED_EVERY_MS };
	pthread_mutex_init(&n.lock, NULL);
	pthread_cond_init(&n.changed, NULL);
	if (qsp_crypto_new(NULL, NULL, &n.cx) || qsp_replaymap_open(QSP_RPC_REPLAY_FD, &n.replay))
		qsp_child_die("cannot set up cryptography");
	if (qsp_sandbox_prepare())
		qsp_child_die("cannot prepare the sandbox");
	start_workers(&n, &m, policy);
	pthread_barrier_wait(&n.started_all);
	if (qsp_sandbox_enter())
		qsp_child_die("cannot enter the sandbox");
	run(&n, &m);
	if (!all_done(&n))
		_exit(0); /* the rest goes with the process */
	for (unsigned i = 0; i < n.n_workers; i++) {
		pthread_join(n.worker[i]->thread, NULL);
		qsp_net_worker_free(n.worker[i]);
	}
	qsp_replaymap_close(n.replay);
	qsp_crypto_free(n.cx);
	qsp_qsshd_config_free(&n.config);
	return 0;
}
