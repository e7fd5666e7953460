/* SPDX-License-Identifier: ISC */
/*
 * The way to the host: the call as it is known, and, where that stays unanswered, on the person's
 * word alone, a look as a stranger [P4]. Every call is a connection of its own with fresh keys.
 * Then the loop, until the end is known; and what is said about it.
 */
#include "cmd/qssh/qssh.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "sys/connect.h"
#include "sys/tty.h"

#define LEAVE_MS 2000
#define ANSWER_MS 10000 /* for M2, where ConnectTimeout does not say */

static void
on_patience(uv_timer_t *h)
{
	struct qsp_qssh *q = h->data;

	q->silent = true;
	q->stage = QSP_QSSH_DONE;
}

static void
wait_for_answer(struct qsp_qssh *q)
{
	uint64_t ms = q->cfg.connect_timeout ? (uint64_t)q->cfg.connect_timeout * 1000 : ANSWER_MS;

	uv_timer_start(&q->patience, on_patience, ms, 0);
}

/* --- callbacks of the drive ----------------------------------------------------------------- */

static void
on_trust(struct qsp_qssh *q)
{
	struct qsp_conn *c = qsp_drive_conn(q->drive);
	struct qsp_key_public *key = qsp_mem_alloc(sizeof(*key));
	bool trusted = key && qsp_conn_host_key(c, key) == 0 && qsp_qssh_host_decide(q, key);

	qsp_mem_free(key);
	q->asked_trust = true;
	(void)!qsp_conn_trust(c, trusted);
	qsp_drive_kick(q->drive);
	uv_update_time(&q->loop); /* a person takes time */
	wait_for_answer(q);
}

static void
on_wants(void *arg, unsigned wants)
{
	struct qsp_qssh *q = arg;

	if (q->resume.active) {
		qsp_qssh_resume_wants(q, wants);
		return;
	}
	uv_timer_stop(&q->patience);
	if (wants & QSP_WANT_TRUST)
		on_trust(q);
	if (wants & QSP_WANT_AUTH) {
		q->stage = QSP_QSSH_AUTH;
		qsp_qssh_host_learn(q);
		qsp_qssh_auth_next(q);
	}
	if (wants & QSP_WANT_DECAPS)
		qsp_qssh_auth_decaps(q);
	if (wants & QSP_WANT_SIGN)
		qsp_qssh_auth_sign(q);
	if (wants & QSP_WANT_REPLY)
		qsp_qssh_auth_reply(q);
	q->opened = q->opened || (wants & QSP_IS_OPEN);
	/* with only one way to log in, before the server said yes */
	if ((wants & QSP_CAN_SEND) && q->stage != QSP_QSSH_SESSION) {
		q->stage = QSP_QSSH_SESSION;
		qsp_qssh_program_open(q);
	}
	uv_update_time(&q->loop);
}

static void
on_event(void *arg, const struct qsp_mux_event *ev)
{
	struct qsp_qssh *q = arg;

	qsp_qssh_channel_event(q, ev);
	if (ev->type == QSP_MUX_CLOSE)
		qsp_qssh_program_settle(q); /* the last one may have gone */
	qsp_qssh_shape_settle(q);
}

static void
on_room(void *arg)
{
	qsp_qssh_channel_serve(arg);
}

static void
on_closed(void *arg, qsp_err e)
{
	struct qsp_qssh *q = arg;

	q->end = q->resume.why ? QSP_E_TRUNCATED : e;
	q->stage = QSP_QSSH_DONE;
}

static bool
on_lost(void *arg, qsp_err e)
{
	return qsp_qssh_resume_lost(arg, e);
}

static const struct qsp_drive_ops ops = { on_wants, on_event, on_room, on_closed, on_lost };

/* --- the connection as others see it -------------------------------------------------------- */

struct qsp_mux *
qsp_qssh_contact_mux(struct qsp_qssh *q)
{
	return qsp_drive_mux(q->drive);
}

struct qsp_conn *
qsp_qssh_contact_conn(struct qsp_qssh *q)
{
	return qsp_drive_conn(q->drive);
}

void
qsp_qssh_contact_kick(struct qsp_qssh *q)
{
	qsp_drive_kick(q->drive);
}

void
qsp_qssh_contact_leave(struct qsp_qssh *q, int status)
{
	if (q->leaving)
		return;
	qsp_qssh_shape_tell_cost(q);
	q->leaving = true;
	q->status = status;
	qsp_qssh_program_finish(q);
	qsp_drive_close(q->drive, QSP_REASON_NORMAL, "", LEAVE_MS);
}

void
qsp_qssh_contact_forget(struct qsp_qssh *q)
{
	qsp_drive_free(q->drive);
	q->drive = NULL;
	q->proxy = 0;
	uv_timer_stop(&q->alive);
}

/* --- one call ------------------------------------------------------------------------------- */

static void
on_trying(void *arg, const char *address, uint16_t port)
{
	const struct qsp_qssh *q = arg;

	qsp_qssh_say(QSP_LOG_DEBUG1, "Connecting to %s [%s] port %u.", q->host, address,
		     (unsigned)port);
}

