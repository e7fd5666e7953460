/* SPDX-License-Identifier: ISC */
/*
 * Writes the first inputs of the fuzz targets of the engine: make_corpus DIR fills DIR/msg, DIR/mux,
 * DIR/record, DIR/server, DIR/client and DIR/pair. They are in the formats that the targets read, so
 * both change together. Names begin with "made-"; "found-" are inputs that fuzzing kept for what they
 * reach.
 */
#include "base/writer.h"
#include "pair.h"
#include "proto/msg.h"

#include <qsp/channel.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ROOM 20000

static const char *top;
static uint8_t room[ROOM];
static const uint8_t filler[4000] = { 1, 2, 3 };

static struct qsp_writer
begin(void)
{
	return qsp_writer_of(room, ROOM);
}

static void
save(const struct qsp_writer *w, const char *target, unsigned number)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", top, target);
	(void)mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/made-%03u", top, target, number);
	if (qsp_writer_done(w) != 0 || (f = fopen(path, "wb")) == NULL ||
	    fwrite(w->p, 1, w->n, f) != w->n || fclose(f) != 0) {
		fprintf(stderr, "make_corpus: cannot write %s\n", path);
		exit(1);
	}
}

/* --- msg: u8 choice || body -------------------------------------------------------------- */

static void
put_message(struct qsp_writer *w, unsigned choice)
{
	static const struct qsp_bytes word = { (const uint8_t *)"word", 4 };
	const struct qsp_kem *kem = qsp_kem_by_id(choice < 11 ? 1 : 2);
	struct qsp_prompt prompt = { .name = word, .n = 2, .text = { word, word } };
	struct qsp_reply reply = { .n = 2, .text = { word, word } };
	struct qsp_msg_rekey_init init = { 1, 2, { filler, 32 }, { filler, 32 }, { 0 } };
	struct qsp_msg_rekey_ack ack = { 1, 2, { filler, 32 }, { 0 }, { filler, 32 } };

	init.ek = qsp_bytes(filler, kem->ek_len);
	ack.ct = qsp_bytes(filler, kem->ct_len);
	if (choice < 4) {
		qsp_writer_put(w, qsp_bytes(filler, 24));
		qsp_writer_zero(w, choice & 1 ? 1500 : 40);
	} else if (choice == 4) {
		qsp_msg_put_auth_request(w, &(struct qsp_msg_auth_request){ word, 3, word });
	} else if (choice == 5) {
		qsp_msg_put_auth_failure(w, &(struct qsp_msg_auth_failure){ 1, word });
	} else if (choice == 6) {
		qsp_msg_put_prompt(w, &prompt);
	} else if (choice == 7) {
		qsp_msg_put_reply(w, &reply);
	} else if (choice == 8 || choice == 11) {
		qsp_msg_put_rekey_init(w, &init);
	} else if (choice == 9 || choice == 12) {
		qsp_msg_put_rekey_ack(w, &ack);
	} else if (choice == 10 || choice == 13) {
		qsp_msg_put_rekey_done(w, &(struct qsp_msg_rekey_done){ 2, { filler, 32 } });
	} else if (choice == 14) {
		qsp_msg_put_server_info(
			w, &(struct qsp_msg_server_info){ { filler, 32 }, word, word, word });
	} else {
		qsp_msg_put_close(w, &(struct qsp_msg_close){ 10, word });
	}
}

static void
make_msg(void)
{
	for (unsigned choice = 0; choice < 16; choice++) {
		struct qsp_writer w = begin();

		qsp_writer_u8(&w, (uint8_t)choice);
		put_message(&w, choice);
		save(&w, "msg", choice);
	}
}

/* --- mux: u8 channels || u8 cuts || the Data stream --------------------------------------- */

static void
drop(qsp_err e)
{
	if (e) {
		fprintf(stderr, "make_corpus: %s\n", qsp_err_text(e));
		exit(1);
	}
}

/* A channel of the peer's as the target will number it: 0. */
static void
talk(struct qsp_mux *m, uint32_t ch, struct qsp_writer *w)
{
	static const struct qsp_bytes confirmation = {
		(const uint8_t *)"\0\0\0\x11\x5b\0\0\0\0\0\0\0\0\0\1\0\0\0\0\x80\0", 21
	};
	struct qsp_bytes in = confirmation;
	struct qsp_mux_event ev;
	size_t used;

	drop(qsp_mux_event(m, &in, &ev));
	drop(qsp_mux_request(m, ch, "exec", true, qsp_bytes_str("\0\0\0\2ls")));
	drop(qsp_mux_data(m, ch, 0, qsp_bytes(filler, 500), &used));
	drop(qsp_mux_data(m, ch, QSP_MUX_STDERR, qsp_bytes(filler, 50), &used));
	drop(qsp_mux_global(m, "tcpip-forward", true, QSP_BYTES_NONE));
	drop(qsp_mux_eof(m, ch));
	drop(qsp_mux_close(m, ch));
	qsp_writer_put(w, qsp_mux_output(m));
}

static void
make_mux(void)
{
	static const char *const types[] = { "session", "direct-tcpip" };

	for (unsigned i = 0; i < 8; i++) {
		struct qsp_mux_limits limits = qsp_mux_limits_default();
		struct qsp_writer w = begin();
		struct qsp_mux *m;
		uint32_t ch;

		limits.window = 4096;
		drop(qsp_mux_new(&limits, &m));
		drop(qsp_mux_open(m, types[i & 1], qsp_bytes(filler, i), NULL, &ch));
		qsp_writer_u8(&w, 0);
		qsp_writer_u8(&w, (uint8_t)(i * 5));
		talk(m, ch, &w);
		save(&w, "mux", i);
		qsp_mux_free(m);
	}
}

