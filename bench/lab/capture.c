/* SPDX-License-Identifier: ISC */
/*
 * What an observer of a link writes down: one record for each TCP segment to or from a port, until
 * it is told to end (SIGTERM, SIGINT). To be run in a network namespace of its own.
 *
 *   capture INTERFACE PORT FILE    says "ready"; at its end "N packets, M dropped"
 *
 * Times are the kernel's, of the real-time clock. The records:
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct record {
	uint64_t ns;
	uint32_t payload; /* bytes of the segment, which may be one for the network card to cut */
	uint16_t client;  /* port: tells flows apart */
	uint8_t down;     /* from the server */
	uint8_t flags;    /* of TCP: 1 FIN, 2 SYN, 4 RST, 8 PSH, 16 ACK */
};
_Static_assert(sizeof(struct record) == 16, "bench/lab/flows.py reads these");

#define BATCH 256
#define HEADERS 128
#define BUFFER (64 << 20)
#define NAP_NS 5000000 /* the kernel keeps the times, so few wake-ups suffice and disturb less */

static volatile sig_atomic_t ending;
static unsigned long packets;
static uint16_t port;

static void
end(int sig)
{
	(void)sig;
	ending = 1;
}

static int
listen_to(const char *name)
{
	struct sockaddr_ll sa = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1, room = BUFFER;

	sa.sll_ifindex = (int)if_nametoindex(name);
	bench_need(fd >= 0 && sa.sll_ifindex > 0, "a packet socket on that interface");
	bench_need(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0, "timestamps");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	/* the loopback shows each packet twice */
	if (strcmp(name, "lo") == 0)
		bench_need(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) == 0,
			   "PACKET_IGNORE_OUTGOING");
	bench_need(bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0, "bind");
	return fd;
}

static uint64_t
stamp_of(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct timespec ts;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	}
	return 0;
}

static void
note(FILE *out, const uint8_t *p, size_t n, uint64_t ns)
{
	struct iphdr ip;
	struct tcphdr tcp;
	struct record r = { .ns = ns };
	size_t head;

	if (n < sizeof(ip))
		return;
	memcpy(&ip, p, sizeof(ip));
	head = ip.ihl * 4u;
	if (ip.protocol != IPPROTO_TCP || n < head + sizeof(tcp))
		return;
	memcpy(&tcp, p + head, sizeof(tcp));
	if (ntohs(tcp.source) != port && ntohs(tcp.dest) != port)
		return;
	r.down = ntohs(tcp.source) == port;
	r.client = ntohs(r.down ? tcp.dest : tcp.source);
	r.payload = (uint32_t)(ntohs(ip.tot_len) - head - tcp.doff * 4u);
	r.flags = p[head + 13];
	packets++;
	bench_need(fwrite(&r, sizeof(r), 1, out) == 1, "write");
}

static void
drain(int fd, FILE *out)
{
	static uint8_t data[BATCH][HEADERS], control[BATCH][64];
	static struct mmsghdr m[BATCH];
	static struct iovec v[BATCH];
	int n;

	do {
		for (int i = 0; i < BATCH; i++) {
			v[i] = (struct iovec){ data[i], HEADERS };
			m[i].msg_hdr = (struct msghdr){ .msg_iov = &v[i],
							.msg_iovlen = 1,
							.msg_control = control[i],
							.msg_controllen = sizeof(control[i]) };
		}
		n = recvmmsg(fd, m, BATCH, MSG_DONTWAIT, NULL);
		bench_need(n >= 0 || errno == EAGAIN || errno == EINTR, "recvmmsg");
		for (int i = 0; i < n; i++)
			note(out, data[i], m[i].msg_len, stamp_of(&m[i].msg_hdr));
	} while (n == BATCH);
}

int
main(int argc, char **argv)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	struct tpacket_stats stats = { 0 };
	socklen_t len = sizeof(stats);
	struct sigaction act = { .sa_handler = end };
	FILE *out;
	int fd;

	bench_need(argc == 4, "usage: capture INTERFACE PORT FILE");
	port = (uint16_t)atoi(argv[2]);
	fd = listen_to(argv[1]);
	out = fopen(argv[3], "wb");
	bench_need(out != NULL, argv[3]);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	printf("ready\n");
	fflush(stdout);
	while (!ending) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		(void)poll(&p, 1, 1000);
		drain(fd, out);
		(void)nanosleep(&nap, NULL);
	}
	drain(fd, out);
	bench_need(fclose(out) == 0, "close");
	(void)getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len);
	printf("%lu packets, %u dropped\n", packets, stats.tp_drops);
	return 0;
}
