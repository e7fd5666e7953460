/* SPDX-License-Identifier: ISC */
/*
 * One connection of QSP/1, as a machine without input or output of its own.
 *
 * The caller moves bytes: what came from the network goes into qsp_conn_recv, what qsp_conn_output
 * writes goes to the network. qsp_conn_wants says at any time what the machine waits for; a want
 * for a decision (TRUST, AUTH, SIGN, DECAPS) is met by reading its question and making one answer
 * call, now or later. Calls never block. An error is sticky: it is returned by the call that met
 * it and by qsp_conn_error ever after, and what the peer may learn of it leaves through OUTPUT.
 *
 * A connection belongs to one thread at a time. An idle, authenticated one costs less than 1 KiB;
 * cipher contexts and scratch belong to a worker, one per thread.
 */
#ifndef QSP_CONN_H
#define QSP_CONN_H

#include <qsp/base.h>
#include <qsp/config.h>
#include <qsp/key.h>

QSP_BEGIN_C

#define QSP_CELL_LEN 768
#define QSP_FLIGHT_LEN 3840 /* M1 and M2 [P4] */
/* The smallest receive buffer that can hold any unit of a wire format. */
#define QSP_RECV_MIN_CELLS QSP_FLIGHT_LEN
#define QSP_RECV_MIN_FRAMES (22 + (1 << 18) + 64)
/* The smallest output buffer: one flight or record with its header. */
#define QSP_OUTPUT_MIN 4096
#define QSP_USER_MAX 255

/* What a thread lends to its connections: cipher contexts, scratch. */
struct qsp_worker;
QSP_API QSP_MUST_USE qsp_err qsp_worker_new(const struct qsp_crypto *cx, struct qsp_worker **out);
QSP_API void qsp_worker_free(struct qsp_worker *w);

struct qsp_conn;

/* Wants, level-triggered: set as long as they hold. */
enum {
	QSP_WANT_INPUT = 1 << 0,  /* bytes from the peer can be taken */
	QSP_WANT_OUTPUT = 1 << 1, /* the machine has bytes for the peer */
	QSP_WANT_TRUST = 1 << 2,  /* client: is this the right host? qsp_conn_trust */
	QSP_WANT_AUTH = 1 << 3,   /* client: how to log in; server: may this user? */
	QSP_WANT_SIGN = 1 << 4,   /* client: sign qsp_conn_sign_input */
	QSP_WANT_DECAPS = 1 << 5, /* a private-key operation: qsp_conn_decaps_question */
	QSP_WANT_REPLY = 1 << 6,  /* client: answers to qsp_conn_prompt */
	QSP_IS_OPEN = 1 << 7,     /* authenticated: data flows */
	QSP_IS_CLOSED = 1 << 8,   /* nothing more will come or go */
	QSP_IS_SINK = 1 << 9,     /* server: M1 was refused; discards until its deadline */
	QSP_CAN_SEND = 1 << 10,   /* output takes data (at a pipelining client before IS_OPEN) */
};

/* Reasons of CLOSE [P5.3]. */
enum qsp_reason {
	QSP_REASON_NORMAL = 0,
	QSP_REASON_PROTOCOL_ERROR = 10,
	QSP_REASON_AEAD_DECRYPT_FAILED = 20,
	QSP_REASON_EPOCH_MISMATCH = 30,
	QSP_REASON_REKEY_FAILED = 40,
	QSP_REASON_HANDSHAKE_FAILED = 50,
	QSP_REASON_POLICY = 60,
	QSP_REASON_IDLE = 70,
	QSP_REASON_INTERNAL_ERROR = 90,
};

/* Classes of obfuscation key [P3]. */
enum qsp_ok_class {
	QSP_OK_FIRST_CONTACT, /* N: no secret */
	QSP_OK_SECRET,        /* S: secret is the server's obfuscation secret */
	QSP_OK_PSK,           /* Q: secret is the psk */
};

/* Client: whom to call. Borrowed for the call alone. */
struct qsp_peer {
	uint8_t kem;                           /* kem id 1 or 2 */
	const struct qsp_key_public *host_key; /* known: layout K; NULL: layout T */
	enum qsp_ok_class ok_class;
	uint8_t secret[QSP_OK_LEN];
};

/* A client that has not sent anything yet; the first OUTPUT is M1. */
QSP_API QSP_MUST_USE qsp_err qsp_conn_new_client(const struct qsp_config *cfg, struct qsp_worker *w,
						 const struct qsp_peer *peer, struct qsp_now now,
						 struct qsp_conn **out);
