/* SPDX-License-Identifier: ISC */
/*
 * A prober: speaks to a server what no client would, and says whether it kept silent [P4.4].
 *
 *	probe PORT PUBKEY SECRET garbage      what scanners send, in all lengths
 *	probe PORT PUBKEY SECRET flips K|T    a good M1 with one byte wrong, for every byte
 *	probe PORT PUBKEY SECRET replay       a good M1 a second time
 *	probe PORT PUBKEY SECRET again        the same, but once standard input ends
 *	probe PORT PUBKEY SECRET hold N       N connections that stop after M2, until standard input ends
 *	probe PORT PUBKEY SECRET wait         one that stops after M2; says how the server ends it
 *	probe PORT PUBKEY SECRET m1 N         says nothing; writes N good M1s to standard output
 *	probe PORT PUBKEY SECRET quiet N      N connections that say nothing, until standard input ends
 *
 * Silence is judged without waiting for time to pass: once all has been sent, good M1s are sent, and when
 * those have been answered nothing else may have been. Then our side is closed, and every server
 * end must close too, in order (FIN, not RST), without having sent a byte.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <qsp/conn.h>

#include "base/bytes.h"
#include "base/text.h"
#include "sys/file.h"
#include "trust/pubkey.h"

#define BATCH 240
#define DEADLINE_MS 120000 /* for a busy machine; CTest ends all at 300 s */
#define CONTROLS 8

static uint16_t port;
static struct qsp_crypto *cx;
static struct qsp_config *cfg;
static struct qsp_worker *worker;
static struct qsp_key_public host_key;
static uint8_t secret[QSP_OK_LEN];

static void __attribute__((noreturn)) fail(const char *what, long detail)
{
	fprintf(stderr, "probe: %s (%ld)\n", what, detail);
	exit(1);
}

static struct qsp_now
now(void)
{
	struct timespec m, w;

	clock_gettime(CLOCK_MONOTONIC, &m);
	clock_gettime(CLOCK_REALTIME, &w);
	return (struct qsp_now){ (qsp_time)m.tv_sec * 1000 + (qsp_time)m.tv_nsec / 1000000,
				 (qsp_time)w.tv_sec * 1000 + (qsp_time)w.tv_nsec / 1000000 };
}

static int
dial(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0)
		fail("cannot connect", errno);
	return fd;
}

static void
send_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			fail("the server took no more", errno);
		p += k;
		n -= (size_t)k;
	}
}

static struct qsp_conn *
good_m1(bool known, uint8_t m1[QSP_FLIGHT_LEN])
{
	struct qsp_peer peer = { .kem = host_key.blob[0],
				 .host_key = known ? &host_key : NULL,
				 .ok_class = known ? QSP_OK_SECRET : QSP_OK_FIRST_CONTACT };
	uint8_t out[QSP_OUTPUT_MIN];
	struct qsp_conn *c;
	size_t used, n;

	memcpy(peer.secret, secret, sizeof(secret));
	if (qsp_conn_new_client(cfg, worker, &peer, now(), &c) ||
	    qsp_conn_output(c, now(), QSP_BYTES_NONE, &used, out, sizeof(out), &n) ||
	    n != QSP_FLIGHT_LEN)
		fail("no M1", 0);
	memcpy(m1, out, n);
	return c;
}

/* Readable within the time, or not. */
static bool
readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

/* A whole M2 arrives. */
static void
expect_m2(int fd)
{
	uint8_t buf[QSP_FLIGHT_LEN];
	size_t n = 0;

	while (n < sizeof(buf)) {
		ssize_t k;

		if (!readable(fd, DEADLINE_MS))
			fail("a good M1 got no answer", (long)n);
		k = recv(fd, buf + n, sizeof(buf) - n, 0);
		if (k <= 0)
			fail("a good M1 was not answered in full", (long)n);
		n += (size_t)k;
	}
}

