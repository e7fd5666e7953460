/* SPDX-License-Identifier: ISC */
/* Keys of hosts and users: blobs, ids and the private operations [P1.1]. */
#include "base/text.h"
#include "base/writer.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/kem.h"
#include "crypto/rand.h"
#include "crypto/sig.h"
#include "crypto/x25519.h"

#include <qsp/key.h>

#define HYBRID_SEED_LEN (QSP_X25519_LEN + QSP_KEM_SEED_LEN)

struct qsp_key {
	const struct qsp_crypto *cx;
	const struct qsp_kem *kem; /* a hybrid key: kem and kem_key; */
	struct qsp_kem_key *kem_key;
	const struct qsp_sig *sig; /* a signature key: sig and sig_key */
	struct qsp_sig_key *sig_key;
	struct qsp_key_public pub;
	uint8_t seed[QSP_KEY_SEED_MAX];
};

const char *
qsp_key_type_name(uint8_t type)
{
	const struct qsp_kem *kem = qsp_kem_by_id(type);
	const struct qsp_sig *sig = qsp_sig_by_type(type);

	return kem ? kem->name : sig ? sig->name : NULL;
}

const char *
qsp_key_type_alias(uint8_t type)
{
	const struct qsp_kem *kem = qsp_kem_by_id(type);
	const struct qsp_sig *sig = qsp_sig_by_type(type);

	return kem ? kem->alias : sig ? sig->alias : NULL;
}

uint8_t
qsp_key_type_by_name(const char *name)
{
	for (unsigned type = 1; type < 256; type++) {
		const char *canonical = qsp_key_type_name((uint8_t)type);
		const char *alias = qsp_key_type_alias((uint8_t)type);

		if ((canonical && strcmp(name, canonical) == 0) ||
		    (alias && strcmp(name, alias) == 0))
			return (uint8_t)type;
	}
	return 0;
}

bool
qsp_key_type_is_kem(uint8_t type)
{
	return qsp_kem_by_id(type) != NULL;
}

static size_t
blob_len(uint8_t type)
{
	const struct qsp_kem *kem = qsp_kem_by_id(type);
	const struct qsp_sig *sig = qsp_sig_by_type(type);

	return kem ? 1u + QSP_X25519_LEN + kem->ek_len : sig ? 1u + sig->public_len : 0;
}

/* Key id = SHA3-256("QSP key id" || blob) [P1.1]. */
static qsp_err
fill_id(const struct qsp_crypto *cx, struct qsp_key_public *pub)
{
	struct qsp_bytes parts[] = { qsp_bytes_str("QSP key id"), { pub->blob, pub->len } };

	return qsp_hash_parts(cx, QSP_HASH_SHA3_256, parts, 2, pub->id);
}

qsp_err
qsp_key_public_parse(const struct qsp_crypto *cx, struct qsp_bytes blob, struct qsp_key_public *out)
{
	const struct qsp_kem *kem;
	qsp_err e;

	if (blob.n == 0)
		return QSP_E_INPUT;
	if (blob_len(blob.p[0]) == 0)
		return QSP_E_UNSUPPORTED;
	if (blob.n != blob_len(blob.p[0]))
		return QSP_E_INPUT;
	kem = qsp_kem_by_id(blob.p[0]);
	if (kem && (e = qsp_kem_check_ek(kem, blob.p + 1 + QSP_X25519_LEN)) != 0)
		return e;
	memset(out, 0, sizeof(*out));
	memcpy(out->blob, blob.p, blob.n);
	out->len = (uint16_t)blob.n;
	return fill_id(cx, out);
}

void
qsp_key_print(const uint8_t id[QSP_KEY_ID_LEN], char out[QSP_KEY_PRINT_MAX])
{
	memcpy(out, "SHA3:", 5);
	qsp_text_base64(qsp_bytes(id, QSP_KEY_ID_LEN), false, out + 5);
}

size_t
qsp_key_seed_len(uint8_t type)
{
	return qsp_kem_by_id(type) ? HYBRID_SEED_LEN : qsp_sig_by_type(type) ? QSP_SIG_SEED_LEN : 0;
}

static qsp_err
derive(struct qsp_key *key)
{
	uint8_t *body = key->pub.blob + 1;
	qsp_err e;

	if (!key->kem)
		return qsp_sig_key_new(key->cx, key->sig, key->seed, body, &key->sig_key);
	if ((e = qsp_x25519_public(key->cx, key->seed, body)) != 0)
		return e;
	return qsp_kem_key_new(key->cx, key->kem, key->seed + QSP_X25519_LEN, body + QSP_X25519_LEN,
			       &key->kem_key);
}

