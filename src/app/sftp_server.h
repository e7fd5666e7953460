/* SPDX-License-Identifier: ISC */
/*
 * The SFTP server, as a program on two descriptors: it knows nothing of channels, runs nothing and needs
 * no file of the system, so that it works in a chroot. What the system lets its user do is allowed.
 */
#ifndef QSP_APP_SFTP_SERVER_H
#define QSP_APP_SFTP_SERVER_H

#include "app/sftp.h"

struct qsp_sftp_server;

struct qsp_sftp_server_options {
	bool read_only;                   /* -R */
	bool log_stderr;                  /* -e */
	bool refused[QSP_SFTP_KINDS_END]; /* -P, -p */
	int umask;                        /* -u; -1: as it is */
	int log_level, log_facility;      /* -l, -f; -1: sftp-server's defaults */
	char dir[QSP_SFTP_PATH_MAX];      /* -d, with %d %h %u put in; empty: where it is */
	const char *user, *home;          /* borrowed: set by the caller */
};

/*
 * Reads "internal-sftp" and its options, words parted by blanks; user and home, set before, stand in for %u
 * and %h (or %d). False for what is wrong there: why is a static phrase.
 */
bool qsp_sftp_server_parse(struct qsp_sftp_server_options *o, const char *line, const char **why);
/* Whether a command line is the built-in server's. */
bool qsp_sftp_server_is(const char *line);

/* Serves until in ends; the exit status of a program. Never closes them. */
int qsp_sftp_server_run(const struct qsp_sftp_server_options *o, int in, int out);

/* The same without descriptors. NULL without memory. */
struct qsp_sftp_server *qsp_sftp_server_new(const struct qsp_sftp_server_options *o);
void qsp_sftp_server_free(struct qsp_sftp_server *s);
/* One packet; its reply goes to w, which has room for 4 + QSP_SFTP_PACKET_MAX bytes more. QSP_E_INPUT
 * where the session must end: a first packet that is not INIT, or INIT again. */
QSP_MUST_USE qsp_err qsp_sftp_server_packet(struct qsp_sftp_server *s, struct qsp_bytes packet,
					    struct qsp_writer *w);
/* One parsed request; its reply goes to w. */
void qsp_sftp_server_do(struct qsp_sftp_server *s, const struct qsp_sftp_request *r,
			struct qsp_writer *w);

#endif
