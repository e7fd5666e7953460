/* SPDX-License-Identifier: ISC */
/*
 * Questions to whoever runs a program: on the terminal, or, where there is none, by a program of
 * sys/askpass.h. $SSH_ASKPASS_REQUIRE changes that as it does for ssh: never such a program; prefer it where
 * one is set; force it.
 */
#ifndef QSP_SYS_ASK_H
#define QSP_SYS_ASK_H

#include <qsp/base.h>

/* Whether there is anybody to ask. */
bool qsp_ask_possible(void);
/* As qsp_tty_ask and qsp_askpass_ask. QSP_E_IO also where nobody can be asked. */
QSP_MUST_USE qsp_err qsp_ask(const char *question, bool echo, char *out, size_t cap);

#endif
