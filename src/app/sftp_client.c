/* SPDX-License-Identifier: ISC */
#include "app/sftp_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IN_SIZE (2 << 20)
#define OUT_SIZE (4 << 20)
#define OUT_FULL (1 << 20) /* with this much queued nothing more is taken */
#define NONE UINT32_MAX
#define HEADER_MAX (QSP_SFTP_PATH_MAX * 2 + 1024)
#define WRITE_HEADER (4 + 1 + 4 + 4 + 8 + 4) /* without the handle */
#define SLOT_BITS 11                         /* of an id; the others tell its users apart */
_Static_assert(QSP_SFTP_CLIENT_SLOTS == 1 << SLOT_BITS, "ids are slots and a count");

qsp_err
qsp_sftp_client_init(struct qsp_sftp_client *c, int in, int out, size_t queue_max)
{
	static const uint8_t init[] = { 0, 0, 0, 5, QSP_SFTP_INIT, 0, 0, 0, QSP_SFTP_VERSION };

	memset(c, 0, sizeof(*c));
	c->in = in;
	c->out = out;
	c->read_max = c->write_max = QSP_SFTP_DATA_SAFE;
	c->slot = calloc(QSP_SFTP_CLIENT_SLOTS, sizeof(*c->slot));
	c->ibuf = malloc(IN_SIZE);
	c->ocap = 2 * queue_max + OUT_SIZE; /* what is not used is no memory */
	c->obuf = malloc(c->ocap);
	if (c->slot == NULL || c->ibuf == NULL || c->obuf == NULL) {
		qsp_sftp_client_wipe(c);
		return QSP_E_NOMEM;
	}
	for (uint32_t i = 0; i < QSP_SFTP_CLIENT_SLOTS; i++)
		c->slot[i].next_free = i + 1 < QSP_SFTP_CLIENT_SLOTS ? i + 1 : NONE;
	(void)fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
	(void)fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
	memcpy(c->obuf, init, sizeof(init));
	c->oend = sizeof(init);
	return 0;
}

void
qsp_sftp_client_wipe(struct qsp_sftp_client *c)
{
	qsp_sftp_client_break(c, "closed");
	if (c->in >= 0)
		close(c->in);
	if (c->out >= 0 && c->out != c->in)
		close(c->out);
	c->in = c->out = -1;
	free(c->slot);
	free(c->ibuf);
	free(c->obuf);
	c->slot = NULL;
	c->ibuf = c->obuf = NULL;
}

void
qsp_sftp_client_break(struct qsp_sftp_client *c, const char *why)
{
	if (c->broken == NULL)
		c->broken = why;
	c->obegin = c->oend = c->ibegin = c->iend = 0;
	for (uint32_t i = 0; c->slot != NULL && i < QSP_SFTP_CLIENT_SLOTS; i++) {
		qsp_sftp_client_fn *fn = c->slot[i].fn;

		if (fn == NULL)
			continue;
		c->slot[i].fn = NULL;
		c->pending--;
		fn(c->slot[i].arg, NULL);
	}
}

/* --- requests ------------------------------------------------------------------------------- */

size_t
qsp_sftp_client_queued(const struct qsp_sftp_client *c)
{
	return c->oend - c->obegin;
}

bool
qsp_sftp_client_room(const struct qsp_sftp_client *c)
{
	return c->broken == NULL && c->pending < QSP_SFTP_CLIENT_SLOTS - 256 &&
	       qsp_sftp_client_queued(c) < OUT_FULL;
}

/* Takes a slot and puts the request at the end of the queue; n bytes are there behind it already. */
static bool
queue(struct qsp_sftp_client *c, struct qsp_sftp_request *r, size_t n, qsp_sftp_client_fn *fn,
      void *arg)
{
	struct qsp_sftp_client_slot *s;
	struct qsp_writer w;
	uint32_t i = c->free;

	if (c->broken == NULL && i == NONE)
		c->broken = "too many requests at once";
	if (c->broken != NULL)
		return false;
	s = &c->slot[i];
	r->id = i | (++c->generation << SLOT_BITS);
	w = qsp_writer_of(c->obuf + c->oend, c->ocap - c->oend - n);
	qsp_sftp_put_request(&w, r);
	if (qsp_writer_done(&w)) {
		c->broken = "a request that is too large";
		return false;
	}
	c->free = s->next_free;
	*s = (struct qsp_sftp_client_slot){ fn, arg, r->id, r->kind, r->length, NONE };
	c->pending++;
	c->oend += w.n + n;
	return true;
}

