/* SPDX-License-Identifier: ISC */
/*
 * The command line, as ssh has it. An option is a keyword of the configuration said first; one
 * whose feature is not here is refused by name, and one that turns such a feature off is fine.
 */
#include "cmd/qssh/qssh.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "app/client_jump.h"
#include "base/mem.h"

#define SHORT "+246aAb:B:c:CD:e:E:fF:gGi:I:J:kKl:L:m:MnNo:O:p:P:qQ:R:sS:tTvVw:W:xXyY"

enum { LONG_HELP = 256, LONG_LACKS, LONG_STEALTH, LONG_PADDING, LONG_BUDGET, LONG_LINK };

/* Of other features, which this version refuses by name. */
static const struct {
	int c;
	const char *what;
} lacking[] = {
	{ 'B', "binding to an interface" },
	{ 'I', "PKCS#11" },
	{ 'K', "GSSAPI" },
	{ 'm', "MACs of their own: the ciphers of -c hold one" },
	{ 'P', "tags" },
	{ 'w', "tunnel devices" },
	{ 'X', "X11 forwarding" },
	{ 'y', "logging to syslog" },
	{ 'Y', "X11 forwarding" },
};

static const struct option longs[] = {
	{ "help", no_argument, NULL, LONG_HELP },
	{ "version", no_argument, NULL, 'V' },
	{ "qkd", no_argument, NULL, LONG_LACKS },
	{ "qkd-only", no_argument, NULL, LONG_LACKS },
	{ "stealth", optional_argument, NULL, LONG_STEALTH },
	{ "padding", required_argument, NULL, LONG_PADDING },
	{ "budget", required_argument, NULL, LONG_BUDGET },
	{ "link", optional_argument, NULL, LONG_LINK },
	{ "qrng", no_argument, NULL, LONG_LACKS },
	{ "entropy-source", required_argument, NULL, LONG_LACKS },
	{ "policy", required_argument, NULL, LONG_LACKS },
	{ NULL, 0, NULL, 0 },
};

struct parse {
	struct qsp_qssh_options *opt;
	struct qsp_client_config *cfg;
	int verbose;
};

static int
usage(int status)
{
	fputs("usage: qssh [-46AaCfGgkMNnqsTtVvx] [-b bind_address] [-c ciphers] [-D [bind:]port]\n"
	      "            [-E log_file] [-e escape_char] [-F configfile] [-i identity_file]\n"
	      "            [-J hops] [-L forward] [-l login_name] [-O command] [-o option] [-p "
	      "port]\n"
	      "            [-Q query] [-R forward] [-S control_path] [-W host:port] "
	      "[--budget=MB/h]\n"
	      "            [--padding=none|burst|max] [--stealth[=adaptive]]\n"
	      "            destination [command [argument ...]]\n"
	      "destination: [user@]host, ssh://[user@]host[:port], or a bridge line\n"
	      "             qsp://host:port?id=<host id>&k=<secret>\n",
	      status ? stderr : stdout);
	return status + 1;
}

/* KEYWORD="VALUE", so that a value with spaces or quotes is one word; NULL: no memory. */
static char *
quoted(const char *keyword, const char *value)
{
	char *line = malloc(strlen(keyword) + 2 * strlen(value) + 4), *to = line;

	if (!line)
		return NULL;
	to = stpcpy(stpcpy(to, keyword), "=\"");
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			*to++ = '\\';
		*to++ = *value;
	}
	*to++ = '"';
	*to = 0;
	return line;
}

/* A keyword of the configuration, said by an option; with no value the whole of its line. */
static int
say(struct parse *p, const char *keyword, const char *value)
{
	char err[QSP_CONFLINE_ERROR_MAX];
	char *line = value ? quoted(keyword, value) : strdup(keyword);
	qsp_err e = QSP_E_NOMEM;

	err[0] = 0;
	if (line)
		e = qsp_client_config_option(p->cfg, line, err);
	free(line);
	if (!e)
		return 0;
	fprintf(stderr, "%s\n", err[0] ? err : qsp_err_text(e));
	return QSP_QSSH_FAILED + 1;
}

/* Options of which the last counts, before any -o: an alias may hold one, and the person say another. */
static int
say_number(struct parse *p, int *at, const char *keyword, const char *value)
{
	*at = QSP_CLIENT_UNSET;
	return say(p, keyword, value);
}

