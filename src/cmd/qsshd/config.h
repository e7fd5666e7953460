/* SPDX-License-Identifier: ISC */
/*
 * The configuration of qsshd: read once by qsshd, and handed to the other processes as the text that
 * -T prints, which reads back to the same.
 */
#ifndef QSP_CMD_QSSHD_CONFIG_H
#define QSP_CMD_QSSHD_CONFIG_H

#include <qsp/config.h>

#include "app/confline.h"
#include "sys/groups.h"
#include "sys/log.h"

#define QSP_CONFIG_PORTS_MAX 8
#define QSP_CONFIG_LIST_MAX 64
#define QSP_CONFIG_WORKERS_MAX 64

/* A list of words; owned. */
struct qsp_qsshd_list {
	size_t n;
	char *v[QSP_CONFIG_LIST_MAX];
};

enum qsp_qsshd_root {
	QSP_ROOT_UNSET = -1,
	QSP_ROOT_YES,
	QSP_ROOT_NO,
	QSP_ROOT_PROHIBIT_PASSWORD,
	QSP_ROOT_FORCED_COMMANDS_ONLY,
};

enum qsp_qsshd_forward { QSP_FORWARD_LOCAL = 1, QSP_FORWARD_REMOTE = 2 };
enum qsp_qsshd_gateway { QSP_GATEWAY_NO, QSP_GATEWAY_YES, QSP_GATEWAY_CLIENT };

/* Numbers are -1 where nothing has been said. A new field goes into the tables of config_fields.c too. */
struct qsp_qsshd_config {
	struct qsp_qsshd_list port;            /* digits */
	bool port_fixed;                       /* by the command line: files do not add to it */
	struct qsp_qsshd_list listen;          /* ListenAddress as written */
	struct qsp_qsshd_list host_key;        /* paths */
	struct qsp_qsshd_list authorized_keys; /* patterns */
	struct qsp_qsshd_list allow_users, deny_users, allow_groups, deny_groups;
	struct qsp_qsshd_list accept_env;
	struct qsp_qsshd_list subsystem, subsystem_command; /* names, and what they run */
	struct qsp_qsshd_list pid_file;                     /* one path, or "none" */
	struct qsp_qsshd_list chroot;        /* ChrootDirectory: one path, or "none" */
	struct qsp_qsshd_list force_command; /* one command, or "none" */
	struct qsp_qsshd_list set_env;       /* NAME=value */
	struct qsp_qsshd_list
		permit_user_env; /* PermitUserEnvironment: yes, no or one list of patterns */
	struct qsp_qsshd_list auth_methods; /* AuthenticationMethods: lists, or "any" alone */
	struct qsp_qsshd_list pam_service;  /* PAMServiceName */
	int strict_modes, password, pubkey, first_contact;
	int interactive, use_pam; /* KbdInteractiveAuthentication, UsePAM */
	int permit_tty, permit_user_rc, print_motd, print_last_log;
	int alive_s, alive_count; /* ClientAliveInterval, ClientAliveCountMax */
	int max_auth_tries, max_sessions, workers;
	int startups_begin, startups_rate, startups_full; /* MaxStartups */
	int grace_s;                                      /* LoginGraceTime; 0: none */
	int resume_s; /* ResumeTimeout; 0: sessions end with their connection */
	int secret_overlap_s;
	int detached_each, detached_total;                 /* MaxDetached: of a user, in all */
	int allow_tcp_forwarding, allow_stream_forwarding; /* enum qsp_qsshd_forward */
	int gateway_ports;                                 /* enum qsp_qsshd_gateway */
	int allow_agent_forwarding, disable_forwarding, stream_bind_mask, stream_bind_unlink;
	struct qsp_qsshd_list permit_open, permit_listen;
	int log_level, facility;
	int wire, compression;
	int shaping, shaping_ceiling; /* Shaping: as of struct qsp_shape_allowed */
	int root;                     /* enum qsp_qsshd_root */
	uint8_t aead[8];
	size_t n_aead;
	bool has_rekey;
	uint64_t rekey_cells, rekey_s; /* 0: never */
	char *match;                   /* Match blocks as text, checked, without Include; or NULL */
};

/* config_fields.c */
void qsp_qsshd_config_init(struct qsp_qsshd_config *c);
void qsp_qsshd_config_free(struct qsp_qsshd_config *c);
/* Copies from `base` what c says nothing of, Match blocks apart. QSP_E_NOMEM. */
QSP_MUST_USE qsp_err qsp_qsshd_config_inherit(struct qsp_qsshd_config *c,
					      const struct qsp_qsshd_config *base);
/* Appends a copy; false where the list is full or memory is. */
bool qsp_qsshd_list_add(struct qsp_qsshd_list *l, const char *s);

/* Whose defaults: as root those of /etc/qssh, else those of `home`/.qssh. */
struct qsp_qsshd_owner {
	bool is_root;
	const char *home;
};

/* Reads a file; the first value of a keyword counts. On error err says which line. */
QSP_MUST_USE qsp_err qsp_qsshd_config_read(struct qsp_qsshd_config *c, const char *path,
					   char err[QSP_CONFLINE_ERROR_MAX]);
