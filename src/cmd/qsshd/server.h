/* SPDX-License-Identifier: ISC */
/*
 * The insides of qsshd proper: it binds, starts the others, watches over them, and sees no peer.
 *
 * A generation is one qsshd-auth and one qsshd-net under one configuration. SIGHUP makes a new one;
 * the old one accepts no more, and lives until its last connection has ended.
 */
#ifndef QSP_CMD_QSSHD_SERVER_H
#define QSP_CMD_QSSHD_SERVER_H

#include <sys/types.h>

#include "cmd/qsshd/config.h"
#include "cmd/qsshd/rpc.h"
#include "sys/ipc.h"
#include "sys/listen.h"

#define QSP_SERVER_LISTENERS_MAX 32
#define QSP_SERVER_OPTIONS_MAX 64

struct qsp_server_child {
	pid_t pid; /* 0: not there */
	int control;
	bool ready;
	qsp_time started, restart_at; /* mono ms; restart_at 0: not wanted */
	unsigned failures;            /* in a row */
};

struct qsp_server_generation {
	struct qsp_server_generation *next; /* older */
	struct qsp_qsshd_config config;
	struct qsp_server_child auth, net;
	bool was_ready, draining, drained, announced; /* drained: net accepts no more */
	qsp_time announce_at;                         /* at the latest */
};

struct qsp_server_listener {
	char spec[300]; /* the configuration's words for it */
	bool wanted;
	struct qsp_listen l;
};

/* -C: whom -T is asked for. */
struct qsp_server_spec {
	bool given;
	struct qsp_qsshd_who who;
	char text[QSP_CONFLINE_MAX]; /* what it points into */
	size_t used;
};

/* What the command line said. */
struct qsp_server_options {
	const char *config; /* -f, or the default */
	const char *bridge; /* -B */
	bool config_given;  /* it has to be there */
	bool foreground, to_stderr;
	struct qsp_qsshd_list lines; /* -o and what means the same */
	struct qsp_qsshd_owner owner;
	struct qsp_server_spec spec;
	char home[1024], default_config[1100];
};

struct qsp_server {
	struct qsp_server_options *options;
	struct qsp_server_generation *current, *coming; /* coming: not ready yet */
	struct qsp_server_listener listener[QSP_SERVER_LISTENERS_MAX];
	size_t n_listeners;
	unsigned n_workers;
	int relay[2]; /* log lines of the children; -1 where they write to stderr */
	int replay;   /* the replay cache of all generations */
	int parent;   /* who waits for us to be ready, or -1 */
	int signals;
	bool announced, stopping, failed, again; /* again: SIGHUP came amid a reload */
	qsp_time stop_at;
};

/* server_spec.c: one -C, of which several add up; false, having said why. */
bool qsp_server_take_spec(struct qsp_server_spec *s, const char *text);
/* Prints the configuration as it is for them; false with err filled. */
bool qsp_server_dump(const struct qsp_server_spec *s, const struct qsp_qsshd_config *c,
		     char err[QSP_CONFLINE_ERROR_MAX]);

/* server_config.c: a fresh configuration; false with err filled. */
bool qsp_server_config(const struct qsp_server_options *o, struct qsp_qsshd_config *c,
		       char err[QSP_CONFLINE_ERROR_MAX]);
void qsp_server_log(const struct qsp_server *s, const struct qsp_qsshd_config *c);
void qsp_server_write_pid(const struct qsp_qsshd_config *c);
void qsp_server_remove_pid(const struct qsp_qsshd_config *c);

/* server_secret.c: acts of the command line, each with its exit status. Bridge lines of this server, under
 * a name by which clients reach it; and a new obfuscation secret. */
int qsp_server_bridge(const struct qsp_qsshd_config *c, const char *name);
int qsp_server_rotate(const struct qsp_qsshd_config *c);

/* server_listen.c: binds what the configuration wants and is not bound yet; drop closes the others. */
bool qsp_server_bind(struct qsp_server *s, const struct qsp_qsshd_config *c);
void qsp_server_adopt(struct qsp_server *s, int n);
void qsp_server_drop_unwanted(struct qsp_server *s);
void qsp_server_announce(const struct qsp_server *s);

/* server_child.c */
bool qsp_server_start_auth(struct qsp_server *s, struct qsp_server_generation *g);
bool qsp_server_start_net(struct qsp_server *s, struct qsp_server_generation *g);
/* Joins each worker to qsshd-auth. */
void qsp_server_link(struct qsp_server *s, struct qsp_server_generation *g);
void qsp_server_tell(struct qsp_server_child *c, enum qsp_rpc_control type);
void qsp_server_forget(struct qsp_server_child *c);

/* server_run.c: the exit status. */
int qsp_server_run(struct qsp_server *s);

#endif