static int
say_text(struct parse *p, char **at, const char *keyword, const char *value)
{
	free(*at);
	*at = NULL;
	return say(p, keyword, value);
}

static int
complain(const char *what)
{
	fprintf(stderr, "%s\n", what);
	return QSP_QSSH_FAILED + 1;
}

static int
refuse(int c, const char *long_name)
{
	for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++)
		if (lacking[i].c == c)
			fprintf(stderr, "qssh: -%c (%s): this version does not have it\n", c,
				lacking[i].what);
	if (c == LONG_LACKS)
		fprintf(stderr, "qssh: --%s: this version does not have it\n", long_name);
	return QSP_QSSH_FAILED + 1;
}

static int
take_control(struct parse *p, const char *arg)
{
	static const char *const known[] = { "check", "exit", "stop", "forward", "cancel" };
	static const char *const lacking_ones[] = { "proxy", "conninfo", "channels" };

	if (p->opt->control)
		return complain("Multiplexing command already specified");
	if (p->opt->stdfwd)
		return complain("Cannot specify multiplexing command with -W");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(arg, known[i]) == 0) {
			p->opt->control = arg;
			return 0;
		}
	}
	for (size_t i = 0; i < sizeof(lacking_ones) / sizeof(lacking_ones[0]); i++) {
		if (strcmp(arg, lacking_ones[i]) == 0) {
			fprintf(stderr, "qssh: -O %s: this version does not have it\n", arg);
			return QSP_QSSH_FAILED + 1;
		}
	}
	return complain("Invalid multiplex command.");
}

static int
take_forward(struct parse *p, const char *keyword, const char *kind, const char *arg)
{
	struct qsp_client_forward f;

	if (qsp_client_forward_parse(keyword[0], arg, &f)) {
		fprintf(stderr, "Bad %s forwarding specification '%s'\n", kind, arg);
		return QSP_QSSH_FAILED + 1;
	}
	qsp_client_forward_wipe(&f);
	return say(p, keyword, arg);
}

/* No session, no terminal, and no forwarding but this one. */
static int
take_stdfwd(struct parse *p, const char *arg)
{
	char *host = NULL;
	uint16_t port;

	if (p->opt->stdfwd)
		return complain("stdio forward already specified");
	if (p->opt->control)
		return complain("Cannot specify stdio forward with -O");
	if (arg[0] != '/' && qsp_client_jump_target(arg, &host, &port) != 0) {
		fprintf(stderr, "qssh: bad stdio forwarding specification '%s'\n", arg);
		return QSP_QSSH_FAILED + 1;
	}
	free(host);
	p->opt->stdfwd = arg;
	return say(p, "SessionType", "none") || say(p, "RequestTTY", "no") ||
			       say(p, "ClearAllForwardings", "yes") ||
			       say(p, "ExitOnForwardFailure", "yes")
		       ? QSP_QSSH_FAILED + 1
		       : 0;
}

/* One list of hops, whatever the configuration has. */
static int
take_jump(struct parse *p, const char *arg)
{
	if (p->cfg->proxy_jump)
		return complain("Only a single -J option is permitted (use commas to separate "
				"multiple jump hops)");
	if (p->cfg->proxy_command)
		return complain("Cannot specify -J with ProxyCommand");
	return say(p, "ProxyJump", arg);
}

/* Options that say more when they are said again. */
static int
take_again(struct parse *p, int c)
{
	static const char *const levels[] = { "debug1", "debug2", "debug3" };
	struct qsp_client_config *cfg = p->cfg;
	bool again;

	switch (c) {
	case 'q': return say_number(p, &cfg->log_level, "LogLevel", "quiet");
	case 'v':
		p->verbose += p->verbose < 3;
		return say_number(p, &cfg->log_level, "LogLevel", levels[p->verbose - 1]);
	case 'M':
		again = cfg->control_master == QSP_CLIENT_YES;
		return say_number(p, &cfg->control_master, "ControlMaster", again ? "ask" : "yes");
	case 'T': return say_number(p, &cfg->request_tty, "RequestTTY", "no");
	default:
		again = cfg->request_tty == QSP_CLIENT_YES || cfg->request_tty == QSP_CLIENT_FORCE;
		return say_number(p, &cfg->request_tty, "RequestTTY", again ? "force" : "yes");
	}
}

