/* SPDX-License-Identifier: ISC */
/*
 * The system call filter of a process that reads bytes from strangers: after it no file can be opened,
 * no program run, no socket made. Descriptors that are open, or that arrive, are all it has.
 */
#ifndef QSP_SYS_SANDBOX_H
#define QSP_SYS_SANDBOX_H

#include <qsp/base.h>

/* Before the first loop is made: libuv since 1.45 would set up an io_uring, whose operations no filter
 * sees, and finds that there is none. Errors as qsp_sandbox_enter. */
QSP_MUST_USE qsp_err qsp_sandbox_prepare(void);

/* Filters every thread of the process, for good. A forbidden call kills it, one that libraries
 * try and can do without fails with EPERM. QSP_E_IO where the kernel has no seccomp;
 * QSP_E_NOMEM. */
QSP_MUST_USE qsp_err qsp_sandbox_enter(void);

/* Gives up root for `uid` and `gid`, for good, and checks that it is so. QSP_E_IO. */
QSP_MUST_USE qsp_err qsp_sandbox_drop_root(unsigned uid, unsigned gid);

/* No core dump, no ptrace by others of the same user; for this program, not for what it runs. With
 * no_new_privs no program that it runs gains any. */
void qsp_sandbox_hide(bool no_new_privs);

/* Keeps this process's memory out of swap, as far as its limits allow; false where they do not. */
bool qsp_sandbox_lock_memory(void);

#endif
