/* SPDX-License-Identifier: ISC */
/*
 * session.json: the client's bytes to a server engine and the server's bytes to a client engine, in
 * the order in which they were sent. Neither engine's own records go anywhere: how messages are cut
 * into records is the sender's choice.
 */
#include "fixture.h"
#include "kat/duo.h"
#include "proto/steps.h"

#include <qsp/channel.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* What a side's channels said, a line an event; data runs on. */
struct heard {
	struct qsp_mux *mux;
	uint8_t *data; /* the Data stream that is not taken yet */
	size_t data_n;
	char log[4096];
	size_t log_n;
	size_t bytes; /* of channel data */
};

struct session {
	struct duo *d;
	struct heard client, server;
	uint64_t pings;
	bool opened;
};

static void
note(struct heard *h, const char *what, struct qsp_bytes x)
{
	h->log_n += (size_t)snprintf(h->log + h->log_n, sizeof(h->log) - h->log_n, "%s%.*s", what,
				     (int)x.n, (const char *)x.p);
	assert_true(h->log_n < sizeof(h->log) - 1);
	h->log[h->log_n++] = '\n';
	h->log[h->log_n] = '\0';
}

static void
note_hex(struct heard *h, struct qsp_bytes x)
{
	char text[256];

	assert_true(2 * x.n < sizeof(text));
	for (size_t i = 0; i < x.n; i++)
		snprintf(text + 2 * i, 3, "%02x", x.p[i]);
	note(h, "body ", qsp_bytes(text, 2 * x.n));
}

/* Data comes in pieces that depend on the records: only its sum is noted. */
static void
note_data(struct heard *h, const struct qsp_mux_event *ev)
{
	assert_int_equal(ev->code, 0);
	for (size_t i = 0; i < ev->body.n; i++)
		assert_int_equal(ev->body.p[i], 'x');
	h->bytes += ev->body.n;
}

static void
on_event(struct heard *h, bool server, const struct qsp_mux_event *ev)
{
	static const struct qsp_bytes none;

	switch (ev->type) {
	case QSP_MUX_OPEN:
		note(h, "open ", ev->name);
		assert_int_equal(qsp_mux_accept(h->mux, ev->channel, NULL), QSP_OK);
		break;
	case QSP_MUX_OPENED:
		note(h, "opened", none);
		assert_int_equal(qsp_mux_request(h->mux, ev->channel, "exec", true, none), QSP_OK);
		break;
	case QSP_MUX_REQUEST:
		note(h, ev->want_reply ? "request with reply " : "request ", ev->name);
		note_hex(h, ev->body);
		if (ev->want_reply)
			assert_int_equal(qsp_mux_reply(h->mux, ev->channel, true), QSP_OK);
		break;
	case QSP_MUX_REPLY: note(h, ev->success ? "success" : "failure", none); break;
	case QSP_MUX_DATA: note_data(h, ev); break;
	case QSP_MUX_WINDOW: note(h, "window", none); break;
	case QSP_MUX_EOF: note(h, "eof", none); break;
	case QSP_MUX_CLOSE:
		note(h, "close", none);
		if (server)
			break;
		assert_int_equal(qsp_mux_close(h->mux, ev->channel), QSP_OK);
		break;
	default: fail_msg("an event of type %d", ev->type);
	}
}

static void
hear(struct heard *h, bool server)
{
	struct qsp_bytes data = { h->data, h->data_n };
	struct qsp_mux_event ev;

	do {
		assert_int_equal(qsp_mux_event(h->mux, &data, &ev), QSP_OK);
		if (ev.type != QSP_MUX_NONE)
			on_event(h, server, &ev);
	} while (ev.type != QSP_MUX_NONE);
	assert_int_equal(data.n, 0);
	h->data_n = 0;
}

/* A case of session.json in the words of handshake.json. */
static void
translate(json_t *o)
{
	json_t *aeads = json_pack("[O]", qsp_vec_get(o, "aead"));
	bool frames = strcmp(qsp_vec_text(o, "wire"), "frame") == 0;

	json_object_set(o, "aeads_offered", aeads);
	json_object_set_new(o, "aeads_of_server", aeads);
	json_object_set_new(o, "wire", json_integer(frames));
	json_object_set_new(o, "class", json_string("S"));
	json_object_set(o, "client_unix_ms", qsp_vec_get(o, "start_unix_ms"));
	json_object_set(o, "server_unix_ms", qsp_vec_get(o, "start_unix_ms"));
	json_object_set_new(o, "authentication",
			    json_pack("{s:[s], s:O, s:O, s:O}", "attempts", "kem", "user",
				      qsp_vec_get(o, "user"), "client_key",
				      qsp_vec_get(o, "client_key"), "pipelined",
				      qsp_vec_get(o, "pipelined")));
}

/* The server's INIT is known by the ACK that it made the client queue. */
static void
rekey_as_heard(struct session *s)
{
	struct duo *d = s->d;

	for (const struct qsp_outgoing *q = d->client.c->out; q; q = q->next) {
		bool kem;

		if (q->type != QSP_TYPE_CONTROL || q->data[0] != QSP_MSG_REKEY_ACK)
			continue;
		kem = q->data[4] & QSP_MSG_REKEY_KEM;
		inject_script(&d->server.inject, "material", kem ? "rekey x" : NULL);
		inject_set(&d->server.inject);
		assert_int_equal(qsp_conn_rekey(d->server.c, kem ? QSP_REKEY_KEM : 0), QSP_OK);
		duo_output(&d->server);
	}
}

