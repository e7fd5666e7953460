/* SPDX-License-Identifier: ISC */
/*
 * The configuration of a client, as ssh_config has it: options of the command line, then the
 * user's file, then the system's; the first value of a keyword wins. One table names every
 * keyword (client_keywords.c): it parses, fills in defaults and prints.
 */
#ifndef QSP_APP_CLIENT_CONFIG_H
#define QSP_APP_CLIENT_CONFIG_H

#include "app/confline.h"

#include <limits.h>
#include <qsp/config.h>

#define QSP_CLIENT_LIST_MAX 64
#define QSP_CLIENT_INCLUDE_MAX 16 /* files deep */
#define QSP_CLIENT_UNSET INT_MIN

struct qsp_client_list {
	char *v[QSP_CLIENT_LIST_MAX];
	size_t n;
};

enum {
	QSP_CLIENT_NO,
	QSP_CLIENT_YES,
	QSP_CLIENT_ASK,
	QSP_CLIENT_ACCEPT_NEW,
	QSP_CLIENT_FORCE,
	QSP_CLIENT_AUTO,
	QSP_CLIENT_AUTO_ASK,
	QSP_CLIENT_ADAPTIVE,
};
enum { QSP_CLIENT_SESSION, QSP_CLIENT_SESSION_NONE, QSP_CLIENT_SUBSYSTEM };
#define QSP_CLIENT_NO_ESCAPE (-1)  /* escape_char */
#define QSP_CLIENT_NO_PERSIST (-1) /* control_persist; else seconds, 0: without end */

/* Numbers are QSP_CLIENT_UNSET, strings NULL, lists empty until somebody says. */
struct qsp_client_config {
	char *host_name, *user, *bind_address, *host_key_alias, *remote_command, *ciphers;
	char *add_keys, *forward_agent, *identity_agent;
	char *preferred_authentications, *ignore_unknown, *proxy_command, *proxy_jump;
	char *control_path, *local_command;
	struct qsp_client_list identity_files, user_known_hosts, global_known_hosts;
	struct qsp_client_list send_env, set_env;
	struct qsp_client_list local_forward, remote_forward, dynamic_forward; /* as of -L */
	struct qsp_client_list permit_remote_open;
	int gateway_ports, exit_on_forward_failure, clear_all_forwardings;
	int escape_commandline, stream_bind_mask, stream_bind_unlink;
	int port, address_family, batch_mode, connect_timeout, connection_attempts;
	int identities_only, strict, request_tty, log_level, escape_char, hash_known_hosts;
	int pubkey, password, interactive, password_prompts, alive_interval, alive_count;
	int control_master, control_persist, fork_after, permit_local_command;
	int first_contact, kem, wire, stdin_null, session_type, tcp_keepalive;
	int stealth, padding, budget, grid; /* enum qsp_shape_padding; MB an hour; ms */
	int compression;
	int resume_timeout; /* s; 0: a lost connection ends it */
};

/* Who asks, and for what: Host and Match are about this. Borrowed. */
struct qsp_client_scope {
	const char *original; /* the host as given */
	const char *local_user;
	const char *home;       /* of ~ and of relative Includes in the user's file */
	const char *system_dir; /* of relative Includes in the system's file */
	bool chosen; /* the file was named by hand (-F): who else may write it is not asked, but of its Includes */
};

void qsp_client_config_init(struct qsp_client_config *c);
void qsp_client_config_wipe(struct qsp_client_config *c);

/* One option, "Keyword=value" or "Keyword value", as -o has it. QSP_E_INPUT and a line in err. */
QSP_MUST_USE qsp_err qsp_client_config_option(struct qsp_client_config *c, const char *option,
					      char err[QSP_CONFLINE_ERROR_MAX]);

/*
 * A file. user: it is the user's own, so nobody else may write it, and relative Includes lie in
 * ~/.qssh. QSP_E_NOTFOUND where there is none; QSP_E_INPUT and a line in err.
 */
QSP_MUST_USE qsp_err qsp_client_config_file(struct qsp_client_config *c,
					    const struct qsp_client_scope *scope, const char *path,
					    bool user, char err[QSP_CONFLINE_ERROR_MAX]);

/* The same of an open file; depth counts the files around it. */
QSP_MUST_USE qsp_err qsp_client_config_stream(struct qsp_client_config *c,
					      const struct qsp_client_scope *scope, FILE *f,
					      const char *name, bool user, unsigned depth,
					      char err[QSP_CONFLINE_ERROR_MAX]);

/* Defaults for what nobody said. QSP_E_NOMEM. */
QSP_MUST_USE qsp_err qsp_client_config_fill(struct qsp_client_config *c);

/* One line of a file, Host, Match and Include apart, is taken in; with active false it is only
 * checked. */
QSP_MUST_USE qsp_err qsp_client_keywords_take(struct qsp_client_config *c,
					      const struct qsp_confline *l, bool active,
					      char err[QSP_CONFLINE_ERROR_MAX]);
/* All of a filled configuration, a keyword a line in lower case. */
void qsp_client_keywords_print(const struct qsp_client_config *c, FILE *out);

/* Name of an aead, or NULL; and back, 0 for none. */
const char *qsp_client_aead_name(uint8_t id);
uint8_t qsp_client_aead_by_name(const char *name, size_t n);
/* The ids of a list of ciphers, at most 6; QSP_E_INPUT. */
QSP_MUST_USE qsp_err qsp_client_aeads(const char *list, uint8_t ids[6], size_t *n);

/*
 * What stands for something else in names of files and commands: %C %d %h %i %j %k %L %l %n %p %r %u
 * %%, as ssh_config(5) has them.
 */
struct qsp_client_tokens {
	const char *host, *original, *remote_user, *local_user, *home;
	const char *key_name; /* HostKeyAlias, or NULL: the host */
	const char *jump;     /* hops of ProxyJump, or NULL */
	const char *hash;     /* of where the connection goes; NULL: %C is unknown */
	unsigned port;
};
/* A copy on the heap, NULL where a token or variable is unknown or memory is short. path: ~ and ~/
 * stand for the home, ${NAME} for what the environment has. */
char *qsp_client_expand(const char *s, const struct qsp_client_tokens *t, bool path);

#endif
