/* SPDX-License-Identifier: ISC */
#include "app/meter.h"

#include <stdio.h>
#include <string.h>

#define NUMBERS 36 /* columns of all that stands behind the name */
#define STALLED_MS 5000
#define SMOOTH 0.9 /* weight of the rate before */

void
qsp_meter_start(struct qsp_meter *m, const char *name, uint64_t size, uint64_t from, qsp_time now)
{
	*m = (struct qsp_meter){ .size = size,
				 .done = from,
				 .from = from,
				 .began = now,
				 .last = now,
				 .changed = now,
				 .last_done = from };
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
}

/* At most four digits and a unit: "9999", "  10KB". */
static void
put_size(char out[24], uint64_t n)
{
	static const char unit[] = " KMGTPE";
	unsigned i = 0;

	while (n >= 10000 && i < sizeof(unit) - 2) {
		n = n / 1024 + (n % 1024 >= 512);
		i++;
	}
	(void)snprintf(out, 24, "%4llu%c%s", (unsigned long long)n, unit[i], i ? "B" : " ");
}

static void
put_rate(char out[24], double rate)
{
	static const char unit[] = "KMGTP";
	unsigned i = 0;

	rate /= 1024;
	while (rate >= 1000 && i < sizeof(unit) - 2) {
		rate /= 1024;
		i++;
	}
	(void)snprintf(out, 24, "%5.1f%cB/s", rate, unit[i]);
}

static void
put_time(char out[24], uint64_t s)
{
	if (s >= 360000)
		(void)snprintf(out, 24, " --:-- ");
	else if (s >= 3600)
		(void)snprintf(out, 24, "%02llu:%02llu:%02llu", (unsigned long long)s / 3600,
			       (unsigned long long)s / 60 % 60, (unsigned long long)s % 60);
	else
		(void)snprintf(out, 24, "   %02llu:%02llu", (unsigned long long)s / 60,
			       (unsigned long long)s % 60);
}

static void
measure(struct qsp_meter *m, bool over, qsp_time now)
{
	double ms = (double)(now > m->last ? now - m->last : 0), rate;

	if (m->done != m->last_done)
		m->changed = now;
	if (over) {
		ms = (double)(now > m->began ? now - m->began : 1);
		m->rate = (double)(m->done - m->from) * 1000 / ms;
	} else if (ms > 0) {
		rate = (double)(m->done - m->last_done) * 1000 / ms;
		m->rate = m->rate > 0 ? m->rate * SMOOTH + rate * (1 - SMOOTH) : rate;
	}
	m->last = now;
	m->last_done = m->done;
}

void
qsp_meter_line(struct qsp_meter *m, unsigned width, bool over, qsp_time now,
	       char out[static QSP_METER_LINE_MAX])
{
	char size[24], rate[24], left[24];
	unsigned percent = 100;
	int room;

	measure(m, over, now);
	if (width > QSP_METER_LINE_MAX - 1)
		width = QSP_METER_LINE_MAX - 1;
	room = width > NUMBERS + 1 ? (int)(width - NUMBERS - 1) : 0;
	if (m->size > 0 && m->done < m->size)
		percent = (unsigned)((double)m->done * 100 / (double)m->size);
	put_size(size, m->done);
	put_rate(rate, m->rate);
	if (over)
		put_time(left, (now - m->began) / 1000);
	else if (now - m->changed >= STALLED_MS)
		(void)snprintf(left, sizeof(left), "- stalled -");
	else if (m->rate < 1 || m->done >= m->size)
		(void)snprintf(left, sizeof(left), "   --:--");
	else
		put_time(left, (uint64_t)((double)(m->size - m->done) / m->rate));
	(void)snprintf(out, QSP_METER_LINE_MAX, "%-*.*s %3u%% %s %s %s%s", room, room, m->name,
		       percent, size, rate, left,
		       over                               ? "    "
		       : strcmp(left, "- stalled -") == 0 ? " "
							  : " ETA");
	if (strlen(out) > width)
		out[width] = 0;
}
