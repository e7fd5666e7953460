/* SPDX-License-Identifier: ISC */
/*
 * Private keys. With a first byte of + they are read with the passphrase "pass", which costs a key
 * derivation; without it only up to there. What reads is written again and is the same key.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct qsp_crypto *cx;
	struct qsp_bytes text = { data, len }, pass = QSP_BYTES_NONE;
	struct qsp_key *key = NULL, *back = NULL;
	char out[QSP_PEM_MAX];
	size_t n = sizeof(out);

	if (!cx)
		must(qsp_crypto_new(NULL, NULL, &cx) == 0);
	if (len > 0 && data[0] == '+') {
		text = qsp_bytes_from(text, 1);
		pass = qsp_bytes_str("pass");
	}
	if (qsp_pem_get(cx, text, pass, NULL, &key) != 0) {
		must(!key);
		return 0;
	}
	must(qsp_pem_put(cx, key, QSP_BYTES_NONE, out, &n) == 0);
	must(qsp_pem_get(cx, qsp_bytes(out, n), QSP_BYTES_NONE, qsp_key_get_public(key), &back) ==
	     0);
	qsp_key_free(key);
	qsp_key_free(back);
	return 0;
}