static void
after_chunk(struct session *s)
{
	struct duo *d = s->d;

	rekey_as_heard(s);
	if (d->client.c->state == QSP_ST_OPEN && !s->opened) {
		s->opened = true;
		inject_script(&d->client.inject, "rekey x", NULL);
	}
	for (const struct qsp_outgoing *q = d->server.c->out; q; q = q->next)
		s->pings += q->type == QSP_TYPE_CONTROL && q->data[0] == QSP_MSG_PONG;
	s->pings += d->server.c->pong_due + d->client.c->pong_due;
	duo_output(&d->client);
	duo_output(&d->server);
}

static void
check_end(const struct session *s)
{
	const struct duo *d = s->d;
	const struct qsp_conn *ends[] = { d->client.c, d->server.c };
	struct qsp_bytes es = qsp_vec_bytes(d->o, "last_es"), text;
	uint8_t secret[32], want[32];
	uint16_t reason;
	bool authenticated;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ends[i]->rx.epoch, qsp_vec_int(d->o, "last_epoch"));
		assert_int_equal(ends[i]->tx.epoch, qsp_vec_int(d->o, "last_epoch"));
		assert_true(
			qsp_bytes_equal(qsp_bytes(ends[i]->es.b, qsp_hash_len(d->kem->hash)), es));
	}
	assert_int_equal(d->client.c->state, QSP_ST_OPEN);
	assert_int_equal(qsp_conn_error(d->server.c), QSP_E_CLOSED);
	assert_true(qsp_conn_peer_close(d->server.c, &reason, &text, &authenticated));
	assert_int_equal(reason, QSP_REASON_NORMAL);
	assert_true(authenticated);
	assert_true(qsp_conn_server_secret(d->client.c, secret));
	qsp_vec_exact(d->o, "obfuscation_secret", want, 32);
	assert_memory_equal(secret, want, 32);
	assert_true(qsp_bytes_is(qsp_conn_user(d->server.c), qsp_vec_text(d->o, "user")));
}

static void
make(struct session *s, json_t *o)
{
	struct qsp_mux_limits limits = qsp_mux_limits_default();
	uint32_t channel;

	memset(s, 0, sizeof(*s));
	s->d = duo_new(cx, o);
	duo_start(s->d);
	duo_output(&s->d->client);
	assert_int_equal(qsp_mux_new(&limits, &s->client.mux), QSP_OK);
	assert_int_equal(qsp_mux_new(&limits, &s->server.mux), QSP_OK);
	assert_int_equal(qsp_mux_open(s->client.mux, "session", QSP_BYTES_NONE, NULL, &channel),
			 QSP_OK);
}

static void
unmake(struct session *s)
{
	duo_free(s->d);
	qsp_mux_free(s->client.mux);
	qsp_mux_free(s->server.mux);
	free(s->client.data);
	free(s->server.data);
}

static void
tick(struct duo *d)
{
	d->client.now.mono += 10;
	d->client.now.wall += 10;
	d->server.now.mono += 10;
	d->server.now.wall += 10;
}

static void
run_session(json_t *o, size_t piece, struct session *s)
{
	json_t *chunks = qsp_vec_list(o, "bytes"), *chunk;
	size_t i;

	make(s, o);
	json_array_foreach(chunks, i, chunk)
	{
		bool from_client = strcmp(qsp_vec_text(chunk, "from"), "C") == 0;
		struct duo_side *to = from_client ? &s->d->server : &s->d->client;
		struct heard *h = from_client ? &s->server : &s->client;
		struct qsp_bytes bytes = qsp_vec_bytes(chunk, "bytes");
		bool last = i + 1 == json_array_size(chunks);
		qsp_err e;

		if (i == 0) /* M1 is what the choices make of it */
			assert_memory_equal(s->d->client.out, bytes.p, bytes.n);
		if (i == 1)
			assert_memory_equal(s->d->server.out, bytes.p, bytes.n);
		tick(s->d);
		e = duo_input(s->d, to, bytes, piece, &h->data, &h->data_n);
		if (e != (last ? QSP_E_CLOSED : QSP_OK))
			fail_msg("%s: chunk %zu: %d (%s)", qsp_vec_text(o, "name"), i, e,
				 qsp_conn_why(to->c));
		hear(h, from_client);
		after_chunk(s);
	}
	check_end(s);
}

static const char client_heard[] =
	"opened\nsuccess\nrequest exit-status\nbody 00000000\neof\nclose\n";
/* exec of "true" */
static const char server_heard[] = "open session\nrequest with reply exec\nbody 0000000474727565\n"
				   "eof\nclose\n";

static void
every_case(size_t piece)
{
	json_t *doc = qsp_vec_open("session"), *o;
	size_t i;

	json_array_foreach(qsp_vec_list(doc, "cases"), i, o)
	{
		struct session s;

		translate(o);
		run_session(o, piece, &s);
		assert_string_equal(s.client.log, client_heard);
		assert_int_equal(s.client.bytes, 1500);
		assert_string_equal(s.server.log, server_heard);
		assert_int_equal(s.server.bytes, 0);
		assert_int_equal(s.pings, 1);
		unmake(&s);
	}
	assert_int_equal(i, 3);
	qsp_vec_close(doc);
}

static void
sessions_of_the_vectors(void **state)
{
	(void)state;
	every_case(SIZE_MAX);
}

/* [P2.7] */
static void
sessions_in_pieces(void **state)
{
	static const size_t pieces[] = { 1, 7, 767, 769 };

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
		every_case(pieces[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_of_the_vectors),
		cmocka_unit_test(sessions_in_pieces),
	};

	return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
