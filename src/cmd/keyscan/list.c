/* SPDX-License-Identifier: ISC */
/* Servers to look at, by name, and what known_hosts has of their secrets. */
#include "cmd/keyscan/keyscan.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "app/confvalue.h"
#include "base/mem.h"

#define FILE_MAX (8u << 20)
#define TARGETS_MAX 65536
#define WORDS " \t\r"

/* The secret that this host sent in an earlier session: without it a server may not answer. */
static void
take_known_secret(struct qsp_keyscan *k, struct qsp_keyscan_target *t)
{
	char name[QSP_KNOWN_HOSTS_NAME_MAX];
	struct qsp_known_hosts_match m;

	if (k->known.n == 0 || qsp_known_hosts_name(t->at.host, t->at.port, name) != 0)
		return;
	if (qsp_known_hosts_contact(k->cx, qsp_file_bytes(&k->known), qsp_bytes_str(name), &m) ==
		    0 &&
	    m.has_secret) {
		memcpy(t->at.secret, m.secret, sizeof(m.secret));
		t->has_secret = true;
	}
	qsp_known_hosts_match_wipe(&m);
}

static bool
is_bridge(const char *s)
{
	return strncasecmp(s, "qsp://", 6) == 0;
}

/* One server: host, host:port, [host]:port, or a bridge line. */
static bool
take_place(struct qsp_keyscan *k, char *place, struct qsp_keyscan_target *t)
{
	const char *wrong;
	int port = k->port;
	char *host;

	if (is_bridge(place)) {
		if (qsp_bridge_get(qsp_bytes_str(place), &t->at, &wrong) != 0) {
			qsp_keyscan_say("malformed bridge line (qsp://host:port?id=...&k=...): %s",
					wrong);
			return false;
		}
		t->has_id = t->has_secret = true;
		return true;
	}
	if (qsp_confvalue_host_port(place, &host, &port) != 0 || port == 0 ||
	    strlen(host) > QSP_BRIDGE_HOST_MAX) {
		qsp_keyscan_say("%s: not a host", place);
		return false;
	}
	memcpy(t->at.host, host, strlen(host) + 1);
	t->at.port = (uint16_t)port;
	take_known_secret(k, t);
	return true;
}

static bool
add_one(struct qsp_keyscan *k, char *place, const char *names)
{
	struct qsp_keyscan_target t = { 0 };

	if (k->n == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 16;
		struct qsp_keyscan_target *more = realloc(k->targets, cap * sizeof(*more));

		if (!more || cap > TARGETS_MAX) {
			qsp_keyscan_say("too many hosts");
			k->targets = more ? more : k->targets;
			return false;
		}
		k->targets = more;
		k->cap = cap;
	}
	if (!take_place(k, place, &t))
		return false;
	if (names && !(t.names = strdup(names))) {
		qsp_keyscan_say("out of memory");
		return false;
	}
	k->targets[k->n++] = t;
	qsp_bridge_wipe(&t.at);
	return true;
}

bool
qsp_keyscan_add(struct qsp_keyscan *k, const char *words)
{
	char *line = strdup(words), *save = NULL, *places, *names, *place, *list = NULL;
	bool ok = line != NULL;

	places = line ? strtok_r(line, WORDS, &save) : NULL;
	names = places ? strtok_r(NULL, WORDS, &save) : NULL;
	if (places && is_bridge(places))
		ok = add_one(k, places, names);
	else
		for (place = places ? strtok_r(places, ",", &list) : NULL; place && ok;
		     place = strtok_r(NULL, ",", &list))
			ok = add_one(k, place, names);
	free(line);
	return ok;
}

bool
qsp_keyscan_add_file(struct qsp_keyscan *k, const char *path)
{
	struct qsp_file_data data = { 0 };
	struct qsp_file_error err;
	bool ok;

	if (strcmp(path, "-") == 0)
		ok = qsp_file_read_fd(STDIN_FILENO, "standard input", FILE_MAX, &data, &err) == 0;
	else
		ok = qsp_file_read(path, FILE_MAX, &data, NULL, &err) == 0;
	if (!ok)
		qsp_keyscan_say("%s", err.text);
	for (char *line, *rest = (char *)data.p; ok && rest && (line = strsep(&rest, "\n"));)
		if (line[strspn(line, WORDS)] != '#')
			ok = qsp_keyscan_add(k, line);
	qsp_file_data_free(&data);
	return ok;
}

void
qsp_keyscan_free_list(struct qsp_keyscan *k)
{
	for (size_t i = 0; i < k->n; i++) {
		qsp_bridge_wipe(&k->targets[i].at);
		free(k->targets[i].names);
	}
	free(k->targets);
	k->targets = NULL;
	k->n = k->cap = 0;
}
