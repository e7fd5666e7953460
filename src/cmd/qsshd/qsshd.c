/* SPDX-License-Identifier: ISC */
/*
 * qsshd: the command line, and the start as a daemon. The process that the user waits for ends only
 * when the server is ready, or has failed.
 */
#include "cmd/qsshd/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/replaymap.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/sdnotify.h"
#include "sys/spawn.h"

#define REPLAY_MAX (1u << 20) /* 24 bytes each, of memory that is touched as it fills */

static void __attribute__((noreturn)) usage(void)
{
	fprintf(stderr,
		"usage: qsshd [-DdeRTtV] [-B name[:port]] [-C connection_spec] [-E log_file]\n"
		"             [-f config_file] [-h host_key_file] [-o option] [-p port]\n");
	exit(1);
}

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "qsshd: %s\n", what);
	exit(1);
}

static void
add_line(struct qsp_server_options *o, const char *fmt, const char *value)
{
	char line[QSP_CONFLINE_MAX];

	if (snprintf(line, sizeof(line), fmt, value) >= (int)sizeof(line) ||
	    !qsp_qsshd_list_add(&o->lines, line))
		die("too many options");
}

/* The path from / on, as a reload needs it that happens in another folder. Links stay links: by then they may
 * lead elsewhere. */
static char *
absolute(const char *path)
{
	char *here = path[0] == '/' ? NULL : getcwd(NULL, 0), *full;

	if (asprintf(&full, "%s%s%s", here ? here : "", here ? "/" : "", path) < 0)
		die("out of memory");
	free(here);
	return full;
}

static void
add_host_key(struct qsp_server_options *o, const char *path)
{
	char *full = absolute(path);

	add_line(o, "HostKey \"%s\"", full);
	free(full);
}

static void
log_to_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0) {
		fprintf(stderr, "qsshd: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	close(fd);
}

enum act { ACT_SERVE, ACT_TEST, ACT_DUMP, ACT_BRIDGE, ACT_ROTATE };

static enum act
parse(int argc, char **argv, struct qsp_server_options *o)
{
	enum act act = ACT_SERVE;
	unsigned debug = 0;
	char level[16];
	int c;

	while ((c = getopt(argc, argv, "B:C:DdE:ef:h:io:p:RTtV")) != -1) {
		switch (c) {
		case 'B':
			act = ACT_BRIDGE;
			o->bridge = optarg;
			break;
		case 'C':
			if (!qsp_server_take_spec(&o->spec, optarg))
				exit(1);
			break;
		case 'D': o->foreground = true; break;
		case 'd': debug++; break;
		case 'E':
			log_to_file(optarg);
			o->to_stderr = true;
			break;
		case 'e': o->to_stderr = true; break;
		case 'f':
			o->config = optarg;
			o->config_given = true;
			break;
		case 'h': add_host_key(o, optarg); break;
		case 'i':
			die("-i is not supported: a server that begins with the connection cannot "
			    "tell a replayed first message from a fresh one");
		case 'o': add_line(o, "%s", optarg); break;
		case 'p': add_line(o, "Port %s", optarg); break;
		case 'R': act = ACT_ROTATE; break;
		case 'T': act = ACT_DUMP; break;
		case 't': act = ACT_TEST; break;
		case 'V':
			fprintf(stderr, "qsshd %s, %s\n", QSP_VERSION, qsp_crypto_version());
			exit(0);
		default: usage();
		}
	}
	if (optind != argc)
		usage();
	if (o->spec.given && act != ACT_DUMP)
		die("-C is for -T");
	if (debug > 0) {
		o->foreground = o->to_stderr = true;
		(void)snprintf(level, sizeof(level), "DEBUG%u", debug > 3 ? 3 : debug);
		add_line(o, "LogLevel %s", level);
	}
	return act;
}

static void
find_defaults(struct qsp_server_options *o)
{
	o->owner.is_root = geteuid() == 0;
	if (qsp_file_home(o->home, sizeof(o->home)) && !o->owner.is_root)
		die("there is no home directory");
	o->owner.home = o->home;
	(void)snprintf(o->default_config, sizeof(o->default_config), "%s/.qssh/qsshd_config",
		       o->home);
	if (o->config == NULL)
		o->config = o->owner.is_root ? "/etc/qssh/qsshd_config" : o->default_config;
	o->config = absolute(o->config);
	/* one that was there and is gone at a reload is a slip, and no wish for the defaults */
	o->config_given |= access(o->config, F_OK) == 0;
}

/* --- start ---------------------------------------------------------------------------------- */

/* The parent waits in here and exits; what returns is the daemon, with a pipe to tell it by. */
static int
become_daemon(void)
{
	int fd[2];
	char ready;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		die(strerror(errno));
	if (pid > 0) {
		close(fd[1]);
		if (read(fd[0], &ready, 1) != 1)
			die("could not start; the log says why");
		_exit(0);
	}
	close(fd[0]);
	(void)setsid();
	(void)!chdir("/");
	return fd[1];
}

static void
quiet_streams(bool keep_stderr)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0)
		return;
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	if (!keep_stderr)
		(void)dup2(null, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

static int
watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static unsigned
workers(const struct qsp_qsshd_config *c)
{
	long n = c->workers > 0 ? c->workers : sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 1)
		n = 1;
	return n > QSP_CONFIG_WORKERS_MAX ? QSP_CONFIG_WORKERS_MAX : (unsigned)n;
}

static int
serve(struct qsp_server_options *o, const struct qsp_qsshd_config *c, int n_sockets)
{
	static struct qsp_server s;

	s.options = o;
	s.n_workers = workers(c);
	s.parent = s.relay[0] = s.relay[1] = -1;
	qsp_server_log(&s, c);
	qsp_server_adopt(&s, n_sockets);
	if (!o->foreground)
		s.parent = become_daemon();
	if (!o->to_stderr && qsp_ipc_pair(s.relay))
		die("no socket for the log");
	if (!o->foreground)
		quiet_streams(o->to_stderr);
	if (qsp_replaymap_create(REPLAY_MAX, qsp_clock_ms(CLOCK_REALTIME), &s.replay))
		die("no memory for the replay cache");
	s.signals = watch_signals();
	if (s.signals < 0)
		die("no signalfd");
	return qsp_server_run(&s);
}

int
main(int argc, char **argv)
{
	static struct qsp_server_options o;
	struct qsp_qsshd_config c;
	char err[QSP_CONFLINE_ERROR_MAX];
	int n_sockets = qsp_sdnotify_sockets(), status = 0;
	enum act act;

	qsp_spawn_own_signals();
	(void)umask(022);
	act = parse(argc, argv, &o);
	find_defaults(&o);
	if (!qsp_server_config(&o, &c, err)) {
		fprintf(stderr, "qsshd: %s\n", err);
		return 1;
	}
	if (act == ACT_DUMP && !qsp_server_dump(&o.spec, &c, err)) {
		fprintf(stderr, "qsshd: %s\n", err);
		status = 1;
	}
	if (act == ACT_BRIDGE)
		status = qsp_server_bridge(&c, o.bridge);
	if (act == ACT_ROTATE)
		status = qsp_server_rotate(&c);
	if (act == ACT_SERVE)
		status = serve(&o, &c, n_sockets);
	qsp_qsshd_config_free(&c);
	return status;
}