static int
open_socket(struct qsp_qssh *q)
{
	struct qsp_connect c = { .host = q->host,
				 .port = q->port,
				 .family = q->cfg.address_family,
				 .bind_address = q->cfg.bind_address,
				 .timeout_ms = (unsigned)q->cfg.connect_timeout * 1000,
				 .trying = on_trying,
				 .arg = q };
	char err[QSP_CONNECT_ERROR_MAX];
	const int one = 1;
	int fd = -1;

	if (qsp_qssh_proxy_is_wanted(q))
		return qsp_qssh_proxy_start(q);
	for (int i = 0; i < q->cfg.connection_attempts; i++) {
		qsp_err e;

		if (i > 0)
			sleep(1);
		e = qsp_connect_tcp(&c, &fd, err);
		if (e == 0) {
			if (q->cfg.resume_timeout > 0)
				qsp_connect_notice(fd);
			else if (q->cfg.tcp_keepalive == QSP_CLIENT_YES)
				setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
			return fd;
		}
		if (e == QSP_E_NOTFOUND)
			break;
	}
	qsp_qssh_say(QSP_LOG_ERROR, "qssh: %s", err);
	return -1;
}

/* A fresh engine on a fresh connection. */
static qsp_err
call(struct qsp_qssh *q, int fd)
{
	struct qsp_peer peer = { .kem = q->call.known ? q->contact.key.blob[0]
						      : (uint8_t)q->cfg.kem,
				 .host_key = q->call.known ? &q->contact.key : NULL,
				 .ok_class = q->call.ok_class };
	struct qsp_mux_limits limits = qsp_mux_limits_default();
	struct qsp_conn *c = NULL;
	qsp_err e;

	limits.max_channels = QSP_QSSH_CHANNELS_MAX;
	limits.output_max = QSP_QSSH_OUTPUT_MAX;
	if (peer.ok_class == QSP_OK_SECRET)
		memcpy(peer.secret, q->contact.secret, QSP_OK_LEN);
	qsp_qssh_say(QSP_LOG_DEBUG1, "Handshake: %s, layout %s, class %s",
		     qsp_key_type_name(peer.kem), q->call.known ? "K" : "T",
		     peer.ok_class == QSP_OK_SECRET ? "S" : "N");
	uv_update_time(&q->loop);
	e = qsp_conn_new_client(q->qsp, qsp_drive_pool_worker(q->pool), &peer,
				qsp_drive_now(&q->loop), &c);
	qsp_mem_wipe(&peer, sizeof(peer));
	if (!e)
		e = qsp_qssh_shape_begin(q, c);
	if (!e)
		e = qsp_drive_new(q->pool, fd, c, &limits, &ops, q, &q->drive);
	if (e) {
		qsp_conn_free(c);
		close(fd);
	}
	return e;
}

/* --- what is said at the end ---------------------------------------------------------------- */

static void
tell_silence(struct qsp_qssh *q)
{
	qsp_qssh_say(
		QSP_LOG_ERROR,
		"qssh: %s port %u does not answer the handshake%s. Possible causes:\n"
		"  - it is not reachable, or something on the way drops what is sent\n"
		"  - it is not a QSP server, or it speaks another wire format (option Wire)\n"
		"  - its clock or this one is off by more than 10 minutes\n"
		"%s",
		q->name, (unsigned)q->port,
		q->call.known ? ", made as this host is known" : " of a first contact",
		q->call.known ? "  - its host key or its obfuscation secret has changed"
		: q->opt.is_bridge
			? "  - the secret in the bridge line is no longer valid"
			: "  - it does not answer strangers: ask for its bridge line (qsp://...)");
}

/* What the peer said as it closed, fit to print; false where it said nothing. */
static bool
tell_peer_close(struct qsp_qssh *q)
{
	struct qsp_bytes text;
	uint16_t reason;
	bool authenticated;
	char line[300];

	if (!qsp_conn_peer_close(qsp_drive_conn(q->drive), &reason, &text, &authenticated))
		return false;
	qsp_text_printable(text, false, line, sizeof(line));
	qsp_qssh_say(QSP_LOG_ERROR, "Received disconnect from %s port %u:%u: %s%s", q->name,
		     (unsigned)q->port, (unsigned)reason, line[0] ? line : "no reason given",
		     authenticated ? "" : " (said by an unauthenticated peer)");
	return true;
}

