/* SPDX-License-Identifier: ISC */
/* The record ciphers [P1.1], and for each the implementation that is chosen for a context. */
#include "crypto/backend.h"

static qsp_err
seal(struct qsp_aead_ctx *x, const uint8_t nonce[static QSP_AEAD_NONCE_LEN], struct qsp_bytes aad,
     const uint8_t *pt, size_t n, uint8_t *ct, uint8_t *tag)
{
	return x->ops->seal(x, nonce, aad, pt, n, ct, tag);
}

static qsp_err
open(struct qsp_aead_ctx *x, const uint8_t nonce[static QSP_AEAD_NONCE_LEN], struct qsp_bytes aad,
     const uint8_t *ct, size_t n, const uint8_t *tag, uint8_t *pt)
{
	return x->ops->open(x, nonce, aad, ct, n, tag, pt);
}

static const struct qsp_aead aeads[] = {
	{
		.id = 1,
		.name = "aes256-gcm",
		.tag_len = 16,
		.seal = seal,
		.open = open,
	},
	{
		.id = 2,
		.name = "aes256-ctr-hmac-sha3-256",
		.tag_len = 32,
		.has_mac = true,
		.seal = seal,
		.open = open,
	},
	{
		.id = 3,
		.name = "chacha20-poly1305",
		.tag_len = 16,
		.seal = seal,
		.open = open,
	},
};

const struct qsp_aead *
qsp_aead_by_id(uint8_t id)
{
	for (size_t i = 0; i < sizeof(aeads) / sizeof(*aeads); i++)
		if (aeads[i].id == id)
			return &aeads[i];
	return NULL;
}

const struct qsp_aead *
qsp_aead_by_name(struct qsp_bytes name)
{
	for (size_t i = 0; i < sizeof(aeads) / sizeof(*aeads); i++)
		if (qsp_bytes_is(name, aeads[i].name))
			return &aeads[i];
	return NULL;
}

qsp_err
qsp_aead_ctx_new(const struct qsp_crypto *cx, const struct qsp_aead *a, bool sealing,
		 struct qsp_aead_ctx **out)
{
	qsp_err e = qsp_ipsecmb_aead_new(qsp_openssl_ipsecmb(cx), a, sealing, out);

	return e == QSP_E_UNSUPPORTED ? qsp_openssl_aead_new(cx, a, sealing, out) : e;
}

qsp_err
qsp_aead_ctx_key(struct qsp_aead_ctx *x, const struct qsp_aead_keys *keys)
{
	return x->ops->key(x, keys);
}

void
qsp_aead_ctx_free(struct qsp_aead_ctx *x)
{
	if (x)
		x->ops->free(x);
}
