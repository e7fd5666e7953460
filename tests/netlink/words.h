/* SPDX-License-Identifier: ISC */
/*
 * What a link is told, on the command line and later:
 *
 *   delay=MS jitter=MS loss=PERCENT rate=MBIT queue=BYTES seed=N cut mend
 *
 * in front of each "a." for packets from a to b alone, or "b."; else both ways.
 */
#ifndef QSP_NETLINK_WORDS_H
#define QSP_NETLINK_WORDS_H

#include "way.h"

/* False where it is no such word; then nothing has changed. */
bool words_apply(struct way ways[2], const char *word);

#endif
