/* SPDX-License-Identifier: ISC */
/*
 * What a connection is made of, for the files of src/proto alone. `struct qsp_conn` lives as long
 * as the connection and stays within 1 KiB; `struct qsp_handshake` lives until it is open.
 */
#ifndef QSP_PROTO_STATE_H
#define QSP_PROTO_STATE_H

#include "crypto/aead.h"
#include "proto/msg.h"
#include "proto/schedule.h"
#include "proto/shape.h"

#include <qsp/config.h>
#include <qsp/conn.h>

#define QSP_VERSION_1 1
#define QSP_LAYOUT_T 1
#define QSP_LAYOUT_K 2
#define QSP_E_LEN(kem) (QSP_FLIGHT_LEN - 32 - QSP_MARK_LEN - (size_t)(kem)->slot_len - 32)
#define QSP_E2_LEN(kem) (QSP_FLIGHT_LEN - 32 - (size_t)(kem)->slot_len - 32)
#define QSP_E_MAX 2240
#define QSP_CLOCK_SKEW_MS 600000u

enum qsp_role {
	QSP_CLIENT = 0,
	QSP_SERVER = 1,
};

/* An obfuscation key that a server listens under. */
struct qsp_listen_key {
	uint8_t ok[32];
	uint8_t psk[32];
	enum qsp_ok_class ok_class;
	enum qsp_secret_age age;
	int psk_index; /* -1 but in class Q */
};

struct qsp_config {
	const struct qsp_crypto *cx;
	uint8_t aeads[6];
	uint8_t n_aeads;
	enum qsp_wire wire;
	uint64_t plain_cells, kem_cells, kem_ms;
	unsigned max_auth_tries;
	uint8_t methods[QSP_METHODS_MAX];
	uint8_t n_methods;
	bool first_contact, resumable;
	struct qsp_listen_key first_contact_key;
	struct qsp_listen_key keys[QSP_SECRET_MAX + QSP_PSK_MAX];
	size_t n_keys, n_psks, n_secrets;
	uint8_t current_secret[QSP_OK_LEN];
	bool has_secret;
	struct qsp_key_public host_keys[QSP_HOST_KEY_MAX];
	size_t n_host_keys;
	struct qsp_key_public decoys[2]; /* of kem id 1 and 2 */
	struct qsp_bytes certificate;
	const char *software;
	qsp_replay_fn replay;
	void *replay_arg;
	qsp_time not_before;
	struct qsp_shape_allowed shaping;
};

/* One direction: its keys, counters and clock [P2]. */
struct qsp_lane {
	uint64_t serial; /* names the keys to a worker; 0: none */
	uint64_t seq;
	uint64_t timestamp;
	uint32_t epoch;
	struct qsp_aead_keys keys;
};

/* A message of which a part has arrived; memory exists only then. */
struct qsp_partial {
	uint8_t *p;
	uint32_t have, cap;
};

/* What happens once a message has left. */
enum qsp_then {
	QSP_THEN_NOTHING,
	QSP_THEN_SWITCH, /* the sender's next epoch begins */
	QSP_THEN_CLOSED, /* it was CLOSE */
};

/* A message, or flight, that waits to be sent. */
struct qsp_outgoing {
	struct qsp_outgoing *next;
	uint8_t type; /* enum qsp_type */
	uint8_t then;
	uint32_t len, off, cap;
	uint8_t data[];
};

struct qsp_handshake;
struct qsp_rekey;
struct qsp_resumable;

struct qsp_conn {
	/* what each cell touches, close together: with thousands of connections these lines are cold */
	const struct qsp_config *cfg;
	struct qsp_worker *worker;
	struct qsp_handshake *hs;        /* until open */
	struct qsp_rekey *rekey;         /* while one runs */
	struct qsp_resumable *resumable; /* [P4.7] where it was granted */
	const struct qsp_aead *aead;
	const struct qsp_wire_format *wire;
	struct qsp_outgoing *out; /* in order */
	uint8_t role, state, rekey_state, raised;
	uint8_t layout, ok_class, request_flags, user_len;
	bool ping_due, pong_due, pong_seen, request_due;
	bool closing, closed, can_send, can_receive, peer_closed, peer_closed_auth;
	bool tx_switched, rx_switched;
	qsp_err err;
	int16_t psk_index;
	uint16_t peer_reason;
	struct { /* SHAPE [P8]: shape_conn.c */
		struct qsp_shape_params now;
		bool due, open; /* to be sent; client: asked, and not answered */
		uint32_t changes;
		qsp_time since; /* mono of the last change */
	} shape;
	qsp_time start;      /* mono */
	qsp_time kem_due;    /* mono of the timed rekey; 0: nothing has moved since */
	qsp_time held_since; /* client: mono since data waits for a rekey; 0: it does not */
	uint64_t cells_plain, cells_kem; /* since the last rekey that resets them */
	uint64_t plain_rekeys, kem_rekeys, cells_sent, cells_received;
	struct qsp_lane rx, tx;
	/* the rest */
	struct qsp_es es, es_next; /* es_next: where rx or tx has switched, or will */
	struct qsp_es exporter, resumption;
	struct qsp_partial in[3]; /* types 1, 3, 4 */
	struct qsp_outgoing *out_last;
	const struct qsp_kem *kem;
	const char *why;                /* static */
	char *user;                     /* server, once open; user_len bytes */
	struct qsp_client_facts *facts; /* client: host key, announced secret */
	uint8_t *close_text;            /* the peer's, with its length in front (2 bytes) */
	uint64_t session_id;
	uint64_t ping, pong, ping_answered; /* tokens: ours to ask, to give back, seen back */
	qsp_time sink_until;
};

