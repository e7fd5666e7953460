/* SPDX-License-Identifier: ISC */
/* A heap of deadlines and the thread that meets them. */
#include "sys/pacer.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sys/clock.h"

#define SECOND 1000000000ull
#define FIRST_CAP 16
#define SLICE_NS 100000   /* the least that Linux grants */
#define GATHER_NS 1000000 /* writes for which the thread wakes are at least so far apart */
#define BATCH 256         /* writes between two looks at what has been handed over */

enum { IDLE, WAITING, SENDING, DONE };

/* The deadline stands here too: until then the memory of a write is another thread's, or cold. */
struct entry {
	uint64_t at;
	struct qsp_pace *w;
};

struct qsp_pacer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t sooner; /* a new first deadline, or the end */
	pthread_cond_t sent;   /* a write is over; the thread has begun */
	struct entry *heap;    /* the earliest first */
	size_t n, cap;
	uint64_t woke, wakes; /* the last time that something was due; the next */
	bool running, ending;
};

uint64_t
qsp_pacer_clock(void)
{
	return qsp_clock_ns(CLOCK_MONOTONIC);
}

/* --- the heap ------------------------------------------------------------------------------- */

static void
rise(struct qsp_pacer *p, size_t i, struct entry x)
{
	for (; i > 0 && p->heap[(i - 1) / 2].at > x.at; i = (i - 1) / 2)
		p->heap[i] = p->heap[(i - 1) / 2];
	p->heap[i] = x;
}

static void
take_out(struct qsp_pacer *p, size_t i)
{
	struct entry last = p->heap[--p->n];
	size_t child;

	if (i == p->n)
		return;
	while ((child = 2 * i + 1) < p->n) {
		if (child + 1 < p->n && p->heap[child + 1].at < p->heap[child].at)
			child++;
		if (p->heap[child].at >= last.at)
			break;
		p->heap[i] = p->heap[child];
		i = child;
	}
	rise(p, i, last);
}

/* Where it ends before its time, which is seldom. */
static size_t
place_of(const struct qsp_pacer *p, const struct qsp_pace *w)
{
	size_t i = 0;

	while (p->heap[i].w != w)
		i++;
	return i;
}

static bool
has_room(struct qsp_pacer *p)
{
	size_t cap = p->cap ? 2 * p->cap : FIRST_CAP;
	struct entry *bigger;

	if (p->n < p->cap)
		return true;
	bigger = realloc(p->heap, cap * sizeof(struct entry));
	if (!bigger)
		return false;
	p->heap = bigger;
	p->cap = cap;
	return true;
}

/* --- the thread ----------------------------------------------------------------------------- */

/* When a deadline is met. */
static uint64_t
when(const struct qsp_pacer *p, uint64_t at)
{
	return at < p->woke + GATHER_NS ? p->woke + GATHER_NS : at;
}

