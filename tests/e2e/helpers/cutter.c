/* SPDX-License-Identifier: ISC */
/*
 * A network that fails on command: e2e-cutter PORT [SEED] carries connections from a port of its own,
 * which it prints, to 127.0.0.1:PORT. Commands come on standard input, a line each:
 *
 *	cut           every connection ends, by a reset
 *	end           every connection ends, in order as TCP sees it
 *	every N       a connection is cut once it has carried N to 2 N bytes; 0: none is
 *	freeze, thaw  nothing is carried any more, nor closed; it is again
 *	flip          a bit of the next bytes to the client is turned over
 *	spoil N       of the next connection a bit of the client's byte N is
 *	from ADDRESS  further connections come from there
 *	refuse, hear  the port is closed; it is open again
 *	to PORT       where further connections go
 *	count         says "carried N": bytes from the client since the last time, and to it
 *
 * Each is answered by "ok" on standard output, where "accepted" stands for every connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINES_MAX 64
#define ROOM 65536

struct way {
	uint8_t buf[ROOM];
	size_t at, n;
	bool ended;
};

/* fd[0] the client's, fd[1] the server's; way[i] comes from fd[i]. */
struct line {
	int fd[2];
	struct way way[2];
	uint64_t left;  /* until it is cut */
	uint64_t spoil; /* until the client's byte that is turned over; 0: none is */
};

static struct line *lines[LINES_MAX];
static int listener = -1;
static struct sockaddr_in here, target, from;
static uint64_t every, seed, spoil, carried[2];
static bool frozen, flip;

static uint64_t
draw(uint64_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return n ? (seed >> 33) % n : 0;
}

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static int
bound(void)
{
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) != 0)
		fail("bind");
	return fd;
}

/* A port that stays ours while it is closed: this socket never listens. */
static void
choose_port(void)
{
	socklen_t n = sizeof(here);

	if (getsockname(bound(), (struct sockaddr *)&here, &n) != 0)
		fail("getsockname");
}

static void
hear(void)
{
	if (listener >= 0)
		return;
	listener = bound();
	if (listen(listener, 64) != 0)
		fail("listen");
}

static void
drop(struct line **l, bool reset)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	for (int i = 0; i < 2; i++) {
		if (reset)
			setsockopt((*l)->fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close((*l)->fd[i]);
	}
	free(*l);
	*l = NULL;
}

static void
drop_all(bool reset)
{
	for (int i = 0; i < LINES_MAX; i++)
		if (lines[i])
			drop(&lines[i], reset);
}

static void
take(void)
{
	const int one = 1;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), i = 0, out;

	if (fd < 0)
		return;
	while (i < LINES_MAX && lines[i])
		i++;
	out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (i == LINES_MAX || bind(out, (struct sockaddr *)&from, sizeof(from)) != 0 ||
	    connect(out, (struct sockaddr *)&target, sizeof(target)) != 0) {
		close(fd);
		close(out);
		return;
	}
	for (int k = 0; k < 2; k++)
		setsockopt(k ? fd : out, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fcntl(out, F_SETFL, O_NONBLOCK);
	lines[i] = calloc(1, sizeof(struct line));
	if (!lines[i])
		fail("calloc");
	lines[i]->fd[0] = fd;
	lines[i]->fd[1] = out;
	lines[i]->spoil = spoil;
	spoil = 0;
	lines[i]->left = every ? every + draw(every) : UINT64_MAX;
	puts("accepted");
	fflush(stdout);
}

/* False where the line is over. */
static bool
read_way(struct line *l, int i)
{
	struct way *w = &l->way[i];
	size_t room = l->left < ROOM ? (size_t)l->left : ROOM;
	ssize_t n = recv(l->fd[i], w->buf, room, 0);

	if (n == 0)
		w->ended = true;
	if (n <= 0)
		return n == 0 || errno == EAGAIN || errno == EINTR;
	if (i == 1 && flip) {
		w->buf[draw((uint64_t)n)] ^= (uint8_t)(1u << draw(8));
		flip = false;
	}
	if (i == 0 && l->spoil > 0 && l->spoil <= (uint64_t)n)
		w->buf[l->spoil - 1] ^= 1;
	if (i == 0)
		l->spoil -= l->spoil < (uint64_t)n ? l->spoil : (uint64_t)n;
	carried[i] += (uint64_t)n;
	w->at = 0;
	w->n = (size_t)n;
	l->left -= l->left == UINT64_MAX ? 0 : (uint64_t)n;
	return true;
}

