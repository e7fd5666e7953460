/* SPDX-License-Identifier: ISC */
/* Terminal modes of pty-req, RFC 4254 section 8: opcode and u32, until TTY_OP_END. */
#include "cmd/qsshd/session.h"

#include <termios.h>
#include <unistd.h>

#define OP_END 0
#define OP_ISPEED 128
#define OP_OSPEED 129
#define OP_UNDEFINED 160 /* from here on arguments have no known length */
#define CC_NONE 255

static const struct {
	uint8_t op;
	int cc;
} characters[] = {
	{ 1, VINTR },     { 2, VQUIT },    { 3, VERASE },  { 4, VKILL },     { 5, VEOF },
	{ 6, VEOL },      { 7, VEOL2 },    { 8, VSTART },  { 9, VSTOP },     { 10, VSUSP },
	{ 12, VREPRINT }, { 13, VWERASE }, { 14, VLNEXT }, { 18, VDISCARD },
};

enum part { IFLAG, LFLAG, OFLAG, CFLAG };

static const struct {
	uint8_t op;
	enum part part;
	tcflag_t bit, mask; /* mask 0: the bit alone */
} flags[] = {
	{ 30, IFLAG, IGNPAR, 0 },  { 31, IFLAG, PARMRK, 0 }, { 32, IFLAG, INPCK, 0 },
	{ 33, IFLAG, ISTRIP, 0 },  { 34, IFLAG, INLCR, 0 },  { 35, IFLAG, IGNCR, 0 },
	{ 36, IFLAG, ICRNL, 0 },   { 37, IFLAG, IUCLC, 0 },  { 38, IFLAG, IXON, 0 },
	{ 39, IFLAG, IXANY, 0 },   { 40, IFLAG, IXOFF, 0 },  { 41, IFLAG, IMAXBEL, 0 },
	{ 42, IFLAG, IUTF8, 0 },   { 50, LFLAG, ISIG, 0 },   { 51, LFLAG, ICANON, 0 },
	{ 52, LFLAG, XCASE, 0 },   { 53, LFLAG, ECHO, 0 },   { 54, LFLAG, ECHOE, 0 },
	{ 55, LFLAG, ECHOK, 0 },   { 56, LFLAG, ECHONL, 0 }, { 57, LFLAG, NOFLSH, 0 },
	{ 58, LFLAG, TOSTOP, 0 },  { 59, LFLAG, IEXTEN, 0 }, { 60, LFLAG, ECHOCTL, 0 },
	{ 61, LFLAG, ECHOKE, 0 },  { 62, LFLAG, PENDIN, 0 }, { 70, OFLAG, OPOST, 0 },
	{ 71, OFLAG, OLCUC, 0 },   { 72, OFLAG, ONLCR, 0 },  { 73, OFLAG, OCRNL, 0 },
	{ 74, OFLAG, ONOCR, 0 },   { 75, OFLAG, ONLRET, 0 }, { 90, CFLAG, CS7, CSIZE },
	{ 91, CFLAG, CS8, CSIZE }, { 92, CFLAG, PARENB, 0 }, { 93, CFLAG, PARODD, 0 },
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	uint32_t baud;
	speed_t code;
} speeds[] = {
	{ 1200, B1200 },   { 2400, B2400 },     { 4800, B4800 },
	{ 9600, B9600 },   { 19200, B19200 },   { 38400, B38400 },
	{ 57600, B57600 }, { 115200, B115200 }, { 230400, B230400 },
};

static void
set_flag(struct termios *t, size_t i, uint32_t value)
{
	tcflag_t *const parts[] = { &t->c_iflag, &t->c_lflag, &t->c_oflag, &t->c_cflag };
	tcflag_t *f = parts[flags[i].part];

	if (flags[i].mask != 0 && value != 0)
		*f = (*f & ~flags[i].mask) | flags[i].bit;
	else if (flags[i].mask == 0 && value != 0)
		*f |= flags[i].bit;
	else if (flags[i].mask == 0)
		*f &= ~flags[i].bit;
}

static void
set_speed(struct termios *t, uint8_t op, uint32_t baud)
{
	for (size_t i = 0; i < COUNT(speeds); i++) {
		if (speeds[i].baud != baud)
			continue;
		if (op == OP_ISPEED)
			(void)cfsetispeed(t, speeds[i].code);
		else
			(void)cfsetospeed(t, speeds[i].code);
	}
}

static void
set_mode(struct termios *t, uint8_t op, uint32_t value)
{
	if (op == OP_ISPEED || op == OP_OSPEED) {
		set_speed(t, op, value);
		return;
	}
	for (size_t i = 0; i < COUNT(characters); i++) {
		if (characters[i].op == op)
			t->c_cc[characters[i].cc] =
				value == CC_NONE ? _POSIX_VDISABLE : (cc_t)value;
	}
	for (size_t i = 0; i < COUNT(flags); i++) {
		if (flags[i].op == op)
			set_flag(t, i, value);
	}
}

void
qsp_session_modes_apply(int fd, struct qsp_bytes modes)
{
	struct qsp_reader r = qsp_reader_of(modes);
	struct termios t;

	if (tcgetattr(fd, &t) != 0)
		return;
	for (;;) {
		uint8_t op = qsp_reader_u8(&r);
		uint32_t value;

		if (r.failed || op == OP_END || op >= OP_UNDEFINED)
			break;
		value = qsp_reader_u32(&r);
		if (r.failed)
			break;
		set_mode(&t, op, value);
	}
	(void)tcsetattr(fd, TCSANOW, &t);
}
