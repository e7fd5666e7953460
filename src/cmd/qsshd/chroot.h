/* SPDX-License-Identifier: ISC */
/* ChrootDirectory: which folder it names for a user, and whether it may be one's root. */
#ifndef QSP_CMD_QSSHD_CHROOT_H
#define QSP_CMD_QSSHD_CHROOT_H

#include <sys/types.h>

#include "cmd/qsshd/config.h"

#define QSP_CHROOT_PATH_MAX 4096
#define QSP_CHROOT_ERROR_MAX (QSP_CHROOT_PATH_MAX + 256)

struct qsp_chroot {
	const char *user, *home;
	uid_t uid;
};

/*
 * The folder for this user, its tokens put in (%% %h %u %U); empty where no chroot is wanted. False with
 * a reason in err: an unknown token, a path that is not absolute or too long.
 */
bool qsp_chroot_path(const struct qsp_qsshd_config *c, const struct qsp_chroot *who,
		     char out[static QSP_CHROOT_PATH_MAX], char err[static QSP_CHROOT_ERROR_MAX]);

/* Each folder of the path, from / on, is one, belongs to root and is writable for nobody else: who
 * could change it could plant what programs of root's trust. False with a reason in err. */
bool qsp_chroot_check(const char *path, char err[static QSP_CHROOT_ERROR_MAX]);

/* Checks, then goes there for good. Needs root. */
bool qsp_chroot_enter(const char *path, char err[static QSP_CHROOT_ERROR_MAX]);

#endif
