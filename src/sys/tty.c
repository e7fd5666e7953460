/* SPDX-License-Identifier: ISC */
/*
 * Raw mode and questions. What must be undone stands in static storage, because a signal handler
 * can reach nothing else; one terminal at a time is enough for a program that has one user.
 */
#include "sys/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"

static struct termios saved;
static int saved_fd = -1;
static volatile sig_atomic_t saved_is_set;

/* Death by these is not handled elsewhere, or only while the program is in order. */
static const int deadly[] = {
	SIGHUP, SIGINT,  SIGQUIT, SIGTERM, SIGILL,  SIGABRT, SIGFPE, SIGSEGV,
	SIGBUS, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ, SIGSYS,
};

void
qsp_tty_restore(void)
{
	int e = errno;

	if (saved_is_set) {
		tcsetattr(saved_fd, TCSANOW, &saved);
		saved_is_set = 0;
	}
	errno = e;
}

/* SA_RESETHAND has put the default back: the signal, raised again, is deadly. */
static void
on_deadly(int sig)
{
	qsp_tty_restore();
	raise(sig);
}

static void
guard(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	atexit(qsp_tty_restore);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		struct sigaction old,
			sa = { .sa_handler = on_deadly, .sa_flags = (int)SA_RESETHAND };

		if (sigaction(deadly[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(deadly[i], &sa, NULL);
	}
}

static qsp_err
set_modes(int fd, const struct termios *t)
{
	struct termios before;
	sigset_t ttou, old;
	int r;

	if (tcgetattr(fd, &before) != 0)
		return QSP_E_IO;
	guard();
	saved = before;
	saved_fd = fd;
	saved_is_set = 1;
	/* a program in the background may set modes too: it is about to be in the foreground */
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &old);
	do
		r = tcsetattr(fd, TCSADRAIN, t);
	while (r != 0 && errno == EINTR);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r == 0 ? 0 : QSP_E_IO;
}

qsp_err
qsp_tty_raw(int fd)
{
	struct termios t;

	if (saved_is_set)
		return 0;
	if (tcgetattr(fd, &t) != 0)
		return QSP_E_IO;
	t.c_iflag |= IGNPAR;
	t.c_iflag &= (tcflag_t) ~(ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXANY | IXOFF | IUCLC);
	t.c_lflag &= (tcflag_t) ~(ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHONL | IEXTEN);
	t.c_oflag &= (tcflag_t)~OPOST;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	return set_modes(fd, &t);
}

qsp_err
qsp_tty_modes(int fd, struct termios *out)
{
	if (saved_is_set && fd == saved_fd) {
		*out = saved;
		return 0;
	}
	return tcgetattr(fd, out) == 0 ? 0 : QSP_E_IO;
}

struct qsp_tty_size
qsp_tty_get_size(int fd)
{
	struct winsize ws;

	memset(&ws, 0, sizeof(ws));
	if (ioctl(fd, TIOCGWINSZ, &ws) != 0)
		memset(&ws, 0, sizeof(ws));
	return (struct qsp_tty_size){ ws.ws_col, ws.ws_row, ws.ws_xpixel, ws.ws_ypixel };
}

bool
qsp_tty_can_ask(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* Reads up to a newline; what does not fit is read and dropped, so that it answers nothing else. */
static qsp_err
read_line(int fd, char *out, size_t cap)
{
	size_t n = 0;
	bool full = false;
	char c;

	for (;;) {
		ssize_t r = read(fd, &c, 1);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return QSP_E_IO;
		if (c == '\n')
			break;
		if (n + 1 < cap)
			out[n++] = c;
		else
			full = true;
	}
	out[n] = 0;
	return full ? QSP_E_ROOM : 0;
}

static void
put(int fd, const char *s)
{
	size_t n = strlen(s);

	while (n) {
		ssize_t r = write(fd, s, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return;
		s += r;
		n -= (size_t)r;
	}
}

qsp_err
qsp_tty_ask(const char *question, bool echo, char *out, size_t cap)
{
	struct termios t;
	bool raw = saved_is_set, hidden = false;
	qsp_err e = QSP_E_IO;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	memset(out, 0, cap);
	if (fd < 0)
		return QSP_E_IO;
	if (raw) /* a question in mid-session is asked in the person's own modes */
		qsp_tty_restore();
	if (!echo && tcgetattr(fd, &t) == 0) {
		t.c_lflag &= (tcflag_t) ~(ECHO | ECHOE | ECHOK);
		t.c_lflag |= ECHONL;
		hidden = true;
		if (set_modes(fd, &t) != 0)
			goto out; /* a secret is not read in sight */
	}
	put(fd, question);
	e = read_line(fd, out, cap);
	if (e)
		qsp_mem_wipe(out, cap);
out:
	if (hidden)
		qsp_tty_restore();
	close(fd);
	return e;
}
