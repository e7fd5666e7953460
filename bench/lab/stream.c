/* SPDX-License-Identifier: ISC */
/*
 * One direction of an open connection that carries nothing but zeros, unpaced, to standard output:
 *
 *   stream AEAD CELLS     0 cells: until nobody reads
 *
 * Keys change as they do on the wire; the other engine opens every cell.
 */
#include "bench.h"
#include "bench_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 32768

int
main(int argc, char **argv)
{
	static const uint8_t zeros[CHUNK];
	struct pair_options o = pair_defaults();
	unsigned long long cells, done = 0;
	uint64_t unused = 0;
	struct pair *p;
	bool going = true;

	bench_need(argc == 3, "usage: stream AEAD CELLS");
	o.aead = (uint8_t)atoi(argv[1]);
	cells = strtoull(argv[2], NULL, 10);
	p = bench_pair_new(o);
	bench_pair_connect(p, &unused, &unused);
	while (going && (cells == 0 || done < cells)) {
		size_t before = p->server.in.n, n;

		if (p->client.say.n == 0)
			pair_put(&p->client.say, zeros, sizeof(zeros));
		pair_output(p, &p->client);
		n = (p->server.in.n - before) / QSP_CELL_LEN;
		if (cells != 0 && n > cells - done)
			n = (size_t)(cells - done);
		going = fwrite(p->server.in.p + before, QSP_CELL_LEN, n, stdout) == n;
		done += n;
		p->now.mono++;
		p->now.wall++;
		pair_input(p, &p->server, SIZE_MAX);
		pair_drop(&p->server.got, p->server.got.n);
		pair_output(p, &p->server);
		pair_input(p, &p->client, SIZE_MAX);
		bench_need(pair_open(p) && p->client.error == 0 && p->server.error == 0,
			   "a connection");
	}
	pair_free(p);
	return 0;
}
