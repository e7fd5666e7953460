/* SPDX-License-Identifier: ISC */
/* The parameter sets of ML-DSA (FIPS 204, table 2) under their key types [P1.1]. */
#include "crypto/sig.h"

static const struct qsp_sig sigs[] = {
	{ .key_type = 16,
	  .name = "ml-dsa-65",
	  .alias = "dilithium3",
	  .public_len = 1952,
	  .sig_len = 3309 },
	{ .key_type = 17,
	  .name = "ml-dsa-87",
	  .alias = "dilithium5",
	  .public_len = 2592,
	  .sig_len = 4627 },
};

const struct qsp_sig *
qsp_sig_by_type(uint8_t key_type)
{
	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++)
		if (sigs[i].key_type == key_type)
			return &sigs[i];
	return NULL;
}
