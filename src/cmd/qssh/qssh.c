/* SPDX-License-Identifier: ISC */
/*
 * qssh: the remote shell. Options, configuration, then the call.
 */
#include "cmd/qssh/qssh.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <strings.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "sys/ask.h"
#include "sys/file.h"
#include "sys/spawn.h"
#include "sys/tty.h"

/* --- who and where -------------------------------------------------------------------------- */

static char *
local_user(void)
{
	const struct passwd *pw = getpwuid(getuid());
	char number[16];

	snprintf(number, sizeof(number), "%u", (unsigned)getuid());
	return strdup(pw ? pw->pw_name : number);
}

static char *
home(void)
{
	char path[4096];

	return qsp_file_home(path, sizeof(path)) == 0 ? strdup(path) : strdup("/");
}

/* --- configuration -------------------------------------------------------------------------- */

static int
read_config(struct qsp_qssh *q)
{
	struct qsp_client_scope scope = { .original = q->opt.host,
					  .local_user = q->local_user,
					  .home = q->home,
					  .system_dir = QSP_QSSH_SYSTEM_DIR,
					  .chosen = q->opt.config_file != NULL };
	char err[QSP_CONFLINE_ERROR_MAX] = "", *path = NULL;
	const char *given = q->opt.config_file;
	qsp_err e = 0;

	if (given && strcmp(given, "none") == 0)
		return 0;
	if (given) {
		e = qsp_client_config_file(&q->cfg, &scope, given, true, err);
		if (e == QSP_E_NOTFOUND)
			snprintf(err, sizeof(err),
				 "Can't open user config file %s: No such file or "
				 "directory",
				 given);
	} else if (asprintf(&path, "%s/.qssh/config", q->home) >= 0) {
		e = qsp_client_config_file(&q->cfg, &scope, path, true, err);
		if (e == 0 || e == QSP_E_NOTFOUND)
			e = qsp_client_config_file(&q->cfg, &scope,
						   QSP_QSSH_SYSTEM_DIR "/qssh_config", false, err);
		if (e == QSP_E_NOTFOUND)
			e = 0;
		free(path);
	}
	if (e)
		fprintf(stderr, "%s\n", err[0] ? err : qsp_err_text(e));
	return e ? QSP_QSSH_FAILED : 0;
}

static int
check_no_command(const struct qsp_qssh *q)
{
	const char *wrong = NULL;

	if (q->cfg.session_type == QSP_CLIENT_SUBSYSTEM)
		wrong = "You must specify a subsystem to invoke.";
	else if (q->cfg.session_type == QSP_CLIENT_SESSION && q->cfg.fork_after == QSP_CLIENT_YES &&
		 !q->opt.control)
		wrong = "Cannot fork into background without a command to execute.";
	if (wrong)
		fprintf(stderr, "%s\n", wrong);
	return wrong ? QSP_QSSH_FAILED : 0;
}

/* The words behind the host are the command, parted by spaces, as ssh has it. */
static int
take_command(struct qsp_qssh *q)
{
	size_t n = 1;
	char *line, *p;

	if (q->cfg.remote_command && strcasecmp(q->cfg.remote_command, "none") == 0) {
		free(q->cfg.remote_command); /* scp says so, against what a file says */
		q->cfg.remote_command = NULL;
	}
	if (!q->opt.command)
		return q->cfg.remote_command ? 0 : check_no_command(q);
	if (q->cfg.remote_command) {
		fputs("Cannot execute command-line and remote command.\n", stderr);
		return QSP_QSSH_FAILED;
	}
	for (char **w = q->opt.command; *w; w++)
		n += strlen(*w) + 1;
	p = line = malloc(n);
	if (!line)
		return QSP_QSSH_FAILED;
	*line = 0;
	for (char **w = q->opt.command; *w; w++)
		p = stpcpy(stpcpy(p, *w), w[1] ? " " : "");
	if (*line) {
		q->cfg.remote_command = line;
		return 0;
	}
	free(line); /* qssh host "" is a shell, as with ssh */
	return check_no_command(q);
}

