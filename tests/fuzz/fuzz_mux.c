/* SPDX-License-Identifier: ISC */
/*
 * The Data stream: the same bytes at once and in pieces must give the same events. The first byte
 * is how many channels we open ourselves, and with its highest bit whether compression was agreed on;
 * the second seeds the cuts.
 */
#include "input.h"

#include "app/zip.h"

struct reader {
	struct qsp_mux *m;
	uint64_t digest;
	size_t pending; /* bytes of data not yet told as consumed */
	uint32_t pending_on;
	unsigned events;
};

static void
note(struct reader *r, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		r->digest = (r->digest ^ b[i]) * 0x100000001b3u;
}

/* Data is told byte by byte, as its pieces differ. */
static void
on_data(struct reader *r, const struct qsp_mux_event *ev)
{
	for (size_t i = 0; i < ev->body.n; i++) {
		note(r, &ev->channel, sizeof(ev->channel));
		note(r, &ev->code, sizeof(ev->code));
		note(r, ev->body.p + i, 1);
	}
	r->pending += ev->body.n;
	r->pending_on = ev->channel;
}

static void
answer(struct reader *r, const struct qsp_mux_event *ev)
{
	size_t used;
	qsp_err e = QSP_OK;

	if (ev->type == QSP_MUX_OPEN)
		e = r->events % 3 ? qsp_mux_accept(r->m, ev->channel, r)
				  : qsp_mux_refuse(r->m, ev->channel, 1, "no");
	else if (ev->type == QSP_MUX_REQUEST && ev->want_reply)
		e = qsp_mux_reply(r->m, ev->channel, r->events & 1);
	else if (ev->type == QSP_MUX_GLOBAL && ev->want_reply)
		e = qsp_mux_global_reply(r->m, r->events & 1, ev->name);
	else if (ev->type == QSP_MUX_EOF || ev->type == QSP_MUX_CLOSE)
		e = qsp_mux_close(r->m, ev->channel);
	else if (ev->type == QSP_MUX_WINDOW || ev->type == QSP_MUX_OPENED)
		e = qsp_mux_data(r->m, ev->channel, r->events & 1, ev->body, &used);
	must(e == 0 || e == QSP_E_STATE || e == QSP_E_NOMEM);
}

static void
on_event(struct reader *r, const struct qsp_mux_event *ev)
{
	uint32_t fields[] = { ev->type, ev->channel, ev->code, ev->want_reply, ev->success };

	r->events++;
	note(r, fields, sizeof(fields));
	note(r, ev->name.p, ev->name.n);
	note(r, ev->body.p, ev->body.n);
	if (r->pending > 0 && qsp_mux_consumed(r->m, r->events, r->pending_on, r->pending) != 0)
		note(r, "gone", 4);
	r->pending = 0;
	answer(r, ev);
	qsp_mux_sent(r->m, qsp_mux_output(r->m).n / 2);
}

/* False once the peer broke the protocol. */
static bool
feed(struct reader *r, struct qsp_bytes data)
{
	for (;;) {
		struct qsp_mux_event ev;
		qsp_err e = qsp_mux_event(r->m, &data, &ev);

		if (e) {
			must(e == QSP_E_PROTOCOL);
			note(r, "broken", 6);
			return false;
		}
		if (ev.type == QSP_MUX_NONE)
			break;
		if (ev.type == QSP_MUX_DATA)
			on_data(r, &ev);
		else
			on_event(r, &ev);
	}
	must(data.n == 0);
	return true;
}

/* All of it, in pieces of 1 to 2 * mean bytes; mean 0: at once. Each piece lies alone. */
static uint64_t
read_all(struct qsp_bytes all, unsigned first, unsigned mean)
{
	struct qsp_mux_limits limits = qsp_mux_limits_default();
	struct reader r = { .digest = 0xcbf29ce484222325u };
	uint32_t seed = mean, channel;
	unsigned channels = first % 4;
	bool good = true;

	limits.window = 4096;
	limits.max_channels = 6;
	must(qsp_mux_new(&limits, &r.m) == 0);
	if (first & 0x80) {
		qsp_mux_understand(r.m, qsp_zip_codec());
		qsp_mux_compress(r.m);
	}
	for (unsigned i = 0; i < channels; i++)
		must(qsp_mux_open(r.m, "session", QSP_BYTES_NONE, NULL, &channel) == 0);
	if (channels > 0)
		must(qsp_mux_global(r.m, "keepalive", true, QSP_BYTES_NONE) == 0);
	while (good && all.n > 0) {
		size_t n = mean ? 1 + (seed = seed * 1103515245u + 12345u) / 65536 % (2 * mean)
				: all.n;
		uint8_t *piece;

		n = n < all.n ? n : all.n;
		piece = malloc(n);
		must(piece != NULL);
		memcpy(piece, all.p, n);
		good = feed(&r, qsp_bytes(piece, n));
		free(piece);
		all = qsp_bytes_from(all, n);
	}
	must(qsp_mux_channels(r.m) <= limits.max_channels);
	qsp_mux_free(r.m);
	return r.digest;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	unsigned first = input_u8(&in), mean = 1 + input_u8(&in) % 40;
	struct qsp_bytes all = { in.p, in.n };
	uint64_t digest = read_all(all, first, 0);

	must(read_all(all, first, mean) == digest);
	must(read_all(all, first, 600) == digest);
	return 0;
}
