/* SPDX-License-Identifier: ISC */
/*
 * The tables behind a client's configuration: what a keyword means, and which ones of ssh_config
 * are not here.
 */
#ifndef QSP_APP_CLIENT_TABLE_H
#define QSP_APP_CLIENT_TABLE_H

#include "app/client_config.h"

struct qsp_client_choice {
	const char *name;
	int value;
};

enum qsp_client_kind {
	QSP_CLIENT_CHOICE,
	QSP_CLIENT_NUMBER,
	QSP_CLIENT_TIME,    /* seconds, or 5m, 1h30m; "none" is 0 */
	QSP_CLIENT_PERSIST, /* no, yes, or a time */
	QSP_CLIENT_ESCAPE,
	QSP_CLIENT_OCTAL,
	QSP_CLIENT_GRID, /* yes, no, or interval:MS; 0 is no */
	QSP_CLIENT_STRING,
	QSP_CLIENT_CIPHERS,
	QSP_CLIENT_JUMP,     /* hops */
	QSP_CLIENT_REST,     /* the line uncut */
	QSP_CLIENT_LIST_SET, /* the first line wins */
	QSP_CLIENT_LIST_ADD, /* lines add up */
	QSP_CLIENT_FORWARDS, /* so do these: specifications of kind `min`, on one word or two */
};

struct qsp_client_keyword {
	const char *name;
	const struct qsp_client_choice *choices;
	const char *text; /* default of strings and lists; words of a list part at a space */
	size_t at;        /* in struct qsp_client_config */
	enum qsp_client_kind kind;
	int min, max, fallback;
};

extern const struct qsp_client_keyword qsp_client_table[];
extern const size_t qsp_client_table_n;

/* Of ssh_config, and not here. harmless: the values that ask for nothing, "*" for any, where the
 * feature that the keyword tunes is not there either. */
struct qsp_client_lack {
	const char *name, *harmless;
};
extern const struct qsp_client_lack qsp_client_table_lacking[];
extern const size_t qsp_client_table_lacking_n;

#endif
