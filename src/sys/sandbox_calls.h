/* SPDX-License-Identifier: ISC */
/*
 * What the filter of sandbox.c lets pass. CMake chooses this table, or sandbox_calls_checked.h where the
 * program is instrumented.
 */
#include <errno.h>
#include <seccomp.h>

/* Bytes, time, memory, threads: nothing that names a file, a process or an address. */
static const int calls_allowed[] = {
	SCMP_SYS(accept4),
	SCMP_SYS(brk),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(futex),
	SCMP_SYS(getpeername),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(nanosleep),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(tgkill), /* abort(3) */
	SCMP_SYS(time),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

/* Allowed where no page becomes executable. */
static const int calls_without_exec[] = {
	SCMP_SYS(mmap),
	SCMP_SYS(mprotect),
};

/* Libraries ask for these and go on without. */
static const int calls_refused[] = {
	SCMP_SYS(access),     SCMP_SYS(faccessat),  SCMP_SYS(faccessat2),   SCMP_SYS(getuid),
	SCMP_SYS(newfstatat), SCMP_SYS(open),       SCMP_SYS(openat),       SCMP_SYS(prctl),
	SCMP_SYS(readlink),   SCMP_SYS(readlinkat), SCMP_SYS(rt_sigaction), SCMP_SYS(sigaltstack),
	SCMP_SYS(socket),     SCMP_SYS(stat),       SCMP_SYS(statx),        SCMP_SYS(sysinfo),
	SCMP_SYS(uname),
};

#define CALLS_DEFAULT SCMP_ACT_KILL_PROCESS
