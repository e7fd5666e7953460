/* SPDX-License-Identifier: ISC */
/*
 * Cells [P2]: every record is 768 bytes, and all of it is ciphertext and tag. The receiver knows
 * the nonce from its own counters; what stands inside must agree with them.
 */
#include "base/ct.h"
#include "proto/worker.h"

#define HEAD_LEN 23        /* epoch 4, seq 8, timestamp 8, type 1, len 2 */
#define SEQ_MAX UINT32_MAX /* 2^32 cells in one epoch are the end [P2.2] */

static size_t
payload_max(const struct qsp_conn *c)
{
	return (size_t)QSP_CELL_LEN - HEAD_LEN - c->aead->tag_len;
}

static size_t
cell_capacity(const struct qsp_conn *c, size_t room)
{
	return room >= QSP_CELL_LEN ? payload_max(c) : 0;
}

static qsp_err
cell_seal(struct qsp_conn *c, struct qsp_now now, uint8_t type, const uint8_t *p, size_t len,
	  uint8_t *out, size_t *n)
{
	struct qsp_lane *l = &c->tx;
	uint8_t nonce[QSP_AEAD_NONCE_LEN], dir = c->role;
	uint8_t *pt = qsp_worker_scratch(c->worker);
	size_t pt_len = (size_t)QSP_CELL_LEN - c->aead->tag_len;
	struct qsp_aead_ctx *x;
	qsp_err e;

	*n = 0;
	if (l->seq > SEQ_MAX)
		return QSP_E_PROTOCOL;
	if ((e = qsp_worker_sealer(c->worker, c->aead, l, &x)) != 0)
		return e;
	if (now.mono > c->start && now.mono - c->start > l->timestamp)
		l->timestamp = now.mono - c->start; /* [P2.4] */
	qsp_worker_nonce(l, nonce);
	memcpy(pt, nonce, sizeof(nonce));
	qsp_bytes_put64(pt + 12, l->timestamp);
	pt[20] = type == QSP_TYPE_CLOSE ? QSP_TYPE_CONTROL : type;
	qsp_bytes_put16(pt + 21, (uint16_t)len);
	if (len > 0)
		memcpy(pt + HEAD_LEN, p, len);
	memset(pt + HEAD_LEN + len, 0, pt_len - HEAD_LEN - len);
	e = c->aead->seal(x, nonce, qsp_bytes(&dir, 1), pt, pt_len, out, out + pt_len);
	if (e)
		return e;
	l->seq++;
	*n = QSP_CELL_LEN;
	return QSP_OK;
}

/* What a cell that opened may still get wrong: its counters [P2.1], then the rest [P2.5]. */
static qsp_err
check(struct qsp_conn *c, const uint8_t *pt, size_t pt_len)
{
	struct qsp_lane *l = &c->rx;
	uint64_t timestamp = qsp_bytes_get64(pt + 12);
	size_t len = qsp_bytes_get16(pt + 21);

	if (qsp_bytes_get32(pt) != l->epoch || qsp_bytes_get64(pt + 4) != l->seq) {
		c->why = "cell: epoch or seq inside differ from the expected ones";
		return QSP_E_EPOCH;
	}
	if (pt[20] > QSP_TYPE_QUANTUM) {
		c->why = "cell: unknown type";
		return QSP_E_PROTOCOL;
	}
	if (len > pt_len - HEAD_LEN || (pt[20] == QSP_TYPE_NOISE && len != 0)) {
		c->why = "cell: impossible length";
		return QSP_E_PROTOCOL;
	}
	if (!qsp_ct_is_zero(pt + HEAD_LEN + len, pt_len - HEAD_LEN - len)) {
		c->why = "cell: fill is not zero";
		return QSP_E_PROTOCOL;
	}
	if (timestamp < l->timestamp) {
		c->why = "cell: the timestamp goes back";
		return QSP_E_PROTOCOL;
	}
	l->timestamp = timestamp;
	return QSP_OK;
}

static qsp_err
cell_open(struct qsp_conn *c, uint8_t *buf, size_t avail, size_t *n, struct qsp_record *rec)
{
	struct qsp_lane *l = &c->rx;
	uint8_t nonce[QSP_AEAD_NONCE_LEN], dir = !c->role;
	size_t pt_len = (size_t)QSP_CELL_LEN - c->aead->tag_len;
	struct qsp_aead_ctx *x;
	qsp_err e;

	*n = 0;
	if (avail < QSP_CELL_LEN)
		return QSP_OK;
	*n = QSP_CELL_LEN;
	if (l->seq > SEQ_MAX) {
		c->why = "cell: too many in one epoch";
		return QSP_E_PROTOCOL;
	}
	if ((e = qsp_worker_opener(c->worker, c->aead, l, &x)) != 0)
		return e;
	qsp_worker_nonce(l, nonce);
	e = c->aead->open(x, nonce, qsp_bytes(&dir, 1), buf, pt_len, buf + pt_len, buf);
	if (e) {
		c->why = "cell: does not open";
		return e;
	}
	if ((e = check(c, buf, pt_len)) != 0)
		return e;
	l->seq++;
	*rec = (struct qsp_record){ buf[20], buf + HEAD_LEN, qsp_bytes_get16(buf + 21), true };
	return QSP_OK;
}

static void
no_head(const struct qsp_conn *c, uint8_t *out)
{
	(void)c;
	(void)out;
}

static bool
no_head_good(const struct qsp_conn *c, const uint8_t *in)
{
	(void)c;
	(void)in;
	return true;
}

const struct qsp_wire_format qsp_cell_format = {
	.id = QSP_WIRE_CELLS,
	.capacity = cell_capacity,
	.seal = cell_seal,
	.open = cell_open,
	.flight_head = 0,
	.put_flight_head = no_head,
	.flight_head_good = no_head_good,
};
