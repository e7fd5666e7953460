/* SPDX-License-Identifier: ISC */
/*
 * A table of fixed size. An entry is a hash, so its own bytes say where it may stand: in one of WINDOW
 * places. All of these are looked at each time, so an expired one is simply free. The lock is
 * robust: should its owner die, an entry may be lost that was never answered, and nothing else.
 */
#include "app/replaymap.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

#define MAGIC 0x51535052u
#define WINDOW 64

struct place {
	uint8_t entry[QSP_REPLAY_ENTRY_LEN];
	qsp_time until; /* 0: free */
};

struct shared {
	uint32_t magic;
	uint32_t n; /* places, a power of two */
	qsp_time started;
	pthread_mutex_t lock;
	struct place place[];
};

struct qsp_replaymap {
	struct shared *s;
	size_t size;
};

static size_t
size_of(size_t n)
{
	return sizeof(struct shared) + n * sizeof(struct place);
}

static qsp_err
init(struct shared *s, size_t n, qsp_time started)
{
	pthread_mutexattr_t a;
	int rc;

	if (pthread_mutexattr_init(&a) != 0)
		return QSP_E_NOMEM;
	rc = pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	if (rc == 0)
		rc = pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	if (rc == 0)
		rc = pthread_mutex_init(&s->lock, &a);
	pthread_mutexattr_destroy(&a);
	s->n = (uint32_t)n;
	s->started = started;
	s->magic = MAGIC;
	return rc == 0 ? 0 : QSP_E_IO;
}

qsp_err
qsp_replaymap_create(size_t max, qsp_time started, int *fd)
{
	size_t n = 2 * WINDOW;
	struct shared *s;
	qsp_err e;

	while (n < max && n < (1u << 30))
		n *= 2;
	*fd = memfd_create("qsp-replay", MFD_CLOEXEC);
	if (*fd < 0)
		return QSP_E_IO;
	s = ftruncate(*fd, (off_t)size_of(n)) == 0
		    ? mmap(NULL, size_of(n), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0)
		    : MAP_FAILED;
	if (s == MAP_FAILED) {
		close(*fd);
		*fd = -1;
		return QSP_E_IO;
	}
	e = init(s, n, started);
	munmap(s, size_of(n));
	if (e) {
		close(*fd);
		*fd = -1;
	}
	return e;
}

qsp_err
qsp_replaymap_open(int fd, struct qsp_replaymap **out)
{
	struct qsp_replaymap *m;
	struct stat st;
	qsp_err e = QSP_E_IO;

	*out = NULL;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return QSP_E_NOMEM;
	if (fstat(fd, &st) != 0 || st.st_size < (off_t)sizeof(struct shared))
		goto out;
	m->size = (size_t)st.st_size;
	m->s = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m->s == MAP_FAILED)
		goto out;
	if (m->s->magic != MAGIC || m->s->n < WINDOW || (m->s->n & (m->s->n - 1)) != 0 ||
	    size_of(m->s->n) != m->size) {
		munmap(m->s, m->size);
		e = QSP_E_INPUT;
		goto out;
	}
	*out = m;
	return 0;
out:
	free(m);
	return e;
}

void
qsp_replaymap_close(struct qsp_replaymap *m)
{
	if (m == NULL)
		return;
	munmap(m->s, m->size);
	free(m);
}

qsp_time
qsp_replaymap_started(const struct qsp_replaymap *m)
{
	return m->s->started;
}

static bool
enter(struct shared *s, const uint8_t entry[QSP_REPLAY_ENTRY_LEN], qsp_time until, qsp_time now)
{
	uint32_t at = qsp_bytes_get32(entry);
	struct place *room = NULL;

	for (uint32_t i = 0; i < WINDOW; i++) {
		struct place *p = &s->place[(at + i) & (s->n - 1)];

		if (p->until < now) {
			if (room == NULL)
				room = p;
		} else if (memcmp(p->entry, entry, QSP_REPLAY_ENTRY_LEN) == 0) {
			return false;
		}
	}
	if (room == NULL)
		return false;
	room->until = 0; /* half of an entry must not count for another */
	memcpy(room->entry, entry, QSP_REPLAY_ENTRY_LEN);
	room->until = until;
	return true;
}

bool
qsp_replaymap_enter(struct qsp_replaymap *m, const uint8_t entry[QSP_REPLAY_ENTRY_LEN],
		    qsp_time until_wall, qsp_time now_wall)
{
	int rc = pthread_mutex_lock(&m->s->lock);
	bool fresh;

	if (rc == EOWNERDEAD)
		rc = pthread_mutex_consistent(&m->s->lock);
	if (rc != 0)
		return false;
	fresh = enter(m->s, entry, until_wall, now_wall);
	pthread_mutex_unlock(&m->s->lock);
	return fresh;
}
