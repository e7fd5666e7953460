/* SPDX-License-Identifier: ISC */
/* put and get stand side by side; what one writes the other reads, and nothing else. */
#include "app/client_control.h"

#include <stdlib.h>
#include <string.h>

#include "app/client_config.h"
#include "base/reader.h"
#include "base/writer.h"

enum { TTY = 1, STDIN_NULL = 2, AGENT = 4 };

size_t
qsp_client_control_fds(enum qsp_client_control_type type)
{
	return type == QSP_CLIENT_CONTROL_SESSION || type == QSP_CLIENT_CONTROL_STDFWD ? 3 : 0;
}

/* --- size ------------------------------------------------------------------------------------ */

static void
put_size(struct qsp_writer *w, const struct qsp_tty_size *s)
{
	qsp_writer_u32(w, s->columns);
	qsp_writer_u32(w, s->rows);
	qsp_writer_u32(w, s->width_px);
	qsp_writer_u32(w, s->height_px);
}

static void
get_size(struct qsp_reader *r, struct qsp_tty_size *s)
{
	s->columns = qsp_reader_u32(r);
	s->rows = qsp_reader_u32(r);
	s->width_px = qsp_reader_u32(r);
	s->height_px = qsp_reader_u32(r);
}

/* --- the plan -------------------------------------------------------------------------------- */

static void
put_session(struct qsp_writer *w, const struct qsp_client_control *m)
{
	const struct qsp_client_plan *p = &m->plan;

	qsp_writer_u8(w, (uint8_t)((p->tty ? TTY : 0) | (m->stdin_null ? STDIN_NULL : 0) |
				   (p->agent ? AGENT : 0)));
	qsp_writer_u32(w, (uint32_t)m->escape);
	qsp_writer_u8(w, (uint8_t)p->what);
	qsp_writer_vec32(w, qsp_bytes_str(p->command ? p->command : ""));
	qsp_writer_vec32(w, qsp_bytes_str(p->term ? p->term : ""));
	put_size(w, &p->size);
	qsp_writer_vec32(w, qsp_bytes(p->modes, p->n_modes));
	qsp_writer_u32(w, (uint32_t)p->n_env);
	for (size_t i = 0; i < p->n_env; i++)
		qsp_writer_vec32(w, qsp_bytes_str(p->env[i]));
}

/* A string of at most max bytes, none of them NUL. */
static qsp_err
get_text(struct qsp_reader *r, size_t max, char **out)
{
	struct qsp_bytes b = qsp_reader_vec32(r);

	if (b.n > max || (b.n && memchr(b.p, 0, b.n)))
		return QSP_E_INPUT;
	*out = strndup(b.n ? (const char *)b.p : "", b.n);
	return *out ? 0 : QSP_E_NOMEM;
}

static qsp_err
get_env(struct qsp_reader *r, struct qsp_client_plan *p)
{
	uint32_t n = qsp_reader_u32(r);

	if (n > QSP_CLIENT_ENV_MAX)
		return QSP_E_INPUT;
	for (uint32_t i = 0; i < n; i++) {
		struct qsp_bytes b = qsp_reader_vec32(r);
		qsp_err e;

		if (b.n == 0 || b.n > QSP_CLIENT_ENV_LEN_MAX || memchr(b.p, 0, b.n) ||
		    b.p[0] == '=' || !memchr(b.p, '=', b.n))
			return QSP_E_INPUT;
		e = qsp_client_plan_add_env(p, (const char *)b.p, b.n);
		if (e)
			return e;
	}
	return 0;
}

static qsp_err
get_session(struct qsp_reader *r, struct qsp_client_control *m)
{
	struct qsp_client_plan *p = &m->plan;
	uint8_t flags = qsp_reader_u8(r), what;
	struct qsp_bytes modes;
	qsp_err e;

	m->escape = (int)qsp_reader_u32(r);
	what = qsp_reader_u8(r);
	p->tty = flags & TTY;
	p->agent = flags & AGENT;
	m->stdin_null = flags & STDIN_NULL;
	p->what = (enum qsp_client_what)what;
	if ((flags & ~(TTY | STDIN_NULL | AGENT)) || what > QSP_CLIENT_SUBSYSTEM_NAME ||
	    m->escape < QSP_CLIENT_NO_ESCAPE || m->escape > 255)
		return QSP_E_INPUT;
	if ((e = get_text(r, QSP_CLIENT_COMMAND_MAX, &p->command)) != 0 ||
	    (e = get_text(r, QSP_CLIENT_TERM_MAX, &p->term)) != 0)
		return e;
	get_size(r, &p->size);
	modes = qsp_reader_vec32(r);
	if (modes.n > sizeof(p->modes))
		return QSP_E_INPUT;
	if (modes.n)
		memcpy(p->modes, modes.p, modes.n);
	p->n_modes = modes.n;
	return get_env(r, p);
}