/* A server that waits for M1. */
QSP_API QSP_MUST_USE qsp_err qsp_conn_new_server(const struct qsp_config *cfg, struct qsp_worker *w,
						 struct qsp_now now, struct qsp_conn **out);
/* Wipes and frees; NULL is fine. */
QSP_API void qsp_conn_free(struct qsp_conn *c);
/* Hands the connection to another thread's worker: NULL on the old thread, then w on the new one. */
QSP_API void qsp_conn_set_worker(struct qsp_conn *c, struct qsp_worker *w);

QSP_API unsigned qsp_conn_wants(const struct qsp_conn *c);

/*
 * Takes whole units (M1, M2, cells, frames) from buf[0..n) and decrypts them in place. *used is
 * how many bytes are done with; the rest the caller keeps in front of the next ones (its buffer
 * holds at least QSP_RECV_MIN_*). data is the Data stream of P7 that arrived, a slice of buf. Stops
 * early where a question must be answered first. On error *used and data are still right.
 */
QSP_API QSP_MUST_USE qsp_err qsp_conn_recv(struct qsp_conn *c, struct qsp_now now, uint8_t *buf,
					   size_t n, size_t *used, struct qsp_bytes *data);

/* The transport ended. QSP_E_TRUNCATED where the peer had not closed. */
QSP_API QSP_MUST_USE qsp_err qsp_conn_recv_eof(struct qsp_conn *c);

/*
 * Writes records into out[0..cap), whole ones only: first what the machine itself has to say, then
 * data, the Data stream of P7, of which *used bytes were taken. data may be empty; before CAN_SEND
 * none is taken. *n is how many bytes were written. cap >= QSP_OUTPUT_MIN; behind M1 and M2, on the
 * wire of cells, a cell's length is enough.
 */
QSP_API QSP_MUST_USE qsp_err qsp_conn_output(struct qsp_conn *c, struct qsp_now now,
					     struct qsp_bytes data, size_t *used, uint8_t *out,
					     size_t cap, size_t *n);

/* One Noise cell [P2.5], where the wire has them; QSP_E_STATE before the handshake. */
QSP_API QSP_MUST_USE qsp_err qsp_conn_noise(struct qsp_conn *c, struct qsp_now now,
					    uint8_t out[QSP_CELL_LEN]);

/* Lets time pass: starts key changes, enforces limits. Call at or after qsp_conn_deadline, the
 * mono time of the next thing to do, or UINT64_MAX. */
QSP_API QSP_MUST_USE qsp_err qsp_conn_tick(struct qsp_conn *c, struct qsp_now now);
QSP_API qsp_time qsp_conn_deadline(const struct qsp_conn *c);

/* The sticky error, 0 if none; static text for the log about where it arose. */
QSP_API qsp_err qsp_conn_error(const struct qsp_conn *c);
QSP_API const char *qsp_conn_why(const struct qsp_conn *c);
/* The reason and text of the peer's CLOSE; false where none came. Text borrows from c. */
QSP_API bool qsp_conn_peer_close(const struct qsp_conn *c, uint16_t *reason, struct qsp_bytes *text,
				 bool *authenticated);

/* QSP_WANT_DECAPS; pointers of the question are borrowed until the answer. */
QSP_API QSP_MUST_USE qsp_err qsp_conn_decaps_question(const struct qsp_conn *c,
						      struct qsp_decaps_question *q);
/* answer NULL: the operation failed, or is refused. */
QSP_API QSP_MUST_USE qsp_err qsp_conn_decaps(struct qsp_conn *c,
					     const struct qsp_decaps_answer *answer);

/*
 * Client: the other way to answer, for a key that an agent keeps. The question is the same, and the
 * ck into which to mix under the suite of kem id *suite; the answer is ck after both (qsp_key_mix).
 * QSP_E_INPUT where it has not the length of ck.
 */
QSP_API QSP_MUST_USE qsp_err qsp_conn_mix_question(const struct qsp_conn *c, uint8_t *suite,
						   struct qsp_bytes *ck);
QSP_API QSP_MUST_USE qsp_err qsp_conn_mix(struct qsp_conn *c, struct qsp_bytes ck);

