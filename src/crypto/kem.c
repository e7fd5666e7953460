/* SPDX-License-Identifier: ISC */
/* The parameter sets of ML-KEM (FIPS 203, table 2) under their kem ids [P1.1]. */
#include "crypto/kem.h"

#include "crypto/rand.h"

#define Q 3329

static const struct qsp_kem kems[] = {
	{
		.id = 1,
		.name = "mlkem768x25519",
		.alias = "kyber768",
		.hash = QSP_HASH_SHA256,
		.k = 3,
		.du = 10,
		.dv = 4,
		.ek_len = 1184,
		.ct_len = 1088,
		.slot_len = 1536,
	},
	{
		.id = 2,
		.name = "mlkem1024x25519",
		.alias = "kyber1024",
		.hash = QSP_HASH_SHA384,
		.k = 4,
		.du = 11,
		.dv = 5,
		.ek_len = 1568,
		.ct_len = 1568,
		.slot_len = 1920,
	},
};

const struct qsp_kem *
qsp_kem_by_id(uint8_t id)
{
	for (size_t i = 0; i < sizeof(kems) / sizeof(*kems); i++)
		if (kems[i].id == id)
			return &kems[i];
	return NULL;
}

/* Coefficients are pairs of 12 bits, little-endian, in front of the 32 bytes of rho. */
qsp_err
qsp_kem_check_ek(const struct qsp_kem *kem, const uint8_t *ek)
{
	for (size_t i = 0; i + 32 < kem->ek_len; i += 3) {
		unsigned low = ek[i] | (ek[i + 1] & 15u) << 8;
		unsigned high = ek[i + 1] >> 4 | (unsigned)ek[i + 2] << 4;

		if (low >= Q || high >= Q)
			return QSP_E_INPUT;
	}
	return QSP_OK;
}

qsp_err
qsp_kem_encaps_fresh(const struct qsp_crypto *cx, const struct qsp_kem *kem, const uint8_t *ek,
		     uint8_t *ct, uint8_t ss[static QSP_KEM_SS_LEN])
{
	uint8_t random[QSP_KEM_RANDOM_LEN];
	qsp_err e = qsp_rand_bytes(cx, random, sizeof(random));

	if (!e)
		e = qsp_kem_encaps(cx, kem, ek, random, ct, ss);
	qsp_mem_wipe(random, sizeof(random));
	return e;
}