/* Outlives the handshake on a client. */
struct qsp_client_facts {
	struct qsp_key_public host_key;
	uint8_t secret[QSP_OK_LEN];
	bool has_secret;
	uint8_t methods[QSP_METHODS_MAX]; /* of the latest AUTH_FAILURE */
	uint8_t n_methods;
	bool partial;
	bool has_shaping;
	struct qsp_shape_allowed shaping; /* as announced */
};

struct qsp_handshake {
	struct qsp_now now; /* of the latest input: answers come without a time */
	struct qsp_transcript t;
	struct qsp_ck ck_before;             /* of the latest AUTH_REQUEST [P4.5] */
	uint8_t h_before[QSP_HASH_MAX];      /* server: h under which a proof was made */
	struct qsp_key32 x;                  /* x_c or y_s, private */
	uint8_t peer_point[32];              /* u behind R_s or R_c */
	struct qsp_kem_key *ek_e;            /* client: ephemeral, waits for M2 */
	uint8_t flight[QSP_FLIGHT_LEN];      /* server: M1 while questions are open */
	const struct qsp_listen_key *listen; /* server: under which M1 came */
	unsigned host_key;                   /* server: index of the key in use */
	bool certificate_due;
	struct qsp_bytes certificate; /* client: owned body */

	/* the question of QSP_WANT_DECAPS; ct is owned */
	struct qsp_decaps_question question;
	uint8_t *ct;
	struct qsp_decaps_answer answer;

	/* authentication, both roles */
	struct qsp_bytes user; /* owned */
	enum qsp_method method;
	struct qsp_key_public key; /* client: its own; server: of the question or decision */
	uint8_t *body;             /* owned: message that a question borrows from */
	size_t body_len;
	bool last;                             /* client: pipeline EPOCH */
	uint8_t sign_input[27 + QSP_HASH_MAX]; /* client */
	size_t sign_len;
	uint8_t methods[QSP_METHODS_MAX];
	uint8_t n_methods;
	bool partial;
	struct qsp_auth_question auth; /* server */
	struct qsp_decision decision;
	bool doomed;  /* server: the challenge went to a decoy */
	bool outside; /* server: who decides made the challenge, and judges the proof */
	unsigned failures;
};

/* The record formats [P2, P9]: one interface, two rows. */
struct qsp_record {
	uint8_t type;
	uint8_t *p; /* payload, inside the caller's buffer */
	size_t n;
	bool may_close; /* CLOSE may stand here: any cell, or FT_CLOSE, which holds it alone */
};
struct qsp_wire_format {
	enum qsp_wire id;
	/* Payload bytes that a record of this type can take, given room bytes of output. 0: none. */
	size_t (*capacity)(const struct qsp_conn *c, size_t room);
	/* Writes one record with payload p[0..len) into out, which is large enough; *n its length. */
	qsp_err (*seal)(struct qsp_conn *c, struct qsp_now now, uint8_t type, const uint8_t *p,
			size_t len, uint8_t *out, size_t *n);
	/* Opens the record at buf in place. *n = its length, 0 where it is not whole yet. */
	qsp_err (*open)(struct qsp_conn *c, uint8_t *buf, size_t avail, size_t *n,
			struct qsp_record *rec);
	/* Flights: bytes in front of the 3840; writing and checking them. */
	size_t flight_head;
	void (*put_flight_head)(const struct qsp_conn *c, uint8_t *out);
	bool (*flight_head_good)(const struct qsp_conn *c, const uint8_t *in);
};
extern const struct qsp_wire_format qsp_cell_format, qsp_frame_format;

#endif
