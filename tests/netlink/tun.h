/* SPDX-License-Identifier: ISC */
/* A network namespace with one TUN device in it. */
#ifndef QSP_NETLINK_TUN_H
#define QSP_NETLINK_TUN_H

struct tun {
	int packets;   /* each read and write is one IP packet; does not block */
	int namespace; /* lives as long as this descriptor, or a process in it */
};

/* Moves the process into a new namespace whose device "link0" has this address (of a /24) and MTU and
 * is up, as is lo. Returns NULL, or what could not be done, with errno. */
const char *tun_open(struct tun *t, const char *address, int mtu);

#endif
