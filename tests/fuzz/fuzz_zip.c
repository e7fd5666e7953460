/* SPDX-License-Identifier: ISC */
/*
 * Compressed data of channels [P7.1]. The first byte chooses: the rest is what a peer sent, as
 * messages (u16 plain length || u16 length || packed) of one stream; or it is plain, and must come back.
 */
#include "input.h"

#include <stdlib.h>
#include <string.h>

#include "app/zip.h"

#define PLAIN_MAX 65535u

static void
unpack_all(const struct qsp_mux_codec *c, struct input in)
{
	void *z = c->new_in();
	bool good = true;

	must(z != NULL);
	while (good && in.n > 4) {
		size_t n = (size_t)input_u8(&in) << 8, k;
		uint8_t *out;

		n |= input_u8(&in);
		k = (size_t)input_u8(&in) << 8;
		k |= input_u8(&in);
		k = k < in.n ? k : in.n;
		out = malloc(n + 1); /* so that a byte too many is seen */
		must(out != NULL);
		out[n] = 0x5a;
		good = c->unpack(z, qsp_bytes(in.p, k), out, n);
		must(out[n] == 0x5a);
		free(out);
		in.p += k;
		in.n -= k;
	}
	c->free_in(z);
}

static void
there_and_back(const struct qsp_mux_codec *c, struct input in, unsigned piece)
{
	void *out = c->new_out(), *z = c->new_in();

	must(out != NULL && z != NULL);
	while (in.n > 0) {
		size_t n = in.n < piece ? in.n : piece, cap = c->bound(n), k;
		uint8_t *packed = malloc(cap), *back = malloc(n);

		must(packed != NULL && back != NULL);
		k = c->pack(out, qsp_bytes(in.p, n), packed, cap);
		must(k > 0 && k <= cap);
		must(c->unpack(z, qsp_bytes(packed, k), back, n));
		must(memcmp(back, in.p, n) == 0);
		free(packed);
		free(back);
		in.p += n;
		in.n -= n;
	}
	c->free_out(out);
	c->free_in(z);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct qsp_mux_codec *c = qsp_zip_codec();
	struct input in = { data, len };
	unsigned choice = input_u8(&in);

	if (c && choice)
		there_and_back(c, in, choice * 16);
	else if (c)
		unpack_all(c, in);
	return 0;
}
