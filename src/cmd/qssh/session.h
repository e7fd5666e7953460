/* SPDX-License-Identifier: ISC */
/*
 * One session: a program over there, with three descriptors here. The program that qssh was
 * started for is one; each client of a shared connection brings another.
 */
#ifndef QSP_CMD_QSSH_SESSION_H
#define QSP_CMD_QSSH_SESSION_H

#include "app/client_plan.h"
#include "cmd/qssh/channel.h"
#include "sys/log.h"
#include "sys/stdio.h"
#include "sys/tty.h"

struct qsp_client_config;

/* --- plan.c: what is asked of the session's channel ------------------------------------------- */

/* What the configuration and the terminal of standard input say. QSP_E_NOMEM. */
QSP_MUST_USE qsp_err qsp_qssh_plan_make(const struct qsp_client_config *cfg,
					struct qsp_client_plan *plan);

/* --- pump.c: bytes between a channel and three descriptors ------------------------------------- */

struct qsp_qssh_pump;

struct qsp_qssh_out {
	struct qsp_qssh_pump *pump;
	struct qsp_stdio io;
	uint8_t *wait; /* what the descriptor did not take yet; bounded by the window */
	size_t wait_at, wait_n, wait_cap;
	bool broken;
};

struct qsp_qssh_pump_ops {
	/* What was typed goes through it: in[0..n) to at most n + 1 bytes of out. Or NULL. */
	size_t (*filter)(void *arg, const uint8_t *in, size_t n, uint8_t *out);
	/* The descriptors have taken all that waited. */
	void (*dry)(void *arg);
	/* Nobody reads standard output any more. */
	void (*broken)(void *arg);
};

struct qsp_qssh_pump {
	struct qsp_qssh_channel *ch;
	const struct qsp_qssh_pump_ops *ops;
	void *arg;
	struct qsp_stdio in;
	struct qsp_qssh_out out, err;
	bool typed; /* input goes through the filter */
	bool started, paused, input_eof, told_broken;
};

/* fd[2] may be -1 where nothing comes for it. All stay the caller's, and open until the stop. */
QSP_MUST_USE qsp_err qsp_qssh_pump_init(struct qsp_qssh_pump *p, uv_loop_t *loop, const int fd[3]);
/* Reads input from here on; null: its end has come already. */
void qsp_qssh_pump_start(struct qsp_qssh_pump *p, bool null);
/* Input rests, and goes on. */
void qsp_qssh_pump_pause(struct qsp_qssh_pump *p, bool pause);
/* Reads input while there is room for it. */
void qsp_qssh_pump_input(struct qsp_qssh_pump *p);
/* Data from the channel. */
void qsp_qssh_pump_output(struct qsp_qssh_pump *p, uint32_t code, struct qsp_bytes data);
/* No input from here on; what waits is still written. */
void qsp_qssh_pump_finish(struct qsp_qssh_pump *p);
/* No output from here on, and what was opened for it is closed. */
void qsp_qssh_pump_close_output(struct qsp_qssh_pump *p);
/* Nothing waits to be written any more. */
bool qsp_qssh_pump_is_dry(const struct qsp_qssh_pump *p);
void qsp_qssh_pump_stop(struct qsp_qssh_pump *p);

/* --- escapes.c ------------------------------------------------------------------------------ */

struct qsp_qssh_session;

struct qsp_qssh_escapes {
	int c;        /* the escape character, or QSP_CLIENT_NO_ESCAPE */
	bool in_line; /* something but a newline came last */
	bool escaped; /* the escape character did */
};
/* Takes in[0..n) typed at the terminal, gives what goes to the host: at most n + 1 bytes. */
size_t qsp_qssh_escapes_take(struct qsp_qssh_session *s, const uint8_t *in, size_t n, uint8_t *out);

/* --- command.c ------------------------------------------------------------------------------ */

/* A line typed behind ~C. */
struct qsp_qssh_command {
	bool open;
	size_t n;
	char line[512];
};
void qsp_qssh_command_begin(struct qsp_qssh_session *s);
/* What is typed while it is open. */
void qsp_qssh_command_take(struct qsp_qssh_session *s, uint8_t typed);

/* --- session.c ------------------------------------------------------------------------------ */

/* What a session tells whoever started it. */
struct qsp_qssh_session_ops {
	/* The program runs; s->has_tty is known. */
	void (*started)(struct qsp_qssh_session *s);
	/* It is over, s->status known and all output written; s may be freed. Once. */
	void (*ended)(struct qsp_qssh_session *s);
	/* The host gives no channel for it; ended follows. */
	void (*refused)(struct qsp_qssh_session *s, const char *why);
	/* ~. and ~^Z and ~&; NULL: not for this one. */
	void (*leave)(struct qsp_qssh_session *s);
	void (*suspend)(struct qsp_qssh_session *s);
	void (*background)(struct qsp_qssh_session *s);
	/* A line for the person in front of it. */
	void (*say)(struct qsp_qssh_session *s, enum qsp_log_level level, const char *line);
};

struct qsp_qssh_session {
	struct qsp_qssh_channel ch; /* first: from it the session is found */
	struct qsp_qssh *q;
	const struct qsp_qssh_session_ops *ops;
	void *owner;
	struct qsp_client_plan plan;
	struct qsp_qssh_pump pump;
	struct qsp_qssh_escapes escapes;
	struct qsp_qssh_command command;
	unsigned replies; /* waited for: the pty's, then the program's */
	int status;       /* QSP_QSSH_FAILED unless the host said better */
	bool stdin_null;
	bool has_tty, started, got_status, killed, ended;
	bool shaped; /* counts among the terminals of shape.c */
};

/* Begins; q, ops, owner, plan, escapes.c and stdin_null are the caller's to fill. On error ended
 * is not called. */
QSP_MUST_USE qsp_err qsp_qssh_session_open(struct qsp_qssh_session *s, const int fd[3]);
void qsp_qssh_session_resize(struct qsp_qssh_session *s, struct qsp_tty_size size);
/* The program over there gets a signal of ours, where it has a name in RFC 4254, 6.10. */
void qsp_qssh_session_signal(struct qsp_qssh_session *s, int number);
/* The program goes on with its input at an end. */
void qsp_qssh_session_abandon(struct qsp_qssh_session *s);
/* A line for the person in front of it. */
void qsp_qssh_session_say(struct qsp_qssh_session *s, enum qsp_log_level level, const char *fmt,
			  ...) __attribute__((format(printf, 3, 4)));
/* Frees what it holds, but not s. */
void qsp_qssh_session_cleanup(struct qsp_qssh_session *s);

#endif
