/* SPDX-License-Identifier: ISC */
/* HKDF as RFC 5869 writes it, over qsp_hash_hmac. */
#include "crypto/kdf.h"

#include "base/mem.h"

qsp_err
qsp_kdf_extract(const struct qsp_crypto *cx, enum qsp_hash_id id, struct qsp_bytes salt,
		const struct qsp_bytes *ikm, size_t n_ikm, uint8_t *out)
{
	return qsp_hash_hmac(cx, id, salt, ikm, n_ikm, out);
}

/* T(i) = HMAC(PRK, T(i-1) || info || i), straight into out while whole ones fit */
qsp_err
qsp_kdf_expand(const struct qsp_crypto *cx, enum qsp_hash_id id, struct qsp_bytes prk,
	       const struct qsp_bytes *info, size_t n_info, uint8_t *out, size_t n)
{
	size_t len = qsp_hash_len(id), done = 0;
	uint8_t last[QSP_HASH_MAX], i = 1;
	QSP_UNSET struct qsp_bytes parts[1 + QSP_KDF_INFO_MAX + 1];
	qsp_err e = QSP_OK;

	if (n > 255 * len || n_info > QSP_KDF_INFO_MAX)
		return QSP_E_INPUT;
	parts[0] = QSP_BYTES_NONE;
	for (size_t k = 0; k < n_info; k++)
		parts[1 + k] = info[k];
	parts[1 + n_info] = qsp_bytes(&i, 1);
	for (; !e && n - done >= len; done += len, i++) {
		e = qsp_hash_hmac(cx, id, prk, parts, n_info + 2, out + done);
		parts[0] = qsp_bytes(out + done, len);
	}
	if (!e && done < n) {
		e = qsp_hash_hmac(cx, id, prk, parts, n_info + 2, last);
		memcpy(out + done, last, n - done);
		qsp_mem_wipe(last, sizeof(last));
	}
	if (e)
		qsp_mem_wipe(out, n);
	return e;
}
