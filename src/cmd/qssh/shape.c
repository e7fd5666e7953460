/* SPDX-License-Identifier: ISC */
/*
 * What is asked of shaping [P8], when, and what became of it: stealth or padding for the whole of a
 * connection, else the grid for keystrokes as long as a session has a terminal.
 */
#include "cmd/qssh/qssh.h"

#include "app/client_control.h"
#include "proto/shape_conn.h"

#define MB 1000000u
#define CLASS_FIRST 1  /* fit for typing */
#define CELL_DATA 729u /* bytes, of most ciphers [P1.1] */

/* --- what is wanted -------------------------------------------------------------------------- */

/* With a budget the fastest class within it is held; what is adaptive begins below, and rises to it. */
static struct qsp_shape_params
stealth(const struct qsp_client_config *cfg)
{
	struct qsp_shape_params p = { .mode = QSP_SHAPE_STEALTH,
				      .strict = cfg->stealth != QSP_CLIENT_ADAPTIVE };
	uint64_t hourly = (uint64_t)cfg->budget * MB;

	p.ceiling = hourly ? qsp_shape_class_within(hourly) : QSP_SHAPE_CLASSES - 1;
	p.class = p.ceiling < CLASS_FIRST ? p.ceiling : CLASS_FIRST;
	if (p.strict && hourly)
		p.class = p.ceiling;
	if (p.strict)
		p.ceiling = p.class;
	return p;
}

static struct qsp_shape_params
wanted(const struct qsp_qssh *q)
{
	const struct qsp_client_config *cfg = &q->cfg;

	if (cfg->stealth != QSP_CLIENT_NO)
		return stealth(cfg);
	if (cfg->padding != 0 && !q->shape.unpadded)
		return (struct qsp_shape_params){ .mode = QSP_SHAPE_PADDED,
						  .padding = (uint8_t)cfg->padding };
	if (q->shape.ttys > 0 && cfg->wire == QSP_WIRE_CELLS)
		return (struct qsp_shape_params){ .mode = QSP_SHAPE_PLAIN,
						  .grid_ms = (uint8_t)cfg->grid };
	return (struct qsp_shape_params){ .mode = QSP_SHAPE_PLAIN };
}

uint8_t
qsp_qssh_shape_needs(const struct qsp_qssh *q)
{
	switch (q->cfg.stealth) {
	case QSP_CLIENT_NO: break;
	case QSP_CLIENT_ADAPTIVE: return QSP_CLIENT_CONTROL_ADAPTIVE;
	default: return QSP_CLIENT_CONTROL_STRICT;
	}
	switch (wanted(q).padding) {
	case QSP_SHAPE_BURST: return QSP_CLIENT_CONTROL_BURST;
	case QSP_SHAPE_MAX: return QSP_CLIENT_CONTROL_MAX;
	default: return QSP_CLIENT_CONTROL_ANY;
	}
}

const char *
qsp_qssh_shape_lacks(const struct qsp_qssh *q, uint8_t needs)
{
	uint8_t has = qsp_qssh_shape_needs(q);

	if (needs <= has)
		return NULL;
	if (needs <= QSP_CLIENT_CONTROL_MAX)
		return has == QSP_CLIENT_CONTROL_ANY ? "this connection is not padded"
						     : "this connection is padded less";
	return has < QSP_CLIENT_CONTROL_ADAPTIVE ? "this connection is not in stealth"
						 : "this connection's pace follows the use";
}

bool
qsp_qssh_shape_can(const struct qsp_qssh *q)
{
	const char *what = q->cfg.stealth != QSP_CLIENT_NO ? "stealth" : "padding";

	if ((q->cfg.stealth == QSP_CLIENT_NO && q->cfg.padding == 0) ||
	    q->cfg.wire == QSP_WIRE_CELLS)
		return true;
	qsp_qssh_say(QSP_LOG_ERROR, "qssh: %s needs cells: leave out Wire frame", what);
	return false;
}

/* --- asking ---------------------------------------------------------------------------------- */

qsp_err
qsp_qssh_shape_begin(struct qsp_qssh *q, struct qsp_conn *c)
{
	struct qsp_shape_params p = wanted(q);

	q->shape.asked = p;
	q->shape.told = 0;
	if (p.mode == QSP_SHAPE_PLAIN && p.grid_ms == 0)
		return QSP_OK;
	return qsp_shape_conn_ask(c, qsp_drive_now(&q->loop), &p);
}

/* Where the class is held: how to have a faster one. The length, 0 where there is nothing to say. */
static size_t
tell_faster(struct qsp_qssh *q, const struct qsp_shape_params *p, char *out, size_t cap)
{
	struct qsp_shape_allowed a;
	uint64_t hourly;

	if (p->mode != QSP_SHAPE_STEALTH || !p->strict || p->class == QSP_SHAPE_CLASSES - 1)
		return 0;
	if (p->class < q->shape.asked.class ||
	    (qsp_shape_conn_announced(qsp_qssh_contact_conn(q), &a) && a.ceiling <= p->class))
		return (size_t)snprintf(out, cap, "the server's Shaping would have to allow it");
	hourly = qsp_shape_class_hourly(p->class + 1);
	return (size_t)snprintf(
		out, cap,
		"--budget=%llu or more; or --stealth=adaptive, which shows when much "
		"is done, and when nothing",
		(unsigned long long)((hourly + MB - 1) / MB));
}