static int
bad(const char *what)
{
	fprintf(stderr, "qssh: %s\n", what);
	return QSP_QSSH_FAILED;
}

/* Names that the configuration has settled; tokens stand for them. */
static int
settle_names(struct qsp_qssh *q)
{
	struct qsp_client_tokens *t = &q->tokens;

	if (!q->cfg.user && !(q->cfg.user = strdup(q->local_user)))
		return bad("out of memory");
	q->user = q->cfg.user;
	if (q->user[0] == 0 || strlen(q->user) > QSP_USER_MAX)
		return bad("bad user name");
	q->port = (uint16_t)q->cfg.port;
	*t = (struct qsp_client_tokens){ .host = q->opt.host,
					 .original = q->opt.host,
					 .remote_user = q->user,
					 .local_user = q->local_user,
					 .home = q->home,
					 .port = q->port };
	if (!q->cfg.host_name && !(q->cfg.host_name = strdup("%h")))
		return bad("out of memory");
	q->host = qsp_client_expand(q->cfg.host_name, t, false);
	if (!q->host || q->host[0] == 0)
		return bad("HostName: unknown token, or no name");
	t->host = q->host;
	t->key_name = q->cfg.host_key_alias;
	t->jump = q->cfg.proxy_jump;
	free(q->cfg.host_name);
	q->cfg.host_name = strdup(q->host); /* as -G shows it */
	q->name = q->host;
	if (q->cfg.remote_command && !q->opt.command) {
		char *line = qsp_client_expand(q->cfg.remote_command, t, false);

		if (!line)
			return bad("RemoteCommand: unknown token");
		free(q->cfg.remote_command);
		q->cfg.remote_command = line;
	}
	if (qsp_known_hosts_name(q->cfg.host_key_alias ? q->cfg.host_key_alias : q->host,
				 q->cfg.host_key_alias ? QSP_DEFAULT_PORT : q->port,
				 q->key_name) != 0)
		return bad("bad host name");
	return 0;
}

/* A name for where the connection goes, in 40 digits (%C). */
static qsp_err
hash_names(struct qsp_qssh *q, char out[41])
{
	struct qsp_client_tokens t = q->tokens;
	char *text = qsp_client_expand("%l %h %p %r %j", &t, false);
	struct qsp_crypto *cx = NULL;
	uint8_t hash[32];
	qsp_err e = QSP_E_NOMEM;

	if (text && (e = qsp_crypto_new(NULL, NULL, &cx)) == 0 &&
	    (e = qsp_hash_one(cx, QSP_HASH_SHA3_256, qsp_bytes_str(text), hash)) == 0)
		qsp_text_hex(qsp_bytes(hash, 20), out);
	qsp_crypto_free(cx);
	free(text);
	return e;
}

static bool
is_set(const char *s)
{
	return s && strcasecmp(s, "none") != 0;
}

/* Forwards with a path in them may have tokens; false for one that is not known. */
static bool
settle_forwards(struct qsp_qssh *q, struct qsp_client_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		char *spec;

		if (!strchr(list->v[i], '/'))
			continue;
		spec = qsp_client_expand(list->v[i], &q->tokens, true);
		if (!spec)
			return false;
		free(list->v[i]);
		list->v[i] = spec;
	}
	return true;
}

static bool
has_hash(const struct qsp_client_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (strstr(list->v[i], "%C"))
			return true;
	return false;
}

