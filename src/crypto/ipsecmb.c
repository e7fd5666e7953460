/* SPDX-License-Identifier: ISC */
/*
 * AES-256-GCM over intel-ipsec-mb: one call for a record, where libcrypto takes five. Its direct
 * functions keep nothing in the manager, which therefore never changes after its start. Without the
 * library libcrypto does it all.
 */
#include "crypto/backend.h"

#if QSP_HAVE_IPSECMB

#include "base/ct.h"

#include <intel-ipsec-mb.h>

#define GCM_ID 1
#define ALIGNMENT 64 /* of expanded keys */
#define NEEDED (IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_AVX2)

struct qsp_ipsecmb {
	IMB_MGR *mgr;
};

struct ctx {
	struct qsp_aead_ctx head;
	const IMB_MGR *mgr;
	struct gcm_key_data *key;     /* in room, aligned */
	struct gcm_context_data work; /* of one record */
	uint8_t room[sizeof(struct gcm_key_data) + ALIGNMENT];
};

_Static_assert(_Alignof(struct gcm_context_data) <= 16, "work lies where calloc puts it");

static struct ctx *
of(struct qsp_aead_ctx *head)
{
	return (struct ctx *)head; /* its first member */
}

struct qsp_ipsecmb *
qsp_ipsecmb_new(void)
{
	struct qsp_ipsecmb *mb = qsp_mem_alloc(sizeof(*mb));
	IMB_ARCH arch;

	if (!mb || !(mb->mgr = alloc_mb_mgr(0))) {
		qsp_ipsecmb_free(mb);
		return NULL;
	}
	init_mb_mgr_auto(mb->mgr, &arch);
	if (imb_get_errno(mb->mgr) == 0 && arch >= IMB_ARCH_AVX2 &&
	    (mb->mgr->features & NEEDED) == NEEDED)
		return mb;
	qsp_ipsecmb_free(mb);
	return NULL;
}

void
qsp_ipsecmb_free(struct qsp_ipsecmb *mb)
{
	if (!mb)
		return;
	if (mb->mgr)
		free_mb_mgr(mb->mgr);
	qsp_mem_free(mb);
}

static void
ctx_free(struct qsp_aead_ctx *head)
{
	qsp_mem_wipe_free(of(head), sizeof(struct ctx));
}

static qsp_err
ctx_key(struct qsp_aead_ctx *head, const struct qsp_aead_keys *keys)
{
	struct ctx *x = of(head);

	IMB_AES256_GCM_PRE(x->mgr, keys->enc, x->key);
	return QSP_OK;
}

static qsp_err
gcm_seal(struct qsp_aead_ctx *head, const uint8_t nonce[static QSP_AEAD_NONCE_LEN],
	 struct qsp_bytes aad, const uint8_t *pt, size_t n, uint8_t *ct, uint8_t *tag)
{
	struct ctx *x = of(head);

	if (!head->sealing) {
		qsp_mem_wipe(ct, n);
		qsp_mem_wipe(tag, head->row->tag_len);
		return QSP_E_CRYPTO;
	}
	IMB_AES256_GCM_ENC(x->mgr, x->key, &x->work, ct, pt, n, nonce, aad.p, aad.n, tag,
			   head->row->tag_len);
	return QSP_OK;
}

static qsp_err
gcm_open(struct qsp_aead_ctx *head, const uint8_t nonce[static QSP_AEAD_NONCE_LEN],
	 struct qsp_bytes aad, const uint8_t *ct, size_t n, const uint8_t *tag, uint8_t *pt)
{
	struct ctx *x = of(head);
	uint8_t expected[QSP_AEAD_TAG_MAX], right[QSP_AEAD_TAG_MAX];

	if (head->sealing) {
		qsp_mem_wipe(pt, n);
		return QSP_E_CRYPTO;
	}
	memcpy(expected, tag, head->row->tag_len); /* pt may reach over it */
	IMB_AES256_GCM_DEC(x->mgr, x->key, &x->work, pt, ct, n, nonce, aad.p, aad.n, right,
			   head->row->tag_len);
	if (qsp_ct_equal(expected, right, head->row->tag_len))
		return QSP_OK;
	qsp_mem_wipe(pt, n);
	return QSP_E_DECRYPT;
}

static const struct qsp_aead_ops gcm_ops = { ctx_key, gcm_seal, gcm_open, ctx_free };

qsp_err
qsp_ipsecmb_aead_new(const struct qsp_ipsecmb *mb, const struct qsp_aead *a, bool sealing,
		     struct qsp_aead_ctx **out)
{
	struct ctx *x;
	size_t over;

	*out = NULL;
	if (!mb || a->id != GCM_ID)
		return QSP_E_UNSUPPORTED;
	if (!(x = qsp_mem_alloc(sizeof(*x))))
		return QSP_E_NOMEM;
	x->head = (struct qsp_aead_ctx){ &gcm_ops, a, sealing };
	x->mgr = mb->mgr;
	over = (uintptr_t)x->room % ALIGNMENT;
	x->key = (struct gcm_key_data *)(void *)(x->room + (over ? ALIGNMENT - over : 0));
	*out = &x->head;
	return QSP_OK;
}

#else

struct qsp_ipsecmb *
qsp_ipsecmb_new(void)
{
	return NULL;
}

void
qsp_ipsecmb_free(struct qsp_ipsecmb *mb)
{
	(void)mb;
}

qsp_err
qsp_ipsecmb_aead_new(const struct qsp_ipsecmb *mb, const struct qsp_aead *a, bool sealing,
		     struct qsp_aead_ctx **out)
{
	(void)mb;
	(void)a;
	(void)sealing;
	*out = NULL;
	return QSP_E_UNSUPPORTED;
}

#endif