static void
tell(struct qsp_qssh *q, const struct qsp_shape_params *p)
{
	char text[QSP_QSSH_SHAPE_TEXT_MAX];

	qsp_qssh_shape_name(p, text);
	qsp_qssh_say(QSP_LOG_DEBUG1, "Shaping: %s", text);
	if (tell_faster(q, p, text, sizeof(text)) > 0)
		qsp_qssh_say(QSP_LOG_DEBUG1, "Shaping: for more speed %s", text);
	if (q->shape.asked.mode == QSP_SHAPE_PADDED && p->mode == QSP_SHAPE_PLAIN) {
		q->shape.unpadded = true;
		qsp_qssh_say(QSP_LOG_INFO,
			     "qssh: %s does not allow padding: sizes and times show "
			     "what is done",
			     q->name);
	}
}

void
qsp_qssh_shape_settle(struct qsp_qssh *q)
{
	struct qsp_conn *c = qsp_qssh_contact_conn(q);
	struct qsp_shape_params p;
	uint32_t changes;

	if (q->stage != QSP_QSSH_SESSION || q->leaving)
		return;
	if (qsp_shape_conn_now(c, &p, &changes) && changes != q->shape.told) {
		q->shape.told = changes;
		tell(q, &p);
	}
	p = wanted(q);
	if (p.mode == QSP_SHAPE_STEALTH || qsp_shape_same(&p, &q->shape.asked))
		return;
	/* where an earlier question has no answer yet, this one waits for the next event */
	if (qsp_shape_conn_ask(c, qsp_drive_now(&q->loop), &p) != 0)
		return;
	q->shape.asked = p;
	qsp_qssh_contact_kick(q);
}

bool
qsp_qssh_shape_is_agreed(struct qsp_qssh *q)
{
	return !qsp_shape_conn_holds(qsp_qssh_contact_conn(q));
}

bool
qsp_qssh_shape_tell_refused(const struct qsp_qssh *q)
{
	if (q->end != QSP_E_POLICY || q->cfg.stealth == QSP_CLIENT_NO || q->established)
		return false;
	qsp_qssh_say(QSP_LOG_ERROR,
		     "qssh: %s port %u does not allow stealth (Shaping in its qsshd_config): "
		     "disconnected before anything was done",
		     q->name, (unsigned)q->port);
	return true;
}

void
qsp_qssh_shape_tty(struct qsp_qssh *q, bool comes)
{
	q->shape.ttys += comes ? 1u : -1u;
	if (q->drive)
		qsp_qssh_shape_settle(q);
}

/* --- telling --------------------------------------------------------------------------------- */

void
qsp_qssh_shape_name(const struct qsp_shape_params *p, char out[static QSP_QSSH_SHAPE_TEXT_MAX])
{
	const struct qsp_shape_class *class = &qsp_shape_classes[p->class];
	const size_t cap = QSP_QSSH_SHAPE_TEXT_MAX;

	if (p->mode == QSP_SHAPE_STEALTH)
		snprintf(out, cap,
			 p->strict
				 ? "stealth, class %u throughout: %u cell%s each %.4g ms, %.0f kB/s"
				 : "stealth, adaptive, class %u now: %u cell%s each %.4g ms, %.0f "
				   "kB/s; at most class %u",
			 p->class, class->cells, class->cells == 1 ? "" : "s",
			 (double)class->slot_us / 1000,
			 1e3 * class->cells * CELL_DATA / class->slot_us, p->ceiling);
	else if (p->mode == QSP_SHAPE_PADDED)
		snprintf(out, cap, "padding, %s", p->padding == QSP_SHAPE_MAX ? "max" : "burst");
	else if (p->grid_ms)
		snprintf(out, cap, "keystrokes on a grid of %u ms", p->grid_ms);
	else
		snprintf(out, cap, "none");
}

void
qsp_qssh_shape_info(struct qsp_qssh *q, char out[static QSP_QSSH_SHAPE_TEXT_MAX])
{
	const size_t cap = QSP_QSSH_SHAPE_TEXT_MAX;
	struct qsp_drive_shape s;
	char faster[QSP_QSSH_SHAPE_TEXT_MAX];
	uint64_t all;
	size_t n;

	if (!q->drive || !qsp_drive_get_shape(q->drive, &s)) {
		snprintf(out, cap, "none");
		return;
	}
	qsp_qssh_shape_name(&s.now, out);
	n = strlen(out);
	if (tell_faster(q, &s.now, faster, sizeof(faster)) > 0)
		n += (size_t)snprintf(out + n, cap - n, "\n faster     %s", faster);
	all = s.counts.data_cells + s.counts.noise_cells;
	n += (size_t)snprintf(
		out + n, cap - n,
		"\n cover      %llu bytes, %.1f %% of what was sent; added latency %.1f ms",
		(unsigned long long)s.counts.noise_cells * QSP_CELL_LEN,
		all ? 100.0 * (double)s.counts.noise_cells / (double)all : 0,
		s.counts.waits ? (double)s.counts.wait_us / 1000 / (double)s.counts.waits : 0);
	if (s.counts.skipped)
		snprintf(out + n, cap - n, "; %llu slots left out",
			 (unsigned long long)s.counts.skipped);
}

void
qsp_qssh_shape_tell_cost(struct qsp_qssh *q)
{
	char text[QSP_QSSH_SHAPE_TEXT_MAX];
	struct qsp_drive_shape s;

	if (!qsp_drive_get_shape(q->drive, &s))
		return;
	qsp_qssh_shape_info(q, text);
	qsp_qssh_say(QSP_LOG_DEBUG1, "Shaping at the end: %s", text);
}