/* --- all of them ----------------------------------------------------------------------------- */

qsp_err
qsp_client_control_put(const struct qsp_client_control *m, uint8_t *out, size_t *n)
{
	struct qsp_writer w = qsp_writer_of(out, *n);

	qsp_writer_u8(&w, (uint8_t)m->type);
	if (m->type <= QSP_CLIENT_CONTROL_CANCEL) {
		qsp_writer_u32(&w, QSP_CLIENT_CONTROL_VERSION);
		qsp_writer_u8(&w, m->needs);
	}
	switch (m->type) {
	case QSP_CLIENT_CONTROL_SESSION: put_session(&w, m); break;
	case QSP_CLIENT_CONTROL_FORWARD:
	case QSP_CLIENT_CONTROL_CANCEL:
	case QSP_CLIENT_CONTROL_SAY:
		qsp_writer_u8(&w, m->small);
		qsp_writer_vec32(&w, m->text);
		break;
	case QSP_CLIENT_CONTROL_STDFWD:
	case QSP_CLIENT_CONTROL_REFUSED: qsp_writer_vec32(&w, m->text); break;
	case QSP_CLIENT_CONTROL_SIGNAL:
	case QSP_CLIENT_CONTROL_OK:
	case QSP_CLIENT_CONTROL_ENDED: qsp_writer_u32(&w, m->number); break;
	case QSP_CLIENT_CONTROL_RESIZE: put_size(&w, &m->size); break;
	case QSP_CLIENT_CONTROL_STARTED: qsp_writer_u8(&w, m->small); break;
	default: break; /* a type, and nothing more */
	}
	*n = qsp_writer_bytes(&w).n;
	return qsp_writer_done(&w);
}

static qsp_err
get_request(struct qsp_reader *r, struct qsp_client_control *m)
{
	uint32_t version = qsp_reader_u32(r);

	m->needs = qsp_reader_u8(r);
	return version != QSP_CLIENT_CONTROL_VERSION || m->needs > QSP_CLIENT_CONTROL_STRICT
		       ? QSP_E_INPUT
		       : 0;
}

static qsp_err
get_body(struct qsp_reader *r, struct qsp_client_control *m)
{
	switch (m->type) {
	case QSP_CLIENT_CONTROL_CHECK:
	case QSP_CLIENT_CONTROL_EXIT:
	case QSP_CLIENT_CONTROL_STOP:
	case QSP_CLIENT_CONTROL_RESUMED:
	case QSP_CLIENT_CONTROL_SUSPEND: return 0;
	case QSP_CLIENT_CONTROL_SESSION: return get_session(r, m);
	case QSP_CLIENT_CONTROL_FORWARD:
	case QSP_CLIENT_CONTROL_CANCEL:
	case QSP_CLIENT_CONTROL_SAY:
		m->small = qsp_reader_u8(r);
		m->text = qsp_reader_vec32(r);
		break;
	case QSP_CLIENT_CONTROL_STDFWD:
	case QSP_CLIENT_CONTROL_REFUSED: m->text = qsp_reader_vec32(r); break;
	case QSP_CLIENT_CONTROL_SIGNAL:
	case QSP_CLIENT_CONTROL_OK:
	case QSP_CLIENT_CONTROL_ENDED: m->number = qsp_reader_u32(r); break;
	case QSP_CLIENT_CONTROL_RESIZE: get_size(r, &m->size); break;
	case QSP_CLIENT_CONTROL_STARTED: m->small = qsp_reader_u8(r); break;
	default: return QSP_E_INPUT;
	}
	if (m->text.n > QSP_CLIENT_CONTROL_TEXT_MAX ||
	    (m->text.n && memchr(m->text.p, 0, m->text.n)))
		return QSP_E_INPUT;
	return 0;
}

qsp_err
qsp_client_control_get(struct qsp_bytes in, struct qsp_client_control *m)
{
	struct qsp_reader r = qsp_reader_of(in);
	qsp_err e = 0;

	memset(m, 0, sizeof(*m));
	m->type = (enum qsp_client_control_type)qsp_reader_u8(&r);
	if (m->type <= QSP_CLIENT_CONTROL_CANCEL)
		e = get_request(&r, m);
	if (!e)
		e = get_body(&r, m);
	if (!e)
		e = qsp_reader_done(&r);
	if (e)
		qsp_client_control_wipe(m);
	return e;
}

void
qsp_client_control_wipe(struct qsp_client_control *m)
{
	qsp_client_plan_wipe(&m->plan);
}
