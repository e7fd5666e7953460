/* SPDX-License-Identifier: ISC */
/*
 * Every parser of messages: the first byte chooses one, the rest is a body. What is accepted is
 * written again, and where a message has only one form it must be the same bytes.
 */
#include "input.h"
#include "proto/msg.h"

#define ROOM 70000

static uint8_t again[ROOM];

static struct qsp_writer
writer(void)
{
	return qsp_writer_of(again, ROOM);
}

/* What was put is what was got. */
static void
same(const struct qsp_writer *w, struct qsp_bytes in)
{
	must(qsp_writer_done(w) == 0 && qsp_bytes_equal(qsp_writer_bytes(w), in));
}

static void
flights(uint8_t which, struct qsp_bytes in)
{
	size_t ek_len = which & 1 ? 1184 : 0;
	struct qsp_writer w = qsp_writer_of(again, in.n < ROOM ? in.n : ROOM);
	struct qsp_msg_e1 e1;
	struct qsp_msg_e2 e2;

	if (which < 2 && qsp_msg_get_e1(in, ek_len, &e1) == 0) {
		qsp_msg_put_e1(&w, &e1, ek_len);
		same(&w, in);
	} else if (which >= 2 && qsp_msg_get_e2(in, ek_len, &e2) == 0) {
		qsp_msg_put_e2(&w, &e2, ek_len);
		same(&w, in);
	}
}

static void
logins(uint8_t which, struct qsp_bytes in)
{
	struct qsp_writer w = writer();
	struct qsp_msg_auth_request request;
	struct qsp_msg_auth_failure failure;
	struct qsp_prompt prompt;
	struct qsp_reply reply;

	if (which == 0 && qsp_msg_get_auth_request(in, &request) == 0) {
		qsp_msg_put_auth_request(&w, &request);
		same(&w, in);
	} else if (which == 1 && qsp_msg_get_auth_failure(in, &failure) == 0) {
		qsp_msg_put_auth_failure(&w, &failure);
		same(&w, in);
	} else if (which == 2 && qsp_msg_get_prompt(in, &prompt) == 0) {
		must(prompt.n <= QSP_PROMPTS_MAX);
		qsp_msg_put_prompt(&w, &prompt);
		same(&w, in);
	} else if (which == 3 && qsp_msg_get_reply(in, &reply) == 0) {
		must(reply.n <= QSP_PROMPTS_MAX);
		qsp_msg_put_reply(&w, &reply);
		same(&w, in);
	}
}

static void
rekeys(uint8_t which, const struct qsp_kem *kem, struct qsp_bytes in)
{
	struct qsp_writer w = writer();
	struct qsp_msg_rekey_init init;
	struct qsp_msg_rekey_ack ack;
	struct qsp_msg_rekey_done done;
	uint32_t epoch;
	uint8_t flags;

	if (qsp_msg_get_rekey_head(in, &flags, &epoch) != 0)
		must(in.n < 5);
	if (which == 0 && qsp_msg_get_rekey_init(in, kem, &init) == 0) {
		qsp_msg_put_rekey_init(&w, &init);
		same(&w, in);
	} else if (which == 1 && qsp_msg_get_rekey_ack(in, kem, &ack) == 0) {
		qsp_msg_put_rekey_ack(&w, &ack);
		same(&w, in);
	} else if (which == 2 && qsp_msg_get_rekey_done(in, &done) == 0) {
		qsp_msg_put_rekey_done(&w, &done);
		same(&w, in);
	}
}

static void
others(uint8_t which, struct qsp_bytes in)
{
	struct qsp_writer w = writer();
	struct qsp_msg_server_info info;
	struct qsp_msg_close close;
	uint64_t v;
	uint8_t b;

	if (which == 0 && qsp_msg_get_server_info(in, &info) == 0) {
		qsp_msg_put_server_info(&w, &info);
		must(qsp_writer_done(&w) == 0);
	} else if (which == 1 && qsp_msg_get_close(in, &close) == 0) {
		qsp_msg_put_close(&w, &close);
		same(&w, in);
	} else if (which == 2) {
		must((qsp_msg_get_u64(in, &v) == 0) == (in.n == 8));
		must((qsp_msg_get_u8(in, &b) == 0) == (in.n == 1));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	uint8_t choice = (uint8_t)(input_u8(&in) % 16);
	struct qsp_bytes body = { in.p, in.n };

	if (body.n > ROOM - 64)
		return 0;
	if (choice < 4)
		flights(choice, body);
	else if (choice < 8)
		logins((uint8_t)(choice - 4), body);
	else if (choice < 14)
		rekeys((uint8_t)((choice - 8) % 3), qsp_kem_by_id(choice < 11 ? 1 : 2), body);
	else
		others((uint8_t)(choice - 14), body);
	if (choice == 15)
		others(2, body);
	return 0;
}
