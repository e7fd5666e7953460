/* SPDX-License-Identifier: ISC */
/*
 * What -L, -R and -D name, as text and taken apart:
 *
 *     L R   [bind:]port:host:hostport   [bind:]port:/path   /path:host:hostport   /path:/path
 *     D     [bind:]port   /path         and of -R too: whoever connects asks by SOCKS
 *
 * An IPv6 address stands in brackets; `*` and an empty bind are every address. A field with a slash in
 * it is a path; a backslash takes the next character as it is.
 */
#ifndef QSP_APP_CLIENT_FORWARD_H
#define QSP_APP_CLIENT_FORWARD_H

#include <qsp/base.h>

#define QSP_CLIENT_FORWARD_TEXT_MAX 1024

struct qsp_client_forward {
	char kind;         /* 'L', 'R' or 'D' */
	char *listen_host; /* NULL: not said; "": every address */
	uint16_t listen_port;
	char *listen_path; /* instead of both */
	char *host;        /* where to; neither host nor path: SOCKS asks */
	uint16_t port;
	char *path;
};

/* QSP_E_INPUT, QSP_E_NOMEM; then out is empty. */
QSP_MUST_USE qsp_err qsp_client_forward_parse(char kind, const char *spec,
					      struct qsp_client_forward *out);
void qsp_client_forward_wipe(struct qsp_client_forward *f);

/* As the keyword of the configuration has it: "8080 [localhost]:80". */
void qsp_client_forward_print(const struct qsp_client_forward *f, char *out, size_t cap);
/* Both listen on the same end at the same place. */
bool qsp_client_forward_same(const struct qsp_client_forward *a,
			     const struct qsp_client_forward *b);
/* Both lead to the same place. */
bool qsp_client_forward_same_target(const struct qsp_client_forward *a,
				    const struct qsp_client_forward *b);

/* An entry of PermitRemoteOpen: "any", "none", or host:port where both may be *. What is wrong with it, or
 * NULL; whether it permits this. */
const char *qsp_client_forward_check_permit(const char *entry);
bool qsp_client_forward_permits(const char *entry, const char *host, uint16_t port);

#endif
