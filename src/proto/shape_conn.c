/* SPDX-License-Identifier: ISC */
/* SHAPE between the two ends [P5.1, P8]. */
#include "proto/shape_conn.h"

#include "proto/engine.h"
#include "proto/queue.h"
#include "proto/resume.h"
#include "proto/state.h"

void
qsp_shape_conn_allow(struct qsp_config *cfg, const struct qsp_shape_allowed *a)
{
	cfg->shaping = *a;
}

static bool
is_shaped(const struct qsp_shape_params *p)
{
	return p->mode != QSP_SHAPE_PLAIN || p->grid_ms != 0;
}

static void
adopt(struct qsp_conn *c, struct qsp_now now, const struct qsp_shape_params *p)
{
	c->shape.now = *p;
	c->shape.since = now.mono;
	c->shape.changes++;
}

/* Nothing agreed yet counts as plain, from which everything may follow [P8.1]. */
static bool
may_follow(const struct qsp_conn *c, struct qsp_now now, const struct qsp_shape_params *p)
{
	return c->shape.changes == 0 ||
	       qsp_shape_may_follow(&c->shape.now, p, now.mono - c->shape.since);
}

/* --- client --------------------------------------------------------------------------------- */

qsp_err
qsp_shape_conn_ask(struct qsp_conn *c, struct qsp_now now, const struct qsp_shape_params *p)
{
	if (c->role != QSP_CLIENT || c->shape.due || c->shape.open || c->closing || c->closed ||
	    !may_follow(c, now, p))
		return QSP_E_STATE;
	if (c->wire->id != QSP_WIRE_CELLS && is_shaped(p))
		return QSP_E_UNSUPPORTED;
	c->shape.due = true;
	adopt(c, now, p);
	return QSP_OK;
}

/* What was asked for under a lower ceiling: a faster class would break the user's budget. */
static bool
is_less(const struct qsp_shape_params *p, const struct qsp_shape_params *asked)
{
	struct qsp_shape_allowed a = { .modes = QSP_SHAPE_ALL, .ceiling = p->ceiling };
	struct qsp_shape_params lower = qsp_shape_answer(&a, asked);

	return qsp_shape_same(p, &lower);
}

qsp_err
qsp_shape_conn_on_answer(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_shape_params p;

	if (!c->shape.open || qsp_shape_get(in->body, &p) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "SHAPE: malformed, or not asked for");
	c->shape.open = false;
	if (qsp_shape_same(&p, &c->shape.now))
		return QSP_OK;
	if (!is_shaped(&p)) {
		if (c->shape.now.mode == QSP_SHAPE_STEALTH)
			return qsp_engine_fail(c, QSP_E_POLICY,
					       "the server does not allow stealth");
	} else if (!is_less(&p, &c->shape.now)) {
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "SHAPE: not what was asked for");
	}
	adopt(c, in->now, &p);
	return QSP_OK;
}

/* A session that was in stealth goes on in stealth, or says nothing. */
static bool
must_be_stealth(const struct qsp_conn *c)
{
	return c->resumable && c->resumable->count.stealth;
}

bool
qsp_shape_conn_holds(const struct qsp_conn *c)
{
	if (c->shape.now.mode != QSP_SHAPE_STEALTH)
		return must_be_stealth(c);
	return c->role == QSP_CLIENT && c->shape.changes == 1 && (c->shape.due || c->shape.open);
}

bool
qsp_shape_conn_announced(const struct qsp_conn *c, struct qsp_shape_allowed *a)
{
	*a = c->facts ? c->facts->shaping : (struct qsp_shape_allowed){ 0 };
	return c->facts && c->facts->has_shaping;
}

/* --- server --------------------------------------------------------------------------------- */

qsp_err
qsp_shape_conn_on_asked(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_shape_params p;
	struct qsp_shape_allowed a = c->cfg->shaping;

	if (qsp_shape_get(in->body, &p) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "SHAPE: malformed");
	if (c->wire->id != QSP_WIRE_CELLS)
		a.modes = 0;
	if (!may_follow(c, in->now, &p) || (must_be_stealth(c) && p.mode != QSP_SHAPE_STEALTH))
		return qsp_engine_fail(c, QSP_E_POLICY, "SHAPE: a change that P8 does not allow");
	p = qsp_shape_answer(&a, &p);
	adopt(c, in->now, &p);
	c->shape.due = true;
	return QSP_OK;
}

/* --- both ----------------------------------------------------------------------------------- */

bool
qsp_shape_conn_now(const struct qsp_conn *c, struct qsp_shape_params *p, uint32_t *changes)
{
	*p = c->shape.now;
	*changes = c->shape.changes;
	return c->shape.changes > 0 && !c->shape.due;
}

qsp_err
qsp_shape_conn_begin(const struct qsp_conn *c, struct qsp_shape *s, uint64_t now)
{
	return qsp_shape_begin(s, c->cfg->cx, &c->shape.now, c->role == QSP_CLIENT, now);
}

qsp_err
qsp_shape_conn_say(struct qsp_conn *c)
{
	uint8_t body[QSP_SHAPE_BODY_MAX];
	size_t n = qsp_shape_put(&c->shape.now, body);
	struct qsp_outgoing *o;
	struct qsp_writer w;

	c->shape.due = false;
	c->shape.open = c->role == QSP_CLIENT;
	o = qsp_queue_new(QSP_TYPE_CONTROL, QSP_MSG_SHAPE, (uint32_t)n, &w);
	qsp_writer_put(&w, qsp_bytes(body, n));
	return qsp_engine_say(c, NULL, o, &w, QSP_THEN_NOTHING);
}
