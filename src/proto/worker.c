/* SPDX-License-Identifier: ISC */
/* Cipher contexts of a thread, one pair per cipher, each a cache of one key. */
#include "proto/worker.h"

#define N_AEADS 4 /* ids 1 to 4 */

struct slot {
	struct qsp_aead_ctx *x;
	uint64_t serial; /* of the keys it holds; 0: none */
};

struct qsp_worker {
	const struct qsp_crypto *cx;
	struct slot seal[N_AEADS], open[N_AEADS];
	uint64_t last_serial;
	uint8_t scratch[QSP_CELL_LEN];
};

qsp_err
qsp_worker_new(const struct qsp_crypto *cx, struct qsp_worker **out)
{
	struct qsp_worker *w = qsp_mem_alloc(sizeof(*w));

	*out = w;
	if (!w)
		return QSP_E_NOMEM;
	w->cx = cx;
	return QSP_OK;
}

void
qsp_worker_free(struct qsp_worker *w)
{
	for (size_t i = 0; w && i < N_AEADS; i++) {
		qsp_aead_ctx_free(w->seal[i].x);
		qsp_aead_ctx_free(w->open[i].x);
	}
	qsp_mem_wipe_free(w, sizeof(*w));
}

static qsp_err
scheduled(struct qsp_worker *w, struct slot *s, bool sealing, const struct qsp_aead *a,
	  const struct qsp_lane *l, struct qsp_aead_ctx **x)
{
	qsp_err e;

	*x = NULL;
	if (!s->x && (e = qsp_aead_ctx_new(w->cx, a, sealing, &s->x)) != 0)
		return e;
	if (s->serial != l->serial) {
		s->serial = 0;
		if ((e = qsp_aead_ctx_key(s->x, &l->keys)) != 0)
			return e;
		s->serial = l->serial;
	}
	*x = s->x;
	return QSP_OK;
}

qsp_err
qsp_worker_sealer(struct qsp_worker *w, const struct qsp_aead *a, const struct qsp_lane *l,
		  struct qsp_aead_ctx **x)
{
	return scheduled(w, &w->seal[a->id - 1], true, a, l, x);
}

qsp_err
qsp_worker_opener(struct qsp_worker *w, const struct qsp_aead *a, const struct qsp_lane *l,
		  struct qsp_aead_ctx **x)
{
	return scheduled(w, &w->open[a->id - 1], false, a, l, x);
}

/* Other keys take the place of those that must be forgotten; where that fails, the context goes,
 * which wipes it. */
static void
replace(struct slot slots[static N_AEADS], uint64_t serial, uint64_t with,
	const struct qsp_aead_keys *keys)
{
	for (size_t i = 0; i < N_AEADS; i++) {
		if (serial == 0 || slots[i].serial != serial)
			continue;
		slots[i].serial = with;
		if (qsp_aead_ctx_key(slots[i].x, keys) == 0)
			continue;
		qsp_aead_ctx_free(slots[i].x);
		slots[i] = (struct slot){ 0 };
	}
}

void
qsp_worker_nonce(const struct qsp_lane *l, uint8_t nonce[static QSP_AEAD_NONCE_LEN])
{
	qsp_bytes_put32(nonce, l->epoch);
	qsp_bytes_put64(nonce + 4, l->seq);
}

void
qsp_worker_forget(struct qsp_worker *w, struct qsp_lane *l)
{
	static const struct qsp_aead_keys zeros;

	replace(w->seal, l->serial, 0, &zeros);
	replace(w->open, l->serial, 0, &zeros);
	l->serial = 0;
}

void
qsp_worker_adopt(struct qsp_worker *w, struct qsp_lane *l)
{
	uint64_t serial = ++w->last_serial;

	replace(w->seal, l->serial, serial, &l->keys);
	replace(w->open, l->serial, serial, &l->keys);
	l->serial = serial;
}

uint8_t *
qsp_worker_scratch(struct qsp_worker *w)
{
	return w->scratch;
}

const struct qsp_crypto *
qsp_worker_crypto(const struct qsp_worker *w)
{
	return w->cx;
}