static void
make_room(struct qsp_sftp_client *c, size_t n)
{
	if (c->ocap - c->oend >= n)
		return;
	memmove(c->obuf, c->obuf + c->obegin, c->oend - c->obegin);
	c->oend -= c->obegin;
	c->obegin = 0;
}

void
qsp_sftp_client_send(struct qsp_sftp_client *c, struct qsp_sftp_request *r, qsp_sftp_client_fn *fn,
		     void *arg)
{
	make_room(c, HEADER_MAX + r->data.n);
	if (!queue(c, r, 0, fn, arg))
		fn(arg, NULL);
}

uint8_t *
qsp_sftp_client_place(struct qsp_sftp_client *c, size_t handle_len)
{
	make_room(c, HEADER_MAX + QSP_SFTP_DATA_MAX);
	return c->obuf + c->oend + WRITE_HEADER + handle_len;
}

void
qsp_sftp_client_write(struct qsp_sftp_client *c, struct qsp_sftp_request *r, qsp_sftp_client_fn *fn,
		      void *arg)
{
	r->kind = QSP_SFTP_WRITE;
	r->data.p = NULL; /* it is in its place */
	if (!queue(c, r, r->data.n, fn, arg))
		fn(arg, NULL);
}

void
qsp_sftp_client_push(struct qsp_sftp_client *c)
{
	while (c->broken == NULL && c->oend > c->obegin) {
		ssize_t n = write(c->out, c->obuf + c->obegin, c->oend - c->obegin);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			/* what it said before it closed is still to be read */
			c->obegin = c->oend = 0;
			return;
		}
		c->obegin += (size_t)n;
	}
	if (c->obegin == c->oend)
		c->obegin = c->oend = 0;
}

/* --- replies -------------------------------------------------------------------------------- */

static bool
fits(const struct qsp_sftp_client_slot *s, const struct qsp_sftp_reply *r)
{
	if (r->type == QSP_SFTP_STATUS) {
		switch (s->kind) { /* what asks for something is not answered with "done" */
		case QSP_SFTP_OPEN:
		case QSP_SFTP_OPENDIR:
		case QSP_SFTP_READ:
		case QSP_SFTP_READDIR:
		case QSP_SFTP_STAT:
		case QSP_SFTP_LSTAT:
		case QSP_SFTP_FSTAT: return r->status != QSP_SFTP_OK;
		default: return true;
		}
	}
	switch (s->kind) {
	case QSP_SFTP_OPEN:
	case QSP_SFTP_OPENDIR: return r->type == QSP_SFTP_HANDLE;
	case QSP_SFTP_READ:
		return r->type == QSP_SFTP_DATA && r->bytes.n > 0 && r->bytes.n <= s->length;
	case QSP_SFTP_READDIR: return r->type == QSP_SFTP_NAME;
	case QSP_SFTP_REALPATH:
	case QSP_SFTP_READLINK:
	case QSP_SFTP_EXPAND_PATH: return r->type == QSP_SFTP_NAME && r->count == 1;
	case QSP_SFTP_STAT:
	case QSP_SFTP_LSTAT:
	case QSP_SFTP_FSTAT: return r->type == QSP_SFTP_ATTRS;
	case QSP_SFTP_LIMITS:
	case QSP_SFTP_SEEK_DATA: return r->type == QSP_SFTP_EXTENDED_REPLY;
	default: return false;
	}
}

