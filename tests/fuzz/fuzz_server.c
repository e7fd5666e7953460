/* SPDX-License-Identifier: ISC */
/*
 * A server from its first byte: an M1 of the fuzzer's, with a good mark and sealed as a client
 * would, or raw; then whatever it likes in the epochs that follow.
 */
#include "crypto/elligator2.h"
#include "crypto/kemeleon.h"
#include "crypto/x25519.h"
#include "ghost.h"
#include "proto/flight.h"

#define SLOT 48

/* What a client draws and computes for M1; the same in every run. */
struct drawn {
	uint8_t r_c[32], x_c[32], dh[32], ss[32];
	uint8_t ek[QSP_KEM_EK_MAX];
	uint8_t slot[2][QSP_KEM_SLOT_MAX]; /* of layouts T and K, unmasked */
};

static const struct drawn *
draw(struct ghost_world *w, uint8_t kem_id)
{
	static struct drawn all[3];
	static bool made[3];
	struct drawn *d = &all[kem_id];
	const struct qsp_kem *kem = qsp_kem_by_id(kem_id);
	const uint8_t *host = qsp_key_get_public(w->host_key[kem_id])->blob + 1;
	uint8_t seed[QSP_KEM_SEED_LEN] = { 7 }, random[QSP_KEM_RANDOM_LEN] = { 8 };
	uint8_t ct[QSP_KEM_CT_MAX];
	struct qsp_kem_key *key;

	if (made[kem_id])
		return d;
	must(qsp_elligator2_keypair(w->cx, d->x_c, d->r_c) == 0);
	must(qsp_x25519_dh(w->cx, d->x_c, host, d->dh) == 0);
	must(qsp_kem_key_new(w->cx, kem, seed, d->ek, &key) == 0);
	qsp_kem_key_free(key);
	must(qsp_kemeleon_put_ek(w->cx, kem, d->ek, d->slot[0]) == 0);
	must(qsp_kem_encaps(w->cx, kem, host + 32, random, ct, d->ss) == 0);
	must(qsp_kemeleon_put_ct(w->cx, kem, ct, d->slot[1]) == 0);
	made[kem_id] = true;
	return d;
}

static void
ok_of(struct ghost_world *w, enum qsp_ok_class ok_class, uint8_t ok[32])
{
	uint8_t secret[32];

	memset(secret, GHOST_SECRET, sizeof(secret));
	if (ok_class == QSP_OK_PSK)
		must(qsp_schedule_ok_psk(w->cx, secret, ok) == 0);
	else if (ok_class == QSP_OK_FIRST_CONTACT)
		must(qsp_schedule_ok_first_contact(w->cx, ok) == 0);
	else
		memcpy(ok, secret, 32);
}

/* E1's plaintext: a good one, over which the fuzzer's patches go. */
static void
put_e1(struct input *in, const struct qsp_kem *kem, const uint8_t *ek, uint8_t *e1)
{
	struct qsp_writer w = qsp_writer_of(e1, QSP_E_LEN(kem));
	struct qsp_msg_e1 m = {
		.version = 1, .aeads = { 3, 2, 1 }, .unix_ms = GHOST_WALL, .ek = ek
	};
	uint8_t patches = input_u8(in) % 8;

	m.aeads[0] = input_u8(in);
	qsp_msg_put_e1(&w, &m, ek ? kem->ek_len : 0);
	while (patches-- > 0) {
		size_t at = input_u16(in) % QSP_E_LEN(kem);

		e1[at] = input_u8(in);
	}
}

static void
put_m1(struct ghost *g, struct ghost_world *w, uint8_t choice, uint8_t *m1)
{
	bool k = choice & 1;
	const struct qsp_kem *kem = qsp_kem_by_id(choice & 2 ? 2 : 1);
	const struct drawn *d = draw(w, kem->id);
	const struct qsp_key_public *host = qsp_key_get_public(w->host_key[kem->id]);
	enum qsp_ok_class ok_class = (enum qsp_ok_class)(choice / 8 % 3);
	uint8_t ok[32], layout = k ? QSP_LAYOUT_K : QSP_LAYOUT_T, *e1 = m1 + SLOT + kem->slot_len;
	struct qsp_transcript t;
	struct qsp_key32 mark;

	ok_of(w, ok_class, ok);
	memcpy(m1, d->r_c, 32);
	must(qsp_schedule_mark_key(w->cx, ok, k ? d->dh : NULL, layout, kem->id, &mark) == 0);
	must(qsp_schedule_mark(w->cx, &mark, m1, (uint32_t)(GHOST_WALL / QSP_HOUR_MS), m1 + 32) ==
	     0);
	t = qsp_transcript_start(w->cx, kem, layout, k ? host->id : NULL, choice >> 2 & 1, ok);
	if (ok_class == QSP_OK_PSK) {
		memset(ok, GHOST_SECRET, sizeof(ok));
		qsp_transcript_mix_key(&t, ok);
	}
	qsp_transcript_mix_hash(&t, qsp_bytes(m1, SLOT));
	memcpy(m1 + SLOT, d->slot[k], kem->slot_len);
	if (choice & 64) /* another slot than the key's */
		m1[SLOT + input_u16(&g->in) % kem->slot_len] ^= input_u8(&g->in);
	if (k)
		qsp_transcript_mix_key(&t, d->dh);
	qsp_flight_mask(&t, "m1 slot", m1 + SLOT);
	qsp_transcript_mix_hash(&t, qsp_bytes(m1 + SLOT, kem->slot_len));
	if (k)
		qsp_transcript_mix_key(&t, d->ss);
	put_e1(&g->in, kem, k ? d->ek : NULL, e1);
	qsp_flight_seal(&t, "m1 enc", "m1 mac", e1, QSP_E_LEN(kem));
	must(t.err == 0);
}

/* choice: 1 K, 2 kem 2, 4 frames, 8 and 16 class, 64 a damaged slot, 128 raw */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ghost_world *w = ghost_world();
	struct ghost g = { .in = { data, len }, .worker = w->worker, .sealing = w->sealing };
	uint8_t choice = input_u8(&g.in), flight[22 + QSP_FLIGHT_LEN] = { 1 };
	size_t head = choice & 4 ? 22 : 0;

	g.host_key = w->host_key[choice & 2 ? 2 : 1];
	g.user_key = w->user_key;
	g.now = (struct qsp_now){ .mono = 1000, .wall = GHOST_WALL };
	must(qsp_conn_new_server(w->server[choice >> 2 & 1], w->worker, g.now, &g.target) == 0);
	if (choice & 128) {
		ghost_deliver(&g, input_take(&g.in, head + QSP_FLIGHT_LEN));
		must(!g.spoke);
	} else {
		qsp_bytes_put32(flight + 18, QSP_FLIGHT_LEN);
		put_m1(&g, w, choice, flight + head);
		ghost_deliver(&g, qsp_bytes(flight, head + QSP_FLIGHT_LEN));
		must(!g.spoke || !(qsp_conn_wants(g.target) & QSP_IS_SINK));
	}
	ghost_play(&g);
	qsp_conn_free(g.target);
	return 0;
}