/* Good ones, one after the other: when they are answered, what came before has been looked at. */
static void
control(void)
{
	uint8_t m1[QSP_FLIGHT_LEN];

	for (int i = 0; i < CONTROLS; i++) {
		int fd = dial();

		qsp_conn_free(good_m1(true, m1));
		send_all(fd, m1, sizeof(m1));
		expect_m2(fd);
		close(fd);
	}
}

static int held[BATCH];
static size_t n_held;
static unsigned long judged;

static void
judge(void)
{
	uint8_t byte;

	control();
	for (size_t i = 0; i < n_held; i++) {
		if (readable(held[i], 0))
			fail("a probe was answered, or closed", (long)(judged + i));
		if (shutdown(held[i], SHUT_WR) != 0)
			fail("a probe was reset", (long)(judged + i));
	}
	for (size_t i = 0; i < n_held; i++) {
		ssize_t k;

		if (!readable(held[i], DEADLINE_MS))
			fail("the server does not close after the peer", (long)(judged + i));
		k = recv(held[i], &byte, 1, 0);
		if (k > 0)
			fail("a probe got bytes", (long)(judged + i));
		if (k < 0)
			fail("a probe got a reset", (long)(judged + i));
		close(held[i]);
	}
	judged += n_held;
	n_held = 0;
}

static void
probe(const uint8_t *p, size_t n)
{
	int fd = dial();

	send_all(fd, p, n);
	held[n_held++] = fd;
	if (n_held == BATCH)
		judge();
}

/* --- what is sent --------------------------------------------------------------------------- */

static void
random_bytes(uint8_t *p, size_t n)
{
	FILE *f = fopen("/dev/urandom", "rb");

	if (f == NULL || fread(p, 1, n, f) != n)
		fail("no random bytes", 0);
	fclose(f);
}

static void
garbage(void)
{
	static const char *const texts[] = {
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"EHLO probe\r\n",
		"\r\n",
	};
	static const size_t lengths[] = { 1,    2,    15,   16,   32,   48,    767,   768,
					  769,  1536, 3071, 3072, 3839, 3840,  3841,  4096,
					  4608, 7680, 7681, 8192, 9999, 11520, 16384, 20000 };
	static uint8_t buf[20000];

	probe(buf, 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		probe((const uint8_t *)texts[i], strlen(texts[i]));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		random_bytes(buf, lengths[i]);
		probe(buf, lengths[i]);
		memset(buf, i & 1 ? 0xff : 0, lengths[i]);
		probe(buf, lengths[i]);
	}
	/* a good M1 cut short */
	qsp_conn_free(good_m1(true, buf));
	for (size_t n = 1; n < QSP_FLIGHT_LEN; n += 349)
		probe(buf, n);
	judge();
}

static void
flips(bool known)
{
	uint8_t m1[QSP_FLIGHT_LEN];

	qsp_conn_free(good_m1(known, m1));
	for (size_t i = 0; i < sizeof(m1); i++) {
		uint8_t bit = (uint8_t)(1u << (i % 8));

		m1[i] ^= bit;
		probe(m1, sizeof(m1));
		m1[i] ^= bit;
	}
	judge();
}

static void
replay(void)
{
	uint8_t m1[QSP_FLIGHT_LEN];

	for (int known = 0; known < 2; known++) {
		int fd = dial();

		qsp_conn_free(good_m1(known, m1));
		send_all(fd, m1, sizeof(m1));
		expect_m2(fd);
		probe(m1, sizeof(m1)); /* while the first stands */
		close(fd);
		probe(m1, sizeof(m1)); /* and after it */
		probe(m1, sizeof(m1));
	}
	judge();
}

static void
wait_for_input(void)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}

