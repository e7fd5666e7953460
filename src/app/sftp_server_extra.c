/* SPDX-License-Identifier: ISC */
/* Requests that ask what is there: limits, free space, homes, names of users; and lines as of ls -l. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "app/sftp_server_impl.h"

#define HALF_YEAR (182 * 24 * 3600L)
#define IDS_MAX 1024

void
qsp_sftp_server_on_limits(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			  struct qsp_writer *w)
{
	size_t start = qsp_sftp_server_begin(w, QSP_SFTP_EXTENDED_REPLY, r->id);

	qsp_writer_u64(w, QSP_SFTP_PACKET_MAX);
	qsp_writer_u64(w, QSP_SFTP_DATA_MAX);
	qsp_writer_u64(w, QSP_SFTP_DATA_MAX);
	qsp_writer_u64(w, s->max);
	qsp_sftp_server_end(w, start);
}

void
qsp_sftp_server_on_statvfs(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			   struct qsp_writer *w)
{
	struct qsp_sftp_path path = qsp_sftp_server_path(r->path);
	struct qsp_sftp_open *h = NULL;
	struct statvfs v;
	size_t start;
	int rc = -1;

	errno = EBADF;
	if (r->kind == QSP_SFTP_STATVFS)
		rc = statvfs(path.s, &v);
	else if ((h = qsp_sftp_server_find(s, r->handle)) != NULL)
		rc = fstatvfs(h->dir ? dirfd(h->dir) : h->fd, &v);
	if (rc != 0) {
		qsp_sftp_server_errno(w, r->id, errno);
		return;
	}
	start = qsp_sftp_server_begin(w, QSP_SFTP_EXTENDED_REPLY, r->id);
	qsp_writer_u64(w, v.f_bsize);
	qsp_writer_u64(w, v.f_frsize);
	qsp_writer_u64(w, v.f_blocks);
	qsp_writer_u64(w, v.f_bfree);
	qsp_writer_u64(w, v.f_bavail);
	qsp_writer_u64(w, v.f_files);
	qsp_writer_u64(w, v.f_ffree);
	qsp_writer_u64(w, v.f_favail);
	qsp_writer_u64(w, v.f_fsid);
	qsp_writer_u64(w, (v.f_flag & ST_RDONLY ? 1u : 0) | (v.f_flag & ST_NOSUID ? 2u : 0));
	qsp_writer_u64(w, v.f_namemax);
	qsp_sftp_server_end(w, start);
}

/* ~ and ~user; what it stands for need not be there. */
void
qsp_sftp_server_on_expand(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			  struct qsp_writer *w)
{
	struct qsp_sftp_path path = qsp_sftp_server_path(r->path);
	char out[2 * QSP_SFTP_PATH_MAX], real[QSP_SFTP_PATH_MAX];
	char *rest = strchr(path.s, '/');
	const char *home = s->o->home;
	const struct passwd *pw;
	int n;

	if (path.s[0] != '~') {
		qsp_sftp_server_on_realpath(s, r, w);
		return;
	}
	if (rest != NULL)
		*rest++ = 0;
	if (path.s[1] != 0 || home == NULL) {
		pw = path.s[1] ? getpwnam(path.s + 1) : getpwuid(getuid());
		home = pw ? pw->pw_dir : NULL;
	}
	if (home == NULL) {
		qsp_sftp_server_status(w, r->id, QSP_SFTP_NO_SUCH_FILE);
		return;
	}
	n = snprintf(out, sizeof(out), "%s%s%s", home, rest ? "/" : "", rest ? rest : "");
	if (n >= QSP_SFTP_PATH_MAX)
		qsp_sftp_server_errno(w, r->id, ENAMETOOLONG);
	else
		qsp_sftp_server_name(w, r->id, realpath(out, real) ? real : out);
}

/* --- names of users ------------------------------------------------------------------------- */