/* Options that are settings of their own, not keywords. */
static int
take_own(struct parse *p, int c, const char *arg, int which)
{
	switch (c) {
	case 'k':
	case 'x': return 0; /* off is all there is */
	case 'E': p->opt->log_file = arg; return 0;
	case 'F': p->opt->config_file = arg; return 0;
	case 'G': p->opt->print_config = true; return 0;
	case 'O': return take_control(p, arg);
	case 'Q': p->opt->query = arg; return 0;
	case 'W': return take_stdfwd(p, arg);
	case 'M':
	case 'q':
	case 'T':
	case 't':
	case 'v': return take_again(p, c);
	case 'V': p->opt->version = true; return 0;
	case LONG_HELP: return usage(0);
	case LONG_LINK: p->opt->link = arg ? arg : ""; return 0;
	case '?':
	case ':': return usage(QSP_QSSH_FAILED);
	default: return refuse(c, longs[which].name);
	}
}

static int
take(struct parse *p, int c, const char *arg, int which)
{
	struct qsp_client_config *cfg = p->cfg;

	switch (c) {
	case '2': return 0; /* sshfs passes it: the version of ssh's protocol */
	case '4': return say_number(p, &cfg->address_family, "AddressFamily", "inet");
	case '6': return say_number(p, &cfg->address_family, "AddressFamily", "inet6");
	case 'b': return say_text(p, &cfg->bind_address, "BindAddress", arg);
	case 'C': return say(p, "Compression", "yes");
	case 'c': return say_text(p, &cfg->ciphers, "Ciphers", arg);
	case 'e': return say_number(p, &cfg->escape_char, "EscapeChar", arg);
	case 'f':
		return say(p, "ForkAfterAuthentication", "yes") || say(p, "StdinNull", "yes")
			       ? QSP_QSSH_FAILED + 1
			       : 0;
	case 'i': return say(p, "IdentityFile", arg);
	case 'J': return take_jump(p, arg);
	case 'l': return say(p, "User", arg);
	case 'n': return say(p, "StdinNull", "yes");
	case 'N': return say(p, "SessionType", "none");
	case 'o': return say(p, arg, NULL);
	case 'p': return say(p, "Port", arg);
	case 'S': return say_text(p, &cfg->control_path, "ControlPath", arg);
	case 's': return say(p, "SessionType", "subsystem");
	case 'D': return take_forward(p, "DynamicForward", "dynamic", arg);
	case 'A': return say_text(p, &cfg->forward_agent, "ForwardAgent", "yes");
	case 'a': return say_text(p, &cfg->forward_agent, "ForwardAgent", "no");
	case 'g': return say(p, "GatewayPorts", "yes");
	case 'L': return take_forward(p, "LocalForward", "local", arg);
	case 'R': return take_forward(p, "RemoteForward", "remote", arg);
	case LONG_STEALTH: return say(p, "Stealth", arg ? arg : "yes");
	case LONG_PADDING: return say(p, "Padding", arg);
	case LONG_BUDGET: return say(p, "Budget", arg);
	default: return take_own(p, c, arg, which);
	}
}

/* Reads options from argv[*at] on; *stopped where `--` ended them. */
static int
take_options(struct parse *p, int argc, char **argv, int *at, bool *stopped)
{
	int c, which = 0, r = 0;

	optind = 0; /* begin anew, in glibc's way */
	opterr = 1;
	argv += *at - 1; /* getopt starts behind a program's name */
	argc -= *at - 1;
	while (r == 0 && (c = getopt_long(argc, argv, SHORT, longs, &which)) != -1)
		r = take(p, c, optarg, which);
	*stopped = optind > 1 && strcmp(argv[optind - 1], "--") == 0;
	*at += optind - 1;
	return r;
}

/* --- the destination ------------------------------------------------------------------------ */

static int
bad_destination(const char *s)
{
	fprintf(stderr, "qssh: bad destination: %s\n", s);
	return QSP_QSSH_FAILED + 1;
}

/* host, host:port or [v6]:port of a URI, in place. */
static int
take_authority(struct parse *p, char *s)
{
	char *host = s, *port;

	port = s + strcspn(s, "/");
	if (*port && port[1]) /* there is no path on a host to go to */
		return bad_destination(s);
	*port = 0;
	if (host[0] == '[') {
		host++;
		port = strchr(host, ']');
		if (!port)
			return bad_destination(s);
		*port++ = 0;
		if (*port && *port != ':')
			return bad_destination(s);
	} else {
		port = host + strcspn(host, ":");
	}
	if (*port == ':') {
		*port++ = 0;
		if (say(p, "Port", port))
			return QSP_QSSH_FAILED + 1;
	}
	p->opt->host = strdup(host);
	return p->opt->host ? 0 : QSP_QSSH_FAILED + 1;
}

