/* SPDX-License-Identifier: ISC */
/*
 * Every message of the handshake and control streams [P4.2, P4.3, P4.5, P5.1]: bodies to structs
 * and back, shape only. What a get_ returns borrows from its input; get_ fails with QSP_E_INPUT,
 * put_ through the writer.
 */
#ifndef QSP_PROTO_MSG_H
#define QSP_PROTO_MSG_H

#include "base/reader.h"
#include "base/writer.h"
#include "crypto/kem.h"

#include <qsp/conn.h>

#define QSP_MSG_HEAD_LEN 4
#define QSP_MSG_EARLY_MAX (1u << 17) /* before AUTH_OK [P2.6] */
#define QSP_MSG_LATE_MAX (1u << 21)

/* Record types [P2.5]. */
enum qsp_type {
	QSP_TYPE_NOISE = 0,
	QSP_TYPE_HANDSHAKE = 1,
	QSP_TYPE_DATA = 2,
	QSP_TYPE_CONTROL = 3,
	QSP_TYPE_QUANTUM = 4,
	/* Not on the wire: CLOSE, whose frame type is its own [P9], and a flight. */
	QSP_TYPE_CLOSE = 254,
	QSP_TYPE_FLIGHT = 255,
};

/* Kinds in type 1 [P4.5]. */
enum qsp_handshake_kind {
	QSP_MSG_KEM_S = 1,
	QSP_MSG_FIN_S = 2,
	QSP_MSG_CERTIFICATE = 3,
	QSP_MSG_SERVER_INFO = 4,
	QSP_MSG_AUTH_REQUEST = 5,
	QSP_MSG_AUTH_CHALLENGE = 6,
	QSP_MSG_AUTH_PROOF = 7,
	QSP_MSG_AUTH_OK = 8,
	QSP_MSG_AUTH_FAILURE = 9,
	QSP_MSG_PROMPT = 10,
	QSP_MSG_REPLY = 11,
	QSP_MSG_EPOCH = 12,
};

/* Kinds in type 3 [P5.1]. */
enum qsp_control_kind {
	QSP_MSG_REKEY_INIT = 1,
	QSP_MSG_REKEY_ACK = 2,
	QSP_MSG_REKEY_DONE = 3,
	QSP_MSG_CLOSE = 4,
	QSP_MSG_SHAPE = 5,
	QSP_MSG_PING = 6,
	QSP_MSG_PONG = 7,
	QSP_MSG_REKEY_REQUEST = 8,
	QSP_MSG_ACK = 9, /* the last */
};

#define QSP_MSG_REKEY_KEM 1u
#define QSP_MSG_REKEY_QKD 2u

/* [P4.2] E1's plaintext of len bytes. ek is NULL in layout T. */
#define QSP_MSG_E1_RESUMABLE 1u
struct qsp_msg_e1 {
	uint8_t version, flags;
	uint8_t aeads[6];
	uint64_t unix_ms;
	uint8_t nonce[16];
	const uint8_t *ek;
};
QSP_MUST_USE qsp_err qsp_msg_get_e1(struct qsp_bytes in, size_t ek_len, struct qsp_msg_e1 *m);
void qsp_msg_put_e1(struct qsp_writer *w, const struct qsp_msg_e1 *m, size_t ek_len);

/* [P4.3] E2's plaintext; host_key is X_S || ek_S of key_len bytes in layout T, else NULL. */
#define QSP_MSG_E2_CERTIFICATE 1u
#define QSP_MSG_E2_RESUMABLE 2u
struct qsp_msg_e2 {
	uint8_t version, flags, aead, reserved;
	uint64_t session_id, unix_ms;
	const uint8_t *host_key;
};
QSP_MUST_USE qsp_err qsp_msg_get_e2(struct qsp_bytes in, size_t key_len, struct qsp_msg_e2 *m);
void qsp_msg_put_e2(struct qsp_writer *w, const struct qsp_msg_e2 *m, size_t key_len);

/* [P4.5] */
struct qsp_msg_auth_request {
	struct qsp_bytes user;
	uint8_t method;
	struct qsp_bytes body;
};
QSP_MUST_USE qsp_err qsp_msg_get_auth_request(struct qsp_bytes in, struct qsp_msg_auth_request *m);
void qsp_msg_put_auth_request(struct qsp_writer *w, const struct qsp_msg_auth_request *m);

