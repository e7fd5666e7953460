/* SPDX-License-Identifier: ISC */
/*
 * Raw mode. What must be undone stands in static storage, because a signal handler can reach nothing
 * else; one terminal at a time is enough for a program that has one user.
 */
#include "sys/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sys/readpass.h"

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

qsp_err
qsp_tty_raw(int fd)
{
	struct termios t;
	int r;

	if (saved_is_set)
		return 0;
	/* in the background this stops us, as tcsetattr would: so the modes looked at are those of when the
	 * terminal is ours, not of the shell */
	do
		r = tcdrain(fd);
	while (r != 0 && errno == EINTR);
	if (r != 0 || tcgetattr(fd, &t) != 0)
		return QSP_E_IO;
	guard();
	saved = t;
	saved_fd = fd;
	saved_is_set = 1;
	t.c_iflag |= IGNPAR;
	t.c_iflag &= (tcflag_t) ~(ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXANY | IXOFF | IUCLC);
	t.c_lflag &= (tcflag_t) ~(ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHONL | IEXTEN);
	t.c_oflag &= (tcflag_t)~OPOST;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	do
		r = tcsetattr(fd, TCSADRAIN, &t);
	while (r != 0 && errno == EINTR);
	return r == 0 ? 0 : QSP_E_IO;
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

qsp_err
qsp_tty_ask(const char *question, bool echo, char *out, size_t cap)
{
	qsp_tty_restore(); /* a question in mid-session is asked in the person's own modes */
	return qsp_readpass_terminal(question, echo, out, cap);
}
