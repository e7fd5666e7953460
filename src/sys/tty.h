/* SPDX-License-Identifier: ISC */
/*
 * The terminal: raw mode that is undone however the program ends, its size, and questions to the
 * person in front of it. Questions go to /dev/tty, never to standard input or output.
 */
#ifndef QSP_SYS_TTY_H
#define QSP_SYS_TTY_H

#include <qsp/base.h>

#include <termios.h>

/*
 * Takes the terminal fd into raw mode; a second call changes nothing. The mode before comes back
 * by qsp_tty_restore, at exit, and before the process dies of a signal that it does not handle
 * itself. QSP_E_IO where fd is no terminal.
 */
QSP_MUST_USE qsp_err qsp_tty_raw(int fd);
/* Async-signal-safe; does nothing where the terminal is not raw. */
void qsp_tty_restore(void);
/* The modes of fd before it went raw, or as they are. */
QSP_MUST_USE qsp_err qsp_tty_modes(int fd, struct termios *out);

struct qsp_tty_size {
	uint32_t columns, rows, width_px, height_px;
};
/* Zeros where fd is no terminal. */
struct qsp_tty_size qsp_tty_get_size(int fd);

/* True where there is a terminal to ask on. */
bool qsp_tty_can_ask(void);
/*
 * Prints the question and reads a line into out[0..cap), without its newline, ended by NUL; with
 * echo off for secrets. QSP_E_IO where there is no terminal or the input ends, QSP_E_ROOM for a
 * line that is too long. The caller wipes out. Signals are as readpass.h has them:
 * Ctrl-C ends the program, the terminal as it was, and ^Z and fg ask again.
 */
QSP_MUST_USE qsp_err qsp_tty_ask(const char *question, bool echo, char *out, size_t cap);

#endif
