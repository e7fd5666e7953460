/* SPDX-License-Identifier: ISC */
/* The key schedule outside the handshake transcript: who is derived from what, under which label. */
#include "proto/schedule.h"

#include "crypto/kdf.h"

/* out = HKDF-Expand(HKDF-Extract(salt, ikm), info): the shape of both keys of P3. */
static qsp_err
extract_expand(const struct qsp_crypto *cx, const char *salt, const struct qsp_bytes *ikm,
	       size_t n_ikm, const struct qsp_bytes *info, size_t n_info, uint8_t out[static 32])
{
	QSP_WIPED(qsp_key32) prk = { { 0 } };
	qsp_err e;

	e = qsp_kdf_extract(cx, QSP_HASH_SHA256, qsp_bytes_str(salt), ikm, n_ikm, prk.b);
	if (!e)
		e = qsp_kdf_expand(cx, QSP_HASH_SHA256, QSP_BYTES_OF(prk.b), info, n_info, out, 32);
	if (e)
		qsp_mem_wipe(out, 32);
	return e;
}

/* [P3] class Q */
qsp_err
qsp_schedule_ok_psk(const struct qsp_crypto *cx, const uint8_t psk[static 32],
		    uint8_t ok[static 32])
{
	struct qsp_bytes ikm = { psk, 32 }, info = qsp_bytes_str("ok");

	return extract_expand(cx, "QSP ok psk", &ikm, 1, &info, 1, ok);
}

/* [P3] class N */
qsp_err
qsp_schedule_ok_first_contact(const struct qsp_crypto *cx, uint8_t ok[static 32])
{
	return qsp_hash_one(cx, QSP_HASH_SHA256, qsp_bytes_str("QSP first contact"), ok);
}

/* [P3] */
qsp_err
qsp_schedule_mark_key(const struct qsp_crypto *cx, const uint8_t ok[static 32], const uint8_t *dh,
		      uint8_t layout, uint8_t kem, struct qsp_key32 *key)
{
	struct qsp_bytes ikm[] = { { ok, 32 }, { dh, dh ? 32 : 0 } };
	struct qsp_bytes info[] = { qsp_bytes_str("mark"), { &layout, 1 }, { &kem, 1 } };

	return extract_expand(cx, "QSP mark", ikm, 2, info, 3, key->b);
}

/* [P3] */
qsp_err
qsp_schedule_mark(const struct qsp_crypto *cx, const struct qsp_key32 *key,
		  const uint8_t r_c[static 32], uint32_t hour, uint8_t mark[static QSP_MARK_LEN])
{
	uint8_t be[4], mac[QSP_HASH_MAX];
	struct qsp_bytes parts[] = { { r_c, 32 }, { be, 4 } };
	qsp_err e;

	qsp_bytes_put32(be, hour);
	e = qsp_hash_hmac(cx, QSP_HASH_SHA256, QSP_BYTES_OF(key->b), parts, 2, mac);
	memcpy(mark, mac, QSP_MARK_LEN);
	return e;
}

static struct qsp_bytes
secret_bytes(const struct qsp_kem *kem, const struct qsp_es *es)
{
	return qsp_bytes(es->b, qsp_hash_len(kem->hash));
}

/* [P5] */
qsp_err
qsp_schedule_keys(const struct qsp_crypto *cx, const struct qsp_kem *kem,
		  const struct qsp_aead *aead, const struct qsp_es *es, uint8_t dir,
		  struct qsp_aead_keys *keys)
{
	struct qsp_bytes info[] = { qsp_bytes_str("qsp1 key "), { &dir, 1 } };
	struct qsp_bytes mac_info[] = { qsp_bytes_str("qsp1 mac "), { &dir, 1 } };
	qsp_err e;

	qsp_aead_keys_wipe(keys);
	e = qsp_kdf_expand(cx, kem->hash, secret_bytes(kem, es), info, 2, keys->enc, 32);
	if (!e && aead->has_mac)
		e = qsp_kdf_expand(cx, kem->hash, secret_bytes(kem, es), mac_info, 2, keys->mac,
				   32);
	if (e)
		qsp_aead_keys_wipe(keys);
	return e;
}

