/* SPDX-License-Identifier: ISC */
/*
 * Going on with a file that is there in part. That it is a part is not taken on trust: its beginning, its end
 * and places between are compared with the source; where they differ, all is copied again. All places are
 * asked for at once, of some files at a time, so that a long way is not gone back and forth for each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/qscp/qscp.h"

#define PIECE ((size_t)QSP_SFTP_DATA_SAFE)
#define EDGE (1u << 18)   /* compared at both ends */
#define SAMPLE (1u << 14) /* compared between */
#define SAMPLES 16u
#define CHECKED 16 /* files at a time */

/* A place: what the source has there, and the target. */
struct place {
	struct qsp_qscp_job *j;
	uint64_t offset;
	size_t n;
	unsigned open; /* sides that are awaited */
	struct side {
		struct place *place;
		bool source, bad;
		size_t have;
		uint8_t bytes[PIECE];
	} side[2];
};

static void
go_on(struct qsp_qscp_job *j)
{
	j->held = false;
}

static void
on_cut(void *arg, const struct qsp_sftp_reply *r)
{
	struct qsp_qscp_job *j = arg;

	j->ops--;
	go_on(j);
	if (r == NULL || r->status != QSP_SFTP_OK)
		qsp_qscp_job_fail(j, false, r, NULL);
}

static void
begin_again(struct qsp_qscp_job *j)
{
	struct qsp_sftp_request r = { .kind = QSP_SFTP_FSETSTAT,
				      .handle = qsp_bytes(j->out_handle, j->out_len),
				      .attrs = { .has = QSP_SFTP_HAS_SIZE } };

	if (j->q->opt.verbose)
		qsp_qscp_say_note(j->q, j->dst, "is not a part of the source: again");
	if (j->to == NULL) {
		go_on(j);
		if (ftruncate(j->out, 0) != 0)
			qsp_qscp_job_fail(j, false, NULL, strerror(errno));
		return;
	}
	j->ops++;
	qsp_sftp_client_send(&j->to->c, &r, on_cut, j);
}

static void
decide(struct qsp_qscp_job *j)
{
	j->q->checked--;
	if (j->failed) {
		go_on(j);
	} else if (j->differs) {
		begin_again(j);
	} else {
		j->next = j->had = j->whole = j->moved = j->there;
		if (j->q->opt.verbose)
			qsp_qscp_say_note(j->q, j->dst, "goes on where it stopped");
		go_on(j);
	}
}

/* --- one place ------------------------------------------------------------------------------ */

static void
side_done(struct side *s)
{
	struct place *p = s->place;
	struct qsp_qscp_job *j = p->j;

	if (--p->open > 0)
		return;
	if (p->side[0].bad || p->side[1].bad ||
	    memcmp(p->side[0].bytes, p->side[1].bytes, p->n) != 0)
		j->differs = true;
	free(p);
	if (--j->places == 0)
		decide(j);
}

static void ask(struct side *s);

static void
on_side(void *arg, const struct qsp_sftp_reply *r)
{
	struct side *s = arg;

	s->place->j->ops--;
	if (r != NULL && r->type == QSP_SFTP_DATA) {
		memcpy(s->bytes + s->have, r->bytes.p, r->bytes.n);
		s->have += r->bytes.n;
	} else {
		s->bad = true;
	}
	if (!s->bad && s->have < s->place->n)
		ask(s); /* less came than was asked for */
	else
		side_done(s);
}

static void
ask(struct side *s)
{
	struct qsp_qscp_job *j = s->place->j;
	struct qsp_qscp_conn *c = s->source ? j->from : j->to;
	struct qsp_sftp_request r = {
		.kind = QSP_SFTP_READ,
		.handle = s->source ? qsp_bytes(j->in_handle, j->in_len)
				    : qsp_bytes(j->out_handle, j->out_len),
		.offset = s->place->offset + s->have,
		.length = s->place->n - s->have,
	};

	j->ops++;
	qsp_sftp_client_send(&c->c, &r, on_side, s);
}

static void
look(struct side *s)
{
	struct qsp_qscp_job *j = s->place->j;
	ssize_t n;

	if ((s->source ? j->from : j->to) != NULL) {
		ask(s);
		return;
	}
	n = pread(s->source ? j->in : j->out, s->bytes, s->place->n, (off_t)s->place->offset);
	s->bad = n != (ssize_t)s->place->n;
	side_done(s);
}

static void
compare(struct qsp_qscp_job *j, uint64_t offset, uint64_t n)
{
	while (n > 0) {
		struct place *p = qsp_qscp_say_memory(calloc(1, sizeof(*p)));

		p->j = j;
		p->offset = offset;
		p->n = n < PIECE ? (size_t)n : PIECE;
		p->open = 2;
		p->side[0] = (struct side){ .place = p, .source = true };
		p->side[1].place = p;
		offset += p->n;
		n -= p->n;
		j->places++;
		look(&p->side[0]);
		look(&p->side[1]);
	}
}

/* --- one file ------------------------------------------------------------------------------- */

static bool
has_room(const struct qsp_qscp_conn *c)
{
	return c == NULL || qsp_sftp_client_room(&c->c);
}

void
qsp_qscp_resume(struct qsp_qscp_job *j)
{
	uint64_t size = j->there, edge = size < EDGE ? size : EDGE;

	if (j->places > 0 || j->differs)
		return; /* is being looked at */
	if (size == 0) {
		go_on(j);
		return;
	}
	if (size > j->end || j->unknown_end) {
		j->differs = true;
		begin_again(j);
		return;
	}
	if (j->q->checked >= CHECKED)
		return; /* others come first, whose answers will wake us */
	if (!has_room(j->from) || !has_room(j->to)) {
		j->q->more = true;
		return;
	}
	j->q->checked++;
	j->places = 1; /* until all are asked for */
	compare(j, 0, edge);
	if (size > edge)
		compare(j, size - edge > edge ? size - edge : edge,
			size - edge > edge ? edge : size - edge);
	for (unsigned i = 1; size > 2 * EDGE && i < SAMPLES; i++)
		compare(j, (size - SAMPLE) / SAMPLES * i, SAMPLE);
	if (--j->places == 0)
		decide(j);
}