static void
write_one(struct qsp_pace *w)
{
	ssize_t n;

	do
		n = send(w->fd, w->p, w->n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	w->sent = n > 0 ? (size_t)n : 0;
	w->err = n < 0 && errno != EAGAIN && errno != EWOULDBLOCK ? errno : 0;
}

/*
 * Until the first deadline, or somewhat later: with thousands of sessions a wake-up for each slot
 * costs more than the slot. Whose slot it is that waits for another's does not depend on what either
 * of them carries.
 */
static void
wait_for_first(struct qsp_pacer *p)
{
	struct timespec ts;

	p->wakes = when(p, p->heap[0].at);
	ts.tv_sec = (time_t)(p->wakes / SECOND);
	ts.tv_nsec = (long)(p->wakes % SECOND);
	(void)pthread_cond_timedwait(&p->sooner, &p->lock, &ts);
	p->wakes = 0;
}

/* Takes out what is due, in its order. */
static struct qsp_pace *
take_due(struct qsp_pacer *p, uint64_t now)
{
	struct qsp_pace *first = NULL, **last = &first;

	for (size_t i = 0; i < BATCH && p->n > 0 && p->heap[0].at <= now; i++) {
		struct qsp_pace *w = p->heap[0].w;

		take_out(p, 0);
		atomic_store(&w->state, SENDING);
		w->next = NULL;
		*last = w;
		last = &w->next;
	}
	return first;
}

/* Done is done: the owner may have it back at once. */
static void
write_all(struct qsp_pace *w)
{
	while (w) {
		struct qsp_pace *next = w->next;

		write_one(w);
		atomic_store(&w->state, DONE);
		w = next;
	}
}

/* The first version of the kernel's struct sched_attr, which older libraries do not declare. */
struct slice {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t ns, deadline, period;
};

/*
 * A deadline is met when it comes, not up to 50 us later; and whoever else is busy. Otherwise a
 * session whose own process works waits longer for the processor than an idle one, which bench/lab
 * sees. Where real time is refused a short slice is half of it. Harmless where all is refused.
 */
static void
be_prompt(void)
{
	const struct sched_param least = { .sched_priority = 1 };
	const struct slice slice = { .size = sizeof(slice), .ns = SLICE_NS };

	(void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	if (pthread_setschedparam(pthread_self(), SCHED_RR, &least) != 0)
		(void)syscall(SYS_sched_setattr, 0, &slice, 0);
}

static void *
run(void *arg)
{
	struct qsp_pacer *p = arg;

	be_prompt();
	pthread_mutex_lock(&p->lock);
	p->running = true;
	(void)pthread_cond_broadcast(&p->sent);
	while (!p->ending) {
		uint64_t now = qsp_pacer_clock();
		struct qsp_pace *due;

		if (p->n == 0) {
			p->wakes = UINT64_MAX;
			(void)pthread_cond_wait(&p->sooner, &p->lock);
			p->wakes = 0;
			continue;
		}
		if (when(p, p->heap[0].at) > now) {
			wait_for_first(p);
			continue;
		}
		p->woke = now;
		due = take_due(p, now);
		pthread_mutex_unlock(&p->lock);
		write_all(due);
		pthread_mutex_lock(&p->lock);
		(void)pthread_cond_broadcast(&p->sent);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* --- the face ------------------------------------------------------------------------------- */

int
qsp_pacer_permit(void)
{
	const struct rlimit least = { 1, 1 };
	const struct sched_param inherited = { .sched_priority = 1 };
	int policy = sched_getscheduler(0);

	/* root itself may not raise a limit without CAP_SYS_RESOURCE, as in a container */
	if (setrlimit(RLIMIT_RTPRIO, &least) != 0 && policy != SCHED_RR && policy != SCHED_FIFO)
		(void)sched_setscheduler(0, SCHED_RR, &inherited);
	return policy;
}

void
qsp_pacer_permit_no_more(int policy)
{
	const struct sched_param none = { .sched_priority = 0 };

	if (sched_getscheduler(0) != policy)
		(void)sched_setscheduler(0, policy, &none);
}

/* Signals are for the program's other threads. Returns once the system calls of its beginning are
 * over: a sandbox may come next. */
static int
start(struct qsp_pacer *p)
{
	sigset_t all, old;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&p->thread, NULL, run, p);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0)
		return r;
	pthread_mutex_lock(&p->lock);
	while (!p->running)
		(void)pthread_cond_wait(&p->sent, &p->lock);
	pthread_mutex_unlock(&p->lock);
	return 0;
}

static void
stop(struct qsp_pacer *p)
{
	if (!p->running)
		return;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	(void)pthread_cond_signal(&p->sooner);
	pthread_mutex_unlock(&p->lock);
	(void)pthread_join(p->thread, NULL);
	p->running = p->ending = false;
}

qsp_err
qsp_pacer_new(struct qsp_pacer **out)
{
	struct qsp_pacer *p = calloc(1, sizeof(*p));
	pthread_mutexattr_t prompt;
	pthread_condattr_t attr;

	*out = NULL;
	if (!p)
		return QSP_E_NOMEM;
	/* who holds the lock is not kept from the processor while the thread waits for it */
	(void)pthread_mutexattr_init(&prompt);
	(void)pthread_mutexattr_setprotocol(&prompt, PTHREAD_PRIO_INHERIT);
	(void)pthread_mutex_init(&p->lock, &prompt);
	(void)pthread_mutexattr_destroy(&prompt);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&p->sooner, &attr);
	(void)pthread_cond_init(&p->sent, NULL);
	(void)pthread_condattr_destroy(&attr);
	if (start(p) != 0) {
		free(p);
		return QSP_E_IO;
	}
	*out = p;
	return QSP_OK;
}

void
qsp_pacer_free(struct qsp_pacer *p)
{
	if (!p)
		return;
	stop(p);
	(void)pthread_cond_destroy(&p->sooner);
	(void)pthread_cond_destroy(&p->sent);
	(void)pthread_mutex_destroy(&p->lock);
	free(p->heap);
	free(p);
}

void
qsp_pacer_rest(struct qsp_pacer *p)
{
	stop(p);
}

qsp_err
qsp_pacer_go_on(struct qsp_pacer *p)
{
	return p->running || start(p) == 0 ? QSP_OK : QSP_E_IO;
}

qsp_err
qsp_pacer_add(struct qsp_pacer *p, struct qsp_pace *w)
{
	qsp_err e = QSP_E_NOMEM;

	if (!qsp_pacer_is_done(w))
		return QSP_E_STATE;
	w->sent = 0;
	w->err = 0;
	pthread_mutex_lock(&p->lock);
	if (has_room(p)) {
		e = QSP_OK;
		atomic_store(&w->state, WAITING);
		rise(p, p->n++, (struct entry){ w->at, w });
		if (when(p, w->at) < p->wakes)
			(void)pthread_cond_signal(&p->sooner);
	}
	pthread_mutex_unlock(&p->lock);
	return e;
}

void
qsp_pacer_cancel(struct qsp_pacer *p, struct qsp_pace *w)
{
	pthread_mutex_lock(&p->lock);
	if (atomic_load(&w->state) == WAITING)
		take_out(p, place_of(p, w));
	while (atomic_load(&w->state) == SENDING) /* a send that does not block */
		(void)pthread_cond_wait(&p->sent, &p->lock);
	atomic_store(&w->state, IDLE);
	pthread_mutex_unlock(&p->lock);
}

bool
qsp_pacer_is_done(const struct qsp_pace *w)
{
	int s = atomic_load(&w->state);

	return s == IDLE || s == DONE;
}
