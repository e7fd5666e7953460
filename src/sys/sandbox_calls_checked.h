/* SPDX-License-Identifier: ISC */
/*
 * The table of sandbox_calls.h for instrumented programs: sanitizers and coverage map executable pages,
 * read /proc, stop threads and write reports. What must not happen fails here instead of killing, so
 * that a report still gets out.
 */
#include <errno.h>
#include <seccomp.h>

static const int calls_allowed[] = {
	SCMP_SYS(mmap),
	SCMP_SYS(mprotect),
};

static const int calls_without_exec[] = {
	SCMP_SYS(remap_file_pages),
};

static const int calls_refused[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(socket),    SCMP_SYS(connect),
	SCMP_SYS(bind),   SCMP_SYS(listen),   SCMP_SYS(unlink),    SCMP_SYS(unlinkat),
	SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(setuid),
	SCMP_SYS(setgid), SCMP_SYS(mount),    SCMP_SYS(symlink),   SCMP_SYS(link),
};

#define CALLS_DEFAULT SCMP_ACT_ALLOW