/* What is named by tokens that stand for other names, settled by now. */
static int
settle_paths(struct qsp_qssh *q)
{
	const char *path = q->cfg.control_path, *command = q->cfg.local_command;

	bool links = q->opt.link ||
		     (!path && q->cfg.control_master == QSP_CLIENT_NO && qsp_qssh_link_has_any(q));

	if ((path && strstr(path, "%C")) || (command && strstr(command, "%C")) ||
	    (links && !path) || has_hash(&q->cfg.local_forward) ||
	    has_hash(&q->cfg.remote_forward)) {
		if (hash_names(q, q->name_hash) != 0)
			return bad("%C: no hash");
		q->tokens.hash = q->name_hash;
	}
	if (!settle_forwards(q, &q->cfg.local_forward) ||
	    !settle_forwards(q, &q->cfg.remote_forward) ||
	    !settle_forwards(q, &q->cfg.dynamic_forward))
		return bad("a path to forward: unknown token or variable");
	if (is_set(path)) {
		q->control_path = qsp_client_expand(path, &q->tokens, true);
		if (!q->control_path)
			return bad("ControlPath: unknown token or variable");
		free(q->cfg.control_path);
		if (!(q->cfg.control_path = strdup(q->control_path))) /* as -G shows it */
			return bad("out of memory");
	}
	if (!path && links)
		q->control_path = qsp_qssh_link_path(q);
	if (q->opt.link && !q->control_path)
		return bad("--link: there is no place for its socket in ~/.qssh/link");
	if (q->opt.control && !q->control_path)
		return bad("No ControlPath specified for \"-O\" command");
	return 0;
}

/* --- lists ---------------------------------------------------------------------------------- */

static int
print_query(const char *what)
{
	static const uint8_t types[] = { QSP_KEY_MLKEM768X25519, QSP_KEY_MLKEM1024X25519,
					 QSP_KEY_ML_DSA_65, QSP_KEY_ML_DSA_87 };
	bool kem = strcmp(what, "kem") == 0 || strcmp(what, "kex") == 0;
	bool sig = strcmp(what, "sig") == 0, key = strcmp(what, "key") == 0;

	if (strcmp(what, "aead") == 0 || strcmp(what, "cipher") == 0) {
		for (uint8_t id = 1; id != 0; id++)
			if (qsp_client_aead_name(id))
				puts(qsp_client_aead_name(id));
		return 0;
	}
	if (strcmp(what, "help") == 0) {
		puts("aead\ncipher\nkem\nkex\nkey\nsig");
		return 0;
	}
	if (!kem && !sig && !key) {
		fprintf(stderr, "qssh: Unsupported query \"%s\" (see qssh -Q help)\n", what);
		return QSP_QSSH_FAILED;
	}
	for (size_t i = 0; i < sizeof(types); i++) {
		bool is_kem = qsp_key_type_is_kem(types[i]);

		if (key || is_kem == kem)
			puts(qsp_key_type_name(types[i]));
	}
	return 0;
}

/* --- the call ------------------------------------------------------------------------------- */

static qsp_err
prepare(struct qsp_qssh *q)
{
	uint8_t ids[6];
	size_t n;
	qsp_err e;

	if ((e = qsp_crypto_new(NULL, NULL, &q->cx)) != 0 ||
	    (e = qsp_config_new(q->cx, &q->qsp)) != 0 ||
	    (e = qsp_client_aeads(q->cfg.ciphers, ids, &n)) != 0 ||
	    (e = qsp_config_set_aeads(q->qsp, ids, n)) != 0 ||
	    (e = qsp_drive_pool_new(&q->loop, q->cx, &q->pool)) != 0)
		return e;
	qsp_config_set_wire(q->qsp, (enum qsp_wire)q->cfg.wire);
	qsp_config_set_resumable(q->qsp, q->cfg.resume_timeout > 0);
	q->can_ask = qsp_ask_possible();
	return 0;
}

