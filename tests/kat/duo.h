/* SPDX-License-Identifier: ISC */
/*
 * A client and a server engine as a case of handshake.json or session.json describes them: its
 * keys, its choices (inject.h), its answers to every question.
 */
#ifndef QSP_TESTS_KAT_DUO_H
#define QSP_TESTS_KAT_DUO_H

#include "kat/inject.h"
#include "proto/state.h"

struct duo_side {
	struct qsp_config *cfg;
	struct qsp_worker *worker;
	struct qsp_conn *c;
	struct inject_side inject;
	struct qsp_now now;
	uint8_t out[65536]; /* what the last duo_output wrote */
	size_t out_n;
};

struct duo {
	struct qsp_crypto *cx;
	const struct qsp_kem *kem;
	const json_t *o, *attempts, *rounds;
	struct qsp_key *host, *user, *decoy, *signer;
	struct qsp_peer peer;
	struct duo_side client, server;
	size_t tried, judged;  /* attempts begun at the client, decided at the server */
	size_t asked, replied; /* rounds of prompts */
	uint8_t entry[QSP_REPLAY_ENTRY_LEN];
	qsp_time until;
	unsigned entered; /* calls of the replay cache */
	bool outside; /* challenges are made, and proofs judged, outside of the server's engine */
	bool agent;   /* the client's ck is mixed by who keeps its key */
	struct qsp_key32 ss;
};

/* Keys, configurations and workers; the engines once duo_start is called. */
struct duo *duo_new(struct qsp_crypto *cx, const json_t *o);
void duo_start(struct duo *d);
void duo_free(struct duo *d);

/* Drains the side's output into out[0..out_n). */
void duo_output(struct duo_side *s);
/* Gives bytes to a side in pieces of at most `piece`, answering its questions on the way; the Data
 * stream that came out is appended to data (heap, *data_n bytes) where data is not NULL. */
qsp_err duo_input(struct duo *d, struct duo_side *s, struct qsp_bytes in, size_t piece,
		  uint8_t **data, size_t *data_n);
/* Answers one question of a side: false where it has none. */
bool duo_answer(struct duo *d, struct duo_side *s);

/* A hybrid key of the vectors: x_private, kem_seed; its public half is compared. */
struct qsp_key *duo_key(const struct qsp_crypto *cx, const json_t *o);

#endif
