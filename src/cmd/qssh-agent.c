/* SPDX-License-Identifier: ISC */
/*
 * qssh-agent: starts the agent as ssh-agent is started: in the background with lines for a shell, in
 * front (-D, -d), or around a command.
 */
#include "cmd/agent/agent.h"

#include "app/confvalue.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCK_ENV "QSSH_AUTH_SOCK"
#define PID_ENV "QSSH_AGENT_PID"

struct options {
	bool csh, shell_said, kill, foreground, debug;
	const char *path;
	uint32_t lifetime;
	char **command; /* or NULL */
};

static int
usage(void)
{
	fputs("usage: qssh-agent [-c | -s] [-Dd] [-a bind_address] [-t life]\n"
	      "       qssh-agent [-a bind_address] [-t life] command [argument ...]\n"
	      "       qssh-agent [-c | -s] -k\n",
	      stderr);
	return 1;
}

static int
get_options(int argc, char **argv, struct options *o)
{
	uint64_t seconds = 0;
	int c;

	while ((c = getopt(argc, argv, "+a:cDdkst:V")) != -1) {
		switch (c) {
		case 'a': o->path = optarg; break;
		case 'c':
		case 's':
			if (o->shell_said && o->csh != (c == 'c'))
				return usage();
			o->csh = c == 'c';
			o->shell_said = true;
			break;
		case 'D': o->foreground = true; break;
		case 'd': o->foreground = o->debug = true; break;
		case 'k': o->kill = true; break;
		case 't':
			if (qsp_confvalue_seconds(optarg, &seconds) != 0 || seconds == 0) {
				fprintf(stderr, "qssh-agent: invalid lifetime: %s\n", optarg);
				return 1;
			}
			o->lifetime = (uint32_t)seconds;
			break;
		case 'V': printf("QSP_" QSP_VERSION ", %s\n", qsp_crypto_version()); exit(0);
		default: return usage();
		}
	}
	if (optind < argc)
		o->command = argv + optind;
	if (o->command && (o->shell_said || o->kill || o->foreground))
		return usage();
	if (!o->shell_said) {
		const char *shell = getenv("SHELL");
		size_t n = shell ? strlen(shell) : 0;

		o->csh = n >= 3 && strcmp(shell + n - 3, "csh") == 0;
	}
	return 0;
}

static int
kill_agent(const struct options *o)
{
	const char *text = getenv(PID_ENV);
	char *rest;
	long pid;

	if (!text || !*text) {
		fprintf(stderr, PID_ENV " not set, cannot kill agent\n");
		return 1;
	}
	errno = 0;
	pid = strtol(text, &rest, 10);
	if (errno || *rest || pid < 2 || pid > INT_MAX) {
		fprintf(stderr, PID_ENV "=\"%s\", which is not a good PID\n", text);
		return 1;
	}
	if (kill((pid_t)pid, SIGTERM) != 0) {
		fprintf(stderr, "qssh-agent: kill %ld: %s\n", pid, strerror(errno));
		return 1;
	}
	printf(o->csh ? "unsetenv %s;\nunsetenv %s;\n" : "unset %s;\nunset %s;\n", SOCK_ENV,
	       PID_ENV);
	printf("echo Agent pid %ld killed;\n", pid);
	return 0;
}

static void
print_variable(const struct options *o, const char *name, const char *value)
{
	if (o->csh)
		printf("setenv %s %s;\n", name, value);
	else
		printf("%s=%s; export %s;\n", name, value, name);
}

static void
print_socket(const struct options *o, const struct qsp_agent_socket *s)
{
	print_variable(o, SOCK_ENV, s->path);
}

/* --- being ready ----------------------------------------------------------------------------- */

struct waiting {
	const struct options *o;
	const struct qsp_agent_socket *s;
	int fd; /* to the parent; -1: it runs in front */
};

static void
ready(void *arg, const char *why)
{
	const struct waiting *w = arg;

	if (w->fd < 0) {
		if (why) {
			fprintf(stderr, "qssh-agent: %s\n", why);
			return;
		}
		print_socket(w->o, w->s);
		printf("echo Agent pid %ld;\n", (long)getpid());
		fflush(stdout);
		return;
	}
	(void)!write(w->fd, why ? why : "", why ? strlen(why) : 1);
	close(w->fd);
}

/* True once the agent serves; else what it said is on stderr. */
static bool
await(int fd)
{
	char text[512];
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(text) - 1 && (got = read(fd, text + n, sizeof(text) - 1 - n)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	text[n] = 0;
	if (n == 1 && text[0] == 0)
		return true;
	fprintf(stderr, "qssh-agent: %s\n", n ? text : "it ended at once");
	return false;
}

/* --- the agent ------------------------------------------------------------------------------- */

static int
serve(const struct options *o, const struct qsp_agent_socket *s, struct waiting *w)
{
	struct qsp_agent_serve serve = { .listener = s->fd,
					 .lifetime = o->lifetime,
					 .debug = o->debug };

	signal(SIGPIPE, SIG_IGN);
	serve.keeper = qsp_agent_keeper_start(s);
	if (serve.keeper < 0) {
		qsp_agent_socket_remove(s);
		ready(w, "cannot start its second process");
		return 1;
	}
	return qsp_agent_serve_run(&serve, ready, w); /* the keeper removes the socket */
}

static void
leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
		(void)!dup2(null, fd);
	(void)!chdir("/");
}

/* In a process of its own; its id once it serves, else 0. */
static pid_t
start(const struct options *o, const struct qsp_agent_socket *s)
{
	pid_t parent = getpid(), pid;
	struct waiting w = { .o = o, .s = s, .fd = -1 };
	int fd[2], status;

	if (pipe2(fd, O_CLOEXEC) != 0)
		return 0;
	pid = fork();
	if (pid == 0) {
		close(fd[0]);
		w.fd = fd[1];
		setsid();
		/* around a command the agent lives as long as it does */
		if (o->command && (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)) {
			qsp_agent_socket_remove(s);
			_exit(1);
		}
		leave_terminal();
		exit(serve(o, s, &w));
	}
	close(fd[1]);
	if (pid > 0 && await(fd[0]))
		return pid;
	if (pid > 0)
		waitpid(pid, &status, 0);
	else
		qsp_agent_socket_remove(s);
	return 0;
}

static int
run_command(const struct options *o, const struct qsp_agent_socket *s, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%ld", (long)pid);
	if (setenv(SOCK_ENV, s->path, 1) == 0 && setenv(PID_ENV, text, 1) == 0)
		execvp(o->command[0], o->command);
	fprintf(stderr, "qssh-agent: %s: %s\n", o->command[0], strerror(errno));
	return 1;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	struct qsp_agent_socket s;
	struct waiting w = { .o = &o, .s = &s, .fd = -1 };
	char text[16];
	pid_t pid;

	if (get_options(argc, argv, &o) != 0)
		return 1;
	if (o.kill)
		return kill_agent(&o);
	if (!qsp_agent_socket_open(o.path, &s))
		return 1;
	if (o.foreground)
		return serve(&o, &s, &w);
	if ((pid = start(&o, &s)) == 0)
		return 1;
	if (o.command)
		return run_command(&o, &s, pid);
	print_socket(&o, &s);
	snprintf(text, sizeof(text), "%ld", (long)pid);
	print_variable(&o, PID_ENV, text);
	printf("echo Agent pid %ld;\n", (long)pid);
	return fflush(stdout) == 0 ? 0 : 1;
}
