/* SPDX-License-Identifier: ISC */
/* Challenges and proofs of a KEM login, for a process without an engine [P4.5]. */
#include "proto/proof.h"

#include "base/ct.h"
#include "crypto/sig.h"
#include "crypto/x25519.h"

qsp_err
qsp_proof_challenge(const struct qsp_crypto *cx, const struct qsp_key_public *key, uint8_t *ct,
		    size_t *ct_len, struct qsp_key32 *ss)
{
	const struct qsp_kem *kem = qsp_kem_by_id(key->blob[0]);

	if (!kem)
		return QSP_E_INPUT;
	*ct_len = kem->ct_len;
	return qsp_kem_encaps_fresh(cx, kem, key->blob + 1 + QSP_X25519_LEN, ct, ss->b);
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

struct qsp_bytes
qsp_proof_signed(struct qsp_bytes h, uint8_t *out)
{
	static const char label[] = "QSP/1 client authentication";
	size_t n = sizeof(label) - 1;

	memcpy(out, label, n);
	if (h.n > 0)
		memcpy(out + n, h.p, h.n);
	return qsp_bytes(out, n + h.n);
}

qsp_err
qsp_proof_check_signature(const struct qsp_crypto *cx, const struct qsp_key_public *key,
			  struct qsp_bytes h, struct qsp_bytes signature)
{
	const struct qsp_sig *s = qsp_sig_by_type(key->blob[0]);
	uint8_t message[QSP_PROOF_SIGNED_MAX];

	if (!s || key->len != 1u + s->public_len || h.n > QSP_HASH_MAX)
		return QSP_E_INPUT;
	return qsp_sig_verify(cx, s, qsp_bytes(key->blob + 1, s->public_len),
			      qsp_proof_signed(h, message), signature);
}
