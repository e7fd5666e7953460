/* SPDX-License-Identifier: ISC */
/* SFTP: the codec, the server's answers, names that fit a pattern, the meter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

#include "app/meter.h"
#include "app/sftp_glob.h"
#include "app/sftp_server.h"

static uint8_t out[QSP_SFTP_PACKET_MAX + 4096];

/* --- codec ---------------------------------------------------------------------------------- */

static const struct qsp_sftp_request sample = {
	.id = 7,
	.path = { (const uint8_t *)"/a", 2 },
	.target = { (const uint8_t *)"b", 1 },
	.handle = { (const uint8_t *)"hhhh", 4 },
	.handle2 = { (const uint8_t *)"ii", 2 },
	.offset = 1ull << 40,
	.offset2 = 3,
	.length = 99,
	.flags = QSP_SFTP_F_READ,
	.data = { (const uint8_t *)"12345678", 8 },
	.data2 = { (const uint8_t *)"1234", 4 },
	.attrs = { .has = 15,
		   .size = 1ull << 33,
		   .uid = 1,
		   .gid = 2,
		   .mode = 0644,
		   .atime = 3,
		   .mtime = 4 },
};

/* Every kind there and back; every truncation and one byte too many is refused. */
static void
test_requests(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < QSP_SFTP_KINDS_END; kind++) {
		struct qsp_sftp_request r = sample, back;
		struct qsp_writer w = qsp_writer_of(out, sizeof(out));
		struct qsp_bytes packet;

		if (qsp_sftp_kind_name(kind) == NULL)
			continue;
		r.kind = kind;
		qsp_sftp_put_request(&w, &r);
		assert_int_equal(qsp_writer_done(&w), 0);
		packet = qsp_bytes(out + 4, w.n - 4);
		assert_int_equal(qsp_bytes_get32(out), packet.n);
		assert_int_equal(qsp_sftp_get_request(packet, &back), 0);
		assert_int_equal(back.kind, kind);
		assert_int_equal(back.id, 7);
		for (size_t n = 0; n < packet.n; n++)
			assert_int_not_equal(qsp_sftp_get_request(qsp_bytes(packet.p, n), &back),
					     0);
		out[4 + packet.n] = 0;
		assert_int_equal(qsp_sftp_get_request(qsp_bytes(out + 4, packet.n + 1), &back),
				 QSP_E_INPUT);
	}
}

static void
test_bad_requests(void **state)
{
	static const uint8_t nul[] = "\x11\0\0\0\1\0\0\0\3a\0b", unknown[] = "\x63\0\0\0\5";
	uint8_t long_path[9 + QSP_SFTP_PATH_MAX] = { QSP_SFTP_STAT, 0, 0, 0, 1, 0, 0, 0x10, 0 };
	struct qsp_sftp_request r;

	(void)state;
	assert_int_equal(qsp_sftp_get_request(qsp_bytes(nul, 12), &r), QSP_E_INPUT);
	assert_int_equal(qsp_sftp_get_request(qsp_bytes(unknown, 5), &r), QSP_E_UNSUPPORTED);
	assert_int_equal(r.id, 5);
	memset(long_path + 9, 'a', QSP_SFTP_PATH_MAX);
	assert_int_equal(qsp_sftp_get_request(QSP_BYTES_OF(long_path), &r), QSP_E_INPUT);
}

static void
test_names_of_requests(void **state)
{
	unsigned kind;

	(void)state;
	assert_true(qsp_sftp_kind_by_name("remove", &kind) && kind == QSP_SFTP_REMOVE);
	assert_true(qsp_sftp_kind_by_name("posix-rename", &kind) && kind == QSP_SFTP_POSIX_RENAME);
	assert_true(qsp_sftp_kind_by_name("stat", &kind) && kind == QSP_SFTP_STAT);
	assert_false(qsp_sftp_kind_by_name("st", &kind));
	assert_false(qsp_sftp_kind_by_name("", &kind));
}

