/* SPDX-License-Identifier: ISC */
/*
 * What an administrator does with the obfuscation secret [P3, P4.6]: prints the bridge lines that hold
 * it, and rotates it. These run by themselves, beside a server that may be running; it learns of
 * a rotation by SIGHUP. Bridge lines are never written into the log: it has more readers.
 */
#include "cmd/qsshd/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/confvalue.h"
#include "base/mem.h"
#include "crypto/pem.h"
#include "crypto/rand.h"
#include "sys/file.h"
#include "sys/sandbox.h"
#include "trust/bridge.h"
#include "trust/known_hosts.h"
#include "trust/secrets.h"

#define PATH_MAX_LEN 4200
#define DAY_S (24 * 60 * 60)

static int __attribute__((format(printf, 1, 2))) fail(const char *fmt, ...)
{
	va_list ap;

	fputs("qsshd: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

/* The secrets as the file has them; 0, or the exit status. */
static int
read_secrets(const struct qsp_qsshd_config *c, char path[PATH_MAX_LEN], struct qsp_secrets *out)
{
	struct qsp_file_data data = { 0 };
	struct qsp_file_error err;
	const char *wrong = NULL;
	unsigned line;
	qsp_err e;

	snprintf(path, PATH_MAX_LEN, "%s.secret", c->host_key.v[0]);
	e = qsp_file_read(path, QSP_SECRETS_FILE_MAX, &data, NULL, &err);
	if (e)
		return fail("%s%s", err.text,
			    e == QSP_E_NOTFOUND ? " (the first start of the server makes it)" : "");
	e = qsp_secrets_get(qsp_file_bytes(&data), out, &line, &wrong);
	qsp_file_data_free(&data);
	return e ? fail("%s line %u: %s", path, line, wrong) : 0;
}

/* --- -B ------------------------------------------------------------------------------------- */

static int
print_line(struct qsp_bridge *b, const struct qsp_key *key)
{
	char line[QSP_BRIDGE_LINE_MAX];
	qsp_err e;

	memcpy(b->id, qsp_key_get_public(key)->id, sizeof(b->id));
	e = qsp_bridge_put(b, line);
	if (e == 0)
		puts(line);
	qsp_mem_wipe(line, sizeof(line));
	return e ? fail("-B %s: no name of a host", b->host) : 0;
}

/* A line for each host key. */
static int
print_lines(const struct qsp_qsshd_config *c, const struct qsp_crypto *cx, struct qsp_bridge *b)
{
	int status = 0;

	for (size_t i = 0; i < c->host_key.n && status == 0; i++) {
		struct qsp_file_data data = { 0 };
		struct qsp_file_error err;
		struct qsp_key *key = NULL;
		qsp_err e = qsp_file_read(c->host_key.v[i], QSP_PEM_MAX, &data, NULL, &err);

		if (e)
			status = fail("Host key %s", err.text);
		else if ((e = qsp_pem_get(cx, qsp_file_bytes(&data), QSP_BYTES_NONE, NULL, &key)) !=
			 0)
			status = fail("Host key %s: %s", c->host_key.v[i], qsp_err_text(e));
		else
			status = print_line(b, key);
		qsp_key_free(key);
		qsp_file_data_free(&data);
	}
	return status;
}

/* The first port that the server listens on; -1 where the configuration has none. */
static int
first_port(const struct qsp_qsshd_config *c)
{
	char copy[QSP_CONFLINE_MAX], *host;
	uint64_t v;
	int port = -1;

	if (c->listen.n > 0) {
		(void)snprintf(copy, sizeof(copy), "%s", c->listen.v[0]);
		if (qsp_confvalue_host_port(copy, &host, &port) == 0 && port >= 0)
			return port;
	}
	if (c->port.n > 0 && qsp_confvalue_number(c->port.v[0], 0, UINT16_MAX, &v) == 0)
		port = (int)v;
	return port;
}

/* NAME or NAME:PORT. */
static int
take_name(const struct qsp_qsshd_config *c, const char *name, struct qsp_bridge *b)
{
	char copy[QSP_BRIDGE_HOST_MAX + 16], *host;
	int port = first_port(c);

	if (strlen(name) >= sizeof(copy))
		return fail("-B: the name is too long");
	memcpy(copy, name, strlen(name) + 1);
	if (qsp_confvalue_host_port(copy, &host, &port) != 0 || strlen(host) > QSP_BRIDGE_HOST_MAX)
		return fail("-B %s: a name, or a name with a port is wanted", name);
	if (port <= 0)
		return fail("-B %s: the configuration says port 0: name one, as in %s:8022", name,
			    name);
	memcpy(b->host, host, strlen(host) + 1);
	b->port = (uint16_t)port;
	return 0;
}

int
qsp_server_bridge(const struct qsp_qsshd_config *c, const char *name)
{
	char path[PATH_MAX_LEN];
	struct qsp_crypto *cx = NULL;
	struct qsp_secrets secrets = { 0 };
	struct qsp_bridge b = { 0 };
	int status;

	qsp_sandbox_hide(false);
	status = take_name(c, name, &b);
	if (status == 0)
		status = read_secrets(c, path, &secrets);
	if (status == 0) {
		memcpy(b.secret, qsp_secrets_current(&secrets)->key, sizeof(b.secret));
		status = qsp_crypto_new(NULL, NULL, &cx) == 0 ? print_lines(c, cx, &b)
							      : fail("cannot set up cryptography");
	}
	if (fflush(stdout) != 0 && status == 0)
		status = fail("cannot write to standard output");
	qsp_crypto_free(cx);
	qsp_secrets_wipe(&secrets);
	qsp_bridge_wipe(&b);
	return status;
}

/* --- -R ------------------------------------------------------------------------------------- */

static int
write_secrets(const char *path, const struct qsp_secrets *secrets)
{
	char text[QSP_SECRETS_TEXT_MAX];
	struct qsp_file_error err = { .text = "too much text" };
	qsp_err e = qsp_secrets_put(secrets, text);

	if (e == 0)
		e = qsp_file_replace(path, qsp_bytes_str(text), 0600, &err);
	qsp_mem_wipe(text, sizeof(text));
	return e ? fail("nothing was changed: %s", err.text) : 0;
}

int
qsp_server_rotate(const struct qsp_qsshd_config *c)
{
	char path[PATH_MAX_LEN], until[QSP_SECRETS_DATE_MAX];
	struct qsp_crypto *cx = NULL;
	struct qsp_secrets secrets = { 0 };
	uint8_t fresh[QSP_OK_LEN];
	uint32_t day = (uint32_t)(time(NULL) / DAY_S);
	int status;

	qsp_sandbox_hide(false);
	status = read_secrets(c, path, &secrets);
	if (status == 0 &&
	    (qsp_crypto_new(NULL, NULL, &cx) != 0 || qsp_rand_bytes(cx, fresh, sizeof(fresh)) != 0))
		status = fail("cannot set up cryptography");
	if (status == 0) {
		qsp_secrets_rotate(&secrets, fresh, day);
		status = write_secrets(path, &secrets);
	}
	if (status == 0) {
		qsp_secrets_date(day + (uint32_t)((c->secret_overlap_s + DAY_S - 1) / DAY_S),
				 until);
		fprintf(stderr,
			"qsshd: a new obfuscation secret is in %s.\nThe one before counts until "
			"%s, and "
			"from then on for clients that know the host key.\nBridge lines (qsshd -B) "
			"are "
			"new; a running server learns of it by SIGHUP.\n",
			path, until);
	}
	qsp_crypto_free(cx);
	qsp_mem_wipe(fresh, sizeof(fresh));
	qsp_secrets_wipe(&secrets);
	return status;
}
