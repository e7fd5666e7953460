/* SPDX-License-Identifier: ISC */
/* SHAPE's body, and what each side may ask and refuse [P8]. */
#include "base/reader.h"
#include "base/writer.h"
#include "proto/shape.h"

#define STRICT 1u
/* a dwell has at least 10 s [P8.3]; a second is left to the network and to the other clock */
#define DWELL_LEAST_MS 9000u

size_t
qsp_shape_put(const struct qsp_shape_params *p, uint8_t out[static QSP_SHAPE_BODY_MAX])
{
	struct qsp_writer w = qsp_writer_of(out, QSP_SHAPE_BODY_MAX);

	qsp_writer_u8(&w, p->mode);
	switch (p->mode) {
	case QSP_SHAPE_PLAIN: qsp_writer_u8(&w, p->grid_ms); break;
	case QSP_SHAPE_PADDED: qsp_writer_u8(&w, p->padding); break;
	default:
		qsp_writer_u8(&w, p->strict ? STRICT : 0);
		qsp_writer_u8(&w, p->class);
		qsp_writer_u8(&w, p->ceiling);
	}
	return qsp_writer_bytes(&w).n;
}

static bool
is_good(const struct qsp_shape_params *p, uint8_t flags)
{
	switch (p->mode) {
	case QSP_SHAPE_PLAIN:
		return p->grid_ms == 0 ||
		       (p->grid_ms >= QSP_SHAPE_GRID_LEAST && p->grid_ms <= QSP_SHAPE_GRID_MOST);
	case QSP_SHAPE_PADDED: return p->padding == QSP_SHAPE_BURST || p->padding == QSP_SHAPE_MAX;
	default:
		return p->mode == QSP_SHAPE_STEALTH && flags <= STRICT && p->class <= p->ceiling &&
		       p->ceiling < QSP_SHAPE_CLASSES;
	}
}

qsp_err
qsp_shape_get(struct qsp_bytes body, struct qsp_shape_params *p)
{
	struct qsp_reader r = qsp_reader_of(body);
	uint8_t flags = 0;

	*p = (struct qsp_shape_params){ .mode = qsp_reader_u8(&r) };
	switch (p->mode) {
	case QSP_SHAPE_PLAIN: p->grid_ms = qsp_reader_u8(&r); break;
	case QSP_SHAPE_PADDED: p->padding = qsp_reader_u8(&r); break;
	default:
		flags = qsp_reader_u8(&r);
		p->strict = flags & STRICT;
		p->class = qsp_reader_u8(&r);
		p->ceiling = qsp_reader_u8(&r);
	}
	return qsp_reader_done(&r) || !is_good(p, flags) ? QSP_E_PROTOCOL : QSP_OK;
}

bool
qsp_shape_same(const struct qsp_shape_params *a, const struct qsp_shape_params *b)
{
	return a->mode == b->mode && a->grid_ms == b->grid_ms && a->padding == b->padding &&
	       a->strict == b->strict && a->class == b->class && a->ceiling == b->ceiling;
}

struct qsp_shape_params
qsp_shape_answer(const struct qsp_shape_allowed *a, const struct qsp_shape_params *asked)
{
	struct qsp_shape_params p = *asked;

	if (!(a->modes & (1u << p.mode)))
		return (struct qsp_shape_params){ .mode = QSP_SHAPE_PLAIN };
	if (p.mode == QSP_SHAPE_STEALTH) {
		p.ceiling = p.ceiling < a->ceiling ? p.ceiling : a->ceiling;
		p.class = p.class < p.ceiling ? p.class : p.ceiling;
	}
	return p;
}

bool
qsp_shape_may_follow(const struct qsp_shape_params *was, const struct qsp_shape_params *p,
		     uint64_t ms)
{
	if ((was->mode == QSP_SHAPE_STEALTH) != (p->mode == QSP_SHAPE_STEALTH))
		return false;
	if (p->mode != QSP_SHAPE_STEALTH)
		return true;
	return !was->strict && !p->strict && p->ceiling == was->ceiling && ms >= DWELL_LEAST_MS;
}
