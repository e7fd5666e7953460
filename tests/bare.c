/* SPDX-License-Identifier: ISC */
/* Open connections out of nothing. */
#include "bare.h"

#include "proto/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct qsp_conn *
bare_new(const struct bare_options *o)
{
	struct qsp_config *cfg = calloc(1, sizeof(*cfg));
	struct qsp_conn *c = qsp_mem_alloc(sizeof(*c));

	assert_non_null(cfg);
	assert_non_null(c);
	cfg->cx = o->cx;
	cfg->wire = o->wire;
	c->cfg = cfg;
	c->role = (uint8_t)o->role;
	c->state = QSP_ST_OPEN;
	c->kem = qsp_kem_by_id(o->kem);
	c->aead = qsp_aead_by_id(o->aead);
	c->wire = o->wire == QSP_WIRE_FRAMES ? &qsp_frame_format : &qsp_cell_format;
	c->session_id = o->session_id;
	c->psk_index = -1;
	assert_int_equal(qsp_worker_new(o->cx, &c->worker), QSP_OK);
	if (o->role == QSP_CLIENT) {
		c->facts = qsp_mem_alloc(sizeof(*c->facts));
		assert_non_null(c->facts);
	}
	assert_int_equal(o->es.n, qsp_hash_len(c->kem->hash));
	memcpy(c->es.b, o->es.p, o->es.n);
	assert_int_equal(qsp_engine_switch_tx(c, &c->es, o->epoch), QSP_OK);
	assert_int_equal(qsp_engine_switch_rx(c, &c->es, o->epoch), QSP_OK);
	c->tx_switched = c->rx_switched = false;
	return c;
}

void
bare_free(struct qsp_conn *c)
{
	struct qsp_config *cfg = (struct qsp_config *)(uintptr_t)c->cfg;
	struct qsp_worker *w = c->worker;

	qsp_conn_free(c);
	qsp_worker_free(w);
	free(cfg);
}
