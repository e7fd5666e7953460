/* SPDX-License-Identifier: ISC */
#include "tun.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_PACKETS 10000

/* A setting of this namespace; one that the kernel does not have is no matter. */
static void
setting(const char *file, const char *value)
{
	FILE *f = fopen(file, "w");

	if (f) {
		fputs(value, f);
		fclose(f);
	}
}

static struct ifreq
request(const char *device)
{
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", device);
	return r;
}

static int
set_address(int fd, unsigned long what, const char *address)
{
	struct ifreq r = request("link0");
	struct sockaddr_in a = { .sin_family = AF_INET };

	inet_pton(AF_INET, address, &a.sin_addr);
	memcpy(&r.ifr_addr, &a, sizeof(a));
	return ioctl(fd, what, &r);
}

static int
set_up(int fd, const char *device)
{
	struct ifreq r = request(device);

	r.ifr_flags = IFF_UP | IFF_RUNNING;
	return ioctl(fd, SIOCSIFFLAGS, &r);
}

static const char *
configure(int fd, const char *address, int mtu)
{
	struct ifreq r = request("link0");

	r.ifr_mtu = mtu;
	if (ioctl(fd, SIOCSIFMTU, &r))
		return "the MTU";
	r.ifr_qlen = QUEUE_PACKETS; /* the queue that drops is ours alone */
	if (ioctl(fd, SIOCSIFTXQLEN, &r))
		return "the device's queue";
	if (set_address(fd, SIOCSIFADDR, address) ||
	    set_address(fd, SIOCSIFNETMASK, "255.255.255.0"))
		return "the address";
	return set_up(fd, "link0") || set_up(fd, "lo") ? "setting the devices up" : NULL;
}

const char *
tun_open(struct tun *t, const char *address, int mtu)
{
	struct ifreq r = request("link0");
	const char *failed;
	int fd;

	if (unshare(CLONE_NEWNET))
		return "a network namespace";
	if ((t->namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) < 0)
		return "/proc/self/ns/net";
	/* no solicitations among the packets that a test counts */
	setting("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	/* TCP as it is on most machines, with windows for a long link, whatever this machine's are */
	setting("/proc/sys/net/ipv4/tcp_rmem", "4096 131072 67108864");
	setting("/proc/sys/net/ipv4/tcp_wmem", "4096 131072 67108864");
	setting("/proc/sys/net/ipv4/tcp_congestion_control", "cubic");
	t->packets = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	r.ifr_flags = IFF_TUN | IFF_NO_PI;
	if (t->packets < 0 || ioctl(t->packets, TUNSETIFF, &r))
		return "/dev/net/tun";
	if ((fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return "a socket";
	failed = configure(fd, address, mtu);
	close(fd);
	return failed;
}
