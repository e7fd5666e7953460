/* SPDX-License-Identifier: ISC */
/*
 * The bytes of a file. What comes from here goes from the file into the queue of the connection, what comes
 * from a server goes from where it was received into the file: copied once. What may be in flight grows
 * with what arrives, so that a long way is filled and a short one does not queue up.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/qscp/qscp.h"

#define WINDOW_MAX (64u << 20)  /* asked for and not here */
#define UNACKED_MAX (64u << 20) /* sent and not confirmed */
#define HOLE 32768              /* zeros of this length, in their place, become a hole */

/* A piece on its way. */
struct piece {
	struct qsp_qscp_job *j;
	uint64_t offset, length;
};

static struct piece *
piece_new(struct qsp_qscp_job *j, uint64_t offset, uint64_t length)
{
	struct piece *p = qsp_qscp_say_memory(malloc(sizeof(*p)));

	*p = (struct piece){ j, offset, length };
	j->ops++;
	return p;
}

/* -l: whether n more bytes may go now. */
static bool
may_pass(struct qsp_qscp *q)
{
	return q->opt.limit == 0 || qsp_qscp_conn_now() >= q->next_ok;
}

static void
passed(struct qsp_qscp *q, uint64_t n)
{
	uint64_t now;

	if (q->opt.limit == 0)
		return;
	now = qsp_qscp_conn_now();
	q->next_ok = (q->next_ok > now ? q->next_ok : now) + n * 1000000 / q->opt.limit;
}

/* The size of a piece: what the server takes, and an eighth of a second's worth under -l. */
static size_t
piece_size(const struct qsp_qscp *q, size_t max)
{
	uint64_t limited = q->opt.limit / 8 < 1024 ? 1024 : q->opt.limit / 8;

	return q->opt.limit && limited < max ? (size_t)limited : max;
}

/* --- to a server ---------------------------------------------------------------------------- */

static void
on_written(void *arg, const struct qsp_sftp_reply *r)
{
	struct piece *p = arg;
	struct qsp_qscp_job *j = p->j;

	j->ops--;
	j->to->writes -= p->length;
	if (r == NULL || r->status != QSP_SFTP_OK)
		qsp_qscp_job_fail(j, false, r, NULL);
	else
		j->moved += p->length;
	free(p);
}

/* n bytes are in the place that the connection gave. */
static void
send_written(struct qsp_qscp_job *j, uint64_t offset, size_t n)
{
	struct piece *p = piece_new(j, offset, n);
	struct qsp_sftp_request r = { .kind = QSP_SFTP_WRITE,
				      .handle = qsp_bytes(j->out_handle, j->out_len),
				      .offset = offset,
				      .data = { NULL, n } };

	j->to->writes += n;
	qsp_sftp_client_write(&j->to->c, &r, on_written, p);
}

/* Where the data is that comes next; false where there is none. */
static bool
seek_here(struct qsp_qscp_job *j)
{
	off_t data, hole;

	if (!j->sparse_in || j->next < j->data_end)
		return true;
	data = lseek(j->in, (off_t)j->next, SEEK_DATA);
	if (data < 0 && errno == ENXIO && j->next < j->end) {
		j->hole_at_end = true;
		j->moved += j->end - j->next;
		j->next = j->end;
		return false;
	}
	hole = data >= 0 ? lseek(j->in, data, SEEK_HOLE) : -1;
	if (hole < 0) {
		j->sparse_in = false; /* cannot be asked: all of it, then */
		return true;
	}
	j->moved += (uint64_t)data - j->next;
	j->next = (uint64_t)data;
	j->data_end = (uint64_t)hole;
	return true;
}

/* One piece; false where it must wait, or the end is reached. */
static bool
put_piece(struct qsp_qscp_job *j)
{
	struct qsp_sftp_client *c = &j->to->c;
	size_t want = piece_size(j->q, c->write_max);
	ssize_t n;

	if (!qsp_sftp_client_room(c)) {
		j->q->more = c->broken == NULL;
		return false;
	}
	if (j->to->writes >= UNACKED_MAX || !may_pass(j->q))
		return false;
	if (!seek_here(j)) {
		j->eof = true;
		return false;
	}
	if (j->sparse_in && want > j->data_end - j->next)
		want = (size_t)(j->data_end - j->next);
	do
		n = pread(j->in, qsp_sftp_client_place(c, j->out_len), want, (off_t)j->next);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		qsp_qscp_job_fail(j, true, NULL, strerror(errno));
		return false;
	}
	if (n > 0) {
		send_written(j, j->next, (size_t)n);
		passed(j->q, (uint64_t)n);
		j->next += (uint64_t)n;
		j->hole_at_end = false;
	}
	/* a short piece is the end, but in /proc */
	j->eof = n == 0 || ((size_t)n < want && j->next >= j->end && !j->unknown_end);
	return !j->eof;
}

/* --- from a server -------------------------------------------------------------------------- */

