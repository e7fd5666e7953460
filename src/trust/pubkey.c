/* SPDX-License-Identifier: ISC */
/* Public keys as one line of text each [P1.1]. */
#include "trust/pubkey.h"

#include "base/text.h"
#include "trust/line.h"

#define TYPE_NAME_MAX 32

uint8_t
qsp_pubkey_type(struct qsp_bytes word)
{
	char name[TYPE_NAME_MAX];

	if (word.n == 0 || word.n >= sizeof(name) || memchr(word.p, '\0', word.n))
		return 0;
	memcpy(name, word.p, word.n);
	name[word.n] = '\0';
	return qsp_key_type_by_name(name);
}

qsp_err
qsp_pubkey_decode(const struct qsp_crypto *cx, struct qsp_bytes type, struct qsp_bytes base64,
		  struct qsp_key_public *key)
{
	uint8_t blob[QSP_KEY_BLOB_MAX], wanted = qsp_pubkey_type(type);
	size_t n = sizeof(blob);

	if (wanted == 0)
		return QSP_E_UNSUPPORTED;
	/* the type is said twice; both must agree */
	if (qsp_text_unbase64(base64, blob, &n) != 0 || n == 0 || blob[0] != wanted)
		return QSP_E_INPUT;
	return qsp_key_public_parse(cx, qsp_bytes(blob, n), key);
}

qsp_err
qsp_pubkey_get(const struct qsp_crypto *cx, struct qsp_bytes line, struct qsp_key_public *key,
	       struct qsp_bytes *comment)
{
	struct qsp_bytes type, base64;

	if (line.n > QSP_LINE_MAX || (line.n > 0 && memchr(line.p, '\n', line.n)))
		return QSP_E_INPUT;
	type = qsp_line_word(&line);
	base64 = qsp_line_word(&line);
	if (comment)
		*comment = line;
	return type.n > 0 ? qsp_pubkey_decode(cx, type, base64, key) : QSP_E_INPUT;
}

qsp_err
qsp_pubkey_put(const struct qsp_key_public *key, struct qsp_bytes comment, char *out)
{
	const char *type = qsp_key_type_name(key->blob[0]);
	size_t n;

	comment = qsp_line_trim(comment);
	if (!type || comment.n > QSP_PUBKEY_COMMENT_MAX || !qsp_line_is_clean(comment))
		return QSP_E_INPUT;
	n = strlen(type);
	memcpy(out, type, n);
	out[n++] = ' ';
	qsp_text_base64(qsp_bytes(key->blob, key->len), true, out + n);
	n += strlen(out + n);
	if (comment.n > 0) {
		out[n++] = ' ';
		memcpy(out + n, comment.p, comment.n);
		n += comment.n;
	}
	out[n] = '\0';
	return QSP_OK;
}

unsigned
qsp_pubkey_bits(uint8_t type)
{
	switch (type) {
	case QSP_KEY_MLKEM768X25519: return 768;
	case QSP_KEY_MLKEM1024X25519: return 1024;
	case QSP_KEY_ML_DSA_65: return 65;
	case QSP_KEY_ML_DSA_87: return 87;
	default: return 0;
	}
}
