/* SPDX-License-Identifier: ISC */
/*
 * What is asked of the session's channel (RFC 4254, 6): a terminal with its modes (section 8), the
 * environment, and the program.
 */
#include "cmd/qssh/qssh.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/writer.h"
#include "sys/tty.h"

#define MODES_MAX 512
#define TTY_OP_ISPEED 128
#define TTY_OP_OSPEED 129

extern char **environ;

enum where { CC, IFLAG, OFLAG, CFLAG, LFLAG };

/* RFC 4254, section 8 */
static const struct {
	uint8_t op;
	enum where where;
	unsigned what;
} modes[] = {
	{ 1, CC, VINTR },      { 2, CC, VQUIT },       { 3, CC, VERASE },     { 4, CC, VKILL },
	{ 5, CC, VEOF },       { 6, CC, VEOL },        { 7, CC, VEOL2 },      { 8, CC, VSTART },
	{ 9, CC, VSTOP },      { 10, CC, VSUSP },      { 12, CC, VREPRINT },  { 13, CC, VWERASE },
	{ 14, CC, VLNEXT },    { 18, CC, VDISCARD },   { 30, IFLAG, IGNPAR }, { 31, IFLAG, PARMRK },
	{ 32, IFLAG, INPCK },  { 33, IFLAG, ISTRIP },  { 34, IFLAG, INLCR },  { 35, IFLAG, IGNCR },
	{ 36, IFLAG, ICRNL },  { 37, IFLAG, IUCLC },   { 38, IFLAG, IXON },   { 39, IFLAG, IXANY },
	{ 40, IFLAG, IXOFF },  { 41, IFLAG, IMAXBEL }, { 42, IFLAG, IUTF8 },  { 50, LFLAG, ISIG },
	{ 51, LFLAG, ICANON }, { 52, LFLAG, XCASE },   { 53, LFLAG, ECHO },   { 54, LFLAG, ECHOE },
	{ 55, LFLAG, ECHOK },  { 56, LFLAG, ECHONL },  { 57, LFLAG, NOFLSH }, { 58, LFLAG, TOSTOP },
	{ 59, LFLAG, IEXTEN }, { 60, LFLAG, ECHOCTL }, { 61, LFLAG, ECHOKE }, { 62, LFLAG, PENDIN },
	{ 70, OFLAG, OPOST },  { 71, OFLAG, OLCUC },   { 72, OFLAG, ONLCR },  { 73, OFLAG, OCRNL },
	{ 74, OFLAG, ONOCR },  { 75, OFLAG, ONLRET },  { 90, CFLAG, CS7 },    { 91, CFLAG, CS8 },
	{ 92, CFLAG, PARENB }, { 93, CFLAG, PARODD },
};

static const struct {
	speed_t code;
	uint32_t baud;
} speeds[] = {
	{ B300, 300 },     { B600, 600 },       { B1200, 1200 },     { B2400, 2400 },
	{ B4800, 4800 },   { B9600, 9600 },     { B19200, 19200 },   { B38400, 38400 },
	{ B57600, 57600 }, { B115200, 115200 }, { B230400, 230400 }, { B460800, 460800 },
};

static uint32_t
baud(speed_t code)
{
	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (speeds[i].code == code)
			return speeds[i].baud;
	return 38400;
}

static uint32_t
mode_value(const struct termios *t, enum where where, unsigned what)
{
	switch (where) {
	case CC: return t->c_cc[what] == _POSIX_VDISABLE ? 255 : t->c_cc[what];
	case IFLAG: return (t->c_iflag & what) != 0;
	case OFLAG: return (t->c_oflag & what) != 0;
	case LFLAG: return (t->c_lflag & what) != 0;
	default:
		if (what == CS7 || what == CS8)
			return (t->c_cflag & CSIZE) == what;
		return (t->c_cflag & what) != 0;
	}
}

static void
put_modes(struct qsp_writer *w)
{
	struct termios t;

	if (qsp_tty_modes(STDIN_FILENO, &t) == 0) {
		qsp_writer_u8(w, TTY_OP_ISPEED);
		qsp_writer_u32(w, baud(cfgetispeed(&t)));
		qsp_writer_u8(w, TTY_OP_OSPEED);
		qsp_writer_u32(w, baud(cfgetospeed(&t)));
		for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
			qsp_writer_u8(w, modes[i].op);
			qsp_writer_u32(w, mode_value(&t, modes[i].where, modes[i].what));
		}
	}
	qsp_writer_u8(w, 0); /* TTY_OP_END */
}