/* [P5.1] */
qsp_err
qsp_schedule_rekey_prk(const struct qsp_crypto *cx, const struct qsp_kem *kem,
		       const struct qsp_es *es, const struct qsp_rekey_inputs *in,
		       struct qsp_es *prk, uint8_t confirm[static 32])
{
	uint8_t lengths[3][2], hash[QSP_HASH_MAX], mac[QSP_HASH_MAX];
	struct qsp_bytes ikm[] = {
		qsp_bytes_str("rekey"), in->material, { lengths[0], 2 }, in->dh,
		{ lengths[1], 2 },      in->ss,       { lengths[2], 2 }, in->qkd,
	};
	struct qsp_bytes ack[] = { qsp_bytes_str("ack"), { hash, qsp_hash_len(kem->hash) } };
	qsp_err e;

	qsp_bytes_put16(lengths[0], (uint16_t)in->dh.n);
	qsp_bytes_put16(lengths[1], (uint16_t)in->ss.n);
	qsp_bytes_put16(lengths[2], (uint16_t)in->qkd.n);
	memset(mac, 0, sizeof(mac));
	e = qsp_kdf_extract(cx, kem->hash, secret_bytes(kem, es), ikm, 8, prk->b);
	if (!e)
		e = qsp_hash_one(cx, kem->hash, in->init, hash);
	if (!e)
		e = qsp_hash_hmac(cx, kem->hash, secret_bytes(kem, prk), ack, 2, mac);
	if (e)
		qsp_es_wipe(prk);
	memcpy(confirm, mac, 32);
	return e;
}

/* [P5.1] */
qsp_err
qsp_schedule_rekey_next(const struct qsp_crypto *cx, const struct qsp_kem *kem,
			const struct qsp_es *prk, struct qsp_bytes init, struct qsp_bytes ack,
			struct qsp_es *next)
{
	uint8_t hash[QSP_HASH_MAX];
	struct qsp_bytes both[] = { init, ack };
	struct qsp_bytes info[] = { qsp_bytes_str("qsp1 epoch"),
				    { hash, qsp_hash_len(kem->hash) } };
	qsp_err e = qsp_hash_parts(cx, kem->hash, both, 2, hash);

	if (!e)
		e = qsp_kdf_expand(cx, kem->hash, secret_bytes(kem, prk), info, 2, next->b,
				   qsp_hash_len(kem->hash));
	if (e)
		qsp_es_wipe(next);
	return e;
}

/* [P5.1] */
qsp_err
qsp_schedule_rekey_done(const struct qsp_crypto *cx, const struct qsp_kem *kem,
			const struct qsp_es *next, uint8_t *done)
{
	struct qsp_bytes info = qsp_bytes_str("qsp1 done");

	return qsp_kdf_expand(cx, kem->hash, secret_bytes(kem, next), &info, 1, done,
			      qsp_hash_len(kem->hash));
}

/* [P4.7] */
qsp_err
qsp_schedule_resume(const struct qsp_crypto *cx, const struct qsp_kem *kem, const struct qsp_es *es,
		    struct qsp_es *r)
{
	struct qsp_bytes info = qsp_bytes_str("qsp1 resume");

	return qsp_kdf_expand(cx, kem->hash, secret_bytes(kem, es), &info, 1, r->b,
			      qsp_hash_len(kem->hash));
}

/* [P4.5] */
qsp_err
qsp_schedule_export(const struct qsp_crypto *cx, const struct qsp_kem *kem,
		    const struct qsp_es *exporter, struct qsp_bytes label, struct qsp_bytes context,
		    uint8_t *out, size_t n)
{
	uint8_t lengths[2][2];
	struct qsp_bytes info[] = {
		qsp_bytes_str("qsp1 export "), { lengths[0], 2 }, label, { lengths[1], 2 }, context,
	};

	if (label.n > UINT16_MAX || context.n > UINT16_MAX)
		return QSP_E_INPUT;
	qsp_bytes_put16(lengths[0], (uint16_t)label.n);
	qsp_bytes_put16(lengths[1], (uint16_t)context.n);
	return qsp_kdf_expand(cx, kem->hash, secret_bytes(kem, exporter), info, 5, out, n);
}
