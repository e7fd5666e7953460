/* SPDX-License-Identifier: ISC */
/*
 * Going on with a file that is there in part. That it is a part is not taken on trust: its beginning, its end
 * and places between are compared with the source; where they differ, all is copied again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/qscp/qscp.h"

#define EDGE (1u << 18)   /* compared at both ends */
#define SAMPLE (1u << 14) /* compared between */
#define SAMPLES 16u

/* Up to n bytes of one side at an offset; how many there are, or -1. */
static ssize_t
read_side(struct qsp_qscp_job *j, bool source, uint64_t offset, uint8_t *out, size_t n)
{
	struct qsp_qscp_conn *c = source ? j->from : j->to;
	struct qsp_sftp_request r = { .kind = QSP_SFTP_READ };
	struct qsp_qscp_answer a;
	size_t done = 0;
	bool ok = true;

	if (c == NULL)
		return pread(source ? j->in : j->out, out, n, (off_t)offset);
	r.handle =
		source ? qsp_bytes(j->in_handle, j->in_len) : qsp_bytes(j->out_handle, j->out_len);
	while (ok && done < n) {
		r.offset = offset + done;
		r.length = n - done < c->c.read_max ? n - done : c->c.read_max;
		ok = qsp_qscp_call(j->q, c, &r, &a) && a.r.type == QSP_SFTP_DATA;
		if (ok) {
			memcpy(out + done, a.r.bytes.p, a.r.bytes.n);
			done += a.r.bytes.n;
		}
		qsp_qscp_call_free(&a);
	}
	return ok ? (ssize_t)done : -1;
}

static bool
same_at(struct qsp_qscp_job *j, uint64_t offset, size_t n)
{
	uint8_t *a = qsp_qscp_say_memory(malloc(2 * (size_t)EDGE));
	bool same = read_side(j, true, offset, a, n) == (ssize_t)n &&
		    read_side(j, false, offset, a + EDGE, n) == (ssize_t)n &&
		    memcmp(a, a + EDGE, n) == 0;

	free(a);
	return same;
}

/* The first `size` bytes of both, as far as samples tell. */
static bool
is_part(struct qsp_qscp_job *j, uint64_t size)
{
	size_t edge = size < EDGE ? (size_t)size : EDGE;

	if (!same_at(j, 0, edge) || !same_at(j, size - edge, edge))
		return false;
	for (unsigned i = 1; size > 2 * EDGE && i < SAMPLES; i++) {
		if (!same_at(j, (size - SAMPLE) / SAMPLES * i, SAMPLE))
			return false;
	}
	return true;
}

/* The size of what is there; false where it is nothing to go on with. */
static bool
size_of_out(struct qsp_qscp_job *j, uint64_t *size)
{
	struct qsp_sftp_request r = { .kind = QSP_SFTP_FSTAT,
				      .handle = qsp_bytes(j->out_handle, j->out_len) };
	struct qsp_qscp_answer a;
	struct stat st;
	bool ok;

	if (j->to == NULL) {
		ok = fstat(j->out, &st) == 0 && S_ISREG(st.st_mode);
		*size = ok ? (uint64_t)st.st_size : 0;
		return ok;
	}
	ok = qsp_qscp_call(j->q, j->to, &r, &a) && (a.r.attrs.has & QSP_SFTP_HAS_SIZE);
	*size = ok ? a.r.attrs.size : 0;
	qsp_qscp_call_free(&a);
	return ok;
}

static void
begin_again(struct qsp_qscp_job *j)
{
	struct qsp_sftp_request r = { .kind = QSP_SFTP_FSETSTAT,
				      .handle = qsp_bytes(j->out_handle, j->out_len),
				      .attrs = { .has = QSP_SFTP_HAS_SIZE } };
	struct qsp_qscp_answer a;

	if (j->to == NULL) {
		if (ftruncate(j->out, 0) != 0)
			qsp_qscp_job_fail(j, false, NULL, strerror(errno));
		return;
	}
	if (!qsp_qscp_call(j->q, j->to, &r, &a))
		qsp_qscp_job_fail(j, false, a.lost ? NULL : &a.r, NULL);
	qsp_qscp_call_free(&a);
}

void
qsp_qscp_resume(struct qsp_qscp *q, struct qsp_qscp_job *j)
{
	uint64_t size = 0;

	while (j->state == QSP_QSCP_OPENING && !j->failed)
		qsp_qscp_step(q);
	if (!j->failed && size_of_out(j, &size) && size > 0) {
		if (size <= j->end && !j->unknown_end && is_part(j, size)) {
			j->next = j->had = j->whole = j->moved = size;
			if (q->opt.verbose)
				qsp_qscp_say_note(q, j->dst, "goes on where it stopped");
		} else {
			if (q->opt.verbose)
				qsp_qscp_say_note(q, j->dst, "is not a part of the source: again");
			begin_again(j);
		}
	}
	j->held = false;
}
