/* SPDX-License-Identifier: ISC */
/* Files: bounds, kinds, owners and modes, and that a write is whole or did not happen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "sys/file.h"

static char dir[64];
static char path[128];
static struct qsp_file_error err;

static const char *
at(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static mode_t
mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(at(name), &st), 0);
	return st.st_mode & 07777;
}

static void
expect(const char *name, const char *want)
{
	struct qsp_file_data d;

	assert_int_equal(qsp_file_read(at(name), 1 << 20, &d, NULL, &err), 0);
	assert_int_equal(d.n, strlen(want));
	assert_string_equal((const char *)d.p, want); /* there is a NUL behind it */
	qsp_file_data_free(&d);
	qsp_file_data_free(&d);
}

static void
test_read(void **state)
{
	struct qsp_file_data d;
	struct qsp_file_facts facts;
	char big[20000];
	int fd[2];

	(void)state;
	memset(big, 'b', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(qsp_file_create(at("big"), qsp_bytes_str(big), 0640, &err), 0);
	expect("big", big);
	assert_int_equal(qsp_file_create(at("empty"), QSP_BYTES_NONE, 0600, &err), 0);
	expect("empty", "");
	/* the bound is exact */
	assert_int_equal(qsp_file_read(at("big"), sizeof(big) - 1, &d, &facts, &err), 0);
	assert_int_equal(facts.mode & 07777, 0640);
	assert_int_equal(facts.uid, geteuid());
	assert_false(qsp_file_is_private(&facts));
	qsp_file_data_free(&d);
	assert_int_equal(qsp_file_read(at("big"), sizeof(big) - 2, &d, NULL, &err), QSP_E_ROOM);
	assert_null(d.p);
	assert_int_equal(qsp_file_read(at("big"), 0, &d, NULL, &err), QSP_E_ROOM);
	assert_int_equal(qsp_file_read(at("empty"), 0, &d, NULL, &err), 0);
	qsp_file_data_free(&d);
	/* not there, not a file; a fifo does not hold us */
	assert_int_equal(qsp_file_read(at("none"), 10, &d, NULL, &err), QSP_E_NOTFOUND);
	assert_int_equal(err.code, ENOENT);
	assert_non_null(strstr(err.text, "/none: No such file"));
	assert_int_equal(qsp_file_read(at("big/none"), 10, &d, NULL, &err), QSP_E_NOTFOUND);
	assert_int_equal(qsp_file_read(dir, 10, &d, NULL, &err), QSP_E_IO);
	assert_int_equal(err.code, EISDIR);
	assert_int_equal(mkfifo(at("fifo"), 0600), 0);
	assert_int_equal(qsp_file_read(at("fifo"), 10, &d, NULL, &err), QSP_E_IO);
	/* a pipe, read to its end */
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], "hello", 5), 5);
	close(fd[1]);
	assert_int_equal(qsp_file_read_fd(fd[0], "(pipe)", 5, &d, &err), 0);
	assert_string_equal((char *)d.p, "hello");
	qsp_file_data_free(&d);
	close(fd[0]);
}

static void
test_create(void **state)
{
	(void)state;
	umask(077);
	assert_int_equal(qsp_file_create(at("new"), qsp_bytes_str("one"), 0644, &err), 0);
	assert_int_equal(mode_of("new"), 0644);
	assert_int_equal(qsp_file_create(at("new"), qsp_bytes_str("two"), 0600, &err), QSP_E_IO);
	assert_int_equal(err.code, EEXIST);
	expect("new", "one");
	/* a symbolic link in its place, even to nowhere, is not followed */
	assert_int_equal(symlink("nowhere", at("link")), 0);
	assert_int_equal(qsp_file_create(at("link"), qsp_bytes_str("x"), 0600, &err), QSP_E_IO);
	assert_int_not_equal(access(at("nowhere"), F_OK), 0);
	assert_int_equal(qsp_file_create(at("no/folder"), qsp_bytes_str("x"), 0600, &err),
			 QSP_E_IO);
}

static void
test_replace(void **state)
{
	struct stat before, after;

	(void)state;
	assert_int_equal(qsp_file_replace(at("r"), qsp_bytes_str("one"), 0600, &err), 0);
	assert_int_equal(stat(at("r"), &before), 0);
	assert_int_equal(qsp_file_replace(at("r"), qsp_bytes_str("two"), 0644, &err), 0);
	assert_int_equal(stat(at("r"), &after), 0);
	assert_true(before.st_ino != after.st_ino);
	assert_int_equal(mode_of("r"), 0644);
	expect("r", "two");
	/* a link stays a link, and what it names is replaced */
	assert_int_equal(symlink("r", at("rl")), 0);
	assert_int_equal(qsp_file_replace(at("rl"), qsp_bytes_str("three"), 0600, &err), 0);
	expect("r", "three");
	assert_int_equal(lstat(at("rl"), &after), 0);
	assert_true(S_ISLNK(after.st_mode));
}