/* A bridge line, with user@ allowed before the host. */
static int
take_bridge(struct parse *p, const char *s)
{
	const char *at = strchr(s, '@'), *end = s + strcspn(s, "?");
	char line[QSP_BRIDGE_LINE_MAX + 1], port[8];
	const char *wrong = "no memory";
	bool has_user = at && at < end;
	int r = 0;

	if (has_user) {
		char *user = strndup(s + 6, (size_t)(at - s) - 6);

		r = user ? say(p, "User", user) : QSP_QSSH_FAILED + 1;
		free(user);
	}
	snprintf(line, sizeof(line), "qsp://%s", has_user ? at + 1 : s + 6);
	if (r == 0 && qsp_bridge_get(qsp_bytes_str(line), &p->opt->bridge, &wrong) != 0) {
		fprintf(stderr, "qssh: malformed bridge line (qsp://host:port?id=...&k=...): %s\n",
			wrong);
		r = QSP_QSSH_FAILED + 1;
	}
	qsp_mem_wipe(line, sizeof(line));
	if (r)
		return r;
	p->opt->is_bridge = true;
	p->opt->host = strdup(p->opt->bridge.host);
	snprintf(port, sizeof(port), "%u", (unsigned)p->opt->bridge.port);
	return p->opt->host ? say(p, "Port", port) : QSP_QSSH_FAILED + 1;
}

/* user@host; the user is what stands before the last @. */
static int
take_destination(struct parse *p, const char *s)
{
	bool uri = strncmp(s, "ssh://", 6) == 0 || strncmp(s, "qssh://", 7) == 0;
	char *copy, *host, *at;
	int r = 0;

	if (strncmp(s, "qsp://", 6) == 0)
		return take_bridge(p, s);
	copy = strdup(uri ? strstr(s, "//") + 2 : s);
	if (!copy)
		return QSP_QSSH_FAILED + 1;
	host = copy;
	at = strrchr(copy, '@');
	if (at) {
		*at = 0;
		host = at + 1;
		r = *copy == 0 || *copy == '-' ? bad_destination(s) : say(p, "User", copy);
	}
	if (r == 0 && (*host == 0 || *host == '-'))
		r = bad_destination(s);
	else if (r == 0 && uri)
		r = take_authority(p, host);
	else if (r == 0 && !(p->opt->host = strdup(host)))
		r = QSP_QSSH_FAILED + 1;
	free(copy);
	return r;
}

/* ps shows the command line to everybody: what is behind the ? of a bridge line goes once it is read. */
static void
hide_bridges(int n, char **argv)
{
	for (int i = 1; i < n; i++) {
		char *line = strstr(argv[i], "qsp://"), *secret = line ? strchr(line, '?') : NULL;

		if (secret)
			qsp_mem_wipe(secret, strlen(secret));
	}
}

int
qsp_qssh_options_parse(int argc, char **argv, struct qsp_qssh_options *opt,
		       struct qsp_client_config *cfg)
{
	struct parse p = { .opt = opt, .cfg = cfg };
	bool stopped = false;
	int at = 1, r;

	memset(opt, 0, sizeof(*opt));
	r = take_options(&p, argc, argv, &at, &stopped);
	if (r == 0 && at < argc && !opt->version && !opt->query) {
		r = take_destination(&p, argv[at++]);
		/* options may also stand behind the host, as ssh has it */
		if (r == 0 && !stopped && at < argc)
			r = take_options(&p, argc, argv, &at, &stopped);
	}
	hide_bridges(at < argc ? at : argc, argv);
	if (r == 0 && at < argc)
		opt->command = argv + at;
	if (r == 0 && !opt->host && !opt->version && !opt->query)
		return usage(QSP_QSSH_FAILED);
	return r;
}

void
qsp_qssh_options_wipe(struct qsp_qssh_options *opt)
{
	free(opt->host);
	qsp_bridge_wipe(&opt->bridge);
	memset(opt, 0, sizeof(*opt));
}
