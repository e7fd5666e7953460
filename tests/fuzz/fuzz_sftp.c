/* SPDX-License-Identifier: ISC */
/*
 * The SFTP server: packets behind two bytes of length each. Every one is parsed as it is, and written again it
 * must be the same; then it is done, but with its names and handles turned into ones of a small temporary
 * folder, as this may run as root. Every reply must be one packet that the client's parser takes.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/sftp_server.h"
#include "sys/log.h"

#define REPLY_MAX (QSP_SFTP_PACKET_MAX + 4096)
#define SIZE_MAX_HERE (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char folder[] = "/tmp/qsp-fuzz-sftp.XXXXXX";
static uint8_t handles[4][8];
static size_t n_handles;

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
clean(void)
{
	static const char *const files[] = { "a", "b", "d/a", "d/b" };

	for (size_t i = 0; i < 4; i++) {
		(void)unlink(files[i]);
		(void)rmdir(files[i]);
	}
	(void)chmod("d", 0700);
	(void)rmdir("d");
}

static void
leave(void)
{
	(void)rmdir(folder);
}

/* Into the folder for the time of a run, as the fuzzer's own names are relative too. */
static void
enter(int *back)
{
	static bool made;

	if (!made) {
		made = mkdtemp(folder) != NULL;
		must(made);
		(void)atexit(leave);
		qsp_log_set_level(QSP_LOG_QUIET);
	}
	*back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(*back >= 0 && chdir(folder) == 0);
}

static void
tame_name(struct qsp_bytes *b)
{
	static const char *const names[] = { "a", "b", "d", "d/a", "d/b", "a/b", "", "d/" };

	*b = qsp_bytes_str(names[b->n > 0 ? b->p[b->n - 1] % 8 : 0]);
}

static void
tame_handle(struct qsp_bytes *b)
{
	if (b->n == 1 && n_handles > 0)
		*b = qsp_bytes(handles[b->p[0] % n_handles], 8);
}

static void
tame(struct qsp_sftp_request *r)
{
	if (r->kind == QSP_SFTP_EXPAND_PATH)
		return; /* asks, and changes nothing */
	tame_name(&r->path);
	tame_name(&r->target);
	tame_handle(&r->handle);
	tame_handle(&r->handle2);
	r->offset %= SIZE_MAX_HERE;
	r->offset2 %= SIZE_MAX_HERE;
	if (r->kind == QSP_SFTP_COPY_DATA)
		r->length = r->length % SIZE_MAX_HERE + 1;
	r->attrs.size %= SIZE_MAX_HERE;
	r->attrs.has &= ~(uint32_t)QSP_SFTP_HAS_OWNER;
	r->attrs.mode = (r->attrs.mode & 0777) | 0600;
}

static void
check_reply(struct qsp_bytes b, uint32_t id)
{
	struct qsp_sftp_reply r;
	struct qsp_sftp_name n;
	qsp_err e;

	must(b.n >= 9 && qsp_bytes_get32(b.p) == b.n - 4);
	must(qsp_sftp_get_reply(qsp_bytes_from(b, 4), &r) == 0);
	must(r.id == id);
	if (r.type == QSP_SFTP_HANDLE && r.bytes.n == 8)
		memcpy(handles[n_handles++ % 4], r.bytes.p, 8);
	if (n_handles > 4)
		n_handles = 4;
	while (r.type == QSP_SFTP_NAME && (e = qsp_sftp_get_name(&r, &n)) != QSP_E_NOTFOUND)
		must(e == 0);
}

static void
one(struct qsp_sftp_server *s, struct qsp_bytes packet)
{
	static uint8_t out[REPLY_MAX], again[REPLY_MAX];
	struct qsp_writer w = qsp_writer_of(again, sizeof(again));
	struct qsp_sftp_request r, second;
	struct qsp_sftp_reply reply;
	struct qsp_sftp_name n;
	qsp_err e = qsp_sftp_get_request(packet, &r);

	if (qsp_sftp_get_reply(packet, &reply) == 0) {
		while (reply.type == QSP_SFTP_NAME && qsp_sftp_get_name(&reply, &n) == 0)
			must(n.name.n < packet.n);
	}
	must(e == 0 || e == QSP_E_INPUT || e == QSP_E_UNSUPPORTED);
	if (e)
		return;
	qsp_sftp_put_request(&w, &r);
	must(qsp_writer_done(&w) == 0);
	must(qsp_sftp_get_request(qsp_bytes_from(qsp_writer_bytes(&w), 4), &second) == 0);
	must(second.kind == r.kind && second.id == r.id && qsp_bytes_equal(second.path, r.path) &&
	     qsp_bytes_equal(second.handle, r.handle) && second.offset == r.offset);
	tame(&r);
	w = qsp_writer_of(out, sizeof(out));
	qsp_sftp_server_do(s, &r, &w);
	check_reply(qsp_writer_bytes(&w), r.id);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct qsp_sftp_server_options o;
	struct qsp_reader r = qsp_reader_of((struct qsp_bytes){ data, len });
	struct qsp_sftp_server *s;
	int back;

	o = (struct qsp_sftp_server_options){ .umask = -1, .user = "x", .home = "/" };
	enter(&back);
	n_handles = 0;
	o.read_only = qsp_reader_u8(&r) % 8 == 1;
	s = qsp_sftp_server_new(&o);
	must(s != NULL);
	for (int i = 0; i < 64 && r.left.n > 0 && !r.failed; i++) {
		struct qsp_bytes packet = qsp_reader_vec16(&r);

		if (!r.failed)
			one(s, packet);
	}
	qsp_sftp_server_free(s);
	clean();
	must(fchdir(back) == 0);
	close(back);
	return 0;
}
