/* SPDX-License-Identifier: ISC */
/*
 * While echo is off, the signals that would end or stop the program are only noted; they are
 * raised again once the terminal is restored, and after a stop the question is asked anew.
 */
#include "sys/readpass.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const int signals[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGALRM,
			       SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU };
#define SIGNALS (sizeof(signals) / sizeof(*signals))

static volatile sig_atomic_t noted[SIGNALS];

static void
note(int sig)
{
	for (size_t i = 0; i < SIGNALS; i++)
		if (signals[i] == sig)
			noted[i] = 1;
}

struct terminal {
	int in, out;
	bool opened;  /* /dev/tty is open and ours to close */
	bool changed; /* echo was on */
	struct termios before;
	struct sigaction old[SIGNALS];
};

static void
say(int fd, const char *s)
{
	size_t n = strlen(s);

	while (n > 0) {
		ssize_t put = write(fd, s, n);

		if (put <= 0)
			return;
		s += put;
		n -= (size_t)put;
	}
}

/* The terminal, or what stands for it unless `only` that will do. */
static bool
terminal_open(struct terminal *t, bool only)
{
	int fd =
		only || isatty(STDIN_FILENO) ? open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : -1;

	t->opened = fd >= 0;
	t->in = fd >= 0 ? fd : STDIN_FILENO;
	t->out = fd >= 0 ? fd : STDERR_FILENO;
	t->changed = false;
	return t->opened || !only;
}

/* False where a signal came first. */
static bool
terminal_quiet(struct terminal *t, bool echo)
{
	struct sigaction sa = { .sa_handler = note };
	struct termios quiet;

	/* no SA_RESTART: a signal ends the read */
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < SIGNALS; i++) {
		noted[i] = 0;
		sigaction(signals[i], &sa, &t->old[i]);
	}
	if (echo || tcgetattr(t->in, &t->before) != 0 || !(t->before.c_lflag & ECHO))
		return true;
	quiet = t->before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	t->changed = tcsetattr(t->in, TCSAFLUSH, &quiet) == 0;
	return t->changed || errno != EINTR;
}

/* True where a signal came that only stopped us, and we go on. */
static bool
terminal_restore(struct terminal *t)
{
	bool again = false, stops;

	if (!isatty(t->in))
		say(t->out, "\n"); /* nobody typed one */
	if (t->changed) {
		say(t->out, "\n"); /* the person's own was not echoed */
		/* a signal may interrupt it; SIGTTOU is ours here */
		while (tcsetattr(t->in, TCSAFLUSH, &t->before) != 0 && errno == EINTR &&
		       !noted[SIGNALS - 1])
			;
	}
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &t->old[i], NULL);
	if (t->opened)
		close(t->in);
	for (size_t i = 0; i < SIGNALS; i++) {
		stops = signals[i] == SIGTSTP || signals[i] == SIGTTIN || signals[i] == SIGTTOU;
		if (!noted[i] || (stops && again)) /* one stop is enough for one fg */
			continue;
		raise(signals[i]);
		again = again || stops;
	}
	return again;
}

/* One line without its end. What is too long is read to its end all the same. */
static qsp_err
read_line(int fd, char *out, size_t cap, size_t *n)
{
	bool some = false;
	qsp_err e = QSP_OK;
	ssize_t got;
	char c;

	*n = 0;
	while ((got = read(fd, &c, 1)) == 1) {
		some = true;
		if (c == '\n')
			break;
		if (*n + 1 < cap)
			out[(*n)++] = c;
		else
			e = QSP_E_ROOM;
	}
	qsp_mem_wipe(&c, 1);
	if (*n > 0 && out[*n - 1] == '\r')
		--*n;
	out[*n] = '\0';
	return got < 0 || !some ? QSP_E_IO : e;
}

enum { HIDDEN = 0, ECHOED = 1, TERMINAL_ONLY = 2 };

static qsp_err
ask(const char *question, unsigned how, char *out, size_t cap, size_t *n)
{
	bool echo = (how & ECHOED) != 0;
	struct terminal t;
	qsp_err e;

	do {
		e = QSP_E_IO;
		if (!terminal_open(&t, (how & TERMINAL_ONLY) != 0)) {
			memset(out, 0, cap);
			return QSP_E_IO;
		}
		if (terminal_quiet(&t, echo)) {
			say(t.out, question);
			e = read_line(t.in, out, cap, n);
		}
	} while (terminal_restore(&t));
	if (e) {
		qsp_mem_wipe(out, cap);
		*n = 0;
	}
	return e;
}

qsp_err
qsp_readpass_ask(const char *question, struct qsp_readpass *out)
{
	return ask(question, HIDDEN, out->s, sizeof(out->s), &out->n);
}

qsp_err
qsp_readpass_line(const char *question, char *out, size_t cap)
{
	size_t n;

	return ask(question, ECHOED, out, cap, &n);
}

qsp_err
qsp_readpass_terminal(const char *question, bool echo, char *out, size_t cap)
{
	size_t n;

	return ask(question, TERMINAL_ONLY | (echo ? ECHOED : HIDDEN), out, cap, &n);
}
