/* SPDX-License-Identifier: ISC */
/*
 * The agent under requests of one connection. Each begins with a byte for the time that passes (and
 * the person's yes), one for its kind: raw bytes behind a length, or a well-formed request about one of
 * the agent's keys with contents from the input. Every answer is one whole message.
 */
#include "app/agent.h"

#include "base/mem.h"
#include "fuzz/input.h"

#define ROOM (4 + QSP_AGENT_ANSWER_MAX)
#define LOCKS_MAX 2 /* each costs an scrypt */

static struct qsp_crypto *cx;
static struct qsp_key *keys[2];

static const struct qsp_key_public *
pub(size_t i)
{
	return qsp_key_get_public(keys[i & 1]);
}

static void
start(void)
{
	static const uint8_t seed[QSP_KEY_SEED_MAX] = { 1 };

	must(qsp_crypto_new(NULL, NULL, &cx) == 0);
	must(qsp_key_new(cx, QSP_KEY_MLKEM768X25519, qsp_bytes(seed, 96), &keys[0]) == 0);
	must(qsp_key_new(cx, QSP_KEY_ML_DSA_65, qsp_bytes(seed, 32), &keys[1]) == 0);
}

/* Answers one request and judges the form of what came. */
static struct qsp_bytes
ask(struct qsp_agent *a, struct qsp_agent_peer *peer, struct qsp_agent_call *call, uint8_t *out)
{
	struct qsp_writer w = qsp_writer_of(out, ROOM);
	enum qsp_agent_verdict v = qsp_agent_answer(a, peer, call, &w);

	if (v == QSP_AGENT_ASK) {
		must(!call->allowed && call->question[0]);
		return QSP_BYTES_NONE;
	}
	must(w.n >= 5 && !w.failed && qsp_bytes_get32(out) == w.n - 4);
	must(v != QSP_AGENT_LATE || call->late > call->now);
	return qsp_bytes(out + 4, w.n - 4);
}

static struct qsp_agent_msg
well_formed(struct input *in, uint8_t kind)
{
	struct qsp_agent_msg m = { 0 };
	const struct qsp_key_public *p = pub(input_u8(in));

	m.type = kind == 1   ? QSP_AGENT_EXTENSION
		 : kind == 2 ? QSP_AGENT_SIGN_REQUEST
		 : kind == 3 ? QSP_AGENT_REMOVE_IDENTITY
			     : QSP_AGENT_ADD_CONSTRAINED;
	m.ext = QSP_AGENT_EXT_KEM_MIX;
	m.key = qsp_bytes(p->blob, p->len);
	m.key_id = QSP_BYTES_OF(p->id);
	m.suite = input_u8(in);
	m.ck = input_take(in, input_u8(in) & 63);
	m.point = input_take(in, 32);
	m.ct = input_take(in, input_u16(in) & 2047);
	m.data = input_take(in, input_u8(in));
	m.flags = input_u8(in);
	m.key_type = p->blob[0];
	m.seed = input_take(in, qsp_key_seed_len(m.key_type));
	m.comment = input_take(in, input_u16(in));
	m.lifetime = input_u8(in);
	m.confirm = m.lifetime & 1;
	return m;
}

/* What reads is written again as the same bytes, where nothing is said twice. */
static struct qsp_bytes
next_request(struct input *in, uint8_t *buf, unsigned *locks)
{
	uint8_t kind = input_u8(in) & 7;
	struct qsp_writer w = qsp_writer_of(buf, 4 + QSP_AGENT_REQUEST_MAX);
	struct qsp_agent_msg m, back;
	struct qsp_bytes raw;

	if (kind < 1 || kind > 4) {
		raw = input_take(in, input_u16(in));
		if (raw.n > 0 && (raw.p[0] == QSP_AGENT_LOCK || raw.p[0] == QSP_AGENT_UNLOCK) &&
		    ++*locks > LOCKS_MAX)
			return QSP_BYTES_NONE;
		return raw;
	}
	m = well_formed(in, kind);
	qsp_agent_msg_put(&w, &m);
	if (w.failed)
		return QSP_BYTES_NONE;
	raw = qsp_bytes(buf + 4, w.n - 4);
	if (qsp_agent_msg_get(raw, &back) == 0) {
		must(back.type == m.type && back.key.n == (kind == 2 || kind == 3 ? m.key.n : 0));
		must(back.ct.n == (kind == 1 ? m.ct.n : 0));
	}
	return raw;
}

/* What an agent says to a client may be as hostile. */
static void
read_as_answer(struct qsp_bytes b)
{
	struct qsp_agent_identity id;
	struct qsp_agent_list list;
	struct qsp_bytes out;

	if (qsp_agent_msg_get_list(b, &list) == 0)
		while (qsp_agent_msg_next(&list, &id))
			must(id.blob.n > 0);
	if (qsp_agent_msg_get_signature(b, &out) == 0)
		must(out.n <= b.n);
	if (qsp_agent_msg_get_mixed(b, &out) == 0)
		must(out.n <= b.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct qsp_agent_seeds seeds;
	static uint8_t out[ROOM], request[4 + QSP_AGENT_REQUEST_MAX];
	struct qsp_agent_peer peer = { .pid = 1 };
	struct input in = { data, len };
	struct qsp_agent *a;
	unsigned locks = 0;
	qsp_time now = 1000;

	if (!cx)
		start();
	read_as_answer(qsp_bytes(data, len));
	must(qsp_agent_new(cx, &seeds, 0, &a) == 0);
	for (size_t i = 0; i < 2; i++) {
		struct qsp_agent_msg m = { .type = QSP_AGENT_ADD_CONSTRAINED,
					   .key_type = pub(i)->blob[0],
					   .confirm = i == 1,
					   .comment = qsp_bytes_str("key") };
		struct qsp_agent_call call = { .now = now };
		struct qsp_writer w = qsp_writer_of(request, sizeof(request));
		uint8_t seed[QSP_KEY_SEED_MAX];

		qsp_key_get_seed(keys[i], seed);
		m.seed = qsp_bytes(seed, qsp_key_seed_len(m.key_type));
		qsp_agent_msg_put(&w, &m);
		call.request = qsp_bytes(request + 4, w.n - 4);
		must(ask(a, &peer, &call, out).p[0] == QSP_AGENT_SUCCESS);
	}
	while (in.n > 0) {
		uint8_t tick = input_u8(&in);
		struct qsp_agent_call call = { .now = now += tick & 127, .allowed = tick >> 7 };
		struct qsp_bytes answer;

		call.request = next_request(&in, request, &locks);
		answer = ask(a, &peer, &call, out);
		read_as_answer(answer);
	}
	qsp_agent_free(a);
	for (size_t i = 0; i < sizeof(seeds); i++)
		must(((const uint8_t *)&seeds)[i] == 0);
	return 0;
}