static void
tell_failure(struct qsp_qssh *q, bool in_session)
{
	const char *why = qsp_conn_why(qsp_drive_conn(q->drive));
	int e = qsp_drive_errno(q->drive);

	if (qsp_qssh_shape_tell_refused(q))
		return;
	switch (q->end) {
	case QSP_E_TRUST: break; /* host.c has said why */
	case QSP_E_AUTH: qsp_qssh_auth_denied(q); break;
	case QSP_E_TRUNCATED:
		if (in_session)
			qsp_qssh_say(
				QSP_LOG_ERROR,
				"Connection to %s closed by remote host, without a proper end: "
				"output may be missing.",
				q->name);
		else
			qsp_qssh_say(QSP_LOG_ERROR, "Connection closed by %s port %u", q->name,
				     (unsigned)q->port);
		break;
	case QSP_E_IO:
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: connection with %s port %u: %s", q->name,
			     (unsigned)q->port, e ? strerror(e) : qsp_err_text(q->end));
		break;
	default:
		if (!tell_peer_close(q))
			qsp_qssh_say(QSP_LOG_ERROR, "qssh: %s with %s port %u: %s%s%s",
				     in_session ? "session" : "handshake", q->name,
				     (unsigned)q->port, qsp_err_text(q->end), why ? ": " : "",
				     why ? why : "");
	}
}

static void
tell_unresumed(struct qsp_qssh *q)
{
	if (q->resume.why)
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: the session could not be resumed: %s.",
			     q->resume.why);
	else if (q->resume.active)
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: the session could not be resumed.");
}

static int
tell_end(struct qsp_qssh *q, bool in_session)
{
	if (q->end) {
		tell_failure(q, in_session);
		tell_unresumed(q);
		return QSP_QSSH_FAILED;
	}
	if (q->killed_by)
		qsp_qssh_say(QSP_LOG_VERBOSE, "Killed by signal %d.", q->killed_by);
	else if (!q->leaving)
		qsp_qssh_say(QSP_LOG_INFO, "Connection to %s closed by remote host.", q->name);
	else if (q->session && q->session->has_tty)
		qsp_qssh_say(QSP_LOG_INFO, "Connection to %s closed.", q->name);
	return q->leaving ? q->status : QSP_QSSH_FAILED;
}

/* --- the loop ------------------------------------------------------------------------------- */

/*
 * The host's secret goes on the disk when it comes. Slots wait for that [P8.6], and would else tell
 * when a link is used for the first time.
 */
static void
learn_in_time(struct qsp_qssh *q)
{
	if (q->opened && !q->secret_stored && q->stage != QSP_QSSH_DONE)
		qsp_qssh_host_learn(q);
}

/* Runs one call to its end, whatever that is. */
static int
run_call(struct qsp_qssh *q)
{
	int fd = open_socket(q), status;
	bool in_session, elsewhere = false;
	qsp_err e;

	if (fd < 0)
		return QSP_QSSH_FAILED;
	q->stage = QSP_QSSH_CONTACT;
	q->silent = false;
	e = call(q, fd);
	if (e) {
		qsp_qssh_say(QSP_LOG_ERROR, "qssh: %s", qsp_err_text(e));
		return QSP_QSSH_FAILED;
	}
	wait_for_answer(q);
	while (q->stage != QSP_QSSH_DONE && !elsewhere) {
		uv_run(&q->loop, UV_RUN_ONCE);
		learn_in_time(q);
		if (q->opened && !q->established && q->stage != QSP_QSSH_DONE &&
		    qsp_qssh_forward_is_settled(q) && qsp_qssh_shape_is_agreed(q))
			elsewhere = qsp_qssh_program_establish(q);
		if (q->want_background && q->stage != QSP_QSSH_DONE)
			qsp_qssh_program_background(q);
	}
	if (elsewhere) {
		qsp_qssh_program_close(q);
		return q->status;
	}
	uv_timer_stop(&q->patience);
	uv_timer_stop(&q->alive);
	in_session = q->opened;
	if (!q->silent)
		qsp_qssh_host_learn(q);
	qsp_qssh_program_close(q);
	status = q->silent ? QSP_QSSH_FAILED : tell_end(q, in_session);
	free(q->session);
	q->session = NULL;
	qsp_drive_free(q->drive);
	q->drive = NULL;
	qsp_qssh_proxy_end(q);
	return status;
}

/* After silence: the next lower call, if the person wants it; false where there is none. */
static bool
lower(struct qsp_qssh *q, bool *agreed)
{
	if (q->opt.is_bridge || !q->has_contact)
		return false;
	if (!*agreed && !qsp_qssh_host_look_again(q))
		return false;
	*agreed = true;
	if (q->call.known) {
		q->call.known = false;
		return true;
	}
	if (q->call.ok_class == QSP_OK_SECRET) {
		q->call.ok_class = QSP_OK_FIRST_CONTACT;
		return true;
	}
	return false;
}

int
qsp_qssh_contact_run(struct qsp_qssh *q)
{
	bool agreed = false;
	int status;

	q->patience.data = q;
	qsp_qssh_host_look_up(q);
	for (;;) {
		status = run_call(q);
		if (!q->silent)
			return status;
		if (q->asked_trust) {
			qsp_qssh_say(QSP_LOG_ERROR, "qssh: %s stopped answering in the handshake.",
				     q->name);
			return QSP_QSSH_FAILED;
		}
		if (q->call.known || !agreed)
			tell_silence(q);
		else
			qsp_qssh_say(QSP_LOG_ERROR, "qssh: no answer to a first contact either.");
		if (!lower(q, &agreed))
			return QSP_QSSH_FAILED;
	}
}
