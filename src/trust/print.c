/* SPDX-License-Identifier: ISC */
/*
 * The picture of a key id (Loss, Limmer, von Gernler, "The drunken bishop", 2009): the bishop starts
 * in the middle and moves diagonally, along the wall where there is one.
 */
#include "trust/print.h"

#include <string.h>

#define WIDTH 17
#define HEIGHT 9

/* By the number of visits; the last two are for start and end. */
static const char marks[] = " .o+=*BOX@%&#/^SE";
#define MARK_START (sizeof(marks) - 3)
#define MARK_END (sizeof(marks) - 2)

static unsigned
step(unsigned at, bool up, unsigned size)
{
	if (up)
		return at + 1 < size ? at + 1 : at;
	return at > 0 ? at - 1 : 0;
}

static char *
put_edge(char *p, const char *title)
{
	size_t n = strlen(title), left;

	if (n > WIDTH)
		n = WIDTH;
	left = (WIDTH - n) / 2;
	*p++ = '+';
	memset(p, '-', WIDTH);
	memcpy(p + left, title, n);
	p += WIDTH;
	*p++ = '+';
	return p;
}

void
qsp_print_art(const uint8_t id[static QSP_KEY_ID_LEN], const char *title,
	      char out[static QSP_PRINT_ART_MAX])
{
	uint8_t visits[HEIGHT][WIDTH] = { { 0 } };
	unsigned x = WIDTH / 2, y = HEIGHT / 2;
	char *p;

	for (size_t i = 0; i < QSP_KEY_ID_LEN; i++) {
		for (unsigned shift = 0; shift < 8; shift += 2) {
			unsigned two = (unsigned)id[i] >> shift & 3;

			x = step(x, two & 1, WIDTH);
			y = step(y, two & 2, HEIGHT);
			if (visits[y][x] < MARK_START - 1)
				visits[y][x]++;
		}
	}
	visits[HEIGHT / 2][WIDTH / 2] = MARK_START;
	visits[y][x] = MARK_END;
	p = put_edge(out, title);
	for (y = 0; y < HEIGHT; y++) {
		*p++ = '\n';
		*p++ = '|';
		for (x = 0; x < WIDTH; x++)
			*p++ = marks[visits[y][x]];
		*p++ = '|';
	}
	*p++ = '\n';
	p = put_edge(p, "[SHA3]");
	*p = '\0';
}