static const char *
cached(struct qsp_sftp_cache *c, uint32_t id, bool user)
{
	size_t i = id % QSP_SFTP_NAMES_CACHED;
	const char *name = NULL;

	if (!c->e[i].set || c->e[i].id != id) {
		if (user) {
			const struct passwd *pw = getpwuid(id);

			name = pw ? pw->pw_name : NULL;
		} else {
			const struct group *gr = getgrgid(id);

			name = gr ? gr->gr_name : NULL;
		}
		c->e[i].set = true;
		c->e[i].id = id;
		(void)snprintf(c->e[i].name, sizeof(c->e[i].name), "%s", name ? name : "");
	}
	return c->e[i].name;
}

const char *
qsp_sftp_server_user(struct qsp_sftp_server *s, uint32_t id)
{
	return cached(&s->users, id, true);
}

const char *
qsp_sftp_server_group(struct qsp_sftp_server *s, uint32_t id)
{
	return cached(&s->groups, id, false);
}

static void
put_names(struct qsp_sftp_server *s, struct qsp_writer *w, struct qsp_bytes ids,
	  const char *(*look_up)(struct qsp_sftp_server *, uint32_t))
{
	uint8_t *length = qsp_writer_room(w, 4);
	size_t start = w->n;

	for (; ids.n >= 4; ids = qsp_bytes_from(ids, 4))
		qsp_writer_vec32(w, qsp_bytes_str(look_up(s, qsp_bytes_get32(ids.p))));
	if (length != NULL)
		qsp_bytes_put32(length, (uint32_t)(w->n - start));
}

void
qsp_sftp_server_on_names(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			 struct qsp_writer *w)
{
	size_t start;

	if (r->data.n % 4 || r->data2.n % 4 || r->data.n > 4 * IDS_MAX ||
	    r->data2.n > 4 * IDS_MAX) {
		qsp_sftp_server_status(w, r->id, QSP_SFTP_BAD_MESSAGE);
		return;
	}
	start = qsp_sftp_server_begin(w, QSP_SFTP_EXTENDED_REPLY, r->id);
	put_names(s, w, r->data, qsp_sftp_server_user);
	put_names(s, w, r->data2, qsp_sftp_server_group);
	qsp_sftp_server_end(w, start);
}

/* --- ls -l ---------------------------------------------------------------------------------- */

static void
put_mode(mode_t m, char out[11])
{
	static const char rwx[] = "rwxrwxrwx";

	out[0] = S_ISDIR(m)    ? 'd'
		 : S_ISLNK(m)  ? 'l'
		 : S_ISCHR(m)  ? 'c'
		 : S_ISBLK(m)  ? 'b'
		 : S_ISFIFO(m) ? 'p'
		 : S_ISSOCK(m) ? 's'
			       : '-';
	for (unsigned i = 0; i < 9; i++)
		out[1 + i] = m & (0400u >> i) ? rwx[i] : '-';
	if (m & S_ISUID)
		out[3] = m & S_IXUSR ? 's' : 'S';
	if (m & S_ISGID)
		out[6] = m & S_IXGRP ? 's' : 'S';
	if (m & S_ISVTX)
		out[9] = m & S_IXOTH ? 't' : 'T';
	out[10] = 0;
}

void
qsp_sftp_server_longname(struct qsp_sftp_server *s, const char *name, const struct stat *st,
			 char *out, size_t cap)
{
	char mode[11], user[33], group[33], date[32] = "";
	time_t now = time(NULL);
	struct tm tm;
	bool recent = st->st_mtime <= now && now - st->st_mtime < HALF_YEAR;

	put_mode(st->st_mode, mode);
	(void)snprintf(user, sizeof(user), "%s", qsp_sftp_server_user(s, st->st_uid));
	(void)snprintf(group, sizeof(group), "%s", qsp_sftp_server_group(s, st->st_gid));
	if (*user == 0)
		(void)snprintf(user, sizeof(user), "%u", (unsigned)st->st_uid);
	if (*group == 0)
		(void)snprintf(group, sizeof(group), "%u", (unsigned)st->st_gid);
	if (localtime_r(&st->st_mtime, &tm) != NULL)
		(void)strftime(date, sizeof(date), recent ? "%b %e %H:%M" : "%b %e  %Y", &tm);
	(void)snprintf(out, cap, "%s %3lu %-8s %-8s %8llu %s %s", mode, (unsigned long)st->st_nlink,
		       user, group, (unsigned long long)st->st_size, date, name);
}