/* What happens to the server meanwhile is the scenario's business. */
static void
again(void)
{
	uint8_t m1[2][QSP_FLIGHT_LEN];

	for (int known = 0; known < 2; known++) {
		int fd = dial();

		qsp_conn_free(good_m1(known, m1[known]));
		send_all(fd, m1[known], QSP_FLIGHT_LEN);
		expect_m2(fd);
		close(fd);
	}
	printf("holding\n");
	fflush(stdout);
	wait_for_input();
	probe(m1[0], QSP_FLIGHT_LEN);
	probe(m1[1], QSP_FLIGHT_LEN);
	judge();
}

static void
hold(long n, bool quiet)
{
	uint8_t m1[QSP_FLIGHT_LEN];
	int fd;

	for (long i = 0; i < n; i++) {
		fd = dial();
		if (quiet)
			continue;
		qsp_conn_free(good_m1(true, m1));
		send_all(fd, m1, sizeof(m1));
		expect_m2(fd);
	}
	printf("holding\n");
	fflush(stdout);
	wait_for_input();
}

/* For whoever makes probes of them. */
static void
write_m1s(long n)
{
	uint8_t m1[QSP_FLIGHT_LEN];

	for (long i = 0; i < n; i++) {
		qsp_conn_free(good_m1(i % 2 == 0, m1));
		if (fwrite(m1, sizeof(m1), 1, stdout) != 1)
			fail("cannot write", errno);
	}
}

/* The server ends the login: CLOSE in cells, then FIN. */
static void
wait_for_end(void)
{
	uint8_t m1[QSP_FLIGHT_LEN], buf[QSP_CELL_LEN];
	int fd = dial();
	size_t n = 0;
	ssize_t k;

	qsp_conn_free(good_m1(true, m1));
	send_all(fd, m1, sizeof(m1));
	expect_m2(fd);
	while (readable(fd, DEADLINE_MS) && (k = recv(fd, buf, sizeof(buf), 0)) > 0)
		n += (size_t)k;
	printf("closed after %zu bytes\n", n);
}

static void
load(const char *pub, const char *hex)
{
	struct qsp_file_data data = { 0 };
	struct qsp_file_error err;

	if (qsp_crypto_new(NULL, NULL, &cx) || qsp_config_new(cx, &cfg) ||
	    qsp_worker_new(cx, &worker))
		fail("no cryptography", 0);
	if (qsp_file_read(pub, 16384, &data, NULL, &err) ||
	    qsp_pubkey_get(cx, qsp_bytes(data.p, strcspn((const char *)data.p, "\n")), &host_key,
			   NULL) ||
	    qsp_text_unhex(hex, strlen(hex), secret, sizeof(secret)))
		fail("no host key or secret", 0);
	qsp_file_data_free(&data);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 4 ? argv[4] : "";
	const char *arg = argc > 5 ? argv[5] : "1";

	if (argc < 5)
		fail("usage: probe PORT PUBKEY SECRET WHAT [ARGUMENT]", argc);
	(void)signal(SIGPIPE, SIG_IGN);
	port = (uint16_t)strtoul(argv[1], NULL, 10);
	load(argv[2], argv[3]);
	if (strcmp(what, "garbage") == 0)
		garbage();
	else if (strcmp(what, "flips") == 0)
		flips(*arg == 'K');
	else if (strcmp(what, "replay") == 0)
		replay();
	else if (strcmp(what, "again") == 0)
		again();
	else if (strcmp(what, "hold") == 0)
		hold(strtol(arg, NULL, 10), false);
	else if (strcmp(what, "quiet") == 0)
		hold(strtol(arg, NULL, 10), true);
	else if (strcmp(what, "m1") == 0)
		write_m1s(strtol(arg, NULL, 10));
	else if (strcmp(what, "wait") == 0)
		wait_for_end();
	else
		fail("what?", 0);
	if (judged)
		printf("%lu probes, all silent\n", judged);
	qsp_worker_free(worker);
	qsp_config_free(cfg);
	qsp_crypto_free(cx);
	return 0;
}
