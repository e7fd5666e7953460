/* SPDX-License-Identifier: ISC */
/* Lines for known_hosts, and beside them, as comments, what else is good to know. */
#include "cmd/keyscan/keyscan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

void
qsp_keyscan_say(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("qssh-keyscan: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* A secret in a line opens the door for whoever wants to probe: the user is told, at the end. */
static void
print_entry(struct qsp_keyscan *k, const struct qsp_keyscan_target *t, const char *host,
	    const struct qsp_key_public *key)
{
	char name[QSP_KNOWN_HOSTS_NAME_MAX];
	struct qsp_known_hosts_entry entry = { .name = name,
					       .key = key,
					       .secret = t->has_secret ? t->at.secret : NULL,
					       .hash = k->hash };
	struct qsp_known_hosts_text line = { 0 };

	if (qsp_known_hosts_name(host, t->at.port, name) != 0 ||
	    qsp_known_hosts_add(k->cx, QSP_BYTES_NONE, &entry, &line) != 0) {
		qsp_keyscan_say("%s: not a name that known_hosts can hold", host);
		return;
	}
	fwrite(line.p, 1, line.n, stdout);
	qsp_known_hosts_text_free(&line);
}

static void
print_entries(struct qsp_keyscan *k, const struct qsp_keyscan_target *t,
	      const struct qsp_key_public *key)
{
	char *names = strdup(t->names ? t->names : t->at.host), *save = NULL;

	for (char *name = names ? strtok_r(names, ",", &save) : NULL; name;
	     name = strtok_r(NULL, ",", &save))
		print_entry(k, t, name, key);
	free(names);
}

static void
print_bridge(struct qsp_keyscan *k, const struct qsp_keyscan_target *t,
	     const struct qsp_key_public *key, const char *before)
{
	struct qsp_bridge b = t->at;
	char line[QSP_BRIDGE_LINE_MAX];

	memcpy(b.id, key->id, sizeof(b.id));
	if (qsp_bridge_put(&b, line) == 0)
		printf("%s%s\n", before, line);
	else
		qsp_keyscan_say("%s: not a name that a bridge line can hold", b.host);
	qsp_mem_wipe(line, sizeof(line));
	qsp_bridge_wipe(&b);
	k->told_secret = true;
}

void
qsp_keyscan_print(struct qsp_keyscan *k, const struct qsp_keyscan_target *t,
		  const struct qsp_key_public *key)
{
	char print[QSP_KEY_PRINT_MAX], id[2 * QSP_KEY_ID_LEN + 1];

	if (k->bridges) {
		if (t->has_secret)
			print_bridge(k, t, key, "");
		else
			qsp_keyscan_say("%s port %u: no bridge line: its obfuscation secret is not "
					"known here; it comes with a login, or from its owner",
					t->at.host, (unsigned)t->at.port);
		return;
	}
	qsp_key_print(key->id, print);
	qsp_text_hex(qsp_bytes(key->id, QSP_KEY_ID_LEN), id);
	if (!k->quiet)
		printf("# %s port %u: %s, id %s\n", t->at.host, (unsigned)t->at.port, print, id);
	if (!k->quiet && t->has_secret)
		print_bridge(k, t, key, "# ");
	print_entries(k, t, key);
	k->told_secret = k->told_secret || t->has_secret;
}
