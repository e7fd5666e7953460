/* SPDX-License-Identifier: ISC */
/*
 * Sessions that outlive their connections [P4.7]. A connection counts what it sends and takes; a
 * lost one is asked for its ticket and its counts, and a new one goes on from them.
 */
#include "proto/resume.h"

#include "base/ct.h"
#include "crypto/rand.h"
#include "proto/engine.h"

#define TELL_BYTES (256u * 1024)
#define TELL_MS 1000u

_Static_assert(sizeof(((struct qsp_ticket *)0)->secret) >= QSP_HASH_MAX, "room for every R");

qsp_err
qsp_resume_grant(struct qsp_conn *c)
{
	if (!c->resumable && (c->resumable = qsp_mem_alloc(sizeof(*c->resumable))) == NULL)
		return QSP_E_NOMEM;
	return QSP_OK;
}

void
qsp_resume_free(struct qsp_conn *c)
{
	qsp_mem_wipe_free(c->resumable, sizeof(*c->resumable));
	c->resumable = NULL;
}

void
qsp_resume_reset(struct qsp_conn *c)
{
	if (c->resumable)
		qsp_mem_wipe(c->resumable, sizeof(*c->resumable));
}

void
qsp_resume_begin(struct qsp_conn *c)
{
	struct qsp_resumable *r = c->resumable;

	if (!r)
		return;
	if (!r->waits)
		r->session = c->session_id;
	r->live = true;
	r->epoch = 1;
}

struct qsp_ticket
qsp_resume_latest(const struct qsp_conn *c)
{
	const struct qsp_resumable *r = c->resumable;
	struct qsp_ticket t = { .session = r->session,
				.generation = r->generation,
				.epoch = r->epoch,
				.len = qsp_hash_len(c->kem->hash) };

	memcpy(t.secret, c->resumption.b, t.len);
	return t;
}

qsp_err
qsp_resume_advance(struct qsp_conn *c, const struct qsp_es *es)
{
	struct qsp_resumable *r = c->resumable;

	if (!r)
		return QSP_OK;
	/* the client may have been cut off in front of DONE, and come with the one before */
	if (c->role == QSP_SERVER)
		r->older = qsp_resume_latest(c);
	r->epoch++;
	return qsp_schedule_resume(qsp_engine_crypto(c), c->kem, es, &c->resumption);
}

/* --- the handshake -------------------------------------------------------------------------- */

/* The session goes on here, from where it had come. */
static void
go_on(struct qsp_resumable *r, const struct qsp_ticket *t, struct qsp_progress count)
{
	r->session = t->session;
	r->generation = t->generation + 1;
	r->count = count;
	r->told = count.received;
	r->waits = true;
}

qsp_err
qsp_resume_prove(struct qsp_conn *c, const struct qsp_input *in)
{
	const struct qsp_login *l = in->answer;
	QSP_WIPED(qsp_transcript) t = c->hs->t;
	struct qsp_outgoing *o;
	struct qsp_writer w;
	uint8_t *proof;
	qsp_err e;

	qsp_transcript_mix_secret(&t, qsp_bytes(l->ticket->secret, l->ticket->len));
	o = qsp_queue_new(QSP_TYPE_HANDSHAKE, QSP_MSG_AUTH_PROOF, t.len, &w);
	if ((proof = qsp_writer_room(&w, t.len)) != NULL)
		qsp_transcript_mac(&t, "fin c", proof);
	if ((e = qsp_engine_say(c, &t, o, &w, QSP_THEN_NOTHING)) != 0)
		return e;
	c->hs->t = t;
	go_on(c->resumable, l->ticket, l->progress);
	c->raised = QSP_EV_PROVED;
	return QSP_OK;
}

/* A session that is not there is a secret that nobody knows: the same work, and then the same
 * answer. */
qsp_err
qsp_resume_on_ticket(struct qsp_conn *c, const struct qsp_decision *d)
{
	struct qsp_handshake *hs = c->hs;
	QSP_WIPED(qsp_es) decoy = { { 0 } };
	struct qsp_bytes secret = { decoy.b, hs->t.len };
	qsp_err e = qsp_rand_bytes(qsp_engine_crypto(c), decoy.b, hs->t.len);

	if (e)
		return e;
	hs->doomed = d->verdict != QSP_AUTH_ACCEPT || !d->ticket || d->ticket->len == 0 ||
		     d->ticket->len > sizeof(d->ticket->secret) || !c->resumable || hs->partial;
	if (!hs->doomed) {
		c->resumable->older = *d->ticket;
		secret = qsp_bytes(d->ticket->secret, d->ticket->len);
	}
	qsp_transcript_mix_secret(&hs->t, secret);
	c->raised = QSP_EV_RESUME;
	return hs->t.err;
}

