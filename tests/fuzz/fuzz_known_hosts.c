/* SPDX-License-Identifier: ISC */
/*
 * known_hosts: the first line is the name that is looked for, the rest is the file. Whatever is in
 * it, reading ends, and rewriting keeps every line that it is not about.
 */
#include <stdlib.h>
#include <string.h>

#include "trust/known_hosts.h"
#include "trust/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static unsigned
lines_of(struct qsp_bytes text)
{
	struct qsp_known_hosts_walk w = { .left = text };
	struct qsp_known_hosts_line line;

	while (qsp_known_hosts_next(&w, &line))
		must(!line.wrong == (w.wrong == NULL) && !(line.is_entry && line.wrong));
	return w.number;
}

static void
rewrite(const struct qsp_crypto *cx, struct qsp_bytes text, struct qsp_bytes name)
{
	static const uint8_t secret[QSP_OK_LEN] = { 7 };
	struct qsp_known_hosts_text t, u;
	struct qsp_known_hosts_match m;

	if (qsp_known_hosts_remove(cx, text, name, &t) == 0) {
		must(lines_of(qsp_bytes(t.p, t.n)) == lines_of(text) - t.changed);
		must(qsp_known_hosts_remove(cx, qsp_bytes(t.p, t.n), name, &u) == QSP_E_NOTFOUND);
		qsp_known_hosts_text_free(&t);
	}
	must(qsp_known_hosts_hash(cx, text, &t) == 0);
	must(lines_of(qsp_bytes(t.p, t.n)) >= lines_of(text));
	must(qsp_known_hosts_hash(cx, qsp_bytes(t.p, t.n), &u) == 0 && u.changed == 0);
	qsp_known_hosts_text_free(&t);
	qsp_known_hosts_text_free(&u);
	if (qsp_known_hosts_contact(cx, text, name, &m) != 0)
		return;
	must(qsp_known_hosts_set_secret(cx, text, name, &m.key, secret, &t) == 0);
	must(lines_of(qsp_bytes(t.p, t.n)) == lines_of(text));
	must(qsp_known_hosts_contact(cx, qsp_bytes(t.p, t.n), name, &m) == 0);
	must(m.has_secret);
	qsp_known_hosts_text_free(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct qsp_crypto *cx;
	struct qsp_bytes text = { data, len }, name;
	struct qsp_known_hosts_match m;
	struct qsp_known_hosts_walk w;
	qsp_err e;

	if (!cx)
		must(qsp_crypto_new(NULL, NULL, &cx) == 0);
	if (!qsp_line_next(&text, &name) || name.n >= QSP_KNOWN_HOSTS_NAME_MAX)
		return 0;
	w = (struct qsp_known_hosts_walk){ .left = text };
	while ((e = qsp_known_hosts_find(cx, &w, name, &m)) != QSP_E_NOTFOUND) {
		must(e == 0 || (e == QSP_E_INPUT && w.wrong));
		if (e == 0) {
			struct qsp_known_hosts_match n;
			enum qsp_known_hosts_verdict v;

			must(qsp_known_hosts_check(cx, text, name, &m.key, &v, &n) == 0);
			must(v == QSP_KNOWN_HOSTS_SAME || v == QSP_KNOWN_HOSTS_REVOKED);
			must(v == QSP_KNOWN_HOSTS_REVOKED || !m.revoked);
		}
	}
	rewrite(cx, text, name);
	return 0;
}
