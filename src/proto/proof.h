/* SPDX-License-Identifier: ISC */
/*
 * The server's half of authentication by KEM [P4.5] in another process than the engine's: who
 * decides about logins encapsulates to the user's key and keeps ss, so that nobody who took over
 * the engine can claim that a proof was right. The engine asks with qsp_auth_question.has_proof.
 */
#ifndef QSP_PROTO_PROOF_H
#define QSP_PROTO_PROOF_H

#include "proto/transcript.h"

#include <qsp/key.h>

/* ct[0..*ct_len) and ss to a hybrid key; ct holds QSP_KEM_CT_MAX. QSP_E_INPUT for another type. */
QSP_MUST_USE qsp_err qsp_proof_challenge(const struct qsp_crypto *cx,
					 const struct qsp_key_public *key, uint8_t *ct,
					 size_t *ct_len, struct qsp_key32 *ss);

/*
 * Is proof = HMAC-H(K("fin c", L), h) for ck with ss mixed in? *next is that ck, for the engine.
 * kem is the suite's. QSP_E_INPUT where the proof is wrong, or ck or h are not L bytes.
 */
QSP_MUST_USE qsp_err qsp_proof_check(const struct qsp_crypto *cx, uint8_t kem, struct qsp_bytes ck,
				     struct qsp_bytes h, const struct qsp_key32 *ss,
				     struct qsp_bytes proof, struct qsp_ck *next);

/* What a signature covers: "QSP/1 client authentication" || h; out holds QSP_PROOF_SIGNED_MAX. */
#define QSP_PROOF_SIGNED_MAX (27 + QSP_HASH_MAX)
struct qsp_bytes qsp_proof_signed(struct qsp_bytes h, uint8_t *out);

/* Is it the signature of this key under h? QSP_E_INPUT where not. */
QSP_MUST_USE qsp_err qsp_proof_check_signature(const struct qsp_crypto *cx,
					       const struct qsp_key_public *key, struct qsp_bytes h,
					       struct qsp_bytes signature);

#endif