/* QSP_WANT_TRUST: the key that the server showed (also once open), its CERTIFICATE body or nothing. */
QSP_API QSP_MUST_USE qsp_err qsp_conn_host_key(const struct qsp_conn *c,
					       struct qsp_key_public *out);
QSP_API struct qsp_bytes qsp_conn_certificate(const struct qsp_conn *c);
QSP_API QSP_MUST_USE qsp_err qsp_conn_trust(struct qsp_conn *c, bool trusted);

/* Methods of AUTH_REQUEST [P4.5]. */
enum qsp_method {
	QSP_METHOD_KEM = 1,
	QSP_METHOD_SIGNATURE = 2,
	QSP_METHOD_PASSWORD = 3,
	QSP_METHOD_NONE = 4,
	QSP_METHOD_INTERACTIVE = 5,
	QSP_METHOD_RESUME = 6, /* [P4.7] */
};
#define QSP_METHODS_MAX 8

/* What a session is resumed with [P4.7]: its name, and a secret of secret[0..len). */
struct qsp_ticket {
	uint64_t session;
	uint32_t generation, epoch;
	size_t len;
	uint8_t secret[48];
};
/* How far the Data streams have come, in bytes since the session began. */
struct qsp_progress {
	uint64_t sent, acked; /* ours, and what of it the peer has taken */
	uint64_t received;
	bool stealth; /* and under what: no Data before SHAPE [P8.2] */
};

/* Client, QSP_WANT_AUTH: the next attempt. */
struct qsp_login {
	struct qsp_bytes user; /* at most QSP_USER_MAX */
	enum qsp_method method;
	const struct qsp_key_public *key; /* KEM, SIGNATURE */
	struct qsp_bytes password;
	bool last; /* no other method will be tried: data may follow at once [P4.5] */
	const struct qsp_ticket *ticket; /* RESUME: of the connection that was lost */
	struct qsp_progress progress;    /* RESUME: and how far it had come */
};
QSP_API QSP_MUST_USE qsp_err qsp_conn_login(struct qsp_conn *c, const struct qsp_login *l);
/* What the last AUTH_FAILURE offered: methods, their number, partial success. n = 0 before one. */
QSP_API size_t qsp_conn_methods(const struct qsp_conn *c, uint8_t methods[QSP_METHODS_MAX],
				bool *partial);
/* Client: no method is left, or a prompt is not answered; closes. */
QSP_API QSP_MUST_USE qsp_err qsp_conn_give_up(struct qsp_conn *c);

/* QSP_WANT_SIGN */
QSP_API struct qsp_bytes qsp_conn_sign_input(const struct qsp_conn *c);
QSP_API QSP_MUST_USE qsp_err qsp_conn_sign(struct qsp_conn *c, struct qsp_bytes signature);

/* Prompts of interactive authentication, both ways. */
#define QSP_PROMPTS_MAX 8
struct qsp_prompt {
	struct qsp_bytes name, instruction;
	size_t n;
	struct qsp_bytes text[QSP_PROMPTS_MAX];
	bool echo[QSP_PROMPTS_MAX];
};
struct qsp_reply {
	size_t n;
	struct qsp_bytes text[QSP_PROMPTS_MAX];
};
/* Client, QSP_WANT_REPLY; what is returned borrows from c until the reply. */
QSP_API QSP_MUST_USE qsp_err qsp_conn_prompt(const struct qsp_conn *c, struct qsp_prompt *out);
QSP_API QSP_MUST_USE qsp_err qsp_conn_reply(struct qsp_conn *c, const struct qsp_reply *r);