/* A limit on file sizes stands in for a full disk: the write ends in the middle. */
static void
test_full(void **state)
{
	struct rlimit old, small = { 4096, 4096 };
	char big[20000];
	qsp_err e, f;

	(void)state;
	memset(big, 'b', sizeof(big));
	assert_int_equal(qsp_file_create(at("precious"), qsp_bytes_str("old"), 0600, &err), 0);
	getrlimit(RLIMIT_FSIZE, &old);
	small.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	e = qsp_file_replace(at("precious"), QSP_BYTES_OF(big), 0600, &err);
	f = qsp_file_create(at("fresh"), QSP_BYTES_OF(big), 0600, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(e, QSP_E_IO);
	assert_int_equal(f, QSP_E_IO);
	assert_int_equal(err.code, EFBIG);
	assert_non_null(strstr(err.text, "/fresh: "));
	expect("precious", "old");
	assert_int_not_equal(access(at("fresh"), F_OK), 0);
	/* and nothing is left lying about */
	snprintf(path, sizeof(path), "ls %s | grep -c 'precious\\.' >/dev/null", dir);
	assert_int_not_equal(system(path), 0);
}

static qsp_err
strict(const char *name, const char *home, uid_t uid)
{
	struct qsp_file_data d;
	struct qsp_file_facts facts;

	assert_int_equal(qsp_file_read(at(name), 10, &d, &facts, &err), 0);
	qsp_file_data_free(&d);
	return qsp_file_strict(path, &facts, home, uid, &err);
}

static void
test_strict(void **state)
{
	uid_t me = geteuid();
	char home[128];

	(void)state;
	assert_int_equal(qsp_file_make_dir(at("home"), 0700, &err), 0);
	assert_int_equal(qsp_file_make_dir(at("home"), 0700, &err), 0);
	assert_int_equal(qsp_file_make_dir(at("home/.qssh"), 0700, &err), 0);
	assert_int_equal(qsp_file_create(at("home/.qssh/keys"), qsp_bytes_str("k"), 0644, &err), 0);
	assert_int_equal(qsp_file_make_dir(at("home/.qssh/keys"), 0700, &err), QSP_E_IO);

	snprintf(home, sizeof(home), "%s/home", dir);
	assert_int_equal(strict("home/.qssh/keys", home, me), 0);
	/* above the home folder nobody looks */
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(strict("home/.qssh/keys", home, me), 0);
	assert_int_equal(strict("home/.qssh/keys", NULL, me), QSP_E_POLICY);
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(chmod(at("home/.qssh"), 0770), 0);
	assert_int_equal(strict("home/.qssh/keys", home, me), QSP_E_POLICY);
	assert_non_null(strstr(err.text, "/home/.qssh: can be written by its group (mode 770)"));
	assert_int_equal(chmod(at("home/.qssh"), 0700), 0);
	assert_int_equal(chmod(at("home/.qssh/keys"), 0646), 0);
	assert_int_equal(strict("home/.qssh/keys", home, me), QSP_E_POLICY);
	assert_int_equal(chmod(at("home/.qssh/keys"), 0644), 0);
	assert_int_equal(chmod(home, 0777), 0);
	assert_int_equal(strict("home/.qssh/keys", home, me), QSP_E_POLICY);
	assert_int_equal(chmod(home, 0755), 0);
	assert_int_equal(strict("home/.qssh/keys", home, me), 0);
	/* somebody else's: root's is as good as one's own */
	assert_int_equal(strict("home/.qssh/keys", home, me + 1), me == 0 ? 0 : QSP_E_POLICY);
	if (me == 0) {
		assert_int_equal(chown(at("home/.qssh/keys"), 12345, 12345), 0);
		assert_int_equal(strict("home/.qssh/keys", home, 12346), QSP_E_POLICY);
		assert_int_equal(strict("home/.qssh/keys", home, 12345), 0);
		/* root writes, and it stays theirs */
		assert_int_equal(
			qsp_file_replace(at("home/.qssh/keys"), qsp_bytes_str("n"), 0600, &err), 0);
		assert_int_equal(strict("home/.qssh/keys", home, 12345), 0);
		assert_int_equal(strict("home/.qssh/keys", home, 12346), QSP_E_POLICY);
	}
}

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/qsp-file.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "rm -rf %s", dir);
	return system(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),    cmocka_unit_test(test_create),
		cmocka_unit_test(test_replace), cmocka_unit_test(test_full),
		cmocka_unit_test(test_strict),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
