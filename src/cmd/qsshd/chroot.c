/* SPDX-License-Identifier: ISC */
#include "cmd/qsshd/chroot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

bool
qsp_chroot_path(const struct qsp_qsshd_config *c, const struct qsp_chroot *who,
		char out[static QSP_CHROOT_PATH_MAX], char err[static QSP_CHROOT_ERROR_MAX])
{
	const char *from = c->chroot.n > 0 ? c->chroot.v[0] : "none";
	char number[16];
	size_t n = 0;

	out[0] = 0;
	if (strcasecmp(from, "none") == 0)
		return true;
	(void)snprintf(number, sizeof(number), "%u", (unsigned)who->uid);
	for (; *from; from++) {
		const char *text = (const char[]){ *from, 0 };

		if (*from == '%') {
			from++;
			text = *from == '%'   ? "%"
			       : *from == 'h' ? who->home
			       : *from == 'u' ? who->user
			       : *from == 'U' ? number
					      : NULL;
		}
		if (text == NULL || n + strlen(text) >= QSP_CHROOT_PATH_MAX) {
			(void)snprintf(err, QSP_CHROOT_ERROR_MAX,
				       "ChrootDirectory \"%s\": unknown token, or too long",
				       c->chroot.v[0]);
			return false;
		}
		n += (size_t)(stpcpy(out + n, text) - (out + n));
	}
	if (out[0] != '/') {
		(void)snprintf(err, QSP_CHROOT_ERROR_MAX,
			       "ChrootDirectory \"%s\" is not an absolute path", out);
		return false;
	}
	return true;
}

static bool
check_one(const char *path, char *err)
{
	struct stat st;
	const char *what = NULL;

	if (stat(path, &st) != 0)
		what = strerror(errno);
	else if (!S_ISDIR(st.st_mode))
		what = "is not a folder";
	else if (st.st_uid != 0)
		what = "does not belong to root";
	else if (st.st_mode & 022)
		what = "is writable for others than root";
	if (what != NULL)
		(void)snprintf(err, QSP_CHROOT_ERROR_MAX, "bad ChrootDirectory: %s: %s", path,
			       what);
	return what == NULL;
}

bool
qsp_chroot_check(const char *path, char err[static QSP_CHROOT_ERROR_MAX])
{
	char part[QSP_CHROOT_PATH_MAX];

	if (!check_one("/", err))
		return false;
	for (size_t i = 1; path[i - 1] != 0; i++) {
		if ((path[i] != '/' && path[i] != 0) || path[i - 1] == '/')
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (!check_one(part, err))
			return false;
	}
	return true;
}

bool
qsp_chroot_enter(const char *path, char err[static QSP_CHROOT_ERROR_MAX])
{
	if (!qsp_chroot_check(path, err))
		return false;
	if (geteuid() != 0 || chdir(path) != 0 || chroot(".") != 0 || chdir("/") != 0) {
		(void)snprintf(err, QSP_CHROOT_ERROR_MAX, "chroot to %s: %s", path,
			       geteuid() != 0 ? "the server does not run as root"
					      : strerror(errno));
		return false;
	}
	return true;
}