static void
take_version(struct qsp_sftp_client *c, struct qsp_bytes packet)
{
	struct qsp_reader r = qsp_reader_of(packet);

	if (qsp_reader_u8(&r) != QSP_SFTP_VERSION_REPLY || qsp_reader_u32(&r) < QSP_SFTP_VERSION) {
		qsp_sftp_client_break(c, "the server does not speak SFTP version 3");
		return;
	}
	while (r.left.n > 0 && !r.failed) {
		struct qsp_bytes name = qsp_reader_vec32(&r), version = qsp_reader_vec32(&r);

		for (unsigned k = QSP_SFTP_POSIX_RENAME; k < QSP_SFTP_KINDS_END; k++) {
			if (qsp_bytes_is(name, qsp_sftp_kind_name(k)) &&
			    qsp_bytes_is(version, qsp_sftp_extension_version(k)))
				c->has[k] = true;
		}
	}
	c->ready = !r.failed;
	if (r.failed)
		qsp_sftp_client_break(c, "the server's greeting is malformed");
}

static void
take(struct qsp_sftp_client *c, struct qsp_bytes packet)
{
	struct qsp_sftp_client_slot *s;
	struct qsp_sftp_reply r;
	qsp_sftp_client_fn *fn;
	uint32_t i;

	if (!c->ready) {
		take_version(c, packet);
		return;
	}
	if (qsp_sftp_get_reply(packet, &r)) {
		qsp_sftp_client_break(c, "the server sent a malformed reply");
		return;
	}
	i = r.id % QSP_SFTP_CLIENT_SLOTS;
	s = &c->slot[i];
	if (s->fn == NULL || s->id != r.id) {
		qsp_sftp_client_break(c, "the server answered what was not asked");
		return;
	}
	if (!fits(s, &r)) {
		qsp_sftp_client_break(c, "the server's answer does not fit the question");
		return;
	}
	fn = s->fn;
	s->fn = NULL;
	s->next_free = c->free;
	c->free = i;
	c->pending--;
	fn(s->arg, &r);
}

/* All whole packets that are there. */
static void
take_all(struct qsp_sftp_client *c)
{
	while (c->broken == NULL && c->iend - c->ibegin >= 4) {
		uint32_t n = qsp_bytes_get32(c->ibuf + c->ibegin);

		if (n < 5 || n > QSP_SFTP_PACKET_MAX) {
			/* four letters of a shell's chatter make a large number */
			qsp_sftp_client_break(
				c, c->ready ? "the server sent a packet of an impossible length"
					    : "what came is not SFTP: does a startup file of the "
					      "remote shell print something?");
			return;
		}
		if (c->iend - c->ibegin - 4 < n)
			return;
		c->ibegin += 4 + (size_t)n;
		take(c, qsp_bytes(c->ibuf + c->ibegin - n, n));
	}
}

void
qsp_sftp_client_pull(struct qsp_sftp_client *c)
{
	ssize_t n;

	if (c->broken != NULL)
		return;
	if (c->ibegin == c->iend)
		c->ibegin = c->iend = 0;
	if (IN_SIZE - c->iend < QSP_SFTP_PACKET_MAX + 4) {
		memmove(c->ibuf, c->ibuf + c->ibegin, c->iend - c->ibegin);
		c->iend -= c->ibegin;
		c->ibegin = 0;
	}
	n = read(c->in, c->ibuf + c->iend, IN_SIZE - c->iend);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		qsp_sftp_client_break(c, "Connection closed");
		return;
	}
	c->iend += (size_t)n;
	take_all(c);
}

void
qsp_sftp_client_limits(struct qsp_sftp_client *c, const struct qsp_sftp_reply *r)
{
	struct qsp_reader in = qsp_reader_of(r->bytes);
	uint64_t packet = qsp_reader_u64(&in), reads = qsp_reader_u64(&in);
	uint64_t writes = qsp_reader_u64(&in), handles = qsp_reader_u64(&in);

	if (in.failed)
		return;
	if (reads == 0 && packet > 1024)
		reads = packet - 1024;
	if (writes == 0 && packet > 1024)
		writes = packet - 1024;
	c->read_max = reads > QSP_SFTP_DATA_MAX ? QSP_SFTP_DATA_MAX : (size_t)reads;
	c->write_max = writes > QSP_SFTP_DATA_MAX ? QSP_SFTP_DATA_MAX : (size_t)writes;
	if (c->read_max < 1024)
		c->read_max = 1024;
	if (c->write_max < 1024)
		c->write_max = 1024;
	c->handles_max = handles;
}