/* [P4.5] AUTH_PROOF; only a right one is told to whoever decides */
qsp_err
qsp_resume_on_proof(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_handshake *hs = c->hs;
	uint8_t mac[QSP_HASH_MAX];

	qsp_transcript_mac(&hs->t, "fin c", mac);
	if (hs->t.err)
		return hs->t.err;
	hs->auth.has_proof =
		in->body.n == hs->t.len && qsp_ct_equal(mac, in->body.p, hs->t.len) && !hs->doomed;
	hs->auth.user = hs->user;
	qsp_transcript_mix_hash(&hs->t, in->whole);
	c->raised = hs->auth.has_proof ? QSP_EV_ASK_VERDICT : QSP_EV_REFUSE;
	return hs->t.err;
}

qsp_err
qsp_resume_on_verdict(struct qsp_conn *c, const struct qsp_decision *d)
{
	struct qsp_handshake *hs = c->hs;
	struct qsp_progress count = { .sent = hs->auth.received,
				      .acked = hs->auth.received,
				      .received = d->progress.received,
				      .stealth = d->progress.stealth };
	bool good = d->verdict == QSP_AUTH_ACCEPT && hs->auth.received >= d->progress.acked &&
		    hs->auth.received <= d->progress.sent;

	hs->auth.has_proof = false;
	if (good)
		go_on(c->resumable, &c->resumable->older, count);
	c->raised = good ? QSP_EV_ACCEPT : QSP_EV_REFUSE;
	return QSP_OK;
}

/* --- counts --------------------------------------------------------------------------------- */

/* [P5.1] ACK */
qsp_err
qsp_resume_on_ack(struct qsp_conn *c, const struct qsp_input *in)
{
	struct qsp_resumable *r = c->resumable;
	uint64_t n;

	if (qsp_msg_get_u64(in->body, &n) != 0)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "ACK: malformed");
	if (!r)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "ACK: the session is not resumable");
	if (n < r->count.acked || n > r->count.sent)
		return qsp_engine_fail(c, QSP_E_PROTOCOL, "ACK: of bytes that were not sent");
	r->count.acked = n;
	if (!r->waits)
		return QSP_OK;
	r->waits = false;
	if (c->role == QSP_CLIENT)
		r->count.sent = n; /* what lies behind is sent anew */
	else if (r->older.generation != r->generation)
		qsp_mem_wipe(&r->older, sizeof(r->older)); /* the client has got the next one */
	return QSP_OK;
}

qsp_err
qsp_resume_say_ack(struct qsp_conn *c)
{
	struct qsp_resumable *r = c->resumable;
	struct qsp_writer w;
	struct qsp_outgoing *o = qsp_queue_new(QSP_TYPE_CONTROL, QSP_MSG_ACK, 8, &w);

	qsp_writer_u64(&w, r->count.received);
	r->told = r->count.received;
	r->tell_at = 0;
	r->due = false;
	return qsp_engine_say(c, NULL, o, &w, QSP_THEN_NOTHING);
}

qsp_err
qsp_resume_say_first(struct qsp_conn *c)
{
	return qsp_resume_waits(c) ? qsp_resume_say_ack(c) : QSP_OK;
}

bool
qsp_resume_received(struct qsp_conn *c, struct qsp_now now, size_t n)
{
	struct qsp_resumable *r = c->resumable;

	if (!r || n == 0)
		return true;
	if (r->waits)
		return false;
	r->count.received += n;
	if (r->count.received - r->told >= TELL_BYTES)
		r->due = true;
	else if (r->tell_at == 0)
		r->tell_at = now.mono + TELL_MS;
	return true;
}

void
qsp_resume_sent(struct qsp_conn *c, size_t n)
{
	if (c->resumable)
		c->resumable->count.sent += n;
}

void
qsp_resume_tick(struct qsp_conn *c, struct qsp_now now)
{
	struct qsp_resumable *r = c->resumable;

	if (r && r->tell_at && now.mono >= r->tell_at)
		r->due = true;
}

bool
qsp_resume_ack_due(const struct qsp_conn *c)
{
	return c->resumable && c->resumable->due && c->can_send && !c->closing;
}

bool
qsp_resume_holds(const struct qsp_conn *c)
{
	return qsp_resume_waits(c) && c->role == QSP_CLIENT;
}

bool
qsp_resume_waits(const struct qsp_conn *c)
{
	return c->resumable && c->resumable->waits;
}

bool
qsp_resume_is_silent(const struct qsp_conn *c)
{
	return qsp_resume_is_live(c) || qsp_resume_waits(c);
}

bool
qsp_resume_is_live(const struct qsp_conn *c)
{
	return c->resumable && c->resumable->live && !c->closing && !c->peer_closed;
}

qsp_time
qsp_resume_tells_at(const struct qsp_conn *c)
{
	const struct qsp_resumable *r = c->resumable;

	return r && r->tell_at && !r->due ? r->tell_at : UINT64_MAX;
}
