/* SPDX-License-Identifier: ISC */
/* h and ck of a handshake [P4], one function for each operation of the specification. */
#include "proto/transcript.h"

#include "crypto/kdf.h"

static struct qsp_bytes
h_of(const struct qsp_transcript *t)
{
	return qsp_bytes(t->h, t->len);
}

static struct qsp_bytes
ck_of(const struct qsp_transcript *t)
{
	return qsp_bytes(t->ck.b, t->len);
}

struct qsp_transcript
qsp_transcript_start(const struct qsp_crypto *cx, const struct qsp_kem *kem, uint8_t layout,
		     const uint8_t *sid, uint8_t wire, const uint8_t ok[static 32])
{
	struct qsp_transcript t = { .cx = cx, .kem = kem };
	static const uint8_t no_sid[32];
	struct qsp_bytes parts[] = {
		qsp_bytes_str("QSP/1"),     { &kem->id, 1 }, { &layout, 1 },
		{ sid ? sid : no_sid, 32 }, { &wire, 1 },
	};
	struct qsp_bytes secret = { ok, 32 };
	uint8_t salt[QSP_HASH_MAX];

	t.len = (uint8_t)qsp_hash_len(kem->hash);
	t.err = qsp_hash_parts(cx, kem->hash, parts, 5, t.h);
	if (!t.err)
		t.err = qsp_hash_one(cx, kem->hash, parts[0], salt);
	if (!t.err)
		t.err = qsp_kdf_extract(cx, kem->hash, qsp_bytes(salt, t.len), &secret, 1, t.ck.b);
	return t;
}

void
qsp_transcript_mix_hash(struct qsp_transcript *t, struct qsp_bytes x)
{
	uint8_t length[4];
	struct qsp_bytes parts[] = { h_of(t), { length, 4 }, x };

	if (t->err)
		return;
	qsp_bytes_put32(length, (uint32_t)x.n);
	t->err = qsp_hash_parts(t->cx, t->kem->hash, parts, 3, t->h);
}

void
qsp_transcript_mix_secret(struct qsp_transcript *t, struct qsp_bytes z)
{
	QSP_WIPED(qsp_ck) ck = t->ck;

	if (!t->err)
		t->err = qsp_kdf_extract(t->cx, t->kem->hash, qsp_bytes(ck.b, t->len), &z, 1,
					 t->ck.b);
}

void
qsp_transcript_mix_key(struct qsp_transcript *t, const uint8_t z[static 32])
{
	qsp_transcript_mix_secret(t, qsp_bytes(z, 32));
}

void
qsp_transcript_key(struct qsp_transcript *t, const char *label, uint8_t *out, size_t n)
{
	struct qsp_bytes info[] = { qsp_bytes_str("qsp1 "), qsp_bytes_str(label), h_of(t) };

	memset(out, 0, n);
	if (!t->err)
		t->err = qsp_kdf_expand(t->cx, t->kem->hash, ck_of(t), info, 3, out, n);
}

void
qsp_transcript_mac(struct qsp_transcript *t, const char *label, uint8_t *out)
{
	QSP_WIPED(qsp_es) key = { { 0 } };
	struct qsp_bytes h = h_of(t);

	qsp_transcript_key(t, label, key.b, t->len);
	memset(out, 0, t->len);
	if (!t->err)
		t->err = qsp_hash_hmac(t->cx, t->kem->hash, qsp_bytes(key.b, t->len), &h, 1, out);
}
