/* SPDX-License-Identifier: ISC */
/* What a word of the command line names. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/qscp/qscp.h"
#include "trust/bridge.h"

/* The colon behind the host, as scp finds it: none where a slash comes first, or it comes first. */
static const char *
find_colon(const char *s)
{
	bool bracket = *s == '[';

	if (*s == ':')
		return NULL;
	for (; *s; s++) {
		if (*s == '@' && s[1] == '[')
			bracket = true;
		if (*s == ']' && s[1] == ':' && bracket)
			return s + 1;
		if (*s == ':' && !bracket)
			return s;
		if (*s == '/')
			return NULL;
	}
	return NULL;
}

static bool
complain(const char *word, const char *why)
{
	char name[QSP_SFTP_PATH_MAX];

	qsp_qscp_say_printable(word, name, sizeof(name));
	fprintf(stderr, "qscp: %s: %s\n", name, why);
	return false;
}

/* A host of [..] or bare, and perhaps user@ in front of it: text[0..n). */
static bool
take_host(const char *word, const char *text, size_t n, struct qsp_qscp_place *out)
{
	const char *at = memrchr(text, '@', n);

	if (at != NULL) {
		out->user = strndup(text, (size_t)(at - text));
		n -= (size_t)(at + 1 - text);
		text = at + 1;
	}
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	out->host = qsp_qscp_say_memory(strndup(text, n));
	if (n == 0 || *text == '-' || (out->user != NULL && out->user[0] == 0))
		return complain(word, "no host is named so");
	for (const char *p = out->host; *p; p++) {
		if (iscntrl((unsigned char)*p) || *p == ' ')
			return complain(word, "no host is named so");
	}
	return true;
}

static int
hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static char *
unescape(const char *s)
{
	char *out = qsp_qscp_say_memory(malloc(strlen(s) + 1)), *p = out;

	for (; *s; s++) {
		if (*s != '%') {
			*p++ = *s;
			continue;
		}
		if (!isxdigit((unsigned char)s[1]) || !isxdigit((unsigned char)s[2]) ||
		    (s[1] == '0' && s[2] == '0')) {
			free(out);
			return NULL;
		}
		*p++ = (char)(hex(s[1]) << 4 | hex(s[2]));
		s += 2;
	}
	*p = 0;
	return out;
}

/* //[user@]host[:port][/path]: the path begins at the home folder, as scp's. */
static bool
take_uri(const char *word, const char *rest, struct qsp_qscp_place *out)
{
	size_t n = strcspn(rest, "/");
	const char *path = rest[n] ? rest + n + 1 : "", *colon = NULL;

	for (size_t i = 0; i < n; i++) {
		if (rest[i] == ']' || rest[i] == '@')
			colon = NULL;
		else if (rest[i] == ':' && colon == NULL)
			colon = rest + i;
	}
	out->remote = true;
	if (colon != NULL) {
		out->port = strndup(colon + 1, n - (size_t)(colon + 1 - rest));
		n = (size_t)(colon - rest);
		if (out->port == NULL || strspn(out->port, "0123456789") != strlen(out->port) ||
		    strtol(out->port, NULL, 10) < 1 || strtol(out->port, NULL, 10) > 65535)
			return complain(word, "not a port");
	}
	out->path = unescape(path);
	if (out->path == NULL)
		return complain(word, "a % that nothing follows");
	return take_host(word, rest, n, out);
}

/* //[user@]host[:port][/path]?id=..&k=..: qssh gets it all but for the path. */
static bool
take_bridge(const char *word, struct qsp_qscp_place *out)
{
	size_t n = strcspn(word + 6, "/?");
	const char *query = strchr(word, '?'), *host = memrchr(word + 6, '@', n), *wrong;
	struct qsp_bridge b;
	char *rest;
	bool ok;

	host = host ? host + 1 : word + 6;
	if (asprintf(&out->bridge, "qsp://%.*s%s", (int)(word + 6 + n - host), host, query) < 0)
		out->bridge = NULL;
	out->bridge = qsp_qscp_say_memory(out->bridge);
	if (qsp_bridge_get(qsp_bytes_str(out->bridge), &b, &wrong) != 0)
		return complain("bridge line", wrong);
	qsp_bridge_wipe(&b);
	rest = qsp_qscp_say_memory(strndup(word + 6, (size_t)(query - word) - 6));
	ok = take_uri(word, rest, out);
	free(rest);
	free(out->port); /* qssh takes it from the line */
	out->port = NULL;
	return ok;
}

char *
qsp_qscp_place_hide(char *word)
{
	char *query = strncmp(word, "qsp://", 6) == 0 ? strchr(word, '?') : NULL, *copy = word;

	if (query != NULL) {
		copy = qsp_qscp_say_memory(strdup(word));
		qsp_mem_wipe(query, strlen(query));
	}
	return copy;
}

bool
qsp_qscp_place_parse(const char *word, struct qsp_qscp_place *out)
{
	const char *colon;

	memset(out, 0, sizeof(*out));
	if (strncmp(word, "qsp://", 6) == 0 && strchr(word, '?') != NULL)
		return take_bridge(word, out);
	if (strncmp(word, "qsp://", 6) == 0 || strncmp(word, "scp://", 6) == 0)
		return take_uri(word, word + 6, out);
	colon = find_colon(word);
	out->remote = colon != NULL;
	out->path = qsp_qscp_say_memory(strdup(colon ? colon + 1 : word));
	if (!out->remote)
		return *word != 0 || complain(word, "empty name");
	return take_host(word, word, (size_t)(colon - word), out);
}

void
qsp_qscp_place_free(struct qsp_qscp_place *p)
{
	free(p->user);
	free(p->host);
	free(p->port);
	free(p->path);
	free(p->bridge);
	memset(p, 0, sizeof(*p));
}

const char *
qsp_qscp_place_base(const char *path)
{
	static char base[QSP_SFTP_PATH_MAX];
	size_t n = strlen(path), start;

	while (n > 0 && path[n - 1] == '/')
		n--;
	start = n;
	while (start > 0 && path[start - 1] != '/')
		start--;
	(void)snprintf(base, sizeof(base), "%.*s", (int)(n - start), path + start);
	return strcmp(base, ".") == 0 || strcmp(base, "..") == 0 ? "" : base;
}

char *
qsp_qscp_place_join(const char *folder, const char *name)
{
	size_t n = strlen(folder);
	char *out;

	if (*name == 0)
		return qsp_qscp_say_memory(strdup(folder));
	if (asprintf(&out, "%s%s%s", folder, n > 0 && folder[n - 1] != '/' ? "/" : "", name) < 0)
		out = NULL;
	return qsp_qscp_say_memory(out);
}