static bool
write_way(struct line *l, int i)
{
	struct way *w = &l->way[i];
	ssize_t n = send(l->fd[!i], w->buf + w->at, w->n - w->at, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	w->at += (size_t)n;
	if (w->at == w->n)
		w->at = w->n = 0;
	return true;
}

static void
count(void)
{
	printf("carried %llu %llu\n", (unsigned long long)carried[0],
	       (unsigned long long)carried[1]);
	carried[0] = carried[1] = 0;
}

static bool
obey(char *s)
{
	char *arg = strchr(s, ' ');

	if (arg)
		*arg++ = 0;
	if (!strcmp(s, "cut") || !strcmp(s, "end"))
		drop_all(s[0] == 'c');
	else if (!strcmp(s, "every") && arg)
		every = strtoull(arg, NULL, 10);
	else if (!strcmp(s, "freeze") || !strcmp(s, "thaw"))
		frozen = s[0] == 'f';
	else if (!strcmp(s, "flip"))
		flip = true;
	else if (!strcmp(s, "spoil") && arg)
		spoil = strtoull(arg, NULL, 10);
	else if (!strcmp(s, "from") && arg)
		inet_pton(AF_INET, arg, &from.sin_addr);
	else if (!strcmp(s, "to") && arg)
		target.sin_port = htons((uint16_t)strtoul(arg, NULL, 10));
	else if (!strcmp(s, "hear"))
		hear();
	else if (!strcmp(s, "count"))
		count();
	else if (!strcmp(s, "refuse") && listener >= 0) {
		close(listener);
		listener = -1;
	} else {
		return false;
	}
	return true;
}

static void
commands(void)
{
	static char text[4096];
	static size_t n;
	ssize_t r = read(STDIN_FILENO, text + n, sizeof(text) - 1 - n);
	char *end;

	if (r <= 0)
		exit(0); /* whoever started us is gone */
	n += (size_t)r;
	text[n] = 0;
	while ((end = strchr(text, '\n')) != NULL) {
		*end = 0;
		puts(obey(text) ? "ok" : "what?");
		fflush(stdout);
		n -= (size_t)(end + 1 - text);
		memmove(text, end + 1, n + 1);
	}
}

static short
wants(const struct line *l, int i)
{
	bool reads = !l->way[i].ended && l->way[i].n == 0 && l->left > 0;

	return (short)((reads ? POLLIN : 0) | (l->way[!i].n ? POLLOUT : 0));
}

static void
serve(struct line **l, short on_client, short on_server)
{
	short on[2] = { on_client, on_server };
	bool good = true;

	for (int i = 0; i < 2 && good; i++) {
		if ((on[i] & (POLLIN | POLLHUP | POLLERR)) && wants(*l, i) & POLLIN)
			good = read_way(*l, i);
		if (good && (*l)->way[i].n)
			good = write_way(*l, i);
	}
	for (int i = 0; i < 2 && good; i++)
		if ((*l)->way[i].ended && (*l)->way[i].n == 0)
			shutdown((*l)->fd[!i], SHUT_WR);
	if ((*l)->way[0].ended && (*l)->way[1].ended)
		drop(l, false);
	else if (!good || ((*l)->left == 0 && (*l)->way[0].n == 0 && (*l)->way[1].n == 0))
		drop(l, true);
}

int
main(int argc, char **argv)
{
	struct pollfd p[2 + 2 * LINES_MAX];

	if (argc < 2)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	here.sin_family = target.sin_family = from.sin_family = AF_INET;
	inet_pton(AF_INET, "127.0.0.1", &here.sin_addr);
	target.sin_addr = from.sin_addr = here.sin_addr;
	target.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	choose_port();
	hear();
	printf("port %u\n", (unsigned)ntohs(here.sin_port));
	fflush(stdout);
	for (;;) {
		p[0] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = listener, .events = POLLIN };
		for (int i = 0; i < 2 * LINES_MAX; i++) {
			struct line *l = lines[i / 2];

			p[2 + i] = (struct pollfd){ .fd = -1 };
			if (l && !frozen && wants(l, i % 2))
				p[2 + i] = (struct pollfd){ .fd = l->fd[i % 2],
							    .events = wants(l, i % 2) };
		}
		if (poll(p, 2 + 2 * LINES_MAX, -1) < 0)
			continue;
		for (int i = 0; i < LINES_MAX; i++)
			if (lines[i] && !frozen && (p[2 + 2 * i].revents || p[3 + 2 * i].revents))
				serve(&lines[i], p[2 + 2 * i].revents, p[3 + 2 * i].revents);
		if (p[1].revents)
			take();
		if (p[0].revents)
			commands();
	}
}
