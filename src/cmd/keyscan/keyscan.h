/* SPDX-License-Identifier: ISC */
/*
 * The parts of qssh-keyscan.
 *
 *	list.c    which servers to look at: from arguments and files
 *	call.c    one server: a first contact, up to the proof of its key
 *	print.c   what is told of it
 */
#ifndef QSP_CMD_KEYSCAN_H
#define QSP_CMD_KEYSCAN_H

#include "app/drive.h"
#include "sys/file.h"
#include "trust/bridge.h"
#include "trust/known_hosts.h"

#define QSP_KEYSCAN_TYPES_MAX 2
#define QSP_KEYSCAN_CALLS_MAX 64 /* at a time */

/* A server to look at. */
struct qsp_keyscan_target {
	struct qsp_bridge at; /* its place; id and secret count where these say so */
	bool has_id, has_secret;
	char *names; /* under which it is printed, with commas between; NULL: its place */
};

struct qsp_keyscan {
	struct qsp_crypto *cx;
	struct qsp_config *qsp;
	uv_loop_t loop;
	struct qsp_drive_pool *pool;

	/* options */
	uint16_t port;
	int family;
	uint64_t timeout_ms;
	uint8_t types[QSP_KEYSCAN_TYPES_MAX];
	size_t n_types;
	bool hash, quiet, verbose, bridges;
	struct qsp_file_data known; /* known_hosts, for its secrets */

	struct qsp_keyscan_target *targets;
	size_t n, cap, next; /* next: of n * n_types */
	size_t running, found;
	bool told_secret; /* one was printed */
};

/* "qssh-keyscan: .." on standard error. */
void qsp_keyscan_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* list.c */
/* `host[,host..] [name[,name..]]`, or a bridge line with names; false, and said why. */
bool qsp_keyscan_add(struct qsp_keyscan *k, const char *words);
/* Such a line each, # for comments; "-": standard input. */
bool qsp_keyscan_add_file(struct qsp_keyscan *k, const char *path);
void qsp_keyscan_free_list(struct qsp_keyscan *k);

/* call.c */
/* Begins calls as long as there are some and not too many run; later ones begin as earlier ones end. */
void qsp_keyscan_call(struct qsp_keyscan *k);

/* print.c */
/* The server proved that it holds this key. */
void qsp_keyscan_print(struct qsp_keyscan *k, const struct qsp_keyscan_target *t,
		       const struct qsp_key_public *key);

#endif
