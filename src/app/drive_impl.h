/* SPDX-License-Identifier: ISC */
/*
 * What the files of drives share, and nobody else: the insides of a drive.
 */
#ifndef QSP_APP_DRIVE_IMPL_H
#define QSP_APP_DRIVE_IMPL_H

#include "app/drive.h"

#define QSP_DRIVE_IN_CAP (512 * 1024)  /* one read, behind what was left of the last */
#define QSP_DRIVE_CELL_ROOM 729        /* data in a cell, at most [P1.1] */
#define QSP_DRIVE_OUT_CAP (256 * 1024) /* one write */

struct qsp_pacer;
struct qsp_drive_clock;
struct qsp_drive_shaper;

struct qsp_drive_pool {
	uv_loop_t *loop;
	struct qsp_worker *worker;
	uint8_t *in, *out; /* out: NULL while a drive has borrowed it for an unfinished write */
	struct qsp_drive *kicked;
	struct qsp_drive_linger *lingering; /* drive_linger.c */
	size_t n_lingering, lingering_max;
	void (*calm)(void *arg);
	void *calm_arg;
	struct qsp_pacer *pacer;       /* these two are NULL until the first stealth */
	struct qsp_drive_clock *clock; /* drive_clock.c */
	uv_prepare_t prepare;
	qsp_time looked,
		slept;      /* when we last looked, and how long the machine had slept then, ms */
	uv_timer_t tidying; /* drive_tidy.c: active while there are drives in use */
	struct qsp_drive *used; /* that have sent something of late */
	uv_idle_t idle; /* active while drives are on the list, so that the loop does not wait */
	int handles;
};

enum qsp_drive_state {
	QSP_DRIVE_RUNNING,
	QSP_DRIVE_DETACHED, /* without a transport, until another one is attached [P4.7] */
	QSP_DRIVE_SINK,     /* M1 was refused: read and discard [P4.4] */
	QSP_DRIVE_FLUSHING, /* the engine is done; its last bytes leave */
	QSP_DRIVE_DRAINING, /* shut down; waiting for the peer to close */
	QSP_DRIVE_OVER,
};

struct qsp_drive {
	/* what each turn touches, close together: with thousands of drives these lines are cold */
	struct qsp_drive_pool *pool;
	struct qsp_conn *conn;
	struct qsp_mux *mux;
	struct qsp_drive_shaper *shaper; /* NULL: nothing was agreed [P8] */
	const struct qsp_drive_ops *ops;
	struct qsp_drive *clock_next, **clock_prev; /* in a bucket of the clock's wheel */
	qsp_time timer_at, linger_at;
	qsp_time slept;  /* ms, as far as the engine knows */
	uv_poll_t *poll; /* on the heap: it ends apart from the drive */
	uint8_t *rest;   /* of the input: a partial unit */
	uint8_t *unsent; /* of the output: the pool's buffer, borrowed */
	size_t rest_n;
	enum qsp_drive_state state;
	int fd;
	int held;       /* calls in progress: freeing waits for them */
	unsigned wants; /* as last reported */
	int events;     /* as last asked of poll */
	bool eof;       /* the peer will send no more */
	bool deaf;      /* the peer takes no more */
	bool closing;   /* qsp_drive_close was called */
	bool freed;     /* qsp_drive_free was called */
	bool owe_room;  /* output has left since ops->room */
	bool retains;   /* the mux keeps what is not acknowledged */
	bool resuming;  /* attached, and not yet rewound */
	bool again;     /* an answer was given since ops->wants */
	bool in_clock;  /* poll is NULL, timer is not used */
	/* the rest */
	void *arg;
	struct qsp_conn *lost; /* whose ticket counts, until conn has one; detached: conn itself */
	struct qsp_drive *next, **prev;           /* on the pool's list */
	struct qsp_drive *used_next, **used_prev; /* on the pool's other list: drive_tidy.c */
	uint64_t sealed, sealed_before;           /* bytes of the mux; at the last look */
	size_t unsent_at, unsent_n, output_max;
	enum qsp_reason reason;
	const char *text;
	qsp_err err;
	int sys_errno, handles;
	uv_timer_t timer;
};

/* One turn for a drive; events as of uv_poll. */
void qsp_drive_run(struct qsp_drive *d, int events);
/* The same at d->timer_at. */
void qsp_drive_wake(struct qsp_drive *d);
/* The engine has no more to take; what it has to say still leaves. */
void qsp_drive_finish(struct qsp_drive *d, qsp_err e);
/* The socket and all that could wake us go. */
void qsp_drive_retire(struct qsp_drive *d);
/* The same, and the application learns of it. */
void qsp_drive_over(struct qsp_drive *d);

/* drive_line.c: true where the loss of the transport is not the end. */
bool qsp_drive_line_lost(struct qsp_drive *d, qsp_err e);
/* What the engine knows of acknowledgements moves what the mux keeps. */
void qsp_drive_line_follow(struct qsp_drive *d);
/* How much may be sent before the peer acknowledges more. */
size_t qsp_drive_line_room(const struct qsp_drive *d);
/* The poll handle for d->fd; its end. */
QSP_MUST_USE qsp_err qsp_drive_line_watch(struct qsp_drive *d);
void qsp_drive_line_unwatch(struct qsp_drive *d);

/* drive_tidy.c: n bytes of the mux's output have been sealed; the drive is not looked after any more. */
void qsp_drive_tidy_init(struct qsp_drive_pool *p);
void qsp_drive_tidy_later(struct qsp_drive *d, size_t n);
void qsp_drive_tidy_forget(struct qsp_drive *d);

/* Puts the drive on the list for the coming turn; takes it off. */
void qsp_drive_pool_add(struct qsp_drive *d);
void qsp_drive_pool_remove(struct qsp_drive *d);

bool qsp_drive_io_may_read(const struct qsp_drive *d);
void qsp_drive_io_read(struct qsp_drive *d);
/* What stood unread because of a question. */
void qsp_drive_io_resume(struct qsp_drive *d);
void qsp_drive_io_write(struct qsp_drive *d);
/* Records into buf[0..cap), piece after piece of what may leave, as long as `least` bytes have room. */
QSP_MUST_USE qsp_err qsp_drive_io_seal(struct qsp_drive *d, uint8_t *buf, size_t cap, size_t least,
				       size_t *n);
/* Tells the application of questions and of IS_OPEN. */
void qsp_drive_io_report(struct qsp_drive *d);
void qsp_drive_io_drop(struct qsp_drive *d);

#endif