/* --- record, server, client: ghost.c's acts ----------------------------------------------- */

static void
say(struct qsp_writer *w, bool handshake, uint8_t kind, const void *body, size_t n)
{
	qsp_writer_u8(w, handshake ? 0 : 1);
	qsp_writer_u8(w, 0);
	qsp_writer_u8(w, kind);
	qsp_writer_u8(w, 1);
	qsp_writer_vec16(w, qsp_bytes(body, n));
}

static void
record(struct qsp_writer *w, uint8_t type, size_t n)
{
	qsp_writer_u8(w, 4);
	qsp_writer_u8(w, type);
	qsp_writer_vec16(w, qsp_bytes(filler, n));
}

static void
act(struct qsp_writer *w, uint8_t choice)
{
	qsp_writer_u8(w, 6);
	qsp_writer_u8(w, 0);
	qsp_writer_u8(w, choice);
}

/* What an open connection may meet. */
static void
play(struct qsp_writer *w, bool server, bool kem)
{
	static const uint8_t init[37 + 32 + 1184] = { 0, 0, 0, 0, 2 };
	static const uint8_t init_kem[37 + 32 + 1184] = { 1, 0, 0, 0, 2, [37] = 9 };

	say(w, false, QSP_MSG_PING, filler, 8);
	record(w, QSP_TYPE_DATA, 300);
	act(w, 3);
	act(w, 2);
	if (server)
		say(w, false, QSP_MSG_REKEY_REQUEST, kem ? "\1" : "\0", 1);
	else
		say(w, true, QSP_MSG_SERVER_INFO,
		    "\1\0\x20"
		    "0123456789abcdef0123456789abcdef",
		    35);
	act(w, 8);
	act(w, 1);
	say(w, false, QSP_MSG_PONG, filler, 8);
	qsp_writer_u8(w, 5); /* a plaintext, with what must be right set right */
	qsp_writer_u8(w, 7);
	qsp_writer_vec16(w, qsp_bytes(filler, 200));
	act(w, 252);
	if (!server)
		say(w, false, QSP_MSG_REKEY_INIT, kem ? init_kem : init, kem ? sizeof(init) : 37);
	say(w, false, QSP_MSG_CLOSE, "\0\0bye", 5);
	record(w, 5, 4);
}

static void
make_record(void)
{
	for (unsigned choice = 0; choice < 24; choice++) {
		struct qsp_writer w = begin();

		qsp_writer_u8(&w, (uint8_t)choice);
		play(&w, choice & 1, choice & 8);
		save(&w, "record", choice);
	}
}

static void
make_server(void)
{
	for (unsigned choice = 0; choice < 24; choice++) {
		bool kem_2 = choice & 2;
		struct qsp_writer w = begin();

		qsp_writer_u8(&w, (uint8_t)choice);
		qsp_writer_u8(&w, 0); /* no patches of E1 */
		qsp_writer_u8(&w, (uint8_t)(1 + choice % 3));
		if (!(choice & 1))
			say(&w, true, QSP_MSG_KEM_S, filler, kem_2 ? 1568 : 1088);
		say(&w, true, QSP_MSG_AUTH_REQUEST, "\0\1u\3\0\2pw", 8);
		qsp_writer_u8(&w, 0); /* refused */
		say(&w, true, QSP_MSG_AUTH_REQUEST, "\0\1u\4", 4);
		qsp_writer_u8(&w, 1); /* accepted */
		say(&w, true, QSP_MSG_EPOCH, "", 0);
		play(&w, true, choice & 8);
		save(&w, "server", choice);
	}
}

static void
make_client(void)
{
	for (unsigned choice = 0; choice < 16; choice++) {
		for (unsigned method = 0; method < 5; method++) {
			struct qsp_writer w = begin();

			qsp_writer_u8(&w, (uint8_t)choice);
			qsp_writer_u8(&w, (uint8_t)(method + 8 * (choice & 1)));
			say(&w, true, QSP_MSG_AUTH_FAILURE, "\0\2\1\2", 4);
			qsp_writer_u8(&w, (uint8_t)method);
			say(&w, true, QSP_MSG_AUTH_CHALLENGE, filler, 1088);
			say(&w, true, QSP_MSG_PROMPT, "\0\1n\0\1i\1\0\2p?\0", 13);
			say(&w, true, QSP_MSG_AUTH_OK, filler, choice & 2 ? 48 : 32);
			save(&w, "client", choice * 5 + method);
		}
	}
}

/* --- pair: u8 options || u8 options || steps of two bytes, and their arguments ------------- */

static void
make_pair(void)
{
	for (unsigned i = 0; i < 48; i++) {
		struct qsp_writer w = begin();
		uint64_t dice = i;

		qsp_writer_u8(&w, (uint8_t)(i * 37));
		qsp_writer_u8(&w, (uint8_t)(i * 5 % 20 + (i & 1) * 128));
		for (unsigned step = 0; step < 24; step++) {
			static const uint8_t calm[] = { 4, 6, 8, 0, 5, 7, 9, 14 };
			uint64_t r = pair_random(&dice);

			qsp_writer_u8(&w, i % 3 ? calm[r % 8] : (uint8_t)r);
			qsp_writer_u8(&w, (uint8_t)(r >> 8));
		}
		save(&w, "pair", i);
	}
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: make_corpus DIR\n");
		return 2;
	}
	top = argv[1];
	make_msg();
	make_mux();
	make_record();
	make_server();
	make_client();
	make_pair();
	return 0;
}
