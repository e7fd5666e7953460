/* SPDX-License-Identifier: ISC */
/*
 * A link between two network namespaces that behaves like a long one, for kernels without netem: two
 * TUN devices, and this program between them.
 *
 *   netlink serve CONTROL [mtu=N] [WORD]...   makes both (10.77.0.1 and 10.77.0.2), and carries
 *                                             packets until it is killed, which ends them too
 *   netlink ask CONTROL WORD...               changes a link that is there (words.h)
 *   netlink ask CONTROL stats                 what it has done, a line for each way
 *   netlink ask CONTROL namespaces            two paths for nsenter --net=
 *
 * Exit: 77 where the system does not permit it.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tun.h"
#include "way.h"
#include "words.h"

#define MEMORY ((size_t)256 << 20)
#define BATCH 64
#define ANSWER 1024
#define NOT_HERE 77

static struct way ways[2]; /* from a to b, and back */
static struct tun tuns[2];

static void __attribute__((noreturn)) fail(int status, const char *what)
{
	fprintf(stderr, "netlink: %s: %s\n", what, strerror(errno));
	exit(status);
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* --- packets ------------------------------------------------------------------------------ */

/* Packets that wait in the device, into the way; at most a batch, so that both ways go on. */
static void
take_in(int fd, struct way *w)
{
	static uint8_t refused[WAY_PACKET_MAX];

	for (int i = 0; i < BATCH; i++) {
		uint8_t *p = way_begin(w);
		ssize_t n = read(fd, p ? p : refused, WAY_PACKET_MAX);

		if (n <= 0)
			return;
		if (p)
			way_commit(w, (size_t)n, now_ns());
		else
			way_refuse(w);
	}
}

static void
let_out(int fd, struct way *w)
{
	uint64_t now = now_ns();
	const uint8_t *p;
	size_t n;

	for (int i = 0; i < BATCH && (p = way_next(w, now, &n)) != NULL; i++) {
		ssize_t r = write(fd, p, n);

		if (r < 0)
			w->full++;
		way_drop(w, r >= 0);
	}
}

/* --- questions ---------------------------------------------------------------------------- */

static int
stats(char answer[ANSWER])
{
	int n = 0;

	for (int i = 0; i < 2; i++) {
		const struct way *w = &ways[i];

		n += snprintf(answer + n, ANSWER - (size_t)n,
			      "%c packets %" PRIu64 " bytes %" PRIu64 " lost %" PRIu64
			      " full %" PRIu64 " cut %" PRIu64 "\n",
			      'a' + i, w->packets, w->bytes, w->lost, w->full, w->cut_off);
	}
	return n;
}

static int
answer_word(const char *word, char answer[ANSWER])
{
	if (strcmp(word, "stats") == 0)
		return stats(answer);
	if (strcmp(word, "namespaces") == 0)
		return snprintf(answer, ANSWER, "/proc/%d/fd/%d /proc/%d/fd/%d\n", getpid(),
				tuns[0].namespace, getpid(), tuns[1].namespace);
	if (words_apply(ways, word))
		return snprintf(answer, ANSWER, "%s", "");
	return snprintf(answer, ANSWER, "?%s\n", word);
}

/* One question a connection: words, each ended by NUL. */
static void
answer_one(int listener)
{
	char words[ANSWER], answer[ANSWER];
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), n = 0;
	ssize_t r = fd >= 0 ? recv(fd, words, sizeof(words) - 1, 0) : 0;

	if (r > 0) {
		words[r] = '\0';
		answer[0] = '\0';
		for (const char *p = words; p < words + r && answer[0] != '?'; p += strlen(p) + 1)
			n = answer_word(p, answer);
		(void)!send(fd, answer, (size_t)n, MSG_NOSIGNAL);
	}
	if (fd >= 0)
		close(fd);
}

static struct sockaddr_un
control_address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		fail(1, path);
	}
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return a;
}

static int
ask(const char *path, char **words)
{
	struct sockaddr_un a = control_address(path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char question[ANSWER], answer[ANSWER];
	size_t n = 0;
	ssize_t r;

	for (; *words; words++) {
		size_t len = strlen(*words) + 1;

		if (len > sizeof(question) - n) {
			errno = E2BIG;
			fail(1, path);
		}
		memcpy(question + n, *words, len);
		n += len;
	}
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    send(fd, question, n, MSG_NOSIGNAL) < 0 ||
	    (r = recv(fd, answer, sizeof(answer), 0)) < 0)
		fail(1, path);
	close(fd);
	fwrite(answer, 1, (size_t)r, stdout);
	return r > 0 && answer[0] == '?';
}

/* --- the link ------------------------------------------------------------------------------ */

static void __attribute__((noreturn)) carry(int listener)
{
	struct pollfd fds[3] = { { .fd = tuns[0].packets, .events = POLLIN },
				 { .fd = tuns[1].packets, .events = POLLIN },
				 { .fd = listener, .events = POLLIN } };

	for (;;) {
		uint64_t due[2] = { way_due(&ways[0]), way_due(&ways[1]) }, now = now_ns();
		uint64_t next = due[0] < due[1] ? due[0] : due[1];
		uint64_t wait = next > now ? next - now : 0;
		struct timespec t = { (time_t)(wait / 1000000000u), (long)(wait % 1000000000u) };

		if (ppoll(fds, 3, next == UINT64_MAX ? NULL : &t, NULL) < 0 && errno != EINTR)
			fail(1, "ppoll");
		for (int i = 0; i < 2; i++) {
			if (fds[i].revents & POLLIN)
				take_in(tuns[i].packets, &ways[i]);
			let_out(tuns[!i].packets, &ways[i]);
		}
		if (fds[2].revents & POLLIN)
			answer_one(listener);
	}
}

static int
listen_at(const char *path)
{
	struct sockaddr_un a = control_address(path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 16))
		fail(1, path);
	return fd;
}

static int
serve(const char *control, char **words)
{
	static const char *const addresses[2] = { "10.77.0.1", "10.77.0.2" };
	const char *failed;
	int mtu = 1500;

	if (*words && strncmp(*words, "mtu=", 4) == 0)
		mtu = atoi(*words++ + 4);
	for (int i = 0; i < 2; i++) {
		if ((failed = tun_open(&tuns[i], addresses[i], mtu)) != NULL)
			fail(NOT_HERE, failed);
		if (!way_init(&ways[i], MEMORY, (unsigned)i))
			fail(1, "memory");
		ways[i].queue = 1 << 20;
	}
	for (; *words; words++) {
		if (!words_apply(ways, *words)) {
			fprintf(stderr, "netlink: not understood: %s\n", *words);
			return 2;
		}
	}
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	carry(listen_at(control));
}

int
main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2], argv + 3);
	if (argc >= 4 && strcmp(argv[1], "ask") == 0)
		return ask(argv[2], argv + 3);
	fputs("usage: netlink serve CONTROL [mtu=N] [WORD]... | netlink ask CONTROL WORD...\n",
	      stderr);
	return 2;
}
