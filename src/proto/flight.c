/* SPDX-License-Identifier: ISC */
/* Masked slots, and E with its tag: what M1 and M2 are made of. */
#include "proto/flight.h"

#include "base/ct.h"

#define TAG_LEN 32

void
qsp_flight_mask(struct qsp_transcript *t, const char *label, uint8_t *slot)
{
	QSP_WIPED(qsp_key32) key = { { 0 } };

	qsp_transcript_key(t, label, key.b, sizeof(key.b));
	if (!t->err)
		t->err = qsp_aead_ctr_xor(t->cx, key.b, slot, t->kem->slot_len);
}

/* tag = HMAC-SHA3-256(K(mac, 32), h || E) */
static void
tag_of(struct qsp_transcript *t, const char *mac, const uint8_t *e, size_t e_len,
       uint8_t tag[static TAG_LEN])
{
	QSP_WIPED(qsp_key32) key = { { 0 } };
	struct qsp_bytes parts[] = { { t->h, t->len }, { e, e_len } };

	qsp_transcript_key(t, mac, key.b, sizeof(key.b));
	memset(tag, 0, TAG_LEN);
	if (!t->err)
		t->err =
			qsp_hash_hmac(t->cx, QSP_HASH_SHA3_256, QSP_BYTES_OF(key.b), parts, 2, tag);
}

static void
crypt(struct qsp_transcript *t, const char *enc, uint8_t *e, size_t e_len)
{
	QSP_WIPED(qsp_key32) key = { { 0 } };

	qsp_transcript_key(t, enc, key.b, sizeof(key.b));
	if (!t->err)
		t->err = qsp_aead_ctr_xor(t->cx, key.b, e, e_len);
}

void
qsp_flight_seal(struct qsp_transcript *t, const char *enc, const char *mac, uint8_t *e,
		size_t e_len)
{
	crypt(t, enc, e, e_len);
	tag_of(t, mac, e, e_len, e + e_len);
	qsp_transcript_mix_hash(t, qsp_bytes(e, e_len + TAG_LEN));
}

qsp_err
qsp_flight_open(struct qsp_transcript *t, const char *enc, const char *mac, const uint8_t *e,
		size_t e_len, uint8_t *pt)
{
	uint8_t tag[TAG_LEN];

	memset(pt, 0, e_len);
	tag_of(t, mac, e, e_len, tag);
	if (t->err)
		return t->err;
	if (!qsp_ct_equal(tag, e + e_len, TAG_LEN))
		return QSP_E_INPUT;
	memcpy(pt, e, e_len);
	crypt(t, enc, pt, e_len);
	qsp_transcript_mix_hash(t, qsp_bytes(e, e_len + TAG_LEN));
	return t->err;
}