static void
test_status(void **state)
{
	(void)state;
	assert_int_equal(qsp_sftp_status_of(0), QSP_SFTP_OK);
	assert_int_equal(qsp_sftp_status_of(ENOENT), QSP_SFTP_NO_SUCH_FILE);
	assert_int_equal(qsp_sftp_status_of(ENOTDIR), QSP_SFTP_NO_SUCH_FILE);
	assert_int_equal(qsp_sftp_status_of(EACCES), QSP_SFTP_PERMISSION_DENIED);
	assert_int_equal(qsp_sftp_status_of(ENAMETOOLONG), QSP_SFTP_BAD_MESSAGE);
	assert_int_equal(qsp_sftp_status_of(ENOSPC), QSP_SFTP_FAILURE);
	assert_int_equal(qsp_sftp_status_of(ENOSYS), QSP_SFTP_UNSUPPORTED);
}

/* --- server --------------------------------------------------------------------------------- */

static struct qsp_sftp_reply
ask(struct qsp_sftp_server *s, struct qsp_sftp_request r)
{
	struct qsp_writer w = qsp_writer_of(out, sizeof(out));
	struct qsp_sftp_reply reply;

	r.id = 42;
	qsp_sftp_server_do(s, &r, &w);
	assert_int_equal(qsp_writer_done(&w), 0);
	assert_int_equal(qsp_bytes_get32(out), w.n - 4);
	assert_int_equal(qsp_sftp_get_reply(qsp_bytes(out + 4, w.n - 4), &reply), 0);
	assert_int_equal(reply.id, 42);
	return reply;
}

static void
test_server(void **state)
{
	struct qsp_sftp_server_options o = { .umask = -1, .user = "u", .home = "/home/u" };
	char folder[] = "/tmp/qsp-sftp.XXXXXX", path[64];
	struct qsp_sftp_server *s = qsp_sftp_server_new(&o);
	struct qsp_sftp_request r = { .kind = QSP_SFTP_OPEN,
				      .flags = QSP_SFTP_F_WRITE | QSP_SFTP_F_READ |
					       QSP_SFTP_F_CREATE };
	struct qsp_sftp_reply a;
	uint8_t handle[8];

	(void)state;
	assert_non_null(s);
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/f", folder);
	r.path = qsp_bytes_str(path);
	a = ask(s, r);
	assert_int_equal(a.type, QSP_SFTP_HANDLE);
	memcpy(handle, a.bytes.p, 8);
	r = (struct qsp_sftp_request){ .kind = QSP_SFTP_WRITE,
				       .handle = QSP_BYTES_OF(handle),
				       .offset = 3,
				       .data = qsp_bytes_str("xyz") };
	assert_int_equal(ask(s, r).status, QSP_SFTP_OK);
	r.offset = UINT64_MAX;
	assert_int_equal(ask(s, r).status, QSP_SFTP_FAILURE);
	r = (struct qsp_sftp_request){ .kind = QSP_SFTP_READ,
				       .handle = QSP_BYTES_OF(handle),
				       .offset = 1,
				       .length = UINT32_MAX };
	a = ask(s, r);
	assert_int_equal(a.type, QSP_SFTP_DATA);
	assert_true(qsp_bytes_equal(a.bytes, qsp_bytes("\0\0xyz", 5)));
	r.offset = 6;
	assert_int_equal(ask(s, r).status, QSP_SFTP_EOF);
	r.kind = QSP_SFTP_CLOSE;
	assert_int_equal(ask(s, r).status, QSP_SFTP_OK);
	assert_int_equal(ask(s, r).status, QSP_SFTP_NO_SUCH_FILE); /* is gone, and stays so */
	r = (struct qsp_sftp_request){ .kind = QSP_SFTP_REMOVE, .path = qsp_bytes_str(path) };
	o.read_only = true;
	assert_int_equal(ask(s, r).status, QSP_SFTP_PERMISSION_DENIED);
	o.read_only = false;
	o.refused[QSP_SFTP_REMOVE] = true;
	assert_int_equal(ask(s, r).status, QSP_SFTP_PERMISSION_DENIED);
	o.refused[QSP_SFTP_REMOVE] = false;
	assert_int_equal(ask(s, r).status, QSP_SFTP_OK);
	r = (struct qsp_sftp_request){ .kind = QSP_SFTP_EXPAND_PATH,
				       .path = qsp_bytes_str("~/no/such") };
	a = ask(s, r);
	assert_int_equal(a.type, QSP_SFTP_NAME);
	qsp_sftp_server_free(s);
	assert_int_equal(rmdir(folder), 0);
}

