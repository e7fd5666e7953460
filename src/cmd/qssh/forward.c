/* SPDX-License-Identifier: ISC */
/* Forwards as they come and go; what is said of them is what ssh says. */
#include "cmd/qssh/forward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "cmd/qssh/qssh.h"

#define NO_FORWARDS "Port forwarding is disabled to avoid man-in-the-middle attacks."

static void
told(struct qsp_qssh_forward *f, bool ok, const char *why)
{
	f->done(f->arg, ok, f->port, why);
}

static void
drop(struct qsp_qssh_forward *f, bool keep)
{
	struct qsp_qssh_forward **p = &f->q->forwards.all;

	while (*p != f)
		p = &(*p)->next;
	*p = f->next;
	qsp_qssh_local_close(f, keep);
	qsp_client_forward_wipe(&f->spec);
	free(f);
}

static void
where(const struct qsp_client_forward *spec, char *out, size_t cap)
{
	if (spec->listen_path)
		snprintf(out, cap, "listen path %s", spec->listen_path);
	else
		snprintf(out, cap, "listen port %u", (unsigned)spec->listen_port);
}

static void
on_remote_reply(void *arg, bool success, struct qsp_bytes body)
{
	struct qsp_qssh_forward *f = arg;
	char place[300], why[400], to[600];

	f->asked = false;
	where(&f->spec, place, sizeof(place));
	if (!success) {
		snprintf(why, sizeof(why), "remote port forwarding failed for %s", place);
		told(f, false, why);
		drop(f, false);
		return;
	}
	f->port = f->spec.listen_port;
	qsp_qssh_remote_target(&f->spec, to, sizeof(to));
	if (!f->spec.listen_path && f->spec.listen_port == 0) {
		f->port = body.n == 4 ? (uint16_t)qsp_bytes_get32(body.p) : 0;
		qsp_qssh_say(f->shared ? QSP_LOG_DEBUG1 : QSP_LOG_INFO,
			     "Allocated port %u for remote forward to %s", (unsigned)f->port, to);
	}
	qsp_qssh_say(QSP_LOG_DEBUG1, "remote forward success for: %s, connect %s", place, to);
	told(f, true, NULL);
}

static void
ask_remote(struct qsp_qssh_forward *f)
{
	f->asked = true;
	if (qsp_qssh_remote_ask(f, false, on_remote_reply, f) == 0)
		return;
	f->asked = false;
	told(f, false, "the request for a remote forward could not be sent");
	drop(f, false);
}

static bool
listens_there(const struct qsp_qssh_forward *f, const struct qsp_client_forward *spec)
{
	if (f->asked)
		return false;
	if (qsp_client_forward_same(&f->spec, spec))
		return true;
	/* a port that the server chose is known by its number, too */
	return spec->kind == 'R' && f->spec.kind == 'R' && !spec->listen_path &&
	       !f->spec.listen_path && f->spec.listen_port == 0 && f->port == spec->listen_port;
}

static struct qsp_qssh_forward *
find(struct qsp_qssh *q, const struct qsp_client_forward *spec)
{
	struct qsp_qssh_forward *f = q->forwards.all;

	while (f && !listens_there(f, spec))
		f = f->next;
	return f;
}

static struct qsp_qssh_forward *
make(struct qsp_qssh *q, const struct qsp_qssh_forward_order *o, struct qsp_client_forward *spec)
{
	struct qsp_qssh_forward *f = calloc(1, sizeof(*f));

	if (!f) {
		qsp_client_forward_wipe(spec);
		o->done(o->arg, false, 0, qsp_err_text(QSP_E_NOMEM));
		return NULL;
	}
	f->q = q;
	f->spec = *spec;
	f->shared = o->shared;
	f->done = o->done;
	f->arg = o->arg;
	f->next = q->forwards.all;
	q->forwards.all = f;
	return f;
}

void
qsp_qssh_forward_add(struct qsp_qssh *q, const struct qsp_qssh_forward_order *o)
{
	struct qsp_client_forward spec;
	qsp_err e = qsp_client_forward_parse(o->kind, o->spec, &spec);
	struct qsp_qssh_forward *f = !e && o->shared ? find(q, &spec) : NULL;

	if (!e && q->distrusted) { /* nor those of ~C and of clients */
		qsp_client_forward_wipe(&spec);
		o->done(o->arg, false, 0, NO_FORWARDS);
		return;
	}
	if (e) {
		o->done(o->arg, false, 0,
			e == QSP_E_INPUT ? "bad forwarding specification" : qsp_err_text(e));
		return;
	}
	if (f && qsp_client_forward_same_target(&f->spec, &spec)) {
		qsp_client_forward_wipe(&spec);
		o->done(o->arg, true, f->port, NULL);
		return;
	}
	f = make(q, o, &spec);
	if (!f)
		return;
	if (o->kind == 'R') {
		ask_remote(f);
	} else if (qsp_qssh_local_listen(f)) {
		told(f, true, NULL);
	} else {
		told(f, false, "Could not request local forwarding.");
		drop(f, false);
	}
}

/* --- cancelling ------------------------------------------------------------------------------ */

struct cancel {
	qsp_qssh_forward_done *done;
	void *arg;
};

static void
on_cancel_reply(void *arg, bool success, struct qsp_bytes body)
{
	struct cancel *c = arg;

	(void)body;
	c->done(c->arg, success, 0, success ? NULL : "the server has no such forward");
	free(c);
}

