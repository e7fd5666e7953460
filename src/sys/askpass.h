/* SPDX-License-Identifier: ISC */
/*
 * Questions where there is no terminal: another program asks, in a window perhaps, as ssh has it. It
 * is $QSSH_ASKPASS, else $SSH_ASKPASS, else ssh-askpass of the path.
 */
#ifndef QSP_SYS_ASKPASS_H
#define QSP_SYS_ASKPASS_H

#include <qsp/base.h>

/* Somebody has said that there is such a program: $QSSH_ASKPASS, or $SSH_ASKPASS with a display. */
bool qsp_askpass_is_set(void);

/* Its answer into out[0..cap), without the newline, ended by NUL. QSP_E_IO where it cannot be
 * started or ends with another status than 0, QSP_E_ROOM; then out is wiped. The caller wipes out. */
QSP_MUST_USE qsp_err qsp_askpass_ask(const char *question, char *out, size_t cap);

/* Yes or no: yes is the status 0 with nothing printed, or "yes". */
bool qsp_askpass_confirm(const char *question);

#endif
