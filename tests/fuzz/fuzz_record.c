/* SPDX-License-Identifier: ISC */
/*
 * Records and messages of an open connection, cells and frames, either role: what the fuzzer
 * writes is sealed, so that it is read. The first byte chooses the connection.
 */
#include "ghost.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ghost_world *w = ghost_world();
	struct ghost g = { .in = { data, len }, .worker = w->worker, .sealing = w->sealing };
	uint8_t choice = input_u8(&g.in);

	g.host_key = w->host_key[1];
	g.user_key = w->user_key;
	g.now = (struct qsp_now){ .mono = 1000, .wall = GHOST_WALL };
	g.target = ghost_open_conn(w, choice & 1 ? QSP_SERVER : QSP_CLIENT, choice & 2 ? 2 : 1,
				   (uint8_t)(1 + choice / 8 % 3),
				   choice & 4 ? QSP_WIRE_FRAMES : QSP_WIRE_CELLS);
	ghost_play(&g);
	qsp_conn_free(g.target);
	return 0;
}