qsp_err
qsp_key_new(const struct qsp_crypto *cx, uint8_t type, struct qsp_bytes seed, struct qsp_key **out)
{
	struct qsp_key *key;
	qsp_err e;

	*out = NULL;
	if (blob_len(type) == 0)
		return QSP_E_UNSUPPORTED;
	if (seed.n != qsp_key_seed_len(type))
		return QSP_E_INPUT;
	if ((key = qsp_mem_alloc(sizeof(*key))) == NULL)
		return QSP_E_NOMEM;
	key->cx = cx;
	key->kem = qsp_kem_by_id(type);
	key->sig = qsp_sig_by_type(type);
	memcpy(key->seed, seed.p, seed.n);
	key->pub.blob[0] = type;
	key->pub.len = (uint16_t)blob_len(type);
	if ((e = derive(key)) != 0 || (e = fill_id(cx, &key->pub)) != 0)
		goto out;
	*out = key;
	key = NULL;
out:
	qsp_key_free(key);
	return e;
}

qsp_err
qsp_key_generate(const struct qsp_crypto *cx, uint8_t type, struct qsp_key **out)
{
	uint8_t seed[QSP_KEY_SEED_MAX];
	size_t n = qsp_key_seed_len(type);
	qsp_err e;

	*out = NULL;
	if (n == 0)
		return QSP_E_UNSUPPORTED;
	if ((e = qsp_rand_bytes(cx, seed, n)) == 0)
		e = qsp_key_new(cx, type, qsp_bytes(seed, n), out);
	qsp_mem_wipe(seed, sizeof(seed));
	return e;
}

void
qsp_key_free(struct qsp_key *key)
{
	if (!key)
		return;
	qsp_kem_key_free(key->kem_key);
	qsp_sig_key_free(key->sig_key);
	qsp_mem_wipe_free(key, sizeof(*key));
}

const struct qsp_key_public *
qsp_key_get_public(const struct qsp_key *key)
{
	return &key->pub;
}

void
qsp_key_get_seed(const struct qsp_key *key, uint8_t out[QSP_KEY_SEED_MAX])
{
	memcpy(out, key->seed, QSP_KEY_SEED_MAX);
}

qsp_err
qsp_key_dh(const struct qsp_key *key, const uint8_t point[32], uint8_t dh[32])
{
	if (!key->kem)
		return QSP_E_INPUT;
	return qsp_x25519_dh(key->cx, key->seed, point, dh);
}

qsp_err
qsp_key_decaps(const struct qsp_key *key, struct qsp_bytes ct, uint8_t ss[32])
{
	if (!key->kem || ct.n != key->kem->ct_len)
		return QSP_E_INPUT;
	return qsp_kem_decaps(key->cx, key->kem, key->kem_key, ct.p, ss);
}

qsp_err
qsp_key_answer(struct qsp_key *const *keys, size_t n, const struct qsp_decaps_question *q,
	       struct qsp_decaps_answer *a)
{
	size_t first = q->all_keys ? 0 : q->key, last = q->all_keys ? n : (size_t)q->key + 1;

	memset(a, 0, sizeof(*a));
	if (last > n || last - first > QSP_HOST_KEY_MAX || (q->ct.n && q->key >= n))
		return QSP_E_INPUT;
	for (size_t i = first; q->point && i < last; i++)
		a->dh_ok[i - first] = qsp_key_dh(keys[i], q->point, a->dh[i - first]) == 0;
	return q->ct.n ? qsp_key_decaps(keys[q->key], q->ct, a->ss) : QSP_OK;
}

QSP_SECRET(mixed, QSP_CK_MAX);
_Static_assert(QSP_CK_MAX == QSP_HASH_MAX, "a ck is one hash");

qsp_err
qsp_key_mix(const struct qsp_key *key, uint8_t suite, struct qsp_bytes ck, const uint8_t point[32],
	    struct qsp_bytes ct, uint8_t out[QSP_CK_MAX])
{
	const struct qsp_kem *kem = qsp_kem_by_id(suite);
	QSP_WIPED(mixed) dh = { { 0 } };
	QSP_WIPED(mixed) ss = { { 0 } };
	QSP_WIPED(mixed) first = { { 0 } };
	struct qsp_bytes z[] = { { dh.b, QSP_X25519_LEN }, { ss.b, QSP_KEM_SS_LEN } };
	qsp_err e;

	memset(out, 0, QSP_CK_MAX);
	if (!kem || ck.n != qsp_hash_len(kem->hash))
		return QSP_E_INPUT;
	if ((e = qsp_key_dh(key, point, dh.b)) != 0 || (e = qsp_key_decaps(key, ct, ss.b)) != 0 ||
	    (e = qsp_kdf_extract(key->cx, kem->hash, ck, &z[0], 1, first.b)) != 0)
		return e;
	return qsp_kdf_extract(key->cx, kem->hash, qsp_bytes(first.b, ck.n), &z[1], 1, out);
}

qsp_err
qsp_key_sign(const struct qsp_key *key, struct qsp_bytes msg, uint8_t *sig, size_t *n)
{
	if (!key->sig)
		return QSP_E_INPUT;
	if (*n < key->sig->sig_len)
		return QSP_E_ROOM;
	*n = key->sig->sig_len;
	return qsp_sig_sign(key->cx, key->sig, key->sig_key, msg, sig);
}