/* What qsshd hands to its children: c afresh from this descriptor, which is closed. */
QSP_MUST_USE qsp_err qsp_qsshd_config_receive(struct qsp_qsshd_config *c, int fd,
					      char err[QSP_CONFLINE_ERROR_MAX]);
/* Lines of any stream, without Include; c was initialised. */
QSP_MUST_USE qsp_err qsp_qsshd_config_stream(struct qsp_qsshd_config *c, FILE *f,
					     char err[QSP_CONFLINE_ERROR_MAX]);
/* One line of -o. */
QSP_MUST_USE qsp_err qsp_qsshd_config_option(struct qsp_qsshd_config *c, const char *line,
					     char err[QSP_CONFLINE_ERROR_MAX]);
/* Puts the defaults where nothing was said. QSP_E_NOMEM. */
QSP_MUST_USE qsp_err qsp_qsshd_config_finish(struct qsp_qsshd_config *c,
					     const struct qsp_qsshd_owner *o);
/* Writes all of it as lines, but for the Match blocks. */
void qsp_qsshd_config_dump(const struct qsp_qsshd_config *c, FILE *f);
void qsp_qsshd_config_dump_forward(const struct qsp_qsshd_config *c, FILE *f);
void qsp_qsshd_config_dump_shaping(const struct qsp_qsshd_config *c, FILE *f);
/* The same with the Match blocks, as text that qsp_qsshd_config_receive reads; free it. NULL: no memory. */
char *qsp_qsshd_config_text(const struct qsp_qsshd_config *c);
/* Such a text as a nameless file, to be read from its start by a child; -1 on failure. */
int qsp_qsshd_config_text_fd(const char *text);
int qsp_qsshd_config_fd(const struct qsp_qsshd_config *c);

/* The key-change limits in the engine's terms. */
void qsp_qsshd_config_rekey(const struct qsp_qsshd_config *c, struct qsp_config *out);

/*
 * Match [sshd_config(5)]. Whom it asks for; what is NULL or 0 is not known, and then no criterion holds
 * that asks for it.
 */
struct qsp_qsshd_who {
	const char *user, *host, *address, *local_address;
	unsigned local_port;
	const struct qsp_groups *groups; /* of the user */
	bool complain;                   /* -C: what is asked for and not known is an error */
};

/* out = c as it is for `who`: finished, without Match blocks, to be freed. c is finished. On error err
 * says why, and out is empty. */
QSP_MUST_USE qsp_err qsp_qsshd_match_apply(const struct qsp_qsshd_config *c,
					   const struct qsp_qsshd_who *who,
					   struct qsp_qsshd_config *out,
					   char err[QSP_CONFLINE_ERROR_MAX]);

/* The ways to prove oneself that AuthenticationMethods speaks of. */
enum qsp_qsshd_way {
	QSP_WAY_PUBLICKEY,
	QSP_WAY_PASSWORD,
	QSP_WAY_INTERACTIVE,
	QSP_WAYS,
};
#define QSP_WAYS_MAX 8 /* in one list */

/* config_ways.c: ways, as 1 << each, that may follow `n` that are done; *complete: nothing has to. A list
 * with a method that is off does not count. */
unsigned qsp_qsshd_ways_next(const struct qsp_qsshd_config *c, const uint8_t *done, size_t n,
			     bool *complete);
/* Whether a word is a list of ways, or "any". */
bool qsp_qsshd_ways_check(const char *list);

/*
 * What the configuration could say of logins from who's address, whoever it is: what a stranger is shown
 * must depend on nobody's name [P4.5]. who NULL: wherever they come from.
 */
struct qsp_qsshd_offer {
	bool pubkey, password, interactive;
	unsigned first;     /* ways that some login may begin with: 1 << enum qsp_qsshd_way */
	int max_auth_tries; /* the largest */
};
QSP_MUST_USE qsp_err qsp_qsshd_match_offer(const struct qsp_qsshd_config *c,
					   const struct qsp_qsshd_who *who,
					   struct qsp_qsshd_offer *out);

/* Used while a configuration is read: checks a Match line, and writes its criteria as words ("" for
 * all), to be freed. */
QSP_MUST_USE qsp_err qsp_qsshd_match_check(const struct qsp_confline *l, char **criteria,
					   char err[QSP_CONFLINE_ERROR_MAX]);
/* Adds a line, checked, to the Match blocks; those of `criteria` must hold. */
QSP_MUST_USE qsp_err qsp_qsshd_match_add(struct qsp_qsshd_config *c, const char *criteria,
					 const struct qsp_confline *l);
/* A word so that the tokenizer gives it back as it was. */
void qsp_qsshd_config_put_word(FILE *f, const char *s);

/* Used by the table of keywords. */
struct qsp_qsshd_setter {
	struct qsp_qsshd_config *c;
	const struct qsp_confline *l;
	char *err;
	bool in_match;
};
/* The name of a keyword that OpenSSH has, or that is planned, and that is not honoured; else NULL. */
const char *qsp_qsshd_config_foreign(const struct qsp_confline *l);
/* Handles one line, Include and Match apart. */
QSP_MUST_USE qsp_err qsp_qsshd_config_set(const struct qsp_qsshd_setter *s);

#endif
