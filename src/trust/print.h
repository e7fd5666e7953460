/* SPDX-License-Identifier: ISC */
/*
 * Key ids for people: qsp_key_print gives the fingerprint, here is its picture, which is easier to
 * recognise than 43 characters are.
 */
#ifndef QSP_TRUST_PRINT_H
#define QSP_TRUST_PRINT_H

#include <qsp/key.h>

#define QSP_PRINT_ART_MAX 256

/*
 * The walk of a bishop over 17 x 9 fields, two bits a step, framed; title (at most 17 characters, else
 * cut) stands in the upper edge. Eleven lines with a newline each but the last, and a NUL.
 */
void qsp_print_art(const uint8_t id[static QSP_KEY_ID_LEN], const char *title,
		   char out[static QSP_PRINT_ART_MAX]);

#endif
