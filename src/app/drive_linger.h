/* SPDX-License-Identifier: ISC */
/*
 * The end of a connection in stealth [P8.9]: slots of random bytes on its socket, for a while, when
 * keys and channels are gone. Part of drives, seen by drive*.c alone; the face of it is in drive.h.
 */
#ifndef QSP_APP_DRIVE_LINGER_H
#define QSP_APP_DRIVE_LINGER_H

#include "app/drive_impl.h"

struct qsp_drive_linger;

/* Takes the socket of d and what its slots go by; where memory is short d keeps them. */
void qsp_drive_linger_begin(struct qsp_drive *d);
void qsp_drive_linger_end_all(struct qsp_drive_pool *p);

#endif
