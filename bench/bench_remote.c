/* SPDX-License-Identifier: ISC */
/*
 * A remote shell without login, over TLS 1.3 or nothing at all: peers of qssh with the same
 * processes and pipes. Bulk goes one way at a time, so both ends are plain loops.
 *
 *   remote raw|tls serve FILE            writes its port to FILE, serves until it is killed
 *   remote raw|tls run PORT up COMMAND   stdin to the command's stdin; ends with the command
 *   remote raw|tls run PORT down COMMAND the command's stdout to stdout
 *
 * The client's first 256 bytes are the direction and the command.
 */
#include "tls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAD 256
#define BUFFER 65536

static uint8_t buffer[BUFFER];

/* A connection; ssl NULL: nothing around the bytes. */
struct link {
	int fd;
	SSL *ssl;
};

static size_t
link_read(struct link *l, void *p, size_t n)
{
	ssize_t r = l->ssl ? SSL_read(l->ssl, p, (int)n) : read(l->fd, p, n);

	bench_need(r > 0 || !l->ssl || SSL_get_error(l->ssl, (int)r) == SSL_ERROR_ZERO_RETURN,
		   "SSL_read");
	bench_need(r >= 0 || l->ssl, "read");
	return r > 0 ? (size_t)r : 0;
}

static void
write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t r = write(fd, p, n);

		bench_need(r > 0, "write");
		p += r;
		n -= (size_t)r;
	}
}

static void
link_write(struct link *l, const void *p, size_t n)
{
	if (l->ssl)
		bench_need(SSL_write(l->ssl, p, (int)n) == (int)n, "SSL_write");
	else
		write_all(l->fd, p, n);
}

/* No more bytes from us. */
static void
link_shut(struct link *l)
{
	if (l->ssl)
		SSL_shutdown(l->ssl);
	bench_need(shutdown(l->fd, SHUT_WR) == 0, "shutdown");
}

static void
from_link(struct link *l, int fd)
{
	size_t n;

	while ((n = link_read(l, buffer, sizeof(buffer))) > 0)
		write_all(fd, buffer, n);
}

static void
to_link(int fd, struct link *l)
{
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		link_write(l, buffer, (size_t)n);
	bench_need(n == 0, "read");
}

/* --- server ---------------------------------------------------------------------------- */

/* A shell with one end of a pipe as its standard input (up) or output; ours is returned. */
static int
start(const char *command, bool up, pid_t *pid)
{
	int ends[2], ours = up ? 1 : 0;

	bench_need(pipe(ends) == 0, "pipe");
	*pid = fork();
	bench_need(*pid >= 0, "fork");
	if (*pid == 0) {
		dup2(ends[!ours], !ours);
		close(ends[0]);
		close(ends[1]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(ends[!ours]);
	return ends[ours];
}

static void
serve_one(struct link *l)
{
	char head[HEAD];
	size_t have = 0, n;
	pid_t pid;
	int fd;

	while (have < HEAD && (n = link_read(l, head + have, HEAD - have)) > 0)
		have += n;
	bench_need(have == HEAD && head[HEAD - 1] == '\0', "a client's head");
	fd = start(head + 1, head[0] == 'u', &pid);
	if (head[0] == 'u')
		from_link(l, fd);
	else
		to_link(fd, l);
	close(fd);
	waitpid(pid, NULL, 0);
	link_shut(l);
}

static void
set_up(struct link *l, SSL_CTX *ctx, bool server)
{
	int one = 1;

	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!ctx)
		return;
	l->ssl = SSL_new(ctx);
	bench_need(l->ssl && SSL_set_fd(l->ssl, l->fd) == 1, "SSL_new");
	SSL_set_default_read_buffer_len(l->ssl, BUFFER);
	SSL_set_read_ahead(l->ssl, 1); /* else two reads for each record */
	bench_need((server ? SSL_accept(l->ssl) : SSL_connect(l->ssl)) == 1, "handshake of TLS");
}

static void
serve(SSL_CTX *ctx, const char *file)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FILE *f;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bench_need(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
			   listen(fd, 16) == 0 && getsockname(fd, (struct sockaddr *)&a, &len) == 0,
		   "listen");
	f = fopen(file, "w");
	bench_need(f && fprintf(f, "%u\n", ntohs(a.sin_port)) > 0 && fclose(f) == 0, file);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		struct link l = { .fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC) };

		bench_need(l.fd >= 0, "accept");
		if (fork() == 0) {
			signal(SIGCHLD, SIG_DFL);
			set_up(&l, ctx, true);
			serve_one(&l);
			_exit(0);
		}
		close(l.fd);
	}
}

/* --- client ---------------------------------------------------------------------------- */

static void
run(SSL_CTX *ctx, const char *port, bool up, const char *command)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	struct link l = { .fd = socket(AF_INET, SOCK_STREAM, 0) };
	char head[HEAD] = { up ? 'u' : 'd' };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bench_need(strlen(command) < HEAD - 1, "a command that short");
	memcpy(head + 1, command, strlen(command));
	bench_need(l.fd >= 0 && connect(l.fd, (struct sockaddr *)&a, sizeof(a)) == 0, "connect");
	set_up(&l, ctx, false);
	link_write(&l, head, HEAD);
	if (up) {
		to_link(0, &l);
		link_shut(&l);
	}
	from_link(&l, 1); /* up: nothing, until the command has ended */
}

int
main(int argc, char **argv)
{
	struct bench_tls t = { NULL, NULL };

	bench_need(argc >= 4, "usage: remote raw|tls serve FILE | run PORT up|down COMMAND");
	if (strcmp(argv[1], "tls") == 0) {
		bench_tls_new(&t, "ML-DSA-65", false);
		SSL_CTX_set_verify(t.client, SSL_VERIFY_NONE, NULL);
	}
	if (strcmp(argv[2], "serve") == 0)
		serve(t.server, argv[3]);
	bench_need(argc == 6, "run PORT up|down COMMAND");
	run(t.client, argv[3], strcmp(argv[4], "up") == 0, argv[5]);
	bench_tls_free(&t);
	return 0;
}
