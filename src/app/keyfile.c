/* SPDX-License-Identifier: ISC */
/* Reading keys from files. */
#include "app/keyfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/pem.h"

#define BAR "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"

qsp_err
qsp_keyfile_private(const char *path, struct qsp_file_data *out, char err[QSP_KEYFILE_ERROR_MAX])
{
	struct qsp_file_facts facts;
	struct qsp_file_error why;
	qsp_err e = qsp_file_read(path, QSP_PEM_MAX, out, &facts, &why);

	if (e) {
		snprintf(err, QSP_KEYFILE_ERROR_MAX, "Load key \"%.500s\": %s", path, why.text);
		return e == QSP_E_NOTFOUND ? e : QSP_E_IO;
	}
	if (qsp_file_is_private(&facts))
		return QSP_OK;
	snprintf(err, QSP_KEYFILE_ERROR_MAX,
		 BAR "\n"
		     "@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\n" BAR "\n"
		     "Permissions 0%3.3o for '%.500s' are too open.\n"
		     "It is required that your private key files are NOT accessible by others.\n"
		     "This private key will be ignored.\n"
		     "Load key \"%.500s\": bad permissions",
		 (unsigned)(facts.mode & 0777), path, path);
	qsp_file_data_free(out);
	return QSP_E_POLICY;
}

qsp_err
qsp_keyfile_public(const struct qsp_crypto *cx, const char *path, struct qsp_key_public *out,
		   char *comment)
{
	struct qsp_file_data text;
	struct qsp_file_error why;
	struct qsp_bytes line, said = QSP_BYTES_NONE;
	const uint8_t *end;
	qsp_err e = qsp_file_read(path, QSP_PEM_MAX, &text, NULL, &why);

	if (e)
		return e == QSP_E_ROOM ? QSP_E_INPUT : e;
	end = text.n > 0 ? memchr(text.p, '\n', text.n) : NULL;
	line = qsp_bytes(text.p, end ? (size_t)(end - text.p) : text.n);
	if (qsp_pubkey_get(cx, line, out, &said) != 0)
		e = QSP_E_INPUT;
	if (comment) {
		size_t n = e || said.n > QSP_PUBKEY_COMMENT_MAX ? 0 : said.n;

		if (n > 0)
			memcpy(comment, said.p, n);
		comment[n] = 0;
	}
	qsp_file_data_free(&text);
	return e;
}

qsp_err
qsp_keyfile_public_of(const struct qsp_crypto *cx, const char *path, struct qsp_key_public *out,
		      char *comment)
{
	char *name = NULL;
	qsp_err e;

	if (asprintf(&name, "%s.pub", path) < 0)
		return QSP_E_NOMEM;
	e = qsp_keyfile_public(cx, name, out, comment);
	free(name);
	return e;
}
