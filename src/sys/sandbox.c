/* SPDX-License-Identifier: ISC */
/*
 * The filter is a table (QSP_SANDBOX_CALLS names its file); this file loads it for all threads at
 * once, and holds the other ways in which a process makes itself smaller.
 */
#include "sys/sandbox.h"

#include QSP_SANDBOX_CALLS

#include <grp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* 0 also for a call that this machine does not have. */
static int
add_rule(scmp_filter_ctx ctx, uint32_t action, int call)
{
	int rc = action == CALLS_DEFAULT ? 0 : seccomp_rule_add(ctx, action, call, 0);

	return rc == -EDOM ? 0 : rc;
}

static int
add_rules(scmp_filter_ctx ctx)
{
	static const unsigned long ioctls[] = { FIONBIO, FIONREAD, FIOCLEX, TIOCOUTQ };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < COUNT(calls_allowed); i++)
		rc = add_rule(ctx, SCMP_ACT_ALLOW, calls_allowed[i]);
	for (size_t i = 0; rc == 0 && i < COUNT(calls_refused); i++)
		rc = add_rule(ctx, SCMP_ACT_ERRNO(EPERM), calls_refused[i]);
	if (CALLS_DEFAULT == SCMP_ACT_ALLOW)
		return rc;
	for (size_t i = 0; rc == 0 && i < COUNT(calls_without_exec); i++) {
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls_without_exec[i], 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		if (rc == 0)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), calls_without_exec[i], 1,
					      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
	}
	for (size_t i = 0; rc == 0 && i < COUNT(ioctls); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				      SCMP_A1(SCMP_CMP_EQ, ioctls[i]));
	return rc;
}

static int
add_io_uring(scmp_filter_ctx ctx)
{
	return add_rule(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(io_uring_setup));
}

static qsp_err
load(uint32_t action, int (*add)(scmp_filter_ctx ctx))
{
	scmp_filter_ctx ctx = seccomp_init(action);
	qsp_err e = 0;

	if (ctx == NULL)
		return QSP_E_NOMEM;
	if (seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) != 0 || add(ctx) != 0 ||
	    seccomp_load(ctx) != 0)
		e = QSP_E_IO;
	seccomp_release(ctx);
	return e;
}

qsp_err
qsp_sandbox_prepare(void)
{
	return load(SCMP_ACT_ALLOW, add_io_uring);
}

qsp_err
qsp_sandbox_enter(void)
{
	return load(CALLS_DEFAULT, add_rules);
}

qsp_err
qsp_sandbox_drop_root(unsigned uid, unsigned gid)
{
	const gid_t groups[1] = { gid };

	if (uid == 0 || setgroups(1, groups) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		return QSP_E_IO;
	/* no way back */
	if (setuid(0) == 0 || seteuid(0) == 0 || getuid() != uid || geteuid() != uid ||
	    getgid() != gid || getegid() != gid)
		return QSP_E_IO;
	return 0;
}

void
qsp_sandbox_hide(bool no_new_privs)
{
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (no_new_privs)
		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

bool
qsp_sandbox_lock_memory(void)
{
	struct rlimit now;

	/* under a limit MCL_FUTURE would make an allocation fail later, at some login */
	if (getrlimit(RLIMIT_MEMLOCK, &now) == 0 &&
	    (now.rlim_cur == RLIM_INFINITY || geteuid() == 0) &&
	    mlockall(MCL_CURRENT | MCL_FUTURE) == 0)
		return true;
	return mlockall(MCL_CURRENT) == 0;
}