static bool
is_zero(const uint8_t *p, size_t n)
{
	return n > 0 && p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static bool
write_out(struct qsp_qscp_job *j, struct qsp_bytes b, uint64_t offset)
{
	while (b.n > 0) {
		ssize_t n = pwrite(j->out, b.p, b.n, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			qsp_qscp_job_fail(j, false, NULL, n < 0 ? strerror(errno) : "not written");
			return false;
		}
		b = qsp_bytes_from(b, (size_t)n);
		offset += (uint64_t)n;
	}
	return true;
}

/* Into the file, but for whole blocks of zeros. */
static bool
store(struct qsp_qscp_job *j, struct qsp_bytes b, uint64_t offset)
{
	size_t begin = 0, step; /* begin: of what is to be written */

	for (size_t i = 0; j->sparse_out && i < b.n; i += step) {
		step = HOLE - (size_t)((offset + i) % HOLE);
		step = step < b.n - i ? step : b.n - i;
		if (step < HOLE || !is_zero(b.p + i, step))
			continue;
		if (!write_out(j, qsp_bytes(b.p + begin, i - begin), offset + begin))
			return false;
		begin = i + step;
		j->hole_at_end = true; /* should nothing follow */
	}
	return write_out(j, qsp_bytes_from(b, begin), offset + begin);
}

static void ask(struct piece *p);

static void
deliver(struct piece *p, struct qsp_bytes b)
{
	struct qsp_qscp_job *j = p->j;

	if (j->to != NULL) {
		uint8_t *place = qsp_sftp_client_place(&j->to->c, j->out_len);

		memcpy(place, b.p, b.n);
		send_written(j, p->offset, b.n);
	} else if (store(j, b, p->offset)) {
		j->moved += b.n;
		if (p->offset == j->whole)
			j->whole += b.n;
		else
			j->out_of_order = true;
	}
}

static void
on_read(void *arg, const struct qsp_sftp_reply *r)
{
	struct piece *p = arg;
	struct qsp_qscp_job *j = p->j;
	struct qsp_qscp_conn *c = j->from;
	size_t n = r ? r->bytes.n : 0;

	c->reads -= p->length;
	if (r != NULL && r->type == QSP_SFTP_DATA && !j->failed) {
		if (c->window < WINDOW_MAX)
			c->window += n;
		deliver(p, r->bytes);
		p->offset += n;
		p->length -= n;
		if (j->unknown_end)
			j->next = p->offset;
		else if (p->length > 0 && !j->failed) {
			ask(p); /* less came than was asked for */
			return;
		}
	} else if (r != NULL && r->type == QSP_SFTP_STATUS && r->status == QSP_SFTP_EOF) {
		j->eof = true;
		if (p->offset < j->end) {
			j->end = p->offset;
			j->shorter = !j->unknown_end;
		}
	} else if (!j->failed) {
		qsp_qscp_job_fail(j, true, r, NULL);
	}
	j->ops--;
	free(p);
}

static void
ask(struct piece *p)
{
	struct qsp_qscp_job *j = p->j;
	struct qsp_sftp_request r = { .kind = QSP_SFTP_READ,
				      .handle = qsp_bytes(j->in_handle, j->in_len),
				      .offset = p->offset,
				      .length = p->length };

	j->from->reads += p->length;
	qsp_sftp_client_send(&j->from->c, &r, on_read, p);
}

static void
on_seek(void *arg, const struct qsp_sftp_reply *r)
{
	struct qsp_qscp_job *j = arg;
	struct qsp_reader in = qsp_reader_of(r ? r->bytes : QSP_BYTES_NONE);
	uint64_t data = qsp_reader_u64(&in), hole = qsp_reader_u64(&in);

	j->ops--;
	j->looking = false;
	if (r != NULL && r->type == QSP_SFTP_STATUS && r->status == QSP_SFTP_EOF)
		data = hole = j->end;
	else if (r == NULL || r->type != QSP_SFTP_EXTENDED_REPLY || in.failed || hole <= data ||
		 data < j->next) {
		j->sparse_in = false;
		return;
	}
	if (data > j->end)
		data = j->end;
	if (data > j->next) {
		/* all before it is asked for, but perhaps not here: that is no gap */
		j->hole_at_end = true;
		j->moved += data - j->next;
		if (j->whole == j->next)
			j->whole = data;
		j->next = data;
	}
	j->data_end = hole;
}

/* One piece asked for; false where it must wait, or all is asked for. */
static bool
get_piece(struct qsp_qscp_job *j)
{
	struct qsp_sftp_client *c = &j->from->c;
	uint64_t want = piece_size(j->q, c->read_max);
	struct qsp_sftp_request seek = { .kind = QSP_SFTP_SEEK_DATA, .offset = j->next };

	if (!j->unknown_end && j->next >= j->end)
		return false;
	if (j->unknown_end && j->ops > 0)
		return false; /* one after the other */
	if (!qsp_sftp_client_room(c)) {
		j->q->more = c->broken == NULL;
		return false;
	}
	if (j->from->reads >= j->from->window || !may_pass(j->q) || j->looking)
		return false;
	if (j->to != NULL && (want > j->to->c.write_max))
		want = j->to->c.write_max;
	if (j->to != NULL &&
	    j->from->reads + qsp_sftp_client_queued(&j->to->c) + want > QSP_QSCP_RELAY_MAX)
		return false;
	if (j->sparse_in && j->next >= j->data_end) {
		seek.handle = qsp_bytes(j->in_handle, j->in_len);
		j->looking = true;
		j->ops++;
		qsp_sftp_client_send(c, &seek, on_seek, j);
		return false;
	}
	if (!j->unknown_end && want > j->end - j->next)
		want = j->end - j->next;
	if (j->sparse_in && want > j->data_end - j->next)
		want = j->data_end - j->next;
	ask(piece_new(j, j->next, want));
	passed(j->q, want);
	if (!j->unknown_end)
		j->next += want;
	return true;
}

void
qsp_qscp_move(struct qsp_qscp_job *j)
{
	if (j->from == NULL) {
		while (!j->eof && !j->failed && put_piece(j))
			;
	} else {
		while (!j->eof && !j->failed && get_piece(j))
			;
		if (!j->unknown_end && j->next >= j->end)
			j->eof = true;
		if (j->ops > 0) /* a piece is on its way */
			return;
	}
	if (j->eof && !j->failed)
		qsp_qscp_move_end(j);
}

/* --- the end -------------------------------------------------------------------------------- */

static void
on_ended(void *arg, const struct qsp_sftp_reply *r)
{
	struct qsp_qscp_job *j = arg;

	j->ops--;
	if (r == NULL || r->status != QSP_SFTP_OK)
		qsp_qscp_job_fail(j, false, r, NULL);
}

static void
close_in(struct qsp_qscp_job *j)
{
	if (j->in >= 0)
		close(j->in);
	if (j->in_len > 0)
		qsp_qscp_conn_close(j->from, qsp_bytes(j->in_handle, j->in_len));
	j->in = -1;
	j->in_len = 0;
}

/* Whether the file must be cut, or made longer, and to what. */
static bool
has_new_size(const struct qsp_qscp_job *j, uint64_t *size)
{
	*size = j->from == NULL || j->unknown_end ? j->next : j->end;
	return j->hole_at_end || (j->in_place && *size != j->attrs.size);
}

static void
end_here(struct qsp_qscp_job *j)
{
	struct timespec t[2] = { { .tv_sec = j->attrs.atime }, { .tv_sec = j->attrs.mtime } };
	uint32_t has = j->q->opt.preserve ? j->attrs.has : 0;
	uint64_t size;
	int bad = 0;

	if (has_new_size(j, &size) && ftruncate(j->out, (off_t)size) != 0)
		bad = errno;
	if ((has & QSP_SFTP_HAS_MODE) && fchmod(j->out, j->attrs.mode & QSP_QSCP_MODES) != 0)
		bad = errno;
	if ((has & QSP_SFTP_HAS_TIMES) && futimens(j->out, t) != 0)
		bad = errno;
	if (close(j->out) != 0)
		bad = errno;
	j->out = -1;
	if (bad)
		qsp_qscp_job_fail(j, false, NULL, strerror(bad));
}

static void
end_there(struct qsp_qscp_job *j)
{
	struct qsp_sftp_request r = { .kind = QSP_SFTP_FSETSTAT,
				      .handle = qsp_bytes(j->out_handle, j->out_len) };
	uint64_t size;

	if (j->q->opt.preserve) {
		r.attrs = j->attrs;
		r.attrs.has &= QSP_SFTP_HAS_MODE | QSP_SFTP_HAS_TIMES;
		r.attrs.mode &= QSP_QSCP_MODES;
	}
	if (has_new_size(j, &size)) {
		r.attrs.has |= QSP_SFTP_HAS_SIZE;
		r.attrs.size = size;
	}
	if (r.attrs.has) {
		j->ops++;
		qsp_sftp_client_send(&j->to->c, &r, on_ended, j);
	}
	r.kind = QSP_SFTP_CLOSE; /* whose answer tells of what a late write met */
	j->ops++;
	qsp_sftp_client_send(&j->to->c, &r, on_ended, j);
	j->out_len = 0;
}

void
qsp_qscp_move_end(struct qsp_qscp_job *j)
{
	struct stat st;

	j->state = QSP_QSCP_ENDING;
	if (j->from == NULL && j->next < j->end) /* in /sys a size says nothing, and stays */
		j->shorter = fstat(j->in, &st) != 0 || (uint64_t)st.st_size < j->end;
	if (j->shorter)
		qsp_qscp_say(j->q, j->from, j->src, "ended before its size was reached");
	close_in(j);
	if (j->to == NULL)
		end_here(j);
	else
		end_there(j);
}

void
qsp_qscp_move_drop(struct qsp_qscp_job *j)
{
	close_in(j);
	if (j->out >= 0) {
		/* what is kept has no gaps, so that one can go on from it */
		if (j->out_of_order && !j->in_place)
			(void)!ftruncate(j->out, (off_t)j->whole);
		close(j->out);
	}
	if (j->out_len > 0)
		qsp_qscp_conn_close(j->to, qsp_bytes(j->out_handle, j->out_len));
	j->out = -1;
	j->out_len = 0;
}