/* Server, QSP_WANT_AUTH: what the client asks; borrowed until the decision. */
struct qsp_auth_question {
	struct qsp_bytes user;
	enum qsp_method method;
	uint8_t key_type; /* KEM: of the key asked for */
	uint8_t key_id[QSP_KEY_ID_LEN];
	bool has_key; /* SIGNATURE: key has signed under h, verified already; proof is the signature */
	struct qsp_key_public key;
	struct qsp_bytes password;
	bool has_reply; /* INTERACTIVE: reply answers the last prompt */
	struct qsp_reply reply;
	/* KEM whose challenge the decision brought: is this the proof [P4.5] under ck with ss mixed in? */
	bool has_proof;
	struct qsp_bytes ck, h, proof;
	/* RESUME: the session asked for, without its secret, and how much the client has taken. It is
	 * asked twice: for the ticket, and, with has_proof once the proof was right, for the verdict. */
	struct qsp_ticket ticket;
	uint64_t received;
};
enum qsp_verdict {
	QSP_AUTH_REFUSE,
	QSP_AUTH_ACCEPT,  /* KEM: accept once the proof for `key` verifies */
	QSP_AUTH_PARTIAL, /* like ACCEPT, but another method must follow */
	QSP_AUTH_PROMPT,  /* INTERACTIVE: ask `prompt` */
};
struct qsp_decision {
	enum qsp_verdict verdict;
	const struct qsp_key_public *key; /* KEM and not REFUSE: the key behind key_id */
	uint8_t methods[QSP_METHODS_MAX]; /* that can continue, for AUTH_FAILURE */
	size_t n_methods;
	const struct qsp_prompt *prompt;
	struct qsp_bytes
		ct; /* KEM: the challenge, where whoever decides made it and keeps its ss; the
			      * question then comes again with the proof */
	struct qsp_bytes ck; /* has_proof and not REFUSE: ck with ss mixed in */
	const struct qsp_ticket
		*ticket; /* RESUME: with its secret, where there is such a session */
	struct qsp_progress
		progress; /* RESUME, has_proof: the server's, its old connection dropped */
};
QSP_API QSP_MUST_USE qsp_err qsp_conn_auth_question(const struct qsp_conn *c,
						    struct qsp_auth_question *q);
/* A refused KEM attempt still goes through a challenge, to a decoy [P4.5]. */
QSP_API QSP_MUST_USE qsp_err qsp_conn_decide(struct qsp_conn *c, const struct qsp_decision *d);

/* Once IS_OPEN. */
/* Server: who logged in. Borrowed from c. */
QSP_API struct qsp_bytes qsp_conn_user(const struct qsp_conn *c);
/* Server: the index of the psk of class Q in use, or -1. */
QSP_API int qsp_conn_psk(const struct qsp_conn *c);
/* Client: the obfuscation secret that the server announced [P4.6]; false where none has yet. */
QSP_API bool qsp_conn_server_secret(const struct qsp_conn *c, uint8_t out[QSP_OK_LEN]);
/* Keying material for the application [P4.5]: out[0..n) = export(label, context, n). */
QSP_API QSP_MUST_USE qsp_err qsp_conn_export(const struct qsp_conn *c, struct qsp_bytes label,
					     struct qsp_bytes context, uint8_t *out, size_t n);

/*
 * Resumption [P4.7]. The ticket of a connection that is open, or was lost: the latest, or at a
 * server the one before, by which a client may come that was cut off. QSP_E_STATE where there is
 * none; a connection that ended by CLOSE has none. The caller wipes it.
 */
QSP_API QSP_MUST_USE qsp_err qsp_conn_ticket(const struct qsp_conn *c, bool older,
					     struct qsp_ticket *out);
/* False where resumption was not granted. */
QSP_API bool qsp_conn_progress(const struct qsp_conn *c, struct qsp_progress *out);

enum {
	QSP_REKEY_KEM = 1 << 0 /* with fresh KEM and DH keys; 0: the plain kind */
};
/* A key change now: the server starts one, the client asks for it. QSP_E_STATE while one runs. */
QSP_API QSP_MUST_USE qsp_err qsp_conn_rekey(struct qsp_conn *c, unsigned flags);

/* Asks for a sign of life; answered reads the token that came back last. */
QSP_API QSP_MUST_USE qsp_err qsp_conn_ping(struct qsp_conn *c, uint64_t token);
QSP_API bool qsp_conn_pong(const struct qsp_conn *c, uint64_t *token);

/* Ends the connection in order: CLOSE with reason and text (at most 255 bytes, static) is the last
 * cell. IS_CLOSED once it has left through output. */
QSP_API QSP_MUST_USE qsp_err qsp_conn_close(struct qsp_conn *c, enum qsp_reason reason,
					    const char *text);

/* Facts for people: all values are of now. */
struct qsp_conn_info {
	uint8_t kem, aead, layout; /* layout 1 T, 2 K */
	enum qsp_ok_class ok_class;
	enum qsp_wire wire;
	uint64_t session_id;
	uint32_t epoch;                    /* of what is sent */
	uint64_t plain_rekeys, kem_rekeys; /* done */
	uint64_t cells_sent, cells_received;
};
QSP_API void qsp_conn_get_info(const struct qsp_conn *c, struct qsp_conn_info *out);

QSP_END_C
#endif
