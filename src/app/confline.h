/* SPDX-License-Identifier: ISC */
/*
 * Lines of ssh_config and sshd_config: `Keyword argument ...`, `Keyword=argument`, quotes,
 * comments. A line is cut into words here; what the words mean is the caller's business.
 *
 * Quotes are " or ', and a backslash before a quote, a backslash or (outside quotes) a space
 * takes it literally. A word that begins with # ends the line.
 */
#ifndef QSP_APP_CONFLINE_H
#define QSP_APP_CONFLINE_H

#include <qsp/base.h>

#include <stdio.h>

#define QSP_CONFLINE_MAX 4096 /* bytes of a line, its end included */
#define QSP_CONFLINE_ARGS_MAX 128
#define QSP_CONFLINE_ERROR_MAX 512

struct qsp_confline {
	const char *file; /* for messages; borrowed */
	unsigned number;  /* of the line in it; 0 for a line that is from no file */
	char *keyword;    /* as written; NULL: the line is blank or a comment */
	size_t n;         /* arguments */
	char *arg[QSP_CONFLINE_ARGS_MAX];
	/* The arguments uncut, as ProxyCommand wants them: from the first one to the end of the line,
	 * without the white space around. "" where there are none. */
	const char *rest;
	char text[2 * QSP_CONFLINE_MAX]; /* what the pointers point into */
};

/* `file` names the source in messages and must outlive the lines. */
void qsp_confline_init(struct qsp_confline *l, const char *file);

/* Cuts one line, with or without its newline, into l; on error QSP_E_INPUT and *why, static. */
QSP_MUST_USE qsp_err qsp_confline_parse(struct qsp_confline *l, struct qsp_bytes line,
					const char **why);

/*
 * Cuts the next line of f that says something; blank ones and comments are skipped. *end is set
 * where there is none left. On error QSP_E_INPUT with err as qsp_confline_say writes it.
 */
QSP_MUST_USE qsp_err qsp_confline_next(struct qsp_confline *l, FILE *f, bool *end,
				       char err[QSP_CONFLINE_ERROR_MAX]);

/* True where the keyword is `name`, whatever the case. */
bool qsp_confline_is(const struct qsp_confline *l, const char *name);

/* Writes "FILE line N: ..." into err, or "FILE: ..." for a line from no file. Returns QSP_E_INPUT, to
 * be handed on. */
qsp_err qsp_confline_say(const struct qsp_confline *l, char err[QSP_CONFLINE_ERROR_MAX],
			 const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