static int
run(struct qsp_qssh *q)
{
	int status = QSP_QSSH_FAILED;
	qsp_err e;

	if (uv_loop_init(&q->loop) != 0)
		return bad("no event loop");
	uv_timer_init(&q->loop, &q->patience);
	uv_timer_init(&q->loop, &q->alive);
	uv_timer_init(&q->loop, &q->persist);
	qsp_qssh_resume_init(q);
	qsp_qssh_wake_begin(q);
	e = prepare(q);
	if (e)
		fprintf(stderr, "qssh: %s\n", qsp_err_text(e));
	else
		status = qsp_qssh_contact_run(q);
	uv_close((uv_handle_t *)&q->patience, NULL);
	uv_close((uv_handle_t *)&q->alive, NULL);
	uv_close((uv_handle_t *)&q->persist, NULL);
	qsp_qssh_resume_end(q);
	qsp_qssh_wake_end(q);
	qsp_qssh_identity_free_all(q);
	qsp_known_hosts_match_wipe(&q->contact);
	qsp_config_free(q->qsp);
	qsp_qssh_background_linger(q);
	qsp_drive_pool_free(q->pool);
	uv_run(&q->loop, UV_RUN_DEFAULT);
	uv_loop_close(&q->loop);
	qsp_crypto_free(q->cx);
	return status;
}

static FILE *
open_log(const char *path)
{
	FILE *f = fopen(path, "ae");

	if (!f)
		fprintf(stderr, "qssh: -E %s: %s\n", path, strerror(errno));
	return f;
}

/* A connection that is there already; a master that was asked for by that name makes its own. */
static bool
uses_master(struct qsp_qssh *q, int *status)
{
	int master = q->cfg.control_master;

	return q->control_path &&
	       (q->opt.control || master == QSP_CLIENT_NO || master == QSP_CLIENT_AUTO ||
		master == QSP_CLIENT_AUTO_ASK) &&
	       qsp_qssh_control_use(q, status);
}

static int
go(struct qsp_qssh *q, int argc, char **argv)
{
	FILE *log = NULL;
	int r = qsp_qssh_options_parse(argc, argv, &q->opt, &q->cfg);

	if (r)
		return r - 1;
	if (q->opt.version) {
		fprintf(stderr, "QSP_" QSP_VERSION ", %s\n", qsp_crypto_version());
		return 0;
	}
	if (q->opt.query)
		return print_query(q->opt.query);
	if ((r = read_config(q)) != 0)
		return r;
	if (!qsp_qssh_link_settle(q))
		return QSP_QSSH_FAILED;
	if (qsp_client_config_fill(&q->cfg) != 0)
		return bad("out of memory");
	if ((r = settle_names(q)) != 0 || (r = settle_paths(q)) != 0 || (r = take_command(q)) != 0)
		return r;
	if (q->opt.print_config) {
		qsp_client_keywords_print(&q->cfg, stdout);
		return 0;
	}
	if (q->opt.log_file && !(log = open_log(q->opt.log_file)))
		return QSP_QSSH_FAILED;
	qsp_qssh_say_init((enum qsp_log_level)q->cfg.log_level, log);
	qsp_qssh_say(QSP_LOG_DEBUG1, "QSP_" QSP_VERSION ", %s", qsp_crypto_version());
	r = QSP_QSSH_FAILED;
	if (q->opt.link && qsp_qssh_link_is_up(q)) {
		qsp_qssh_say(QSP_LOG_INFO, "qssh: the link to %s is up already", q->name);
		r = 0;
	} else if (qsp_qssh_shape_can(q) && !uses_master(q, &r)) {
		r = run(q);
		qsp_qssh_link_again(q, argv);
	}
	if (log)
		fclose(log);
	return r;
}

int
main(int argc, char **argv)
{
	static struct qsp_qssh q; /* large, and in use until the end */
	int fd, r;

	/* a descriptor that was closed for us must not become a socket of ours */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	(void)qsp_spawn_more_descriptors();
	qsp_client_config_init(&q.cfg);
	q.local_user = local_user();
	q.home = home();
	if (!q.local_user || !q.home)
		return bad("out of memory");
	r = go(&q, argc, argv);
	qsp_tty_restore();
	free(q.contact_path);
	free(q.control_path);
	free(q.host);
	free(q.local_user);
	free(q.home);
	qsp_qssh_options_wipe(&q.opt);
	qsp_client_config_wipe(&q.cfg);
	return r;
}