/* A spec, or only its listening end. */
static qsp_err
parse_listen(char kind, const char *spec, struct qsp_client_forward *out)
{
	qsp_err e = qsp_client_forward_parse(kind, spec, out);

	if (e != QSP_E_INPUT || kind == 'R')
		return e;
	return qsp_client_forward_parse('D', spec, out);
}

void
qsp_qssh_forward_cancel(struct qsp_qssh *q, const struct qsp_qssh_forward_order *o)
{
	struct qsp_client_forward wanted;
	struct qsp_qssh_forward *f;
	struct cancel *c = NULL;

	if (parse_listen(o->kind, o->spec, &wanted)) {
		o->done(o->arg, false, 0, "bad forwarding specification");
		return;
	}
	f = find(q, &wanted);
	qsp_client_forward_wipe(&wanted);
	if (!f) {
		o->done(o->arg, false, 0, "port not forwarded");
		return;
	}
	if (o->kind != 'R') {
		drop(f, false);
		o->done(o->arg, true, 0, NULL);
		return;
	}
	c = malloc(sizeof(*c));
	if (c)
		*c = (struct cancel){ o->done, o->arg };
	if (!c || qsp_qssh_remote_ask(f, true, on_cancel_reply, c)) {
		free(c);
		o->done(o->arg, false, 0, qsp_err_text(QSP_E_NOMEM));
		return;
	}
	drop(f, false);
}

/* --- those of the configuration --------------------------------------------------------------- */

static void
on_configured(void *arg, bool ok, uint16_t port, const char *why)
{
	struct qsp_qssh *q = arg;
	bool fatal = q->cfg.exit_on_forward_failure == QSP_CLIENT_YES;

	(void)port;
	if (--q->forwards.asked == 0)
		qsp_qssh_say(QSP_LOG_DEBUG1, "All forwarding requests have been answered.");
	if (ok)
		return;
	/* what failed here has said so, and why is a sentence of its own */
	if (why[0] >= 'A' && why[0] <= 'Z')
		qsp_qssh_say(QSP_LOG_ERROR, "%s", why);
	else if (q->opened && !q->leaving)
		qsp_qssh_say(fatal ? QSP_LOG_ERROR : QSP_LOG_INFO, "%s: %s",
			     fatal ? "Error" : "Warning", why);
	if (fatal)
		qsp_qssh_contact_leave(q, QSP_QSSH_FAILED);
}

void
qsp_qssh_forward_start(struct qsp_qssh *q)
{
	const struct {
		char kind;
		const struct qsp_client_list *list;
	} lists[] = {
		{ 'L', &q->cfg.local_forward },
		{ 'D', &q->cfg.dynamic_forward },
		{ 'R', &q->cfg.remote_forward },
	};
	unsigned n = 0;

	if (q->cfg.clear_all_forwardings == QSP_CLIENT_YES)
		return;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		n += (unsigned)lists[i].list->n;
	if (q->distrusted && n > 0) {
		qsp_qssh_say(QSP_LOG_ERROR, NO_FORWARDS);
		return;
	}
	q->forwards.asked += n;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (size_t k = 0; k < lists[i].list->n && !q->leaving; k++) {
			const struct qsp_qssh_forward_order order = { .kind = lists[i].kind,
								      .spec = lists[i].list->v[k],
								      .done = on_configured,
								      .arg = q };

			qsp_qssh_forward_add(q, &order);
		}
	}
}

bool
qsp_qssh_forward_is_settled(const struct qsp_qssh *q)
{
	return q->forwards.asked == 0;
}

void
qsp_qssh_forward_list(struct qsp_qssh_session *s)
{
	const struct qsp_qssh_forward *f = s->q->forwards.all;

	if (f)
		qsp_qssh_session_say(s, QSP_LOG_FATAL, "The following ports are forwarded:");
	for (; f; f = f->next) {
		char text[2 * QSP_CLIENT_FORWARD_TEXT_MAX], port[32] = "";

		qsp_client_forward_print(&f->spec, text, sizeof(text));
		if (!f->spec.listen_path && f->spec.listen_port == 0 && f->port)
			snprintf(port, sizeof(port), " (port %u)", (unsigned)f->port);
		qsp_qssh_session_say(s, QSP_LOG_FATAL, "  -%c %s%s%s", f->spec.kind, text, port,
				     f->asked ? " (asked for)" : "");
	}
}

void
qsp_qssh_forward_free(struct qsp_qssh *q, bool keep)
{
	qsp_qssh_agent_offers_end(q);
	qsp_qssh_socks_end(q);
	qsp_qssh_tunnel_free_all(q);
	for (struct qsp_qssh_forward *f = q->forwards.all, *next; f; f = next) {
		next = f->next;
		drop(f, keep);
	}
}

void
qsp_qssh_forward_tell_refused(const struct qsp_mux_event *ev)
{
	static const char *const reasons[] = { "unknown reason", "administratively prohibited",
					       "connect failed", "unknown channel type",
					       "resource shortage" };
	char text[256];

	qsp_text_printable(ev->body, false, text, sizeof(text));
	qsp_qssh_say(QSP_LOG_INFO, "channel %u: open failed: %s%s%s", (unsigned)ev->channel,
		     reasons[ev->code <= 4 ? ev->code : 0], text[0] ? ": " : "", text);
}