/* [P4.7] what follows method 6; the ticket comes without its secret. */
QSP_MUST_USE qsp_err qsp_msg_get_resume(struct qsp_bytes in, struct qsp_ticket *t,
					uint64_t *received);
void qsp_msg_put_resume(struct qsp_writer *w, const struct qsp_ticket *t, uint64_t received);

struct qsp_msg_auth_failure {
	uint8_t partial;
	struct qsp_bytes methods;
};
QSP_MUST_USE qsp_err qsp_msg_get_auth_failure(struct qsp_bytes in, struct qsp_msg_auth_failure *m);
void qsp_msg_put_auth_failure(struct qsp_writer *w, const struct qsp_msg_auth_failure *m);

/* read_ goes on where other fields follow; n is 0 where it fails at the number of them. */
void qsp_msg_read_prompt(struct qsp_reader *r, struct qsp_prompt *m);
QSP_MUST_USE qsp_err qsp_msg_get_prompt(struct qsp_bytes in, struct qsp_prompt *m);
void qsp_msg_put_prompt(struct qsp_writer *w, const struct qsp_prompt *m);

void qsp_msg_read_reply(struct qsp_reader *r, struct qsp_reply *m);
QSP_MUST_USE qsp_err qsp_msg_get_reply(struct qsp_bytes in, struct qsp_reply *m);
void qsp_msg_put_reply(struct qsp_writer *w, const struct qsp_reply *m);

/* SERVER_INFO: unknown TLVs are skipped; secret is empty where absent. */
struct qsp_msg_server_info {
	struct qsp_bytes secret;
	struct qsp_bytes host_key; /* the last one announced */
	struct qsp_bytes software;
	struct qsp_bytes shaping; /* u8 modes || u8 ceiling [P8] */
};
QSP_MUST_USE qsp_err qsp_msg_get_server_info(struct qsp_bytes in, struct qsp_msg_server_info *m);
void qsp_msg_put_server_info(struct qsp_writer *w, const struct qsp_msg_server_info *m);

/* [P5.1] new_epoch is read before anything else is judged; flags may then be unknown. */
struct qsp_msg_rekey_init {
	uint8_t flags;
	uint32_t new_epoch;
	struct qsp_bytes material;
	struct qsp_bytes x, ek;
};
QSP_MUST_USE qsp_err qsp_msg_get_rekey_head(struct qsp_bytes in, uint8_t *flags,
					    uint32_t *new_epoch);
QSP_MUST_USE qsp_err qsp_msg_get_rekey_init(struct qsp_bytes in, const struct qsp_kem *kem,
					    struct qsp_msg_rekey_init *m);
void qsp_msg_put_rekey_init(struct qsp_writer *w, const struct qsp_msg_rekey_init *m);

struct qsp_msg_rekey_ack {
	uint8_t flags;
	uint32_t new_epoch;
	struct qsp_bytes x, ct;
	struct qsp_bytes confirm;
};
QSP_MUST_USE qsp_err qsp_msg_get_rekey_ack(struct qsp_bytes in, const struct qsp_kem *kem,
					   struct qsp_msg_rekey_ack *m);
void qsp_msg_put_rekey_ack(struct qsp_writer *w, const struct qsp_msg_rekey_ack *m);

struct qsp_msg_rekey_done {
	uint32_t new_epoch;
	struct qsp_bytes proof;
};
QSP_MUST_USE qsp_err qsp_msg_get_rekey_done(struct qsp_bytes in, struct qsp_msg_rekey_done *m);
void qsp_msg_put_rekey_done(struct qsp_writer *w, const struct qsp_msg_rekey_done *m);

struct qsp_msg_close {
	uint16_t reason;
	struct qsp_bytes text;
};
QSP_MUST_USE qsp_err qsp_msg_get_close(struct qsp_bytes in, struct qsp_msg_close *m);
void qsp_msg_put_close(struct qsp_writer *w, const struct qsp_msg_close *m);

/* PING, PONG, ACK: u64; REKEY_REQUEST: u8. */
QSP_MUST_USE qsp_err qsp_msg_get_u64(struct qsp_bytes in, uint64_t *v);
QSP_MUST_USE qsp_err qsp_msg_get_u8(struct qsp_bytes in, uint8_t *v);

/* Starts a message: kind and room for its length; end fills the length in. */
void qsp_msg_begin(struct qsp_writer *w, uint8_t kind);
void qsp_msg_end(struct qsp_writer *w, size_t begun);

#endif
