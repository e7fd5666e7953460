/* SPDX-License-Identifier: ISC */
/*
 * MessageFrames [P9]: the compact record format. A frame says in clear what it is and how long;
 * the tag covers all of that.
 */
#include "proto/worker.h"

#define HEAD_LEN 22 /* type 1, flags 1, session_id 8, epoch 4, seq 4, payload_len 4 */
#define PAYLOAD_MAX ((1u << 18) + 64)

enum {
	FT_HANDSHAKE = 1,
	FT_APP_DATA = 2,
	FT_REKEY = 3,
	FT_CLOSE = 4,
	FT_QUANTUM = 5,
};

static const char *const labels[] = {
	[FT_HANDSHAKE] = "handshake", [FT_APP_DATA] = "app",    [FT_REKEY] = "rekey",
	[FT_CLOSE] = "close",         [FT_QUANTUM] = "quantum",
};

#define AAD_MAX (9 + HEAD_LEN + 1)

static size_t
overhead(const struct qsp_conn *c)
{
	return QSP_AEAD_NONCE_LEN + c->aead->tag_len;
}

static size_t
frame_capacity(const struct qsp_conn *c, size_t room)
{
	size_t fixed = HEAD_LEN + overhead(c), most = PAYLOAD_MAX - overhead(c);

	if (room <= fixed)
		return 0;
	return room - fixed < most ? room - fixed : most;
}

static void
put_head(uint8_t out[static HEAD_LEN], uint8_t type, uint64_t session_id, const struct qsp_lane *l,
	 size_t payload)
{
	out[0] = type;
	out[1] = 0;
	qsp_bytes_put64(out + 2, session_id);
	qsp_bytes_put32(out + 10, l->epoch);
	qsp_bytes_put32(out + 14, (uint32_t)l->seq);
	qsp_bytes_put32(out + 18, (uint32_t)payload);
}

/* label || header || u8 dir */
static struct qsp_bytes
aad_of(const uint8_t head[static HEAD_LEN], uint8_t dir, uint8_t out[static AAD_MAX])
{
	size_t n = strlen(labels[head[0]]);

	memcpy(out, labels[head[0]], n);
	memcpy(out + n, head, HEAD_LEN);
	out[n + HEAD_LEN] = dir;
	return qsp_bytes(out, n + HEAD_LEN + 1);
}

static uint8_t
type_of(uint8_t type)
{
	if (type == QSP_TYPE_CLOSE)
		return FT_CLOSE;
	return type == QSP_TYPE_QUANTUM ? FT_QUANTUM : type;
}

static qsp_err
frame_seal(struct qsp_conn *c, struct qsp_now now, uint8_t type, const uint8_t *p, size_t len,
	   uint8_t *out, size_t *n)
{
	struct qsp_lane *l = &c->tx;
	uint8_t aad[AAD_MAX], *body = out + HEAD_LEN;
	struct qsp_aead_ctx *x;
	qsp_err e;

	(void)now;
	*n = 0;
	if (l->seq > UINT32_MAX)
		return QSP_E_PROTOCOL;
	if ((e = qsp_worker_sealer(c->worker, c->aead, l, &x)) != 0)
		return e;
	put_head(out, type_of(type), c->session_id, l, len + overhead(c));
	qsp_worker_nonce(l, body);
	e = c->aead->seal(x, body, aad_of(out, c->role, aad), p, len, body + QSP_AEAD_NONCE_LEN,
			  body + QSP_AEAD_NONCE_LEN + len);
	if (e)
		return e;
	l->seq++;
	*n = HEAD_LEN + overhead(c) + len;
	return QSP_OK;
}

/* What can be judged before decryption; the tag covers it all, so the order gives nothing away. */
static qsp_err
check_head(struct qsp_conn *c, const uint8_t *buf, size_t payload)
{
	if (buf[0] < FT_HANDSHAKE || buf[0] > FT_QUANTUM || buf[1] != 0 ||
	    qsp_bytes_get64(buf + 2) != c->session_id) {
		c->why = "frame: unknown type, flags or session";
		return QSP_E_PROTOCOL;
	}
	if (payload > PAYLOAD_MAX || payload < overhead(c)) {
		c->why = "frame: impossible length";
		return QSP_E_PROTOCOL;
	}
	if (qsp_bytes_get32(buf + 10) != c->rx.epoch || c->rx.seq > UINT32_MAX ||
	    qsp_bytes_get32(buf + 14) != c->rx.seq) {
		c->why = "frame: epoch or seq differ from the expected ones";
		return QSP_E_EPOCH;
	}
	return QSP_OK;
}

static uint8_t
record_type(uint8_t frame_type)
{
	if (frame_type == FT_CLOSE)
		return QSP_TYPE_CONTROL;
	return frame_type == FT_QUANTUM ? QSP_TYPE_QUANTUM : frame_type;
}

static qsp_err
frame_open(struct qsp_conn *c, uint8_t *buf, size_t avail, size_t *n, struct qsp_record *rec)
{
	uint8_t nonce[QSP_AEAD_NONCE_LEN], aad[AAD_MAX], *body = buf + HEAD_LEN;
	size_t payload, len;
	struct qsp_aead_ctx *x;
	qsp_err e;

	*n = 0;
	if (avail < HEAD_LEN)
		return QSP_OK;
	payload = qsp_bytes_get32(buf + 18);
	if ((e = check_head(c, buf, payload)) != 0)
		return e;
	if (avail - HEAD_LEN < payload)
		return QSP_OK;
	*n = HEAD_LEN + payload;
	len = payload - overhead(c);
	qsp_worker_nonce(&c->rx, nonce);
	if (!qsp_bytes_equal(QSP_BYTES_OF(nonce), qsp_bytes(body, sizeof(nonce)))) {
		c->why = "frame: the nonce is not epoch || seq";
		return QSP_E_EPOCH;
	}
	if ((e = qsp_worker_opener(c->worker, c->aead, &c->rx, &x)) != 0)
		return e;
	body += QSP_AEAD_NONCE_LEN;
	e = c->aead->open(x, nonce, aad_of(buf, !c->role, aad), body, len, body + len, body);
	if (e) {
		c->why = "frame: does not open";
		return e;
	}
	c->rx.seq++;
	*rec = (struct qsp_record){ record_type(buf[0]), body, len, buf[0] == FT_CLOSE };
	return QSP_OK;
}

static void
put_flight_head(const struct qsp_conn *c, uint8_t *out)
{
	static const struct qsp_lane uncounted;

	put_head(out, FT_HANDSHAKE, c->role == QSP_SERVER ? c->session_id : 0, &uncounted,
		 QSP_FLIGHT_LEN);
}

/* M2's session_id is E2's: it is compared once E2 has been read [P9]. */
static bool
flight_head_good(const struct qsp_conn *c, const uint8_t *in)
{
	static const struct qsp_lane uncounted;
	uint64_t session_id = c->role == QSP_CLIENT ? qsp_bytes_get64(in + 2) : 0;
	uint8_t want[HEAD_LEN];

	put_head(want, FT_HANDSHAKE, session_id, &uncounted, QSP_FLIGHT_LEN);
	return qsp_bytes_equal(QSP_BYTES_OF(want), qsp_bytes(in, HEAD_LEN));
}

const struct qsp_wire_format qsp_frame_format = {
	.id = QSP_WIRE_FRAMES,
	.capacity = frame_capacity,
	.seal = frame_seal,
	.open = frame_open,
	.flight_head = HEAD_LEN,
	.put_flight_head = put_flight_head,
	.flight_head_good = flight_head_good,
};