static qsp_err
ask(struct qsp_qssh *q, const char *name, bool want_reply, const struct qsp_writer *w)
{
	qsp_err e = qsp_writer_done(w);

	if (e)
		return e;
	qsp_qssh_say(QSP_LOG_DEBUG2, "channel %u: request %s", (unsigned)q->channel, name);
	return qsp_mux_request(qsp_drive_mux(q->drive), q->channel, name, want_reply,
			       qsp_writer_bytes(w));
}

static qsp_err
ask_pty(struct qsp_qssh *q)
{
	uint8_t room[MODES_MAX + 512], modes_room[MODES_MAX];
	struct qsp_writer w = qsp_writer_of(room, sizeof(room));
	struct qsp_writer m = qsp_writer_of(modes_room, sizeof(modes_room));
	struct qsp_tty_size size = qsp_tty_get_size(STDIN_FILENO);
	const char *term = getenv("TERM");

	put_modes(&m);
	qsp_writer_vec32(&w, qsp_bytes_str(term && strlen(term) < 256 ? term : ""));
	qsp_writer_u32(&w, size.columns);
	qsp_writer_u32(&w, size.rows);
	qsp_writer_u32(&w, size.width_px);
	qsp_writer_u32(&w, size.height_px);
	qsp_writer_vec32(&w, qsp_writer_bytes(&m));
	return ask(q, "pty-req", true, &w);
}

static qsp_err
ask_env(struct qsp_qssh *q, const char *name, size_t n, const char *value)
{
	uint8_t room[8192];
	struct qsp_writer w = qsp_writer_of(room, sizeof(room));

	qsp_writer_vec32(&w, qsp_bytes(name, n));
	qsp_writer_vec32(&w, qsp_bytes_str(value));
	if (qsp_writer_done(&w) != 0)
		return 0; /* too long to be sent along */
	return ask(q, "env", false, &w);
}

/* SetEnv as it says; SendEnv what is here under the names and patterns. */
static qsp_err
ask_envs(struct qsp_qssh *q)
{
	for (size_t i = 0; i < q->cfg.set_env.n; i++) {
		const char *s = q->cfg.set_env.v[i];
		size_t n = strcspn(s, "=");
		qsp_err e = ask_env(q, s, n, s + n + 1);

		if (e)
			return e;
	}
	for (size_t i = 0; i < q->cfg.send_env.n; i++) {
		for (char **p = environ; *p; p++) {
			size_t n = strcspn(*p, "=");
			char name[256];
			qsp_err e;

			if (n >= sizeof(name) || (*p)[n] != '=')
				continue;
			memcpy(name, *p, n);
			name[n] = 0;
			if (fnmatch(q->cfg.send_env.v[i], name, 0) != 0)
				continue;
			e = ask_env(q, name, n, *p + n + 1);
			if (e)
				return e;
		}
	}
	return 0;
}

static qsp_err
ask_program(struct qsp_qssh *q)
{
	const char *command = q->cfg.remote_command;
	struct qsp_writer w;
	size_t cap = command ? strlen(command) + 8 : 8;
	uint8_t *room = malloc(cap);
	qsp_err e;

	if (!room)
		return QSP_E_NOMEM;
	w = qsp_writer_of(room, cap);
	if (command)
		qsp_writer_vec32(&w, qsp_bytes_str(command));
	if (!command)
		e = ask(q, "shell", true, &w);
	else if (q->cfg.session_type == QSP_CLIENT_SUBSYSTEM)
		e = ask(q, "subsystem", true, &w);
	else
		e = ask(q, "exec", true, &w);
	free(room);
	return e;
}

qsp_err
qsp_qssh_request_all(struct qsp_qssh *q)
{
	qsp_err e = 0;

	q->replies = 1;
	if (q->want_tty) {
		q->replies++;
		e = ask_pty(q);
	}
	if (!e)
		e = ask_envs(q);
	return e ? e : ask_program(q);
}
