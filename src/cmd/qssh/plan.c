/* SPDX-License-Identifier: ISC */
/*
 * What is to be asked of a session: a terminal with its modes, the environment, and the program,
 * as the configuration and the terminal here say.
 */
#include "cmd/qssh/qssh.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/writer.h"
#include "sys/tty.h"

#define TTY_OP_ISPEED 128
#define TTY_OP_OSPEED 129

extern char **environ;

/* --- modes of the terminal (RFC 4254, section 8) --------------------------------------------- */

enum where { CC, IFLAG, OFLAG, CFLAG, LFLAG };

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
take_modes(struct qsp_client_plan *plan)
{
	struct qsp_writer room = qsp_writer_of(plan->modes, sizeof(plan->modes)), *w = &room;
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
	plan->n_modes = qsp_writer_bytes(w).n;
}

/* --- environment ----------------------------------------------------------------------------- */

static bool
fits(const char *text, const char *pattern)
{
	size_t n = strcspn(text, "=");
	char name[256];

	if (n >= sizeof(name) || text[n] != '=')
		return false;
	memcpy(name, text, n);
	name[n] = 0;
	return fnmatch(pattern, name, 0) == 0;
}

/* SetEnv as it says; SendEnv what is here under the names and patterns. */
static qsp_err
take_env(struct qsp_client_plan *plan, const struct qsp_client_config *cfg)
{
	qsp_err e = 0;

	for (size_t i = 0; i < cfg->set_env.n && !e; i++)
		e = qsp_client_plan_add_env(plan, cfg->set_env.v[i], strlen(cfg->set_env.v[i]));
	for (size_t i = 0; i < cfg->send_env.n; i++)
		for (char **p = environ; *p && !e; p++)
			if (fits(*p, cfg->send_env.v[i]))
				e = qsp_client_plan_add_env(plan, *p, strlen(*p));
	return e;
}

/* --- all of it ------------------------------------------------------------------------------- */

static bool
wants_tty(const struct qsp_client_config *cfg)
{
	bool tty = isatty(STDIN_FILENO);

	switch (cfg->request_tty) {
	case QSP_CLIENT_FORCE: return true;
	case QSP_CLIENT_YES:
		if (!tty)
			qsp_qssh_say(QSP_LOG_INFO, "Pseudo-terminal will not be allocated because "
						   "stdin is not a terminal.");
		return tty;
	case QSP_CLIENT_NO: return false;
	default: return tty && !cfg->remote_command;
	}
}

qsp_err
qsp_qssh_plan_make(const struct qsp_client_config *cfg, struct qsp_client_plan *plan)
{
	const char *term = getenv("TERM");

	memset(plan, 0, sizeof(*plan));
	if (cfg->remote_command)
		plan->what = cfg->session_type == QSP_CLIENT_SUBSYSTEM ? QSP_CLIENT_SUBSYSTEM_NAME
								       : QSP_CLIENT_EXEC;
	plan->command = cfg->remote_command ? strdup(cfg->remote_command) : NULL;
	if (cfg->remote_command && !plan->command)
		return QSP_E_NOMEM;
	plan->agent = strcasecmp(cfg->forward_agent, "no") != 0;
	plan->tty = wants_tty(cfg);
	if (plan->tty) {
		plan->term = strdup(term && strlen(term) < 256 ? term : "");
		if (!plan->term)
			return QSP_E_NOMEM;
		plan->size = qsp_tty_get_size(STDIN_FILENO);
		take_modes(plan);
	}
	return take_env(plan, cfg);
}
