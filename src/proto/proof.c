/* SPDX-License-Identifier: ISC */
/* Challenges and proofs of a KEM login, for a process without an engine [P4.5]. */
#include "proto/proof.h"

#include "base/ct.h"
#include "crypto/rand.h"
#include "crypto/x25519.h"

qsp_err
qsp_proof_challenge(const struct qsp_crypto *cx, const struct qsp_key_public *key, uint8_t *ct,
		    size_t *ct_len, struct qsp_key32 *ss)
{
	const struct qsp_kem *kem = qsp_kem_by_id(key->blob[0]);
	QSP_WIPED(qsp_key32) random = { { 0 } };
	qsp_err e;

	if (!kem)
		return QSP_E_INPUT;
	*ct_len = kem->ct_len;
	if ((e = qsp_rand_bytes(cx, random.b, QSP_KEM_RANDOM_LEN)) != 0)
		return e;
	return qsp_kem_encaps(cx, kem, key->blob + 1 + QSP_X25519_LEN, random.b, ct, ss->b);
}

qsp_err
qsp_proof_check(const struct qsp_crypto *cx, uint8_t kem, struct qsp_bytes ck, struct qsp_bytes h,
		const struct qsp_key32 *ss, struct qsp_bytes proof, struct qsp_ck *next)
{
	QSP_WIPED(qsp_transcript) t = { .cx = cx, .kem = qsp_kem_by_id(kem) };
	uint8_t mac[QSP_HASH_MAX];

	qsp_ck_wipe(next);
	if (!t.kem)
		return QSP_E_INPUT;
	t.len = (uint8_t)qsp_hash_len(t.kem->hash);
	if (ck.n != t.len || h.n != t.len)
		return QSP_E_INPUT;
	memcpy(t.ck.b, ck.p, t.len);
	memcpy(t.h, h.p, t.len);
	qsp_transcript_mix_key(&t, ss->b);
	qsp_transcript_mac(&t, "fin c", mac);
	if (t.err)
		return t.err;
	if (proof.n != t.len || !qsp_ct_equal(mac, proof.p, t.len))
		return QSP_E_INPUT;
	*next = t.ck;
	return QSP_OK;
}
