/* SPDX-License-Identifier: ISC */
/*
 * A client whose server is the fuzzer's: M2 raw, or a good one, after which the server says what
 * it likes under the keys of epoch 0. The client draws the same in every run, so that an M2 made
 * once for a way in stays good.
 */
#include "ghost.h"

#define WAYS 16

/* choice: 1 K, 2 kem 2, 4 frames, 8 class N, else S */
static struct qsp_conn *
make(struct ghost_world *w, uint8_t choice, struct qsp_now now)
{
	uint8_t kem = choice & 2 ? 2 : 1;
	struct qsp_peer peer = {
		.kem = kem,
		.host_key = choice & 1 ? qsp_key_get_public(w->host_key[kem]) : NULL,
		.ok_class = choice & 8 ? QSP_OK_FIRST_CONTACT : QSP_OK_SECRET,
	};
	struct qsp_conn *c;

	memset(peer.secret, GHOST_SECRET, sizeof(peer.secret));
	w->random = choice;
	must(qsp_conn_new_client(w->client[choice >> 2 & 1], w->worker, &peer, now, &c) == 0);
	return c;
}

/* The M2 that a server gives the client of this way in. */
static struct qsp_bytes
m2_of(struct ghost_world *w, uint8_t way, struct qsp_now now)
{
	static uint8_t all[WAYS][QSP_OUTPUT_MIN];
	static size_t len[WAYS];
	struct qsp_conn *client, *server;
	struct qsp_key *const keys[] = { w->host_key[1], w->host_key[2] };
	struct qsp_decaps_question q;
	struct qsp_decaps_answer a;
	struct qsp_bytes data;
	uint8_t m1[QSP_OUTPUT_MIN];
	size_t n, used;

	if (len[way] > 0)
		return qsp_bytes(all[way], len[way]);
	client = make(w, way, now);
	must(qsp_conn_new_server(w->server[way >> 2 & 1], w->sealing, now, &server) == 0);
	must(qsp_conn_output(client, now, QSP_BYTES_NONE, &used, m1, sizeof(m1), &n) == 0);
	must(qsp_conn_recv(server, now, m1, n, &used, &data) == 0);
	while (qsp_conn_wants(server) & QSP_WANT_DECAPS) {
		must(qsp_conn_decaps_question(server, &q) == 0);
		must(qsp_key_answer(keys, 2, &q, &a) == 0);
		must(qsp_conn_decaps(server, &a) == 0);
	}
	must(qsp_conn_output(server, now, QSP_BYTES_NONE, &used, all[way], QSP_OUTPUT_MIN,
			     &len[way]) == 0);
	must(len[way] >= QSP_FLIGHT_LEN);
	qsp_conn_free(client);
	qsp_conn_free(server);
	return qsp_bytes(all[way], len[way]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ghost_world *w = ghost_world();
	struct ghost g = { .in = { data, len }, .worker = w->worker, .sealing = w->sealing };
	uint8_t choice = input_u8(&g.in), m2[QSP_OUTPUT_MIN];
	struct qsp_bytes good;

	g.user_key = w->user_key;
	g.now = (struct qsp_now){ .mono = 1000, .wall = GHOST_WALL };
	good = m2_of(w, choice % WAYS, g.now);
	g.target = make(w, choice % WAYS, g.now);
	if (choice & 128) {
		ghost_deliver(&g, input_take(&g.in, QSP_FLIGHT_LEN + 22));
	} else {
		memcpy(m2, good.p, good.n);
		if (choice & 64)
			m2[input_u16(&g.in) % good.n] ^= input_u8(&g.in);
		ghost_deliver(&g, qsp_bytes(m2, good.n));
		if (!(choice & 64)) /* but for what the user decides */
			must(qsp_conn_error(g.target) == 0 ||
			     qsp_conn_error(g.target) == QSP_E_TRUST ||
			     qsp_conn_error(g.target) == QSP_E_AUTH);
	}
	ghost_play(&g);
	qsp_conn_free(g.target);
	return 0;
}