/* A handle of path, as it is opened with flags. */
static void
open_it(struct qsp_sftp_server *s, const char *path, uint32_t flags, uint8_t handle[8])
{
	struct qsp_sftp_request r = { .kind = QSP_SFTP_OPEN,
				      .path = qsp_bytes_str(path),
				      .flags = flags };
	struct qsp_sftp_reply a = ask(s, r);

	assert_int_equal(a.type, QSP_SFTP_HANDLE);
	assert_int_equal(a.bytes.n, 8);
	memcpy(handle, a.bytes.p, 8);
}

/* What would keep the server busy for ever: a file copied into itself, a pipe that nobody writes to. */
static void
test_server_never_stuck(void **state)
{
	struct qsp_sftp_server_options o = { .umask = -1 };
	char folder[] = "/tmp/qsp-sftp.XXXXXX", path[64], pipe[64];
	struct qsp_sftp_server *s = qsp_sftp_server_new(&o);
	uint8_t in[8], to[8];
	struct qsp_sftp_request r = { .kind = QSP_SFTP_WRITE,
				      .handle = QSP_BYTES_OF(to),
				      .data = qsp_bytes_str("abcdef") };

	(void)state;
	assert_non_null(s);
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/f", folder);
	(void)snprintf(pipe, sizeof(pipe), "%s/p", folder);
	open_it(s, path, QSP_SFTP_F_WRITE | QSP_SFTP_F_CREATE, to);
	assert_int_equal(ask(s, r).status, QSP_SFTP_OK);
	open_it(s, path, QSP_SFTP_F_READ, in);
	r = (struct qsp_sftp_request){ .kind = QSP_SFTP_COPY_DATA,
				       .handle = QSP_BYTES_OF(in),
				       .handle2 = QSP_BYTES_OF(to),
				       .offset2 = 6 };
	assert_int_equal(ask(s, r).status, QSP_SFTP_BAD_MESSAGE); /* all of it, which grows */
	r.length = 7;
	assert_int_equal(ask(s, r).status, QSP_SFTP_BAD_MESSAGE);
	r.length = 6;
	assert_int_equal(ask(s, r).status, QSP_SFTP_OK);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	open_it(s, pipe, QSP_SFTP_F_READ, in);
	r = (struct qsp_sftp_request){ .kind = QSP_SFTP_READ,
				       .handle = QSP_BYTES_OF(in),
				       .length = 1 };
	assert_int_equal(ask(s, r).type, QSP_SFTP_STATUS);
	qsp_sftp_server_free(s);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(pipe), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void
test_server_begins_with_init(void **state)
{
	static const struct qsp_sftp_server_options o = { .umask = -1 };
	static const uint8_t init[] = { QSP_SFTP_INIT, 0, 0, 0, 3 };
	static const uint8_t stat[] = { QSP_SFTP_STAT, 0, 0, 0, 1, 0, 0, 0, 0 };
	struct qsp_sftp_server *s = qsp_sftp_server_new(&o);
	struct qsp_writer w = qsp_writer_of(out, sizeof(out));

	(void)state;
	assert_int_equal(qsp_sftp_server_packet(s, QSP_BYTES_OF(stat), &w), QSP_E_INPUT);
	assert_int_equal(qsp_sftp_server_packet(s, QSP_BYTES_OF(init), &w), 0);
	assert_int_equal(out[4], QSP_SFTP_VERSION_REPLY);
	assert_int_equal(qsp_sftp_server_packet(s, QSP_BYTES_OF(stat), &w), 0);
	assert_int_equal(qsp_sftp_server_packet(s, QSP_BYTES_OF(init), &w), QSP_E_INPUT);
	qsp_sftp_server_free(s);
}

static void
test_options(void **state)
{
	struct qsp_sftp_server_options o = { .user = "u", .home = "/h" };
	const char *why;

	(void)state;
	assert_true(qsp_sftp_server_is("internal-sftp"));
	assert_true(qsp_sftp_server_is(" internal-sftp -R"));
	assert_false(qsp_sftp_server_is("internal-sftpd"));
	assert_true(
		qsp_sftp_server_parse(&o, "internal-sftp -Re -d %h/%u%% -u 027 -P remove", &why));
	assert_true(o.read_only && o.log_stderr && o.refused[QSP_SFTP_REMOVE]);
	assert_int_equal(o.umask, 027);
	assert_string_equal(o.dir, "/h/u%");
	assert_false(qsp_sftp_server_parse(&o, "internal-sftp -u 8", &why));
	assert_false(qsp_sftp_server_parse(&o, "internal-sftp -d", &why));
	assert_false(qsp_sftp_server_parse(&o, "internal-sftp -P no-such", &why));
	assert_false(qsp_sftp_server_parse(&o, "internal-sftp word", &why));
	memset(&o, 0, sizeof(o));
	assert_true(qsp_sftp_server_parse(&o, "internal-sftp -p stat,close", &why));
	assert_true(o.refused[QSP_SFTP_OPEN] && !o.refused[QSP_SFTP_STAT]);
}

/* --- patterns ------------------------------------------------------------------------------- */

static bool
fake_list(void *arg, const char *folder, struct qsp_sftp_names *names)
{
	static const char *const top[] = { "b.txt", "a.txt", ".hid.txt", "d", "..", "x/y.txt", "" };

	(void)arg;
	if (strcmp(folder, "d/") == 0)
		return qsp_sftp_names_add(names, "c.txt");
	for (size_t i = 0; strcmp(folder, ".") == 0 && i < sizeof(top) / sizeof(top[0]); i++)
		assert_true(qsp_sftp_names_add(names, top[i]));
	return strcmp(folder, ".") == 0;
}

static bool
fake_exists(void *arg, const char *path)
{
	(void)arg;
	return strcmp(path, "d/none") != 0;
}

static void
fits(const char *pattern, const char *wanted)
{
	const struct qsp_sftp_glob g = { fake_list, fake_exists, NULL };
	struct qsp_sftp_names l = { 0 };
	char got[256] = "";

	assert_true(qsp_sftp_glob(&g, pattern, &l));
	for (size_t i = 0; i < l.n; i++) {
		strcat(got, l.v[i]);
		strcat(got, " ");
	}
	assert_string_equal(got, wanted);
	qsp_sftp_names_free(&l);
}

static void
test_glob(void **state)
{
	(void)state;
	fits("*.txt", "a.txt b.txt ");
	fits("[b-z].txt", "b.txt ");
	fits(".*", ".hid.txt "); /* and never .. */
	fits("*/*.txt", "d/c.txt ");
	fits("?/none", "");
	fits("d/c*", "d/c.txt ");
	fits("*.none", "");
	fits("\\*", "");
	assert_true(qsp_sftp_glob_is("a*") && !qsp_sftp_glob_is("a"));
	assert_false(qsp_sftp_glob_safe("..") || qsp_sftp_glob_safe("a/b") ||
		     qsp_sftp_glob_safe(""));
}

/* --- meter ---------------------------------------------------------------------------------- */

static void
test_meter(void **state)
{
	char line[QSP_METER_LINE_MAX];
	struct qsp_meter m;

	(void)state;
	qsp_meter_start(&m, "name", 100 << 20, 0, 1000);
	m.done = 10 << 20;
	qsp_meter_line(&m, 80, false, 2000, line);
	assert_non_null(strstr(line, "name "));
	assert_non_null(strstr(line, " 10%   10MB  10.0MB/s    00:09 ETA"));
	assert_true(strlen(line) <= 80);
	qsp_meter_line(&m, 80, false, 9000, line);
	assert_non_null(strstr(line, "- stalled -"));
	m.done = 100 << 20;
	qsp_meter_line(&m, 80, true, 11000, line);
	assert_non_null(strstr(line, "100%  100MB  10.0MB/s    00:10"));
	for (unsigned width = 1; width < 200; width++) {
		qsp_meter_line(&m, width, true, 11000, line);
		assert_true(strlen(line) <= width);
	}
	qsp_meter_start(&m, "resumed", 1000, 600, 0); /* what was there does not count as speed */
	m.done = 1000;
	qsp_meter_line(&m, 80, true, 1000, line);
	assert_non_null(strstr(line, "0.4KB/s"));
	qsp_meter_start(&m, "empty", 0, 0, 0);
	qsp_meter_line(&m, 80, true, 0, line);
	assert_non_null(strstr(line, "100%"));
	qsp_meter_start(&m, "large", UINT64_MAX, 0, 0);
	m.done = UINT64_MAX / 2;
	qsp_meter_line(&m, 80, false, 1, line);
	assert_non_null(strstr(line, " 50% "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_names_of_requests),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_server_never_stuck),
		cmocka_unit_test(test_server_begins_with_init),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_glob),
		cmocka_unit_test(test_meter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
