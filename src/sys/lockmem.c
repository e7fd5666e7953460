/* SPDX-License-Identifier: ISC */
/*
 * A process of a user without privileges may lock a few MiB (RLIMIT_MEMLOCK), and its read-only
 * pages, the libraries' code, are more than that. So only what is writable is locked, mapping by mapping.
 */
#include "sys/lockmem.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"

#define HEAP_ROOM (1 << 20)
#define SCRUB_LEN (128 << 10)

static qsp_err
failed(size_t wanted, char err[QSP_LOCKMEM_ERROR_MAX])
{
	struct rlimit limit = { 0 };
	int code = errno;

	getrlimit(RLIMIT_MEMLOCK, &limit);
	snprintf(err, QSP_LOCKMEM_ERROR_MAX,
		 "cannot lock %zu KiB of memory (the limit is %llu KiB): %s\n"
		 "Raise the limit: ulimit -l, memlock in limits.conf, or LimitMEMLOCK= of systemd.",
		 (wanted + 1023) / 1024, (unsigned long long)limit.rlim_max / 1024, strerror(code));
	return QSP_E_IO;
}

__attribute__((noinline)) void
qsp_lockmem_scrub(void)
{
	uint8_t below[SCRUB_LEN];

	qsp_mem_wipe(below, sizeof(below));
}

/* A heap that grows once, now, and never gives pages back to take others later. */
static bool
settle_heap(void)
{
	void *p;

	(void)mallopt(M_TRIM_THRESHOLD, -1);
	(void)mallopt(M_MMAP_THRESHOLD, 2 * HEAP_ROOM);
	p = malloc(HEAP_ROOM);
	free(p);
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_ROOM / 16);
	return p != NULL;
}

/* Locks every writable private mapping; *sum is what it came to. */
static bool
lock_writable(size_t *sum)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512], *end;
	bool ok = f != NULL;

	while (ok && fgets(line, sizeof(line), f)) {
		unsigned long from = strtoul(line, &end, 16), to = 0; /* FROM-TO MODE ... */
		void *p = (void *)from; /* NOLINT(performance-no-int-to-ptr): the kernel named it */

		if (*end == '-')
			to = strtoul(end + 1, &end, 16);
		if (to <= from || strncmp(end, " rw", 3) != 0)
			continue;
		*sum += to - from;
		ok = mlock(p, to - from) == 0;
		(void)madvise(p, to - from, MADV_DONTDUMP);
	}
	if (f)
		fclose(f);
	return ok;
}

qsp_err
qsp_lockmem_process(char err[QSP_LOCKMEM_ERROR_MAX])
{
	struct rlimit none = { 0, 0 }, limit;
	size_t sum = 0;

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_MEMLOCK, &limit);
	}
	if (!settle_heap())
		return failed(HEAP_ROOM, err);
	qsp_lockmem_scrub(); /* so that these pages of the stack are there */
	if (!lock_writable(&sum))
		return failed(sum, err);
	return QSP_OK;
}

void *
qsp_lockmem_new(size_t n, char err[QSP_LOCKMEM_ERROR_MAX])
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mlock(p, n) != 0) {
		(void)failed(n, err);
		if (p != MAP_FAILED)
			munmap(p, n);
		return NULL;
	}
	(void)madvise(p, n, MADV_DONTDUMP);
	(void)madvise(p, n, MADV_WIPEONFORK);
	return p;
}

void
qsp_lockmem_free(void *p, size_t n)
{
	if (!p)
		return;
	qsp_mem_wipe(p, n);
	munmap(p, n);
}
