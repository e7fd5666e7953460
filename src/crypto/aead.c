/* SPDX-License-Identifier: ISC */
/* The record ciphers [P1.1]. A faster implementation of one is another pair of functions here. */
#include "crypto/backend.h"

static const struct qsp_aead aeads[] = {
	{
		.id = 1,
		.name = "aes256-gcm",
		.tag_len = 16,
		.seal = qsp_openssl_aead_seal,
		.open = qsp_openssl_aead_open,
	},
	{
		.id = 2,
		.name = "aes256-ctr-hmac-sha3-256",
		.tag_len = 32,
		.has_mac = true,
		.seal = qsp_openssl_etm_seal,
		.open = qsp_openssl_etm_open,
	},
	{
		.id = 3,
		.name = "chacha20-poly1305",
		.tag_len = 16,
		.seal = qsp_openssl_aead_seal,
		.open = qsp_openssl_aead_open,
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
